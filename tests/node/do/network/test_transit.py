"""Transit gateways between VPCs, proved by packets between namespaces."""

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted, VpcWanted
from mallee.model.network.carried import TransitGatewayWanted, Way
from mallee.node.do.network import namespaces
from mallee.node.do.network.standing import Standing
from mallee.node.plan.network.links import Wiring
from tests.node import lab, shapes
from tests.node.lab import Lab
from tests.node.shapes import OPEN

pytestmark = pytest.mark.host

TABLE, OTHER_TABLE = "rtb-00000000000000001", "rtb-00000000000000002"
LED, OTHER_LED = "tgw-rtb-00000000000000001", "tgw-rtb-00000000000000002"
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def attached(number: int, group: str = OPEN, gateway: int = 1) -> tuple[VpcWanted, InterfaceWanted]:
    """A VPC with a guest; everything beyond it leads to the transit gateway."""
    net = shapes.subnet(1, number, table=TABLE)
    one = shapes.interface(10, group, inside=net)
    to = shapes.transit_id(gateway)
    table = shapes.table(TABLE, (EVERYTHING, Way.TRANSIT, to), (EVERYTHING6, Way.TRANSIT, to))
    made = shapes.vpc(number, (net,), (one,), route_tables=(table,))
    return replace(made, attachments=(shapes.attachment(gateway, net),)), one


def towards(*numbers: int, gateway: int = 1) -> list[tuple[str, str]]:
    """The routes to VPCs that are propagated: of both families."""
    return [
        (cidr, shapes.attachment_id(gateway, number))
        for number in numbers
        for cidr in (f"10.{number}.0.0/16", f"fd00:{number}::/56")
    ]


def hub(*numbers: int) -> TransitGatewayWanted:
    """A transit gateway with one table that all use."""
    ports = (shapes.port(1, number, LED) for number in numbers)
    return shapes.transit_gateway(1, ports, shapes.transit_table(LED, *towards(*numbers)))


def wanted(vpcs: tuple[VpcWanted, ...], *gateways: TransitGatewayWanted) -> HostWanted:
    return replace(shapes.host(*vpcs), transit_gateways=gateways)


def address(one: InterfaceWanted, family: int) -> str:
    return one.private_ip if family == 4 else one.ipv6s[0]


@FAMILIES
def test_attached_vpcs_reach_each_other_as_long_as_they_are_attached(
    host: Lab, family: int
) -> None:
    (left, one), (right, two) = attached(0), attached(1)
    host.apply(wanted((left, right), hub(0, 1)))
    here, there = host.guest(one), address(two, family)
    with host.guest(two).listen(PORT, address="::" if family == 6 else ""):
        assert here.reaches(there, PORT)
        assert host.guest(two).pings(address(one, family))
        host.apply(wanted((replace(left, attachments=()), right), hub(1)))
        assert here.misses(there, PORT)
        assert host.apply(wanted((left, right), hub(0, 1))) == ()
        assert here.reaches(there, PORT)
        assert host.apply(wanted((left, right))) == ()
        assert here.misses(there, PORT)


def test_what_stands_is_set_again_without_a_change(host: Lab) -> None:
    (left, _), (right, _) = attached(0), attached(1)
    host.apply(wanted((left, right), hub(0, 1)))
    assert host.apply(wanted((left, right), hub(0, 1))) == ()
    assert host.apply(wanted((left, right), hub(0, 1))) == ()


@FAMILIES
def test_the_longest_prefix_wins_and_a_black_hole_swallows(host: Lab, family: int) -> None:
    (left, one), (right, two) = attached(0), attached(1)
    whole = hub(0, 1)
    hole = shapes.transit_table(
        LED, *towards(0, 1), (f"{two.private_ip}/32", ""), (f"{two.ipv6s[0]}/128", "")
    )
    around = shapes.transit_table(
        LED,
        *towards(0),
        ("10.0.0.0/8", ""),
        ("fd00::/16", ""),
        (f"{two.private_ip}/32", shapes.attachment_id(1, 1)),
        (f"{two.ipv6s[0]}/128", shapes.attachment_id(1, 1)),
    )
    host.apply(wanted((left, right), replace(whole, tables=(hole,))))
    with host.guest(two).listen(PORT, address="::" if family == 6 else ""):
        assert host.guest(one).misses(address(two, family), PORT)
        host.apply(wanted((left, right), replace(whole, tables=(around,))))
        assert host.guest(one).reaches(address(two, family), PORT)


