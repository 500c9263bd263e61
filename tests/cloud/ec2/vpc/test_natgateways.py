"""NAT gateways: public and private ones, with an interface that the cloud manages."""

from typing import Any

import botocore.exceptions
import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets
from tests.cloud.ec2.vpc.nets import Net, where


@pytest.fixture
def net(alice: Any) -> Net:
    return nets.make(alice)


@pytest.fixture
def public(alice: Any, net: Net) -> dict[str, Any]:
    allocation = alice.allocate_address()["AllocationId"]
    made = alice.create_nat_gateway(SubnetId=net.subnet, AllocationId=allocation)
    return made["NatGateway"]


def wait(client: Any, waiter: str, id: str) -> None:
    client.get_waiter(waiter).wait(NatGatewayIds=[id], WaiterConfig={"Delay": 1})


def failure(client: Any, subnet: str, allocation: str) -> str:
    """Make a gateway that fails; return why."""
    made = client.create_nat_gateway(SubnetId=subnet, AllocationId=allocation)["NatGateway"]
    assert made["State"] == "pending"
    with pytest.raises(botocore.exceptions.WaiterError):
        wait(client, "nat_gateway_available", made["NatGatewayId"])
    (shown,) = client.describe_nat_gateways(NatGatewayIds=[made["NatGatewayId"]])["NatGateways"]
    assert (shown["State"], shown["NatGatewayAddresses"]) == ("failed", [])
    route = {"RouteTableId": nets.tables(client, shown["VpcId"])[0]["RouteTableId"]}
    code = refusal(client.create_route, **route, DestinationCidrBlock="192.0.2.0/24",
                   NatGatewayId=made["NatGatewayId"])  # fmt: skip
    assert code == "InvalidNatGatewayID.NotFound"
    client.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    return shown["FailureCode"]


def address_of(client: Any, allocation: str) -> dict[str, Any]:
    return client.describe_addresses(AllocationIds=[allocation])["Addresses"][0]


