"""IPAMs, scopes and pools: trees of ranges in which nothing is planned twice."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


def test_an_ipam_comes_and_goes_with_its_scopes_and_discovery(alice: Any) -> None:
    ipam = alice.create_ipam(Description="campus")["Ipam"]
    assert (ipam["State"], ipam["ScopeCount"], ipam["Tier"]) == ("create-complete", 2, "advanced")
    assert ipam["IpamArn"].startswith("arn:aws:ec2::")
    scopes = alice.describe_ipam_scopes()["IpamScopes"]
    assert {it["IpamScopeType"] for it in scopes if it["IsDefault"]} == {"private", "public"}
    changed = alice.modify_ipam(IpamId=ipam["IpamId"], Description="site", Tier="free")["Ipam"]
    assert (changed["Description"], changed["State"]) == ("site", "modify-complete")
    assert alice.delete_ipam(IpamId=ipam["IpamId"])["Ipam"]["State"] == "delete-complete"
    assert alice.describe_ipam_scopes()["IpamScopes"] == []
    assert refusal(alice.describe_ipams, IpamIds=[ipam["IpamId"]]) == "InvalidIpamId.NotFound"


def test_an_ipam_is_of_this_region_only(alice: Any) -> None:
    elsewhere = [{"RegionName": "eu-west-1"}]
    assert refusal(alice.create_ipam, OperatingRegions=elsewhere) == "InvalidParameterValue"
    ipam = alice.create_ipam()["Ipam"]["IpamId"]
    here = [{"RegionName": plans.REGION}]
    code = refusal(alice.modify_ipam, IpamId=ipam, RemoveOperatingRegions=here)
    assert code == "InvalidParameterValue"


def test_a_scope_that_plans_is_not_deleted(alice: Any, plan: Plan) -> None:
    other = alice.create_ipam_scope(IpamId=plan.ipam, Description="lab")["IpamScope"]
    plans.pool(alice, other["IpamScopeId"])
    delete = alice.delete_ipam_scope
    assert refusal(delete, IpamScopeId=other["IpamScopeId"]) == "DependencyViolation"
    assert refusal(delete, IpamScopeId=plan.private) == "OperationNotPermitted"
    assert refusal(alice.delete_ipam, IpamId=plan.ipam) == "DependencyViolation"
    alice.delete_ipam(IpamId=plan.ipam, Cascade=True)
    assert alice.describe_ipam_pools()["IpamPools"] == []
    assert alice.describe_ipam_pool_allocations()["IpamPoolAllocations"] == []


def test_one_scope_plans_no_range_twice_and_another_may(alice: Any, plan: Plan) -> None:
    twice = {"IpamPoolId": plans.pool(alice, plan.private), "Cidr": "10.5.0.0/16"}
    assert refusal(alice.provision_ipam_pool_cidr, **twice) == "InvalidParameterValue"
    scope = alice.create_ipam_scope(IpamId=plan.ipam)["IpamScope"]["IpamScopeId"]
    other = plans.pool(alice, scope)
    alice.provision_ipam_pool_cidr(IpamPoolId=other, Cidr="10.5.0.0/16")
    assert plans.ranges(alice, other) == ["10.5.0.0/16"]


def test_a_pool_below_another_has_parts_of_it(alice: Any, plan: Plan) -> None:
    below = plans.pool(alice, plan.private, SourceIpamPoolId=plan.pool)
    first = alice.provision_ipam_pool_cidr(IpamPoolId=below, NetmaskLength=12)["IpamPoolCidr"]
    assert (first["Cidr"], first["State"]) == ("10.0.0.0/12", "provisioned")
    outside = {"IpamPoolId": below, "Cidr": "192.168.0.0/16"}
    assert refusal(alice.provision_ipam_pool_cidr, **outside) == "InvalidParameterValue"
    assert plans.held(alice, plan.pool) == {"10.0.0.0/12": below}
    shown = alice.describe_ipam_pools(IpamPoolIds=[below])["IpamPools"][0]
    assert (shown["PoolDepth"], shown["SourceIpamPoolId"]) == (2, plan.pool)
    assert refusal(alice.delete_ipam_pool, IpamPoolId=plan.pool) == "DependencyViolation"
    assert refusal(alice.delete_ipam_pool, IpamPoolId=below) == "DependencyViolation"
    gone = alice.deprovision_ipam_pool_cidr(IpamPoolId=below, Cidr="10.0.0.0/12")
    assert gone["IpamPoolCidr"]["State"] == "deprovisioned"
    assert plans.held(alice, plan.pool) == {}
    alice.delete_ipam_pool(IpamPoolId=below)


def test_a_range_that_is_given_out_is_not_taken_away(alice: Any, plan: Plan) -> None:
    alice.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=24)
    asked = {"IpamPoolId": plan.pool, "Cidr": "10.0.0.0/8"}
    assert refusal(alice.deprovision_ipam_pool_cidr, **asked) == "DependencyViolation"


@pytest.mark.parametrize(
    "rules",
    [
        {"AllocationMinNetmaskLength": 24, "AllocationMaxNetmaskLength": 20},
        {"AllocationDefaultNetmaskLength": 33},
        {"AllocationMinNetmaskLength": 20, "AllocationDefaultNetmaskLength": 16},
        {"Locale": "eu-west-1"},
        {"AwsService": "ec2"},
    ],
)
def test_rules_that_cannot_be_are_refused(alice: Any, plan: Plan, rules: dict[str, Any]) -> None:
    asked = {"IpamScopeId": plan.private, "AddressFamily": "ipv4", **rules}
    assert refusal(alice.create_ipam_pool, **asked).startswith("InvalidParameter")


def test_rules_are_changed_for_what_comes(alice: Any, plan: Plan) -> None:
    alice.modify_ipam_pool(
        IpamPoolId=plan.pool, AllocationDefaultNetmaskLength=20, AllocationMaxNetmaskLength=24
    )
    first = alice.allocate_ipam_pool_cidr(IpamPoolId=plan.pool)["IpamPoolAllocation"]
    assert first["Cidr"] == "10.0.0.0/20"
    asked = {"IpamPoolId": plan.pool, "NetmaskLength": 28}
    assert refusal(alice.allocate_ipam_pool_cidr, **asked) == "InvalidParameterValue"
    alice.modify_ipam_pool(IpamPoolId=plan.pool, ClearAllocationDefaultNetmaskLength=True)
    code = refusal(alice.allocate_ipam_pool_cidr, IpamPoolId=plan.pool)
    assert code == "MissingParameter"


def test_what_is_anothers_is_not_there(alice: Any, bob: Any, plan: Plan) -> None:
    assert bob.describe_ipam_pools()["IpamPools"] == []
    asked = {"IpamPoolId": plan.pool}
    for ask in (bob.get_ipam_pool_cidrs, bob.get_ipam_pool_allocations, bob.delete_ipam_pool):
        assert refusal(ask, **asked) == "InvalidIpamPoolId.NotFound"
    take = {"CidrBlock": "10.0.0.0/16", "Ipv4IpamPoolId": plan.pool}
    assert refusal(bob.create_vpc, **take) == "InvalidIpamPoolId.NotFound"
