"""An ear hears what bears its nonce, and leaves nothing: over real links of the test's own."""

import itertools
import socket
import struct
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import pytest

from mallee.kit import process
from mallee.model.hosts.checks import TUNNEL_PORT
from mallee.node.checks import echoes, frames, lan, listening
from tests import wholecloud

pytestmark = pytest.mark.host
NONCE = "0123456789abcdef"
PLANNED = frozenset(range(2, 2050))


@pytest.fixture
def link() -> Iterator[tuple[str, str]]:
    """Two ends of a cable; the first has an address."""
    near, far = "dr0", "dr1"
    process.run(["ip", "link", "add", near, "type", "veth", "peer", "name", far])
    try:
        process.run(["ip", "address", "add", "192.0.2.1/24", "dev", near])
        for name in (near, far):
            process.run(["ip", "link", "set", name, "up"])
        yield near, far
    finally:
        process.run(["ip", "link", "delete", near])


def wish(device: str, **more: object) -> listening.Wish:
    return listening.Wish(nonce=NONCE, device=device, **more)  # type: ignore[arg-type]


def test_every_vlan_is_heard_of_thousands(link: tuple[str, str]) -> None:
    near, far = link
    ears = listening.Ears()
    ears.begin(wish(near))
    frames.call(far, NONCE, PLANNED | {0}, [])
    frames.call(far, "ffffffffffffffff", {4000}, [])
    ear = ears.end(NONCE)
    assert ear is not None
    (heard,) = ear.heard
    assert heard.vlans == ("0", "2-2049")
    assert ears.end(NONCE) is None


def test_what_has_come_is_heard_by_who_is_late(
    link: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = link
    ears, read = listening.Ears(), frames.read
    ears.begin(wish(near))
    ear = ears.look(NONCE)
    assert ear is not None

    def read_late(there: socket.socket, nonce: str) -> tuple[str, int] | None:
        assert ear.over.wait(60)
        return read(there, nonce)

    monkeypatch.setattr(frames, "read", read_late)
    frames.call(far, NONCE, range(1, 1001), [])
    assert ears.end(NONCE) is ear
    (heard,) = ear.heard
    assert heard.vlans == ("1-1000",)


def test_packets_of_tunnels_are_heard_behind_the_firewall(link: tuple[str, str]) -> None:
    near, far = link
    ears = listening.Ears()
    ears.begin(wish(near))
    frames.call(far, NONCE, (), ["192.0.2.1"])
    ear = ears.end(NONCE)
    assert ear is not None
    assert ear.tunnels == {"192.0.2.1"}
    rule = f"add rule ip fw i udp dport {TUNNEL_PORT} drop"
    process.run(["nft", "add table ip fw { chain i { type filter hook input priority 0; }; }"])
    try:
        process.run(["nft", rule])
        ears.begin(wish(near))
        frames.call(far, NONCE, (), ["192.0.2.1"])
        ear = ears.end(NONCE)
    finally:
        process.run(["nft", "delete", "table", "ip", "fw"])
    assert ear is not None
    assert ear.tunnels == set()


def test_no_more_than_two_listen_at_once(link: tuple[str, str]) -> None:
    near, _ = link
    ears = listening.Ears()
    ears.begin(wish(near))
    with pytest.raises(listening.Busy):
        ears.begin(wish(near))
    ears.begin(listening.Wish(nonce="f" * 16, device=near))
    with pytest.raises(listening.Busy):
        ears.begin(listening.Wish(nonce="e" * 16, device=near))
    assert ears.end(NONCE) is not None
    ears.begin(listening.Wish(nonce="e" * 16, device=near))
    for nonce in ("e" * 16, "f" * 16):
        assert ears.end(nonce) is not None


def test_a_public_address_answers_while_it_is_held_and_is_nowhere_then(
    link: tuple[str, str],
) -> None:
    near, _ = link
    ears = listening.Ears()
    held = frozenset({"203.0.113.7", "203.0.113.8"})
    process.run(["ip", "route", "add", "203.0.113.0/24", "via", "192.0.2.2", "dev", near])
    process.run(["ip", "neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", near])
    before = process.run(["ip", "-4", "address"]).text
    ears.begin(wish(link[1], held=held))
    found = echoes.ask(["203.0.113.7", "203.0.113.9"], NONCE)
    ear = ears.end(NONCE)
    assert ear is not None
    assert ear.arrived == {"203.0.113.7"}
    assert [one.answered for one in found] == [1, 0]
    assert process.run(["ip", "-4", "address"]).text == before


def test_on_the_uplink_a_held_address_is_found_by_arp(link: tuple[str, str]) -> None:
    near, far = link
    ears = listening.Ears()
    ears.begin(wish(far, held=frozenset({"203.0.113.7"}), uplink=far))
    found = lan.neighbours(near, ["203.0.113.7", "203.0.113.8"])
    assert ears.end(NONCE) is not None
    assert [one.address for one in found] == ["203.0.113.7"]


def test_who_floods_the_wire_with_answers_makes_no_long_one(link: tuple[str, str]) -> None:
    near, far = link
    mac = mac_of(near)
    over = threading.Event()

    def flood() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
            mouth.bind((far, 0))
            for number in itertools.cycle(range(512)):
                if over.is_set():
                    return
                frames.send(mouth, arp_answer(mac, number, "203.0.113.7"))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        found = lan.neighbours(near, ["203.0.113.7", "203.0.113.8"])
    finally:
        over.set()
        flooding.join()
    assert {one.address for one in found} == {"203.0.113.7"}
    assert 1 < len(found) < 16


def mac_of(device: str) -> bytes:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as there:
        there.bind((device, 0))
        return there.getsockname()[4]


def arp_answer(to: bytes, number: int, address: str) -> bytes:
    """That a machine, one of many, has an address."""
    mac = b"\x02\0\0\0" + number.to_bytes(2)
    head = to + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2)
    return head + mac + IPv4Address(address).packed + to + bytes(4)


