"""Associations of route tables: which table a subnet uses, which is its VPC's main one, and which
leads what comes in by an internet gateway.

Called through the action table. A subnet without an association of its own uses the main table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc.routing import routes
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Subnet, Vpc
from mallee.model.network.routing import InternetGateway, RouteTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "rtbassoc"

GatewayRecord = Record[InternetGateway, None]
TableRecord = Record[RouteTable, None]


def associate_route_table(
    call: WriteCall, request: shapes.AssociateRouteTableRequest
) -> shapes.AssociateRouteTableResult:
    """Let a subnet that has none use a table of its own."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    if "GatewayId" in request and "SubnetId" in request:
        raise errors.InvalidParameterCombination("Give subnetId or gatewayId, not both.")
    if "GatewayId" in request:
        return _associate_gateway(call, request["GatewayId"], table)
    if "SubnetId" not in request:
        raise errors.MissingParameter("subnetId")
    subnet = resources.one(call, records.SUBNET, request["SubnetId"])
    _check_same_vpc(table, subnet.id, subnet.doc.vpc_id)
    if subnet.doc.route_table_id == table.id:
        # As on AWS: asked for twice, it is there once.
        return _associated(subnet.doc.route_association_id or "")
    if subnet.doc.route_table_id is not None:
        raise errors.ResourceAlreadyAssociated(
            f"the specified association for route table {table.id}", "an existing association"
        )
    return _associated(_use(call, subnet, table))


def _associate_gateway(
    call: WriteCall, id: str, table: TableRecord
) -> shapes.AssociateRouteTableResult:
    """Let what comes in by an internet gateway be led by a table."""
    if not id.startswith("igw-"):
        raise errors.InvalidGatewayIDNotFound(id)
    gateway = resources.one(call, records.INTERNET_GATEWAY, id)
    _check_same_vpc(table, gateway.id, gateway.doc.vpc_id)
    if gateway.doc.route_table_id == table.id:
        return _associated(gateway.doc.route_association_id or "")
    if gateway.doc.route_table_id is not None:
        raise errors.ResourceAlreadyAssociated(
            f"the specified association for route table {table.id}", "an existing association"
        )
    return _associated(_lead(call, gateway, table))


def _lead(call: WriteCall, gateway: GatewayRecord, table: TableRecord) -> str:
    for route in table.doc.routes:
        routes.check_of_gateway(call, table, route)
    id = ids.make(PREFIX, call.entropy(ids.ID_BYTES))
    doc = replace(gateway.doc, route_table_id=table.id, route_association_id=id)
    call.tx.write(gateway, doc)
    return id


def disassociate_route_table(
    call: WriteCall, request: shapes.DisassociateRouteTableRequest
) -> Result:
    """Let the subnet use the main table again, or the gateway the local routes."""
    subnet = _subnet_of(call, request["AssociationId"])
    gateway = _gateway_of(call, request["AssociationId"])
    if gateway is not None:
        call.tx.write(gateway, replace(gateway.doc, route_table_id=None, route_association_id=None))
        return {}
    if subnet is None:
        vpc = _vpc_of(call, request["AssociationId"])
        raise errors.InvalidParameterValue(
            f"cannot disassociate the main route table association {vpc.doc.main_association_id}"
        )
    call.tx.write(subnet, replace(subnet.doc, route_table_id=None, route_association_id=None))
    return {}


def replace_association(
    call: WriteCall, request: shapes.ReplaceRouteTableAssociationRequest
) -> shapes.ReplaceRouteTableAssociationResult:
    """Exchange the table of a subnet or of a gateway, or the main table of a VPC."""
    subnet = _subnet_of(call, request["AssociationId"])
    gateway = _gateway_of(call, request["AssociationId"])
    is_main = subnet is None and gateway is None
    vpc = _vpc_of(call, request["AssociationId"]) if is_main else None
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    if subnet is not None:
        _check_same_vpc(table, subnet.id, subnet.doc.vpc_id)
        id = _use(call, subnet, table)
    elif gateway is not None:
        _check_same_vpc(table, gateway.id, gateway.doc.vpc_id)
        id = _lead(call, gateway, table)
    else:
        assert vpc is not None, "an association is a subnet's, a gateway's or a VPC's"
        _check_same_vpc(table, vpc.id, vpc.id)
        id = ids.make(PREFIX, call.entropy(ids.ID_BYTES))
        call.tx.write(vpc, replace(vpc.doc, main_table_id=table.id, main_association_id=id))
    return {"NewAssociationId": id, "AssociationState": {"State": "associated"}}


def _use(call: WriteCall, subnet: Record[Subnet, None], table: Record[RouteTable, None]) -> str:
    id = ids.make(PREFIX, call.entropy(ids.ID_BYTES))
    doc = replace(subnet.doc, route_table_id=table.id, route_association_id=id)
    call.tx.write(subnet, doc)
    return id


def _associated(id: str) -> shapes.AssociateRouteTableResult:
    return {"AssociationId": id, "AssociationState": {"State": "associated"}}


def _subnet_of(call: WriteCall, id: str) -> Record[Subnet, None] | None:
    """Return the subnet whose association it is."""
    for subnet in call.tx.by(records.SUBNET, "association", id):
        if subnet.account == call.account and subnet.doc.route_association_id == id:
            return subnet
    return None


def _gateway_of(call: WriteCall, id: str) -> GatewayRecord | None:
    """Return the internet gateway whose association it is."""
    for gateway in call.tx.by(records.INTERNET_GATEWAY, "association", id):
        if gateway.account == call.account:
            return gateway
    return None


def _vpc_of(call: WriteCall, id: str) -> Record[Vpc, None]:
    """Return the VPC whose main association it is; raise `InvalidAssociationID.NotFound`."""
    for vpc in call.tx.by(records.VPC, "association", id):
        if vpc.account == call.account and vpc.doc.main_association_id == id:
            return vpc
    raise errors.InvalidAssociationIDNotFound(id)


def _check_same_vpc(table: Record[RouteTable, None], id: str, vpc_id: str | None) -> None:
    if table.doc.vpc_id != vpc_id:
        raise errors.InvalidParameterValue(
            f"Route table {table.id} and {id} belong to different networks"
        )


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateRouteTable",
        does=Write(handle=associate_route_table),
        honours=frozenset({"RouteTableId", "SubnetId", "GatewayId"}),
    ),
    Action(
        service="ec2",
        name="DisassociateRouteTable",
        does=Write(handle=disassociate_route_table),
        honours=frozenset({"AssociationId"}),
    ),
    Action(
        service="ec2",
        name="ReplaceRouteTableAssociation",
        does=Write(handle=replace_association),
        honours=frozenset({"AssociationId", "RouteTableId"}),
    ),
)
