"""CreateTags and DeleteTags, over every kind of thing in the registry; `taglisting` shows tags.

Called through the action table. A thing is found by its id's prefix; the rules of a security group
have tags of their own inside their group's document. What a tag may be is `tagset`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.transit import attachments
from mallee.cloud.ec2.vpc import subnetreservations
from mallee.cloud.ec2.vpc.routing import peerings
from mallee.cloud.state import records
from mallee.model import ids

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

Tags = dict[str, str]
Change = Callable[[Mapping[str, str]], Tags]

RULE_PREFIX = "sgr"


def create_tags(call: WriteCall, request: shapes.CreateTagsRequest) -> Result:
    """Add tags to things, or replace the values of those they have."""
    new = tagset.checked(request["Tags"])
    if not new:
        raise errors.MissingParameter("Tags")

    def add(current: Mapping[str, str]) -> Tags:
        changed = {**current, **new}
        if len(changed) > tagset.MAX_TAGS:
            raise errors.TagLimitExceeded
        return changed

    _change_each(call, request["Resources"], add)
    return {}


def delete_tags(call: WriteCall, request: shapes.DeleteTagsRequest) -> Result:
    """Remove tags: by key, by key and value, or all of the user's own when none is named."""
    doomed = request.get("Tags") or []
    tagset.check_own(tag.get("Key", "") for tag in doomed)

    def remove(current: Mapping[str, str]) -> Tags:
        return {
            key: value
            for key, value in current.items()
            if not (tagset.is_own(key) and _is_doomed(doomed, key, value))
        }

    _change_each(call, request["Resources"], remove)
    return {}


def _is_doomed(doomed: Sequence[shapes.Tag], key: str, value: str) -> bool:
    named = any(tag.get("Key") == key and tag.get("Value", value) == value for tag in doomed)
    return named or not doomed


def _change_each(call: WriteCall, resource_ids: Iterable[str], change: Change) -> None:
    for id in dict.fromkeys(resource_ids):
        if ids.is_well_formed(id, RULE_PREFIX):
            _change_rule(call, id, change)
            continue
        prefix = ids.prefix_of(id)
        if prefix in _OTHERS:
            _OTHERS[prefix](call, id, change)
            continue
        if prefix not in resources.BY_PREFIX:
            raise errors.InvalidID(id)
        record = resources.one(call, resources.BY_PREFIX[prefix].kind, id)
        call.tx.write(record, msgspec.structs.replace(record.doc, tags=change(record.doc.tags)))


def _change_peering(call: WriteCall, id: str, change: Change) -> None:
    """Change the caller's tags of a peering connection: the other side has its own."""
    record = peerings.one(call, id)
    tags = change(peerings.tags_of(call, record.doc))
    call.tx.write(record, peerings.with_tags(call, record.doc, tags))


def _change_attachment(call: WriteCall, id: str, change: Change) -> None:
    """Change the caller's tags of an attachment to a transit gateway, likewise."""
    record = attachments.one(call, id)
    tags = change(attachments.tags_of(call, record.doc))
    call.tx.write(record, attachments.with_tags(call, record.doc, tags))


def _change_reservation(call: WriteCall, id: str, change: Change) -> None:
    for subnet in call.tx.by(records.SUBNET, "reservation", id):
        if subnet.account == call.account:
            changed = tuple(
                msgspec.structs.replace(it, tags=change(it.tags)) if it.id == id else it
                for it in subnet.doc.reservations
            )
            call.tx.write(subnet, msgspec.structs.replace(subnet.doc, reservations=changed))
            return
    raise errors.InvalidSubnetCidrReservationIDNotFound(id)


_OTHERS: Mapping[str, Callable[[WriteCall, str, Change], None]] = {
    "pcx": _change_peering,
    attachments.PREFIX: _change_attachment,
    subnetreservations.PREFIX: _change_reservation,
}
"""By id prefix: what is not the caller's own record, or no record of its own."""


def _change_rule(call: WriteCall, id: str, change: Change) -> None:
    for group in call.tx.list(records.SECURITY_GROUP, call.account):
        if any(rule.id == id for rule in group.doc.rules):
            rules = tuple(
                msgspec.structs.replace(rule, tags=change(rule.tags)) if rule.id == id else rule
                for rule in group.doc.rules
            )
            call.tx.write(group, msgspec.structs.replace(group.doc, rules=rules))
            return
    raise errors.InvalidSecurityGroupRuleIdNotFound(id)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTags",
        does=Write(handle=create_tags),
        honours=frozenset({"Resources", "Tags"}),
    ),
    Action(
        service="ec2",
        name="DeleteTags",
        does=Write(handle=delete_tags),
        honours=frozenset({"Resources", "Tags"}),
    ),
)
