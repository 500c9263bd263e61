"""Rules of the recycle bin: made, shown, listed, changed, deleted.

Called through the action table. A rule holds for what is deleted from now on; what is in the bin
stays as long as was said when it came there. Not its business: the bin (`ec2.recyclebin`), and
locks, but that a locked rule is not changed (`locks`).
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.rbin import naming, tags
from mallee.cloud.rbin.naming import RuleRecord
from mallee.cloud.state import records
from mallee.model.storage import recycling
from mallee.model.storage.recycling import DAYS_MAX, Kind, Lock, Rule, Tag

if TYPE_CHECKING:
    from mallee.aws.types import rbin as shapes

RULES_MAX = 250
"""Of an account."""
WITHOUT_MAX = 5
AVAILABLE = "available"

_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 11


def create(call: WriteCall, asked: shapes.CreateRuleRequest) -> Result:
    """Make a rule, which holds at once."""
    kind = Kind(asked["ResourceType"])
    if len(call.tx.list(records.RECYCLE_RULE, call.account)) >= RULES_MAX:
        raise errors.rbin.ServiceQuotaExceededException(
            f"An account has {RULES_MAX} retention rules at most."
        )
    lock = asked.get("LockConfiguration")
    rule = Rule(
        id="".join(_LETTERS[byte % len(_LETTERS)] for byte in call.entropy(_ID_LENGTH)),
        kind=kind,
        days=_days(kind, asked["RetentionPeriod"]),
        description=asked.get("Description", ""),
        with_tags=_tags(asked.get("ResourceTags")),
        without_tags=_tags(asked.get("ExcludeResourceTags")),
        unlock_days=lock["UnlockDelay"]["UnlockDelayValue"] if lock else None,
        is_locked=lock is not None,
        created_at=call.now,
        tags=tags.checked({}, asked.get("Tags") or ()),
    )
    _check(rule)
    record = call.tx.insert(records.RECYCLE_RULE, call.account, rule.id, rule)
    return {**shown(call, record), "Tags": tags.shown(rule.tags)}


def _days(kind: Kind, period: Request) -> int:
    days: int = period["RetentionPeriodValue"]
    if days > DAYS_MAX[kind]:
        raise errors.rbin.ValidationException(
            f"The retention period of {kind.value} is from 1 to {DAYS_MAX[kind]} days."
        )
    return days


def _tags(given: Iterable[Request] | None) -> tuple[Tag, ...]:
    return tuple(Tag(one["ResourceTagKey"], one.get("ResourceTagValue")) for one in given or ())


def _check(rule: Rule) -> None:
    if rule.with_tags and rule.without_tags:
        raise errors.rbin.ValidationException(
            "ExcludeResourceTags is for rules of the whole region; one with ResourceTags is about "
            "what has those."
        )
    if rule.with_tags and rule.is_locked:
        raise errors.rbin.ValidationException("Only rules without ResourceTags can be locked.")


def get(call: Call, asked: shapes.GetRuleRequest) -> Result:
    """Show a rule."""
    record = naming.find(call, asked["Identifier"])
    return {**shown(call, record), **_lock_end(record)}


def update(call: WriteCall, asked: shapes.UpdateRuleRequest) -> Result:
    """Change what a rule says; what is not given stays."""
    record = changeable(call, asked["Identifier"])
    rule = record.doc
    if asked.get("ResourceType", rule.kind.value) != rule.kind.value:
        raise errors.rbin.ValidationException(
            "The resource type of a rule cannot be changed. Make another rule."
        )
    if "RetentionPeriod" in asked:
        rule = replace(rule, days=_days(rule.kind, asked["RetentionPeriod"]))
    if "Description" in asked:
        rule = replace(rule, description=asked["Description"])
    if "ResourceTags" in asked:
        rule = replace(rule, with_tags=_tags(asked["ResourceTags"]))
    if "ExcludeResourceTags" in asked:
        rule = replace(rule, without_tags=_tags(asked["ExcludeResourceTags"]))
    _check(rule)
    written = call.tx.write(record, rule)
    told: dict[str, Any] = {**shown(call, written), **_lock_end(written)}
    told.pop("LockConfiguration", None)
    return told


def delete(call: WriteCall, asked: shapes.DeleteRuleRequest) -> Result:
    """Let nothing more be kept by a rule; what is in the bin stays its time."""
    call.tx.delete(changeable(call, asked["Identifier"]))
    return {}


def changeable(call: WriteCall, id: str) -> RuleRecord:
    """Return a rule of the caller's that is not locked; raise `ConflictException`."""
    record = naming.find(call, id)
    state = recycling.lock_of(record.doc, call.now)
    if state in (Lock.LOCKED, Lock.PENDING):
        raise errors.rbin.ConflictException(
            f"The retention rule {id} is {state.value} and cannot be changed or deleted."
        )
    return record


