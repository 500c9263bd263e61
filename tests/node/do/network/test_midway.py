"""Another host comes to lead to the world in the middle of conversations, proved by packets: what
the world began goes on, whoever speaks first; what a guest began is ended at once."""

import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import partial

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import PublicAccess, Way
from mallee.node.do.network import links, namespaces, wakeups
from mallee.node.plan.network import wakeups as plan
from tests.handclock import HandClock
from tests.node import lab, manyhosts, shapes
from tests.node.lab import Guest, Lab
from tests.node.manyhosts import Cluster, Told
from tests.node.shapes import ALL_IN, OPEN, OUT

pytestmark = pytest.mark.host

PUBLIC, PRIVATE = "rtb-00000000000000001", "rtb-00000000000000002"
PORT = 8000
SEEN, HIDDEN = "203.0.113.60", "203.0.113.50"
IN = "sg-0000000000000000b"
"""A group that lets everything in, and out what is asked for."""
EVERYTHING = "0.0.0.0/0"
NEIGHBOUR = "192.168.77.1"
"""Who is in the world, at an address that guests may not speak to by themselves."""
FORMER, HEIR, OTHER = 0, 1, 2
"""Hosts: who leads at first, who comes to lead, and one that never does."""


@dataclass
class Stage:
    """Three hosts, a guest on one of them, and the world, to which two of them have a wire."""

    cluster: Cluster
    world: Guest
    told: Told
    interface: InterfaceWanted

    @property
    def guest(self) -> Guest:
        """The guest."""
        return self.cluster.machines[self.told.places[self.interface.id]].guest(self.interface)

    def hand_over(self) -> None:
        """Let the heir lead; nothing passes by the former one any more."""
        self.cluster.machines[FORMER].run("ip", "link", "set", "uplink", "down")
        self.told = changed(self.told, gateway=HEIR)
        assert self.cluster.apply(self.told) == []
        self.world.run("ip", "route", "replace", "203.0.113.0/24", "via", "198.51.101.2")

    @property
    def vpc(self) -> VpcWanted:
        """The only one."""
        return self.told.vpcs[0]


def staged(cluster: Cluster, place: int, group: str = OPEN, *, is_hidden: bool = False) -> Stage:
    """Set the stage: with a guest on that host, that has a public address or is behind a NAT
    gateway."""
    world = manyhosts.world_of(cluster.machines[FORMER])
    heir = cluster.machines[HEIR]
    wire = ("peer", "name", "uplink", "netns", heir.namespace)
    process.run(("ip", "-n", world.namespace, "link", "add", "eth1", "type", "veth", *wire))
    world.run("ip", "link", "set", "eth1", "up")
    world.run("ip", "address", "add", "198.51.101.1/24", "dev", "eth1")
    world.run("ip", "address", "add", f"{NEIGHBOUR}/32", "dev", "lo")
    heir.run("ip", "address", "add", "198.51.101.2/24", "dev", "uplink")
    heir.run("ip", "link", "set", "uplink", "up")
    heir.run("ip", "route", "add", "default", "via", "198.51.101.1")
    outer, inner = shapes.subnet(1, table=PUBLIC), shapes.subnet(2, table=PRIVATE)
    gateway = shapes.nat_gateway(5, outer, HIDDEN)
    seen = shapes.interface(10, group, inside=outer, public_ip=SEEN)
    hidden = shapes.interface(10, group, inside=inner)
    one = hidden if is_hidden else seen
    tables = (
        shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1")),
        shapes.table(PRIVATE, (EVERYTHING, Way.NAT, gateway.id)),
    )
    vpc = shapes.vpc(
        0, (outer, inner), (one,), {**shapes.RULES, IN: ALL_IN},
        route_tables=tables, nat_gateways=(gateway,),
    )  # fmt: skip
    told = Told((vpc,), {one.id: place}, egress=True)
    assert cluster.apply(told) == []
    return Stage(cluster, world, told, one)


def is_heard(mouth: socket.socket, ear: socket.socket) -> bool:
    mouth.sendall(b"still here")
    ear.settimeout(lab.ARRIVES_WITHIN_S)
    return ear.recv(100) == b"still here"


