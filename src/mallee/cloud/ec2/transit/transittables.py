"""Route tables of transit gateways: made, deleted, shown.

Called through the action table, and by who needs a table. Which attachments use a table is said in
`associations`, what it has by itself in `propagations`, its own routes in `transitroutes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import transit
from mallee.model.network.transit import TransitTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_GATEWAY = 20

TableRecord = Record[TransitTable, None]


def one(call: Call, id: str, gateway_id: str = "") -> TableRecord:
    """Return the caller's table, which has not been deleted; of that gateway, if one is named."""
    found = resources.one(call, records.TRANSIT_TABLE, id)
    is_other = gateway_id and found.doc.gateway_id != gateway_id
    if found.doc.deleted_at is not None or is_other:
        raise errors.InvalidTransitGatewayRouteTableIDNotFound(id)
    return found


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayRouteTableRequest
) -> shapes.CreateTransitGatewayRouteTableResult:
    """Make a table that leads nowhere yet."""
    gateway = resources.one(call, records.TRANSIT_GATEWAY, request["TransitGatewayId"])
    if gateway.doc.deleted_at is not None:
        raise errors.InvalidTransitGatewayIDNotFound(gateway.id)
    standing = call.tx.by(records.TRANSIT_TABLE, "gateway", gateway.id)
    if sum(it.doc.deleted_at is None for it in standing) >= MAX_PER_GATEWAY:
        raise errors.TransitGatewayRouteTableLimitExceeded(MAX_PER_GATEWAY)
    id = ids.make("tgw-rtb", call.entropy(ids.ID_BYTES))
    made = TransitTable(
        id=id,
        gateway_id=gateway.id,
        created_at=call.now,
        tags=tagset.of_new(request, records.TRANSIT_TABLE.name),
    )
    table = call.tx.insert(records.TRANSIT_TABLE, call.account, id, made)
    return {"TransitGatewayRouteTable": _render(call, table)}


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayRouteTableRequest
) -> shapes.DeleteTransitGatewayRouteTableResult:
    """Delete a table that no attachment uses and that is no default; propagations end with it."""
    table = one(call, request["TransitGatewayRouteTableId"])
    if any(_defaults(call, table)):
        raise errors.IncorrectState(f"{table.id} is a default route table of its gateway.")
    users = call.tx.by(records.TRANSIT_ATTACHMENT, "table", table.id)
    using = [it.id for it in users if it.doc.table_of(table.doc.gateway_id) == table.id]
    if using:
        raise errors.IncorrectState(f"{table.id} is associated with {', '.join(sorted(using))}.")
    for attachment in users:
        left = tuple(id for id in attachment.doc.propagated_to if id != table.id)
        call.tx.write(attachment, replace(attachment.doc, propagated_to=left))
    gone = call.tx.write(table, replace(table.doc, deleted_at=call.now, routes=()))
    return {"TransitGatewayRouteTable": _render(call, gone)}


def _defaults(call: Call, table: TableRecord) -> tuple[bool, bool]:
    """Tell whether it is the default table of associations, and of propagations."""
    gateway = resources.reader(call).get(records.TRANSIT_GATEWAY, table.doc.gateway_id)
    if gateway is None:
        return False, False
    doc = gateway.doc
    return doc.association_table_id == table.id, doc.propagation_table_id == table.id


def _find(
    call: Call, request: shapes.DescribeTransitGatewayRouteTablesRequest
) -> Iterable[TableRecord]:
    asked: list[str] = request.get("TransitGatewayRouteTableIds") or []
    if asked:
        found = resources.several(call, records.TRANSIT_TABLE, asked)
    else:
        own = call.view.list(records.TRANSIT_TABLE, call.account)
        found = sorted(own, key=lambda it: it.id)
    shown = [it for it in found if not transit.is_forgotten(it.doc.deleted_at, call.now)]
    if asked and len(shown) < len(found):
        gone = sorted({it.id for it in found} - {it.id for it in shown})
        raise errors.InvalidTransitGatewayRouteTableIDNotFound(", ".join(gone))
    return shown


def _render(call: Call, table: TableRecord) -> shapes.TransitGatewayRouteTable:
    associates, propagates = _defaults(call, table)
    return {
        "TransitGatewayRouteTableId": table.id,
        "TransitGatewayId": table.doc.gateway_id,
        "State": transit.state_of(table.doc, call.now),
        "DefaultAssociationRouteTable": associates,
        "DefaultPropagationRouteTable": propagates,
        "CreationTime": table.doc.created_at,
        "Tags": tagset.shown(table.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGatewayRouteTable",
        does=Write(handle=create),
        honours=frozenset({"TransitGatewayId"}),
        creates=(records.TRANSIT_TABLE.name,),
    ),
    Action(
        service="ec2",
        name="DeleteTransitGatewayRouteTable",
        does=Write(handle=delete),
        honours=frozenset({"TransitGatewayRouteTableId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTransitGatewayRouteTables",
        does=Listing(
            find=_find,
            render=_render,
            member="TransitGatewayRouteTables",
            filters={
                "default-association-route-table": lambda call, it: (
                    resources.boolean(_defaults(call, it)[0]),
                ),
                "default-propagation-route-table": lambda call, it: (
                    resources.boolean(_defaults(call, it)[1]),
                ),
                "state": lambda call, it: (transit.state_of(it.doc, call.now),),
                "transit-gateway-id": lambda call, it: (it.doc.gateway_id,),
                "transit-gateway-route-table-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"TransitGatewayRouteTableIds"}),
    ),
)
