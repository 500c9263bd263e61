"""Prefix lists that follow what is planned and in use, by rules, version by version."""

from typing import Any

import pytest

from mallee.cloud.reconcile import resolvers
from mallee.cloud.state import records
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan
from tests.cloud.ec2.world import World


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


def look(world: World) -> None:
    """Do what the loop does after a change."""
    for resolver in world.store.view.list(records.RESOLVER):
        world.store.transact(lambda tx, id=resolver.id: resolvers.settle_one(tx, id, plans.REGION))


def make(client: Any, plan: Plan, *rules: dict[str, Any], family: str = "ipv4") -> str:
    made = client.create_ipam_prefix_list_resolver(
        IpamId=plan.ipam, AddressFamily=family, Rules=list(rules)
    )["IpamPrefixListResolver"]
    return made["IpamPrefixListResolverId"]


def versions(client: Any, id: str) -> list[int]:
    shown = client.get_ipam_prefix_list_resolver_versions(IpamPrefixListResolverId=id)
    return [it["Version"] for it in shown["IpamPrefixListResolverVersions"]]


def entries(client: Any, id: str, version: int) -> list[str]:
    shown = client.get_ipam_prefix_list_resolver_version_entries(
        IpamPrefixListResolverId=id, IpamPrefixListResolverVersion=version
    )
    return [it["Cidr"] for it in shown["Entries"]]


def follow(client: Any, id: str, most: int = 10, **more: Any) -> tuple[str, dict[str, Any]]:
    listed = client.create_managed_prefix_list(
        PrefixListName="labs", AddressFamily="IPv4", MaxEntries=most
    )["PrefixList"]["PrefixListId"]
    asked = {"PrefixListRegion": plans.REGION, "TrackLatestVersion": True, **more}
    target = client.create_ipam_prefix_list_resolver_target(
        IpamPrefixListResolverId=id, PrefixListId=listed, **asked
    )["IpamPrefixListResolverTarget"]
    return listed, target


def listed(client: Any, id: str) -> list[str]:
    shown = client.get_managed_prefix_list_entries(PrefixListId=id)["Entries"]
    return [it["Cidr"] for it in shown]


def in_use(plan: Plan, *conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        "RuleType": "ipam-resource-cidr",
        "IpamScopeId": plan.private,
        "ResourceType": "vpc",
        "Conditions": list(conditions),
    }


def test_a_list_follows_the_vpcs_of_a_pool(alice: Any, world: World, plan: Plan) -> None:
    of_pool = {"Operation": "equals", "IpamPoolId": plan.pool}
    fixed = {"RuleType": "static-cidr", "StaticCidr": "192.0.2.0/24"}
    id = make(alice, plan, in_use(plan, of_pool), fixed)
    list_id, target = follow(alice, id)
    assert (target["State"], target["LastSyncedVersion"]) == ("sync-complete", 1)
    assert listed(alice, list_id) == ["192.0.2.0/24"]
    vpc = alice.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)["Vpc"]["VpcId"]
    look(world)
    assert listed(alice, list_id) == ["10.0.0.0/16", "192.0.2.0/24"]
    assert versions(alice, id) == [1, 2]
    rev = world.store.view.rev
    look(world)
    assert world.store.view.rev == rev
    alice.delete_vpc(VpcId=vpc)
    look(world)
    assert listed(alice, list_id) == ["192.0.2.0/24"]
    assert entries(alice, id, 2) == ["10.0.0.0/16", "192.0.2.0/24"]


NARROWING: list[tuple[dict[str, Any], set[str]]] = [
    ({"Operation": "equals", "ResourceTag": {"Key": "team", "Value": "red"}}, {"10.1.0.0/16"}),
    (
        {"Operation": "not-equals", "ResourceTag": {"Key": "team", "Value": "red"}},
        {"10.2.0.0/16", "172.31.0.0/16"},
    ),
    ({"Operation": "subnet-of", "Cidr": "10.0.0.0/8"}, {"10.1.0.0/16", "10.2.0.0/16"}),
    ({"Operation": "equals", "ResourceRegion": "eu-west-1"}, set()),
]


@pytest.mark.parametrize(("condition", "expected"), NARROWING)
def test_conditions_narrow(bob: Any, condition: dict[str, Any], expected: set[str]) -> None:
    plan = plans.make(bob)
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "red"}]}]
    bob.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags)
    bob.create_vpc(CidrBlock="10.2.0.0/16")
    assert set(entries(bob, make(bob, plan, in_use(plan, condition)), 1)) == expected


