"""The settings of the classic network modes, and what is wrong with them.

`[network.classic]` says where instances stand when `network.mode` is not `vpc`. What a mode does
not use may not be set: it would be passed over in silence. Pure; called by `settings`.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

import msgspec

from mallee.model.network import addressspans
from mallee.model.network.modes import Mode, Switch

BLOCK_LEAST, BLOCK_MOST = 16, 2048
"""How many addresses a security group's network has."""
VLAN_MAX = 4094
MANAGED = ("managed", "managed-novlan")
LAN = ("static", "system")
"""Modes in which instances have addresses of the LAN, and no others."""

DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
"""A name of an interface, as the kernel lets one be called and no program mistakes it."""
_VLANS = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")
_PAIR = re.compile(r"([0-9a-f]{2}(?::[0-9a-f]{2}){5})=([0-9.]+)")


class Classic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where instances stand in the administrator's own network."""

    switch: Switch = "linux"
    device: str = ""
    """`managed`: what carries the VLANs (an interface, a bond, or Open vSwitch's bridge); else the
    bridge that each host's own interface is a port of. Empty: each host's document names it."""
    uplink: str = ""
    """Of the gateway host: its interface to the world, which answers for public addresses; empty:
    public addresses are led to it by routes."""
    subnet: str = ""
    """All private addresses are of it: `10.10.0.0/16`."""
    addresses_per_network: int = 32
    vlans: str = "2-4094"
    router: str = ""
    name_servers: tuple[str, ...] = ()
    """Which instances are told; empty: their host's own is asked for them."""
    addresses: tuple[str, ...] = ()
    """Which are lent, as in `public_addresses`; empty: those of `macs`."""
    macs: tuple[str, ...] = ()
    """`d0:0d:00:00:00:01=192.168.3.65`: the hardware address of who gets that address."""


class HostClassic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a host calls its own: it goes before what its cloud says."""

    switch: Switch | None = None
    device: str = ""
    uplink: str = ""


_USED: dict[Mode, frozenset[str]] = {
    "vpc": frozenset(),
    "managed": frozenset(("uplink", "addresses_per_network", "vlans")),
    "managed-novlan": frozenset(("uplink", "addresses_per_network")),
    "static": frozenset(("router", "addresses", "macs")),
    "system": frozenset(),
}
_ALWAYS_USED = frozenset(("switch", "device", "subnet", "name_servers"))
_NEVER_USED = frozenset[str]()


def faults(mode: Mode, classic: Classic) -> Iterator[str]:
    """Yield what is wrong, as `setting: cause and cure`."""
    used = _USED[mode] | (_ALWAYS_USED if mode != "vpc" else _NEVER_USED)
    for name in classic.__struct_fields__:
        if name not in used and getattr(classic, name) != getattr(Classic(), name):
            yield f"{name} is given, and has no meaning while network.mode is {mode}"
    if mode == "vpc":
        return
    yield from device_faults(classic.device, classic.uplink)
    for text in classic.name_servers:
        if _address(text) is None:
            yield f"name_servers: {text!r} is no address such as 192.168.3.1"
    subnet = _network(classic.subnet)
    if subnet is None:
        yield f"subnet: {classic.subnet!r} is no range such as 10.10.0.0/16"
        return
    if mode in MANAGED:
        yield from _managed_faults(mode, classic, subnet)
    elif mode == "static":
        yield from _static_faults(classic, subnet)


def device_faults(device: str, uplink: str) -> Iterator[str]:
    """Yield what is wrong with names of interfaces."""
    for name, text in (("device", device), ("uplink", uplink)):
        if text and not DEVICE.fullmatch(text):
            yield f"{name}: {text!r} is no name of an interface such as eth1 or br0"


def _managed_faults(mode: Mode, classic: Classic, subnet: IPv4Network) -> Iterator[str]:
    size = classic.addresses_per_network
    if size & (size - 1) or not BLOCK_LEAST <= size <= BLOCK_MOST:
        yield (
            f"addresses_per_network is {size}; give a power of two from {BLOCK_LEAST} to "
            f"{BLOCK_MOST}"
        )
    elif subnet.num_addresses < size:
        yield f"subnet: {subnet} has not even one network of {size} addresses"
    if mode == "managed" and vlans(classic) is None:
        yield f"vlans: {classic.vlans!r} is no range within 1-{VLAN_MAX}, such as 2-2049"


def vlans(classic: Classic) -> range | None:
    """Return the VLANs that security groups may have; None: they are none."""
    found = _VLANS.fullmatch(classic.vlans)
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    return range(first, last + 1) if 1 <= first <= last <= VLAN_MAX else None


def _static_faults(classic: Classic, subnet: IPv4Network) -> Iterator[str]:
    router = _address(classic.router)
    if router is None or router not in subnet:
        yield f"router: {classic.router!r} is no address of {subnet}: give the LAN's router"
    yield from _pair_faults(classic)
    try:
        lent = lendable(classic)
    except ValueError as error:
        yield f"addresses: {error}; give such as 192.168.3.65-192.168.3.96"
        return
    if not lent:
        yield "addresses: none are given, so there are none to lend"
    for span in lent:
        ends = IPv4Address(span[0]), IPv4Address(span[-1])
        if not all(one in subnet for one in ends):
            yield f"addresses: {ends[0]}-{ends[1]} is not within network.classic.subnet {subnet}"
        kept = (subnet.network_address, subnet.broadcast_address, router)
        for one in (it for it in kept if it is not None and int(it) in span):
            yield f"addresses: {one} is the LAN's own, no instance can have it"


def _pair_faults(classic: Classic) -> Iterator[str]:
    for text in classic.macs:
        found = _PAIR.fullmatch(text)
        if found is None or _address(found[2]) is None or int(found[1][:2], 16) & 1:
            yield f"macs: {text!r} is no pair such as d0:0d:00:00:00:01=192.168.3.65"
            return
    pairs = [text.partition("=")[::2] for text in classic.macs]
    if len({mac for mac, _ in pairs}) < len(pairs) or len({ip for _, ip in pairs}) < len(pairs):
        yield "macs: two pairs have the same hardware address, or the same address"


def macs(classic: Classic) -> dict[str, str]:
    """Return by address which hardware address goes with it, in the order of the pairs."""
    return {ip: mac for mac, _, ip in (text.partition("=") for text in classic.macs)}


def lendable(classic: Classic) -> tuple[range, ...]:
    """Return the addresses of `static` that are lent; raise `ValueError` for what is none."""
    listed = classic.addresses or tuple(macs(classic))
    if len(listed) > addressspans.SPANS_MAX:
        raise ValueError(f"more than {addressspans.SPANS_MAX} entries")
    spans = addressspans.merge(addressspans.parse(text) for text in listed)
    for ip in macs(classic):
        if not any(int(IPv4Address(ip)) in span for span in spans):
            raise ValueError(f"{ip} of network.classic.macs is not among them")
    return spans


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        return None
