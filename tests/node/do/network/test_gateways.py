"""NAT gateways, the ways of IPv6 to the world, and peering, proved by packets."""

import socket
import time

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import AclWanted, AddressWanted, Way
from mallee.model.network.networks import Direction, Rule
from mallee.node.do.network import links, namespaces, network
from mallee.node.plan.network import natgateways
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN, OUT, entry

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
ACL = "acl-00000000000000001"
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"


class TestNatGateway:
    def wanted(
        self, *, public: str | None = "203.0.113.50", acl: AclWanted | None = None
    ) -> VpcWanted:
        """Guests in a private subnet behind a gateway in a public one, and a peer outside both."""
        outer = shapes.subnet(1, table=PUBLIC, acl=acl.id if acl else "")
        inner = shapes.subnet(2, table=PRIVATE)
        self.gateway = shapes.nat_gateway(5, outer, public)
        self.one, self.two = (shapes.interface(n, OUT, inside=inner) for n in (10, 11))
        self.seen = shapes.interface(12, OPEN, inside=outer, public_ip="203.0.113.60")
        tables = (
            shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),
            shapes.table(PRIVATE, (EVERYTHING, Way.NAT, self.gateway.id)),
        )
        return shapes.vpc(
            0,
            (outer, inner),
            (self.one, self.two, self.seen),
            route_tables=tables,
            nat_gateways=(self.gateway,),
            acls=(acl,) if acl else (),
        )

    def test_many_speak_behind_its_public_address(self, host: Lab) -> None:
        lab.world_of(host)
        vpc = self.wanted()
        # A server on the public side of the same cloud sees the elastic address.
        other_net = shapes.subnet(1, 1, table=PUBLIC)
        server = shapes.interface(10, OPEN, inside=other_net, public_ip="203.0.113.70")
        tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-2")),)
        other = shapes.vpc(1, (other_net,), (server,), route_tables=tables)
        host.apply(shapes.host(vpc, other, egress=True))
        with host.guest(server).listen(PORT) as heard:
            for one in (self.one, self.two):
                assert lab.caller(heard, host.guest(one), "203.0.113.70") == "203.0.113.50"
        assert host.guest(self.one).pings("203.0.113.70")
        assert host.guest(self.one).pings(lab.WORLD_ADDRESS)
        with host.guest(server).listen(PORT, socket.SOCK_DGRAM) as heard:
            assert host.guest(self.two).throws(heard, "203.0.113.70", PORT, lab.ARRIVES_WITHIN_S)

    def test_nobody_comes_in_by_it(self, host: Lab) -> None:
        world = lab.world_of(host)
        host.apply(shapes.host(self.wanted(), egress=True))
        with host.guest(self.one).listen(PORT):
            assert world.misses("203.0.113.50", PORT)
            assert host.guest(self.seen).misses("10.0.1.5", PORT)

    def test_it_is_in_its_subnet_behind_the_acl(self, host: Lab) -> None:
        world = lab.world_of(host)
        allow = (entry(100, "in allow"), entry(100, "out allow"))
        deny = entry(50, "in deny", cidr="10.0.2.10/32")
        host.apply(shapes.host(self.wanted(acl=AclWanted(ACL, (deny, *allow))), egress=True))
        with world.listen(PORT):
            assert host.guest(self.two).reaches(lab.WORLD_ADDRESS, PORT)
            assert host.guest(self.one).misses(lab.WORLD_ADDRESS, PORT)
            host.apply(shapes.host(self.wanted(acl=AclWanted(ACL, allow)), egress=True))
            assert host.guest(self.one).reaches(lab.WORLD_ADDRESS, PORT)

    def test_a_private_one_hides_guests_from_the_vpcs_peers_only(self, host: Lab) -> None:
        world = lab.world_of(host)
        vpc = self.wanted(public=None)
        host.apply(shapes.host(vpc, egress=True))
        with world.listen(PORT):
            assert host.guest(self.one).misses(lab.WORLD_ADDRESS, PORT)
        # A longer prefix than the VPC's own leads to the gateway: it hides who asks.
        led = shapes.table(PRIVATE, ("10.0.1.0/24", Way.NAT, self.gateway.id))
        host.apply(shapes.host(replace(vpc, route_tables=(vpc.route_tables[0], led)), egress=True))
        with host.guest(self.seen).listen(PORT) as heard:
            assert lab.caller(heard, host.guest(self.one), "10.0.1.12") == "10.0.1.5"

    def test_an_agent_that_comes_back_finds_all_in_order(self, host: Lab) -> None:
        world = lab.world_of(host)
        wanted = shapes.host(self.wanted(), egress=True)
        host.apply(wanted)
        with world.listen(PORT) as listening:
            near = host.guest(self.one).connect(lab.WORLD_ADDRESS, PORT)
            far, _ = listening.accept()
        heir = network.Network(host.layout)
        assert heir.apply(wanted) == ()
        assert heir.apply(wanted) == ()
        near.send(b"still here")
        far.settimeout(lab.ARRIVES_WITHIN_S)
        assert far.recv(100) == b"still here"
        near.close()
        far.close()

    def test_nothing_of_it_is_left(self, host: Lab) -> None:
        host.apply(shapes.host(self.wanted(), egress=True))
        for one in (self.one, self.two, self.seen):
            host.network.unplug(one.id)
        assert host.network.apply(shapes.host()) == ()
        left = namespaces.names(f"mallee-{host.layout.tag}-")
        assert left == {host.layout.edge_namespace, host.layout.hypervisor_namespace}

    def test_a_conversation_that_was_silent_too_long_is_ended(
        self, host: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        switch = "net/netfilter/nf_conntrack_tcp_timeout_established"
        assert natgateways.SWITCHES[switch] == "350"
        monkeypatch.setitem(natgateways.SWITCHES, switch, "1")
        world = lab.world_of(host)
        host.apply(shapes.host(self.wanted(), egress=True))
        inside = Guest(self.one, host.layout.nat_namespace(self.gateway.id))
        with world.listen(PORT) as listening:
            near = host.guest(self.one).connect(lab.WORLD_ADDRESS, PORT)
            far, _ = listening.accept()
        ends_at = time.monotonic() + 2 * lab.ARRIVES_WITHIN_S
        while inside.run("cat", "/proc/net/nf_conntrack"):
            assert time.monotonic() < ends_at, "it is not forgotten"
            time.sleep(0.05)
        near.send(b"anybody there?")
        with pytest.raises(ConnectionResetError):
            near.recv(100)
        near.close()
        far.close()

    def test_several_addresses_share_the_load_and_a_gateway_goes_away(self, host: Lab) -> None:
        world = lab.world_of(host)
        vpc = self.wanted()
        more = AddressWanted(private_ip="10.0.1.6", public_ip="203.0.113.51")
        wide = replace(self.gateway, addresses=(*self.gateway.addresses, more))
        host.apply(shapes.host(replace(vpc, nat_gateways=(wide,)), egress=True))
        with world.listen(PORT):
            assert host.guest(self.one).reaches(lab.WORLD_ADDRESS, PORT)
            assert host.guest(self.two).reaches(lab.WORLD_ADDRESS, PORT)
            host.apply(shapes.host(replace(vpc, nat_gateways=()), egress=True))
            assert host.guest(self.one).misses(lab.WORLD_ADDRESS, PORT)


def test_a_gateway_endpoint_leads_to_the_services_from_where_a_table_says_so(host: Lab) -> None:
    led, other = shapes.subnet(1, table=PRIVATE), shapes.subnet(2, table=PUBLIC)
    one, two = shapes.interface(10, OPEN, inside=led), shapes.interface(10, OPEN, inside=other)
    tables = (
        shapes.table(PRIVATE, ("198.18.0.0/24", Way.ENDPOINT, "vpce-1")),
        shapes.table(PUBLIC),
    )
    vpc = shapes.vpc(0, (led, other), (one, two), route_tables=tables)
    host.apply(shapes.host(vpc))
    inside = Guest(one, host.layout.vpc_namespace(shapes.vpc_id(0)))
    with inside.listen(8773, address="169.254.169.254"):
        for port in (80, 8773):
            assert host.guest(one).reaches("198.18.0.7", port)
            assert host.guest(two).misses("198.18.0.7", port)
        assert host.guest(one).misses("198.18.0.7", 22)
        assert host.guest(one).misses("198.18.1.7", 80)


class TestPeering:
    def wanted(self, group: str = OPEN) -> tuple[VpcWanted, VpcWanted]:
        """Two VPCs, peered, with a guest each; the second one's rules may name the first's."""
        near, far = shapes.subnet(1, 0, table=PUBLIC), shapes.subnet(1, 1, table=PRIVATE)
        self.one = shapes.interface(10, OPEN, inside=near)
        self.two = shapes.interface(10, group, inside=far)
        ours, theirs = (shapes.peering(0, 1, seen_from=n) for n in (0, 1))
        tables = (
            shapes.table(
                PUBLIC, ("10.1.0.0/16", Way.PEERING, ours.id), ("fd00:1::/56", Way.PEERING, ours.id)
            ),
            shapes.table(
                PRIVATE, ("10.0.0.0/16", Way.PEERING, ours.id), ("fd00::/56", Way.PEERING, ours.id)
            ),
        )
        first = shapes.vpc(0, (near,), (self.one,), route_tables=tables[:1], peerings=(ours,))
        second = shapes.vpc(1, (far,), (self.two,), route_tables=tables[1:], peerings=(theirs,))
        return first, second

    def test_routes_on_both_sides_make_the_way(self, host: Lab) -> None:
        first, second = self.wanted()
        host.apply(shapes.host(first, second))
        with host.guest(self.two).listen(PORT) as heard:
            assert (
                lab.caller(heard, host.guest(self.one), self.two.private_ip) == self.one.private_ip
            )
            assert host.guest(self.one).pings(self.two.ipv6s[0])
            one_sided = replace(second, route_tables=(shapes.table(PRIVATE),))
            host.apply(shapes.host(first, one_sided))
            assert host.guest(self.one).misses(self.two.private_ip, PORT)
            host.apply(shapes.host(first, second))
            assert host.guest(self.one).reaches(self.two.private_ip, PORT)
            over = [replace(one, peerings=()) for one in (first, second)]
            host.apply(shapes.host(*over))
            assert host.guest(self.one).misses(self.two.private_ip, PORT)
            assert not host.guest(self.one).pings(self.two.ipv6s[0], lab.REFUSED_AFTER_S)

    def test_rules_may_name_groups_of_the_peer(self, host: Lab) -> None:
        group, theirs = "sg-00000000000000007", "sg-00000000000000008"
        first, second = self.wanted(group)
        rule = Rule(
            id="in", direction=Direction.INGRESS, protocol="tcp", from_port=PORT, to_port=PORT,
            group_id=theirs,
        )  # fmt: skip
        own = replace(second.groups[0], id=group, rules=(rule,))
        peers = replace(own, id=theirs, rules=(), member_ips=(self.one.private_ip,))
        host.apply(shapes.host(first, replace(second, groups=(own, peers))))
        with host.guest(self.two).listen(PORT):
            assert host.guest(self.one).reaches(self.two.private_ip, PORT)
            nobody = replace(peers, member_ips=())
            host.apply(shapes.host(first, replace(second, groups=(own, nobody))))
            assert host.guest(self.one).misses(self.two.private_ip, PORT)

    def test_a_peer_is_no_way_to_others(self, host: Lab) -> None:
        """Neither to the world behind it, nor to its own peers, nor under a foreign address."""
        world = lab.world_of(host)
        first, second = self.wanted()
        through = shapes.table(PUBLIC, (EVERYTHING, Way.PEERING, first.peerings[0].id))
        host.apply(shapes.host(replace(first, route_tables=(through,)), second, egress=True))
        with world.listen(PORT), host.guest(self.two).listen(PORT, socket.SOCK_DGRAM) as heard:
            assert host.guest(self.one).misses(lab.WORLD_ADDRESS, PORT)
            assert host.guest(self.one).throws(heard, self.two.private_ip, PORT, 5.0)
            loose = replace(self.one, source_dest_check=False)
            host.apply(shapes.host(replace(first, interfaces=(loose,)), second, egress=True))
            host.guest(self.one).run("ip", "address", "add", "192.0.2.9/32", "dev", "eth0")
            host.guest(self.one).run(
                "ip", "route", "replace", "10.1.0.0/16", "via", "10.0.1.1", "src", "192.0.2.9"
            )
            assert not host.guest(self.one).throws(heard, self.two.private_ip, PORT, 0.25)

    def test_a_peer_that_this_host_does_not_carry_leads_nowhere(self, host: Lab) -> None:
        first, second = self.wanted()
        assert host.apply(shapes.host(first)) == ()
        assert not host.guest(self.one).pings(self.two.private_ip, lab.REFUSED_AFTER_S)
        host.apply(shapes.host(first, second))
        assert host.guest(self.one).pings(self.two.private_ip)


class TestIpv6:
    def test_who_may_begin_follows_from_the_gateway(self, host: Lab) -> None:
        """Two VPCs of the cloud meet at the edge, as two on the internet would."""
        inner, outer = shapes.subnet(1, 0, table=PRIVATE), shapes.subnet(1, 1, table=PUBLIC)
        one = shapes.interface(10, OPEN, inside=inner)
        two = shapes.interface(10, OPEN, inside=outer)
        egress = shapes.table(PRIVATE, (EVERYTHING6, Way.EGRESS_ONLY, "eigw-1"))
        internet = shapes.table(PUBLIC, (EVERYTHING6, Way.INTERNET, "igw-1"))
        first = shapes.vpc(0, (inner,), (one,), route_tables=(egress,))
        second = shapes.vpc(1, (outer,), (two,), route_tables=(internet,))
        host.apply(shapes.host(first, second))
        with (
            host.guest(two).listen(PORT, address="::") as heard,
            host.guest(one).listen(PORT, address="::"),
        ):
            assert lab.caller(heard, host.guest(one), two.ipv6s[0]) == one.ipv6s[0]
            assert host.guest(two).misses(one.ipv6s[0], PORT)
            assert not host.guest(two).pings(one.ipv6s[0], lab.REFUSED_AFTER_S)
            opened = shapes.table(PRIVATE, (EVERYTHING6, Way.INTERNET, "igw-1"))
            host.apply(shapes.host(replace(first, route_tables=(opened,)), second))
            assert host.guest(two).reaches(one.ipv6s[0], PORT)
            closed = shapes.table(PRIVATE)
            host.apply(shapes.host(replace(first, route_tables=(closed,)), second))
            assert host.guest(one).misses(two.ipv6s[0], PORT)

    def test_destroy_leaves_no_route(self, host: Lab) -> None:
        before = links.fetch().route6s
        inner = shapes.subnet(1)
        wanted = shapes.host(shapes.vpc(0, (inner,), (shapes.interface(10, OPEN, inside=inner),)))
        # What leads there is on a link that has to be there first.
        for _ in range(2):
            host.apply(wanted)
        assert any(route.kind == "unreachable" for route in links.fetch().route6s - before)
        host.network.destroy()
        assert links.fetch().route6s == before

    def test_what_an_egress_only_gateway_let_out_is_tracked(self, host: Lab) -> None:
        """Groups that are open both ways make a connection untracked, but not this one."""
        inner, outer = shapes.subnet(1, 0, table=PRIVATE), shapes.subnet(1, 1)
        one = shapes.interface(10, OPEN, inside=inner)
        two = shapes.interface(10, "sg-00000000000000009", inside=outer)
        egress = shapes.table(PRIVATE, (EVERYTHING6, Way.EGRESS_ONLY, "eigw-1"))
        first = shapes.vpc(0, (inner,), (one,), route_tables=(egress,))
        # The receiver tracks it too: only some may come in.
        some = replace(shapes.ALL_IN[1], cidr6="fd00::/16")
        second = shapes.vpc(1, (outer,), (two,), {"sg-00000000000000009": (some,)})
        host.apply(shapes.host(first, second))
        with host.guest(two).listen(PORT, address="::") as listening:
            near = host.guest(one).connect(two.ipv6s[0], PORT)
            far, _ = listening.accept()
        closed = replace(first, groups=(replace(first.groups[0], rules=()), *first.groups[1:]))
        host.apply(shapes.host(closed, second))
        near.send(b"goes on")
        far.settimeout(lab.ARRIVES_WITHIN_S)
        assert far.recv(100) == b"goes on"
        near.close()
        far.close()

    def test_the_way_to_the_world_is_by_the_host(self, host: Lab) -> None:
        """The cloud's range is nobody's in the world: so guests are hidden behind the host."""
        world = lab.world_of_both(host)
        net, closed = shapes.subnet(1), shapes.subnet(2, table=PRIVATE)
        one = shapes.interface(10, OPEN, inside=net)
        two = shapes.interface(10, OPEN, inside=closed)
        tables = (shapes.table(PRIVATE),)
        wanted = shapes.host(
            shapes.vpc(0, (net, closed), (one, two), route_tables=tables), egress=True
        )
        host.apply(wanted)
        assert host.network.apply(wanted) == ()
        with (
            world.listen(PORT, address="::") as heard,
            host.guest(one).listen(PORT, address="::"),
            host.guest(two).listen(PORT, address="::"),
        ):
            assert lab.caller(heard, host.guest(one), "2001:db8::1") == "2001:db8::2"
            assert host.guest(two).misses("2001:db8::1", PORT)
            assert world.reaches(one.ipv6s[0], PORT)
            assert world.misses(two.ipv6s[0], PORT)
            host.apply(replace(wanted, egress=False))
            assert host.guest(one).misses("2001:db8::1", PORT)
        assert host.network.apply(replace(wanted, egress=False)) == ()

    def test_nobody_speaks_with_anothers_address(self, host: Lab) -> None:
        net = shapes.subnet(1)
        one, two = (shapes.interface(n, OPEN, inside=net) for n in (10, 11))
        host.apply(shapes.host(shapes.vpc(0, (net,), (one, two))))
        guest = host.guest(one)
        assert guest.pings(two.ipv6s[0])
        guest.run("ip", "address", "delete", f"{one.ipv6s[0]}/128", "dev", "eth0")
        guest.run("ip", "address", "add", "fd00:0:0:1::99/128", "dev", "eth0", "nodad")
        assert not guest.pings(two.ipv6s[0], lab.REFUSED_AFTER_S)

    def test_a_prefix_is_led_to_its_interface(self, host: Lab) -> None:
        net = shapes.subnet(1)
        one = shapes.interface(10, OPEN, inside=net, prefixes=("fd00:0:0:1:a::/80",))
        two = shapes.interface(11, OPEN, inside=net)
        host.apply(shapes.host(shapes.vpc(0, (net,), (one, two))))
        host.guest(one).run("ip", "address", "add", "fd00:0:0:1:a::1/128", "dev", "eth0", "nodad")
        assert host.guest(two).pings("fd00:0:0:1:a::1")
