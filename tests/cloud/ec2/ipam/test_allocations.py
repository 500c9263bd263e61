"""What is given out of pools: by hand, to VPCs and to subnets, and back again."""

from typing import Any

import pytest

from mallee.cloud.ec2.ipam import given
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


def allocate(client: Any, pool: str, **asked: Any) -> dict[str, Any]:
    return client.allocate_ipam_pool_cidr(IpamPoolId=pool, **asked)["IpamPoolAllocation"]


def test_a_part_is_noted_looked_for_and_released(alice: Any, plan: Plan) -> None:
    looked = allocate(alice, plan.pool, NetmaskLength=24, PreviewNextCidr=True)
    assert looked["Cidr"] == "10.0.0.0/24"
    assert plans.held(alice, plan.pool) == {}
    made = allocate(alice, plan.pool, NetmaskLength=24, Description="printers")
    assert (made["Cidr"], made["ResourceType"]) == ("10.0.0.0/24", "custom")
    other = allocate(
        alice, plan.pool, NetmaskLength=24, DisallowedCidrs=["10.0.0.0/16", "10.1.0.0/24"]
    )
    assert other["Cidr"] == "10.1.1.0/24"
    within = allocate(alice, plan.pool, NetmaskLength=24, AllowedCidrs=["10.9.0.0/16"])
    assert within["Cidr"] == "10.9.0.0/24"
    taken = {"IpamPoolId": plan.pool, "Cidr": "10.0.0.128/25"}
    assert refusal(alice.allocate_ipam_pool_cidr, **taken) == "InvalidParameterValue"
    id = made["IpamPoolAllocationId"]
    alice.modify_ipam_pool_allocation(IpamPoolAllocationId=id, Description="scanners")
    shown = alice.describe_ipam_pool_allocations(IpamPoolAllocationIds=[id])
    assert shown["IpamPoolAllocations"][0]["Description"] == "scanners"
    wrong = {"IpamPoolId": plan.pool, "Cidr": "10.0.1.0/24", "IpamPoolAllocationId": id}
    assert refusal(alice.release_ipam_pool_allocation, **wrong) == "InvalidParameterValue"
    alice.release_ipam_pool_allocation(**{**wrong, "Cidr": "10.0.0.0/24"})
    assert set(plans.held(alice, plan.pool)) == {"10.1.1.0/24", "10.9.0.0/24"}


def test_a_pool_that_is_used_up_says_so(alice: Any) -> None:
    plan = plans.make(alice, "10.0.0.0/23")
    allocate(alice, plan.pool, NetmaskLength=24)
    allocate(alice, plan.pool, NetmaskLength=24)
    asked = {"IpamPoolId": plan.pool, "NetmaskLength": 24}
    assert refusal(alice.allocate_ipam_pool_cidr, **asked) == "InsufficientCidrBlocks"
    asked = {"IpamPoolId": plan.pool, "NetmaskLength": 22}
    assert refusal(alice.allocate_ipam_pool_cidr, **asked) == "InvalidParameterValue"


def test_a_vpc_takes_from_a_pool_and_gives_back(alice: Any, plan: Plan) -> None:
    asked = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 16}
    first = alice.create_vpc(**asked)["Vpc"]
    second = alice.create_vpc(**asked)["Vpc"]
    assert (first["CidrBlock"], second["CidrBlock"]) == ("10.0.0.0/16", "10.1.0.0/16")
    named = alice.create_vpc(CidrBlock="10.7.0.0/16", Ipv4IpamPoolId=plan.pool)["Vpc"]
    more = alice.associate_vpc_cidr_block(
        VpcId=first["VpcId"], Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=24
    )["CidrBlockAssociation"]
    assert more["CidrBlock"] == "10.2.0.0/24"
    assert plans.held(alice, plan.pool) == {
        "10.0.0.0/16": first["VpcId"],
        "10.1.0.0/16": second["VpcId"],
        "10.2.0.0/24": first["VpcId"],
        "10.7.0.0/16": named["VpcId"],
    }
    alice.disassociate_vpc_cidr_block(AssociationId=more["AssociationId"])
    alice.delete_vpc(VpcId=second["VpcId"])
    assert set(plans.held(alice, plan.pool)) == {"10.0.0.0/16", "10.7.0.0/16"}
    assert alice.create_vpc(**asked)["Vpc"]["CidrBlock"] == "10.1.0.0/16"


def test_what_a_vpc_has_is_not_released_by_hand(alice: Any, plan: Plan) -> None:
    alice.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)
    held = alice.get_ipam_pool_allocations(IpamPoolId=plan.pool)["IpamPoolAllocations"][0]
    asked = {"Cidr": held["Cidr"], "IpamPoolAllocationId": held["IpamPoolAllocationId"]}
    code = refusal(alice.release_ipam_pool_allocation, IpamPoolId=plan.pool, **asked)
    assert code == "InvalidParameterValue"


def test_a_vpc_that_is_not_made_takes_nothing(alice: Any, plan: Plan) -> None:
    too_big = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 12}
    assert refusal(alice.create_vpc, **too_big) == "InvalidVpc.Range"
    fitting = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 16}
    assert refusal(alice.create_vpc, **fitting, DryRun=True) == "DryRunOperation"
    assert plans.held(alice, plan.pool) == {}


