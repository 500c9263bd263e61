"""Locks of rules: a locked rule is changed by nobody, and who unlocks it waits for days.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.rbin import naming, rules
from mallee.model.storage import recycling
from mallee.model.storage.recycling import DAY_S, Lock

if TYPE_CHECKING:
    from mallee.aws.types import rbin as shapes


def lock(call: WriteCall, asked: shapes.LockRuleRequest) -> Result:
    """Lock a rule; one that waits to be unlocked is locked again."""
    record = naming.find(call, asked["Identifier"])
    rule = record.doc
    if rule.is_locked:
        raise errors.rbin.ConflictException(f"The retention rule {rule.id} is locked already.")
    if rule.with_tags:
        raise errors.rbin.ValidationException("Only rules without ResourceTags can be locked.")
    days = asked["LockConfiguration"]["UnlockDelay"]["UnlockDelayValue"]
    locked = replace(rule, is_locked=True, unlock_days=days, unlocked_at=None)
    return rules.shown(call, call.tx.write(record, locked))


def unlock(call: WriteCall, asked: shapes.UnlockRuleRequest) -> Result:
    """Begin the wait after which a rule can be changed."""
    record = naming.find(call, asked["Identifier"])
    rule = record.doc
    if recycling.lock_of(rule, call.now) is not Lock.LOCKED or rule.unlock_days is None:
        raise errors.rbin.ConflictException(f"The retention rule {rule.id} is not locked.")
    until = call.tx.now + rule.unlock_days * DAY_S
    written = call.tx.write(record, replace(rule, is_locked=False, unlocked_at=until))
    return {**rules.shown(call, written), "LockEndTime": until}


ACTIONS = (
    naming.of_rule("LockRule", Write(handle=lock), "Identifier", "LockConfiguration"),
    naming.of_rule("UnlockRule", Write(handle=unlock), "Identifier"),
)
