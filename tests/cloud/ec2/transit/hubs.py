"""A transit gateway with VPCs attached to it, made by a client."""

from dataclasses import dataclass
from typing import Any

from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net


@dataclass(frozen=True)
class Hub:
    """A gateway with its default table, and attachments by the number of their VPC."""

    id: str
    table: str
    vpcs: tuple[Net, ...]
    attachments: tuple[str, ...]


def gateway(client: Any, **options: Any) -> dict[str, Any]:
    """Make a gateway."""
    return client.create_transit_gateway(Options=options)["TransitGateway"]


def attach(client: Any, gateway_id: str, net: Net, **more: Any) -> str:
    """Attach a VPC."""
    made = client.create_transit_gateway_vpc_attachment(
        TransitGatewayId=gateway_id, VpcId=net.vpc, SubnetIds=[net.subnet], **more
    )
    return made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def make(client: Any, count: int = 2) -> Hub:
    """Make a gateway with that many VPCs: 10.10.0.0/16, 10.11.0.0/16 …"""
    made = gateway(client)
    found = [nets.make(client, f"10.{10 + n}.0.0/16", f"10.{10 + n}.1.0/24") for n in range(count)]
    id = made["TransitGatewayId"]
    attached = tuple(attach(client, id, net) for net in found)
    table = made["Options"]["AssociationDefaultRouteTableId"]
    return Hub(id, table, tuple(found), attached)


def found(client: Any, table: str, *filters: tuple[str, str]) -> dict[str, tuple[str, str, str]]:
    """The routes of a table: attachment (empty: none), type and state by destination."""
    asked = [{"Name": name, "Values": [value]} for name, value in filters]
    shown = client.search_transit_gateway_routes(
        TransitGatewayRouteTableId=table,
        Filters=asked or [{"Name": "state", "Values": ["active", "blackhole"]}],
    )["Routes"]
    return {
        route["DestinationCidrBlock"]: (
            "".join(it["TransitGatewayAttachmentId"] for it in route["TransitGatewayAttachments"]),
            route["Type"],
            route["State"],
        )
        for route in shown
    }
