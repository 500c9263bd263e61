"""A VPC on several hosts, proved by packets: what holds on one host holds here."""

import json
import socket
import struct
from dataclasses import replace as changed
from ipaddress import IPv4Address

import pytest
from msgspec.structs import replace

from mallee.model.network.carried import AddressWanted, Way
from mallee.model.network.flowlogs import DEFAULT_FIELDS, Traffic
from mallee.model.network.networks import Rule
from mallee.model.network.watching import FlowLogWanted
from mallee.node.do.network import namespaces
from mallee.node.plan.network import overlay
from tests.node import lab, manyhosts, shapes
from tests.node.manyhosts import Cluster, Machine, Told
from tests.node.shapes import OPEN, OUT, entry

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
ACL = "acl-00000000000000001"
MEMBERS = "sg-0000000000000000a"
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"


class TestInside:
    def told(self, *, rules: dict[str, tuple[Rule, ...]] | None = None) -> Told:
        """Two guests of a subnet on two hosts, and a third of another subnet on the second."""
        near, other = shapes.subnet(1), shapes.subnet(2)
        self.one = shapes.interface(10, OPEN, inside=near)
        self.two = shapes.interface(11, OPEN, inside=near)
        self.three = shapes.interface(10, OPEN, inside=other)
        self.vpc = shapes.vpc(0, (near, other), (self.one, self.two, self.three), rules)
        return Told((self.vpc,), {self.one.id: 0, self.two.id: 1, self.three.id: 1})

    def test_guests_of_two_hosts_reach_each_other(self, two: Cluster) -> None:
        assert two.apply(self.told()) == []
        first, second = two.machines
        one, other = first.guest(self.one), second.guest(self.two)
        assert one.pings(self.two.private_ip)
        assert one.pings(self.two.ipv6s[0])
        assert second.guest(self.three).pings(self.one.private_ip)
        with other.listen(PORT) as server, first.guest(self.one).listen(PORT) as back:
            assert lab.caller(server, one, self.two.private_ip) == self.one.private_ip
            assert lab.caller(back, other, self.one.private_ip) == self.two.private_ip

    def test_twice_is_once(self, two: Cluster) -> None:
        told = self.told()
        two.apply(told)
        first, second = two.machines
        assert two.apply(told) == []
        before = first.inside(self.vpc, "ip", "-json", "link", "show", "overlay")
        two.apply(told)
        assert first.inside(self.vpc, "ip", "-json", "link", "show", "overlay") == before
        # An agent that begins anew finds it all as it is.
        again = lab.network.Network(second.lab.layout)
        wanted = told.of(two.machines, 1)
        assert namespaces.run_inside(second.namespace, lambda: again.apply(wanted)) == ()
        assert first.guest(self.one).pings(self.two.private_ip)

    def test_what_others_change_is_set_right(self, two: Cluster) -> None:
        told = self.told()
        two.apply(told)
        two.apply(told)
        first = two.machines[0]
        first.inside(self.vpc, "ip", "link", "delete", "overlay")
        assert any("to other hosts had been changed" in one for one in two.apply(told))
        assert first.guest(self.one).pings(self.two.private_ip)
        first.inside(self.vpc, "ip", "neighbour", "flush", "dev", "overlay", "nud", "permanent")
        wanted = told.of(two.machines, 0)
        problems = [one for _ in range(30) for one in first.apply(wanted)]
        assert any("to other hosts had been changed" in one for one in problems)
        assert first.guest(self.one).pings(self.two.private_ip)

    def test_a_changed_address_costs_one_route(self, two: Cluster) -> None:
        told = self.told()
        two.apply(told)
        two.apply(told)
        first, second = two.machines
        link = first.inside(self.vpc, "ip", "-json", "link", "show", "overlay")
        with (
            first.guest(self.one).listen(PORT) as server,
            second.guest(self.two).connect(self.one.private_ip, PORT) as kept,
        ):
            accepted, _ = server.accept()
            more = replace(self.two, secondary=(AddressWanted(private_ip="10.0.1.77"),))
            vpc = replace(self.vpc, interfaces=(self.one, more, self.three))
            second.guest(self.two).run("ip", "address", "add", "10.0.1.77/32", "dev", "eth0")
            two.apply(changed(told, vpcs=(vpc,)))
            accepted.settimeout(lab.ARRIVES_WITHIN_S)
            kept.sendall(b"still here")
            assert accepted.recv(100) == b"still here"
            accepted.close()
        assert first.guest(self.one).pings("10.0.1.77")
        assert first.inside(self.vpc, "ip", "-json", "link", "show", "overlay") == link

    def test_an_address_that_moves_is_found_on_its_new_host(self, three: Cluster) -> None:
        told = self.told()
        mover = AddressWanted(private_ip="10.0.1.77")
        for at, owner in ((1, self.two), (0, self.one)):
            held = replace(owner, secondary=(mover,))
            those = tuple(
                held if one.id == owner.id else one for one in (self.one, self.two, self.three)
            )
            placed = changed(
                told,
                vpcs=(replace(self.vpc, interfaces=those),),
                places={self.one.id: 0, self.two.id: 1, self.three.id: 2},
            )
            three.apply(placed)
            guest = three.machines[at].guest(owner)
            guest.run("ip", "address", "replace", "10.0.1.77/32", "dev", "eth0")
            with guest.listen(PORT, address="10.0.1.77") as server:
                asking = three.machines[2].guest(self.three)
                assert lab.caller(server, asking, "10.0.1.77") == self.three.private_ip
            guest.run("ip", "address", "del", "10.0.1.77/32", "dev", "eth0")

    def test_a_prefix_is_led_to_its_host(self, two: Cluster) -> None:
        told = self.told()
        led = replace(self.two, prefixes=("10.0.1.128/28",))
        two.apply(changed(told, vpcs=(replace(self.vpc, interfaces=(self.one, led, self.three)),)))
        first, second = two.machines
        second.guest(self.two).run("ip", "address", "add", "10.0.1.130/32", "dev", "eth0")
        assert first.guest(self.one).pings("10.0.1.130")
        with first.guest(self.one).listen(PORT) as server:
            from_led = ("10.0.1.130", 0)
            with second.guest(self.two).do(
                lambda: socket.create_connection((self.one.private_ip, PORT), 5.0, from_led)
            ):
                accepted, sender = server.accept()
                accepted.close()
        assert sender[0] == "10.0.1.130"


