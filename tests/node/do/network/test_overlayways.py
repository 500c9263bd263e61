"""Gateways, peers and appliances of a VPC on several hosts, proved by packets; and their traces."""

import socket
from dataclasses import replace as changed
from functools import partial
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import PublicAccess, Way
from mallee.model.packets import hops, packets
from mallee.model.packets.traces import ProbeTold, TraceAsk
from mallee.node import tracing as looking
from mallee.node.do.network import namespaces
from mallee.node.plan.network import tracing
from tests.node import lab, manyhosts, shapes
from tests.node.manyhosts import Cluster, Told
from tests.node.shapes import OPEN, OUT

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
ACL = "acl-00000000000000001"
MEMBERS = "sg-0000000000000000a"
PORT = 8000
EVERYTHING, EVERYTHING6 = "0.0.0.0/0", "::/0"


class TestGateways:
    def test_a_public_address_answers_on_any_host(self, two: Cluster) -> None:
        world = manyhosts.world_of(two.machines[0])
        told = self.told(public="203.0.113.60")
        two.apply(told)
        guest = two.machines[1].guest(self.far)
        with guest.listen(PORT) as server, world.listen(PORT) as outside:
            assert lab.caller(server, world, "203.0.113.60") == lab.WORLD_ADDRESS
            assert lab.caller(server, two.machines[0].guest(self.near), "203.0.113.60") == (
                "203.0.113.61"
            )
            assert guest.reaches(lab.WORLD_ADDRESS, PORT)
            assert outside.accept()[1][0] == "198.51.100.2"
            # The gateway host's own people come in too, under its address.
            here = two.machines[0]
            called = partial(socket.create_connection, ("203.0.113.60", PORT), 10)
            with namespaces.run_inside(here.namespace, called):
                assert server.accept()[1][0] == here.peer.address
        two.apply(self.told(public=None))
        with guest.listen(PORT), world.listen(PORT):
            assert world.misses("203.0.113.60", PORT)
            assert guest.misses(lab.WORLD_ADDRESS, PORT)

    def told(self, *, public: str | None) -> Told:
        net = shapes.subnet(1, table=PUBLIC)
        self.near = shapes.interface(10, OPEN, inside=net, public_ip="203.0.113.61")
        self.far = shapes.interface(11, OPEN, inside=net, public_ip=public)
        tables = (shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),)
        vpc = shapes.vpc(0, (net,), (self.near, self.far), route_tables=tables)
        return Told((vpc,), {self.near.id: 0, self.far.id: 1}, egress=True)

    def test_a_nat_gateway_serves_guests_of_other_hosts(self, two: Cluster) -> None:
        world = manyhosts.world_of(two.machines[0])
        outer, inner = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
        gateway = shapes.nat_gateway(5, outer, "203.0.113.50")
        near = shapes.interface(10, OUT, inside=inner)
        far = shapes.interface(11, OUT, inside=inner)
        tables = (
            shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),
            shapes.table(PRIVATE, (EVERYTHING, Way.NAT, gateway.id)),
        )
        vpc = shapes.vpc(
            0, (outer, inner), (near, far), route_tables=tables, nat_gateways=(gateway,)
        )
        two.apply(Told((vpc,), {near.id: 0, far.id: 1}, egress=True))
        with world.listen(PORT):
            assert two.machines[0].guest(near).reaches(lab.WORLD_ADDRESS, PORT)
            assert two.machines[1].guest(far).reaches(lab.WORLD_ADDRESS, PORT)

    def test_blocked_public_access_is_blocked_from_other_hosts(self, two: Cluster) -> None:
        world = manyhosts.world_of(two.machines[0])
        told = self.told(public="203.0.113.60")
        vpc: VpcWanted = told.vpcs[0]
        shut = tuple(replace(one, public_access=PublicAccess.OUTWARD) for one in vpc.subnets)
        two.apply(changed(told, vpcs=(replace(vpc, subnets=shut),)))
        guest = two.machines[1].guest(self.far)
        with guest.listen(PORT), world.listen(PORT):
            assert guest.reaches(lab.WORLD_ADDRESS, PORT)
            assert world.misses("203.0.113.60", PORT)


