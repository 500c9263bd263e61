"""References of transit gateways' tables to prefix lists: a static route for each of their ranges.

Called through the action table. The routes follow the list's entries (`effective`); a list that a
table refers to is not deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.transit import transitroutes, transittables
from mallee.cloud.ec2.transit.transittables import TableRecord
from mallee.cloud.state import records
from mallee.model.network import transit
from mallee.model.network.transit import TransitRoute

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class Reference:
    """A table's route to what a list says."""

    table: TableRecord
    route: TransitRoute

    @property
    def id(self) -> str:
        """The list's id."""
        return self.route.prefix_list_id


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayPrefixListReferenceRequest
) -> shapes.CreateTransitGatewayPrefixListReferenceResult:
    """Add the ranges of a list to a table that does not refer to it yet."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    listed = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    if any(route.prefix_list_id == listed.id for route in table.doc.routes):
        raise errors.RouteAlreadyExists(listed.id)
    made = TransitRoute(
        prefix_list_id=listed.id,
        attachment_id=transitroutes.target(call, request, table),
        changed_at=call.now,
    )
    call.tx.write(table, replace(table.doc, routes=(*table.doc.routes, made)))
    return {"TransitGatewayPrefixListReference": _render(call, Reference(table, made))}


def modify(
    call: WriteCall, request: shapes.ModifyTransitGatewayPrefixListReferenceRequest
) -> shapes.ModifyTransitGatewayPrefixListReferenceResult:
    """Let the ranges of a list lead somewhere else."""
    current = _one(call, request["TransitGatewayRouteTableId"], request["PrefixListId"])
    table = current.table
    attachment_id = transitroutes.target(call, request, table)
    changed = replace(current.route, attachment_id=attachment_id, changed_at=call.now)
    routes = tuple(changed if it is current.route else it for it in table.doc.routes)
    call.tx.write(table, replace(table.doc, routes=routes))
    return {"TransitGatewayPrefixListReference": _render(call, Reference(table, changed))}


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayPrefixListReferenceRequest
) -> shapes.DeleteTransitGatewayPrefixListReferenceResult:
    """Take the ranges of a list out of a table."""
    current = _one(call, request["TransitGatewayRouteTableId"], request["PrefixListId"])
    table = current.table
    left = tuple(it for it in table.doc.routes if it is not current.route)
    call.tx.write(table, replace(table.doc, routes=left))
    shown: Any = {**_render(call, current), "State": "deleting"}
    return {"TransitGatewayPrefixListReference": shown}


def _one(call: Call, table_id: str, list_id: str) -> Reference:
    table = transittables.one(call, table_id)
    list_id = resources.check_form(records.PREFIX_LIST, list_id)
    for route in table.doc.routes:
        if route.prefix_list_id == list_id:
            return Reference(table, route)
    raise errors.InvalidPrefixListReferenceNotFound(list_id, table.id)


def _find(
    call: Call, request: shapes.GetTransitGatewayPrefixListReferencesRequest
) -> Iterable[Reference]:
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    found = [Reference(table, it) for it in table.doc.routes if it.prefix_list_id]
    return sorted(found, key=lambda it: it.id)


def _render(call: Call, reference: Reference) -> shapes.TransitGatewayPrefixListReference:
    route = reference.route
    is_new = call.now < route.changed_at + transit.SETTLES_S
    gateway_id = reference.table.doc.gateway_id
    return {
        "TransitGatewayRouteTableId": reference.table.id,
        "PrefixListId": route.prefix_list_id,
        "PrefixListOwnerId": reference.table.account,
        "State": "pending" if is_new else "available",
        "Blackhole": not route.attachment_id,
        "TransitGatewayAttachment": transitroutes.attached_to(
            call, route.attachment_id, gateway_id
        ),
    }


def _attached(call: Call, reference: Reference, member: str) -> Iterable[str]:
    shown: Any = dict(_render(call, reference)).get("TransitGatewayAttachment")
    return () if shown is None else (str(shown[member]),)


_NAMED = ("TransitGatewayRouteTableId", "PrefixListId")
_LED = (*_NAMED, "TransitGatewayAttachmentId", "Blackhole")

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGatewayPrefixListReference",
        does=Write(handle=create),
        honours=frozenset(_LED),
    ),
    Action(
        service="ec2",
        name="ModifyTransitGatewayPrefixListReference",
        does=Write(handle=modify),
        honours=frozenset(_LED),
    ),
    Action(
        service="ec2",
        name="DeleteTransitGatewayPrefixListReference",
        does=Write(handle=delete),
        honours=frozenset(_NAMED),
    ),
    Action(
        service="ec2",
        name="GetTransitGatewayPrefixListReferences",
        does=Listing(
            find=_find,
            render=_render,
            member="TransitGatewayPrefixListReferences",
            filters={
                "attachment.resource-id": lambda call, it: _attached(call, it, "ResourceId"),
                "attachment.resource-type": lambda call, it: _attached(call, it, "ResourceType"),
                "attachment.transit-gateway-attachment-id": lambda call, it: _attached(
                    call, it, "TransitGatewayAttachmentId"
                ),
                "is-blackhole": lambda call, it: (resources.boolean(not it.route.attachment_id),),
                "prefix-list-id": lambda call, it: (it.id,),
                "prefix-list-owner-id": lambda call, it: (it.table.account,),
                "state": lambda call, it: (str(_render(call, it).get("State")),),
            },
        ),
        honours=frozenset({"TransitGatewayRouteTableId"}),
    ),
)
