"""Reads who speaks of the cloud's ranges on a network: routers by RIP and OSPF, machines by ARP.

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
_OSPF = 89
_IP_BYTES_MIN, _PROTOCOL_AT = 20, 9
_UPDATE = 4
_OSPF_HEAD, _LSA_HEAD = 24, 20
_LSA = struct.Struct("!HBBIIIHH")
"""Age, options, type, id, router, number, checksum, length (RFC 2328, A.4.1)."""
_LSAS_MAX, _LINKS_MAX = 64, 128
_LINK = struct.Struct("!IIBBH")
_WITHDRAWN_S, _STUB = 3600, 3
_ROUTER, _NETWORK, _SUMMARY, _EXTERNAL, _NSSA = 1, 2, 3, 5, 7


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


def read_route(link: socket.socket, ranges: Sequence[IPv4Network]) -> Announced | None:
    """Return which router announces a way into the ranges."""
    try:
        packet = link.recv(2048)
    except OSError:
        return None
    if len(packet) < _IP_BYTES_MIN:
        return None
    is_ospf = packet[_PROTOCOL_AT] == _OSPF
    for network in lsa_networks(packet) if is_ospf else routes(packet):
        if any(network.overlaps(one) for one in ranges):
            by = str(IPv4Address(packet[12:16]))
            how = "OSPF" if is_ospf else "RIP"
            return Announced(network=str(network), by=by, how=how)
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


def lsa_networks(packet: bytes) -> Iterator[IPv4Network]:
    """Yield the networks of an update of OSPF (version 2, RFC 2328); what is withdrawn is none."""
    at = (packet[0] & 15) * 4 if packet else 0
    head = packet[at : at + _OSPF_HEAD + 4]
    if len(head) < _OSPF_HEAD + 4 or head[:2] != bytes((2, _UPDATE)):
        return
    at += len(head)
    for _ in range(min(int.from_bytes(head[-4:]), _LSAS_MAX)):
        if len(packet) < at + _LSA_HEAD:
            return
        age, _, kind, id, _, _, _, length = _LSA.unpack_from(packet, at)
        if length < _LSA_HEAD:
            return
        if age < _WITHDRAWN_S:
            yield from _lsa(kind, id, packet[at + _LSA_HEAD : at + length])
        at += length


def _lsa(kind: int, id: int, body: bytes) -> Iterator[IPv4Network]:
    """Yield the networks of one announcement: ends of a router, a wire, or what lies beyond."""
    pairs: list[tuple[int, int]] = []
    if kind == _ROUTER:
        pairs = [*_stubs(body)]
    elif kind in (_NETWORK, _SUMMARY, _EXTERNAL, _NSSA) and len(body) >= 4:
        pairs = [(id, int.from_bytes(body[:4]))]
    for address, mask in pairs:
        if bits := _bits(mask):
            yield IPv4Network((address, bits), strict=False)


def _stubs(body: bytes) -> Iterator[tuple[int, int]]:
    at = 4
    for _ in range(min(int.from_bytes(body[2:4]), _LINKS_MAX)):
        if len(body) < at + _LINK.size:
            return
        address, mask, kind, more, _ = _LINK.unpack_from(body, at)
        at += _LINK.size + 4 * more
        if kind == _STUB:
            yield address, mask


def _bits(mask: int) -> int:
    bits = mask.bit_count()
    return bits if mask == (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF else 0


def _classful(address: int) -> int:
    first = address >> 24
    return 8 if 0 < first < 128 else 16 if first < 192 else 24 if first < 224 else 0
