"""Network ACLs, proved by packets: stateless, ordered, only at the borders of subnets."""

import socket
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import AclWanted
from tests.node import lab, shapes
from tests.node.lab import Guest, Lab
from tests.node.shapes import OPEN, entry

pytestmark = pytest.mark.host

ACL = "acl-00000000000000001"
PORT = 8000
ALL = (entry(100, "in allow"), entry(100, "out allow"))
ALL6 = (entry(101, "in allow", cidr6="::/0"), entry(101, "out allow", cidr6="::/0"))


@dataclass(frozen=True, slots=True)
class Pair:
    """A client in one subnet and a server in another, which has an ACL."""

    host: Lab
    client: InterfaceWanted
    neighbour: InterfaceWanted
    server: InterfaceWanted

    def apply(self, *entries: AclEntry) -> None:
        """Give the server's subnet an ACL with these entries."""
        nets = shapes.subnet(1), shapes.subnet(2, acl=ACL)
        self.host.apply(self.wanted(AclWanted(ACL, entries), *nets))

    def wanted(self, acl: AclWanted, *nets: object) -> HostWanted:
        """A host with that ACL."""
        held = (self.client, self.neighbour, self.server)
        vpc = shapes.vpc(0, (), held, acls=(acl,))
        return shapes.host(replace(vpc, subnets=nets))

    def guest(self, interface: InterfaceWanted) -> Guest:
        """The guest of an interface."""
        return self.host.guest(interface)


@pytest.fixture
def pair(host: Lab) -> Pair:
    near, far = shapes.subnet(1), shapes.subnet(2)
    return Pair(
        host,
        shapes.interface(10, OPEN, inside=near),
        shapes.interface(11, OPEN, inside=far),
        shapes.interface(12, OPEN, inside=far),
    )


def test_what_no_entry_decides_is_refused_but_not_within_the_subnet(pair: Pair) -> None:
    pair.apply(*ALL, *ALL6)
    with pair.guest(pair.server).listen(PORT):
        assert pair.guest(pair.client).reaches(pair.server.private_ip, PORT)
        assert pair.guest(pair.client).pings(pair.server.ipv6s[0])
        pair.apply()
        assert pair.guest(pair.client).misses(pair.server.private_ip, PORT)
        assert not pair.guest(pair.client).pings(pair.server.ipv6s[0], lab.REFUSED_AFTER_S)
        assert pair.guest(pair.neighbour).reaches(pair.server.private_ip, PORT)
        assert pair.guest(pair.neighbour).pings(pair.server.ipv6s[0])


def test_an_established_connection_ends_when_its_packets_are_denied(pair: Pair) -> None:
    pair.apply(*ALL)
    with pair.guest(pair.server).listen(PORT) as server:
        connection = pair.guest(pair.client).connect(pair.server.private_ip, PORT)
        accepted, _ = server.accept()
        with connection, accepted:
            connection.send(b"first")
            assert accepted.recv(100) == b"first"
            pair.apply(entry(50, "in deny", "6", from_port=PORT, to_port=PORT), *ALL)
            connection.send(b"second")
            accepted.settimeout(lab.REFUSED_AFTER_S)
            with pytest.raises(TimeoutError):
                accepted.recv(100)
            pair.apply(*ALL)
            accepted.settimeout(lab.ARRIVES_WITHIN_S)
            assert accepted.recv(100) == b"second"


def test_the_lowest_number_that_fits_decides(pair: Pair) -> None:
    deny = entry(90, "in deny", "6", cidr=f"{pair.client.private_ip}/32")
    with _listening(pair, *ALL, deny):
        assert pair.guest(pair.client).misses(pair.server.private_ip, PORT)
        assert pair.guest(pair.client).pings(pair.server.private_ip)
        pair.apply(*ALL, replace(deny, number=110))
        assert pair.guest(pair.client).reaches(pair.server.private_ip, PORT)


def _listening(pair: Pair, *entries: AclEntry) -> socket.socket:
    pair.apply(*entries)
    return pair.guest(pair.server).listen(PORT)


@pytest.mark.parametrize("answers", [(1024, 65535), (8000, 8000)])
def test_answers_need_an_entry_for_the_askers_port(pair: Pair, answers: tuple[int, int]) -> None:
    """ACLs know of no connection: what goes back goes to the client's ephemeral port."""
    entries = (
        entry(100, "in allow", "6", from_port=PORT, to_port=PORT),
        entry(100, "out allow", "6", from_port=answers[0], to_port=answers[1]),
    )
    with _listening(pair, *entries):
        reached = pair.guest(pair.client).reaches
        missed = pair.guest(pair.client).misses
        is_answered = answers == (1024, 65535)
        assert (reached if is_answered else missed)(pair.server.private_ip, PORT)


def test_udp_and_icmp_are_told_apart(pair: Pair) -> None:
    pair.apply(
        entry(100, "in allow", "17", from_port=5000, to_port=5010),
        entry(110, "in allow", "1", icmp_type=8, icmp_code=-1),
        entry(120, "in deny", "58", icmp_type=128, icmp_code=-1, cidr6="::/0"),
        *(one for one in (*ALL, *ALL6) if one.is_egress),
    )
    client, server = pair.guest(pair.client), pair.guest(pair.server)
    for port, is_heard in ((5005, True), (5011, False)):
        with server.listen(port, socket.SOCK_DGRAM) as heard:
            within_s = lab.ARRIVES_WITHIN_S if is_heard else lab.REFUSED_AFTER_S
            assert client.throws(heard, pair.server.private_ip, port, within_s) is is_heard
    assert client.pings(pair.server.private_ip)
    assert not client.pings(pair.server.ipv6s[0], lab.REFUSED_AFTER_S)
    # What a server in the subnet begins needs the other entries.
    assert not server.pings(pair.client.private_ip, lab.REFUSED_AFTER_S)


def test_services_of_the_vpc_are_beyond_acls(pair: Pair) -> None:
    pair.apply()
    said = pair.guest(pair.server).run(
        "busybox", "nslookup", f"{pair.server.hostname}.ec2.internal", "169.254.169.253"
    )
    assert pair.server.private_ip in said
