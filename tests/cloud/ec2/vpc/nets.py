"""A VPC with what most tests of networks need, made by its owner's client."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Net:
    """A VPC with one subnet and an internet gateway that nothing leads to yet."""

    vpc: str
    subnet: str
    gateway: str
    table: str
    """The main route table."""


def make(client: Any, cidr: str = "10.0.0.0/16", part: str = "10.0.1.0/24") -> Net:
    """Make one."""
    vpc = client.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock=part)["Subnet"]["SubnetId"]
    gateway = client.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return Net(vpc, subnet, gateway, tables(client, vpc)[0]["RouteTableId"])


def where(name: str, *values: str) -> list[dict[str, Any]]:
    """A filter."""
    return [{"Name": name, "Values": list(values)}]


def tables(client: Any, vpc: str) -> list[dict[str, Any]]:
    """The route tables of a VPC."""
    return client.describe_route_tables(Filters=where("vpc-id", vpc))["RouteTables"]


def routes(client: Any, table: str) -> dict[str, tuple[str, str]]:
    """The routes of a table: target and state by destination."""
    shown = client.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    found: dict[str, tuple[str, str]] = {}
    for route in shown:
        to = next(route[name] for name in DESTINATIONS if name in route)
        by = next(route[name] for name in TARGETS if name in route)
        found[to] = (by, route["State"])
    return found


DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "TransitGatewayId",
)
