"""What is in use of a scope: how full, in whose plan, and what meets."""

from typing import Any

import pytest
from hypothesis import given as having
from hypothesis import strategies

from mallee.cloud.ec2.ipam import overlaps, watched
from mallee.cloud.ec2.vpc import ranges
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan


@pytest.fixture
def plan(bob: Any) -> Plan:
    return plans.make(bob)


def seen(client: Any, scope: str, **asked: Any) -> dict[tuple[str, str], dict[str, Any]]:
    shown = client.get_ipam_resource_cidrs(IpamScopeId=scope, **asked)["IpamResourceCidrs"]
    return {(it["ResourceId"], it["ResourceCidr"]): it for it in shown}


def test_a_range_shows_how_full_it_is_and_whose_plan_it_keeps(bob: Any, plan: Plan) -> None:
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "lab"}]}]
    vpc = bob.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16, TagSpecifications=tags)[
        "Vpc"
    ]["VpcId"]
    bob.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/18")
    own = seen(bob, plan.private, ResourceId=vpc)[vpc, "10.0.0.0/16"]
    assert (own["IpUsage"], own["ResourceName"], own["IpamPoolId"]) == (0.25, "lab", plan.pool)
    assert (own["ManagementState"], own["ComplianceStatus"]) == ("managed", "compliant")
    bob.modify_ipam_pool(IpamPoolId=plan.pool, AllocationMinNetmaskLength=20)
    own = seen(bob, plan.private, ResourceType="vpc", IpamPoolId=plan.pool)[vpc, "10.0.0.0/16"]
    assert own["ComplianceStatus"] == "noncompliant"
    default = seen(bob, plan.private, ResourceType="vpc")
    assert {it["ManagementState"] for key, it in default.items() if key[0] != vpc} == {"unmanaged"}


def test_vpcs_that_meet_are_told_with_their_subnets(bob: Any, plan: Plan) -> None:
    one = bob.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    other = bob.create_vpc(CidrBlock="10.0.128.0/17")["Vpc"]["VpcId"]
    apart = bob.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = {
        bob.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]: expected
        for vpc, cidr, expected in (
            (one, "10.0.128.0/24", "overlapping"),
            (other, "10.0.128.0/20", "overlapping"),
            (one, "10.0.0.0/24", "nonoverlapping"),
        )
    }
    found = {key[0]: it["OverlapStatus"] for key, it in seen(bob, plan.private).items()}
    expected = {one: "overlapping", other: "overlapping", apart: "nonoverlapping", **subnets}
    assert {id: found[id] for id in expected} == expected


def test_what_shall_not_be_watched_is_in_nobodys_plan(bob: Any, plan: Plan) -> None:
    vpc = bob.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)["Vpc"]["VpcId"]
    asked = {
        "ResourceId": vpc,
        "ResourceCidr": "10.0.0.0/16",
        "ResourceRegion": plans.REGION,
        "CurrentIpamScopeId": plan.private,
    }
    shown = bob.modify_ipam_resource_cidr(**asked, Monitored=False)["IpamResourceCidr"]
    assert (shown["ManagementState"], shown["OverlapStatus"]) == ("ignored", "ignored")
    assert plans.held(bob, plan.pool) == {}
    bob.modify_ipam_resource_cidr(**asked, Monitored=True)
    scope = bob.create_ipam_scope(IpamId=plan.ipam)["IpamScope"]["IpamScopeId"]
    bob.modify_ipam_resource_cidr(**asked, DestinationIpamScopeId=scope, Monitored=True)
    assert (vpc, "10.0.0.0/16") in seen(bob, scope)
    assert (vpc, "10.0.0.0/16") not in seen(bob, plan.private)
    wrong = {**asked, "ResourceId": "vpc-0123456789abcdef0", "Monitored": False}
    assert refusal(bob.modify_ipam_resource_cidr, **wrong) == "InvalidParameterValue"
    assert refusal(bob.modify_ipam_resource_cidr, **asked, Monitored=True)
    bob.delete_ipam_scope(IpamScopeId=scope)
    assert (vpc, "10.0.0.0/16") in seen(bob, plan.private)


def test_public_addresses_are_of_the_public_scope(bob: Any, plan: Plan) -> None:
    address = bob.allocate_address()
    key = (address["AllocationId"], f"{address['PublicIp']}/32")
    assert seen(bob, plan.public)[key]["IpUsage"] == 0.0
    assert key not in seen(bob, plan.private)