class TestSecurity:
    def test_groups_know_members_on_other_hosts(self, two: Cluster) -> None:
        net = shapes.subnet(1)
        rules = {MEMBERS: (*shapes.ALL_OUT, lab.allow("tcp", PORT, group=MEMBERS)), **shapes.RULES}
        server = shapes.interface(10, MEMBERS, inside=net)
        member = shapes.interface(11, MEMBERS, inside=net)
        stranger = shapes.interface(12, OUT, inside=net)
        vpc = shapes.vpc(0, (net,), (server, member, stranger), rules)
        places = {server.id: 0, member.id: 1, stranger.id: 1}
        two.apply(Told((vpc,), places))
        first, second = two.machines
        with first.guest(server).listen(PORT):
            assert second.guest(member).reaches(server.private_ip, PORT)
            assert second.guest(stranger).misses(server.private_ip, PORT)
            assert second.guest(member).misses(server.private_ip, PORT + 1)

    def test_egress_is_judged_where_the_sender_is(self, two: Cluster) -> None:
        net = shapes.subnet(1)
        quiet = "sg-0000000000000000b"
        rules = {**shapes.RULES, quiet: (*shapes.ALL_IN,)}
        one = shapes.interface(10, quiet, inside=net)
        other = shapes.interface(11, OPEN, inside=net)
        two.apply(Told((shapes.vpc(0, (net,), (one, other), rules),), {one.id: 0, other.id: 1}))
        first, second = two.machines
        with second.guest(other).listen(PORT), first.guest(one).listen(PORT):
            assert first.guest(one).misses(other.private_ip, PORT)
            assert second.guest(other).reaches(one.private_ip, PORT)

    def test_acls_stand_between_subnets_and_not_within(self, two: Cluster) -> None:
        acl = shapes.acl(ACL, entry(100, "in deny", "1"), entry(200, "in allow"),
                         entry(100, "out allow"))  # fmt: skip
        guarded, other = shapes.subnet(1, acl=ACL), shapes.subnet(2)
        one = shapes.interface(10, OPEN, inside=guarded)
        same = shapes.interface(11, OPEN, inside=guarded)
        beyond = shapes.interface(10, OPEN, inside=other)
        vpc = shapes.vpc(0, (guarded, other), (one, same, beyond), acls=(acl,))
        two.apply(Told((vpc,), {one.id: 0, same.id: 1, beyond.id: 1}))
        first, second = two.machines
        assert second.guest(same).pings(one.private_ip)
        assert not second.guest(beyond).pings(one.private_ip, 0.5)
        with first.guest(one).listen(PORT):
            assert second.guest(beyond).reaches(one.private_ip, PORT)

    def test_an_acl_on_the_way_out_is_judged_once(self, two: Cluster) -> None:
        acl = shapes.acl(ACL, entry(100, "in allow"), entry(100, "out deny", "1"),
                         entry(200, "out allow"))  # fmt: skip
        guarded, other = shapes.subnet(1, acl=ACL), shapes.subnet(2, acl=ACL)
        one = shapes.interface(10, OPEN, inside=guarded)
        same = shapes.interface(11, OPEN, inside=guarded)
        beyond = shapes.interface(10, OPEN, inside=other)
        vpc = shapes.vpc(0, (guarded, other), (one, same, beyond), acls=(acl,))
        two.apply(Told((vpc,), {one.id: 0, same.id: 1, beyond.id: 1}))
        first, second = two.machines
        assert first.guest(one).pings(same.private_ip)
        assert not first.guest(one).pings(beyond.private_ip, 0.5)
        listed = second.inside(vpc, "nft", "list", "chain", "inet", "mallee", f"{ACL}-out")
        assert "packets 0" in listed.replace("\n", " ")

    def test_a_guest_speaks_under_no_address_of_a_guest_elsewhere(self, two: Cluster) -> None:
        net = shapes.subnet(1)
        one, other = (shapes.interface(n, OPEN, inside=net) for n in (10, 11))
        vpc = shapes.vpc(0, (net,), (one, other))
        two.apply(Told((vpc,), {one.id: 0, other.id: 1}))
        first, second = two.machines
        tap = first.lab.layout.tap(one.id)
        mac = json.loads(first.inside(vpc, "ip", "-json", "link", "show", tap))[0]["address"]
        with second.guest(other).listen(PORT, socket.SOCK_DGRAM) as server:
            honest = lab.udp_frame(one, other.private_ip, PORT, gateway_mac=mac)
            forged = lab.udp_frame(one, other.private_ip, PORT, gateway_mac=mac, ip="10.0.1.99")
            server.settimeout(lab.REFUSED_AFTER_S)
            first.guest(one).send_frame(forged)
            with pytest.raises(TimeoutError):
                server.recv(100)
            server.settimeout(lab.ARRIVES_WITHIN_S)
            first.guest(one).send_frame(honest)
            assert server.recv(100) == b"forged"

    def test_a_host_speaks_for_what_it_carries_only(self, three: Cluster) -> None:
        net = shapes.subnet(1)
        one, other, third = (shapes.interface(n, OPEN, inside=net) for n in (10, 11, 12))
        vpc = shapes.vpc(0, (net,), (one, other, third))
        three.apply(Told((vpc,), {one.id: 0, other.id: 1, third.id: 2}, gateway=2))
        first, second = three.machines[0], three.machines[1]
        with first.guest(one).listen(PORT, socket.SOCK_DGRAM) as server:
            server.settimeout(lab.REFUSED_AFTER_S)
            forgeries = (
                (second, second, "10.0.1.12", vpc.link_index + 0x4000),
                (second, three.machines[2], "10.0.1.12", vpc.link_index + 0x4000),
                (second, second, "10.0.1.11", vpc.link_index + 0x4001),
                (second, second, "198.51.100.77", vpc.link_index + 0x4000),
            )
            for sender, named, ip, number in forgeries:
                sent = wrapped(named, first, number, lab.udp_frame(
                    replace(other, private_ip=ip), one.private_ip, PORT,
                    gateway_mac=overlay.mac_of(first.peer.id), mac=overlay.mac_of(named.peer.id),
                ))  # fmt: skip
                throw(sender, first, sent)
                with pytest.raises(TimeoutError):
                    server.recv(100)
            honest = wrapped(second, first, vpc.link_index + 0x4000, lab.udp_frame(
                other, one.private_ip, PORT, gateway_mac=overlay.mac_of(first.peer.id),
                mac=overlay.mac_of(second.peer.id),
            ))  # fmt: skip
            server.settimeout(lab.ARRIVES_WITHIN_S)
            throw(second, first, honest)
            assert server.recv(100) == b"forged"

    def test_no_guest_speaks_to_a_host_in_this_hosts_name(self, two: Cluster) -> None:
        net = shapes.subnet(1, table=PUBLIC)
        one, other = (shapes.interface(n, OPEN, inside=net) for n in (10, 11))
        tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),)
        one = replace(one, public_ip="203.0.113.10")
        vpc = shapes.vpc(0, (net,), (one, other), route_tables=tables)
        first, second = two.machines
        first.run("ip", "route", "add", "default", "via", second.peer.address)
        two.apply(Told((vpc,), {one.id: 0, other.id: 1}, egress=True))
        inner = lab.udp_frame(
            replace(one, private_ip="10.0.1.10"), other.private_ip, PORT,
            gateway_mac=overlay.mac_of(second.peer.id), mac=overlay.mac_of(first.peer.id),
        )  # fmt: skip
        packet = wrapped(first, second, vpc.link_index + 0x4000, inner)
        with second.guest(other).listen(PORT, socket.SOCK_DGRAM) as server:
            server.settimeout(lab.REFUSED_AFTER_S)
            first.guest(one).do(lambda: _send(packet, second.peer.address))
            with pytest.raises(TimeoutError):
                server.recv(100)


