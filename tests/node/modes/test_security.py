"""Who may say what in the administrator's own network: guests, hosts, and strangers on the wire."""

import socket
import struct
from ipaddress import IPv4Address

import pytest

from mallee.kit import process
from mallee.node.do.network import namespaces
from mallee.node.modes import legs
from tests.node import lab, shapes
from tests.node.modes import wires
from tests.node.modes.test_novlan import PORT, RULES
from tests.node.modes.wires import Field, Told

pytestmark = pytest.mark.host


ONE, OTHER = wires.interface(0, 4, shapes.OPEN), wires.interface(0, 5, shapes.OPEN)
STRANGER = wires.interface(1, 36, shapes.OPEN)
TOLD = Told(
    (wires.vpc(0, (ONE, OTHER), RULES), wires.vpc(1, (STRANGER,), RULES)),
    {ONE.id: 0, OTHER.id: 1, STRANGER.id: 0},
    gateway=1,
)


def hears(server: socket.socket, within_s: float) -> bool:
    """Tell whether a datagram comes."""
    server.settimeout(within_s)
    try:
        return server.recv(100) == b"forged"
    except TimeoutError:
        return False


def arp(mac: str, ip: str, asked: str) -> bytes:
    """A request of somebody on the wire who says that he has an address."""
    own = bytes.fromhex(mac.replace(":", ""))
    head = b"\xff" * 6 + own + b"\x08\x06"
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + own + IPv4Address(ip).packed
    return head + body + bytes(6) + IPv4Address(asked).packed


def throw(lasting: Field, frame: bytes) -> None:
    """Put a frame on the wire, from nowhere in particular."""

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("wire", 0))
            raw.send(frame)

    namespaces.run_inside(lasting.wire, send)


def leg_mac(lasting: Field, number: int, vpc_id: str) -> str:
    """The MAC of a VPC's leg on a host."""
    namespace = lasting.machines[number].lab.layout.vpc_namespace(vpc_id)
    argv = ("ip", "-brief", "link", "show", "leg0")
    return namespaces.run_inside(namespace, lambda: process.run(argv)).text.split()[2]


def test_a_guest_speaks_under_its_own_address_alone(lasting: Field) -> None:
    lasting.apply(TOLD)
    sender = lasting.guest(TOLD, ONE)
    namespace = lasting.machines[0].lab.layout.vpc_namespace(ONE.vpc_id)
    tap = lasting.machines[0].lab.layout.tap(ONE.id)
    argv = ("ip", "-brief", "link", "show", tap)
    mac = namespaces.run_inside(namespace, lambda: process.run(argv)).text.split()[2]
    with lasting.guest(TOLD, OTHER).listen(PORT, socket.SOCK_DGRAM) as server:
        for ip in ("10.20.0.6", STRANGER.private_ip, "10.20.0.1", "198.51.100.7"):
            forged = lab.udp_frame(ONE, OTHER.private_ip, PORT, gateway_mac=mac, ip=ip)
            sender.send_frame(forged)
        assert not hears(server, lab.REFUSED_AFTER_S)
        sender.send_frame(lab.udp_frame(ONE, OTHER.private_ip, PORT, gateway_mac=mac))
        assert hears(server, lab.ARRIVES_WITHIN_S)


def test_the_wire_speaks_under_no_address_of_a_guest_that_is_here(lasting: Field) -> None:
    lasting.apply(TOLD)
    mac = leg_mac(lasting, 1, OTHER.vpc_id)
    router = legs.router_mac(wires.SUBNET, 0)
    with lasting.guest(TOLD, OTHER).listen(PORT, socket.SOCK_DGRAM) as server:
        for source, said in (
            (OTHER.private_ip, "02:00:00:00:00:99"),
            (OTHER.private_ip, router),
            # Of another block, and of the world, only the router tells.
            (STRANGER.private_ip, "02:00:00:00:00:99"),
            ("198.51.100.7", "02:00:00:00:00:99"),
        ):
            forged = lab.udp_frame(
                ONE, OTHER.private_ip, PORT, gateway_mac=mac, mac=said, ip=source
            )
            throw(lasting, forged)
        assert not hears(server, lab.REFUSED_AFTER_S)
        for source, said in (("10.20.0.9", "02:00:00:00:00:99"), ("198.51.100.7", router)):
            true = lab.udp_frame(ONE, OTHER.private_ip, PORT, gateway_mac=mac, mac=said, ip=source)
            throw(lasting, true)
            assert hears(server, lab.ARRIVES_WITHIN_S)


def test_nobody_takes_a_guests_address_or_the_routers_by_saying_so(lasting: Field) -> None:
    lasting.apply(TOLD)
    assert lasting.guest(TOLD, ONE).pings(OTHER.private_ip)
    liar = "02:00:00:00:00:99"
    for said in (OTHER.private_ip, "10.20.0.1"):
        throw(lasting, arp(liar, said, said))
    throw(lasting, arp(liar, OTHER.private_ip, OTHER.private_ip))
    namespace = lasting.machines[1].lab.layout.vpc_namespace(OTHER.vpc_id)
    known = namespaces.run_inside(
        namespace, lambda: process.run(("ip", "neighbour", "show", "dev", "leg0"))
    ).text
    assert liar not in known
    assert lasting.guest(TOLD, OTHER).pings(STRANGER.private_ip)


def test_two_accounts_with_the_same_range_do_not_meet_inside_a_host(lasting: Field) -> None:
    told = Told(
        (
            wires.vpc(0, (ONE,), RULES),
            wires.vpc(1, (STRANGER,), RULES),
        ),
        {ONE.id: 0, STRANGER.id: 0},
        gateway=1,
    )
    lasting.apply(told)
    # Their way is by the gateway, as between any two blocks; without it there is none.
    assert lasting.guest(told, ONE).pings(STRANGER.private_ip)
    lasting.machines[1].run("ip", "link", "set", wires.CARD, "down")
    assert not lasting.guest(told, ONE).pings(STRANGER.private_ip, lab.REFUSED_AFTER_S)


def test_services_are_not_on_the_wire(lasting: Field) -> None:
    lasting.apply(TOLD)
    for asked in ("169.254.169.254", "169.254.169.253", "10.20.0.2", "169.254.1.0"):
        with wires.watched(lasting, 0) as wire:
            throw(lasting, arp("02:00:00:00:00:99", "10.20.0.9", asked))
            assert not [one for one in wires.frames(wire) if is_answer(one)], asked
    # Who is here is answered for.
    with wires.watched(lasting, 0) as wire:
        throw(lasting, arp("02:00:00:00:00:99", "10.20.0.9", ONE.private_ip))
        assert [one for one in wires.frames(wire) if is_answer(one)]


def is_answer(frame: bytes) -> bool:
    """Whether somebody says by ARP that an address is his."""
    return frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x02"