def called(stage: Stage, server: socket.socket, source: str) -> tuple[socket.socket, socket.socket]:
    """Let the world call the guest from that address; return its socket, and the guest's."""

    def connect() -> socket.socket:
        return socket.create_connection((SEEN, PORT), lab.ARRIVES_WITHIN_S, (source, 0))

    caller = stage.world.do(connect)
    accepted, _ = server.accept()
    return caller, accepted


@pytest.mark.parametrize("place", [FORMER, HEIR, OTHER])
def test_what_the_world_began_goes_on_whoever_speaks_first(three: Cluster, place: int) -> None:
    """Also with who may not be called, and from a guest that may call nobody."""
    stage = staged(three, place, IN)
    with ExitStack() as held:
        server = held.enter_context(stage.guest.listen(PORT))
        talks = [
            [held.enter_context(end) for end in called(stage, server, source)]
            for source in (lab.WORLD_ADDRESS, NEIGHBOUR, lab.WORLD_ADDRESS)
        ]
        stage.hand_over()
        for caller, accepted in talks[:2]:
            assert is_heard(accepted, caller)
            assert is_heard(caller, accepted)
        caller, accepted = talks[2]
        assert is_heard(caller, accepted)
        assert is_heard(accepted, caller)


def is_reset(near: socket.socket, *says: bytes) -> bool:
    """Whether a guest hears that a conversation has ended, if need be after having said this."""
    near.settimeout(lab.ARRIVES_WITHIN_S)
    try:
        for word in says:
            near.sendall(word)
        return near.recv(100) == b"it has not"
    except ConnectionResetError:
        return True


def is_reset_by_looks(stage: Stage, near: socket.socket) -> bool:
    """Whether the guest hears it though it says nothing, while hosts look as often as they do."""
    for _ in range(plan.TIMES - 1):
        near.settimeout(plan.APART_S)
        try:
            return near.recv(100) == b"it has not"
        except TimeoutError:
            assert stage.cluster.apply(stage.told) == []
        except ConnectionResetError:
            return True
    return is_reset(near)


@pytest.mark.parametrize(
    ("place", "is_hidden"), [(FORMER, False), (HEIR, False), (OTHER, False), (OTHER, True)]
)
def test_what_a_guest_began_is_ended(three: Cluster, place: int, *, is_hidden: bool) -> None:
    stage = staged(three, place, OUT, is_hidden=is_hidden)
    with stage.world.listen(PORT) as server:
        near = stage.guest.connect(lab.WORLD_ADDRESS, PORT)
        far, _ = server.accept()
        with near, far:
            assert is_heard(near, far)
            stage.hand_over()
            assert is_reset(near, b"anybody there?")
        assert stage.guest.reaches(lab.WORLD_ADDRESS, PORT)


@pytest.mark.parametrize(("place", "is_hidden"), [(FORMER, False), (HEIR, False), (OTHER, True)])
def test_a_guest_that_only_listens_hears_that_what_he_began_has_ended(
    three: Cluster, place: int, *, is_hidden: bool
) -> None:
    stage = staged(three, place, OUT, is_hidden=is_hidden)
    with stage.world.listen(PORT) as server:
        near = stage.guest.connect(lab.WORLD_ADDRESS, PORT)
        far, _ = server.accept()
        with near, far:
            assert is_heard(far, near)
            stage.hand_over()
            # At a later look every host has heard who leads.
            assert is_reset_by_looks(stage, near)


def test_what_stands_is_not_disturbed_by_a_wake_up(three: Cluster) -> None:
    stage = staged(three, OTHER)
    machine = three.machines[OTHER]
    name = machine.lab.layout.vpc_namespace(stage.vpc.id)
    vpc = stage.told.of(three.machines, OTHER).vpcs[0]

    def wake() -> None:
        clock = HandClock()
        waking = wakeups.Wakeups(machine.lab.layout, clock)
        waking.note(name, replace(vpc, gateway_host_id="another"), vpc)
        for _ in range(plan.TIMES):
            waking.send(name, vpc)
            clock.time += plan.APART_S

    with stage.world.listen(PORT) as server:
        near = stage.guest.connect(lab.WORLD_ADDRESS, PORT)
        far, _ = server.accept()
        with near, far:
            assert is_heard(far, near)
            namespaces.run_inside(name, wake)
            assert is_heard(far, near)
            assert is_heard(near, far)