def shown(call: Call, record: RuleRecord) -> dict[str, Any]:
    """Return a rule as most actions show it."""
    rule = record.doc
    return {
        **_summary(call, record),
        "ResourceType": rule.kind.value,
        "ResourceTags": list(_shown_tags(rule.with_tags)),
        "ExcludeResourceTags": list(_shown_tags(rule.without_tags)),
        "Status": AVAILABLE,
        "LockConfiguration": _lock_shown(rule),
    }


def _summary(call: Call, record: RuleRecord) -> dict[str, Any]:
    rule = record.doc
    state = recycling.lock_of(rule, call.now)
    return {
        "Identifier": record.id,
        "Description": rule.description,
        "RetentionPeriod": {"RetentionPeriodValue": rule.days, "RetentionPeriodUnit": "DAYS"},
        "LockState": state.value if state else None,
        "RuleArn": naming.arn(call, record.id),
    }


def _lock_shown(rule: Rule) -> dict[str, Any] | None:
    if rule.unlock_days is None:
        return None
    return {"UnlockDelay": {"UnlockDelayValue": rule.unlock_days, "UnlockDelayUnit": "DAYS"}}


def _lock_end(record: RuleRecord) -> dict[str, Any]:
    is_waiting = not record.doc.is_locked and record.doc.unlocked_at is not None
    return {"LockEndTime": record.doc.unlocked_at} if is_waiting else {}


def _shown_tags(given: Iterable[Tag]) -> Iterator[dict[str, Any]]:
    for tag in given:
        yield {"ResourceTagKey": tag.key, "ResourceTagValue": tag.value}


def _find(call: Call, asked: shapes.ListRulesRequest) -> list[RuleRecord]:
    kind = Kind(asked["ResourceType"])
    own = resources.reader(call).list(records.RECYCLE_RULE, call.account)
    return sorted(
        (record for record in own if record.doc.kind is kind and _is_asked(call, record, asked)),
        key=lambda record: record.id,
    )


def _is_asked(call: Call, record: RuleRecord, asked: shapes.ListRulesRequest) -> bool:
    rule = record.doc
    state = recycling.lock_of(rule, call.now)
    if "LockState" in asked and (state or Lock.UNLOCKED).value != asked["LockState"]:
        return False
    wanted = (
        (rule.with_tags, _tags(asked.get("ResourceTags"))),
        (rule.without_tags, _tags(asked.get("ExcludeResourceTags"))),
    )
    return all(_names(has, tag) for has, tags in wanted for tag in tags)


def _names(has: Iterable[Tag], wanted: Tag) -> bool:
    return any(
        tag.key == wanted.key and (wanted.value is None or tag.value == wanted.value) for tag in has
    )


def _also(call: Call, asked: Request) -> Iterator[str]:
    """Yield what making a rule with tags, or a lock, takes besides."""
    if asked.get("Tags"):
        yield "rbin:TagResource"
    if asked.get("LockConfiguration"):
        yield "rbin:LockRule"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="rbin",
        name="CreateRule",
        does=Write(handle=create),
        honours=frozenset(
            {
                "Description",
                "ExcludeResourceTags",
                "LockConfiguration",
                "ResourceTags",
                "ResourceType",
                "RetentionPeriod",
                "Tags",
            }
        ),
        resources=naming.any_rule,
        also=_also,
    ),
    naming.of_rule("GetRule", Read(handle=get), "Identifier"),
    Action(
        service="rbin",
        name="ListRules",
        does=Listing(
            find=_find, render=_summary, member="Rules", filters={}, max_results=(1, 1000)
        ),
        honours=frozenset({"ExcludeResourceTags", "LockState", "ResourceTags", "ResourceType"}),
    ),
    naming.of_rule(
        "UpdateRule",
        Write(handle=update),
        "Description",
        "ExcludeResourceTags",
        "Identifier",
        "ResourceTags",
        "ResourceType",
        "RetentionPeriod",
    ),
    naming.of_rule("DeleteRule", Write(handle=delete), "Identifier"),
)
