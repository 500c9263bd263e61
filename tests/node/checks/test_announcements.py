"""Routers that announce the cloud's ranges are understood, and whatever else they say is not."""

import socket
import struct
from ipaddress import IPv4Network

import pytest

from mallee.node.checks import announcements


def packet(body: bytes) -> bytes:
    head = bytes((0x45,)) + bytes(11) + socket.inet_aton("192.0.2.9") + bytes(4)
    return head + struct.pack("!HHHH", 520, 520, 8 + len(body), 0) + body


def entry(address: str, mask: str, metric: int = 1, family: int = 2) -> bytes:
    ends = socket.inet_aton(address), socket.inet_aton(mask), bytes(4)
    return struct.pack("!HH4s4s4sI", family, 0, *ends, metric)


RESPONSE = bytes((2, 2, 0, 0))


def test_routes_are_read() -> None:
    body = RESPONSE + entry("10.10.0.0", "255.255.0.0") + entry("192.168.3.0", "255.255.255.224")
    assert list(announcements.routes(packet(body))) == [
        IPv4Network("10.10.0.0/16"),
        IPv4Network("192.168.3.0/27"),
    ]
    first = bytes((2, 1, 0, 0)) + entry("172.16.0.0", "0.0.0.0")
    assert list(announcements.routes(packet(first))) == [IPv4Network("172.16.0.0/16")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        RESPONSE,
        RESPONSE + entry("10.10.0.0", "255.255.0.0")[:-1],
        RESPONSE + entry("10.10.0.0", "255.255.0.0", metric=16),
        RESPONSE + entry("10.10.0.0", "255.255.0.0", family=0xFFFF),
        RESPONSE + entry("0.0.0.0", "0.0.0.0"),
        RESPONSE + entry("10.10.0.0", "255.0.255.0"),
        bytes((1, 2, 0, 0)) + entry("10.10.0.0", "255.255.0.0"),
    ],
)
def test_what_is_no_way_into_a_range_is_none(body: bytes) -> None:
    assert list(announcements.routes(packet(body))) == []


@pytest.mark.parametrize("length", range(28))
def test_a_packet_that_is_cut_off_says_nothing(length: int) -> None:
    whole = packet(RESPONSE + entry("10.10.0.0", "255.255.0.0"))
    assert list(announcements.routes(whole[:length])) == []


def test_who_speaks_from_a_range_is_named() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ranges = (IPv4Network("203.0.113.0/24"),)
    with here, there:
        for address in ("203.0.113.9", "192.0.2.9"):
            ends = bytes.fromhex("020000000001"), socket.inet_aton(address), bytes(6), bytes(4)
            there.send(struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, *ends))
        found = announcements.read_arp(here, ranges)
        assert found is not None
        assert (found.network, found.by) == ("203.0.113.9/32", "02:00:00:00:00:01")
        assert announcements.read_arp(here, ranges) is None
        there.send(b"short")
        assert announcements.read_arp(here, ranges) is None


def ospf(*lsas: bytes, kind: int = 4) -> bytes:
    """A packet of OSPF from 192.0.2.9."""
    ip = bytes((0x45,)) + bytes(8) + bytes((89,)) + bytes(2) + socket.inet_aton("192.0.2.9") * 2
    return ip + bytes((2, kind)) + bytes(22) + struct.pack("!I", len(lsas)) + b"".join(lsas)


def lsa(kind: int, id: str, body: bytes, age: int = 1) -> bytes:
    ends = socket.inet_aton(id), bytes(4)
    return struct.pack("!HBB4s4sIHH", age, 0, kind, *ends, 1, 0, 20 + len(body)) + body


MASK = socket.inet_aton("255.255.0.0")
STUB = bytes((0, 0, 0, 2)) + b"".join(
    socket.inet_aton(id) + socket.inet_aton(mask) + bytes((kind, 0, 0, 1))
    for id, mask, kind in (("192.0.2.8", "192.0.2.9", 1), ("10.20.0.0", "255.255.0.0", 3))
)


def test_networks_of_ospf_are_read() -> None:
    told = ospf(
        lsa(1, "192.0.2.9", STUB),
        lsa(2, "10.30.0.7", MASK),
        lsa(5, "10.40.0.0", MASK + bytes(12)),
        lsa(3, "10.50.0.0", MASK, age=3600),
        lsa(5, "0.0.0.0", bytes(16)),
        lsa(10, "10.60.0.0", MASK),
    )
    found = list(map(str, announcements.lsa_networks(told)))
    assert found == ["10.20.0.0/16", "10.30.0.0/16", "10.40.0.0/16"]
    assert list(announcements.lsa_networks(ospf(lsa(5, "10.40.0.0", MASK), kind=1))) == []


def test_a_packet_of_ospf_that_is_cut_off_says_no_more_than_what_is_whole() -> None:
    whole = ospf(lsa(1, "192.0.2.9", STUB), lsa(5, "10.40.0.0", MASK))
    for length in range(len(whole)):
        assert len(list(announcements.lsa_networks(whole[:length]))) <= 1
    for at in range(20, len(whole)):
        spoiled = whole[:at] + b"\xff" + whole[at + 1 :]
        assert len(list(announcements.lsa_networks(spoiled))) <= 64


def test_who_announces_by_ospf_is_named() -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        there.send(ospf(lsa(5, "10.40.0.0", MASK)))
        found = announcements.read_route(here, (IPv4Network("10.40.128.0/17"),))
        assert found is not None
        assert (found.network, found.by, found.how) == ("10.40.0.0/16", "192.0.2.9", "OSPF")
        there.send(b"short")
        assert announcements.read_route(here, (IPv4Network("10.40.128.0/17"),)) is None
