"""Frames on the administrator's LAN: DHCP within UDP, and ARP's probes and announcements.

What is sent bears the MAC of the device that sends it, also on behalf of a guest: a switch sees one
machine. Called by `lanlinks`. Pure.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from mallee.node.modes import dhcpwire
from mallee.node.modes.dhcpwire import Answer, Question

EVERYBODY = "ff:ff:ff:ff:ff:ff"
_ETHERNET = struct.Struct("!6s6sH")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_ARP = struct.Struct("!HHBBH6s4s6s4s")
_IP_TYPE, _ARP_TYPE = 0x0800, 0x0806
_UDP_PROTOCOL, _TTL, _FRAGMENT = 17, 64, 0x3FFF
_SERVER_PORT, _CLIENT_PORT = 67, 68
_ASKS = 1
_NOBODY, _NO_ADDRESS = bytes(6), bytes(4)


@dataclass(frozen=True, slots=True)
class Came:
    """An answer of a DHCP server, and the MAC of who brought it."""

    answer: Answer
    mac: str


@dataclass(frozen=True, slots=True)
class Claim:
    """That a machine says it has an address."""

    address: str
    mac: str


def question(asked: Question, mac: str, server: str = "", server_mac: str = "") -> bytes:
    """Return the frame that carries a question, to a server or to all."""
    message = dhcpwire.encode(asked)
    udp_bytes = _UDP.size + len(message)
    source, to = _packed(asked.own), _packed(server or "255.255.255.255")
    tail = (source, to)
    ip = _IP.pack(0x45, 0, _IP.size + udp_bytes, 0, 0, _TTL, _UDP_PROTOCOL, 0, *tail)
    ip = ip[:10] + _checksum(ip).to_bytes(2) + ip[12:]
    udp = _UDP.pack(_CLIENT_PORT, _SERVER_PORT, udp_bytes, 0)
    pseudo = source + to + struct.pack("!HH", _UDP_PROTOCOL, udp_bytes)
    # A checksum of nothing would mean that there is none.
    checksum = _checksum(pseudo + udp + message) or 0xFFFF
    udp = udp[:6] + checksum.to_bytes(2)
    head = _ETHERNET.pack(_mac(server_mac or EVERYBODY), _mac(mac), _IP_TYPE)
    return head + ip + udp + message


def probe(mac: str, address: str) -> bytes:
    """Return the frame that asks who has an address, and changes nobody's table (RFC 5227)."""
    return _arp(mac, _NO_ADDRESS, _packed(address))


def who_has(mac: str, own: str, address: str) -> bytes:
    """Return the frame that asks where an address is, in the name of one's own."""
    return _arp(mac, _packed(own), _packed(address))


def announcement(mac: str, address: str) -> bytes:
    """Return the frame that tells everybody who has an address now."""
    return _arp(mac, _packed(address), _packed(address))


def read(frame: bytes) -> Came | Claim | None:
    """Return what a frame says to us; None: nothing."""
    if len(frame) < _ETHERNET.size:
        return None
    _, sender, kind = _ETHERNET.unpack_from(frame)
    if kind == _ARP_TYPE:
        return _read_arp(frame[_ETHERNET.size :])
    return _read_ip(frame[_ETHERNET.size :], sender) if kind == _IP_TYPE else None


def _read_arp(data: bytes) -> Claim | None:
    if len(data) < _ARP.size:
        return None
    hardware, protocol, wide, long, _, mac, address, _, _ = _ARP.unpack_from(data)
    if (hardware, protocol, wide, long) != (1, _IP_TYPE, 6, 4) or address == _NO_ADDRESS:
        return None
    return Claim(str(IPv4Address(address)), mac.hex(":"))


def _read_ip(data: bytes, sender: bytes) -> Came | None:
    if len(data) < _IP.size or data[0] >> 4 != 4:
        return None
    head_bytes = (data[0] & 0xF) * 4
    _, _, total, _, fragment, _, protocol, _, _, _ = _IP.unpack_from(data)
    if protocol != _UDP_PROTOCOL or fragment & _FRAGMENT or not head_bytes <= total <= len(data):
        return None
    if total - head_bytes < _UDP.size or head_bytes < _IP.size:
        return None
    source, to, udp_bytes, _ = _UDP.unpack_from(data, head_bytes)
    if (source, to) != (_SERVER_PORT, _CLIENT_PORT) or udp_bytes > total - head_bytes:
        return None
    answer = dhcpwire.decode(data[head_bytes + _UDP.size : head_bytes + udp_bytes])
    return None if answer is None else Came(answer, sender.hex(":"))


def _arp(mac: str, sender: bytes, target: bytes) -> bytes:
    head = _ETHERNET.pack(_mac(EVERYBODY), _mac(mac), _ARP_TYPE)
    return head + _ARP.pack(1, _IP_TYPE, 6, 4, _ASKS, _mac(mac), sender, _NOBODY, target)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _packed(address: str) -> bytes:
    return IPv4Address(address).packed if address else _NO_ADDRESS


def _checksum(data: bytes) -> int:
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