def test_a_link_that_goes_by_itself_stops_nothing(host: Lab) -> None:
    """As it does some time after the namespace at its other end was removed."""
    name, link = host.namespace("alone"), "mpx000000000000"
    standing = Standing(name)

    def wire() -> None:
        process.run(("ip", "link", "add", link, "type", "veth", "peer", "name", "other"))
        assert link in standing.look().indices
        process.run(("ip", "link", "delete", link))
        standing.wire(Wiring(devices=("lo",), kinds=("mpx",), is_whole=True))
        assert link not in standing.seen.indices

    namespaces.run_inside(name, wire)
    standing.close()


def test_each_attachment_goes_by_the_table_that_it_is_associated_with(host: Lab) -> None:
    """Two spokes reach what they share, and not each other; the third has no table at all."""
    spokes = [attached(number) for number in (0, 1, 2)]
    shared, middle = attached(3)
    vpcs = (*(vpc for vpc, _ in spokes), shared)
    ports = [shapes.port(1, 0, LED), shapes.port(1, 1, LED), shapes.port(1, 2, "")]
    gateway = shapes.transit_gateway(
        1,
        (*ports, shapes.port(1, 3, OTHER_LED)),
        shapes.transit_table(LED, *towards(3)),
        shapes.transit_table(OTHER_LED, *towards(0, 1, 2)),
    )
    host.apply(wanted(vpcs, gateway))
    guests = [host.guest(one) for _, one in spokes]
    for one in guests[:2]:
        assert one.pings(middle.private_ip)
        assert host.guest(middle).pings(one.interface.private_ip)
    assert not guests[0].pings(spokes[1][1].private_ip, lab.REFUSED_AFTER_S)
    assert not guests[2].pings(middle.private_ip, lab.REFUSED_AFTER_S)


@FAMILIES
def test_groups_and_acls_are_asked_at_both_ends(host: Lab, family: int) -> None:
    closed, acl = "sg-0000000000000000c", "acl-00000000000000001"
    (left, one), (right, two) = attached(0), attached(1)
    shut = replace(two, group_ids=(closed,))
    rules = {OPEN: shapes.RULES[OPEN], closed: shapes.ALL_OUT}
    net = replace(right.subnets[0], acl_id=acl)
    door = shapes.subnet(9, 1, table=TABLE)
    entries = [
        shapes.entry(number, f"{way} allow", cidr6="::/0" if number % 2 else None,
                     cidr=None if number % 2 else EVERYTHING)
        for way in ("in", "out") for number in (100, 101)
    ]  # fmt: skip
    right = replace(right, subnets=(net, door), attachments=(shapes.attachment(1, door),))
    allowing = replace(right, acls=(shapes.acl(acl, *entries),))
    refusing = replace(right, acls=(shapes.acl(acl, *entries[2:]),))
    stopped = shapes.vpc(
        1, right.subnets, (shut,), rules,
        route_tables=right.route_tables, attachments=right.attachments, acls=allowing.acls,
    )  # fmt: skip
    host.apply(wanted((left, allowing), hub(0, 1)))
    with host.guest(two).listen(PORT, address="::" if family == 6 else ""):
        assert host.guest(one).reaches(address(two, family), PORT)
        host.apply(wanted((left, refusing), hub(0, 1)))
        assert host.guest(one).misses(address(two, family), PORT)
        host.apply(wanted((left, stopped), hub(0, 1)))
        assert host.guest(one).misses(address(two, family), PORT)
        assert host.guest(two).pings(address(one, family))


def test_nobody_comes_by_a_transit_gateway_under_an_address_of_the_vpc(host: Lab) -> None:
    """Who may send from any address is still nobody of the VPC that he sends to."""
    own = (*shapes.ALL_OUT, lab.allow("-1", cidr="10.1.0.0/16"))
    (left, one), (right, two) = attached(0), attached(1)
    left = replace(left, interfaces=(replace(one, source_dest_check=False),))
    right = shapes.vpc(
        1, right.subnets, right.interfaces, {OPEN: own},
        route_tables=right.route_tables, attachments=right.attachments,
    )  # fmt: skip
    host.apply(wanted((left, right), hub(0, 1)))
    router = lab.Guest(one, host.layout.vpc_namespace(left.id))
    said = router.run("ip", "-o", "link", "show", host.layout.tap(one.id))
    mac = said.split("link/ether ")[1].split()[0]
    server = host.guest(two).listen(PORT, kind=2)
    with server:
        frame = lab.udp_frame(one, two.private_ip, PORT, ip="10.1.1.77", gateway_mac=mac)
        host.guest(one).send_frame(frame)
        server.settimeout(lab.REFUSED_AFTER_S)
        with pytest.raises(TimeoutError):
            server.recv(100)
        wide = shapes.vpc(
            1, right.subnets, right.interfaces, {OPEN: shapes.RULES[OPEN]},
            route_tables=right.route_tables, attachments=right.attachments,
        )  # fmt: skip
        host.apply(wanted((left, wide), hub(0, 1)))
        for source in ("10.1.1.77", "10.2.1.77"):
            host.guest(one).send_frame(
                lab.udp_frame(one, two.private_ip, PORT, ip=source, gateway_mac=mac, payload=source)
            )
        server.settimeout(lab.ARRIVES_WITHIN_S)
        assert server.recv(100) == b"10.2.1.77"


