"""Subnets that users make: parts of their VPC, each address once, ranges kept back."""

import time
from ipaddress import IPv4Network
from typing import Any

import pytest

from mallee.cloud.ec2.vpc import subnetreservations
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.vpc import nets


@pytest.fixture
def vpc(alice: Any) -> str:
    return alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/29", "InvalidSubnet.Range"),
        ("10.0.0.0/15", "InvalidSubnet.Range"),
        ("x", "InvalidParameterValue"),
    ],
)
def test_a_subnet_is_a_part_of_its_vpc(alice: Any, vpc: str, cidr: str, code: str) -> None:
    assert refusal(alice.create_subnet, VpcId=vpc, CidrBlock=cidr) == code


def test_subnets_do_not_overlap(alice: Any, vpc: str) -> None:
    alice.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")
    ask = alice.create_subnet
    assert refusal(ask, VpcId=vpc, CidrBlock="10.0.8.0/24") == "InvalidSubnet.Conflict"
    code = refusal(ask, VpcId=vpc, CidrBlock="10.0.16.0/24", AvailabilityZone="us-east-1z")
    assert code == "InvalidParameterValue"
    made = ask(VpcId=vpc, CidrBlock="10.0.16.0/28", AvailabilityZoneId="use1-az1")["Subnet"]
    assert made["AvailableIpAddressCount"] == 11
    assert not made["MapPublicIpOnLaunch"]


def test_a_subnet_with_an_interface_stays(alice: Any, vpc: str) -> None:
    subnet = alice.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    nic = alice.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert refusal(alice.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    alice.delete_network_interface(NetworkInterfaceId=nic["NetworkInterfaceId"])
    alice.delete_subnet(SubnetId=subnet)
    assert refusal(alice.delete_subnet, SubnetId=subnet) == "InvalidSubnetID.NotFound"


def test_reserved_addresses_are_given_by_name_only(alice: Any, vpc: str) -> None:
    subnet = alice.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/27")["Subnet"]["SubnetId"]
    made = alice.create_subnet_cidr_reservation(
        SubnetId=subnet, Cidr="10.0.0.16/28", ReservationType="explicit"
    )["SubnetCidrReservation"]
    ask = alice.create_network_interface
    for _ in range(12):
        ip = ask(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]
        assert int(ip.rpartition(".")[2]) < 16
    assert refusal(ask, SubnetId=subnet) == "InsufficientFreeAddressesInSubnet"
    named = ask(SubnetId=subnet, PrivateIpAddress="10.0.0.20")["NetworkInterface"]
    assert named["PrivateIpAddress"] == "10.0.0.20"
    again = alice.create_subnet_cidr_reservation
    code = refusal(again, SubnetId=subnet, Cidr="10.0.0.16/30", ReservationType="prefix")
    assert code == "InvalidSubnetCidrReservation.Conflict"
    code = refusal(again, SubnetId=subnet, Cidr="10.1.0.16/30", ReservationType="prefix")
    assert code == "InvalidParameterValue"
    id = made["SubnetCidrReservationId"]
    shown = alice.get_subnet_cidr_reservations(SubnetId=subnet)
    assert [it["SubnetCidrReservationId"] for it in shown["SubnetIpv4CidrReservations"]] == [id]
    alice.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)
    ask(SubnetId=subnet)


def test_a_subnet_has_only_so_many_reservations_in_so_many_words(
    alice: Any, vpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subnetreservations, "MAX_PER_SUBNET", 2)
    subnet = alice.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    ask, kind = alice.create_subnet_cidr_reservation, {"ReservationType": "explicit"}
    code = refusal(ask, SubnetId=subnet, Cidr="10.0.0.16/28", Description="x" * 256, **kind)
    assert code == "InvalidParameterValue"
    for cidr in ("10.0.0.16/28", "10.0.0.32/28"):
        made = ask(SubnetId=subnet, Cidr=cidr, Description="x" * 255, **kind)
    more = {"SubnetId": subnet, "Cidr": "10.0.0.48/28", **kind}
    assert refusal(ask, **more) == "ResourceLimitExceeded"
    id = made["SubnetCidrReservation"]["SubnetCidrReservationId"]
    alice.delete_subnet_cidr_reservation(SubnetCidrReservationId=id)
    ask(**more)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "InsufficientFreeAddressesInSubnet"),
        ({"PrivateIpAddress": "10.0.0.9", "Ipv4PrefixCount": 9}, "InsufficientCidrBlocks"),
    ],
    ids=["an address", "prefixes"],
)
def test_what_a_large_subnet_has_reserved_costs_nothing(
    alice: Any, vpc: str, asked: dict[str, Any], code: str
) -> None:
    def seconds(cidr: str) -> float:
        """Return how much of a processor it takes to be refused where all is reserved."""
        network = IPv4Network(cidr)
        subnet = alice.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        for part in network.subnets(prefixlen_diff=6):
            alice.create_subnet_cidr_reservation(
                SubnetId=subnet, Cidr=str(part), ReservationType="explicit"
            )
        took: list[float] = []
        for _ in range(3):
            began = time.process_time()
            assert refusal(alice.create_network_interface, SubnetId=subnet, **asked) == code
            took.append(time.process_time() - began)
        alice.delete_subnet(SubnetId=subnet)
        return min(took)

    small = seconds("10.0.0.0/24")
    assert seconds("10.0.0.0/16") < 10 * small


def test_attributes_are_set_one_by_one(alice: Any) -> None:
    net = nets.make(alice)
    ask = alice.modify_subnet_attribute
    ask(SubnetId=net.subnet, MapPublicIpOnLaunch={"Value": True})
    (shown,) = alice.describe_subnets(SubnetIds=[net.subnet])["Subnets"]
    assert shown["MapPublicIpOnLaunch"]
    code = refusal(ask, SubnetId=net.subnet, AssignIpv6AddressOnCreation={"Value": True})
    assert code == "InvalidParameterValue"
    assert refusal(ask, SubnetId=net.subnet) == "InvalidParameterCombination"
    code = refusal(ask, SubnetId=net.subnet, EnableDns64={"Value": True})
    assert code == "UnsupportedOperation"
