"""Two VPCs that a transit gateway leads to each other, and then a peering: with real guests."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests import wholecloud
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

FELT_S = 240.0
PERMISSIONS = [
    {
        "IpProtocol": "-1",
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
    }
]
SPEAKS_IPV6 = """#!/bin/sh
ip -6 address add {address}/128 dev eth0
ip -6 route add default via fe80::1 dev eth0
"""
"""What a guest does that asks no DHCP for its address of IPv6."""


@dataclass(frozen=True, slots=True)
class Net:
    """A VPC of both families with one subnet."""

    vpc: str
    subnet: str
    table: str
    group: str
    cidr: str
    cidr6: str

    @property
    def guest6(self) -> str:
        """The address of its guest."""
        return self.cidr6.replace("::/56", "::77")


def _net(ec2: Any, held: ExitStack, number: int) -> Net:
    cidr = f"10.{number}.0.0/16"
    made = ec2.create_vpc(CidrBlock=cidr, AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    vpc = made["VpcId"]
    held.callback(ec2.delete_vpc, VpcId=vpc)
    cidr6 = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock=f"10.{number}.1.0/24", Ipv6CidrBlock=cidr6.replace("/56", "/64")
    )["Subnet"]["SubnetId"]
    held.callback(ec2.delete_subnet, SubnetId=subnet)
    group = ec2.create_security_group(GroupName="far", Description="far", VpcId=vpc)["GroupId"]
    held.callback(ec2.delete_security_group, GroupId=group)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=PERMISSIONS)
    named = [{"Name": "vpc-id", "Values": [vpc]}]
    table = ec2.describe_route_tables(Filters=named)["RouteTables"][0]["RouteTableId"]
    return Net(vpc, subnet, table, group, cidr, cidr6)


@contextmanager
def _guest(cloud: Cloud, net: Net, *, public: bool) -> Generator[str]:
    card = {
        "DeviceIndex": 0, "SubnetId": net.subnet, "Groups": [net.group],
        "AssociatePublicIpAddress": public, "Ipv6Addresses": [{"Ipv6Address": net.guest6}],
    }  # fmt: skip
    cloud.key_pair("tests")
    made = cloud.ec2.run_instances(
        ImageId=cloud.image(), InstanceType="m1.small", KeyName="tests", MinCount=1, MaxCount=1,
        NetworkInterfaces=[card], UserData=SPEAKS_IPV6.format(address=net.guest6),
    )["Instances"][0]["InstanceId"]  # fmt: skip
    try:
        cloud.wait_state(made, "running")
        yield made
    finally:
        cloud.terminate(made)


@pytest.fixture(scope="module")
def nets(cloud: Cloud) -> Iterator[tuple[Net, Net]]:
    ec2: Any = cloud.ec2
    with ExitStack() as held:
        near, far = (_net(ec2, held, number) for number in (78, 79))
        internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        held.callback(ec2.delete_internet_gateway, InternetGatewayId=internet)
        ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=near.vpc)
        held.callback(ec2.detach_internet_gateway, InternetGatewayId=internet, VpcId=near.vpc)
        ec2.create_route(
            RouteTableId=near.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet
        )
        yield near, far


def _lead(ec2: Any, nets: tuple[Net, Net], **target: str) -> None:
    """Let each VPC's table lead to the other one by a target, over both families."""
    for own, other in (nets, nets[::-1]):
        for member, cidr in (
            ("DestinationCidrBlock", other.cidr),
            ("DestinationIpv6CidrBlock", other.cidr6),
        ):
            ec2.create_route(RouteTableId=own.table, **{member: cidr}, **target)


def _lead_nowhere(ec2: Any, nets: tuple[Net, Net]) -> None:
    for own, other in (nets, nets[::-1]):
        ec2.delete_route(RouteTableId=own.table, DestinationCidrBlock=other.cidr)
        ec2.delete_route(RouteTableId=own.table, DestinationIpv6CidrBlock=other.cidr6)


def test_guests_of_two_vpcs_speak_by_a_transit_gateway_and_by_peering(
    cloud: Cloud, nets: tuple[Net, Net]
) -> None:
    ec2: Any = cloud.ec2
    near, far = nets
    with _guest(cloud, near, public=True) as one, _guest(cloud, far, public=False) as two:
        there = cloud.instance(two)["PrivateIpAddress"]

        def hears(address: str) -> bool:
            kind = "-6 " if ":" in address else ""
            said = cloud.ssh(one, f"ping {kind}-c 1 -W 1 {address} 2>&1; true")
            return "bytes from" in said

        with ExitStack() as held:
            _transit(ec2, held, nets)
            wholecloud.wait_until(lambda: hears(there), FELT_S, "IPv4 by the transit gateway")
            wholecloud.wait_until(lambda: hears(far.guest6), FELT_S, "IPv6 by the transit gateway")
            _lead_nowhere(ec2, nets)
            wholecloud.wait_until(lambda: not hears(there), FELT_S, "no way to be left")
        peering = ec2.create_vpc_peering_connection(VpcId=near.vpc, PeerVpcId=far.vpc)[
            "VpcPeeringConnection"
        ]["VpcPeeringConnectionId"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        try:
            _lead(ec2, nets, VpcPeeringConnectionId=peering)
            wholecloud.wait_until(lambda: hears(there), FELT_S, "IPv4 by peering")
            wholecloud.wait_until(lambda: hears(far.guest6), FELT_S, "IPv6 by peering")
        finally:
            ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)


def _transit(ec2: Any, held: ExitStack, nets: tuple[Net, Net]) -> None:
    """Attach both VPCs to a gateway and let them lead there."""
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    held.callback(ec2.delete_transit_gateway, TransitGatewayId=gateway)
    for net in nets:
        made = ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=gateway,
            VpcId=net.vpc,
            SubnetIds=[net.subnet],
            Options={"Ipv6Support": "enable"},
        )["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
        held.callback(ec2.delete_transit_gateway_vpc_attachment, TransitGatewayAttachmentId=made)
    _lead(ec2, nets, TransitGatewayId=gateway)
