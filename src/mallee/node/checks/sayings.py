"""Reads what others say on a wire without being asked: switches, routers, other clouds.

A *saying* is one frame's meaning: a bridge's of its spanning tree, a router's offer of IPv6, a
virtual router's of whose turn it is, a cloud of Mallee's of what it has, or that a machine of
another cloud software is there. What was sent is anybody's and believed in nothing but that it was
said. Pure; called by `around`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from mallee.node.checks import sieves, voices

_ARP, _IP, _IP6 = 0x0806, 0x0800, 0x86DD
_LLC_BRIDGE, _LLC_SNAP = b"\x42\x42\x03", b"\xaa\xaa\x03\x00\x00\x0c\x01\x0b"
_BPDU = struct.Struct("!HBBB8sI8sH")
"""Protocol, version, type, flags, root, its distance, bridge, port (IEEE 802.1D, 9.3)."""
_CONFIGURATION, _CHANGE, _RAPID = 0x00, 0x80, 0x02
_IS_CHANGING = 1
_ICMP6, _ADVERTISEMENT = 58, 134
_IP6_BYTES, _ADVERT_BYTES, _HOPS = 40, 16, 255
_PREFIX_OPTION, _PREFIX_BYTES = 3, 32
_VRRP, _UDP, _HSRP_PORT = 112, 17, 1985
_VRRP_ADDRESSES_MAX = 32
_HSRP_ACTIVE = 16

MAKERS = {
    "d0:0d:": "Eucalyptus",
    "fa:16:3e:": "OpenStack",
    "1e:00:": "CloudStack",
    "52:54:00:": "libvirt",
    "bc:24:11:": "Proxmox",
    "00:16:3e:": "Xen",
    "56:6f:": "oVirt",
    "00:50:56:": "VMware",
}
"""By what a hardware address begins with: whose machines are named so unless told otherwise."""
CLOUDS = frozenset({"Eucalyptus", "OpenStack", "CloudStack"})


@dataclass(frozen=True, slots=True)
class Tree:
    """A bridge tells of its spanning tree."""

    root: str
    """Priority and hardware address: `8000.02:00:00:00:00:01`."""
    bridge: str
    is_changing: bool
    vlan: int = 0
    """Of a tree of one VLAN (PVST)."""


@dataclass(frozen=True, slots=True)
class Router:
    """A router offers itself to hosts of IPv6."""

    address: str
    mac: str
    prefixes: tuple[str, ...]
    is_default: bool
    """Whether it leads to everywhere."""
    vlan: int = 0


@dataclass(frozen=True, slots=True)
class Virtual:
    """Who has its turn as a virtual router says so."""

    protocol: str
    """`VRRP`, `CARP` or `HSRP`."""
    group: int
    address: str
    """Of who says it."""
    shared: tuple[str, ...] = ()
    """The addresses of the virtual router."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of another cloud software speaks."""

    maker: str
    address: str


Saying = Tree | Router | Virtual | Machine | voices.Told


def maker(mac: str) -> str:
    """Return whose machines have such hardware addresses; empty: nobody's that is known."""
    return next((name for begin, name in MAKERS.items() if mac.startswith(begin)), "")


def read(frame: bytes, vlan: int) -> Saying | None:
    """Return what a frame without its tag says; None: nothing of all this."""
    if len(frame) < 16:
        return None
    kind = int.from_bytes(frame[12:14])
    body = frame[14:]
    if kind <= 1500:
        return _tree(body[:kind])
    if kind == sieves.EXPERIMENT:
        return voices.read(body)
    mac = frame[6:12].hex(":")
    if kind == _ARP:
        return _machine(body)
    if kind == _IP6:
        return _router(body, mac, vlan)
    return _virtual(body) if kind == _IP else None


def _tree(body: bytes) -> Tree | None:
    vlan = 0
    if body.startswith(_LLC_SNAP):
        # One tree per VLAN: its number stands behind, in a field of its own.
        told = body[len(_LLC_SNAP) :]
        at = told.find(b"\0\0\0\2", _BPDU.size)
        if at < 0:
            return None
        vlan = int.from_bytes(told[at + 4 : at + 6]) & 0xFFF
    elif body.startswith(_LLC_BRIDGE):
        told = body[len(_LLC_BRIDGE) :]
    else:
        return None
    if len(told) < _BPDU.size:
        return None
    _, _, kind, flags, root, _, bridge, _ = _BPDU.unpack_from(told)
    if kind not in (_CONFIGURATION, _RAPID):
        return None
    return Tree(_bridge(root), _bridge(bridge), bool(flags & _IS_CHANGING), vlan)


def _bridge(id: bytes) -> str:
    return f"{id[:2].hex()}.{id[2:].hex(':')}"


def _router(body: bytes, mac: str, vlan: int) -> Router | None:
    at = _IP6_BYTES
    if len(body) < at + _ADVERT_BYTES or body[6] != _ICMP6 or body[at] != _ADVERTISEMENT:
        return None
    if body[7] != _HOPS:
        # It came from another network, where it has nothing to offer.
        return None
    lifetime_s = int.from_bytes(body[at + 6 : at + 8])
    address = str(IPv6Address(body[8:24]))
    prefixes = tuple(sorted(set(_prefixes(body[at + _ADVERT_BYTES :]))))
    return Router(address, mac, prefixes, lifetime_s > 0, vlan)


def _prefixes(options: bytes) -> Iterator[str]:
    at = 0
    while at + 2 <= len(options):
        length = options[at + 1] * 8
        if length == 0:
            return
        option = options[at : at + length]
        if option[0] == _PREFIX_OPTION and len(option) == _PREFIX_BYTES and option[2] <= 128:
            yield str(IPv6Network((option[16:32], option[2]), strict=False))
        at += length


def _virtual(body: bytes) -> Virtual | None:
    length = (body[0] & 15) * 4
    said = body[length:]
    if length < 20 or len(said) < 8:
        return None
    address = str(IPv4Address(body[12:16]))
    if body[9] == _VRRP:
        return _vrrp(said, address)
    if body[9] == _UDP and said[2:4] == struct.pack("!H", _HSRP_PORT):
        return _hsrp(said[8:], address)
    return None


def _vrrp(said: bytes, address: str) -> Virtual | None:
    version, kind = said[0] >> 4, said[0] & 15
    if kind != 1 or version not in (2, 3):
        return None
    group, count = said[1], said[3]
    if version == 2 and count == 7 and len(said) >= 36:
        # What CARP has in that place is the length of its digest.
        return Virtual("CARP", group, address)
    count = min(count, _VRRP_ADDRESSES_MAX, (len(said) - 8) // 4)
    shared = [str(IPv4Address(said[8 + 4 * at : 12 + 4 * at])) for at in range(count)]
    # Priority 0: it gives its turn away.
    return Virtual("VRRP", group, address, tuple(sorted(shared))) if said[2] else None


def _hsrp(said: bytes, address: str) -> Virtual | None:
    if len(said) < 20 or said[0] != 0 or said[1] != 0 or said[2] != _HSRP_ACTIVE:
        return None
    return Virtual("HSRP", said[6], address, (str(IPv4Address(said[16:20])),))


def _machine(body: bytes) -> Machine | None:
    if len(body) < 28:
        return None
    name = maker(body[8:14].hex(":"))
    address = IPv4Address(body[14:18])
    return Machine(name, str(address)) if name in CLOUDS and int(address) else None
