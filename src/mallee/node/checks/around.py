"""Listens for some seconds to who speaks on a wire, and asks routers and clouds to speak.

Switches tell of their spanning tree every two seconds, virtual routers of their turn every one to
three; routers of IPv6 answer a solicitation (RFC 4861), as any machine sends at its start, and
agents of other clouds the question of `voices`. What is heard means nothing here: that is
`company`'s. Called by `checks.answers` in a worker thread.
"""

import selectors
import socket
import struct
import time
from ipaddress import IPv6Address

from mallee.node.checks import frames, paths, sayings, sieves, voices
from mallee.node.checks.sayings import Saying
from mallee.node.checks.sieves import GIVE, IS, IS_MORE, LOAD_BYTE, LOAD_HALF, LOAD_WORD, MASK

LISTEN_S = 7.0
"""Twice and a bit what the slowest of them waits between two sayings."""
_ASK_S = 1.5
_HEARD_MAX = 1024
_SOL_PACKET, _ADD_MEMBERSHIP, _ALL_MULTICAST = 263, 1, 2
_SOLICITATION, _ICMP6, _HOPS = 133, 58, 255
_ALL_ROUTERS = IPv6Address("ff02::2")
_ALL_ROUTERS_MAC = bytes.fromhex("333300000002")
_MAC_OF_ARP = 22

SIEVE: tuple[sieves.Instruction, ...] = (
    (LOAD_HALF, 0, 0, 12),
    (IS_MORE, 4, 0, 1500),
    # What has a length there instead of a type: bridges' own, and Cisco's of one VLAN.
    (LOAD_HALF, 0, 0, 14),
    (IS, 22, 0, 0x4242),
    (IS, 21, 0, 0xAAAA),
    (GIVE, 0, 0, 0),
    (IS, 19, 0, sieves.EXPERIMENT),
    # Offers of routers of IPv6.
    (IS, 0, 4, 0x86DD),
    (LOAD_BYTE, 0, 0, 20),
    (IS, 0, 15, _ICMP6),
    (LOAD_BYTE, 0, 0, 54),
    (IS, 14, 13, 134),
    # VRRP and CARP, and HSRP's port.
    (IS, 0, 5, 0x0800),
    (LOAD_BYTE, 0, 0, 23),
    (IS, 11, 0, 112),
    (IS, 0, 9, 17),
    (LOAD_HALF, 0, 0, 36),
    (IS, 8, 7, 1985),
    # Machines whose hardware addresses other cloud software has made.
    (IS, 0, 6, 0x0806),
    (LOAD_WORD, 0, 0, _MAC_OF_ARP),
    (MASK, 0, 0, 0xFFFFFF00),
    (IS, 4, 0, 0xFA163E00),
    (MASK, 0, 0, 0xFFFF0000),
    (IS, 2, 0, 0xD00D0000),
    (IS, 1, 0, 0x1E000000),
    (GIVE, 0, 0, 0),
    (GIVE, 0, 0, sieves.ALL),
)
"""Of all frames those that `sayings` reads."""


def listen(device: str, for_s: float = LISTEN_S) -> frozenset[Saying]:
    """Return what was said on a wire; blocks. Raises `OSError`."""
    heard: set[Saying] = set()
    with frames.open_link(device, SIEVE) as link, selectors.DefaultSelector() as ready:
        _hear_all(link, device)
        ready.register(link, selectors.EVENT_READ)
        mine = link.getsockname()[4]
        until = time.monotonic() + for_s
        ask_at = 0.0
        while (now := time.monotonic()) < until:
            if now >= ask_at:
                ask_at = now + _ASK_S
                _ask(link, mine)
            for _ in ready.select(min(until, ask_at) - now):
                frame, vlan = frames.receive(link)
                if frame[6:12] == mine or len(heard) >= _HEARD_MAX:
                    continue
                said = sayings.read(frame, vlan)
                if said is not None:
                    heard.add(said)
    return frozenset(heard)


def _hear_all(link: socket.socket, device: str) -> None:
    """Have the card take what is said to many; it ends with the socket."""
    told = struct.pack("=iHH8s", socket.if_nametoindex(device), _ALL_MULTICAST, 0, b"")
    link.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, told)


def _ask(link: socket.socket, mac: bytes) -> None:
    kind = struct.pack("!H", sieves.EXPERIMENT)
    frames.send(link, frames.tagged(mac, 0, kind + voices.QUESTION))
    frames.send(link, _ALL_ROUTERS_MAC + mac + _solicitation())


def _solicitation() -> bytes:
    """Return the question for routers, from nobody, with the type of its frame."""
    body = struct.pack("!BBHI", _SOLICITATION, 0, 0, 0)
    ends = bytes(16) + _ALL_ROUTERS.packed
    pseudo = ends + struct.pack("!II", len(body), _ICMP6)
    body = body[:2] + struct.pack("!H", paths.checksum(pseudo + body)) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), _ICMP6, _HOPS)
    return struct.pack("!H", 0x86DD) + head + ends + body
