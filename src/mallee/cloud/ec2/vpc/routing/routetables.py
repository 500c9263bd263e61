"""Route tables: made with their VPC or by users, associated with subnets, shown with their routes.

Called through the action table and by `vpcs` for the main table. A table's routes are changed in
`routes`, its associations in `routetableassociations`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc.routing import routes
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.routing import RouteTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_VPC = 200

TableRecord = Record[RouteTable, None]


def create_route_table(
    call: WriteCall, request: shapes.CreateRouteTableRequest
) -> shapes.CreateRouteTableResult:
    """Make a table that knows the way inside its VPC and no other."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if len(call.tx.by(records.ROUTE_TABLE, "vpc", vpc.id)) >= MAX_PER_VPC:
        raise errors.RouteTableLimitExceeded(MAX_PER_VPC)
    id = ids.make("rtb", call.entropy(ids.ID_BYTES))
    tags = tagset.of_new(request, records.ROUTE_TABLE.name)
    table = call.tx.insert(
        records.ROUTE_TABLE, call.account, id, RouteTable(id=id, vpc_id=vpc.id, tags=tags)
    )
    return {"RouteTable": _render(call, table), "ClientToken": request.get("ClientToken")}


def delete_route_table(call: WriteCall, request: shapes.DeleteRouteTableRequest) -> Result:
    """Delete a table that is not the main one, and that no subnet and no endpoint uses."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    vpc = call.tx.get(records.VPC, table.doc.vpc_id)
    users = [
        *call.tx.by(records.SUBNET, "route-table", table.id),
        *call.tx.by(records.INTERNET_GATEWAY, "route-table", table.id),
    ]
    endpoints = call.tx.by(records.ENDPOINT, "route-table", table.id)
    if users or endpoints or (vpc is not None and vpc.doc.main_table_id == table.id):
        raise errors.DependencyViolation(
            f"The routeTable '{table.id}' has dependencies and cannot be deleted."
        )
    call.tx.delete(table)
    return {}


def _find(call: Call, request: shapes.DescribeRouteTablesRequest) -> Iterable[TableRecord]:
    asked: list[str] = request.get("RouteTableIds") or []
    if asked:
        return resources.several(call, records.ROUTE_TABLE, asked)
    return sorted(call.view.list(records.ROUTE_TABLE, call.account), key=lambda it: it.id)


def _render(call: Call, table: TableRecord) -> shapes.RouteTable:
    return {
        "RouteTableId": table.id,
        "VpcId": table.doc.vpc_id,
        "OwnerId": table.account,
        "Routes": routes.shown(call, table),
        "Associations": _associations(call, table),
        "PropagatingVgws": [],
        "Tags": tagset.shown(table.doc.tags),
    }


def _associations(call: Call, table: TableRecord) -> list[shapes.RouteTableAssociation]:
    view = resources.reader(call)
    found: list[shapes.RouteTableAssociation] = []
    vpc = view.get(records.VPC, table.doc.vpc_id)
    if vpc is not None and vpc.doc.main_table_id == table.id:
        found.append(
            {
                "Main": True,
                "RouteTableAssociationId": vpc.doc.main_association_id,
                "RouteTableId": table.id,
                "AssociationState": {"State": "associated"},
            }
        )
    subnets = view.by(records.SUBNET, "route-table", table.id)
    for subnet in sorted(subnets, key=lambda it: it.id):
        found.append(
            {
                "Main": False,
                "RouteTableAssociationId": subnet.doc.route_association_id,
                "RouteTableId": table.id,
                "SubnetId": subnet.id,
                "AssociationState": {"State": "associated"},
            }
        )
    for gateway in view.by(records.INTERNET_GATEWAY, "route-table", table.id):
        found.append(
            {
                "Main": False,
                "RouteTableAssociationId": gateway.doc.route_association_id,
                "RouteTableId": table.id,
                "GatewayId": gateway.id,
                "AssociationState": {"State": "associated"},
            }
        )
    return found


def _of_associations(member: str) -> Callable[[Call, TableRecord], Iterable[str]]:
    """Return a filter by a member of the associations."""

    def values(call: Call, table: TableRecord) -> Iterable[str]:
        rows: list[Any] = list(_associations(call, table))
        return [_text(row[member]) for row in rows if row.get(member) is not None]

    return values


def _of_routes(member: str) -> Callable[[Call, TableRecord], Iterable[str]]:
    """Return a filter by a member of the routes."""

    def values(call: Call, table: TableRecord) -> Iterable[str]:
        rows: list[Any] = list(routes.shown(call, table))
        return [_text(row[member]) for row in rows if row.get(member) is not None]

    return values


def _text(value: object) -> str:
    return resources.boolean(value) if isinstance(value, bool) else str(value)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateRouteTable",
        does=Write(handle=create_route_table),
        honours=frozenset({"VpcId"}),
        creates=(records.ROUTE_TABLE.name,),
    ),
    Action(
        service="ec2",
        name="DeleteRouteTable",
        does=Write(handle=delete_route_table),
        honours=frozenset({"RouteTableId"}),
    ),
    Action(
        service="ec2",
        name="DescribeRouteTables",
        does=Listing(
            find=_find,
            render=_render,
            member="RouteTables",
            filters={
                "association.gateway-id": _of_associations("GatewayId"),
                "association.main": _of_associations("Main"),
                "association.route-table-association-id": _of_associations(
                    "RouteTableAssociationId"
                ),
                "association.route-table-id": _of_associations("RouteTableId"),
                "association.subnet-id": _of_associations("SubnetId"),
                "owner-id": lambda call, it: (it.account,),
                "route-table-id": lambda call, it: (it.id,),
                "route.destination-cidr-block": _of_routes("DestinationCidrBlock"),
                "route.destination-ipv6-cidr-block": _of_routes("DestinationIpv6CidrBlock"),
                "route.destination-prefix-list-id": _of_routes("DestinationPrefixListId"),
                "route.egress-only-internet-gateway-id": _of_routes("EgressOnlyInternetGatewayId"),
                "route.gateway-id": _of_routes("GatewayId"),
                "route.instance-id": _of_routes("InstanceId"),
                "route.nat-gateway-id": _of_routes("NatGatewayId"),
                "route.origin": _of_routes("Origin"),
                "route.state": _of_routes("State"),
                "route.transit-gateway-id": _of_routes("TransitGatewayId"),
                "route.vpc-peering-connection-id": _of_routes("VpcPeeringConnectionId"),
                "vpc-id": lambda call, it: (it.doc.vpc_id,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 100),
        ),
        honours=frozenset({"RouteTableIds"}),
    ),
)
