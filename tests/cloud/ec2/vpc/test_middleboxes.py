"""Routes for subnets and in the place of local ones, and tables of internet gateways."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.model.network.carried import Way
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net, where
from tests.cloud.ec2.world import FakeHost, World

RANGE, PART = "10.0.0.0/16", "10.0.1.0/24"


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def box(alice: Any, net: Net) -> str:
    made = alice.create_network_interface(SubnetId=net.subnet)["NetworkInterface"]
    return made["NetworkInterfaceId"]


def test_a_route_for_a_subnet_leads_to_an_appliance(alice: Any, net: Net, box: str) -> None:
    ask = alice.create_route
    named = {"RouteTableId": net.table, "DestinationCidrBlock": PART}
    assert refusal(ask, **named, GatewayId=net.gateway) == "InvalidParameterValue"
    half = {**named, "DestinationCidrBlock": "10.0.1.0/25"}
    assert refusal(ask, **half, NetworkInterfaceId=box) == "InvalidParameterValue"
    ask(**named, NetworkInterfaceId=box)
    assert nets.routes(alice, net.table)[PART] == (box, "blackhole")
    alice.delete_route(**named)
    nat = alice.create_nat_gateway(SubnetId=net.subnet, ConnectivityType="private")["NatGateway"]
    ask(**named, NatGatewayId=nat["NatGatewayId"])
    assert nets.routes(alice, net.table)[PART] == (nat["NatGatewayId"], "active")


def test_the_local_route_is_replaced_and_restored(alice: Any, net: Net, box: str) -> None:
    local = {"RouteTableId": net.table, "DestinationCidrBlock": RANGE}
    ask = alice.replace_route
    assert refusal(ask, **local, GatewayId=net.gateway) == "InvalidParameterValue"
    ask(**local, NetworkInterfaceId=box)
    assert nets.routes(alice, net.table)[RANGE] == (box, "blackhole")
    assert refusal(alice.delete_route, **local) == "InvalidParameterValue"
    assert refusal(ask, **local, LocalTarget=True, NetworkInterfaceId=box) == (
        "InvalidParameterCombination"
    )
    ask(**local, LocalTarget=True)
    assert nets.routes(alice, net.table)[RANGE] == ("local", "active")
    other = {**local, "DestinationCidrBlock": "192.0.2.0/24"}
    assert refusal(ask, **other, LocalTarget=True) == "InvalidParameterValue"


def test_an_internet_gateway_has_one_table_of_its_own(alice: Any, net: Net, box: str) -> None:
    table = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    alice.create_route(RouteTableId=table, DestinationCidrBlock=PART, NetworkInterfaceId=box)
    associate = alice.associate_route_table
    made = associate(RouteTableId=table, GatewayId=net.gateway)
    assert (
        associate(RouteTableId=table, GatewayId=net.gateway)["AssociationId"]
        == (made["AssociationId"])
    )
    assert refusal(associate, RouteTableId=net.table, GatewayId=net.gateway) == (
        "Resource.AlreadyAssociated"
    )
    named = where("association.gateway-id", net.gateway)
    shown = alice.describe_route_tables(Filters=named)["RouteTables"]
    assert [it["RouteTableId"] for it in shown] == [table]
    assert shown[0]["Associations"][0]["GatewayId"] == net.gateway
    away = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    assert refusal(alice.create_route, **away, NetworkInterfaceId=box) == "InvalidParameterValue"
    assert refusal(alice.delete_route_table, RouteTableId=table) == "DependencyViolation"
    other = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    changed = alice.replace_route_table_association(
        AssociationId=made["AssociationId"], RouteTableId=other
    )
    alice.delete_route_table(RouteTableId=table)
    alice.disassociate_route_table(AssociationId=changed["NewAssociationId"])
    assert alice.describe_route_tables(Filters=named)["RouteTables"] == []
    alice.delete_route_table(RouteTableId=other)


def test_a_table_that_leads_away_is_no_gateways(alice: Any, net: Net) -> None:
    alice.create_route(
        RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=net.gateway
    )
    ask = alice.associate_route_table
    assert refusal(ask, RouteTableId=net.table, GatewayId=net.gateway) == "InvalidParameterValue"
    assert refusal(ask, RouteTableId=net.table, GatewayId="vgw-0123456789abcdef0") == (
        "InvalidGatewayID.NotFound"
    )
    code = refusal(ask, RouteTableId=net.table, GatewayId=net.gateway, SubnetId=net.subnet)
    assert code == "InvalidParameterCombination"


def test_a_detached_gateway_keeps_no_table(alice: Any, net: Net) -> None:
    alice.associate_route_table(RouteTableId=net.table, GatewayId=net.gateway)
    alice.detach_internet_gateway(InternetGatewayId=net.gateway, VpcId=net.vpc)
    named = where("association.gateway-id", net.gateway)
    assert alice.describe_route_tables(Filters=named)["RouteTables"] == []


def test_hosts_are_told_of_it(alice: Any, world: World, host: FakeHost, net: Net) -> None:
    launched = alice.run_instances(
        ImageId="ami-00000000000000001", MinCount=1, MaxCount=1, SubnetId=net.subnet
    )["Instances"][0]
    box = launched["NetworkInterfaces"][0]["NetworkInterfaceId"]
    table = alice.create_route_table(VpcId=net.vpc)["RouteTable"]["RouteTableId"]
    alice.associate_route_table(RouteTableId=table, GatewayId=net.gateway)
    alice.replace_route(RouteTableId=table, DestinationCidrBlock=RANGE, NetworkInterfaceId=box)
    (vpc,) = slices.host_wanted(world.store.view, host.id, world.settings).vpcs
    assert vpc.gateway_table_id == table
    led = next(it for it in vpc.route_tables if it.id == table)
    assert [(it.cidr, it.way, it.target_id) for it in led.routes] == [(RANGE, Way.INTERFACE, box)]
