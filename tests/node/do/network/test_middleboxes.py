"""Routes more specific than the VPC's range, and tables of internet gateways, proved by packets."""

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import RouteTableWanted, Way
from tests.node import lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

OUTER, INNER, EDGE = (f"rtb-{number:017x}" for number in (1, 2, 3))
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"


def forward(host: Lab, router: InterfaceWanted, *, is_on: bool) -> None:
    value = int(is_on)
    host.guest(router).run(
        "sysctl",
        "-qw",
        f"net.ipv4.ip_forward={value}",
        f"net.ipv6.conf.all.forwarding={value}",
    )


class Behind:
    """A server with a public address in a subnet whose way to the world is an appliance."""

    outer = shapes.subnet(1, table=OUTER)
    inner = shapes.subnet(2, table=INNER)
    router = shapes.interface(10, OPEN, inside=outer, source_dest_check=False)
    server = shapes.interface(10, OPEN, inside=inner, public_ip="203.0.113.10")

    def vpc(self, *into: tuple[str, Way, str]) -> VpcWanted:
        """The VPC; the internet gateway's table has these routes."""
        tables: tuple[RouteTableWanted, ...] = (
            shapes.table(OUTER, (EVERYTHING, Way.INTERNET, "igw-1"),
                         (EVERYTHING6, Way.INTERNET, "igw-1")),
            shapes.table(INNER, (EVERYTHING, Way.INTERFACE, self.router.id)),
            shapes.table(EDGE, *into),
        )  # fmt: skip
        made = shapes.vpc(
            0, (self.outer, self.inner), (self.router, self.server), route_tables=tables
        )
        return replace(made, gateway_table_id=EDGE if into else "")


@pytest.mark.parametrize("cidr", ["10.0.2.0/24", "10.0.0.0/16"])
def test_what_comes_in_passes_an_appliance(host: Lab, cidr: str) -> None:
    """By a route for the server's subnet, and by one in the place of the local route."""
    behind = Behind()
    world, led = lab.world_of(host), behind.vpc((cidr, Way.INTERFACE, behind.router.id))
    host.apply(shapes.host(led, egress=True))
    with host.guest(behind.server).listen(PORT), world.listen(PORT):
        forward(host, behind.router, is_on=False)
        assert world.misses("203.0.113.10", PORT)
        forward(host, behind.router, is_on=True)
        assert world.reaches("203.0.113.10", PORT)
        assert host.guest(behind.server).reaches(lab.WORLD_ADDRESS, PORT)
        assert world.pings("203.0.113.10")


def test_without_a_table_what_comes_in_goes_straight_there(host: Lab) -> None:
    behind = Behind()
    world = lab.world_of(host)
    host.apply(shapes.host(behind.vpc(), egress=True))
    forward(host, behind.router, is_on=False)
    server = host.guest(behind.server).listen(PORT, kind=2)
    with server:
        assert world.throws(server, "203.0.113.10", PORT, lab.ARRIVES_WITHIN_S)
        led = behind.vpc(("10.0.2.0/24", Way.INTERFACE, behind.router.id))
        host.apply(shapes.host(led, egress=True))
        assert not world.throws(server, "203.0.113.10", PORT, lab.REFUSED_AFTER_S)
        dead = behind.vpc(("10.0.2.0/24", Way.BLACKHOLE, ""))
        host.apply(shapes.host(dead, egress=True))
        assert not world.throws(server, "203.0.113.10", PORT, lab.REFUSED_AFTER_S)
        host.apply(shapes.host(behind.vpc(), egress=True))
        assert world.throws(server, "203.0.113.10", PORT, lab.ARRIVES_WITHIN_S)


def test_an_appliance_that_checks_gets_nothing_of_others(host: Lab) -> None:
    behind = Behind()
    behind.router = replace(behind.router, source_dest_check=True)
    world, led = lab.world_of(host), behind.vpc(("10.0.2.0/24", Way.INTERFACE, behind.router.id))
    host.apply(shapes.host(led, egress=True))
    forward(host, behind.router, is_on=True)
    with host.guest(behind.server).listen(PORT):
        assert world.misses("203.0.113.10", PORT)


@pytest.mark.parametrize("family", [4, 6])
def test_a_subnet_reaches_another_by_an_appliance(host: Lab, family: int) -> None:
    """Routes for a subnet, and one in the place of the local route: not inside the subnet."""
    left, right = shapes.subnet(1, table=OUTER), shapes.subnet(2, table=INNER)
    middle = shapes.subnet(3)
    one, near = (shapes.interface(n, OPEN, inside=left) for n in (10, 11))
    two = shapes.interface(10, OPEN, inside=right)
    router = shapes.interface(10, OPEN, inside=middle, source_dest_check=False)
    whole = {4: "10.0.0.0/16", 6: "fd00:0::/56"}[family]
    back = {4: left.cidr, 6: left.ipv6_cidr}[family]
    tables = (
        shapes.table(OUTER, (whole, Way.INTERFACE, router.id)),
        shapes.table(INNER, (back, Way.INTERFACE, router.id)),
    )
    vpc = shapes.vpc(0, (left, right, middle), (one, near, two, router), route_tables=tables)
    host.apply(shapes.host(vpc))
    there, beside = (it.private_ip if family == 4 else it.ipv6s[0] for it in (two, near))
    forward(host, router, is_on=False)
    assert host.guest(one).pings(beside)
    assert not host.guest(one).pings(there, lab.REFUSED_AFTER_S)
    forward(host, router, is_on=True)
    assert host.guest(one).pings(there)


def test_a_subnet_reaches_another_by_a_nat_gateway(host: Lab) -> None:
    """Whom it talks to sees the gateway, and asks it nothing by itself."""
    left, right, door = shapes.subnet(1, table=OUTER), shapes.subnet(2), shapes.subnet(3)
    one = shapes.interface(10, OPEN, inside=left)
    two = shapes.interface(10, OPEN, inside=right)
    nat = shapes.nat_gateway(5, door, None)
    tables = (shapes.table(OUTER, (right.cidr, Way.NAT, nat.id)),)
    vpc = shapes.vpc(0, (left, right, door), (one, two), route_tables=tables, nat_gateways=(nat,))
    host.apply(shapes.host(vpc))
    with host.guest(two).listen(PORT) as server, host.guest(one).connect(two.private_ip, PORT):
        assert server.accept()[1][0] == nat.addresses[0].private_ip
