"""CreateTags, DeleteTags and DescribeTags, over every kind of thing in the registry.

Called through the action table. A thing is found by its id's prefix; the rules of a security group
have tags of their own inside their group's document. What a tag may be is `tagset`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc import peerings, securitygrouprules, subnetreservations
from mallee.cloud.state import records
from mallee.model import ids

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

Tags = dict[str, str]
Change = Callable[[Mapping[str, str]], Tags]

RULE_PREFIX = "sgr"


@dataclass(frozen=True, slots=True)
class Labelled:
    """One tag of one thing."""

    resource_id: str
    resource_type: str
    key: str
    value: str

    @property
    def id(self) -> str:
        """Orders tags for paging."""
        return f"{self.resource_id}/{self.key}"


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
    """Remove tags: by key, by key and value, or all when none is named."""
    doomed = request.get("Tags") or []

    def remove(current: Mapping[str, str]) -> Tags:
        if not doomed:
            return {}
        return {
            key: value
            for key, value in current.items()
            if not any(tag.get("Key") == key and tag.get("Value", value) == value for tag in doomed)
        }

    _change_each(call, request["Resources"], remove)
    return {}


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


def _find(call: Call, request: Request) -> Iterable[Labelled]:
    kinds = {resource.kind.name: resource.kind for resource in resources.REGISTRY}
    for kind in kinds.values():
        for record in call.view.list(kind, call.account):
            own: Tags = record.doc.tags
            for key, value in own.items():
                yield Labelled(record.id, kind.name, key, value)
    for group in call.view.list(records.SECURITY_GROUP, call.account):
        for rule in group.doc.rules:
            for key, value in rule.tags.items():
                yield Labelled(rule.id, securitygrouprules.RULE, key, value)
    for peering in call.view.by(records.PEERING, "account", call.account):
        for key, value in peerings.tags_of(call, peering.doc).items():
            yield Labelled(peering.id, records.PEERING.name, key, value)
    for subnet in call.view.list(records.SUBNET, call.account):
        for reservation in subnet.doc.reservations:
            for key, value in reservation.tags.items():
                yield Labelled(reservation.id, subnetreservations.TYPE, key, value)


def _render(call: Call, item: Labelled) -> shapes.TagDescription:
    return {
        "ResourceId": item.resource_id,
        "ResourceType": item.resource_type,
        "Key": item.key,
        "Value": item.value,
    }


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
    Action(
        service="ec2",
        name="DescribeTags",
        does=Listing(
            find=_find,
            render=_render,
            member="Tags",
            filters={
                "key": lambda call, item: (item.key,),
                "value": lambda call, item: (item.value,),
                "resource-id": lambda call, item: (item.resource_id,),
                "resource-type": lambda call, item: (item.resource_type,),
            },
            tags=lambda item: {item.key: item.value},
        ),
        honours=frozenset(),
    ),
)
