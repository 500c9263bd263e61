"""Who may speak in a VPC: the sets and chains that every packet meets first.

Each device has one interface behind it. What comes by it bears that interface's MAC and one of its
addresses, or an address of a range that is led to it; or it is how a guest comes by its addresses.
By a peering comes what the peer has as addresses, by a transit gateway and from the world what the
VPC itself has not, from another host what that host carries (`afar`).
A packet that passes has the mark of its subnet.
Part of `vpcfirewall`. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.layout import Layout
from mallee.node.modes import rules as moderules
from mallee.node.modes.legs import Legs
from mallee.node.plan.network import afar, network, nft

NEIGHBOURS = "nd-neighbor-solicit, nd-neighbor-advert"
"""How neighbours find each other over IPv6."""
GREETINGS_PER_S, GREETINGS_AT_ONCE = 16, 128
"""How much a guest may say under addresses that only its own link knows: it may have any number of
these, and each that asks is a neighbour in a table that all guests of a host share."""
EDGE_MARK = 999
"""Of what comes in by the internet gateway, where that has a table of its own; no subnet's."""
_EDGE_ZONE = 1


@dataclass(frozen=True, slots=True)
class Speaker:
    """A device of a VPC's namespace behind which one interface stands."""

    device: str
    mac: str
    subnet_id: str
    ips: tuple[str, ...]
    """IPv4 addresses and ranges."""
    ip6s: tuple[str, ...]
    is_checked: bool
    """Whether only its own addresses may be in what it sends."""


def speakers(layout: Layout, vpc: VpcWanted) -> list[Speaker]:
    """Return every device of the VPC behind which an interface stands."""
    taps = [
        Speaker(
            device=layout.tap(one.id),
            mac=one.mac,
            subnet_id=one.subnet_id,
            ips=(
                one.private_ip,
                *(more.private_ip for more in one.secondary),
                *(prefix for prefix in one.prefixes if ":" not in prefix),
            ),
            ip6s=(*one.ipv6s, *(prefix for prefix in one.prefixes if ":" in prefix)),
            is_checked=one.source_dest_check,
        )
        for one in vpc.interfaces
    ]
    gateways = [
        Speaker(
            device=layout.nat_link(one.interface_id),
            mac=one.mac,
            subnet_id=one.subnet_id,
            ips=tuple(address.private_ip for address in one.addresses),
            ip6s=(),
            is_checked=False,
        )
        for one in vpc.nat_gateways
    ]
    endpoints = [
        Speaker(
            device=layout.nat_link(one.interface_id),
            mac=one.mac,
            subnet_id=one.subnet_id,
            ips=(one.private_ip,),
            ip6s=one.ipv6s,
            is_checked=True,
        )
        for one in vpc.endpoints
    ]
    return sorted((*taps, *gateways, *endpoints), key=lambda one: one.device)


def sets(those: list[Speaker]) -> Iterator[nft.Set]:
    """Return the sets that say who speaks."""
    yield from _speaker_sets(those, "ip")
    yield from _speaker_sets(those, "ip6")
    yield from _card_sets(those)
    yield nft.Set("greeting", "type ifname; size 4096", flags="dynamic,timeout; timeout 1m")


def chains(
    layout: Layout, vpc: VpcWanted, those: list[Speaker], legs: Legs | None = None
) -> Iterator[nft.Chain]:
    """Return the chains that every packet comes through first."""
    yield _peer_chain(layout, vpc)
    yield _transit_chain(vpc)
    yield from moderules.chains(legs)
    yield from _raw_chains(vpc, those, legs)


def arp_blocks(
    layout: Layout, vpc: VpcWanted, those: list[Speaker], legs: Legs | None = None
) -> tuple[nft.Block, ...]:
    """Return what the table of family `arp` holds."""
    return (
        *_speaker_sets(those, "ip"),
        *moderules.arp_sets(layout, vpc, legs),
        _arp_chain(those, legs),
        *moderules.arp_chains(vpc, legs),
    )


def _speaker_sets(those: list[Speaker], family: str) -> Iterator[nft.Set]:
    """Who speaks on which device: its MAC with its addresses, and with its ranges."""
    form = f"ifname . ether_addr . {'ipv4_addr' if family == 'ip' else 'ipv6_addr'}"
    elements = [
        f'"{one.device}" . {one.mac} . {address}'
        for one in those
        for address in (one.ips if family == "ip" else one.ip6s)
    ]
    suffix = "" if family == "ip" else "6"
    yield nft.set_of(f"speakers{suffix}", form, (one for one in elements if "/" not in one))
    ranges = [one for one in elements if "/" in one]
    if ranges:
        yield nft.set_of(f"led{suffix}", form, ranges, "interval")


def _card_sets(those: list[Speaker]) -> Iterator[nft.Set]:
    """Each device with its MAC: all of them, and those whose senders are not checked."""
    cards = {f'"{one.device}" . {one.mac}': one for one in those}
    form = "ifname . ether_addr"
    yield nft.set_of("cards", form, cards)
    unchecked = (card for card, one in cards.items() if not one.is_checked)
    yield nft.set_of("unchecked", form, unchecked)


def _edge_rules(vpc: VpcWanted) -> tuple[str, ...]:
    """What comes in by an internet gateway that has a table, perhaps by way of an appliance.

    It passes the namespace once under its public address and once more from the appliance: these
    are two connections with the same answer, so that the one with the world has a zone of its own.
    """
    if not vpc.gateway_table_id:
        return ()
    edge = f'iifname "{network.EDGE}"'
    return (f"{edge} meta mark set {EDGE_MARK:#x}", f"{edge} ct zone set {_EDGE_ZONE}")


