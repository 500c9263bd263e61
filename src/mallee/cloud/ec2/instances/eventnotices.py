"""Notices of scheduled events: a mail to whoever answers for the account, and which tags it tells.

Called through the action table, and by `admin.events` when an event is scheduled or taken back. An
account without a mail address is told nothing. How mails leave is `reconcile.mails`' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import mails
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import accountsettings, resources
from mallee.cloud.ec2.instances.events import EventRecord
from mallee.cloud.state import records
from mallee.model.compute.events import Outcome
from mallee.model.identity.accountsettings import EventTags

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

KEYS_MAX = 50
TOLD_MAX = 100
"""Instances that one mail names; of more the number is told."""


def register(
    call: WriteCall, request: shapes.RegisterInstanceEventNotificationAttributesRequest
) -> shapes.RegisterInstanceEventNotificationAttributesResult:
    """Tell these tags too, or all of them."""
    keys, includes_all = _asked(request)
    told = accountsettings.of(call.tx, call.account).event_tags
    told = EventTags(keys=tuple(dict.fromkeys((*told.keys, *keys))), all=told.all or includes_all)
    if len(told.keys) > KEYS_MAX:
        raise errors.InvalidParameterValue(f"There may be at most {KEYS_MAX} tag keys.")
    return {"InstanceTagAttribute": _write(call, told)}


def deregister(
    call: WriteCall, request: shapes.DeregisterInstanceEventNotificationAttributesRequest
) -> shapes.DeregisterInstanceEventNotificationAttributesResult:
    """Tell these tags no more, or none of them."""
    keys, includes_all = _asked(request)
    told = accountsettings.of(call.tx, call.account).event_tags
    kept = () if includes_all else tuple(key for key in told.keys if key not in keys)
    return {
        "InstanceTagAttribute": _write(
            call, EventTags(keys=kept, all=told.all and not includes_all)
        )
    }


def describe(
    call: Call, _: shapes.DescribeInstanceEventNotificationAttributesRequest
) -> shapes.DescribeInstanceEventNotificationAttributesResult:
    """Say which tags are told."""
    return {"InstanceTagAttribute": _shown(accountsettings.of(call.view, call.account).event_tags)}


def _asked(request: Request) -> tuple[Sequence[str], bool]:
    asked = request["InstanceTagAttribute"]
    keys: list[str] = asked.get("InstanceTagKeys") or []
    includes_all: bool = asked.get("IncludeAllTagsOfInstance", False)
    if bool(keys) is includes_all:
        raise errors.InvalidParameterCombination(
            "Give either InstanceTagKeys or IncludeAllTagsOfInstance."
        )
    return keys, includes_all


def _write(call: WriteCall, told: EventTags) -> shapes.InstanceTagNotificationAttribute:
    settings = accountsettings.of(call.tx, call.account)
    accountsettings.write(call.tx, call.account, replace(settings, event_tags=told))
    return _shown(told)


def _shown(told: EventTags) -> shapes.InstanceTagNotificationAttribute:
    return {"InstanceTagKeys": list(told.keys), "IncludeAllTagsOfInstance": told.all}


def send(call: WriteCall, made: Iterable[EventRecord]) -> None:
    """Write to each account what was scheduled for its instances, or taken back: one mail each."""
    by_account: dict[str, list[EventRecord]] = {}
    for record in made:
        by_account.setdefault(record.account, []).append(record)
    for account_id, events in by_account.items():
        account = call.tx.get(records.ACCOUNT, account_id)
        if account is None or account.doc.email is None:
            continue
        is_over = events[0].doc.outcome is Outcome.CANCELED
        lines = [_line(call, event) for event in events[:TOLD_MAX]]
        more = len(events) - len(lines)
        mails.send(
            call,
            mails.Letter(
                recipient=account.doc.email,
                subject="A scheduled event was canceled" if is_over else "A scheduled event",
                paragraphs=(
                    f"{events[0].doc.description}. This is about the account {account.doc.name} "
                    f"({account_id}).",
                    *(("It was canceled: nothing will be done.",) if is_over else ()),
                    "\n".join(lines),
                    *((f"And {more} more.",) if more else ()),
                    "See: aws ec2 describe-instance-status --include-all-instances",
                ),
            ),
        )


def _line(call: WriteCall, record: EventRecord) -> str:
    event = record.doc
    instance = call.tx.get(records.INSTANCE, event.instance_id)
    tags = instance.doc.tags if instance else {}
    wanted = accountsettings.of(call.tx, record.account).event_tags
    told = {key: value for key, value in tags.items() if wanted.all or key in wanted.keys}
    shown = "".join(f", {key}={value}" for key, value in sorted(told.items()))
    return f"{event.instance_id}: {event.code.value} at {resources.moment(event.not_before)}{shown}"


ACTIONS: tuple[Action, ...] = (
    *(
        Action(
            service="ec2",
            name=name,
            does=Write(handle=handle),
            honours=frozenset(
                {
                    "InstanceTagAttribute.IncludeAllTagsOfInstance",
                    "InstanceTagAttribute.InstanceTagKeys",
                }
            ),
        )
        for name, handle in (
            ("RegisterInstanceEventNotificationAttributes", register),
            ("DeregisterInstanceEventNotificationAttributes", deregister),
        )
    ),
    Action(
        service="ec2",
        name="DescribeInstanceEventNotificationAttributes",
        does=Read(handle=describe),
        honours=frozenset(),
    ),
)
