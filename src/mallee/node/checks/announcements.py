"""Reads who speaks of the cloud's ranges on a network: routers by RIP, machines by ARP.

Such a machine or router belongs to somebody who uses a range of ours: another cloud, a VPN, a
network that was forgotten. What was sent is anybody's and believed in nothing but that it was said.
Called by `listening`.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network

from mallee.model.hosts.checks import Announced

_ARP = struct.Struct("!HHBBH6s4s6s4s")
_RESPONSE, _INET = 2, 2
_ENTRY = struct.Struct("!HHIIII")
_ENTRIES_MAX = 25
_UNREACHABLE = 16


def read_arp(link: socket.socket, ranges: Sequence[IPv4Network]) -> Announced | None:
    """Return who says by ARP that he has an address of the ranges."""
    try:
        frame = link.recv(128)
    except OSError:
        return None
    if len(frame) < _ARP.size:
        return None
    *_, mac, address, _, _ = _ARP.unpack_from(frame)
    found = IPv4Address(address)
    if not any(found in one for one in ranges):
        return None
    return Announced(network=f"{found}/32", by=mac.hex(":"), how="ARP")


def read_rip(link: socket.socket, ranges: Sequence[IPv4Network]) -> Announced | None:
    """Return which router announces a way into the ranges."""
    try:
        packet = link.recv(2048)
    except OSError:
        return None
    for network in routes(packet):
        if any(network.overlaps(one) for one in ranges):
            by = str(IPv4Address(packet[12:16]))
            return Announced(network=str(network), by=by, how="RIP")
    return None


def routes(packet: bytes) -> Iterator[IPv4Network]:
    """Yield the networks of a packet of RIP (RFC 2453); the default route is nobody's range."""
    at = (packet[0] & 15) * 4 + 8 if packet else 0
    if len(packet) < at + 4 or at < 28 or packet[at] != _RESPONSE:
        return
    is_classful = packet[at + 1] == 1
    for number in range(_ENTRIES_MAX):
        begin = at + 4 + number * _ENTRY.size
        if len(packet) < begin + _ENTRY.size:
            return
        family, _, address, mask, _, metric = _ENTRY.unpack_from(packet, begin)
        bits = _classful(address) if is_classful else _bits(mask)
        if family == _INET and bits and metric < _UNREACHABLE:
            yield IPv4Network((address, bits), strict=False)


def _bits(mask: int) -> int:
    bits = mask.bit_count()
    return bits if mask == (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF else 0


def _classful(address: int) -> int:
    first = address >> 24
    return 8 if 0 < first < 128 else 16 if first < 192 else 24 if first < 224 else 0