class TestBeyond:
    def test_peered_vpcs_reach_each_other_across_hosts(self, three: Cluster) -> None:
        nets = [shapes.subnet(1, n, table=f"rtb-{n:017x}") for n in (0, 1)]
        one = shapes.interface(10, OPEN, inside=nets[0])
        other = shapes.interface(10, OPEN, inside=nets[1])
        third = shapes.interface(11, OPEN, inside=nets[0])
        vpcs = tuple(
            shapes.vpc(
                n, (nets[n],), held,
                route_tables=(
                    shapes.table(
                        f"rtb-{n:017x}",
                        (f"10.{1 - n}.0.0/16", Way.PEERING, shapes.peering(0, 1, seen_from=n).id),
                        (f"fd00:{1 - n}::/56", Way.PEERING, shapes.peering(0, 1, seen_from=n).id),
                    ),
                ),
                peerings=(shapes.peering(0, 1, seen_from=n),),
            )
            for n, held in ((0, (one, third)), (1, (other,)))
        )  # fmt: skip
        three.apply(Told(vpcs, {one.id: 0, other.id: 1, third.id: 2}))
        first, second = three.machines[0].guest(one), three.machines[1].guest(other)
        assert first.pings(other.private_ip)
        assert second.pings(third.ipv6s[0])
        assert first.do(lambda: manyhosts.longest(other.private_ip)) == 1450
        with second.listen(PORT) as server, first.connect(other.private_ip, PORT) as sending:
            accepted, sender = server.accept()
            assert sender[0] == one.private_ip
            accepted.settimeout(lab.ARRIVES_WITHIN_S)
            sending.sendall(b"x" * 5000)
            assert accepted.recv(10)
            accepted.close()

    def test_attached_vpcs_reach_each_other_across_hosts(self, three: Cluster) -> None:
        """One VPC hides the other behind its NAT gateway, which is on a third host."""
        led = "tgw-rtb-00000000000000001"
        tables = [f"rtb-{n:017x}" for n in range(3)]
        to = shapes.transit_id(1)
        nets = [shapes.subnet(1, n, table=tables[n]) for n in (0, 1)]
        outer = shapes.subnet(2, 1, table=tables[2])
        one = shapes.interface(10, OPEN, inside=nets[0])
        other = shapes.interface(10, OPEN, inside=nets[1])
        gateway = shapes.nat_gateway(5, outer, "203.0.113.50")
        routes = (
            (tables[0], (EVERYTHING, Way.TRANSIT, to), (EVERYTHING6, Way.TRANSIT, to)),
            (tables[1], (EVERYTHING, Way.NAT, gateway.id), ("10.0.0.0/16", Way.TRANSIT, to),
             ("fd00:0::/56", Way.TRANSIT, to)),
            (tables[2], (EVERYTHING, Way.INTERNET, "igw-1"), ("10.0.0.0/16", Way.TRANSIT, to)),
        )  # fmt: skip
        made = [shapes.table(id, *held) for id, *held in routes]
        left = shapes.vpc(0, (nets[0],), (one,), route_tables=(made[0],))
        right = shapes.vpc(
            1, (nets[1], outer), (other,), route_tables=tuple(made[1:]), nat_gateways=(gateway,)
        )
        vpcs = tuple(
            replace(vpc, attachments=(shapes.attachment(1, net),))
            for vpc, net in ((left, nets[0]), (right, nets[1]))
        )
        into = [
            (cidr, shapes.attachment_id(1, number))
            for number, cidrs in ((0, ("10.0.0.0/16", "fd00::/56")), (1, (EVERYTHING, EVERYTHING6)))
            for cidr in cidrs
        ]
        hub = shapes.transit_gateway(
            1, (shapes.port(1, 0, led), shapes.port(1, 1, led)), shapes.transit_table(led, *into)
        )
        world = manyhosts.world_of(three.machines[2])
        places = {one.id: 0, other.id: 1}
        three.apply(Told(vpcs, places, gateway=2, egress=True, transit_gateways=(hub,)))
        first, second = three.machines[0].guest(one), three.machines[1].guest(other)
        assert first.pings(other.private_ip)
        assert first.pings(other.ipv6s[0])
        assert second.pings(one.private_ip)
        with world.listen(PORT):
            assert second.reaches(lab.WORLD_ADDRESS, PORT)
            assert first.reaches(lab.WORLD_ADDRESS, PORT)


