"""A VPC between hosts: the VXLAN device in its namespace, and the hosts that it leads to.

    VPC's namespace on one host ---- overlay ---- (UDP between hosts) ---- overlay ---- on another

The device is made in the host's namespace, whose addresses carry its packets, and stands in the
VPC's. It learns nothing and floods nothing. Each other host is a next hop there, at an address that
no packet ever bears, with a fixed neighbour (that host's MAC, which follows from its id) and a
fixed entry of where the MAC is: so the address of a guest on another host is a route by his host.
A packet takes the number of the subnet that it comes from along (the group policy of VXLAN, which
is the packet's mark here and there): so the host where it arrives judges and routes it as if it had
begun there.

Called by `do/overlays`, and for names and addresses by who plans routes and rules. Pure.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Any

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.network.carried import FarInterface
from mallee.node.plan.network.links import Seen

DEVICE = "overlay"
"""The VXLAN device in a VPC's namespace."""
PORT = 4789
NEXT_HOPS = "240.0.0.0/4"
"""Where the addresses of other hosts as next hops are from: nobody's, and no packet's."""
MARKS = 0xFFFF
"""What of a packet's mark comes along."""
ID_MAX = (1 << 24) - 1
_HOPS = IPv4Address("240.0.0.0")
_NUMBERS = 0x0FFFFFF0
_HEADERS4, _HEADERS6 = 50, 70
"""What a packet grows by: Ethernet, VXLAN, UDP and IP."""
_MTU_MAX = 1500
"""Of taps and the way to the world: a longer packet would only get stuck there."""
_MTU_MIN = 1280
"""Of IPv6: a smaller one is no network."""


@dataclass(frozen=True, slots=True, order=True)
class FarHost:
    """Another host as a VPC's namespace knows it."""

    host_id: str
    mac: str
    address: str
    """Where it really is."""
    ip: str
    """Its address as a next hop of IPv4."""

    @property
    def ip6(self) -> str:
        """Its address as a next hop of IPv6."""
        return link_local(self.mac)


@dataclass(frozen=True, slots=True)
class Device:
    """The device of a VPC, with all that it leads to."""

    id: int
    local: str
    mac: str
    mtu: int
    hosts: tuple[FarHost, ...]
    has_ipv6: bool


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """What stands of it; of a namespace without the device nothing."""

    id: int = 0
    local: str = ""
    port: int = 0
    is_ours: bool = False
    """Whether it learns nothing and takes marks along."""
    mac: str = ""
    mtu: int = 0
    neighbours: Mapping[str, str] = field(default_factory=dict[str, str])
    """The MAC of each fixed neighbour by address."""
    places: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each MAC is."""


def mac_of(host_id: str) -> str:
    """The MAC of a host's devices, in all VPCs."""
    digest = hashlib.sha256(f"overlay {host_id}".encode()).digest()
    return ":".join(("02", *(f"{one:02x}" for one in digest[:5])))


def link_local(mac: str) -> str:
    """The address of IPv6 that follows from a MAC."""
    parts = bytes.fromhex(mac.replace(":", ""))
    tail = bytes((parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]))
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + tail))


def far_hosts(vpc: VpcWanted, wanted: HostWanted) -> tuple[FarHost, ...]:
    """Return the hosts that the VPC leads to; one whose address is not known is left out."""
    own, known = wanted.own, {peer.id: peer for peer in wanted.peers}
    if own is None or not own.address:
        return ()
    version = ip_address(own.address).version
    numbers: set[int] = set()
    found: list[FarHost] = []
    for id in sorted(far.host_id for far in vpc.far if far.host_id in known):
        address = known[id].address
        if ip_address(address).version == version:
            number = int.from_bytes(hashlib.sha256(id.encode()).digest()[:4]) % _NUMBERS
            while number in numbers:
                number = (number + 1) % _NUMBERS
            numbers.add(number)
            found.append(FarHost(id, mac_of(id), address, str(_HOPS + 1 + number)))
    return tuple(found)


def devices(wanted: HostWanted, host: Seen) -> tuple[dict[str, Device], str]:
    """Return the devices of all VPCs by id, and what stands against them, in words.

    `host` is what stands in the host's own namespace.
    """
    if wanted.own is None or not any(vpc.far for vpc in wanted.vpcs):
        return {}, ""
    mtu = underlay_mtu(wanted.own.address, host) if wanted.own.address else None
    if mtu is None:
        return {}, (
            f"other hosts look for this one at {wanted.own.address or 'no address'}, which it has "
            "not: its guests reach none on other hosts; let it join again with --address"
        )
    found = ((vpc.id, device(vpc, wanted, mtu)) for vpc in wanted.vpcs)
    return {id: one for id, one in found if one is not None}, ""