@FAMILIES
def test_an_inspecting_vpc_sees_what_spokes_say_to_each_other(host: Lab, family: int) -> None:
    """The spokes' table leads to the appliance's VPC, and what comes back from there on."""
    (left, one), (right, two) = attached(0), attached(1)
    door, inner = shapes.subnet(1, 2, table=TABLE), shapes.subnet(2, 2, table=OTHER_TABLE)
    router = shapes.interface(10, OPEN, inside=inner, source_dest_check=False)
    to = shapes.transit_id(1)
    middle = shapes.vpc(
        2, (door, inner), (router,),
        route_tables=(
            shapes.table(TABLE, (EVERYTHING, Way.INTERFACE, router.id),
                         (EVERYTHING6, Way.INTERFACE, router.id)),
            shapes.table(OTHER_TABLE, (EVERYTHING, Way.TRANSIT, to),
                         (EVERYTHING6, Way.TRANSIT, to)),
        ),
        attachments=(shapes.attachment(1, door),),
    )  # fmt: skip
    inspected = (EVERYTHING, shapes.attachment_id(1, 2)), (EVERYTHING6, shapes.attachment_id(1, 2))
    gateway = shapes.transit_gateway(
        1,
        (shapes.port(1, 0, LED), shapes.port(1, 1, LED), shapes.port(1, 2, OTHER_LED)),
        shapes.transit_table(LED, *inspected),
        shapes.transit_table(OTHER_LED, *towards(0, 1)),
    )
    host.apply(wanted((left, right, middle), gateway))
    guest = host.guest(router)
    with host.guest(two).listen(PORT, address="::" if family == 6 else ""):
        assert host.guest(one).misses(address(two, family), PORT)
        guest.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        assert host.guest(one).reaches(address(two, family), PORT)


def test_spokes_share_a_nat_gateway(host: Lab) -> None:
    """The way out is in another VPC, and the answers know their way back."""
    world = host.add_world()
    world.run("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.2")
    left, one = attached(0)
    door, public = shapes.subnet(1, 2, table=TABLE), shapes.subnet(2, 2, table=OTHER_TABLE)
    nat = shapes.nat_gateway(5, public, "203.0.113.100")
    out = shapes.vpc(
        2, (door, public), (),
        route_tables=(
            shapes.table(TABLE, (EVERYTHING, Way.NAT, nat.id)),
            shapes.table(OTHER_TABLE, (EVERYTHING, Way.INTERNET, "igw-1"),
                         ("10.0.0.0/16", Way.TRANSIT, shapes.transit_id(1))),
        ),
        nat_gateways=(nat,),
        attachments=(shapes.attachment(1, door),),
    )  # fmt: skip
    gateway = shapes.transit_gateway(
        1,
        (shapes.port(1, 0, LED), shapes.port(1, 2, LED)),
        shapes.transit_table(LED, *towards(0), (EVERYTHING, shapes.attachment_id(1, 2))),
    )
    host.apply(replace(shapes.host(left, out, egress=True), transit_gateways=(gateway,)))
    with world.listen(PORT):
        assert host.guest(one).reaches(lab.WORLD_ADDRESS, PORT)
        alone = replace(gateway, tables=(shapes.transit_table(LED, *towards(0)),))
        host.apply(replace(shapes.host(left, out, egress=True), transit_gateways=(alone,)))
        assert host.guest(one).misses(lab.WORLD_ADDRESS, PORT)


