"""Firewall texts: golden, deterministic, independent of order, and taken by nft itself."""

import random
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.networks import Direction, Rule
from mallee.node.plan.network import firewall, groups, links, network, nft, vpcfirewall
from tests.node.golden import assert_golden
from tests.node.lab import ALLOW_OUT, allow, make_interface, make_vpc, make_wanted

LAYOUT = Layout(Path("/golden"))
WEB, DB = "sg-00000000000000001", "sg-00000000000000002"
WORLD = firewall.World(resolvers=("9.9.9.9",), only_we_forward=True)


def example(*, egress: bool = True) -> HostWanted:
    """A VPC with a web server that is public and a data base that only it reaches."""
    rules = {
        WEB: (
            ALLOW_OUT,
            allow("tcp", 22, cidr="198.51.100.0/24"),
            allow("tcp", 80, 81),
            allow("icmp", 8, -1),
            allow("icmp", 3, 4),
            allow("50"),
        ),
        DB: (
            allow("tcp", 5432, group=WEB),
            allow("udp", 0, 65535, cidr="172.31.0.0/16"),
            allow("-1", group=DB),
            Rule(
                id="dns", direction=Direction.EGRESS, protocol="udp", from_port=53, to_port=53,
                cidr="0.0.0.0/0",
            ),
        ),
    }  # fmt: skip
    interfaces = (
        make_interface(1, WEB, public=True),
        make_interface(2, DB),
        make_interface(3, DB, WEB),
    )
    return make_wanted(make_vpc(interfaces, rules), egress=egress)


def vpc_text(vpc: VpcWanted) -> str:
    return nft.text(vpcfirewall.ruleset(LAYOUT, vpc, groups.Made()))


def found() -> network.HostFound:
    uplink = links.Seen(routes=frozenset({links.Route("0.0.0.0/0", device="eth0", via="10.0.0.1")}))
    return network.read_host(LAYOUT, example(), uplink)


def test_the_firewall_of_a_vpc_is_golden() -> None:
    assert_golden("vpc.nft", vpc_text(example().vpcs[0]))


def test_the_firewall_of_an_empty_vpc_is_golden() -> None:
    assert_golden("vpc-empty.nft", vpc_text(make_vpc((), {})))


def test_the_firewall_of_the_edge_is_golden() -> None:
    assert_golden("edge.nft", nft.text(firewall.edge_ruleset(example(), WORLD)))
    assert_golden("edge-closed.nft", nft.text(firewall.edge_ruleset(example(egress=False), WORLD)))


def test_the_firewall_of_the_host_is_golden() -> None:
    assert_golden("host.nft", firewall.host_text(LAYOUT, example(), found(), WORLD))
    closed = firewall.host_text(LAYOUT, example(egress=False), found(), WORLD)
    assert_golden("host-closed.nft", closed)


@dataclass(frozen=True, slots=True)
class Shuffled:
    """A VPC twice: as it came, and with every order changed."""

    vpc: VpcWanted
    shuffled: VpcWanted


def _mixed(source: random.Random, items: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(source.sample(items, len(items)))


RULES = st.builds(
    Rule,
    id=st.just("r"),
    direction=st.sampled_from(Direction),
    protocol=st.sampled_from(["tcp", "udp", "icmp", "-1", "47", "6", "icmpv6"]),
    from_port=st.integers(0, 255),
    to_port=st.just(255),
    cidr=st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "172.31.0.7/32", "10.1.2.3/8"]),
) | st.builds(
    Rule,
    id=st.just("r"),
    direction=st.sampled_from(Direction),
    protocol=st.sampled_from(["tcp", "-1"]),
    from_port=st.integers(-1, 0),
    to_port=st.just(65535),
    group_id=st.sampled_from([WEB, DB, "sg-00000000000000009"]),
)


@st.composite
def vpcs(draw: st.DrawFn) -> Shuffled:
    groups = st.lists(st.sampled_from([WEB, DB]), unique=True)
    numbers = draw(st.lists(st.integers(1, 200), unique=True, max_size=5))
    interfaces = tuple(
        make_interface(number, *draw(groups), public=draw(st.booleans())) for number in numbers
    )
    rules = {group: tuple(draw(st.lists(RULES, max_size=6))) for group in (WEB, DB)}
    vpc = make_vpc(interfaces, rules)
    source = random.Random(draw(st.integers()))
    shuffled = msgspec.structs.replace(
        vpc,
        interfaces=_mixed(
            source,
            tuple(
                msgspec.structs.replace(one, group_ids=_mixed(source, one.group_ids))
                for one in vpc.interfaces
            ),
        ),
        groups=_mixed(
            source,
            tuple(
                msgspec.structs.replace(
                    one,
                    rules=_mixed(source, one.rules),
                    member_ips=_mixed(source, one.member_ips),
                )
                for one in vpc.groups
            ),
        ),
    )
    return Shuffled(vpc, shuffled)


@given(vpcs())
def test_equal_wishes_in_any_order_give_equal_text(case: Shuffled) -> None:
    assert vpc_text(case.vpc) == vpc_text(case.shuffled)


@pytest.mark.host
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vpcs())
def test_the_kernel_takes_every_firewall(case: Shuffled) -> None:
    text = vpc_text(case.vpc).encode()
    process.run(("nft", "--check", "-f", "-"), text)


@pytest.mark.host
def test_the_kernel_takes_the_golden_firewalls_twice() -> None:
    texts = (
        nft.text(firewall.edge_ruleset(example(), WORLD)),
        firewall.host_text(LAYOUT, example(), found(), WORLD),
        firewall.host_text(LAYOUT, example(egress=False), found(), WORLD),
    )
    for text in (*texts, *texts):
        process.run(("nft", "--check", "-f", "-"), text.encode())


def test_a_rule_of_an_unknown_group_matches_nobody() -> None:
    unknown = allow("-1", group="sg-00000000000000009")
    vpc = make_vpc((make_interface(1, WEB),), {WEB: (unknown,)})
    tables = vpcfirewall.ruleset(LAYOUT, vpc, groups.Made())
    members = [one for one in tables[0].blocks if one.name == "sg-00000000000000009-members"]
    assert [one.elements for one in members if isinstance(one, nft.Set)] == [frozenset()]


def test_only_a_router_of_our_own_making_is_narrowed() -> None:
    router = firewall.World(resolvers=(), only_we_forward=False)
    ours = firewall.host_text(LAYOUT, example(), found(), WORLD)
    theirs = firewall.host_text(LAYOUT, example(), found(), router)
    rule = f'iifname {{ "eth0" }} meta nfproto ipv4 oifname != "{LAYOUT.host_link}" drop'
    assert rule in ours
    assert rule not in theirs