def device(vpc: VpcWanted, wanted: HostWanted, underlay_mtu: int) -> Device | None:
    """Return the device of a VPC; None: it needs none, or cannot have one."""
    found = far_hosts(vpc, wanted)
    if not found or wanted.own is None:
        return None
    return Device(
        id=vpc.overlay_id,
        local=wanted.own.address,
        mac=mac_of(wanted.own.id),
        mtu=inner_mtu(wanted.own.address, underlay_mtu),
        hosts=found,
        has_ipv6=bool(vpc.ipv6_cidrs),
    )


def underlay_mtu(address: str, seen: Seen) -> int | None:
    """Return how long a packet may be on the host's device with an address; None: it has none."""
    own = ip_address(address)
    for name, cidr in sorted((*seen.addresses, *seen.address6s)):
        if ip_interface(cidr).ip == own:
            return seen.mtus.get(name)
    return None


def inner_mtu(address: str, underlay_mtu: int) -> int:
    """Return how long packets between hosts may be, which meet at addresses like this."""
    headers = _HEADERS6 if ":" in address else _HEADERS4
    return min(max(underlay_mtu - headers, _MTU_MIN), _MTU_MAX)


def interfaces(vpc: VpcWanted) -> Iterator[tuple[str, FarInterface]]:
    """Yield each interface on another host, behind that host's id."""
    for far in vpc.far:
        for one in far.interfaces:
            yield far.host_id, one


# From what stands to what shall


LOOK = ("ip", "-details", "-json", "link", "show", "dev", DEVICE)
LOOK_AT_NEIGHBOURS = ("ip", "-json", "neighbour", "show", "dev", DEVICE, "nud", "permanent")
LOOK_AT_PLACES = ("bridge", "-json", "fdb", "show", "dev", DEVICE)


def parse_seen(link: str, neighbours: str, neighbours6: str, places: str) -> DeviceSeen:
    """Read what the three commands say (that of neighbours for both families)."""
    shown: dict[str, Any] = json.loads(link)[0]
    data = shown.get("linkinfo", {}).get("info_data", {})
    fixed = [*_objects(neighbours), *_objects(neighbours6)]
    return DeviceSeen(
        id=data.get("id", 0),
        local=data.get("local") or data.get("local6") or "",
        port=data.get("port", 0),
        is_ours=data.get("gbp", False) and data.get("learning") is False,
        mac=shown["address"],
        mtu=shown["mtu"],
        neighbours={one["dst"]: one.get("lladdr", "") for one in fixed},
        places={one["mac"]: one["dst"] for one in _objects(places) if "dst" in one},
    )


def _objects(text: str) -> list[dict[str, Any]]:
    return json.loads(text) if text.strip() else []


def is_same_link(wanted: Device, seen: DeviceSeen) -> bool:
    """Whether the device that stands can become the one that is wanted without being made anew."""
    stands = (seen.id, seen.local, seen.port, seen.is_ours)
    return stands == (wanted.id, wanted.local, PORT, True)


def making(wanted: Device, namespace: str) -> str:
    """The line for `ip -batch` in the host's namespace that makes the device where it stands."""
    where = f"link add {DEVICE} address {wanted.mac} mtu {wanted.mtu} netns {namespace}"
    kind = f"type vxlan id {wanted.id} local {wanted.local} dstport {PORT}"
    return f"{where} {kind} nolearning gbp"


def plan_lines(wanted: Device, seen: DeviceSeen) -> tuple[str, ...]:
    """The lines for `ip -batch` in the VPC's namespace: the device itself, and its neighbours."""
    lines: list[str] = []
    if (seen.mac, seen.mtu) != (wanted.mac, wanted.mtu):
        lines.append(f"link set dev {DEVICE} address {wanted.mac} mtu {wanted.mtu}")
    known = {one.ip: one.mac for one in wanted.hosts}
    known |= {one.ip6: one.mac for one in wanted.hosts if wanted.has_ipv6}
    lines += [
        f"neighbour replace {ip} lladdr {mac} dev {DEVICE} nud permanent"
        for ip, mac in sorted(known.items())
        if seen.neighbours.get(ip) != mac
    ]
    gone = sorted(seen.neighbours.keys() - known.keys())
    return (*lines, *(f"neighbour delete {ip} dev {DEVICE}" for ip in gone))


def plan_places(wanted: Device, seen: DeviceSeen) -> tuple[str, ...]:
    """The lines for `bridge -batch` there: where each host is."""
    known = {one.mac: one.address for one in wanted.hosts}
    lines = [
        f"fdb replace {mac} dev {DEVICE} dst {address} self permanent"
        for mac, address in sorted(known.items())
        if seen.places.get(mac) != address
    ]
    gone = sorted(seen.places.keys() - known.keys())
    return (*lines, *(f"fdb delete {mac} dev {DEVICE} self" for mac in gone))