def test_ranges_of_pools_are_found(alice: Any, plan: Plan) -> None:
    rule = {
        "RuleType": "ipam-pool-cidr",
        "IpamScopeId": plan.private,
        "Conditions": [{"Operation": "equals", "IpamPoolId": plan.pool}],
    }
    id = make(alice, plan, rule)
    assert entries(alice, id, 1) == ["10.0.0.0/8"]
    shown = alice.get_ipam_prefix_list_resolver_rules(IpamPrefixListResolverId=id)["Rules"]
    assert shown[0]["Conditions"] == rule["Conditions"]
    ask = alice.modify_ipam_prefix_list_resolver
    fixed = {"RuleType": "static-cidr", "StaticCidr": "192.0.2.0/24"}
    changed = ask(IpamPrefixListResolverId=id, Rules=[fixed], Description="one")
    assert changed["IpamPrefixListResolver"]["State"] == "modify-complete"
    assert versions(alice, id) == [1, 2]


def test_who_follows_is_changed_by_nobody_else(alice: Any, plan: Plan) -> None:
    id = make(alice, plan, {"RuleType": "static-cidr", "StaticCidr": "192.0.2.0/24"})
    list_id, target = follow(alice, id)
    ask = alice.modify_managed_prefix_list
    change = {"PrefixListId": list_id, "AddEntries": [{"Cidr": "10.0.0.0/8"}]}
    assert refusal(ask, **change, CurrentVersion=2) == "IncorrectState"
    assert refusal(alice.delete_managed_prefix_list, PrefixListId=list_id) == "DependencyViolation"
    shown = alice.describe_managed_prefix_lists(PrefixListIds=[list_id])["PrefixLists"][0]
    target_id = target["IpamPrefixListResolverTargetId"]
    assert shown["IpamPrefixListResolverTargetId"] == target_id
    ask(PrefixListId=list_id, IpamPrefixListResolverSyncEnabled=False)
    ask(**change, CurrentVersion=2)
    code = refusal(alice.delete_ipam_prefix_list_resolver, IpamPrefixListResolverId=id)
    assert code == "DependencyViolation"
    assert refusal(alice.delete_ipam, IpamId=plan.ipam, Cascade=True) == "DependencyViolation"
    alice.delete_ipam_prefix_list_resolver_target(IpamPrefixListResolverTargetId=target_id)
    alice.delete_ipam_prefix_list_resolver(IpamPrefixListResolverId=id)
    assert listed(alice, list_id) == ["10.0.0.0/8", "192.0.2.0/24"]


def test_a_list_that_has_no_room_says_so_and_keeps_what_it_has(
    alice: Any, world: World, plan: Plan
) -> None:
    one = {"RuleType": "static-cidr", "StaticCidr": "192.0.2.0/24"}
    other = {"RuleType": "static-cidr", "StaticCidr": "198.51.100.0/24"}
    id = make(alice, plan, one)
    list_id, target = follow(alice, id, most=1)
    alice.modify_ipam_prefix_list_resolver(IpamPrefixListResolverId=id, Rules=[one, other])
    ask = alice.describe_ipam_prefix_list_resolver_targets
    shown = ask(IpamPrefixListResolverId=id)["IpamPrefixListResolverTargets"][0]
    assert (shown["State"], shown["LastSyncedVersion"]) == ("sync-failed", 1)
    assert listed(alice, list_id) == ["192.0.2.0/24"]
    alice.modify_managed_prefix_list(PrefixListId=list_id, MaxEntries=2)
    look(world)
    assert listed(alice, list_id) == ["192.0.2.0/24", "198.51.100.0/24"]
    back = {"IpamPrefixListResolverTargetId": target["IpamPrefixListResolverTargetId"]}
    alice.modify_ipam_prefix_list_resolver_target(
        **back, DesiredVersion=1, TrackLatestVersion=False
    )
    assert listed(alice, list_id) == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    "rule",
    [
        {"RuleType": "static-cidr"},
        {"RuleType": "ipam-resource-cidr"},
        {"RuleType": "static-cidr", "StaticCidr": "nonsense"},
        {"RuleType": "ipam-pool-cidr", "IpamScopeId": True, "ResourceType": "vpc"},
        {
            "RuleType": "ipam-pool-cidr",
            "IpamScopeId": True,
            "Conditions": [{"Operation": "subnet-of", "ResourceId": "vpc-1"}],
        },
    ],
)
def test_rules_that_mean_nothing_are_refused(alice: Any, plan: Plan, rule: dict[str, Any]) -> None:
    named = {k: plan.private if v is True else v for k, v in rule.items()}
    asked = {"IpamId": plan.ipam, "AddressFamily": "ipv4", "Rules": [named]}
    code = refusal(alice.create_ipam_prefix_list_resolver, **asked)
    assert code.startswith("InvalidParameter")