def test_a_card_that_is_gone_keeps_nobody_else_from_being_woken(host: Lab) -> None:
    world = lab.world_of(host)
    net = shapes.subnet(1, table=PUBLIC)
    stays, gone = (
        shapes.interface(n, OPEN, inside=net, public_ip=f"203.0.113.{n}") for n in (10, 11)
    )
    table = shapes.table(PUBLIC, (EVERYTHING, Way.INTERNET, "igw-1"))
    vpc = shapes.vpc(0, (net,), (stays, gone), route_tables=(table,))
    host.apply(shapes.host(vpc, egress=True))
    name = host.layout.vpc_namespace(vpc.id)
    with world.listen(PORT) as server, ExitStack() as held:
        # The one that was spoken in last is the first to be woken.
        for one, idle_s in ((stays, 1000), (gone, 2000)):
            switch = {"net/netfilter/nf_conntrack_tcp_timeout_established": str(idle_s)}
            namespaces.run_inside(name, partial(links.apply_switches, switch))
            held.enter_context(host.guest(one).connect(lab.WORLD_ADDRESS, PORT))
            held.enter_context(server.accept()[0])
        process.run(("ip", "-n", name, "link", "delete", host.layout.tap(gone.id)))

        def wake() -> None:
            waking = wakeups.Wakeups(host.layout, HandClock())
            waking.note(name, replace(vpc, gateway_host_id="another"), vpc)
            waking.send(name, vpc)

        with host.guest(stays).do(listening) as ear:
            namespaces.run_inside(name, wake)
            ear.settimeout(lab.ARRIVES_WITHIN_S)
            assert ear.recv(100)[12:16] == socket.inet_aton(lab.WORLD_ADDRESS)


def listening() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)


def segment(source: str, destination: str, flags: int) -> bytes:
    """A segment of TCP without data from the port of the servers."""
    head = struct.pack("!HHIIBBHHH", PORT, PORT, 1, 1, 5 << 4, flags, 1024, 0, 0)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    total = lab.checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(head)) + head)
    return head[:16] + struct.pack("!H", total) + head[18:]


ACK, SYN = 0x10, 0x02


@pytest.mark.parametrize("place", [HEIR, OTHER])
def test_no_segment_in_the_middle_of_nothing_leaves_the_cloud(three: Cluster, place: int) -> None:
    """Neither to the world, nor to whom guests may not speak; what may begin does."""
    stage = staged(three, place)
    stage.hand_over()

    def say(destination: str, flags: int) -> Callable[[], None]:
        def send() -> None:
            with listening() as mouth:
                packet = segment(stage.interface.private_ip, destination, flags)
                mouth.sendto(packet, (destination, 0))

        return send

    with stage.world.do(listening) as ear:
        for destination in (NEIGHBOUR, lab.WORLD_ADDRESS):
            stage.guest.do(say(destination, ACK))
        stage.guest.do(say(NEIGHBOUR, SYN))
        stage.guest.do(say(lab.WORLD_ADDRESS, SYN))
        ear.settimeout(lab.ARRIVES_WITHIN_S)
        came = ear.recv(100)
        assert socket.inet_ntoa(came[16:20]) == lab.WORLD_ADDRESS
        assert came[33] == SYN


def bare(stage: Stage) -> VpcWanted:
    """The VPC, whose guest has no public address any more."""
    return replace(stage.vpc, interfaces=(replace(stage.interface, public_ip=None),))


def outward(stage: Stage) -> VpcWanted:
    """The VPC, in which the world may begin nothing any more."""
    shut = [replace(one, public_access=PublicAccess.OUTWARD) for one in stage.vpc.subnets]
    return replace(stage.vpc, subnets=tuple(shut))


@pytest.mark.parametrize(
    ("place", "forbid"), [(OTHER, bare), (OTHER, outward), (FORMER, outward), (HEIR, outward)]
)
def test_what_may_not_go_on_where_it_was_does_not_on_another_host(
    three: Cluster, place: int, forbid: Callable[[Stage], VpcWanted]
) -> None:
    stage = staged(three, place)
    with stage.guest.listen(PORT) as server:
        caller, accepted = called(stage, server, lab.WORLD_ADDRESS)
        with caller, accepted:
            assert is_heard(caller, accepted)
            stage.told = changed(stage.told, vpcs=(forbid(stage),))
            stage.hand_over()
            accepted.sendall(b"nobody's")
            caller.settimeout(lab.REFUSED_AFTER_S)
            with pytest.raises((TimeoutError, ConnectionResetError)):
                caller.recv(100)
