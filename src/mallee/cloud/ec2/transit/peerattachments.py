"""Attachments between two transit gateways: asked for by one, accepted or rejected by the other.

Called through the action table. Both gateways are of this cloud, which is one region; only static
routes lead through a peering. What all attachments share is `attachments`' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.transit import attachments, transitgateways
from mallee.cloud.ec2.transit.attachments import AttachmentRecord, Sight
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network import transit
from mallee.model.network.transit import Attachment, GatewayEnd, Phase

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_GATEWAY = 50

_WORDS = {
    Phase.REQUESTED: "Pending Acceptance by {}",
    Phase.OPEN: "Available",
    Phase.REJECTED: "Rejected by {}",
    Phase.FAILED: "Failed due to an incorrect transit gateway or account",
    Phase.DELETED: "Deleted",
}


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayPeeringAttachmentRequest
) -> shapes.CreateTransitGatewayPeeringAttachmentResult:
    """Ask another gateway for a peering; where there is none it has failed at once."""
    gateway = transitgateways.one(call, request["TransitGatewayId"])
    if request["PeerRegion"] != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({request['PeerRegion']}) for parameter PeerRegion is invalid. This cloud is "
            f"the region {call.settings.region}."
        )
    peer_id = resources.check_form(records.TRANSIT_GATEWAY, request["PeerTransitGatewayId"])
    peer_account = request["PeerAccountId"]
    if peer_id == gateway.id:
        raise errors.InvalidParameterValue(f"{peer_id} cannot be peered with itself.")
    if peer_account == call.account:
        transitgateways.one(call, peer_id)
    _check_new(call, gateway.id, peer_id)
    peer = call.tx.get(records.TRANSIT_GATEWAY, peer_id)
    can_be = peer is not None and peer.account == peer_account and peer.doc.deleted_at is None
    id = ids.make(attachments.PREFIX, call.entropy(ids.ID_BYTES))
    doc = Attachment(
        id=id,
        account=call.account,
        gateway_id=gateway.id,
        gateway_account=call.account,
        peer=GatewayEnd(gateway_id=peer_id, account=peer_account),
        phase=Phase.REQUESTED if can_be else Phase.FAILED,
        since=call.now,
        created_at=call.now,
        tags=tagset.of_new(request, records.TRANSIT_ATTACHMENT.name),
    )
    made = call.tx.insert(records.TRANSIT_ATTACHMENT, call.account, id, doc)
    return {"TransitGatewayPeeringAttachment": _render(call, made)}


def _check_new(call: WriteCall, gateway_id: str, peer_id: str) -> None:
    standing = [
        it
        for it in call.tx.by(records.TRANSIT_ATTACHMENT, "gateway", gateway_id)
        if it.doc.peer is not None and it.doc.phase not in transit.OVER
    ]
    for it in standing:
        assert it.doc.peer is not None
        if {it.doc.gateway_id, it.doc.peer.gateway_id} == {gateway_id, peer_id}:
            raise errors.DuplicateTransitGatewayAttachment(gateway_id, f"peer {peer_id}")
    if len(standing) >= MAX_PER_GATEWAY:
        raise errors.TransitGatewayAttachmentLimitExceeded(MAX_PER_GATEWAY)


def _one(call: Call, id: str) -> AttachmentRecord:
    record = attachments.one(call, id)
    if record.doc.peer is None:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(id)
    return record


def accept(
    call: WriteCall, request: shapes.AcceptTransitGatewayPeeringAttachmentRequest
) -> shapes.AcceptTransitGatewayPeeringAttachmentResult:
    """Accept a peering; static routes may lead through it from now on."""
    record = attachments.answered(call, _one(call, request["TransitGatewayAttachmentId"]))
    assert record.doc.peer is not None
    transitgateways.one(call, record.doc.peer.gateway_id)
    opened = call.tx.write(record, attachments.opened(call.tx, record.doc, call.now))
    return {"TransitGatewayPeeringAttachment": _render(call, opened)}


def reject(
    call: WriteCall, request: shapes.RejectTransitGatewayPeeringAttachmentRequest
) -> shapes.RejectTransitGatewayPeeringAttachmentResult:
    """Refuse a peering."""
    record = attachments.answered(call, _one(call, request["TransitGatewayAttachmentId"]))
    ended = call.tx.write(record, attachments.ended(record.doc, Phase.REJECTED, call.now))
    return {"TransitGatewayPeeringAttachment": _render(call, ended)}


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayPeeringAttachmentRequest
) -> shapes.DeleteTransitGatewayPeeringAttachmentResult:
    """End a peering; either side may, and the one who asked may take that back too."""
    record = _one(call, request["TransitGatewayAttachmentId"])
    phase = record.doc.phase
    is_others = phase is Phase.REQUESTED and call.account != record.doc.account
    if phase in transit.OVER or is_others:
        raise errors.IncorrectState(f"{record.id} is in invalid state")
    ended = call.tx.write(record, attachments.ended(record.doc, Phase.DELETED, call.now))
    return {"TransitGatewayPeeringAttachment": _render(call, ended)}


def _find(
    call: Call, request: shapes.DescribeTransitGatewayPeeringAttachmentsRequest
) -> Iterable[Sight]:
    asked = request.get("TransitGatewayAttachmentIds") or ()
    found = attachments.listed(call, asked)
    others = [it.id for it in found if it.doc.peer is None]
    if asked and others:
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(", ".join(others))
    return [attachments.sight(call, it) for it in found if it.doc.peer is not None]


def _render(call: Call, record: AttachmentRecord) -> shapes.TransitGatewayPeeringAttachment:
    doc, peer, region = record.doc, record.doc.peer, call.settings.region
    assert peer is not None
    state = doc.state(call.now)
    return {
        "TransitGatewayAttachmentId": record.id,
        "AccepterTransitGatewayAttachmentId": record.id,
        "RequesterTgwInfo": {
            "TransitGatewayId": doc.gateway_id,
            "OwnerId": doc.gateway_account,
            "Region": region,
        },
        "AccepterTgwInfo": {
            "TransitGatewayId": peer.gateway_id,
            "OwnerId": peer.account,
            "Region": region,
        },
        "Status": {"Code": state, "Message": _WORDS[doc.phase].format(peer.account)},
        "State": state,
        "CreationTime": doc.created_at,
        "Tags": tagset.shown(attachments.tags_of(call, doc)),
    }


def _ends(sight: Sight) -> tuple[str, ...]:
    doc = sight.record.doc
    return (doc.gateway_id, *((doc.peer.gateway_id,) if doc.peer else ()))


_NAMED = frozenset({"TransitGatewayAttachmentId"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGatewayPeeringAttachment",
        does=Write(handle=create),
        honours=frozenset(
            {"TransitGatewayId", "PeerTransitGatewayId", "PeerAccountId", "PeerRegion"}
        ),
        creates=(records.TRANSIT_ATTACHMENT.name,),
    ),
    Action(
        service="ec2",
        name="AcceptTransitGatewayPeeringAttachment",
        does=Write(handle=accept),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="RejectTransitGatewayPeeringAttachment",
        does=Write(handle=reject),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="DeleteTransitGatewayPeeringAttachment",
        does=Write(handle=delete),
        honours=_NAMED,
    ),
    Action(
        service="ec2",
        name="DescribeTransitGatewayPeeringAttachments",
        does=Listing(
            find=_find,
            render=lambda call, it: _render(call, it.record),
            member="TransitGatewayPeeringAttachments",
            filters={
                "local-owner-id": lambda call, it: (call.account,),
                "remote-owner-id": lambda call, it: (
                    it.record.doc.peer.account
                    if it.record.doc.account == call.account
                    else it.record.doc.account,
                ),
                "state": lambda call, it: (it.record.doc.state(call.now),),
                "transit-gateway-attachment-id": lambda call, it: (it.id,),
                "transit-gateway-id": lambda call, it: _ends(it),
            },
            tags=lambda it: it.tags,
        ),
        honours=frozenset({"TransitGatewayAttachmentIds"}),
    ),
)
