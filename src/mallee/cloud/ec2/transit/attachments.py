"""Attachments to transit gateways, of whatever kind: found, opened, ended, shown together.

Called through the action table, and by `vpcattachments` and `peerattachments`, which make them. An
attachment has two accounts, perhaps the same: who asked for it, and who answers; each has its own
tags. There is no sharing of gateways here: who knows a gateway's id may ask, as with peering, and
nothing passes before the other account has accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import transit
from mallee.model.network.transit import Attachment, Phase

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "tgw-attach"

AttachmentRecord = Record[Attachment, None]


@dataclass(frozen=True, slots=True)
class Sight:
    """An attachment as a gateway's owner, or the owner of what is attached, sees it."""

    record: AttachmentRecord
    gateway_id: str
    """The end that it is seen from."""
    tags: dict[str, str]

    @property
    def id(self) -> str:
        """The attachment's id."""
        return self.record.id

    @property
    def key(self) -> str:
        """What tells two sights of one attachment from each other."""
        return f"{self.record.id} {self.gateway_id}"


def sight(call: Call, record: AttachmentRecord) -> Sight:
    """Return how the caller sees it, from the gateway that was asked."""
    return Sight(record, record.doc.gateway_id, tags_of(call, record.doc))


def one(call: Call, id: str) -> AttachmentRecord:
    """Return an attachment in which the caller has a part; raise `…Malformed` or `…NotFound`."""
    return several(call, (id,))[0]


def several(call: Call, asked: Iterable[str]) -> list[AttachmentRecord]:
    """Return the attachments of those ids, each once, in the order asked for."""
    view = resources.reader(call)
    found: list[AttachmentRecord] = []
    missing: list[str] = []
    for id in dict.fromkeys(asked):
        if not ids.is_well_formed(id, PREFIX):
            raise errors.InvalidTransitGatewayAttachmentIDMalformed(id)
        record = view.get(records.TRANSIT_ATTACHMENT, id)
        if record is None or not is_shown(call, record):
            missing.append(id)
        else:
            found.append(record)
    if missing:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(", ".join(missing))
    return found


def listed(call: Call, asked: Iterable[str]) -> list[AttachmentRecord]:
    """Return those of the ids, or all in which the caller has a part."""
    named = list(asked)
    if named:
        return several(call, named)
    own = call.view.by(records.TRANSIT_ATTACHMENT, "account", call.account)
    return sorted((it for it in own if is_shown(call, it)), key=lambda it: it.id)


def is_shown(call: Call, record: AttachmentRecord) -> bool:
    """Tell whether the caller is shown it."""
    doc = record.doc
    is_his = call.account in (doc.account, doc.other_account)
    return is_his and not is_forgotten(doc, call.now)


def is_forgotten(doc: Attachment, now: float) -> bool:
    """Tell whether it has been over for so long that nobody is shown it any more."""
    return transit.is_forgotten(doc.since if doc.phase in transit.OVER else None, now)


def at_gateway(call: Call, id: str, gateway_id: str) -> AttachmentRecord:
    """Return an open attachment to that gateway; raise `…NotFound` or `IncorrectState`."""
    found = one(call, id)
    ends = {found.doc.gateway_id, found.doc.peer.gateway_id if found.doc.peer else ""}
    if gateway_id not in ends:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(id)
    check_open(found)
    return found


def check_open(record: AttachmentRecord) -> None:
    """Raise `IncorrectState` for one through which nothing passes."""
    if record.doc.phase is not Phase.OPEN:
        raise errors.IncorrectState(f"{record.id} is in invalid state")


def answered(call: WriteCall, record: AttachmentRecord) -> AttachmentRecord:
    """Return a requested attachment that the caller may accept or reject."""
    if call.account != record.doc.other_account:
        raise errors.OperationNotPermittedOnPeering(
            f"{record.id} is {record.doc.other_account}'s to answer."
        )
    if record.doc.phase is not Phase.REQUESTED:
        raise errors.IncorrectState(f"{record.id} is in invalid state")
    return record


