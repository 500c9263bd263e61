"""Blocked public access, proved by packets: what passes no gateway, and what still does."""

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import PublicAccess, Way
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
ADDRESS = "203.0.113.60"
PORT = 8000
OUTER, INNER = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
GATEWAY = shapes.nat_gateway(5, OUTER, "203.0.113.50")
SEEN = shapes.interface(12, OPEN, inside=OUTER, public_ip=ADDRESS)
HIDDEN = shapes.interface(10, OPEN, inside=INNER)


@pytest.fixture
def world(host: Lab) -> Guest:
    made = host.add_world()
    made.run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.2")
    return made


def near(access: PublicAccess) -> VpcWanted:
    """A guest with a public address, and one behind a NAT gateway and an egress-only one."""
    return shapes.vpc(
        0,
        (replace(OUTER, public_access=access), replace(INNER, public_access=access)),
        (SEEN, HIDDEN),
        route_tables=(
            shapes.table(
                PUBLIC, ("0.0.0.0/0", Way.INTERNET, "igw-1"), ("::/0", Way.INTERNET, "igw-1")
            ),
            shapes.table(
                PRIVATE, ("0.0.0.0/0", Way.NAT, GATEWAY.id), ("::/0", Way.EGRESS_ONLY, "eigw-1")
            ),
        ),
        nat_gateways=(GATEWAY,),
    )


def far() -> tuple[VpcWanted, str]:
    """Another VPC, which is the world to the first one, and an address of IPv6 there."""
    inside = shapes.subnet(1, 1)
    there = shapes.interface(10, OPEN, inside=inside)
    return shapes.vpc(1, (inside,), (there,)), there.ipv6s[0]


PASSES = {
    PublicAccess.OPEN: {"in", "out", "nat", "in6", "out6", "egress-only6"},
    PublicAccess.OUTWARD: {"out", "nat", "out6", "egress-only6"},
    PublicAccess.GATEWAYS: {"nat", "egress-only6"},
    PublicAccess.CLOSED: set[str](),
}


@pytest.mark.parametrize("access", list(PublicAccess))
def test_what_may_speak_with_the_world(host: Lab, world: Guest, access: PublicAccess) -> None:
    other, address6 = far()
    host.apply(shapes.host(near(access), other, egress=True))
    stranger, seen, hidden = (host.guest(one) for one in (other.interfaces[0], SEEN, HIDDEN))
    tries = {
        "in": (world, ADDRESS),
        "out": (seen, lab.WORLD_ADDRESS),
        "nat": (hidden, lab.WORLD_ADDRESS),
        "in6": (stranger, SEEN.ipv6s[0]),
        "out6": (seen, address6),
        "egress-only6": (hidden, address6),
    }
    for name, (guest, to) in tries.items():
        within_s = lab.ARRIVES_WITHIN_S if name in PASSES[access] else lab.REFUSED_AFTER_S
        assert guest.pings(to, within_s) is (name in PASSES[access]), name
    # What is inside knows nothing of all that.
    assert seen.pings(HIDDEN.private_ip)
    assert hidden.pings(SEEN.ipv6s[0])


def test_a_conversation_that_stands_ends_with_the_access(host: Lab, world: Guest) -> None:
    host.apply(shapes.host(near(PublicAccess.OPEN), egress=True))
    with host.guest(SEEN).listen(PORT) as server:
        caller = world.connect(ADDRESS, PORT)
        accepted, _ = server.accept()
    with caller, accepted:
        accepted.settimeout(lab.ARRIVES_WITHIN_S)
        caller.send(b"before")
        assert accepted.recv(100) == b"before"
        host.apply(shapes.host(near(PublicAccess.OUTWARD), egress=True))
        caller.send(b"while blocked")
        accepted.settimeout(lab.REFUSED_AFTER_S)
        with pytest.raises(TimeoutError):
            accepted.recv(100)
        host.apply(shapes.host(near(PublicAccess.OPEN), egress=True))
        accepted.settimeout(lab.ARRIVES_WITHIN_S)
        assert accepted.recv(100) == b"while blocked"
