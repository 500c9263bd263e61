"""Public ranges: set aside from the cloud's own, handed on, and allocated address by address."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


@pytest.fixture
def block(alice: Any, plan: Plan) -> str:
    """A pool of eight public addresses in a row."""
    pool = plans.pool(alice, plan.public, PublicIpSource="amazon", AwsService="ec2")
    alice.provision_ipam_pool_cidr(IpamPoolId=pool, NetmaskLength=29)
    return pool


def test_a_block_is_set_aside_and_lent_to_nobody_else(alice: Any, bob: Any, block: str) -> None:
    (cidr,) = plans.ranges(alice, block)
    first = cidr.partition("/")[0]
    assert refusal(bob.allocate_address, Address=first) == "InvalidIPAddress.InUse"
    given = alice.allocate_address(IpamPoolId=block)
    assert (given["PublicIp"], given["PublicIpv4Pool"]) == (first, block)
    shown = alice.describe_addresses(AllocationIds=[given["AllocationId"]])["Addresses"][0]
    assert shown["PublicIpv4Pool"] == block
    assert plans.held(alice, block) == {f"{first}/32": given["AllocationId"]}
    asked = {"IpamPoolId": block, "Cidr": cidr}
    assert refusal(alice.deprovision_ipam_pool_cidr, **asked) == "DependencyViolation"
    alice.release_address(AllocationId=given["AllocationId"])
    assert plans.held(alice, block) == {}
    assert refusal(bob.allocate_address, Address=first) == "InvalidIPAddress.InUse"
    alice.deprovision_ipam_pool_cidr(**asked)
    assert bob.allocate_address(Address=first)["PublicIp"] == first


def test_a_named_address_of_a_block_is_allocated(alice: Any, block: str) -> None:
    (cidr,) = plans.ranges(alice, block)
    fourth = cidr.partition("/")[0].rpartition(".")
    wanted = f"{fourth[0]}.{int(fourth[2]) + 3}"
    assert alice.allocate_address(IpamPoolId=block, Address=wanted)["PublicIp"] == wanted
    again = {"IpamPoolId": block, "Address": wanted}
    assert refusal(alice.allocate_address, **again) == "InvalidParameterValue"
    outside = {"IpamPoolId": block, "Address": "203.0.113.250"}
    assert refusal(alice.allocate_address, **outside) == "InvalidParameterValue"


def test_public_ranges_are_set_aside_by_the_clouds_administrators(bob: Any) -> None:
    plan = plans.make(bob)
    pool = plans.pool(bob, plan.public, PublicIpSource="amazon", AwsService="ec2")
    asked = {"IpamPoolId": pool, "NetmaskLength": 30}
    assert refusal(bob.provision_ipam_pool_cidr, **asked) == "AuthFailure"
    brought = {"IpamScopeId": plan.public, "AddressFamily": "ipv4", "PublicIpSource": "byoip"}
    assert refusal(bob.create_ipam_pool, **brought) == "UnsupportedOperation"
    asked = {"IpamPoolId": pool, "Cidr": "198.51.100.0/24"}
    assert refusal(bob.provision_ipam_pool_cidr, **asked) == "UnsupportedOperation"


def test_a_pool_of_addresses_gives_its_own(alice: Any, block: str) -> None:
    pool = alice.create_public_ipv4_pool()["PoolId"]
    made = alice.provision_public_ipv4_pool_cidr(IpamPoolId=block, PoolId=pool, NetmaskLength=30)
    span = made["PoolAddressRange"]
    assert (span["AddressCount"], span["AvailableAddressCount"]) == (4, 4)
    taken = [alice.allocate_address(PublicIpv4Pool=pool) for _ in range(4)]
    assert {it["PublicIpv4Pool"] for it in taken} == {pool}
    code = refusal(alice.allocate_address, PublicIpv4Pool=pool)
    assert code == "InsufficientAddressCapacity"
    shown = alice.describe_public_ipv4_pools(PoolIds=[pool])["PublicIpv4Pools"][0]
    assert (shown["TotalAddressCount"], shown["TotalAvailableAddressCount"]) == (4, 0)
    (cidr,) = [key for key, value in plans.held(alice, block).items() if value == pool]
    asked = {"PoolId": pool, "Cidr": cidr}
    assert refusal(alice.deprovision_public_ipv4_pool_cidr, **asked) == "DependencyViolation"
    assert refusal(alice.delete_public_ipv4_pool, PoolId=pool) == "DependencyViolation"
    for one in taken:
        alice.release_address(AllocationId=one["AllocationId"])
    gone = alice.deprovision_public_ipv4_pool_cidr(**asked)["DeprovisionedAddresses"]
    assert set(gone) == {it["PublicIp"] for it in taken}
    assert alice.delete_public_ipv4_pool(PoolId=pool)["ReturnValue"] is True
    assert refusal(alice.allocate_address, PublicIpv4Pool=pool) == "InvalidPoolID.NotFound"


def test_an_address_of_a_pool_is_not_passed_on(alice: Any, bob: Any, block: str) -> None:
    given = alice.allocate_address(IpamPoolId=block)["AllocationId"]
    bobs = bob.describe_vpcs()["Vpcs"][0]["OwnerId"]
    asked = {"AllocationId": given, "TransferAccountId": bobs}
    assert refusal(alice.enable_address_transfer, **asked) == "OperationNotPermitted"


@pytest.mark.parametrize(
    "asked",
    [
        {"PublicIpv4Pool": "ipv4pool-ec2-0123456789abcdef0", "IpamPoolId": True},
        {"NetworkBorderGroup": "eu-west-1"},
    ],
)
def test_an_address_comes_from_one_place(alice: Any, block: str, asked: dict[str, Any]) -> None:
    named = {k: block if v is True else v for k, v in asked.items()}
    assert refusal(alice.allocate_address, **named).startswith("InvalidParameter")


def test_a_private_pool_gives_no_addresses(alice: Any, plan: Plan) -> None:
    code = refusal(alice.allocate_address, IpamPoolId=plan.pool)
    assert code == "InvalidParameterValue"


def test_vpcs_take_ranges_of_ipv6_that_were_set_aside(alice: Any, plan: Plan) -> None:
    pool = plans.pool(
        alice, plan.public, AddressFamily="ipv6", PublicIpSource="amazon", AwsService="ec2"
    )
    alice.provision_ipam_pool_cidr(IpamPoolId=pool, NetmaskLength=52)
    (whole,) = plans.ranges(alice, pool)
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16", Ipv6IpamPoolId=pool, Ipv6NetmaskLength=56)[
        "Vpc"
    ]
    (block,) = vpc["Ipv6CidrBlockAssociationSet"]
    assert block["Ipv6Pool"] == "IPAM Managed"
    assert block["Ipv6CidrBlock"].startswith(whole.partition("/")[0].rstrip(":"))
    small = alice.associate_vpc_cidr_block(
        VpcId=vpc["VpcId"], Ipv6IpamPoolId=pool, Ipv6NetmaskLength=60
    )["Ipv6CidrBlockAssociation"]
    assert small["Ipv6CidrBlock"].endswith("/60")
    other = alice.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    free = other["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    assert free not in plans.held(alice, pool)
    odd = {"VpcId": vpc["VpcId"], "Ipv6IpamPoolId": pool, "Ipv6NetmaskLength": 58}
    assert refusal(alice.associate_vpc_cidr_block, **odd) == "InvalidVpc.Range"
    alice.disassociate_vpc_cidr_block(AssociationId=small["AssociationId"])
    assert set(plans.held(alice, pool)) == {block["Ipv6CidrBlock"]}
    alice.delete_vpc(VpcId=vpc["VpcId"])
    assert plans.held(alice, pool) == {}
    alice.deprovision_ipam_pool_cidr(IpamPoolId=pool, Cidr=whole)
