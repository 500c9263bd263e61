"""Egress-only internet gateways: the way out over IPv6 for guests that nobody shall reach.

Called through the action table. One is made for a VPC and stays with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.routing import EgressOnlyGateway

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 5

GatewayRecord = Record[EgressOnlyGateway, None]


def create_gateway(
    call: WriteCall, request: shapes.CreateEgressOnlyInternetGatewayRequest
) -> shapes.CreateEgressOnlyInternetGatewayResult:
    """Make a gateway for a VPC."""
    vpc = resources.one(call, records.VPC, request["VpcId"])
    if len(call.tx.list(records.EGRESS_ONLY_GATEWAY, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.EgressOnlyInternetGatewayLimitExceeded(
            f"You have reached your limit of {MAX_PER_ACCOUNT} egress-only internet gateways."
        )
    gateway = EgressOnlyGateway(
        id=ids.make("eigw", call.entropy(ids.ID_BYTES)),
        vpc_id=vpc.id,
        tags=tagset.of_new(request, records.EGRESS_ONLY_GATEWAY.name),
    )
    record = call.tx.insert(records.EGRESS_ONLY_GATEWAY, call.account, gateway.id, gateway)
    return {
        "ClientToken": request.get("ClientToken"),
        "EgressOnlyInternetGateway": _render(call, record),
    }


def delete_gateway(
    call: WriteCall, request: shapes.DeleteEgressOnlyInternetGatewayRequest
) -> shapes.DeleteEgressOnlyInternetGatewayResult:
    """Delete a gateway; routes that lead to it lead nowhere then."""
    gateway = resources.one(
        call, records.EGRESS_ONLY_GATEWAY, request["EgressOnlyInternetGatewayId"]
    )
    call.tx.delete(gateway)
    return {"ReturnCode": True}


def _find(
    call: Call, request: shapes.DescribeEgressOnlyInternetGatewaysRequest
) -> Iterable[GatewayRecord]:
    asked: list[str] = request.get("EgressOnlyInternetGatewayIds") or []
    if asked:
        return resources.several(call, records.EGRESS_ONLY_GATEWAY, asked)
    return sorted(call.view.list(records.EGRESS_ONLY_GATEWAY, call.account), key=lambda it: it.id)


def _render(call: Call, gateway: GatewayRecord) -> shapes.EgressOnlyInternetGateway:
    return {
        "EgressOnlyInternetGatewayId": gateway.id,
        "Attachments": [{"State": "attached", "VpcId": gateway.doc.vpc_id}],
        "Tags": tagset.shown(gateway.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateEgressOnlyInternetGateway",
        does=Write(handle=create_gateway),
        honours=frozenset({"VpcId"}),
        creates=(records.EGRESS_ONLY_GATEWAY.name,),
    ),
    Action(
        service="ec2",
        name="DeleteEgressOnlyInternetGateway",
        does=Write(handle=delete_gateway),
        honours=frozenset({"EgressOnlyInternetGatewayId"}),
    ),
    Action(
        service="ec2",
        name="DescribeEgressOnlyInternetGateways",
        does=Listing(
            find=_find,
            render=_render,
            member="EgressOnlyInternetGateways",
            filters={},
            tags=lambda it: it.doc.tags,
            max_results=(5, 255),
        ),
        honours=frozenset({"EgressOnlyInternetGatewayIds"}),
    ),
)
