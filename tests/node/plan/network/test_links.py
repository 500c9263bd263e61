"""What the `ip` batch does: everything from nothing, nothing from everything, no more than that."""

from hypothesis import given
from hypothesis import strategies as st

from mallee.node.plan.network import links
from mallee.node.plan.network.links import Address, PolicyRule, Route, Seen, Veth, Wiring

WIRING = Wiring(
    veths=(Veth("edge", "mv0", "other"),),
    devices=("lo", "edge"),
    addresses=(Address("lo", "169.254.169.254/32"), Address("edge", "169.254.1.1/31")),
    routes=(
        Route("172.31.0.0/16", "blackhole"),
        Route("169.254.1.0/31", device="edge"),
        Route("0.0.0.0/0", device="edge", via="169.254.1.0"),
    ),
)
DONE = Seen(
    indices={"lo": 1, "edge": 2},
    up=frozenset({"lo", "edge"}),
    addresses=frozenset({("lo", "169.254.169.254/32"), ("edge", "169.254.1.1/31")}),
    routes=frozenset(WIRING.routes),
)


def test_from_nothing_everything_is_made_and_blocking_routes_first() -> None:
    assert links.plan_batch(WIRING, Seen()) == (
        "route replace blackhole 172.31.0.0/16",
        "link add edge type veth peer name mv0 netns other",
        "address add 169.254.1.1/31 dev edge noprefixroute",
        "address add 169.254.169.254/32 dev lo noprefixroute",
        "link set lo up",
        "link set edge up",
        "route replace 169.254.1.0/31 dev edge",
        "route replace 0.0.0.0/0 via 169.254.1.0 dev edge",
    )


def test_from_everything_nothing_is_made() -> None:
    assert links.plan_batch(WIRING, DONE) == ()


def test_what_is_wanted_no_more_goes_from_our_devices_alone() -> None:
    seen = Seen(
        indices=DONE.indices | {"eth0": 3},
        up=DONE.up,
        addresses=DONE.addresses | {("edge", "10.0.0.1/32"), ("eth0", "10.0.0.2/32")},
        routes=DONE.routes
        | {Route("10.1.0.0/16", device="edge"), Route("10.2.0.0/16", device="eth0")},
    )
    assert links.plan_batch(WIRING, seen) == (
        "address delete 10.0.0.1/32 dev edge",
        "route delete 10.1.0.0/16 dev edge",
    )


def test_a_route_that_moves_is_never_absent() -> None:
    wanted = Wiring(devices=("mv0", "mv1"), routes=(Route("203.0.113.9/32", device="mv1"),))
    seen = Seen(
        indices={"mv0": 1, "mv1": 2},
        up=frozenset({"mv0", "mv1"}),
        routes=frozenset({Route("203.0.113.9/32", device="mv0")}),
    )
    assert links.plan_batch(wanted, seen) == ("route replace 203.0.113.9/32 dev mv1",)


@given(st.permutations(WIRING.addresses), st.permutations(WIRING.routes))
def test_equal_wishes_in_any_order_give_equal_lines(
    addresses: list[Address], routes: list[Route]
) -> None:
    shuffled = Wiring(
        veths=WIRING.veths,
        devices=WIRING.devices,
        addresses=tuple(addresses),
        routes=tuple(routes),
    )
    assert links.plan_batch(shuffled, Seen()) == links.plan_batch(WIRING, Seen())


def test_what_ip_prints_is_read() -> None:
    text = (
        '[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"addr_info":['
        '{"family":"inet","local":"127.0.0.1","prefixlen":8},'
        '{"family":"inet6","local":"::1","prefixlen":128}]},'
        '{"ifindex":7,"ifname":"eth0","flags":[],"addr_info":[]}]\n'
        '[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","metric":100},'
        '{"type":"unreachable","dst":"203.0.113.0/24","metric":4278198272},'
        '{"dst":"10.0.0.9","dev":"eth0"},'
        '{"dst":"10.0.0.0/24","dev":"eth0","protocol":"kernel"},'
        '{"type":"broadcast","dst":"10.0.0.255","dev":"eth0","table":"local"},'
        '{"type":"throw","dst":"10.7.0.0/16","table":"1234"},'
        '{"dst":"100","table":"main"},{"dst":"10.8.0.0/16","dev":"eth0","table":"vpn"},'
        '{"dst":"fd00::/64","dev":"eth0","pref":"medium"}]\n'
        '[{"priority":0,"src":"all","table":"local"},'
        '{"priority":1000,"src":"all","dst":"10.0.1.0","dstlen":24,"fwmark":"0x5","table":"main"},'
        '{"priority":40000,"src":"all","iif":"lo","table":"900"}]\n'
    )
    assert links.parse_seen(text) == Seen(
        indices={"lo": 1, "eth0": 7},
        up=frozenset({"lo"}),
        addresses=frozenset({("lo", "127.0.0.1/8")}),
        routes=frozenset(
            {
                Route("0.0.0.0/0", device="eth0", via="10.0.0.1", metric=100),
                Route("203.0.113.0/24", "unreachable", metric=4278198272),
                Route("10.0.0.9/32", device="eth0"),
                Route("10.7.0.0/16", "throw", table=1234),
                Route("10.8.0.0/16", device="eth0", table=0),
            }
        ),
        address6s=frozenset({("lo", "::1/128")}),
        rules=frozenset(
            {
                PolicyRule(1000, links.MAIN_TABLE, mark=5, destination="10.0.1.0/24"),
                PolicyRule(40000, 900, device="lo"),
            }
        ),
    )


def test_each_hop_of_a_route_with_several_is_read() -> None:
    text = (
        '[]\n[{"dst":"default","metric":5,"nexthops":['
        '{"gateway":"10.0.0.1","dev":"eth0"},{"gateway":"10.1.0.1","dev":"eth1"}]}]\n[]\n'
    )
    assert {route.device for route in links.parse_seen(text).routes} == {"eth0", "eth1"}
