"""The gateway host's own namespace: it has a leg in every block in use, and each block's router's
address, and leads from block to block, to the world and back.

    block ---- leg2 ---- gateway ---- leg3 ---- block
                            |
                          edge (the way to the world, as VPCs have it in `vpc`)

It decides nothing: what may pass is judged where guests are, on both ends. It lets no source pass
that does not belong where it comes from. A public address is a route to its private one: the host
where the guest is translates it. Who has none speaks with public addresses of the cloud under his
router's, and with the world under the gateway's, which is in turn hidden behind the host's.

Called by `crossing`, and for the edge's and the host's part by `do/network`. Pure.
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.model.network.modes import ModeWanted
from mallee.node.modes import legs
from mallee.node.modes.legs import Leg
from mallee.node.plan.network import links, network, nft
from mallee.node.plan.network.links import Address, Route, Seen, Veth, Wiring

OWNER = "gateway"
"""Whose legs its are: no VPC's id is so."""
EDGE_LINK = "mvg"
"""The end of its link in the edge."""
_EDGE_END, _OWN_END = IPv4Address("169.254.128.0"), IPv4Address("169.254.128.1")
_EVERYTHING = "0.0.0.0/0"
_NEVER_A_SOURCE = "0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3"
_THOSE = f'"{legs.PATTERN}"'


def namespace(layout: Layout) -> str:
    """The gateway's network namespace."""
    return f"mallee-{layout.tag}-{OWNER}"


def own_legs(layout: Layout, mode: ModeWanted) -> tuple[Leg, ...]:
    """Return the legs of the gateway, under the MACs that others know their routers by."""
    blocks = {one.cidr: one for one in mode.blocks if one.gateway}
    found = legs.of_blocks(layout, OWNER, list(blocks.values()))
    return tuple(replace(leg, mac=legs.router_mac(mode.subnet, leg.vlan)) for leg in found)


def is_gateway(wanted: HostWanted) -> bool:
    """Whether this host routes between blocks: on a LAN somebody else does."""
    mode = wanted.mode
    return mode is not None and mode.is_gateway and mode.kind in ("managed", "managed-novlan")


# Its namespace


def wiring(layout: Layout, wanted: HostWanted, mode: ModeWanted, seen: Seen) -> Wiring:
    """Return all that stands in the gateway's namespace."""
    standing = [leg for leg in own_legs(layout, mode) if leg.device in seen.indices]
    addresses = [Address("lo", "127.0.0.1/8"), Address(network.EDGE, f"{_OWN_END}/31")]
    routes = [
        Route(str(IPv4Network(mode.subnet)), "unreachable"),
        Route(f"{_EDGE_END}/31", device=network.EDGE),
    ]
    if wanted.egress:
        routes.append(Route(_EVERYTHING, device=network.EDGE, via=str(_EDGE_END)))
    led = _led(mode)
    for leg in standing:
        for block in leg.blocks:
            cidr = IPv4Network(block.cidr)
            addresses.append(Address(leg.device, f"{block.router}/{cidr.prefixlen}"))
            routes.append(Route(str(cidr), device=leg.device))
            routes += [
                Route(f"{public}/32", device=leg.device, via=private)
                for public, private in led.get(cidr, ())
            ]
    return links.without_ipv6(
        Wiring(
            veths=(Veth(network.EDGE, EDGE_LINK, layout.edge_namespace),),
            devices=("lo", network.EDGE, *(leg.device for leg in standing)),
            addresses=tuple(addresses),
            routes=tuple(routes),
            is_whole=True,
            kinds=(legs.PATTERN.rstrip("*"),),
        )
    )


SWITCHES = {
    # Each leg answers for its own router's address, and asks under it.
    "net/ipv4/conf/all/arp_ignore": "1",
    "net/ipv4/conf/all/arp_announce": "2",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
}


def publics(mode: ModeWanted) -> list[tuple[str, str]]:
    """Return each public address that leads to a private one, with that."""
    return [(one.public_ip, one.private_ip) for one in mode.publics if one.public_ip]


def ruleset(layout: Layout, mode: ModeWanted) -> nft.Ruleset:
    """Return the ruleset of the gateway's namespace."""
    those = own_legs(layout, mode)
    inside = IPv4Network(mode.subnet)
    blocks = (
        nft.set_of("speakers", "ifname . ipv4_addr", _speakers(those, mode), "interval"),
        nft.base(
            "raw",
            "filter hook prerouting priority raw",
            "drop",
            (
                'iifname "lo" accept',
                "meta nfproto != ipv4 drop",
                # The gateway host itself, which speaks from its link to the edge.
                f'iifname "{network.EDGE}" ip saddr {_EDGE_END} accept',
                f"ip saddr {{ {_NEVER_A_SOURCE} }} drop",
                f"iifname {_THOSE} ip saddr {inside} ip daddr {inside} notrack",
                f"iifname {_THOSE} iifname . ip saddr @speakers accept",
                f'iifname "{network.EDGE}" ip saddr != {inside} accept',
                "counter drop",
            ),
        ),
        nft.base(
            "input",
            "filter hook input priority filter",
            "drop",
            (
                "ct state established,related accept",
                f"iifname {_THOSE} icmp type echo-request accept",
            ),
        ),
        nft.base(
            "forward",
            "filter hook forward priority filter",
            "accept",
            (
                f"ip daddr {_EDGE_END} ct state established,related accept",
                "ip daddr 169.254.0.0/16 drop",
            ),
        ),
        nft.base(
            "outwards",
            "nat hook postrouting priority srcnat",
            "accept",
            (
                f"ip saddr {inside} ip daddr != {inside} masquerade",
                # Guests know it as their router.
                f"oifname {_THOSE} ip saddr {_EDGE_END} masquerade",
            ),
        ),
    )
    return (nft.Table("inet", network.TABLE, blocks),)


def _speakers(those: tuple[Leg, ...], mode: ModeWanted) -> Iterator[str]:
    """Which addresses belong on which wire: its blocks', and what these are to the world."""
    led = _led(mode)
    for leg in those:
        for block in leg.blocks:
            cidr = IPv4Network(block.cidr)
            yield f'"{leg.device}" . {cidr}'
            for public, _ in led.get(cidr, ()):
                yield f'"{leg.device}" . {public}'


def _led(mode: ModeWanted) -> dict[IPv4Network, list[tuple[str, str]]]:
    """Each public address with its private one, by the block of that."""
    lengths = {int(one.cidr.partition("/")[2]) for one in mode.blocks}
    found: dict[IPv4Network, list[tuple[str, str]]] = {}
    for public, private in publics(mode):
        for length in lengths:
            cidr = IPv4Network(f"{private}/{length}", strict=False)
            found.setdefault(cidr, []).append((public, private))
    return found


# The edge's part, and the host's


def with_edge(wiring: Wiring, wanted: HostWanted, seen: Seen) -> Wiring:
    """Return the edge's wiring with its link to the gateway, and the public addresses behind it."""
    if wanted.mode is None or not is_gateway(wanted) or EDGE_LINK not in seen.indices:
        return wiring
    led = (
        Route(f"{public}/32", device=EDGE_LINK, via=str(_OWN_END))
        for public, _ in publics(wanted.mode)
    )
    return replace(
        wiring,
        devices=(*wiring.devices, EDGE_LINK),
        addresses=(*wiring.addresses, Address(EDGE_LINK, f"{_EDGE_END}/31")),
        routes=(*wiring.routes, Route(f"{_EDGE_END}/31", device=EDGE_LINK), *led),
    )
