"""Policies: from which pools elastic addresses come that nobody asks a pool for."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan
from tests.cloud.ec2.world import World


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


@pytest.fixture
def block(alice: Any, plan: Plan) -> str:
    """A pool of two public addresses."""
    pool = plans.pool(alice, plan.public, PublicIpSource="amazon", AwsService="ec2")
    alice.provision_ipam_pool_cidr(IpamPoolId=pool, NetmaskLength=31)
    return pool


@pytest.fixture
def policy(alice: Any, plan: Plan, block: str) -> str:
    id = alice.create_ipam_policy(IpamId=plan.ipam)["IpamPolicy"]["IpamPolicyId"]
    set_rules(alice, id, block)
    return id


def set_rules(client: Any, id: str, *pools: str, **more: Any) -> dict[str, Any]:
    asked = {"Locale": plans.REGION, "ResourceType": "eip", **more}
    rules = [{"SourceIpamPoolId": pool} for pool in pools]
    return client.modify_ipam_policy_allocation_rules(
        IpamPolicyId=id, AllocationRules=rules, **asked
    )["IpamPolicyDocument"]


def test_addresses_come_from_the_policys_pools_and_then_from_the_clouds_range(
    alice: Any, block: str, policy: str
) -> None:
    assert alice.allocate_address()["PublicIpv4Pool"] == "amazon"
    alice.enable_ipam_policy(IpamPolicyId=policy)
    assert alice.get_enabled_ipam_policy()["IpamPolicyId"] == policy
    given = [alice.allocate_address() for _ in range(3)]
    assert [it["PublicIpv4Pool"] for it in given] == [block, block, "amazon"]
    alice.release_address(AllocationId=given[0]["AllocationId"])
    assert alice.allocate_address(PublicIpv4Pool="amazon")["PublicIpv4Pool"] == "amazon"
    alice.disable_ipam_policy(IpamPolicyId=policy)
    assert alice.get_enabled_ipam_policy()["IpamPolicyEnabled"] is False
    assert alice.allocate_address()["PublicIpv4Pool"] == "amazon"


def test_the_clouds_administrator_decides_for_a_department(
    alice: Any, bob: Any, world: World, block: str, policy: str
) -> None:
    target = {"IpamPolicyId": policy, "OrganizationTargetId": world.accounts["bob"]}
    alice.enable_ipam_policy(**target)
    assert bob.allocate_address()["PublicIpv4Pool"] == block
    shown = bob.get_enabled_ipam_policy()
    assert shown["ManagedBy"] == "delegated-administrator-for-ipam"
    targets = alice.get_ipam_policy_organization_targets(IpamPolicyId=policy)
    assert targets["OrganizationTargets"] == [{"OrganizationTargetId": world.accounts["bob"]}]
    assert refusal(alice.delete_ipam_policy, IpamPolicyId=policy) == "DependencyViolation"
    alice.disable_ipam_policy(**target)
    assert refusal(alice.disable_ipam_policy, **target) == "IncorrectState"
    alice.delete_ipam_policy(IpamPolicyId=policy)
    assert bob.allocate_address()["PublicIpv4Pool"] == "amazon"


def test_nobody_else_decides_for_others(bob: Any, world: World) -> None:
    ipam = bob.create_ipam()["Ipam"]["IpamId"]
    own = bob.create_ipam_policy(IpamId=ipam)["IpamPolicy"]["IpamPolicyId"]
    target = {"IpamPolicyId": own, "OrganizationTargetId": world.accounts["alice"]}
    assert refusal(bob.enable_ipam_policy, **target) == "AuthFailure"
    bob.enable_ipam_policy(IpamPolicyId=own)
    assert bob.get_enabled_ipam_policy()["ManagedBy"] == "account"
    assert refusal(bob.delete_ipam, IpamId=ipam) == "DependencyViolation"


def test_a_policy_is_about_addresses_of_public_pools(
    alice: Any, plan: Plan, block: str, policy: str
) -> None:
    shown = alice.get_ipam_policy_allocation_rules(IpamPolicyId=policy)["IpamPolicyDocuments"]
    assert shown[0]["AllocationRules"] == [{"SourceIpamPoolId": block}]
    rules = {"IpamPolicyId": policy, "AllocationRules": [{"SourceIpamPoolId": plan.pool}]}
    ask = alice.modify_ipam_policy_allocation_rules
    here = {"Locale": plans.REGION, "ResourceType": "eip"}
    assert refusal(ask, **rules, **here) == "InvalidParameterValue"
    assert refusal(ask, **rules, **{**here, "ResourceType": "alb"}) == "UnsupportedOperation"
    assert refusal(ask, **rules, **{**here, "Locale": "eu-west-1"}) == "InvalidParameterValue"
