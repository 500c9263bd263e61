"""Traffic mirroring, proved by packets: copies arrive as VXLAN, and only those that rules take."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.carried import Speed
from mallee.model.network.watching import MirrorRuleWanted, MirrorWanted
from mallee.node.do.network import namespaces
from mallee.node.plan.network import mirrors, network
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN, OUT

pytestmark = pytest.mark.host

VNI = 4242
PORT = 8000
ANY = MirrorRuleWanted(is_accepted=True, source="0.0.0.0/0", destination="0.0.0.0/0")
ANY6 = MirrorRuleWanted(is_accepted=True, source="::/0", destination="::/0")
NEAR = shapes.subnet(1)
SOURCE, PEER, TARGET, OTHER = (shapes.interface(n, OPEN, inside=NEAR) for n in (10, 11, 12, 13))


def session(number: int = 1, target: InterfaceWanted = TARGET, **more: object) -> MirrorWanted:
    """A session that copies everything, unless something else is said."""
    made = MirrorWanted(
        id=f"tms-{number:017x}",
        interface_id=SOURCE.id,
        target_interface_id=target.id,
        number=number,
        vni=VNI,
        ingress=(ANY, ANY6),
        egress=(ANY, ANY6),
    )
    return replace(made, **more)


def vpc(*those: MirrorWanted, target: InterfaceWanted = TARGET) -> VpcWanted:
    return shapes.vpc(0, (NEAR,), (SOURCE, PEER, target, OTHER), mirrors=those)


@dataclass(frozen=True, slots=True)
class Copy:
    """What was wrapped."""

    outer: str
    vni: int
    source: str
    destination: str
    protocol: int
    payload: bytes


def decode(data: bytes, sender: str) -> Copy:
    """Take VXLAN's head and Ethernet's off."""
    flags, vni = struct.unpack("!II", data[:8])
    assert flags == 0x08000000
    kind = struct.unpack("!H", data[20:22])[0]
    packet = data[22:]
    if kind == 0x0800:
        ends = str(ip_address(packet[12:16])), str(ip_address(packet[16:20]))
        return Copy(sender, vni >> 8, *ends, packet[9], packet[(packet[0] & 15) * 4 :])
    assert kind == 0x86DD
    ends = str(ip_address(packet[8:24])), str(ip_address(packet[24:40]))
    return Copy(sender, vni >> 8, *ends, packet[6], packet[40:])


@dataclass(slots=True)
class Ear:
    """A target's socket."""

    held: socket.socket

    def hear(self, within_s: float = lab.ARRIVES_WITHIN_S) -> Copy | None:
        """The next copy; None: none comes."""
        self.held.settimeout(within_s)
        try:
            data, sender = self.held.recvfrom(65536)
        except TimeoutError:
            return None
        return decode(data, sender[0])

    def all(self, count: int) -> list[Copy]:
        """So many copies, and no more."""
        found = [one for one in (self.hear() for _ in range(count)) if one is not None]
        assert self.hear(lab.REFUSED_AFTER_S) is None
        return found

    def forget(self) -> None:
        """Take what has come."""
        while self.hear(0.05) is not None:
            pass


def listen(guest: Guest) -> Ear:
    return Ear(guest.listen(4789, socket.SOCK_DGRAM))


def say(host: Lab, sender: InterfaceWanted, address: str, port: int = PORT) -> None:
    """Send a datagram that nobody has to hear."""

    def send() -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.sendto(b"hello", (address, port))

    host.guest(sender).do(send)


@pytest.fixture
def heard(host: Lab) -> Ear:
    """A target that hears; everybody knows everybody's MAC address."""
    host.apply(shapes.host(vpc(session())))
    ear = listen(host.guest(TARGET))
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert host.guest(SOURCE).pings(PEER.ipv6s[0])
    assert ear.hear() is not None
    ear.forget()
    return ear


def test_what_an_interface_sends_and_receives_arrives_wrapped(host: Lab, heard: Ear) -> None:
    assert host.guest(SOURCE).pings(PEER.private_ip)
    there, back = heard.all(2)
    assert there.outer == back.outer == SOURCE.private_ip
    assert there.vni == back.vni == VNI
    assert (there.source, there.destination) == (SOURCE.private_ip, PEER.private_ip)
    assert (back.source, back.destination) == (PEER.private_ip, SOURCE.private_ip)
    assert host.guest(SOURCE).pings(PEER.ipv6s[0])
    ends = {(one.source, one.destination) for one in heard.all(2)}
    assert ends == {(SOURCE.ipv6s[0], PEER.ipv6s[0]), (PEER.ipv6s[0], SOURCE.ipv6s[0])}


def test_rules_are_asked_in_order_each_way_for_itself(host: Lab, heard: Ear) -> None:
    ports = MirrorRuleWanted(
        is_accepted=False,
        source="10.0.0.0/16",
        destination="0.0.0.0/0",
        protocol=17,
        destination_ports=(PORT, PORT + 5),
    )
    host.apply(shapes.host(vpc(session(egress=(ports, ANY), ingress=()))))
    heard.forget()
    say(host, SOURCE, PEER.private_ip, PORT + 5)
    with host.guest(SOURCE).listen(PORT, socket.SOCK_DGRAM):
        say(host, PEER, SOURCE.private_ip)
        assert heard.hear(lab.REFUSED_AFTER_S) is None
    say(host, SOURCE, PEER.private_ip, PORT + 6)
    (copy,) = [one for one in heard.all(1) if one.protocol == 17]
    assert copy.payload[2:4] == struct.pack("!H", PORT + 6)
    assert copy.payload[8:] == b"hello"