def opened(tx: store.Tx, doc: Attachment, now: float) -> Attachment:
    """Return an attachment that is open from now on, with the defaults of its gateways."""
    doc = replace(doc, phase=Phase.OPEN, since=now)
    gateway = tx.get(records.TRANSIT_GATEWAY, doc.gateway_id)
    if gateway is not None:
        doc = replace(doc, table_id=gateway.doc.association_table_id)
        default = gateway.doc.propagation_table_id
        if doc.vpc is not None and default:
            doc = replace(doc, propagated_to=(default,))
    peer = tx.get(records.TRANSIT_GATEWAY, doc.peer.gateway_id) if doc.peer else None
    if doc.peer is not None and peer is not None:
        table_id = peer.doc.association_table_id
        doc = replace(doc, peer=replace(doc.peer, table_id=table_id))
    return doc


def ended(doc: Attachment, phase: Phase, now: float) -> Attachment:
    """Return an attachment through which nothing passes from now on."""
    peer = replace(doc.peer, table_id="") if doc.peer is not None else None
    return replace(doc, phase=phase, since=now, table_id="", propagated_to=(), peer=peer)


def resource(doc: Attachment, gateway_id: str) -> tuple[str, str, str]:
    """Return type, id and owner of what is attached, as that gateway sees it."""
    if doc.vpc is not None:
        return "vpc", doc.vpc.vpc_id, doc.account
    assert doc.peer is not None
    if gateway_id == doc.gateway_id:
        return "peering", doc.peer.gateway_id, doc.peer.account
    return "peering", doc.gateway_id, doc.gateway_account


def tags_of(call: Call, doc: Attachment) -> dict[str, str]:
    """Return the caller's tags: each account has its own."""
    return doc.tags if call.account == doc.account else doc.other_tags


def with_tags(call: Call, doc: Attachment, tags: dict[str, str]) -> Attachment:
    """Return the attachment with these tags of the caller's."""
    if call.account == doc.account:
        return replace(doc, tags=tags)
    return replace(doc, other_tags=tags)


def _find(call: Call, request: shapes.DescribeTransitGatewayAttachmentsRequest) -> Iterable[Sight]:
    """Yield the caller's ends: of a peering between his own gateways there are two."""
    for record in listed(call, request.get("TransitGatewayAttachmentIds") or ()):
        doc, tags = record.doc, tags_of(call, record.doc)
        if doc.peer is None or doc.gateway_account == call.account:
            yield Sight(record, doc.gateway_id, tags)
        if doc.peer is not None and doc.peer.account == call.account:
            yield Sight(record, doc.peer.gateway_id, tags)


def _render(call: Call, sight: Sight) -> shapes.TransitGatewayAttachment:
    doc, gateway_id = sight.record.doc, sight.gateway_id
    kind, resource_id, owner = resource(doc, gateway_id)
    is_own_end = gateway_id == doc.gateway_id
    shown: Any = {
        "TransitGatewayAttachmentId": sight.id,
        "TransitGatewayId": gateway_id,
        "TransitGatewayOwnerId": (
            doc.gateway_account if is_own_end or doc.peer is None else doc.peer.account
        ),
        "ResourceOwnerId": owner,
        "ResourceType": kind,
        "ResourceId": resource_id,
        "State": doc.state(call.now),
        "CreationTime": doc.created_at,
        "Tags": tagset.shown(sight.tags),
    }
    table_id = doc.table_of(gateway_id)
    if table_id:
        shown["Association"] = {"TransitGatewayRouteTableId": table_id, "State": "associated"}
    return shown


def _shown(member: str, part: str = "") -> Callable[[Call, Sight], Iterable[str]]:
    """Return a filter by a member as it is shown, or by a part of it."""

    def values(call: Call, sight: Sight) -> Iterable[str]:
        value: Any = dict(_render(call, sight)).get(member)
        if part and value is not None:
            value = value.get(part)
        return () if value is None else (str(value),)

    return values


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeTransitGatewayAttachments",
        does=Listing(
            find=_find,
            render=_render,
            member="TransitGatewayAttachments",
            filters={
                "association.state": _shown("Association", "State"),
                "association.transit-gateway-route-table-id": _shown(
                    "Association", "TransitGatewayRouteTableId"
                ),
                "resource-id": _shown("ResourceId"),
                "resource-owner-id": _shown("ResourceOwnerId"),
                "resource-type": _shown("ResourceType"),
                "state": _shown("State"),
                "transit-gateway-attachment-id": lambda call, it: (it.id,),
                "transit-gateway-id": lambda call, it: (it.gateway_id,),
                "transit-gateway-owner-id": _shown("TransitGatewayOwnerId"),
            },
            tags=lambda it: it.tags,
            key=lambda it: it.key,
        ),
        honours=frozenset({"TransitGatewayAttachmentIds"}),
    ),
)
