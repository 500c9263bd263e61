"""What is told of a pool and of a part of it, and what stands against taking more."""

from typing import Any

from tests.cloud.ec2.ipam import plans
from tests.cloud.ec2.limiting import Administration


def test_a_pool_that_is_used_up_says_so_and_who_has_it(
    alice: Any, administration: Administration
) -> None:
    plan = plans.make(alice, "10.0.0.0/24")
    made = alice.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=24)
    id = made["IpamPoolAllocation"]["IpamPoolAllocationId"]
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=plan.pool)
    assert "1 parts of it are given out, 100.0% of its addresses" in told.text
    assert "all of it is given out" in told.text
    assert id in told.text
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=id)
    assert told.element("State") == "allocated"
    assert plan.pool in told.element("Why")


def test_a_vpc_tells_of_what_pool_it_is(alice: Any, administration: Administration) -> None:
    plan = plans.make(alice)
    vpc = alice.create_vpc(Ipv4IpamPoolId=plan.pool, Ipv4NetmaskLength=16)["Vpc"]["VpcId"]
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=vpc)
    held = alice.get_ipam_pool_allocations(IpamPoolId=plan.pool)["IpamPoolAllocations"]
    assert held[0]["IpamPoolAllocationId"] in told.text


def test_a_pool_of_addresses_tells_how_many_are_left(
    alice: Any, administration: Administration
) -> None:
    pool = alice.create_public_ipv4_pool()["PoolId"]
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=pool)
    assert "0 of its 0 addresses are allocated" in told.element("Why")