def test_an_account_sees_its_own_and_the_clouds_own_account_sees_all(
    alice: Any, bob: Any, plan: Plan
) -> None:
    """Alice administers the cloud."""
    whole = plans.make(alice)
    vpc = bob.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]
    foreign = alice.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert (vpc["VpcId"], "10.0.0.0/16") in seen(alice, whole.private)
    assert (foreign, "10.0.0.0/16") not in seen(bob, plan.private)
    discovery = alice.describe_ipam_resource_discoveries()["IpamResourceDiscoveries"][0]
    asked = {"IpamResourceDiscoveryId": discovery["IpamResourceDiscoveryId"]}
    accounts = alice.get_ipam_discovered_accounts(**asked, DiscoveryRegion=plans.REGION)
    found = {it["AccountId"] for it in accounts["IpamDiscoveredAccounts"]}
    assert {vpc["OwnerId"], discovery["OwnerId"]} <= found
    code = refusal(bob.get_ipam_discovered_accounts, **asked, DiscoveryRegion=plans.REGION)
    assert code == "InvalidIpamResourceDiscoveryId.NotFound"
    own = bob.describe_ipam_resource_discoveries()["IpamResourceDiscoveries"][0]
    asked = {"IpamResourceDiscoveryId": own["IpamResourceDiscoveryId"]}
    cidrs = bob.get_ipam_discovered_resource_cidrs(**asked, ResourceRegion=plans.REGION)
    owners = {it["ResourceOwnerId"] for it in cidrs["IpamDiscoveredResourceCidrs"]}
    assert owners == {vpc["OwnerId"]}


def test_a_discovery_shows_public_addresses(bob: Any, plan: Plan) -> None:
    address = bob.allocate_address()
    id = bob.describe_ipams()["Ipams"][0]["DefaultResourceDiscoveryId"]
    shown = bob.get_ipam_discovered_public_addresses(
        IpamResourceDiscoveryId=id, AddressRegion=plans.REGION
    )["IpamDiscoveredPublicAddresses"]
    assert [(it["Address"], it["AddressType"], it["AssociationStatus"]) for it in shown] == [
        (address["PublicIp"], "amazon-owned-eip", "disassociated")
    ]


def test_discoveries_are_made_joined_and_parted(bob: Any, plan: Plan) -> None:
    made = bob.create_ipam_resource_discovery(Description="more")["IpamResourceDiscovery"]
    id = {"IpamResourceDiscoveryId": made["IpamResourceDiscoveryId"]}
    joined = bob.associate_ipam_resource_discovery(IpamId=plan.ipam, **id)[
        "IpamResourceDiscoveryAssociation"
    ]
    assert joined["State"] == "associate-complete"
    code = refusal(bob.associate_ipam_resource_discovery, IpamId=plan.ipam, **id)
    assert code == "InvalidParameterValue"
    assert refusal(bob.delete_ipam_resource_discovery, **id) == "DependencyViolation"
    assert refusal(bob.delete_ipam, IpamId=plan.ipam) == "DependencyViolation"
    part = {"IpamResourceDiscoveryAssociationId": joined["IpamResourceDiscoveryAssociationId"]}
    bob.disassociate_ipam_resource_discovery(**part)
    changed = bob.modify_ipam_resource_discovery(**id, Description="less")["IpamResourceDiscovery"]
    assert changed["Description"] == "less"
    bob.delete_ipam_resource_discovery(**id)
    own = bob.describe_ipams()["Ipams"][0]
    default = {"IpamResourceDiscoveryId": own["DefaultResourceDiscoveryId"]}
    assert refusal(bob.delete_ipam_resource_discovery, **default) == "OperationNotPermitted"


def _cidr(second: int, third: int, length: int) -> str:
    return f"10.{second}.{third * 16}.0/{length}"


_CIDRS = strategies.builds(
    _cidr,
    strategies.integers(0, 3),
    strategies.integers(0, 15),
    strategies.sampled_from([20, 22, 24]),
)


@having(strategies.lists(strategies.tuples(_CIDRS, strategies.sampled_from("abc")), max_size=12))
def test_what_meets_is_what_meets_pairwise(found: list[tuple[str, str]]) -> None:
    all_ = [
        watched.Resource(id=f"{n}", type="vpc", cidr=cidr, owner="", tags={}, vpc_id=vpc)
        for n, (cidr, vpc) in enumerate(found)
    ]
    expected = {
        one.id
        for one in all_
        for other in all_
        if one.vpc_id != other.vpc_id and ranges.overlapping(ranges.parsed(one.cidr), [other.cidr])
    }
    assert {it.id for it in overlaps.among(all_)} == expected
