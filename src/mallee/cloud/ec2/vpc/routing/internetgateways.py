"""Internet gateways: made, attached to a VPC, detached, deleted.

Called through the action table, and by `vpcs` for the gateway of a default VPC. A VPC without one
reaches the world by no public address, whatever its route tables say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc.interfaces import interfacelisting
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.routing import InternetGateway

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

GatewayRecord = Record[InternetGateway, None]


def insert(tx: store.Tx, account: str, gateway: InternetGateway) -> GatewayRecord:
    """Make a gateway that was thought out."""
    return tx.insert(records.INTERNET_GATEWAY, account, gateway.id, gateway)


def attached_to(view: store.View | store.Tx, vpc_id: str) -> GatewayRecord | None:
    """Return the gateway that is attached to the VPC."""
    found = view.by(records.INTERNET_GATEWAY, "vpc", vpc_id)
    return found[0] if found else None


def check_attached(call: Call, vpc_id: str) -> None:
    """Raise `Gateway.NotAttached` when the VPC has no internet gateway."""
    if attached_to(resources.reader(call), vpc_id) is None:
        raise errors.GatewayNotAttached(f"Network {vpc_id} is not attached to any internet gateway")


def create_internet_gateway(
    call: WriteCall, request: shapes.CreateInternetGatewayRequest
) -> shapes.CreateInternetGatewayResult:
    """Make a gateway that is attached to nothing yet."""
    gateway = InternetGateway(
        id=ids.make("igw", call.entropy(ids.ID_BYTES)),
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.INTERNET_GATEWAY.name),
    )
    return {"InternetGateway": _render(call, insert(call.tx, call.account, gateway))}


def attach_internet_gateway(
    call: WriteCall, request: shapes.AttachInternetGatewayRequest
) -> Result:
    """Attach a gateway to a VPC; each has one of the other at most."""
    gateway = resources.one(call, records.INTERNET_GATEWAY, request["InternetGatewayId"])
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if gateway.doc.vpc_id is not None:
        raise errors.ResourceAlreadyAssociated(gateway.id, f"network {gateway.doc.vpc_id}")
    if attached_to(call.tx, vpc.id) is not None:
        raise errors.InvalidParameterValue(
            f"Network {vpc.id} already has an internet gateway attached"
        )
    call.tx.write(gateway, replace(gateway.doc, vpc_id=vpc.id))
    return {}


def detach_internet_gateway(
    call: WriteCall, request: shapes.DetachInternetGatewayRequest
) -> Result:
    """Detach a gateway from a VPC where nothing has a public address any more."""
    gateway = resources.one(call, records.INTERNET_GATEWAY, request["InternetGatewayId"])
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if gateway.doc.vpc_id != vpc.id:
        raise errors.GatewayNotAttached(
            f"resource {gateway.id} is not attached to network {vpc.id}"
        )
    for interface in call.tx.by(records.INTERFACE, "vpc", vpc.id):
        if interfacelisting.public_ips(call.tx, interface):
            raise errors.DependencyViolation(
                f"Network {vpc.id} has some mapped public address(es). Please unmap those public "
                "address(es) before detaching the gateway."
            )
    doc = replace(gateway.doc, vpc_id=None, route_table_id=None, route_association_id=None)
    call.tx.write(gateway, doc)
    return {}


def delete_internet_gateway(
    call: WriteCall, request: shapes.DeleteInternetGatewayRequest
) -> Result:
    """Delete a gateway that is attached to nothing."""
    gateway = resources.one(call, records.INTERNET_GATEWAY, request["InternetGatewayId"])
    if gateway.doc.vpc_id is not None:
        raise errors.DependencyViolation(
            f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted."
        )
    call.tx.delete(gateway)
    return {}


def _find(call: Call, request: shapes.DescribeInternetGatewaysRequest) -> Iterable[GatewayRecord]:
    asked: list[str] = request.get("InternetGatewayIds") or []
    if asked:
        return resources.several(call, records.INTERNET_GATEWAY, asked)
    return sorted(call.view.list(records.INTERNET_GATEWAY, call.account), key=lambda it: it.id)


def _render(call: Call, gateway: GatewayRecord) -> shapes.InternetGateway:
    vpc_id = gateway.doc.vpc_id
    return {
        "InternetGatewayId": gateway.id,
        "OwnerId": gateway.account,
        # AWS says `available` of an attached one, whatever its own manual says.
        "Attachments": [{"State": "available", "VpcId": vpc_id}] if vpc_id else [],
        "Tags": tagset.shown(gateway.doc.tags),
    }


def _vpc_id(call: Call, gateway: GatewayRecord) -> Iterable[str]:
    return (gateway.doc.vpc_id,) if gateway.doc.vpc_id else ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateInternetGateway",
        does=Write(handle=create_internet_gateway),
        honours=frozenset(),
        creates=(records.INTERNET_GATEWAY.name,),
    ),
    Action(
        service="ec2",
        name="AttachInternetGateway",
        does=Write(handle=attach_internet_gateway),
        honours=frozenset({"InternetGatewayId", "VpcId"}),
    ),
    Action(
        service="ec2",
        name="DetachInternetGateway",
        does=Write(handle=detach_internet_gateway),
        honours=frozenset({"InternetGatewayId", "VpcId"}),
    ),
    Action(
        service="ec2",
        name="DeleteInternetGateway",
        does=Write(handle=delete_internet_gateway),
        honours=frozenset({"InternetGatewayId"}),
    ),
    Action(
        service="ec2",
        name="DescribeInternetGateways",
        does=Listing(
            find=_find,
            render=_render,
            member="InternetGateways",
            filters={
                "attachment.state": lambda call, it: ("available",) if it.doc.vpc_id else (),
                "attachment.vpc-id": _vpc_id,
                "internet-gateway-id": lambda call, it: (it.id,),
                "owner-id": lambda call, it: (it.account,),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"InternetGatewayIds"}),
    ),
)