def test_who_says_that_he_has_an_address_of_the_ranges_is_heard(link: tuple[str, str]) -> None:
    near, far = link
    ears = listening.Ears()
    ears.begin(wish(near, ranges=(IPv4Network("203.0.113.0/24"),)))
    process.run(["ip", "address", "add", "203.0.113.9/32", "dev", far])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, far.encode())
        asking.bind(("203.0.113.9", 0))
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)
        wholecloud.wait_until(lambda: _heard(ears, asking), 20.0, "the announcement")


def test_what_routers_announce_passes_the_sieve_and_nothing_else(link: tuple[str, str]) -> None:
    near, far = link
    ears = listening.Ears()
    ears.begin(wish(near, ranges=(IPv4Network("203.0.113.0/24"),)))
    network, mask = (socket.inet_aton(one) for one in ("203.0.113.0", "255.255.255.0"))
    head = bytes((2, 4)) + bytes(22) + (1).to_bytes(4)
    lsa = bytes((0, 1, 0, 5)) + network + bytes(10) + (24).to_bytes(2) + mask
    rip = bytes((2, 2, 0, 0)) + bytes((0, 2, 0, 0)) + network + mask + bytes(7) + b"\x01"
    udp = (520).to_bytes(2) * 2 + (8 + len(rip)).to_bytes(2) + bytes(2) + rip
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind((far, 0))
        for protocol, said in ((89, head + lsa), (17, udp), (6, head + lsa)):
            ip = bytes((0x45,)) + bytes(8) + bytes((protocol,)) + bytes(2) + bytes((9,)) * 8
            mouth.send(b"\xff" * 6 + mouth.getsockname()[4] + b"\x08\x00" + ip + said)

    def announced() -> set[str]:
        ear = ears.look(NONCE)
        return {one.how for one in ear.announced} if ear else set()

    wholecloud.wait_until(lambda: announced() == {"OSPF", "RIP"}, 20.0, "both to be heard")
    assert ears.end(NONCE) is not None


def _heard(ears: listening.Ears, asking: socket.socket) -> bool:
    asking.sendto(b"x", ("203.0.113.99", 9))
    ear = ears.look(NONCE)
    return ear is not None and any(one.network == "203.0.113.9/32" for one in ear.announced)
