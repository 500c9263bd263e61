"""The legs of a VPC's namespace: by which devices it stands in the administrator's own network.

A *leg* is one end of a pair of links; the other end, its *port*, is plugged into the host's switch
(`switches`). A namespace has a leg for each VLAN that it has guests in, or one without a tag. On a
leg are *blocks*: addresses that are neighbours there, with their router. Guests stay on routed
taps: on the wire is what they send, under the leg's own MAC, and the namespace answers ARP for
them and for nobody else.

Called by `node/modes` and the plans of VPCs. How it is made is `switching`'s business. Pure.
"""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from mallee.model.layout import Layout
from mallee.model.network.modes import BlockWanted, Kind, ModeWanted

PATTERN = "leg*"
"""Devices in a namespace that are legs, by name."""
_KIND = "leg"
_LANS = ("static", "system")


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """Addresses that are neighbours on a leg, and by whom all others are reached."""

    cidr: str
    router: str
    """Empty: it is not known, and nothing but neighbours is reached."""
    mtu: int = 0
    """How long packets may be, where the network says so; 0: as by the leg."""


@dataclass(frozen=True, slots=True, order=True)
class Leg:
    """One leg of a namespace."""

    device: str
    port: str
    """Its other end, on the host."""
    vlan: int
    blocks: tuple[Block, ...]
    mac: str = ""
    """Of the device; empty: as the kernel has it."""


@dataclass(frozen=True, slots=True)
class Legs:
    """All legs of one namespace of a VPC, in a mode other than `vpc`."""

    kind: Kind
    subnet: str
    """Addresses of the cloud: who speaks with them does so under his own private one."""
    legs: tuple[Leg, ...]
    mtu: int = 1500
    """How long packets by them may be."""

    @property
    def is_lan(self) -> bool:
        """Whether strangers stand on the same wire: then a router's MAC does not follow from it."""
        return self.kind in _LANS

    def router_mac(self, leg: Leg) -> str:
        """The MAC of the router on a leg; empty: it is learnt."""
        return "" if self.is_lan else router_mac(self.subnet, leg.vlan)


def device(vlan: int) -> str:
    """The name of a leg in its namespace."""
    return f"{_KIND}{vlan}"


def port(layout: Layout, owner: str, vlan: int) -> str:
    """The name of a leg's other end on the host; `owner` is its VPC's id."""
    digest = hashlib.sha256(f"{owner} {vlan}".encode()).hexdigest()
    return f"{ports(layout)}{digest[: 13 - len(layout.tag)]}"


def ports(layout: Layout) -> str:
    """What the names of all ports of the cloud begin with."""
    return f"mj{layout.tag}"


def router_mac(subnet: str, vlan: int) -> str:
    """The MAC of the gateway host on a wire: on whatever host that is, so that no neighbour has to
    learn anything when another one takes over."""
    digest = hashlib.sha256(f"router {IPv4Network(subnet)} {vlan}".encode()).digest()
    return ":".join(("02", *(f"{one:02x}" for one in digest[:5])))


def of_vpc(layout: Layout, vpc_id: str, mode: ModeWanted, mtu: int = 1500) -> Legs:
    """Return the legs of a VPC's namespace."""
    own = [one for one in mode.blocks if one.vpc_id == vpc_id]
    return Legs(mode.kind, mode.subnet, of_blocks(layout, vpc_id, own), mtu)


def of_blocks(layout: Layout, owner: str, blocks: list[BlockWanted]) -> tuple[Leg, ...]:
    """Return the legs in these blocks of one namespace, one for each VLAN."""
    by_vlan: dict[int, list[Block]] = {}
    for one in blocks:
        by_vlan.setdefault(one.vlan, []).append(Block(one.cidr, one.gateway, one.mtu))
    return tuple(
        Leg(device(vlan), port(layout, owner, vlan), vlan, tuple(sorted(held)))
        for vlan, held in sorted(by_vlan.items())
    )


def leg_of(legs: Legs, ip: str) -> tuple[Leg, Block] | None:
    """Return by which leg an address stands in the network, and in which block of it."""
    address = IPv4Address(ip)
    for leg in legs.legs:
        for block in leg.blocks:
            if address in IPv4Network(block.cidr):
                return leg, block
    return None
