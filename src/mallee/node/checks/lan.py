"""Asks the network who has an address, and who gives addresses away.

By probes of ARP (RFC 5227), which have no sender and change nobody's table, and by a DHCPDISCOVER,
whose offers are not taken. Called by `checks.answers` in a worker thread.
"""

import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Sequence
from ipaddress import IPv4Address

from mallee.model.hosts.checks import Neighbour
from mallee.node.checks import echoes, frames, sieves

_ARP_TYPE = 0x0806
_ARP = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_EVERYBODY, _NOBODY, _NO_ADDRESS = b"\xff" * 6, bytes(6), bytes(4)
_ARP_ROUNDS = 2
_ARP_S = 1.0
_ANSWERS_MAX, _SERVERS_MAX = 4, 256
"""So many are noted who say that they have one address, and so many servers: who floods the wire
makes no answer longer than the cloud takes."""
DHCP_S = 4.5
"""How long offers are waited for: a server may look first whether an address is free."""
_SERVER, _CLIENT = 67, 68
_BURST, _BURST_PAUSE_S = 32, 0.01
_UDP_HEADERS = 14 + 20 + 8
_TO_ALL = echoes.Ends("0.0.0.0", "255.255.255.255", socket.IPPROTO_UDP)
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST = 0x8000
_FIXED_BYTES = 240
_TYPE, _OFFER, _SERVER_ID, _END, _PAD = 53, 2, 54, 255, 0


def neighbours(device: str, addresses: Sequence[str]) -> tuple[Neighbour, ...]:
    """Return who answers to the addresses on the network of that device."""
    found: dict[str, set[str]] = {one: set() for one in addresses}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP_TYPE)) as link:
        link.bind((device, _ARP_TYPE))
        link.setblocking(False)
        mine = link.getsockname()[4]

        def take() -> None:
            address, mac = _answer(link, mine)
            if address in found and len(found[address]) < _ANSWERS_MAX:
                found[address].add(mac)

        for _ in range(_ARP_ROUNDS):
            for address in addresses:
                frames.send(link, _question(mine, IPv4Address(address)))
            _listen(link, _ARP_S, take)
    return tuple(
        Neighbour(address=address, mac=mac)
        for address, macs in sorted(found.items())
        for mac in sorted(macs)
    )


def _question(mine: bytes, address: IPv4Address) -> bytes:
    head = (_EVERYBODY, mine, _ARP_TYPE, 1, 0x0800, 6, 4, _REQUEST)
    return _ARP.pack(*head, mine, _NO_ADDRESS, _NOBODY, address.packed)


def _answer(link: socket.socket, mine: bytes) -> tuple[str, str]:
    """Return which address somebody else says he has, and his MAC; empty: nobody says so."""
    try:
        frame = link.recv(128)
    except BlockingIOError:
        return "", ""
    if len(frame) < _ARP.size:
        return "", ""
    _, _, _, _, _, _, _, operation, mac, address, _, _ = _ARP.unpack_from(frame)
    if operation != _REPLY or mac == mine:
        return "", ""
    return str(IPv4Address(address)), mac.hex(":")


def _listen(link: socket.socket, for_s: float, take: Callable[[], None]) -> None:
    until = time.monotonic() + for_s
    with selectors.DefaultSelector() as ready:
        ready.register(link, selectors.EVENT_READ)
        while (left_s := until - time.monotonic()) > 0:
            for _ in ready.select(left_s):
                take()


def servers(device: str, vlans: Collection[int]) -> tuple[Neighbour, ...]:
    """Return the servers that offer an address to that card, each with its VLAN."""
    number = os.urandom(4)
    found: set[tuple[str, int]] = set()
    with frames.open_link(device, sieves.OFFERS) as link:
        mine = link.getsockname()[4]
        asked = _discover(number, mine)

        def take() -> None:
            frame, vlan = frames.receive(link)
            answer = frame[_UDP_HEADERS:]
            server = read_offer(answer, number)
            if server is not None and vlan in vlans and len(found) < _SERVERS_MAX:
                found.add((server or str(IPv4Address(frame[26:30])), vlan))

        for at, vlan in enumerate(sorted(vlans)):
            frames.send(link, frames.tagged(mine, vlan, asked))
            if at % _BURST == _BURST - 1:
                _listen(link, _BURST_PAUSE_S, take)
        _listen(link, DHCP_S, take)
    return tuple(Neighbour(address=one, vlan=vlan) for one, vlan in sorted(found))


def _discover(number: bytes, mac: bytes) -> bytes:
    """Return a frame's type and what is in it, from nobody to everybody."""
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 0, number, 0, _BROADCAST)
    fixed = (head + bytes(16) + mac).ljust(_FIXED_BYTES - len(_COOKIE), b"\0")
    said = fixed + _COOKIE + bytes((_TYPE, 1, 1, 55, 3, 1, 3, 6, _END))
    # Without a checksum, as UDP may be.
    packet = struct.pack("!HHHH", _CLIENT, _SERVER, 8 + len(said), 0) + said
    return struct.pack("!H", 0x0800) + echoes.packet(_TO_ALL, packet)


def read_offer(answer: bytes, number: bytes) -> str | None:
    """Return by which address an offer's server calls itself, empty when by none; None: it is no
    offer that was asked for."""
    if len(answer) < _FIXED_BYTES or answer[0] != 2 or answer[4:8] != number:
        return None
    if answer[_FIXED_BYTES - 4 : _FIXED_BYTES] != _COOKIE:
        return None
    options: dict[int, bytes] = {}
    at = _FIXED_BYTES
    while at + 1 < len(answer) and answer[at] != _END:
        if answer[at] == _PAD:
            at += 1
            continue
        length = answer[at + 1]
        options[answer[at]] = answer[at + 2 : at + 2 + length]
        at += 2 + length
    if options.get(_TYPE) != bytes((_OFFER,)):
        return None
    server = options.get(_SERVER_ID, b"")
    return str(IPv4Address(server)) if len(server) == 4 else ""
