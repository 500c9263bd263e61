"""Who may use which pool: by policies, by whom it is shared with, and that one must use one."""

from collections.abc import Callable
from typing import Any

import pytest

from mallee.cloud.reconcile.identity import accounts as ends
from mallee.cloud.state import store
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.ipam.plans import Plan
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import World
from tests.cloud.signing import Answer

DENIED = "UnauthorizedOperation"

Carol = Callable[..., Any]


@pytest.fixture
def plan(alice: Any) -> Plan:
    return plans.make(alice)


def share(administration: Administration, pool: str, *names: str, **more: str) -> Answer:
    members = {f"AccountNames.member.{n}": name for n, name in enumerate(names, 1)}
    return administration.sender.ask("mallee", "ShareIpamPool", PoolId=pool, **members, **more)


def test_a_pool_is_used_by_those_whom_it_is_shared_with(
    alice: Any, bob: Any, world: World, administration: Administration, plan: Plan
) -> None:
    assert share(administration, plan.pool, "bob").status == 200
    shown = bob.describe_ipam_pools(IpamPoolIds=[plan.pool])["IpamPools"][0]
    assert shown["OwnerId"] == world.accounts["alice"]
    assert plans.ranges(bob, plan.pool) == ["10.0.0.0/8"]
    vpc = bob.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)["Vpc"]["VpcId"]
    noted = bob.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=16)
    of_alice = alice.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=16)
    held = alice.get_ipam_pool_allocations(IpamPoolId=plan.pool)["IpamPoolAllocations"]
    owners = {it["Cidr"]: it["ResourceOwner"] for it in held}
    assert owners == {
        "10.0.0.0/16": world.accounts["bob"],
        "10.1.0.0/16": world.accounts["bob"],
        "10.2.0.0/16": world.accounts["alice"],
    }
    for code in (
        refusal(bob.modify_ipam_pool, IpamPoolId=plan.pool, Description="mine"),
        refusal(bob.delete_ipam_pool, IpamPoolId=plan.pool),
        refusal(bob.provision_ipam_pool_cidr, IpamPoolId=plan.pool, Cidr="172.16.0.0/12"),
    ):
        assert code == "InvalidIpamPoolId.NotFound"
    foreign = of_alice["IpamPoolAllocation"]
    release = {
        "IpamPoolId": plan.pool,
        "Cidr": foreign["Cidr"],
        "IpamPoolAllocationId": foreign["IpamPoolAllocationId"],
    }
    code = refusal(bob.release_ipam_pool_allocation, **release)
    assert code == "InvalidIpamPoolAllocationId.NotFound"
    own = noted["IpamPoolAllocation"]
    share(administration, plan.pool)
    asked = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 16}
    assert refusal(bob.create_vpc, **asked) == "InvalidIpamPoolId.NotFound"
    bob.delete_vpc(VpcId=vpc)
    assert set(plans.held(alice, plan.pool)) == {own["Cidr"], foreign["Cidr"]}


def test_a_pool_may_be_everybodys(bob: Any, administration: Administration, plan: Plan) -> None:
    assert share(administration, plan.pool, WithAll="true").status == 200
    assert bob.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=16)
    assert share(administration, plan.pool, "bob", WithAll="true").code == "InvalidInput"
    assert share(administration, plan.pool, "nobody").code == "NoSuchEntity"
    assert share(administration, "ipam-pool-0123456789abcdef0").code == "NoSuchResource"


def test_only_the_clouds_administrators_share(bob: Any, administration: Administration) -> None:
    own = plans.make(bob).pool
    refused = administration.bob.ask("mallee", "ShareIpamPool", PoolId=own, WithAll="true")
    assert refused.code == "AccessDenied"


def test_what_a_closed_account_had_is_given_back(
    alice: Any, bob: Any, world: World, administration: Administration, plan: Plan
) -> None:
    share(administration, plan.pool, "bob")
    bob.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)
    bob.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=16)
    asked = {"AccountName": "bob", "Recursive": "true"}
    assert administration.sender.ask("mallee", "DeleteAccount", **asked).status == 200
    closed = world.accounts["bob"]

    def settle(tx: store.Tx) -> None:
        while ends.settle_one(tx, closed):
            pass

    world.store.transact(settle)
    assert plans.held(alice, plan.pool) == {}


def test_policies_tell_which_pools_and_that_there_be_one(
    bob: Any, world: World, carol: Carol
) -> None:
    plan = plans.make(bob)
    other = plans.pool(bob, plan.private, SourceIpamPoolId=plan.pool)
    bob.provision_ipam_pool_cidr(IpamPoolId=other, Cidr="10.128.0.0/12")
    account = world.accounts["bob"]
    client = carol(
        {
            "Action": ["ec2:CreateVpc", "ec2:AssociateVpcCidrBlock"],
            "Resource": f"arn:aws:ec2:*:{account}:vpc/*",
            "Condition": {"Null": {"ec2:Ipv4IpamPoolId": "true"}},
        },
        {"Action": "ec2:*", "Resource": f"arn:aws:ec2::{account}:ipam-pool/{plan.pool}"},
    )
    assert refusal(client.create_vpc, CidrBlock="10.0.0.0/16") == DENIED
    named = {"Ipv4NetmaskLength": 16, "Ipv4IpamPoolId": plan.pool}
    assert refusal(client.create_vpc, **named) == DENIED
    made = client.create_vpc(Ipv4NetmaskLength=16, Ipv4IpamPoolId=other)["Vpc"]
    assert made["CidrBlock"] == "10.128.0.0/16"
    delete = client.delete_ipam_pool
    assert refusal(delete, IpamPoolId=plan.pool) == DENIED