def test_the_lowest_number_that_takes_a_packet_has_it(host: Lab, heard: Ear) -> None:
    udp = MirrorRuleWanted(
        is_accepted=True, source="0.0.0.0/0", destination="0.0.0.0/0", protocol=17
    )
    first = session(1, egress=(udp,), ingress=())
    second = session(2, OTHER, ingress=())
    host.apply(shapes.host(vpc(second, first)))
    other = listen(host.guest(OTHER))
    heard.forget()
    say(host, SOURCE, PEER.private_ip)
    assert [one.protocol for one in heard.all(1)] == [17]
    assert other.hear(lab.REFUSED_AFTER_S) is None
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert [one.protocol for one in other.all(1)] == [1]
    assert heard.hear(lab.REFUSED_AFTER_S) is None


def test_what_the_firewall_refuses_is_copied_when_it_is_sent_only(host: Lab, heard: Ear) -> None:
    closed = replace(SOURCE, group_ids=())
    held = (closed, PEER, TARGET, OTHER)
    host.apply(shapes.host(replace(vpc(session()), interfaces=held)))
    heard.forget()
    assert not host.guest(SOURCE).pings(PEER.private_ip, lab.REFUSED_AFTER_S)
    assert not host.guest(PEER).pings(SOURCE.private_ip, lab.REFUSED_AFTER_S)
    assert [one.source for one in heard.all(1)] == [SOURCE.private_ip]


def test_the_targets_groups_must_let_copies_in(host: Lab, heard: Ear) -> None:
    shut = replace(TARGET, group_ids=(OUT,))
    host.apply(shapes.host(vpc(session(), target=shut)))
    heard.forget()
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert heard.hear(lab.REFUSED_AFTER_S) is None
    rules = {**shapes.RULES, OUT: (*shapes.ALL_OUT, lab.allow("udp", 4789, cidr="10.0.1.10/32"))}
    held = (SOURCE, PEER, shut, OTHER)
    host.apply(shapes.host(shapes.vpc(0, (NEAR,), held, rules, mirrors=(session(),))))
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert len(heard.all(2)) == 2


def test_an_ended_session_leaves_nothing_behind(host: Lab, heard: Ear) -> None:
    wanted = shapes.host(vpc())
    host.apply(wanted)
    heard.forget()
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert heard.hear(lab.REFUSED_AFTER_S) is None
    assert host.apply(wanted) == ()
    name = host.layout.vpc_namespace(wanted.vpcs[0].id)
    devices = namespaces.run_inside(name, socket.if_nameindex)
    assert not [one for _, one in devices if mirrors.is_device(one)]


def test_an_agent_that_comes_anew_finds_what_it_wants(host: Lab, heard: Ear) -> None:
    again = type(host.network)(host.layout)
    wanted = shapes.host(vpc(session()))
    assert again.apply(wanted) == ()
    assert again.apply(wanted) == ()
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert len(heard.all(2)) == 2


def test_long_packets_are_copied_whole(host: Lab, heard: Ear) -> None:
    with host.guest(PEER).listen(PORT, socket.SOCK_DGRAM) as server:

        def send() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.sendto(b"x" * 1472, (PEER.private_ip, PORT))

        host.guest(SOURCE).do(send)
        assert len(server.recv(2000)) == 1472
    (copy,) = heard.all(1)
    assert copy.payload[8:] == b"x" * 1472


def test_what_a_limited_interface_sends_is_copied_too(host: Lab, heard: Ear) -> None:
    slow = replace(SOURCE, speed=Speed(sends_bps=40_000_000, receives_bps=40_000_000))
    limited = replace(vpc(session()), interfaces=(slow, PEER, TARGET, OTHER))
    host.apply(shapes.host(limited))
    assert host.apply(shapes.host(limited)) == ()
    heard.forget()
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert {(one.source, one.destination) for one in heard.all(2)} == {
        (SOURCE.private_ip, PEER.private_ip),
        (PEER.private_ip, SOURCE.private_ip),
    }
    inside = Guest(SOURCE, host.layout.vpc_namespace(limited.id))
    bucket = ("tc", "-s", "qdisc", "show", "dev", host.layout.send_limiter(SOURCE.id))
    before = inside.run(*bucket)
    say(host, SOURCE, PEER.private_ip)
    assert heard.hear() is not None
    assert inside.run(*bucket) != before
    host.apply(shapes.host(replace(limited, mirrors=())))
    heard.forget()
    before = inside.run(*bucket)
    assert host.guest(SOURCE).pings(PEER.private_ip)
    assert inside.run(*bucket) != before
    assert heard.hear(lab.REFUSED_AFTER_S) is None


@pytest.mark.parametrize("server", [network.DNS_ADDRESS, "10.0.0.2", network.DNS_ADDRESS6])
def test_questions_for_names_are_copied_when_that_is_said_only(
    host: Lab, heard: Ear, server: str
) -> None:
    say(host, SOURCE, server, 53)
    assert heard.hear(lab.REFUSED_AFTER_S) is None
    asking = session(copies_dns=True, ingress=(), egress=())
    host.apply(shapes.host(vpc(asking)))
    heard.forget()
    say(host, SOURCE, server, 53)
    copy = heard.hear()
    assert copy is not None
    assert (copy.source in {SOURCE.private_ip, *SOURCE.ipv6s}, copy.destination) == (True, server)
    assert copy.payload[2:4] == struct.pack("!H", 53)
    say(host, SOURCE, PEER.private_ip)
    say(host, SOURCE, network.METADATA_ADDRESS, 80)
    copies = list(iter(lambda: heard.hear(lab.REFUSED_AFTER_S), None))
    assert {one.source for one in copies if one.destination != server} <= {server}
