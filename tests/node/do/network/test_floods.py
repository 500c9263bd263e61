"""Guests that take more than their share, and guests that speak IPv6, against the real kernel."""

import json
import select
import socket
import struct
from contextlib import ExitStack
from ipaddress import IPv6Address

import pytest

from mallee.kit import process
from mallee.node.do.network import namespaces
from mallee.node.plan.network import speakers, vpcfirewall
from tests.node import lab, shapes
from tests.node.lab import ALLOW_OUT, Guest, Lab, make_interface, make_vpc, make_wanted

pytestmark = pytest.mark.host

GROUP = "sg-00000000000000001"
RULES = {GROUP: (ALLOW_OUT,)}
QUESTION = b"\x01\x00\x00\x01" + bytes(6) + b"\x04none\x08internal\x00\x00\x01\x00\x01"


def answered(guest: Guest, questions: int, least: int) -> int:
    """Ask the VPC's name server so often at once; return how often it answered. So many answers are
    waited for, and a while for others."""
    with guest.listen(4000, socket.SOCK_DGRAM) as asking:
        for number in range(questions):
            asking.sendto(number.to_bytes(2, "big") + QUESTION, ("172.31.0.2", 53))
        answers = 0
        while answers < questions:
            within_s = lab.ARRIVES_WITHIN_S if answers < least else 2 * lab.REFUSED_AFTER_S
            if not select.select([asking], [], [], within_s)[0]:
                break
            asking.recv(1000)
            answers += 1
        return answers


def test_a_guest_asks_the_services_no_more_than_its_share(
    host: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vpcfirewall, "SERVICES_PACKETS_PER_S", 4)
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    host.apply(make_wanted(make_vpc((one, two), RULES)))
    assert 1 <= answered(host.guest(one), 40, 1) < 40
    # The other one's share is its own.
    assert answered(host.guest(two), 2, 2) == 2


def test_a_guest_holds_no_more_connections_than_its_share(
    host: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vpcfirewall, "FLOWS_MAX", 3)
    one, two = make_interface(1, GROUP, public=True), make_interface(2, GROUP, public=True)
    world = host.add_world()
    host.apply(make_wanted(make_vpc((one, two), RULES), egress=True))
    with ExitStack() as stack:
        stack.enter_context(world.listen(80))
        for _ in range(3):
            stack.enter_context(host.guest(one).connect(lab.WORLD_ADDRESS, 80))
        assert host.guest(one).misses(lab.WORLD_ADDRESS, 80)
        assert host.guest(two).reaches(lab.WORLD_ADDRESS, 80)
    # Connections that ended count no more.
    with world.listen(81):
        assert host.guest(one).reaches(lab.WORLD_ADDRESS, 81)


def test_a_guest_without_an_ipv6_address_is_heard_in_none(host: Lab) -> None:
    one, two = make_interface(1, GROUP), make_interface(2, GROUP)
    vpc = make_vpc((one, two), RULES)
    host.apply(make_wanted(vpc))
    speaker, listener = host.guest(one), host.guest(two)
    for guest, address in ((speaker, "fd00::1/64"), (listener, "fd00::2/64")):
        guest.run("ip", "-6", "address", "add", address, "dev", "eth0", "nodad")
    namespace = host.layout.vpc_namespace(vpc.id)
    with namespaces.run_inside(namespace, _listen_everywhere) as deaf:
        # What a router would answer, and what everybody on a link would.
        for target in ("ff02::1", "ff02::2", "fd00::2"):
            speaker.do(lambda target=target: _send(target))
        assert not select.select([deaf], [], [], lab.REFUSED_AFTER_S)[0]


def _listen_everywhere() -> socket.socket:
    heard = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    heard.bind(("::", 5353))
    return heard


def _send(target: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", (target, 5353, 0, socket.if_nametoindex("eth0")))


def test_a_guest_is_no_crowd_of_neighbours(host: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel has one table for the neighbours of all guests, and a thousand places in it."""
    monkeypatch.setattr(speakers, "GREETINGS_PER_S", 1)
    monkeypatch.setattr(speakers, "GREETINGS_AT_ONCE", 8)
    inside = shapes.subnet(1)
    one, two = (shapes.interface(n, shapes.OPEN, inside=inside) for n in (10, 11))
    host.apply(shapes.host(shapes.vpc(0, (inside,), (one, two))))
    namespace, tap = host.layout.vpc_namespace(one.vpc_id), host.layout.tap(one.id)
    mac = namespaces.run_inside(
        namespace, lambda: json.loads(process.run(("ip", "-json", "link", "show", tap)).text)
    )[0]["address"]
    for at in range(0x100, 0x180):
        host.guest(one).send_frame(solicitation(one.mac, mac, f"fe80::{at:x}"))
    # Whatever it sent comes before this, and the others are not behind it.
    assert host.guest(one).pings(two.ipv6s[0])
    known = namespaces.run_inside(
        namespace, lambda: process.run(("ip", "-6", "neigh", "show", "dev", tap)).text
    )
    assert 1 <= sum("fe80::1" in line for line in known.splitlines()) < 64


def solicitation(mac: str, router_mac: str, source: str) -> bytes:
    """A neighbour's question for the router, with the asker's own MAC in it."""
    own, router = (bytes.fromhex(text.replace(":", "")) for text in (mac, router_mac))
    ends = IPv6Address(source).packed + IPv6Address("fe80::1").packed
    body = struct.pack("!BBHI", 135, 0, 0, 0) + ends[16:] + b"\1\1" + own
    checked = lab.checksum(ends + struct.pack("!II", len(body), 58) + body)
    body = body[:2] + struct.pack("!H", checked) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
    return router + own + b"\x86\xdd" + head + ends + body