class TestWorld6:
    def test_the_world_of_ipv6_is_by_the_gateway(self, two: Cluster) -> None:
        machine = two.machines[0]
        world = manyhosts.world_of(machine)
        world.run("ip", "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        world.run("ip", "route", "add", "fd00::/16", "via", "2001:db8::2")
        machine.run("ip", "-6", "address", "add", "2001:db8::2/64", "dev", "uplink", "nodad")
        machine.run("ip", "-6", "route", "add", "default", "via", "2001:db8::1")
        net, closed = shapes.subnet(1), shapes.subnet(2, table=PRIVATE)
        near = shapes.interface(10, OPEN, inside=net)
        one = shapes.interface(11, OPEN, inside=net)
        only_out = shapes.interface(10, OPEN, inside=closed)
        tables = (shapes.table(PRIVATE, (EVERYTHING6, Way.EGRESS_ONLY, "eigw-1")),)
        vpc = shapes.vpc(0, (net, closed), (near, one, only_out), route_tables=tables)
        told = Told((vpc,), {near.id: 0, one.id: 1, only_out.id: 1}, egress=True)
        two.apply(told)
        two.apply(told)
        guest, hidden = (two.machines[1].guest(it) for it in (one, only_out))
        with (
            world.listen(PORT, address="::"),
            guest.listen(PORT, address="::"),
            hidden.listen(PORT, address="::"),
        ):
            assert guest.reaches("2001:db8::1", PORT)
            assert hidden.reaches("2001:db8::1", PORT)
            assert world.reaches(one.ipv6s[0], PORT)
            assert world.misses(only_out.ipv6s[0], PORT)


class TestAppliances:
    @pytest.mark.parametrize("family", [4, 6])
    def test_subnets_reach_each_other_by_an_appliance_elsewhere(
        self, three: Cluster, family: int
    ) -> None:
        left, right = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
        one = shapes.interface(10, OPEN, inside=left)
        other = shapes.interface(10, OPEN, inside=right)
        router = shapes.interface(
            10, OPEN, inside=shapes.subnet(3), source_dest_check=False
        )  # fmt: skip
        whole = {4: "10.0.0.0/16", 6: "fd00:0::/56"}[family]
        back = {4: left.cidr, 6: left.ipv6_cidr}[family]
        tables = (
            shapes.table(PUBLIC, (whole, Way.INTERFACE, router.id)),
            shapes.table(PRIVATE, (back, Way.INTERFACE, router.id)),
        )
        nets = (left, right, shapes.subnet(3))
        vpc = shapes.vpc(0, nets, (one, other, router), route_tables=tables)
        three.apply(Told((vpc,), {one.id: 0, router.id: 1, other.id: 2}))
        asking, appliance = three.machines[0].guest(one), three.machines[1].guest(router)
        there = other.private_ip if family == 4 else other.ipv6s[0]
        assert not asking.pings(there, lab.REFUSED_AFTER_S)
        for switch in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
            appliance.run("sysctl", "-qw", switch)
        assert asking.pings(there)

    def test_what_comes_in_passes_an_appliance_elsewhere(self, three: Cluster) -> None:
        edge = "rtb-00000000000000003"
        outer, inner = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
        router = shapes.interface(10, OPEN, inside=outer, source_dest_check=False)
        server = shapes.interface(10, OPEN, inside=inner, public_ip="203.0.113.10")
        tables = (
            shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),
            shapes.table(PRIVATE, (EVERYTHING, Way.INTERFACE, router.id)),
            shapes.table(edge, (inner.cidr, Way.INTERFACE, router.id)),
        )
        vpc = shapes.vpc(
            0, (outer, inner), (router, server), route_tables=tables, gateway_table_id=edge
        )
        world = manyhosts.world_of(three.machines[0])
        three.apply(Told((vpc,), {router.id: 1, server.id: 2}, egress=True))
        guest = three.machines[2].guest(server)
        with guest.listen(PORT), world.listen(PORT):
            assert world.misses("203.0.113.10", PORT)
            three.machines[1].guest(router).run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            assert world.reaches("203.0.113.10", PORT)
            assert guest.reaches(lab.WORLD_ADDRESS, PORT)


