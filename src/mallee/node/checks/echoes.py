"""Echoes to public addresses: sent from outside, and answered by the host to which they lead.

The *answering* host does what a guest with that address would do, for echoes with the nonce alone;
the *asking* one stands where a user does. No address is put anywhere, so none is left behind.
Used by `listening` (answering), `checks.answers` and `mallee doctor --outside` (asking).
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from mallee.model.hosts.checks import Path
from mallee.node.checks import paths, sieves

_IP, _ARP = 0x0800, 0x0806
_ECHO, _REPLY = 8, 0
_HEAD = struct.Struct("!BBHHH")
_TIMES = 3
_PAUSE_S, _WAIT_S = 0.1, 1.0
_BURST = 32
_ARP_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_TTL = 64


class Answering:
    """Answers echoes that bear a nonce, for public addresses that are nobody's yet."""

    def __init__(self, nonce: str, held: Collection[str]) -> None:
        self._mark = sieves.MARK + nonce.encode()
        self._held = held
        # Of all cards: by which one the world's packets come is what is to be found out.
        self.link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP))
        sieves.put(self.link, sieves.ECHOES)

    def take(self, link: socket.socket, arrived: set[str], most: int) -> None:
        """Take one echo, note to which address it came, and answer it."""
        try:
            came = link.recv(512)
        except OSError:
            return
        if len(came) < 28 or self._mark not in came:
            return
        address = str(IPv4Address(came[16:20]))
        if address not in self._held or len(arrived) >= most:
            return
        arrived.add(address)
        length = (came[0] & 15) * 4
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as mouth:
            asker = str(IPv4Address(came[12:16]))
            try:
                told = packet(Ends(address, asker), _replied(came[length:]))
                mouth.sendto(told, (asker, 0))
            except OSError:
                # No way back: who asked will say that no answer came.
                return


def _replied(echo: bytes) -> bytes:
    body = bytes((_REPLY, 0, 0, 0)) + echo[4:]
    return body[:2] + struct.pack("!H", paths.checksum(body)) + body[4:]


@dataclass(frozen=True, slots=True)
class Ends:
    """From where to where a packet goes, and what is in it."""

    source: str
    target: str
    protocol: int = socket.IPPROTO_ICMP


def packet(ends: Ends, payload: bytes) -> bytes:
    """Return a packet of IPv4."""
    head = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(payload), 0, 0, _TTL, ends.protocol, 0),
        IPv4Address(ends.source).packed,
        IPv4Address(ends.target).packed,
    )
    return head[:10] + struct.pack("!H", paths.checksum(head)) + head[12:] + payload


def answer_arp(link: socket.socket, held: Collection[str]) -> None:
    """Answer who asks for the hardware address of a public address."""
    try:
        frame = link.recv(128)
    except OSError:
        return
    if len(frame) < _ARP_FRAME.size:
        return
    _, _, _, _, _, _, _, kind, his_mac, his_ip, _, asked = _ARP_FRAME.unpack_from(frame)
    mine = link.getsockname()[4]
    if kind != 1 or his_mac == mine or str(IPv4Address(asked)) not in held:
        return
    head = (his_mac, mine, _ARP, 1, _IP, 6, 4, 2)
    link.send(_ARP_FRAME.pack(*head, mine, asked, his_mac, his_ip))


def ask(addresses: Sequence[str], nonce: str) -> tuple[Path, ...]:
    """Send echoes to the addresses as any program of this machine would; blocks for seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as link:

        def send(address: str, echo: bytes) -> bool:
            try:
                link.sendto(echo, (address, 0))
            except OSError:
                return False
            return True

        return _ask(link, addresses, nonce, send)


@dataclass(frozen=True, slots=True)
class Door:
    """The card by which frames leave, the address they are from, and to whom each goes."""

    device: str
    address: str
    macs: Mapping[str, str]
    """By public address: the hardware address of whoever is its way."""


def ask_by(door: Door, addresses: Sequence[str], nonce: str) -> tuple[Path, ...]:
    """Send echoes as a neighbour would, past the routes of this host: those to public addresses
    lead to its own guests, and answers by its card would be forged for the kernel (`rp_filter`)."""
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as mouth,
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as ear,
    ):
        mouth.bind((door.device, _IP))
        sieves.put(ear, sieves.REPLIES)
        ear.bind((door.device, _IP))

        def send(address: str, echo: bytes) -> bool:
            mac = door.macs.get(address)
            if mac is None:
                return False
            told = packet(Ends(door.address, address), echo)
            try:
                mouth.sendto(told, (door.device, _IP, 0, 0, bytes.fromhex(mac.replace(":", ""))))
            except OSError:
                return False
            return True

        return _ask(ear, addresses, nonce, send)


def _ask(
    ear: socket.socket, addresses: Sequence[str], nonce: str, send: Callable[[str, bytes], bool]
) -> tuple[Path, ...]:
    ear.setblocking(False)
    id = int(nonce[:4], 16)
    sent: dict[str, int] = {}
    came: set[str] = set()
    for number in range(_TIMES):
        missing = [one for one in addresses if one not in came]
        for at, address in enumerate(missing):
            sent[address] = sent.get(address, 0) + send(address, _echo(id, number, nonce))
            if at % _BURST == _BURST - 1:
                _hear(ear, id, came, 0.01)
        waits = _WAIT_S if number == _TIMES - 1 else _PAUSE_S
        if any(sent[one] for one in missing):
            _hear(ear, id, came, waits)
    return tuple(
        Path(address=one, sent=sent.get(one, 0), answered=int(one in came)) for one in addresses
    )


def _echo(id: int, number: int, nonce: str) -> bytes:
    body = _HEAD.pack(_ECHO, 0, 0, id, number) + sieves.MARK + nonce.encode()
    return body[:2] + struct.pack("!H", paths.checksum(body)) + body[4:]


def _hear(ear: socket.socket, id: int, came: set[str], for_s: float) -> None:
    until = time.monotonic() + for_s
    with selectors.DefaultSelector() as ready:
        ready.register(ear, selectors.EVENT_READ)
        while (left_s := until - time.monotonic()) > 0:
            for _ in ready.select(left_s):
                try:
                    packet = ear.recv(2048)
                except OSError:
                    continue
                if paths.read_reply(packet, id) is not None:
                    came.add(str(IPv4Address(packet[12:16])))
