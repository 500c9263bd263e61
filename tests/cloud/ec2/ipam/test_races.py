"""Whatever is asked in whatever order: nothing is given twice, and nothing is lost."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network, ip_network
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as some

from mallee.cloud.ec2.ipam import spaces
from tests.cloud.ec2.ipam import plans

_AT, _LENGTH = some.integers(0, 255), some.integers(24, 30)


def refused(error: Any) -> str:
    """The code of a refusal."""
    return error.response["Error"]["Code"]


def _apart(cidrs: list[str]) -> bool:
    found = sorted(IPv4Network(cidr) for cidr in cidrs)
    return all(one[-1] < other[0] for one, other in itertools.pairwise(found))


@given(some.lists(some.tuples(_AT, _LENGTH), max_size=20), some.integers(23, 31))
def test_the_lowest_free_part_is_found(taken: list[tuple[int, int]], length: int) -> None:
    held = [str(ip_network((0x0A000000 + at, n), strict=False)) for at, n in taken]
    found = spaces.first_free(["10.0.0.0/24"], held, length)
    free = [
        part
        for part in ip_network("10.0.0.0/24").subnets(new_prefix=max(length, 24))
        if not any(part.overlaps(ip_network(other)) for other in held)
    ]
    expected = free[0] if free and length >= 24 else None
    assert found == expected


@given(some.lists(some.tuples(_AT, _LENGTH), max_size=12))
def test_what_is_covered_is_counted_once(parts: list[tuple[int, int]]) -> None:
    held = [str(ip_network((0x0A000000 + at, n), strict=False)) for at, n in parts]
    expected = {ip for cidr in held for ip in ip_network(cidr)} & set(ip_network("10.0.0.0/25"))
    assert spaces.covered("10.0.0.0/25", held) == len(expected)


def test_many_at_once_get_each_their_own(front: Any, alice: Any) -> None:
    plan = plans.make(alice, "10.0.0.0/16")

    def ask(number: int) -> str:
        client = front.client("alice")
        try:
            if number % 8 == 0:
                asked = {"Ipv4IpamPoolId": plan.pool, "Ipv4NetmaskLength": 20}
                return client.create_vpc(**asked)["Vpc"]["CidrBlock"]
            made = client.allocate_ipam_pool_cidr(IpamPoolId=plan.pool, NetmaskLength=20)
            return made["IpamPoolAllocation"]["Cidr"]
        except ClientError as error:
            return refused(error)

    with ThreadPoolExecutor(8) as several:
        answers = list(several.map(ask, range(24)))
    given_out = [it for it in answers if "/" in it]
    assert len(given_out) == 16
    assert set(answers) - set(given_out) == {"InsufficientCidrBlocks"}
    assert _apart(given_out)
    assert set(plans.held(alice, plan.pool)) == set(given_out)


_STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("vpc"), some.integers(18, 24)),
        some.tuples(some.just("custom"), some.integers(16, 26)),
        some.tuples(some.just("more"), some.integers(20, 24)),
        some.tuples(some.just("delete"), some.integers(0, 9)),
        some.tuples(some.just("part"), some.integers(0, 9)),
    ),
    max_size=14,
)


@settings(max_examples=8, deadline=None)
@given(steps=_STEPS)
def test_what_is_given_is_what_is_held(world_of: Any, steps: list[tuple[str, int]]) -> None:
    """Each allocation of a VPC is a range of it, and each range from the pool is an allocation."""
    client = world_of()
    plan = plans.make(client, "10.0.0.0/15")
    for what, number in steps:
        assert _code(client, plan.pool, what, number) in _ANSWERS
        held = client.get_ipam_pool_allocations(IpamPoolId=plan.pool)["IpamPoolAllocations"]
        assert _apart([it["Cidr"] for it in held])
        of_vpcs = {(it["ResourceId"], it["Cidr"]) for it in held if "ResourceId" in it}
        assert of_vpcs == {
            (vpc["VpcId"], block["CidrBlock"])
            for vpc in _vpcs(client)
            for block in vpc["CidrBlockAssociationSet"]
        }


_ANSWERS = {"", "InsufficientCidrBlocks", "InvalidParameterValue", "InvalidVpc.Range"} | {
    "VpcLimitExceeded"
}


def _code(client: Any, pool: str, what: str, number: int) -> str:
    """Do a step; return the code of its refusal, or nothing."""
    try:
        _do(client, pool, what, number)
    except ClientError as error:
        return refused(error)
    return ""


def _vpcs(client: Any) -> list[dict[str, Any]]:
    wanted = [{"Name": "is-default", "Values": ["false"]}]
    return client.describe_vpcs(Filters=wanted)["Vpcs"]


def _do(client: Any, pool: str, what: str, number: int) -> None:
    wish = {"Ipv4IpamPoolId": pool, "Ipv4NetmaskLength": number}
    vpcs = _vpcs(client)
    match what:
        case "vpc":
            client.create_vpc(**wish)
        case "custom":
            client.allocate_ipam_pool_cidr(IpamPoolId=pool, NetmaskLength=number)
        case "more" if vpcs:
            client.associate_vpc_cidr_block(VpcId=vpcs[0]["VpcId"], **wish)
        case "delete" if vpcs:
            client.delete_vpc(VpcId=vpcs[number % len(vpcs)]["VpcId"])
        case "part" if vpcs:
            blocks = vpcs[0]["CidrBlockAssociationSet"][1:]
            if blocks:
                id = blocks[number % len(blocks)]["AssociationId"]
                client.disassociate_vpc_cidr_block(AssociationId=id)
        case _:
            pass