@pytest.mark.parametrize(
    "asked",
    [
        {"Ipv4NetmaskLength": 16},
        {"Ipv4IpamPoolId": True, "CidrBlock": "10.0.0.0/16", "Ipv4NetmaskLength": 16},
        {"Ipv4IpamPoolId": True, "CidrBlock": "192.168.0.0/16"},
        {"Ipv6IpamPoolId": True, "Ipv6NetmaskLength": 56, "CidrBlock": "10.0.0.0/16"},
        {"Ipv6CidrBlock": "fd00::/56", "CidrBlock": "10.0.0.0/16"},
    ],
)
def test_what_cannot_be_is_refused(alice: Any, plan: Plan, asked: dict[str, Any]) -> None:
    named = {k: plan.pool if v is True else v for k, v in asked.items()}
    assert refusal(alice.create_vpc, **named).startswith("InvalidParameter")
    assert plans.held(alice, plan.pool) == {}


def test_a_pool_without_the_regions_locale_gives_to_no_vpc(alice: Any, plan: Plan) -> None:
    scope = alice.create_ipam_scope(IpamId=plan.ipam)["IpamScope"]["IpamScopeId"]
    pool = plans.pool(alice, scope, Locale="None")
    alice.provision_ipam_pool_cidr(IpamPoolId=pool, Cidr="10.0.0.0/8")
    asked = {"Ipv4IpamPoolId": pool, "Ipv4NetmaskLength": 16}
    assert refusal(alice.create_vpc, **asked) == "InvalidParameterValue"


def test_a_pool_gives_to_what_has_its_tags(alice: Any) -> None:
    plan = plans.make(alice, AllocationResourceTags=[{"Key": "cost-centre", "Value": "physics"}])
    asked = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 16}
    assert refusal(alice.create_vpc, **asked) == "InvalidParameterValue"
    tags = [{"Key": "cost-centre", "Value": "physics"}]
    alice.create_vpc(**asked, TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    assert set(plans.held(alice, plan.pool)) == {"10.0.0.0/16"}


def subnets_of(client: Any, plan: Plan, vpc: str, owner: str) -> str:
    """A pool that gives the ranges of a VPC to its subnets."""
    source = {
        "ResourceId": vpc,
        "ResourceType": "vpc",
        "ResourceRegion": plans.REGION,
        "ResourceOwner": owner,
    }
    return plans.pool(client, plan.private, SourceIpamPoolId=plan.pool, SourceResource=source)


def test_subnets_take_from_the_pool_of_their_vpc(alice: Any, plan: Plan) -> None:
    vpc = alice.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)["Vpc"]
    pool = subnets_of(alice, plan, vpc["VpcId"], vpc["OwnerId"])
    alice.provision_ipam_pool_cidr(IpamPoolId=pool, Cidr="10.0.0.0/16")
    by_hand = alice.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24")["Subnet"]
    made = alice.create_subnet(VpcId=vpc["VpcId"], Ipv4IpamPoolId=pool, Ipv4NetmaskLength=24)
    assert made["Subnet"]["CidrBlock"] == "10.0.1.0/24"
    id = made["Subnet"]["SubnetId"]
    assert plans.held(alice, pool) == {"10.0.1.0/24": id}
    assert refusal(alice.delete_vpc, VpcId=vpc["VpcId"]) == "DependencyViolation"
    other = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    asked = {"VpcId": other, "Ipv4IpamPoolId": pool, "Ipv4NetmaskLength": 24}
    assert refusal(alice.create_subnet, **asked) == "InvalidParameterValue"
    alice.modify_ipam_pool(IpamPoolId=pool, AutoImport=True)
    assert plans.held(alice, pool) == {"10.0.1.0/24": id, "10.0.0.0/24": by_hand["SubnetId"]}
    alice.delete_subnet(SubnetId=id)
    assert set(plans.held(alice, pool)) == {"10.0.0.0/24"}


def test_what_is_watched_again_is_taken_in_again(alice: Any) -> None:
    vpc = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    plan = plans.make(alice, AutoImport=True)
    asked = {
        "ResourceId": vpc,
        "ResourceCidr": "10.0.0.0/16",
        "ResourceRegion": plans.REGION,
        "CurrentIpamScopeId": plan.private,
    }
    alice.modify_ipam_resource_cidr(**asked, Monitored=False)
    assert plans.held(alice, plan.pool) == {}
    alice.modify_ipam_resource_cidr(**asked, Monitored=True)
    assert plans.held(alice, plan.pool) == {"10.0.0.0/16": vpc}


def test_a_pool_takes_in_what_is_there_and_what_comes(alice: Any) -> None:
    there = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    plan = plans.make(alice, AutoImport=True)
    assert plans.held(alice, plan.pool) == {"10.0.0.0/16": there}
    same = alice.create_vpc(CidrBlock="10.0.0.0/20")["Vpc"]["VpcId"]
    comes = alice.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    assert plans.held(alice, plan.pool) == {"10.0.0.0/16": there, "10.3.0.0/16": comes}
    alice.delete_vpc(VpcId=there)
    alice.delete_vpc(VpcId=same)
    assert plans.held(alice, plan.pool) == {"10.3.0.0/16": comes}


@pytest.mark.parametrize("member", ["AllowedCidrs", "DisallowedCidrs"])
def test_a_request_names_so_many_ranges(alice: Any, plan: Plan, member: str) -> None:
    asked: dict[str, Any] = {member: [f"10.0.{number}.0/24" for number in range(101)]}
    asked |= {"IpamPoolId": plan.pool, "NetmaskLength": 24}
    assert refusal(alice.allocate_ipam_pool_cidr, **asked) == "InvalidParameterValue"


def test_a_pool_gives_so_many_parts(
    alice: Any, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given, "MAX_PER_POOL", len(plans.held(alice, plan.pool)) + 1)
    allocate(alice, plan.pool, NetmaskLength=24)
    asked = {"IpamPoolId": plan.pool, "NetmaskLength": 24}
    assert "LimitExceeded" in refusal(alice.allocate_ipam_pool_cidr, **asked)
