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
