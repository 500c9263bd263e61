"""By which route table a transit gateway leads on what comes by an attachment: at most one.

Called through the action table. What comes by an attachment without a table goes nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2.transit import attachments, transittables
from mallee.cloud.ec2.transit.attachments import AttachmentRecord
from mallee.cloud.state import records
from mallee.model.network.transit import Attachment

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class Use:
    """An attachment that a table has to do with, as the table's gateway sees it."""

    id: str
    kind: str
    resource_id: str


def uses(found: Iterable[AttachmentRecord], gateway_id: str) -> list[Use]:
    """Return the attachments as that gateway sees them, by id."""
    made = (Use(it.id, *attachments.resource(it.doc, gateway_id)[:2]) for it in found)
    return sorted(made, key=lambda use: use.id)


def associate(
    call: WriteCall, request: shapes.AssociateTransitGatewayRouteTableRequest
) -> shapes.AssociateTransitGatewayRouteTableResult:
    """Let what comes by an attachment be led by a table."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    gateway_id = table.doc.gateway_id
    record = attachments.at_gateway(call, request["TransitGatewayAttachmentId"], gateway_id)
    current = record.doc.table_of(gateway_id)
    if current:
        raise errors.ResourceAlreadyAssociated(record.id, current)
    call.tx.write(record, _led(record.doc, gateway_id, table.id))
    return {"Association": _shown(record, gateway_id, table.id, "associating")}


def disassociate(
    call: WriteCall, request: shapes.DisassociateTransitGatewayRouteTableRequest
) -> shapes.DisassociateTransitGatewayRouteTableResult:
    """Let what comes by an attachment go nowhere."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    gateway_id = table.doc.gateway_id
    record = attachments.at_gateway(call, request["TransitGatewayAttachmentId"], gateway_id)
    if record.doc.table_of(gateway_id) != table.id:
        raise errors.InvalidTransitGatewayAssociationNotFound(table.id, record.id)
    call.tx.write(record, _led(record.doc, gateway_id, ""))
    return {"Association": _shown(record, gateway_id, table.id, "disassociating")}


def _led(doc: Attachment, gateway_id: str, table_id: str) -> Attachment:
    if gateway_id == doc.gateway_id:
        return replace(doc, table_id=table_id)
    assert doc.peer is not None, "an attachment has the ends that it has"
    return replace(doc, peer=replace(doc.peer, table_id=table_id))


def _shown(record: AttachmentRecord, gateway_id: str, table_id: str, state: str) -> Any:
    kind, resource_id, _ = attachments.resource(record.doc, gateway_id)
    return {
        "TransitGatewayRouteTableId": table_id,
        "TransitGatewayAttachmentId": record.id,
        "ResourceId": resource_id,
        "ResourceType": kind,
        "State": state,
    }


def _find(
    call: Call, request: shapes.GetTransitGatewayRouteTableAssociationsRequest
) -> Iterable[Use]:
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    gateway_id = table.doc.gateway_id
    found = call.view.by(records.TRANSIT_ATTACHMENT, "table", table.id)
    return uses((it for it in found if it.doc.table_of(gateway_id) == table.id), gateway_id)


def _render(call: Call, use: Use) -> shapes.TransitGatewayRouteTableAssociation:
    shown: Any = {
        "TransitGatewayAttachmentId": use.id,
        "ResourceId": use.resource_id,
        "ResourceType": use.kind,
        "State": "associated",
    }
    return shown


_HONOURS = frozenset({"TransitGatewayRouteTableId", "TransitGatewayAttachmentId"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateTransitGatewayRouteTable",
        does=Write(handle=associate),
        honours=_HONOURS,
    ),
    Action(
        service="ec2",
        name="DisassociateTransitGatewayRouteTable",
        does=Write(handle=disassociate),
        honours=_HONOURS,
    ),
    Action(
        service="ec2",
        name="GetTransitGatewayRouteTableAssociations",
        does=Listing(
            find=_find,
            render=_render,
            member="Associations",
            filters={
                "resource-id": lambda call, it: (it.resource_id,),
                "resource-type": lambda call, it: (it.kind,),
                "transit-gateway-attachment-id": lambda call, it: (it.id,),
            },
        ),
        honours=frozenset({"TransitGatewayRouteTableId"}),
    ),
)
