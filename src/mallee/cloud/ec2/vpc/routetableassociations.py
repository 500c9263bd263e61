"""Associations of route tables: which table a subnet uses, and which is its VPC's main one.

Called through the action table. A subnet without an association of its own uses the main table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.networks import Subnet, Vpc
from mallee.model.routing import RouteTable

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "rtbassoc"


def associate_route_table(
    call: WriteCall, request: shapes.AssociateRouteTableRequest
) -> shapes.AssociateRouteTableResult:
    """Let a subnet that has none use a table of its own."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
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


def disassociate_route_table(
    call: WriteCall, request: shapes.DisassociateRouteTableRequest
) -> Result:
    """Let the subnet use the main table again."""
    subnet = _subnet_of(call, request["AssociationId"])
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
    """Exchange the table of a subnet, or the main table of a VPC."""
    subnet = _subnet_of(call, request["AssociationId"])
    vpc = _vpc_of(call, request["AssociationId"]) if subnet is None else None
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    if subnet is not None:
        _check_same_vpc(table, subnet.id, subnet.doc.vpc_id)
        id = _use(call, subnet, table)
    else:
        assert vpc is not None, "an association is a subnet's or a VPC's"
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


def _vpc_of(call: WriteCall, id: str) -> Record[Vpc, None]:
    """Return the VPC whose main association it is; raise `InvalidAssociationID.NotFound`."""
    for vpc in call.tx.by(records.VPC, "association", id):
        if vpc.account == call.account and vpc.doc.main_association_id == id:
            return vpc
    raise errors.InvalidAssociationIDNotFound(id)


def _check_same_vpc(table: Record[RouteTable, None], id: str, vpc_id: str) -> None:
    if table.doc.vpc_id != vpc_id:
        raise errors.InvalidParameterValue(
            f"Route table {table.id} and {id} belong to different networks"
        )


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AssociateRouteTable",
        does=Write(handle=associate_route_table),
        honours=frozenset({"RouteTableId", "SubnetId"}),
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