def _outside_rules(vpc: VpcWanted) -> Iterator[str]:
    """Nobody outside speaks as a guest: groups believe in the addresses of their members, who may
    be a peer's. A peer's IPv6 may come by the edge, which knows where it is from."""
    peers = (cidr for one in vpc.peerings for cidr in one.peer_cidrs if ":" not in cidr)
    held = (vpc.cidr, *vpc.more_cidrs, *peers)
    inside = [*collapse_addresses(map(IPv4Network, held))]
    inside6 = [*collapse_addresses(map(IPv6Network, vpc.ipv6_cidrs))]
    for family, cidrs in (("ip", inside), ("ip6", inside6)):
        if cidrs:
            those = ", ".join(map(str, cidrs))
            yield f'iifname "{network.EDGE}" {family} saddr {{ {those} }} drop'


def _raw_chains(vpc: VpcWanted, those: list[Speaker], legs: Legs | None) -> Iterator[nft.Chain]:
    """Every packet that a guest sends, before anything is known of its connection."""
    is_led = bool(vpc.gateway_table_id)
    led = [f"ip{suffix}" for suffix, held in _led(those) if held]
    rules = [
        *_edge_rules(vpc),
        *afar.crossing_rules(vpc),
        *_outside_rules(vpc),
        f'iifname {{ "lo", "{network.EDGE}" }} accept',
        *moderules.arriving_rules(legs),
        f'iifname "{network.TRANSITS}" goto transits',
        f'iifname "{network.PEERS}" jump peers',
        "meta mark set iifname map @subnets",
        *(
            [f'fib daddr . mark oifname "{network.EDGE}" ct zone set {_EDGE_ZONE}']
            if is_led
            else []
        ),
        *afar.arriving_rules(vpc),
        "iifname . ether saddr . ip saddr @speakers accept",
        "iifname . ether saddr . ip6 saddr @speakers6 accept",
    ]
    for family in led:
        suffix = family.removeprefix("ip")
        rules.append(f"iifname . ether saddr . {family} saddr @led{suffix} accept")
    rules.append("iifname . ether saddr @cards jump bare")
    rules.append("iifname . ether saddr @unchecked jump strange")
    yield nft.Chain(
        "bare",
        (
            "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept",
            f"ip6 saddr {{ ::, fe80::/10 }} update @greeting {{ iifname limit rate over "
            f"{GREETINGS_PER_S}/second burst {GREETINGS_AT_ONCE} packets }} drop",
            "ip6 saddr { ::, fe80::/10 } ip6 daddr { fe80::/10, ff02::/16 } accept",
        ),
    )
    yield nft.Chain(
        "strange",
        (
            f"ip saddr {{ {afar.NEVER_A_SOURCE} }} drop",
            f"ip6 saddr {{ {afar.NEVER_A_SOURCE6} }} drop",
            "accept",
        ),
    )
    yield nft.base("raw", "filter hook prerouting priority raw", "drop", rules)


def _led(those: list[Speaker]) -> Iterator[tuple[str, bool]]:
    yield "", any("/" in one for one in those for one in one.ips)
    yield "6", any("/" in one for one in those for one in one.ip6s)


def _arp_chain(those: list[Speaker], legs: Legs | None) -> nft.Chain:
    """A guest may say of no address but its own that it has it (0.0.0.0: it only asks)."""
    speaks = "iifname . arp saddr ether . arp saddr ip"
    rules = [
        f'iifname "{network.EDGE}" accept',
        f'iifname "{network.PEERS}" accept',
        *moderules.arp_rules(legs),
        f"{speaks} @speakers accept",
        *([f"{speaks} @led accept"] if dict(_led(those))[""] else []),
        "arp operation request arp saddr ip 0.0.0.0 accept",
    ]
    return nft.base("input", "filter hook input priority filter", "drop", rules)


def _peer_chain(layout: Layout, vpc: VpcWanted) -> nft.Chain:
    """By a peering comes only what its peer has as addresses."""
    rules: list[str] = []
    for one in sorted(vpc.peerings, key=lambda one: one.id):
        link = f'iifname "{layout.peer_link(one.id)}"'
        for family in ("ip", "ip6"):
            held = [cidr for cidr in one.peer_cidrs if (":" in cidr) is (family == "ip6")]
            if held:
                rules.append(f"{link} {family} saddr {{ {', '.join(sorted(held))} }} accept")
        rules.append(f"{link} ip6 saddr fe80::/10 icmpv6 type {{ {NEIGHBOURS} }} accept")
    return nft.Chain("peers", (*rules, "drop"))


def _transit_chain(vpc: VpcWanted) -> nft.Chain:
    """By a transit gateway comes whoever is beyond it, so nobody who is of the VPC itself."""
    own = (vpc.cidr, *vpc.more_cidrs)
    held6 = ", ".join((afar.NEVER_A_SOURCE6, *sorted(vpc.ipv6_cidrs)))
    rules = (
        "meta mark set iifname map @subnets",
        f"ip6 saddr fe80::/10 icmpv6 type {{ {NEIGHBOURS} }} accept",
        f"ip saddr {{ {afar.NEVER_A_SOURCE} }} drop",
        f"ip saddr {{ {', '.join(sorted(own))} }} drop",
        f"ip6 saddr {{ {held6} }} drop",
        "accept",
    )
    return nft.Chain("transits", rules)
