"""DescribeTags: the tags of every kind of thing in the registry, and of parts of things.

Called through the action table. Tags are looked up where they are, in the things' own records: a
page, or the tags of things named, are found without a look at all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mallee.cloud import listing
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.transit import attachments
from mallee.cloud.ec2.vpc import subnetreservations
from mallee.cloud.ec2.vpc.groups import securitygrouprules
from mallee.cloud.ec2.vpc.routing import peerings
from mallee.cloud.state import index, records
from mallee.cloud.state.records import Kind, Record

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_SEPARATOR = "\0"
"""No text that comes in a request has it."""


class Labelled(NamedTuple):
    """One tag of one thing."""

    resource_type: str
    order: str
    """What the thing is ordered by among those of its type; ends with its id."""
    key: str
    value: str

    @property
    def resource_id(self) -> str:
        """The id of the thing."""
        return index.id_in(self.order)

    @property
    def id(self) -> str:
        """What tags are ordered by."""
        return _SEPARATOR.join((self.resource_type, self.order, self.key))


@dataclass(frozen=True, slots=True)
class _Labels:
    """All tags of an account, or those of some types of things, of which a page can be taken."""

    call: Call
    types: Iterable[str]
    values: frozenset[str] | None
    """With which values alone; None: with any."""

    def __iter__(self) -> Iterator[Labelled]:
        return self._all("", is_page=False)

    def after(self, key: str, /) -> Iterator[Labelled]:
        """Return those after the last one shown."""
        return self._all(key, is_page=True)

    def _all(self, key: str, *, is_page: bool) -> Iterator[Labelled]:
        """Yield those after the last one shown; in the order of pages only where it matters."""
        last_type, order, tag = key.split(_SEPARATOR) if key else ("", "", "")
        for name in sorted(self.types):
            if name > last_type:
                yield from self._after(name, ("", ""), is_page=is_page)
            elif name == last_type:
                yield from self._after(name, (order, tag), is_page=is_page)

    def _after(self, name: str, last: tuple[str, str], *, is_page: bool) -> Iterator[Labelled]:
        """Yield the tags of things of one type, after the last one shown of it."""
        call, kind = self.call, _KINDS.get(name)
        order, tag = last
        if kind is None:
            yield from (item for item in sorted(_PARTS[name](call)) if item[1:3] > last)
            return
        begun = call.view.get(kind, index.id_in(order)) if order else None
        if begun is not None and begun.account == call.account:
            yield from (item for item in _of((begun,)) if item.key > tag)
        ordered = call.view.ordered(kind, call.account)
        found = ordered.after(order) if is_page else ordered
        yield from _of(found if self.values is None else filter(self._may_fit, found))

    def _may_fit(self, record: Record[Any, Any]) -> bool:
        return self.values is None or not self.values.isdisjoint(record.doc.tags.values())


def _of(found: Iterable[Record[Any, Any]]) -> Iterator[Labelled]:
    for record in found:
        tags: Mapping[str, str] = record.doc.tags
        if tags and getattr(record.doc, "binned", None) is None:
            name, order = record.kind.name, index.order_key(record)
            for key in sorted(tags):
                yield Labelled(name, order, key, tags[key])


def _of_rules(call: Call) -> Iterator[Labelled]:
    for group in call.view.list(records.SECURITY_GROUP, call.account):
        for rule in group.doc.rules:
            for key, value in rule.tags.items():
                yield Labelled(securitygrouprules.RULE, rule.id, key, value)


def _of_peerings(call: Call) -> Iterator[Labelled]:
    for peering in call.view.by(records.PEERING, "account", call.account):
        for key, value in peerings.tags_of(call, peering.doc).items():
            yield Labelled(records.PEERING.name, peering.id, key, value)


def _of_attachments(call: Call) -> Iterator[Labelled]:
    for attachment in call.view.by(records.TRANSIT_ATTACHMENT, "account", call.account):
        for key, value in attachments.tags_of(call, attachment.doc).items():
            yield Labelled(records.TRANSIT_ATTACHMENT.name, attachment.id, key, value)


def _of_reservations(call: Call) -> Iterator[Labelled]:
    for subnet in call.view.list(records.SUBNET, call.account):
        for reservation in subnet.doc.reservations:
            for key, value in reservation.tags.items():
                yield Labelled(subnetreservations.TYPE, reservation.id, key, value)


_KINDS: Mapping[str, Kind[Any, Any]] = {
    resource.kind.name: resource.kind for resource in resources.REGISTRY
}
_PARTS: Mapping[str, Callable[[Call], Iterator[Labelled]]] = {
    securitygrouprules.RULE: _of_rules,
    records.PEERING.name: _of_peerings,
    records.TRANSIT_ATTACHMENT.name: _of_attachments,
    subnetreservations.TYPE: _of_reservations,
}
"""By type: tags of what is not the caller's own record, or no record of its own."""


def _find(call: Call, request: Request) -> Iterable[Labelled]:
    types = {*_KINDS, *_PARTS}
    asked_types = listing.exact(request, "resource-type")
    if asked_types is not None:
        types &= asked_types
    asked_ids = listing.exact(request, "resource-id")
    if asked_ids is None:
        return _Labels(call, types, listing.exact(request, "value"))
    found: list[Labelled] = []
    for name in types:
        kind = _KINDS.get(name)
        if kind is None:
            found += _PARTS[name](call)
        else:
            those = (call.view.get(kind, id) for id in asked_ids)
            found += _of(one for one in those if one and one.account == call.account)
    return found


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