def test_nobody_leaves_by_the_internet_gateway_of_another_vpc(host: Lab) -> None:
    world = host.add_world()
    left, one = attached(0)
    door = shapes.subnet(1, 2, table=TABLE)
    out = shapes.vpc(
        2, (door,), (shapes.interface(10, OPEN, inside=door, public_ip="203.0.113.9"),),
        route_tables=(shapes.table(TABLE, (EVERYTHING, Way.INTERNET, "igw-1")),),
        attachments=(shapes.attachment(1, door),),
    )  # fmt: skip
    gateway = shapes.transit_gateway(
        1,
        (shapes.port(1, 0, LED), shapes.port(1, 2, LED)),
        shapes.transit_table(LED, *towards(0), (EVERYTHING, shapes.attachment_id(1, 2))),
    )
    host.apply(replace(shapes.host(left, out, egress=True), transit_gateways=(gateway,)))
    with world.listen(PORT):
        assert host.guest(one).misses(lab.WORLD_ADDRESS, PORT)
        assert not host.guest(one).pings("169.254.208.0", lab.REFUSED_AFTER_S)


@FAMILIES
def test_transit_gateways_lead_to_each_other(host: Lab, family: int) -> None:
    (left, one), (right, two) = attached(0), attached(1, gateway=2)
    ends = shapes.peer_ports(1, 2, (LED, OTHER_LED))
    beyond = ends[0].id
    first = shapes.transit_gateway(
        1,
        (shapes.port(1, 0, LED), ends[0]),
        shapes.transit_table(LED, *towards(0), ("10.1.0.0/16", beyond), ("fd00:1::/56", beyond)),
    )
    second = shapes.transit_gateway(
        2,
        (shapes.port(2, 1, OTHER_LED), ends[1]),
        shapes.transit_table(
            OTHER_LED, *towards(1, gateway=2), ("10.0.0.0/16", beyond), ("fd00:0::/56", beyond)
        ),
    )
    assert host.apply(wanted((left, right), first, second)) == ()
    with host.guest(two).listen(PORT, address="::" if family == 6 else ""):
        assert host.guest(one).reaches(address(two, family), PORT)
        host.apply(wanted((left, right), first, replace(second, ports=second.ports[:1])))
        assert host.guest(one).misses(address(two, family), PORT)


def test_a_gateway_leads_from_one_peer_to_another(host: Lab) -> None:
    """The one in the middle has a lower and a higher neighbour."""
    ends = [attached(number, gateway=number + 1) for number in (0, 1, 2)]
    first, last = shapes.peer_ports(1, 2, (LED, LED)), shapes.peer_ports(2, 3, (LED, LED))
    gateways = (
        shapes.transit_gateway(
            1,
            (shapes.port(1, 0, LED), first[0]),
            shapes.transit_table(LED, *towards(0), ("10.0.0.0/8", first[0].id)),
        ),
        shapes.transit_gateway(
            2,
            (shapes.port(2, 1, LED), first[1], last[0]),
            shapes.transit_table(
                LED, *towards(1, gateway=2), ("10.0.0.0/16", first[0].id),
                ("10.2.0.0/16", last[0].id),
            ),
        ),
        shapes.transit_gateway(
            3,
            (shapes.port(3, 2, LED), last[1]),
            shapes.transit_table(LED, *towards(2, gateway=3), ("10.0.0.0/8", last[0].id)),
        ),
    )  # fmt: skip
    assert host.apply(wanted(tuple(vpc for vpc, _ in ends), *gateways)) == ()
    guests = [host.guest(one) for _, one in ends]
    assert guests[0].pings(ends[2][1].private_ip)
    assert guests[2].pings(ends[1][1].private_ip)


def test_a_vpc_has_peers_on_both_sides(host: Lab) -> None:
    """Peering connections with a VPC of a lower id and with one of a higher id, at once."""
    made: list[tuple[VpcWanted, InterfaceWanted]] = []
    for number, peers in ((0, [(0, 1)]), (1, [(0, 1), (1, 2)]), (2, [(1, 2)])):
        held = tuple(shapes.peering(*pair, seen_from=number) for pair in peers)
        net = shapes.subnet(1, number, table=TABLE)
        one = shapes.interface(10, OPEN, inside=net)
        routes = ((it.peer_cidrs[0], Way.PEERING, it.id) for it in held)
        table = shapes.table(TABLE, *routes)
        vpc = shapes.vpc(number, (net,), (one,), route_tables=(table,), peerings=held)
        made.append((vpc, one))
    assert host.apply(shapes.host(*(vpc for vpc, _ in made))) == ()
    middle = host.guest(made[1][1])
    assert middle.pings(made[0][1].private_ip)
    assert middle.pings(made[2][1].private_ip)
