"""Route tables, gateways and interfaces' addresses, proved by packets between namespaces."""

import pytest
from msgspec.structs import replace

from mallee.model.network.carried import AddressWanted, Way
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"


def test_only_a_table_with_an_internet_gateway_leads_to_the_world(host: Lab) -> None:
    world = lab.world_of(host)
    open_net, closed_net = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
    one = shapes.interface(10, OPEN, inside=open_net, public_ip="203.0.113.10")
    two = shapes.interface(10, OPEN, inside=closed_net, public_ip="203.0.113.11")
    tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")), shapes.table(PRIVATE))
    vpc = shapes.vpc(0, (open_net, closed_net), (one, two), route_tables=tables)
    host.apply(shapes.host(vpc, egress=True))
    with world.listen(PORT), host.guest(two).listen(PORT):
        assert host.guest(one).reaches(lab.WORLD_ADDRESS, PORT)
        assert host.guest(two).misses(lab.WORLD_ADDRESS, PORT)
        assert world.misses("203.0.113.11", PORT)
        assert host.guest(one).reaches(two.private_ip, PORT)
        led = (tables[0], shapes.table(PRIVATE, (EVERYTHING, Way.INTERNET, "igw-1")))
        host.apply(shapes.host(replace(vpc, route_tables=led), egress=True))
        assert host.guest(two).reaches(lab.WORLD_ADDRESS, PORT)
        assert world.reaches("203.0.113.11", PORT)
        host.apply(shapes.host(vpc, egress=True))
        assert host.guest(two).misses(lab.WORLD_ADDRESS, PORT)


def test_without_an_attached_gateway_no_public_address_works(host: Lab) -> None:
    world = lab.world_of(host)
    net = shapes.subnet(1, table=PUBLIC)
    one = shapes.interface(10, OPEN, inside=net, public_ip="203.0.113.10")
    tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),)
    vpc = shapes.vpc(0, (net,), (one,), route_tables=tables)
    detached = replace(
        vpc,
        has_internet_gateway=False,
        route_tables=(shapes.table(PUBLIC, (EVERYTHING, Way.BLACKHOLE, "")),),
    )
    host.apply(shapes.host(vpc, egress=True))
    with world.listen(PORT), host.guest(one).listen(PORT):
        assert world.reaches("203.0.113.10", PORT)
        host.apply(shapes.host(detached, egress=True))
        assert world.misses("203.0.113.10", PORT)
        assert host.guest(one).misses(lab.WORLD_ADDRESS, PORT)


def test_the_longest_prefix_wins_and_a_blackhole_swallows(host: Lab) -> None:
    world = lab.world_of(host)
    net = shapes.subnet(1, table=PUBLIC)
    one = shapes.interface(10, OPEN, inside=net, public_ip="203.0.113.10")
    swallowed = shapes.table(
        PUBLIC,
        (EVERYTHING, Way.INTERNET, "igw-1"),
        ("198.51.100.0/24", Way.BLACKHOLE, ""),
    )
    spared = shapes.table(
        PUBLIC, *((route.cidr, route.way, route.target_id) for route in swallowed.routes),
        (f"{lab.WORLD_ADDRESS}/32", Way.INTERNET, "igw-1"),
    )  # fmt: skip
    vpc = shapes.vpc(0, (net,), (one,), route_tables=(swallowed,))
    host.apply(shapes.host(vpc, egress=True))
    with world.listen(PORT):
        assert host.guest(one).misses(lab.WORLD_ADDRESS, PORT)
        host.apply(shapes.host(replace(vpc, route_tables=(spared,)), egress=True))
        assert host.guest(one).reaches(lab.WORLD_ADDRESS, PORT)


def test_secondary_ranges_of_a_vpc_are_local(host: Lab) -> None:
    net, other = shapes.subnet(1), replace(shapes.subnet(2), cidr="100.64.0.0/24")
    one = shapes.interface(10, OPEN, inside=net)
    two = replace(
        shapes.interface(11, OPEN, inside=shapes.subnet(2)), private_ip="100.64.0.11", ipv6s=()
    )
    vpc = shapes.vpc(0, (net, other), (one, two), more_cidrs=("100.64.0.0/16",))
    host.apply(shapes.host(vpc))
    with host.guest(two).listen(PORT):
        assert host.guest(one).reaches("100.64.0.11", PORT)
        assert host.guest(two).pings(one.private_ip)


