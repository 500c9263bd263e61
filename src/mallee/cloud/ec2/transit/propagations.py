"""Propagations: a route table of a transit gateway has the ranges of an attached VPC as routes.

Called through the action table. The routes follow the VPC's ranges (`effective`); nothing is
propagated by a peering between gateways, as on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2.transit import associations, attachments, transittables
from mallee.cloud.ec2.transit.associations import Use
from mallee.cloud.ec2.transit.attachments import AttachmentRecord
from mallee.cloud.ec2.transit.transittables import TableRecord
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class Target:
    """A table to which an attachment propagates."""

    id: str


def enable(
    call: WriteCall, request: shapes.EnableTransitGatewayRouteTablePropagationRequest
) -> shapes.EnableTransitGatewayRouteTablePropagationResult:
    """Let a table have the ranges of what is attached."""
    table, record = _named(call, request)
    if record.doc.vpc is None:
        raise errors.UnsupportedOperation(
            f"{record.id} is a peering attachment: add static routes to the table instead."
        )
    if table.id in record.doc.propagated_to:
        raise errors.PropagationDuplicate(record.id, table.id)
    added = (*record.doc.propagated_to, table.id)
    call.tx.write(record, replace(record.doc, propagated_to=added))
    return {"Propagation": _shown(record, table, "enabled")}


def disable(
    call: WriteCall, request: shapes.DisableTransitGatewayRouteTablePropagationRequest
) -> shapes.DisableTransitGatewayRouteTablePropagationResult:
    """Take the ranges out of the table again."""
    table, record = _named(call, request)
    if table.id not in record.doc.propagated_to:
        raise errors.PropagationNotFound(record.id, table.id)
    left = tuple(id for id in record.doc.propagated_to if id != table.id)
    call.tx.write(record, replace(record.doc, propagated_to=left))
    return {"Propagation": _shown(record, table, "disabled")}


def _named(call: WriteCall, request: Request) -> tuple[TableRecord, AttachmentRecord]:
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    if "TransitGatewayAttachmentId" not in request:
        raise errors.MissingParameter("TransitGatewayAttachmentId")
    id: str = request["TransitGatewayAttachmentId"]
    return table, attachments.at_gateway(call, id, table.doc.gateway_id)


def _shown(record: AttachmentRecord, table: TableRecord, state: str) -> Any:
    kind, resource_id, _ = attachments.resource(record.doc, table.doc.gateway_id)
    return {
        "TransitGatewayAttachmentId": record.id,
        "ResourceId": resource_id,
        "ResourceType": kind,
        "TransitGatewayRouteTableId": table.id,
        "State": state,
    }


def _find_sources(
    call: Call, request: shapes.GetTransitGatewayRouteTablePropagationsRequest
) -> Iterable[Use]:
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    found = call.view.by(records.TRANSIT_ATTACHMENT, "table", table.id)
    sources = (it for it in found if table.id in it.doc.propagated_to)
    return associations.uses(sources, table.doc.gateway_id)


def _render_source(call: Call, use: Use) -> shapes.TransitGatewayRouteTablePropagation:
    shown: Any = {
        "TransitGatewayAttachmentId": use.id,
        "ResourceId": use.resource_id,
        "ResourceType": use.kind,
        "State": "enabled",
    }
    return shown


def _find_targets(
    call: Call, request: shapes.GetTransitGatewayAttachmentPropagationsRequest
) -> Iterable[Target]:
    record = attachments.one(call, request["TransitGatewayAttachmentId"])
    if record.doc.gateway_account != call.account:
        # To which tables it propagates is the gateway's owner's affair.
        raise errors.InvalidTransitGatewayAttachmentIDNotFound(record.id)
    return [Target(id) for id in sorted(record.doc.propagated_to)]


_HONOURS = frozenset({"TransitGatewayRouteTableId", "TransitGatewayAttachmentId"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableTransitGatewayRouteTablePropagation",
        does=Write(handle=enable),
        honours=_HONOURS,
    ),
    Action(
        service="ec2",
        name="DisableTransitGatewayRouteTablePropagation",
        does=Write(handle=disable),
        honours=_HONOURS,
    ),
    Action(
        service="ec2",
        name="GetTransitGatewayRouteTablePropagations",
        does=Listing(
            find=_find_sources,
            render=_render_source,
            member="TransitGatewayRouteTablePropagations",
            filters={
                "resource-id": lambda call, it: (it.resource_id,),
                "resource-type": lambda call, it: (it.kind,),
                "transit-gateway-attachment-id": lambda call, it: (it.id,),
            },
        ),
        honours=frozenset({"TransitGatewayRouteTableId"}),
    ),
    Action(
        service="ec2",
        name="GetTransitGatewayAttachmentPropagations",
        does=Listing(
            find=_find_targets,
            render=lambda call, it: {"TransitGatewayRouteTableId": it.id, "State": "enabled"},
            member="TransitGatewayAttachmentPropagations",
            filters={"transit-gateway-route-table-id": lambda call, it: (it.id,)},
        ),
        honours=frozenset({"TransitGatewayAttachmentId"}),
    ),
)