def test_a_way_is_followed_from_host_to_host(two: Cluster) -> None:
    """What the reference says of both halves is what packets do, and both name what is there."""
    manyhosts.world_of(two.machines[0])
    gateways = TestGateways()
    told = gateways.told(public="203.0.113.60")
    two.apply(told)
    wanted = [told.of(two.machines, number) for number in (0, 1)]
    far, near = gateways.far, gateways.near
    packet = hops.Packet(
        source=IPv4Address(far.private_ip),
        destination=IPv4Address(near.private_ip),
        protocol=hops.TCP,
        source_port=40000,
        destination_port=PORT,
    )
    vpcs = [{vpc.id: vpc for vpc in one.vpcs} for one in wanted]
    found = packets.trace(vpcs[1], far.id, packet)
    crossing = tracing.crossing(found)
    assert crossing is not None
    assert (crossing.host_id, crossing.subnet_id) == (two.machines[0].peer.id, far.subnet_id)
    looked = tracing.looks(two.machines[1].lab.layout, wanted[1], found)
    assert [one.step.name for one in looked if one.step.kind == "device"][-1] == "overlay"
    place = (crossing.vpc_id, crossing.subnet_id)
    rest = packets.trace_from_afar(vpcs[0], place, packet)
    assert (rest.end, rest.at) == (hops.End.ARRIVED, near.id)
    looked = tracing.looks(two.machines[0].lab.layout, wanted[0], rest)
    assert looked[0].step.name == "overlay"
    assert looked[0].is_coming
    # Out into the world it goes by the gateway, under its public address.
    out = changed(packet, destination=IPv4Address(lab.WORLD_ADDRESS))
    assert packets.trace(vpcs[1], far.id, out).end is hops.End.ELSEWHERE
    left = packets.trace_from_afar(vpcs[0], place, out)
    assert left.end is hops.End.WORLD
    assert left.packet is not None
    assert str(left.packet.source) == "203.0.113.60"


def test_a_probe_is_seen_to_go_on_to_another_host(two: Cluster) -> None:
    net = shapes.subnet(1)
    one, other = (shapes.interface(n, OPEN, inside=net) for n in (10, 11))
    shut = shapes.interface(12, OUT, inside=net)
    vpc = shapes.vpc(0, (net,), (one, other, shut))
    told = Told((vpc,), {one.id: 0, other.id: 1, shut.id: 1})
    two.apply(told)
    first, wanted = two.machines[0], told.of(two.machines, 0)
    here: Any = SimpleNamespace(layout=first.lab.layout, network=first.lab.network)

    def probe(to: InterfaceWanted) -> ProbeTold:
        asked = TraceAsk(
            interface_id=one.id,
            source=one.private_ip,
            destination=to.private_ip,
            protocol=hops.TCP,
            port=PORT,
            is_probe=True,
        )
        found = namespaces.run_inside(
            first.namespace, lambda: looking.tell(here, wanted, asked)
        )  # fmt: skip
        assert found.probe is not None
        assert [it.name for it in found.steps if it.kind == "device"][-1] == "overlay"
        return found.probe

    with two.machines[1].guest(other).listen(PORT):
        answered = probe(other)
    assert (answered.end, answered.is_answered) == ("left", True), answered
    unheard = probe(shut)
    assert (unheard.end, unheard.is_answered) == ("lost", False), unheard
    assert "another host" in unheard.why