def test_secondary_addresses_and_prefixes_are_the_interfaces_own(host: Lab) -> None:
    world = lab.world_of(host)
    net = shapes.subnet(1)
    more = AddressWanted(private_ip="10.0.1.20", public_ip="203.0.113.20")
    one = shapes.interface(
        10,
        OPEN,
        inside=net,
        public_ip="203.0.113.10",
        secondary=(more,),
        prefixes=("10.0.1.32/28",),
    )
    two = shapes.interface(11, OPEN, inside=net)
    vpc = shapes.vpc(0, (net,), (one, two))
    host.apply(shapes.host(vpc, egress=True))
    guest = host.guest(one)
    guest.run("ip", "address", "add", "10.0.1.33/32", "dev", "eth0")
    with guest.listen(PORT):
        assert host.guest(two).reaches("10.0.1.20", PORT)
        assert host.guest(two).reaches("10.0.1.33", PORT)
        assert world.reaches("203.0.113.20", PORT)
    guest.run("ip", "address", "add", "10.0.1.50/32", "dev", "eth0")
    assert not host.guest(two).pings("10.0.1.50", lab.REFUSED_AFTER_S)
    bare = replace(one, secondary=(), prefixes=())
    host.apply(shapes.host(shapes.vpc(0, (net,), (bare, two)), egress=True))
    assert host.guest(two).pings(one.private_ip)
    assert not host.guest(two).pings("10.0.1.20", lab.REFUSED_AFTER_S)
    assert not host.guest(two).pings("10.0.1.33", lab.REFUSED_AFTER_S)


@pytest.mark.parametrize("family", [4, 6])
def test_an_interface_forwards_only_with_its_check_off(host: Lab, family: int) -> None:
    """Two subnets whose tables lead to each other by an instance between them."""
    left, right = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
    middle = shapes.subnet(3)
    one = shapes.interface(10, OPEN, inside=left)
    two = shapes.interface(10, OPEN, inside=right)
    router = shapes.interface(10, OPEN, inside=middle, source_dest_check=False)
    towards = {4: (right.cidr, left.cidr), 6: (right.ipv6_cidr, left.ipv6_cidr)}[family]
    tables = (
        shapes.table(PUBLIC, (towards[0], Way.INTERFACE, router.id)),
        shapes.table(PRIVATE, (towards[1], Way.INTERFACE, router.id)),
    )
    vpc = shapes.vpc(0, (left, right, middle), (one, two, router), route_tables=tables)
    host.apply(shapes.host(vpc))
    target = two.private_ip if family == 4 else two.ipv6s[0]
    guest = host.guest(router)
    switch = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}[family]
    listening = "0.0.0.0" if family == 4 else "::"
    with host.guest(two).listen(PORT, address=listening):
        # A longer prefix than the VPC's own wins: nothing arrives unless the router forwards.
        assert host.guest(one).misses(target, PORT)
        guest.run("sysctl", "-qw", f"{switch}=1")
        assert host.guest(one).reaches(target, PORT)
        checked = replace(router, source_dest_check=True)
        host.apply(shapes.host(replace(vpc, interfaces=(one, two, checked))))
        assert host.guest(one).misses(target, PORT)


def test_no_table_is_asked_within_a_subnet(host: Lab) -> None:
    net, other = shapes.subnet(1, table=PUBLIC), shapes.subnet(2)
    one, two = (shapes.interface(number, OPEN, inside=net) for number in (10, 11))
    router = shapes.interface(10, OPEN, inside=other, source_dest_check=False)
    tables = (shapes.table(PUBLIC, (net.cidr, Way.INTERFACE, router.id)),)
    vpc = shapes.vpc(0, (net, other), (one, two, router), route_tables=tables)
    host.apply(shapes.host(vpc))
    assert host.guest(one).pings(two.private_ip)


def test_what_a_strangers_namespace_lost_is_given_back(host: Lab) -> None:
    """Policy rules and tables are looked after like everything else."""
    net = shapes.subnet(1, table=PUBLIC)
    one = shapes.interface(10, OPEN, inside=net, public_ip="203.0.113.10")
    tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),)
    wanted = shapes.host(shapes.vpc(0, (net,), (one,), route_tables=tables))
    host.apply(wanted)
    assert host.network.apply(wanted) == ()
    inside = host.layout.vpc_namespace(shapes.vpc_id(0))
    Guest(one, inside).run("ip", "rule", "delete", "priority", "2000")
    assert "had been changed" in " ".join(host.network.apply(wanted))
    assert host.network.apply(wanted) == ()
