"""Route tables, their routes and associations, and the gateways that routes lead to."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net, where
from tests.cloud.ec2.world import FakeHost

WORLD = "0.0.0.0/0"


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


def test_a_route_is_made_changed_and_removed(alice: Any, net: Net) -> None:
    to = {"RouteTableId": net.table, "DestinationCidrBlock": WORLD}
    assert alice.create_route(**to, GatewayId=net.gateway)["Return"]
    assert refusal(alice.create_route, **to, GatewayId=net.gateway) == "RouteAlreadyExists"
    assert nets.routes(alice, net.table)[WORLD] == (net.gateway, "active")
    nic = alice.create_network_interface(SubnetId=net.subnet)["NetworkInterface"]
    alice.replace_route(**to, NetworkInterfaceId=nic["NetworkInterfaceId"])
    assert nets.routes(alice, net.table)[WORLD] == (nic["NetworkInterfaceId"], "blackhole")
    alice.delete_route(**to)
    assert refusal(alice.delete_route, **to) == "InvalidRoute.NotFound"
    assert refusal(alice.replace_route, **to, GatewayId=net.gateway) == "InvalidParameterValue"


def test_local_routes_come_with_the_range_and_stay(alice: Any, net: Net) -> None:
    local = {"RouteTableId": net.table, "DestinationCidrBlock": "10.0.0.0/16"}
    assert refusal(alice.delete_route, **local) == "InvalidParameterValue"
    assert refusal(alice.create_route, **local, GatewayId=net.gateway) == "RouteAlreadyExists"
    within = {"RouteTableId": net.table, "DestinationCidrBlock": "10.0.7.0/24"}
    assert refusal(alice.create_route, **within, GatewayId=net.gateway) == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ({}, "MissingParameter"),
        ({"GatewayId": "igw-0123456789abcdef0"}, "InvalidInternetGatewayID.NotFound"),
        ({"GatewayId": "vgw-0123456789abcdef0"}, "InvalidGatewayID.NotFound"),
        ({"NatGatewayId": "nat-0123456789abcdef0"}, "InvalidNatGatewayID.NotFound"),
        ({"NatGatewayId": "x"}, "NatGatewayMalformed"),
        ({"InstanceId": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"NetworkInterfaceId": "eni-0123456789abcdef0"}, "InvalidNetworkInterfaceID.NotFound"),
        (
            {"VpcPeeringConnectionId": "pcx-0123456789abcdef0"},
            "InvalidVpcPeeringConnectionID.NotFound",
        ),
        ({"TransitGatewayId": "tgw-0123456789abcdef0"}, "InvalidTransitGatewayID.NotFound"),
        ({"LocalGatewayId": "lgw-0123456789abcdef0"}, "UnsupportedOperation"),
        ({"DestinationIpv6CidrBlock": "::/0"}, "InvalidParameterCombination"),
    ],
)
def test_a_route_leads_to_one_thing_that_is_there(
    alice: Any, net: Net, target: dict[str, Any], code: str
) -> None:
    to = {"RouteTableId": net.table, "DestinationCidrBlock": WORLD}
    assert refusal(alice.create_route, **to, **target) == code
    assert WORLD not in nets.routes(alice, net.table)


def test_a_gateway_of_another_network_carries_nothing(alice: Any, net: Net) -> None:
    other = alice.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    to = {"RouteTableId": net.table, "DestinationCidrBlock": WORLD}
    assert refusal(alice.create_route, **to, GatewayId=other) == "InvalidParameterValue"
    alice.create_route(**to, GatewayId=net.gateway)
    alice.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert nets.routes(alice, net.table)[WORLD][1] == "blackhole"
    alice.attach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    assert nets.routes(alice, net.table)[WORLD][1] == "active"


def test_a_route_to_an_instance_follows_its_power(alice: Any, net: Net, host: FakeHost) -> None:
    made = launch_one(alice, SubnetId=net.subnet)["InstanceId"]
    to = {"RouteTableId": net.table, "DestinationCidrBlock": "192.168.0.0/16"}
    alice.create_route(**to, InstanceId=made)
    assert nets.routes(alice, net.table)["192.168.0.0/16"][1] == "active"
    alice.stop_instances(InstanceIds=[made])
    assert nets.routes(alice, net.table)["192.168.0.0/16"][1] == "blackhole"


def test_a_subnet_uses_its_own_table_or_the_main_one(alice: Any, net: Net) -> None:
    own = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    id = alice.associate_route_table(RouteTableId=own, SubnetId=net.subnet)["AssociationId"]
    again = alice.associate_route_table(RouteTableId=own, SubnetId=net.subnet)
    assert again["AssociationId"] == id
    third = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    ask = alice.associate_route_table
    assert refusal(ask, RouteTableId=third, SubnetId=net.subnet) == "Resource.AlreadyAssociated"
    assert refusal(alice.delete_route_table, RouteTableId=own) == "DependencyViolation"
    new = alice.replace_route_table_association(AssociationId=id, RouteTableId=third)
    id = new["NewAssociationId"]
    alice.delete_route_table(RouteTableId=own)
    alice.disassociate_route_table(AssociationId=id)
    code = refusal(alice.disassociate_route_table, AssociationId=id)
    assert code == "InvalidAssociationID.NotFound"
    wanted = where("association.subnet-id", net.subnet)
    assert alice.describe_route_tables(Filters=wanted)["RouteTables"] == []


def test_the_main_table_is_exchanged(alice: Any, net: Net) -> None:
    other = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    main = nets.tables(alice, net.vpc)
    (id,) = [it["RouteTableAssociationId"] for table in main for it in table["Associations"]]
    code = refusal(alice.disassociate_route_table, AssociationId=id)
    assert code == "InvalidParameterValue"
    alice.replace_route_table_association(AssociationId=id, RouteTableId=other)
    wanted = [*where("association.main", "true"), *where("vpc-id", net.vpc)]
    (shown,) = alice.describe_route_tables(Filters=wanted)["RouteTables"]
    assert shown["RouteTableId"] == other
    alice.delete_route_table(RouteTableId=net.table)


def test_a_table_of_another_vpc_is_refused(alice: Any, net: Net) -> None:
    other = alice.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    table = nets.tables(alice, other)[0]["RouteTableId"]
    ask = alice.associate_route_table
    assert refusal(ask, RouteTableId=table, SubnetId=net.subnet) == "InvalidParameterValue"


def test_a_gateway_is_attached_once(alice: Any, net: Net) -> None:
    ask = alice.attach_internet_gateway
    both = {"InternetGatewayId": net.gateway, "VpcId": net.vpc}
    assert refusal(ask, **both) == "Resource.AlreadyAssociated"
    second = alice.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert refusal(ask, InternetGatewayId=second, VpcId=net.vpc) == "InvalidParameterValue"
    code = refusal(alice.detach_internet_gateway, InternetGatewayId=second, VpcId=net.vpc)
    assert code == "Gateway.NotAttached"
    code = refusal(alice.delete_internet_gateway, InternetGatewayId=net.gateway)
    assert code == "DependencyViolation"
    alice.delete_internet_gateway(InternetGatewayId=second)


def test_a_gateway_stays_while_public_addresses_need_it(
    alice: Any, net: Net, host: FakeHost
) -> None:
    nic = alice.create_network_interface(SubnetId=net.subnet)["NetworkInterface"]
    allocation = alice.allocate_address()["AllocationId"]
    alice.associate_address(AllocationId=allocation, NetworkInterfaceId=nic["NetworkInterfaceId"])
    detach = {"InternetGatewayId": net.gateway, "VpcId": net.vpc}
    assert refusal(alice.detach_internet_gateway, **detach) == "DependencyViolation"
    shown = alice.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    alice.disassociate_address(AssociationId=shown["AssociationId"])
    alice.detach_internet_gateway(**detach)
    ask = alice.associate_address
    code = refusal(ask, AllocationId=allocation, NetworkInterfaceId=nic["NetworkInterfaceId"])
    assert code == "Gateway.NotAttached"


def test_an_egress_only_gateway_is_for_ipv6(alice: Any, net: Net) -> None:
    made = alice.create_egress_only_internet_gateway(VpcId=net.vpc)["EgressOnlyInternetGateway"]
    id = made["EgressOnlyInternetGatewayId"]
    to = {"RouteTableId": net.table, "EgressOnlyInternetGatewayId": id}
    code = refusal(alice.create_route, **to, DestinationCidrBlock=WORLD)
    assert code == "InvalidParameterValue"
    alice.create_route(**to, DestinationIpv6CidrBlock="::/0")
    assert nets.routes(alice, net.table)["::/0"] == (id, "active")
    alice.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=id)
    assert nets.routes(alice, net.table)["::/0"] == (id, "blackhole")