def wrapped(sender: Machine, receiver: Machine, number: int, frame: bytes) -> bytes:
    """What is in a datagram between hosts that has this frame inside."""
    assert sender.peer.address != receiver.peer.address
    return struct.pack("!II", 0x08000000, number << 8) + frame


def throw(sender: Machine, receiver: Machine, packet: bytes) -> None:
    """Send it from one host to another."""
    namespaces.run_inside(sender.namespace, lambda: _send(packet, receiver.peer.address))


def _send(packet: bytes, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(packet, (address, overlay.PORT))


class TestWays:
    def test_a_sender_is_told_how_long_packets_may_be(self, two: Cluster) -> None:
        told = TestInside()
        two.apply(told.told())
        first, second = two.machines
        one = first.guest(told.one)
        assert one.do(lambda: manyhosts.longest(told.two.private_ip)) == 1450
        assert one.do(lambda: manyhosts.longest(told.two.ipv6s[0])) == 1450
        with (
            second.guest(told.two).listen(PORT) as server,
            one.connect(told.two.private_ip, PORT) as sending,
        ):
            # No segment is longer from the beginning, whoever listens to the router.
            assert sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1450 - 40
            accepted, _ = server.accept()
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1450 - 40
            accepted.close()
        configuration = first.lab.layout.node / "dhcp" / told.vpc.id / "dnsmasq.conf"
        assert "dhcp-option=option:mtu,1450" in configuration.read_text()
        assert "ra-param=mt*,mtu:1450,600" in configuration.read_text()

    def test_an_appliance_on_another_host_routes(self, two: Cluster) -> None:
        inner, outer = shapes.subnet(1, table=PRIVATE), shapes.subnet(2)
        one = shapes.interface(10, OPEN, inside=inner)
        router = shapes.interface(20, OPEN, inside=outer, source_dest_check=False)
        tables = (shapes.table(PRIVATE, ("192.0.2.128/25", Way.INTERFACE, router.id)),)
        vpc = shapes.vpc(0, (inner, outer), (one, router), route_tables=tables)
        two.apply(Told((vpc,), {one.id: 0, router.id: 1}))
        first, second = two.machines
        second.guest(router).run("ip", "address", "add", "192.0.2.200/32", "dev", "lo")
        assert first.guest(one).pings("192.0.2.200")

    def test_names_mean_guests_on_other_hosts(self, two: Cluster) -> None:
        net = shapes.subnet(1)
        one = shapes.interface(10, OPEN, inside=net)
        other = shapes.interface(
            11, OPEN, inside=net, resource_ips=("10.0.1.11",),
            public_ip="203.0.113.11", public_name="ec2-203-0-113-11.compute-1.amazonaws.com",
        )  # fmt: skip
        vpc = shapes.vpc(0, (net,), (one, other))
        two.apply(Told((vpc,), {one.id: 0, other.id: 1}))
        guest = two.machines[0].guest(one)
        for name in ("ip-10-0-1-11.ec2.internal", f"{other.instance_id}.ec2.internal",
                     other.public_name):  # fmt: skip
            answer = guest.do(lambda name=name: ask(name, "10.0.0.2"))
            assert answer == "10.0.1.11", name


def ask(name: str, server: str) -> str:
    """Ask a name server; return the address in its answer."""
    question = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(lab.ARRIVES_WITHIN_S)
        asking.sendto(query, (server, 53))
        answer = asking.recv(512)
    return str(IPv4Address(answer[-4:]))


def test_who_is_inside_is_known_though_flows_are_counted(two: Cluster) -> None:
    acl = shapes.acl(ACL, entry(100, "in deny"), entry(100, "out deny"))
    net = shapes.subnet(1, acl=ACL)
    one, other = (shapes.interface(n, OPEN, inside=net) for n in (10, 11))
    log = FlowLogWanted(
        id="fl-00000000000000001",
        account_id="000000000001",
        zone_id="use1-az1",
        interface_ids=(one.id, other.id),
        traffic=Traffic.ALL,
        fields=DEFAULT_FIELDS,
    )
    vpc = shapes.vpc(0, (net,), (one, other), acls=(acl,), flow_logs=(log,))
    two.apply(Told((vpc,), {one.id: 0, other.id: 1}))
    first, second = two.machines
    assert first.guest(one).pings(other.private_ip)
    for machine in (first, second):
        listed = machine.inside(vpc, "nft", "list", "set", "inet", "mallee", "plain-flows4")
        assert "10.0.1.10" in listed
