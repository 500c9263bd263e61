"""Guests that wait for the world in conversations that have ended: what makes them hear of it.

When another host comes to lead to the world, whom a guest called is heard no more (`midway`). A
guest that speaks is told by a reset; one that only listens, as to a download, would wait for ever.
It is sent a segment that fits nowhere, in the name of whom it listens to: TCP answers that by
saying where it stands (RFC 9293, 3.10.7.4), which is a segment like any other, and reset. Where a
conversation stands after all, the same answer says nothing new to anybody.

Called by `do/network/vpcs`; `do/network/wakeups` sends. Pure.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import Way
from mallee.node.plan.network import bygone, conversations, probes
from mallee.node.plan.network.bygone import Ways
from mallee.node.plan.network.conversations import Conversation

TIMES = 5
"""How often a guest is woken, at as many looks: the host that leads may hear of it later."""
APART_S = 1.0
"""So long after it was woken at the earliest: Linux says where a conversation stands once in 0.5 s
(`tcp_invalid_ratelimit`), and two looks may follow each other at once."""
MAX = 4096
"""So many conversations of a VPC are woken, those that were last spoken in."""
_STRIDE = 0x33333333
"""Of sequence numbers: of five in a row at most one is in any window."""
_ACK = 0x10
_NOBODY = b"\x02" + bytes(5)


@dataclass(frozen=True, slots=True)
class Listener:
    """A guest's card, and where its packets go."""

    tap: str
    mac: str
    ways: Ways


def are_left(before: VpcWanted, vpc: VpcWanted) -> bool:
    """Tell whether another host leads a VPC's guests to the world than before."""
    return before.gateway_host_id != vpc.gateway_host_id


def listeners(layout: Layout, vpc: VpcWanted) -> dict[str, Listener]:
    """Return the guests of a VPC that are here, by their IPv4 addresses."""
    tables = bygone.ways_of(vpc, frozenset({Way.INTERNET, Way.NAT}))
    return {
        ip: Listener(layout.tap(one.id), one.mac, tables[one.subnet_id])
        for one in vpc.interfaces
        for ip in (one.private_ip, *(more.private_ip for more in one.secondary))
        if one.subnet_id in tables
    }


def waiting(those: Iterable[Conversation], by_ip: Mapping[str, Listener]) -> list[Conversation]:
    """Return the conversations that guests began with the world."""
    found = [
        one
        for one in those
        if one.protocol == conversations.TCP
        and one.source in by_ip
        and bygone.is_for_world(by_ip[one.source].ways, one.destination)
    ]
    return sorted(found, key=lambda one: -one.idle_s)[:MAX]


def frames(
    those: Iterable[Conversation], by_ip: Mapping[str, Listener], time: int
) -> Iterator[tuple[str, bytes]]:
    """Yield what is sent by which tap, this time. The MAC that it is from is no router's: nobody
    looks at it."""
    for one in those:
        heard = by_ip.get(one.source)
        if heard is not None:
            to = bytes.fromhex(heard.mac.replace(":", ""))
            yield heard.tap, to + _NOBODY + b"\x08\x00" + packet(one, time * _STRIDE)


def packet(one: Conversation, sequence: int) -> bytes:
    """Return a segment without data to who began a conversation, from the other end."""
    ends = IPv4Address(one.destination).packed + IPv4Address(one.source).packed
    ports = (one.destination_port, one.source_port)
    segment = struct.pack("!HHIIBBHHH", *ports, sequence, sequence, 5 << 4, _ACK, 0, 0, 0)
    whole = ends + struct.pack("!HH", conversations.TCP, len(segment)) + segment
    segment = segment[:16] + struct.pack("!H", probes.checksum(whole)) + segment[18:]
    length = 20 + len(segment)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0, 64, conversations.TCP, 0) + ends
    return head[:10] + struct.pack("!H", probes.checksum(head)) + head[12:] + segment