def test_a_public_gateway_has_an_elastic_address_and_an_interface(
    alice: Any, net: Net, public: dict[str, Any]
) -> None:
    (own,) = public["NatGatewayAddresses"]
    assert public["State"] == "pending"
    assert own["IsPrimary"]
    allocation = own["AllocationId"]
    assert address_of(alice, allocation)["NetworkInterfaceId"] == own["NetworkInterfaceId"]
    (nic,) = alice.describe_network_interfaces(NetworkInterfaceIds=[own["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert (nic["InterfaceType"], nic["RequesterManaged"]) == ("nat_gateway", True)
    assert nic["Status"] == "in-use"
    assert nic["PrivateIpAddress"] == own["PrivateIp"]


def test_its_interface_and_address_are_the_gateways_to_give_up(
    alice: Any, net: Net, public: dict[str, Any]
) -> None:
    (own,) = public["NatGatewayAddresses"]
    nic = {"NetworkInterfaceId": own["NetworkInterfaceId"]}
    assert refusal(alice.delete_network_interface, **nic) == "InvalidParameterValue"
    code = refusal(alice.modify_network_interface_attribute, **nic, Description={"Value": "x"})
    assert code == "OperationNotPermitted"
    code = refusal(alice.disassociate_address, AssociationId=own["AssociationId"])
    assert code == "AuthFailure"
    code = refusal(alice.release_address, AllocationId=own["AllocationId"])
    assert code == "InvalidIPAddress.InUse"
    assert refusal(alice.delete_subnet, SubnetId=net.subnet) == "DependencyViolation"


def test_a_deleted_gateway_leaves_its_address_and_a_black_hole(
    alice: Any, net: Net, public: dict[str, Any]
) -> None:
    id = public["NatGatewayId"]
    alice.create_route(RouteTableId=net.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=id)
    assert nets.routes(alice, net.table)["0.0.0.0/0"] == (id, "active")
    alice.delete_nat_gateway(NatGatewayId=id)
    assert nets.routes(alice, net.table)["0.0.0.0/0"] == (id, "blackhole")
    (shown,) = alice.describe_nat_gateways(NatGatewayIds=[id])["NatGateways"]
    assert shown["State"] in ("deleting", "deleted")
    assert refusal(alice.delete_nat_gateway, NatGatewayId=id) == "NatGatewayNotFound"
    allocation = public["NatGatewayAddresses"][0]["AllocationId"]
    assert "AssociationId" not in address_of(alice, allocation)
    alice.delete_subnet(SubnetId=net.subnet)
    wait(alice, "nat_gateway_deleted", id)


def test_a_public_gateway_needs_a_free_address_and_a_way_out(alice: Any, net: Net) -> None:
    ask = alice.create_nat_gateway
    assert refusal(ask, SubnetId=net.subnet) == "MissingParameter"
    allocation = alice.allocate_address()["AllocationId"]
    ask(SubnetId=net.subnet, AllocationId=allocation)
    assert failure(alice, net.subnet, allocation) == "Resource.AlreadyAssociated"
    lone = alice.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = alice.create_subnet(VpcId=lone, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    other = alice.allocate_address()["AllocationId"]
    assert failure(alice, subnet, other) == "Gateway.NotAttached"
    private = {"SubnetId": subnet, "ConnectivityType": "private"}
    code = refusal(ask, **private, AllocationId=other)
    assert code == "InvalidParameterCombination"
    assert ask(**private)["NatGateway"]["ConnectivityType"] == "private"
    code = refusal(ask, SubnetId=subnet, AvailabilityMode="regional")
    assert code == "UnsupportedOperation"


def test_gateways_are_found_by_filters(alice: Any, net: Net, public: dict[str, Any]) -> None:
    ask = alice.describe_nat_gateways
    assert len(ask(Filter=where("vpc-id", net.vpc))["NatGateways"]) == 1
    assert ask(Filter=where("state", "deleted"))["NatGateways"] == []
    wait(alice, "nat_gateway_available", public["NatGatewayId"])


def test_a_public_gateway_gets_a_second_address_and_loses_it(
    alice: Any, public: dict[str, Any]
) -> None:
    id = public["NatGatewayId"]
    allocation = alice.allocate_address()["AllocationId"]
    ask = alice.associate_nat_gateway_address
    (new,) = ask(NatGatewayId=id, AllocationIds=[allocation])["NatGatewayAddresses"]
    third = alice.allocate_address()["AllocationId"]
    code = refusal(ask, NatGatewayId=id, AllocationIds=[third])
    assert code == "AddressLimitExceeded"
    take = alice.disassociate_nat_gateway_address
    primary = public["NatGatewayAddresses"][0]["AssociationId"]
    code = refusal(take, NatGatewayId=id, AssociationIds=[primary])
    assert code == "InvalidParameterValue"
    take(NatGatewayId=id, AssociationIds=[new["AssociationId"]])
    (shown,) = alice.describe_nat_gateways(NatGatewayIds=[id])["NatGateways"]
    assert len(shown["NatGatewayAddresses"]) == 1
    code = refusal(alice.assign_private_nat_gateway_address, NatGatewayId=id)
    assert code == "InvalidParameterValue"


def test_a_private_gateway_gets_more_private_addresses(alice: Any, net: Net) -> None:
    made = alice.create_nat_gateway(SubnetId=net.subnet, ConnectivityType="private")
    id = made["NatGateway"]["NatGatewayId"]
    ask = alice.assign_private_nat_gateway_address
    added = ask(NatGatewayId=id, PrivateIpAddressCount=2)["NatGatewayAddresses"]
    assert len(added) == 2
    ips = [it["PrivateIp"] for it in added]
    alice.unassign_private_nat_gateway_address(NatGatewayId=id, PrivateIpAddresses=ips)
    (shown,) = alice.describe_nat_gateways(NatGatewayIds=[id])["NatGateways"]
    assert len(shown["NatGatewayAddresses"]) == 1


def test_a_gateway_is_made_with_no_more_addresses_than_it_may_have_and_each_once(
    alice: Any, net: Net
) -> None:
    one, two, three = (alice.allocate_address()["AllocationId"] for _ in range(3))
    ask, asked = alice.create_nat_gateway, {"SubnetId": net.subnet, "AllocationId": one}
    assert refusal(ask, **asked, SecondaryAllocationIds=[one]) == "InvalidParameterValue"
    assert refusal(ask, **asked, SecondaryAllocationIds=[two, three]) == "AddressLimitExceeded"
    made = ask(**asked, SecondaryAllocationIds=[two])["NatGateway"]
    assert {it["AllocationId"] for it in made["NatGatewayAddresses"]} == {one, two}
    private = {"SubnetId": net.subnet, "ConnectivityType": "private"}
    code = refusal(ask, **private, SecondaryPrivateIpAddressCount=8)
    assert code == "PrivateIpAddressLimitExceeded"
    made = ask(**private, SecondaryPrivateIpAddressCount=7)["NatGateway"]
    assert len(made["NatGatewayAddresses"]) == 8
