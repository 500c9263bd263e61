"""The shape of a host's network: golden batches, link space, and what the host keeps to itself."""

from pathlib import Path

import msgspec
import msgspec.structs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.model.layout import Layout
from mallee.model.network.carried import PeerWanted
from mallee.node.plan.network import links, network, routing
from mallee.node.plan.network.links import Route, Seen
from tests.node.golden import assert_golden
from tests.node.lab import make_interface, make_vpc, make_wanted

LAYOUT = Layout(Path("/golden"))


def batch(wiring: links.Wiring, seen: Seen) -> str:
    return "\n".join(links.plan_batch(wiring, seen)) + "\n"


def test_the_links_of_a_host_are_golden() -> None:
    one, two = make_interface(1, public=True), make_interface(2)
    wanted = make_wanted(make_vpc((one, two), {}), egress=True)
    found = network.read_host(LAYOUT, wanted, Seen())
    assert_golden("host.ip", batch(network.host_wiring(LAYOUT, wanted, found), Seen()))
    edge = Seen(indices={"lo": 1, "host": 2, "mv0": 3})
    assert_golden("edge.ip", batch(network.edge_wiring(wanted, found, edge), edge))
    plugged = Seen(indices={"lo": 1, "edge": 2, LAYOUT.tap(one.id): 3})
    assert_golden(
        "vpc.ip",
        batch(routing.vpc_wiring(LAYOUT, wanted.vpcs[0], plugged, routing.Near()), plugged),
    )


def test_the_links_address_stays_once_it_is_chosen() -> None:
    wanted = make_wanted()
    chosen = Seen(addresses=frozenset({(LAYOUT.host_link, "169.254.252.9/30")}))
    assert str(network.read_host(LAYOUT, wanted, chosen).link.host) == "169.254.252.9"


def test_the_links_address_is_one_that_nobody_on_the_host_has() -> None:
    wanted = make_wanted()
    first = network.read_host(LAYOUT, wanted, Seen()).link.network
    taken = Seen(addresses=frozenset({("eth0", f"{first[1]}/30")}))
    assert not network.read_host(LAYOUT, wanted, taken).link.network.overlaps(first)


def test_a_host_that_uses_all_of_link_space_is_told_so() -> None:
    full = Seen(routes=frozenset({Route("169.254.252.0/22", device="eth0")}))
    with pytest.raises(ValueError, match="in use"):
        network.read_host(LAYOUT, make_wanted(), full)


@pytest.mark.parametrize("route", ["172.31.0.0/16", "172.16.0.0/12", "172.31.9.0/24"])
def test_a_range_that_the_host_has_is_left_to_it(route: str) -> None:
    seen = Seen(routes=frozenset({Route(route, device="eth0")}))
    found = network.read_host(LAYOUT, make_wanted(), seen)
    assert route in found.taken["172.31.0.0/16"]
    destinations = {
        one.destination for one in network.host_wiring(LAYOUT, make_wanted(), found).routes
    }
    assert "172.31.0.0/16" not in destinations
    assert "203.0.113.0/24" in destinations


def test_another_clouds_safety_net_is_no_obstacle() -> None:
    other = network.blocking_metric(Layout(Path("/other")))
    seen = Seen(routes=frozenset({Route("172.31.0.0/16", "unreachable", metric=other)}))
    assert network.read_host(LAYOUT, make_wanted(), seen).taken == {}


def test_a_range_that_the_cloud_had_is_free_again() -> None:
    metric = network.blocking_metric(LAYOUT)
    former = Route("192.168.3.0/24", "unreachable", metric=metric)
    others = Route("192.168.4.0/24", "unreachable", metric=metric + 1)
    held = Route("172.31.0.0/16", "unreachable", metric=metric)
    lan = Route("172.31.9.0/24", device="eth0")
    seen = Seen(routes=frozenset({former, others, held, lan}))
    wanted = make_wanted()
    wiring = network.host_wiring(LAYOUT, wanted, network.read_host(LAYOUT, wanted, seen))
    gone = [line for line in links.plan_batch(wiring, seen) if line.startswith("route delete")]
    assert gone == [f"route delete unreachable 192.168.3.0/24 metric {metric}"]


@given(st.integers(0, network.LINK_INDEX_MAX), st.integers(0, network.LINK_INDEX_MAX))
def test_no_two_vpcs_share_link_addresses(one: int, other: int) -> None:
    vpcs = [make_vpc((), {}, vpc=index) for index in (one, other)]
    ends = [{network.edge_end(vpc), network.vpc_end(vpc)} for vpc in vpcs]
    assert one == other or not ends[0] & ends[1]
    assert all(end.is_link_local and not str(end).startswith("169.254.169.") for end in ends[0])


def test_a_link_index_out_of_space_is_refused() -> None:
    vpc = msgspec.structs.replace(make_vpc((), {}), link_index=network.LINK_INDEX_MAX + 1)
    with pytest.raises(ValueError, match="link index"):
        network.edge_end(vpc)


def test_the_halves_that_a_vpn_lays_over_the_default_route_lead_to_the_world() -> None:
    halves = {Route(half, device="tun0") for half in ("0.0.0.0/1", "128.0.0.0/1")}
    found = network.read_host(LAYOUT, make_wanted(), Seen(routes=frozenset(halves)))
    assert found.uplinks == ("tun0",)
    assert found.taken == {}


LAN = ("eth0", "203.0.112.5/22")
"""A network of which the range 203.0.113.0/24 is a part."""


def test_public_addresses_may_be_a_part_of_the_network_that_the_host_stands_in() -> None:
    wanted = make_wanted(make_vpc((make_interface(1, public=True),), {}), egress=True)
    router = Route("0.0.0.0/0", device="eth0", via="203.0.112.1")
    seen = Seen(addresses=frozenset({LAN}), routes=frozenset({router}))
    found = network.read_host(LAYOUT, wanted, seen)
    assert found.taken == {}
    public_ip = wanted.vpcs[0].interfaces[0].public_ip
    assert network.answered(wanted, found) == {("eth0", public_ip)}


@pytest.mark.parametrize(
    ("address", "router", "peer"),
    [
        ("203.0.113.5/22", "203.0.112.1", "203.0.112.6"),
        ("203.0.112.5/22", "203.0.113.1", "203.0.112.6"),
        ("203.0.112.5/22", "203.0.112.1", "203.0.113.6"),
        ("203.0.113.5/24", "203.0.113.1", "203.0.113.6"),
    ],
)
def test_a_part_in_which_hosts_or_routers_are_is_not_the_clouds(
    address: str, router: str, peer: str
) -> None:
    wanted = msgspec.structs.replace(make_wanted(), peers=(PeerWanted("host-1", "ash", peer),))
    way = Route("0.0.0.0/0", device="eth0", via=router)
    seen = Seen(addresses=frozenset({("eth0", address)}), routes=frozenset({way}))
    assert address in network.read_host(LAYOUT, wanted, seen).taken["203.0.113.0/24"]
