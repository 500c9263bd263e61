"""The rulesets between the VPCs and the world: the edge's, and our one table on the host.

The edge passes packets on between public addresses, VPCs and the host's link; the host gives guests
its way to the world, and nothing else. What passes inside a VPC is `vpcfirewall`'s business.

Invariants: 1. What no rule accepts is dropped. 2. Nothing for a private network, or for the host
itself, leaves by the host's uplinks, save questions to its own name servers, and answers. 3. What
goes between hosts for VPCs (`overlay`) comes from a host that carries the VPC, under that host's
own MAC, and never from a guest.

Called by `do/network`. Not its business: routes (`network`), loading (`do/firewall`). Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node.modes import gateways
from mallee.node.plan.network import midway, network, nft, overlay

_NOT_THE_WORLD = (
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, "
    "192.168.0.0/16, 224.0.0.0/3"
)
"""Destinations that guests never reach through the host: its own and its neighbours' networks."""
_NOT_THE_WORLD6 = "::/8, fc00::/7, fe80::/10, ff00::/8"
"""The same of IPv6."""


@dataclass(frozen=True, slots=True)
class World:
    """How the host meets the world, as far as the firewalls must know."""

    resolvers: tuple[str, ...]
    """The name servers beyond the host that the VPCs' own DNS asks; sorted."""
    only_we_forward: bool
    """Whether the host was no router before we made it one for our link."""
    only_we_forward6: bool = True
    """The same of IPv6."""
    near: tuple[str, ...] = ()
    """Networks that guests reach like the world, though their addresses are private ones."""


def edge_ruleset(wanted: HostWanted, world: World) -> nft.Ruleset:
    """Return the ruleset of the edge namespace."""
    public = IPv4Network(wanted.public_range)
    to_host = f'iifname @links oifname "{network.HOST}"'
    forward = [
        "ct state invalid drop",
        # A VPC speaks with its own IPv6 addresses only.
        "iifname @links meta nfproto ipv6 iifname . ip6 saddr != @own6 drop",
        # Nobody outside speaks as its guests; of IPv4 the kernel sees to it (rp_filter).
        f'iifname "{network.HOST}" ip6 saddr @inside6 drop',
        "ct state established,related accept",
        f'iifname "{network.HOST}" oifname @links ip daddr {public} accept',
        f"iifname @links oifname @links ip daddr {public} accept",
        "oifname . ip6 daddr @own6 accept",
    ]
    if wanted.egress:
        forward += [
            f"{to_host} ip saddr @own ip daddr @resolvers meta l4proto {{ tcp, udp }} "
            "th dport 53 accept",
            f"{to_host} ip saddr @own drop",
            *(f"{to_host} {one} accept" for one in midway.answers(wanted)),
            f"{to_host} {_far(world)}ip daddr {{ {_NOT_THE_WORLD} }} drop",
            f"{to_host} ip6 daddr {{ {_NOT_THE_WORLD6} }} drop",
            f"{to_host} accept",
        ]
    held6 = [(network.link_name(vpc), cidr) for vpc in wanted.vpcs for cidr in vpc.ipv6_cidrs]
    # Guests of a VPC whose gateway is on another host come from there.
    near6 = [cidr for vpc in wanted.vpcs if not vpc.gateway_host_id for cidr in vpc.ipv6_cidrs]
    blocks = (
        nft.set_of("links", "ifname", (f'"{one}"' for one in _edge_links(wanted))),
        nft.set_of("own", "ipv4_addr", (str(network.vpc_end(vpc)) for vpc in wanted.vpcs)),
        nft.set_of(
            "own6",
            "ifname . ipv6_addr",
            (f'"{link}" . {IPv6Network(cidr)}' for link, cidr in held6),
            "interval",
        ),
        nft.set_of("inside6", "ipv6_addr", (str(IPv6Network(one)) for one in near6), "interval"),
        nft.set_of("resolvers", "ipv4_addr", world.resolvers),
        nft.base(
            "input",
            "filter hook input priority filter",
            "drop",
            (
                "ct state established,related accept",
                'iifname "lo" accept',
                "ip6 saddr fe80::/10 icmpv6 type { 135, 136 } accept",
            ),
        ),
        nft.base("forward", "filter hook forward priority filter", "drop", forward),
        nft.base(
            "outwards",
            "nat hook postrouting priority srcnat",
            "accept",
            (
                *(f'oifname "{network.HOST}" {one} return' for one in midway.answers(wanted)),
                f'oifname "{network.HOST}" meta nfproto ipv4 {_hidden(wanted)}masquerade',
                *_as_edge(wanted),
                *_as_host(wanted),
            ),
        ),
    )
    return (nft.Table("inet", network.TABLE, blocks),)


def _as_edge(wanted: HostWanted) -> Iterator[str]:
    """What the host itself says to guests behind the gateway, which has no way to its link."""
    if gateways.is_gateway(wanted):
        yield f'oifname "{gateways.EDGE_LINK}" ip saddr 169.254.0.0/16 masquerade'


def _as_host(wanted: HostWanted) -> Iterator[str]:
    """What the host itself says to guests that may be on other hosts: these take nothing that comes
    from a link of another host, but from its address. A VPC that has that address for itself does
    not."""
    if wanted.own is None or ":" in wanted.own.address:
        return
    address = IPv4Address(wanted.own.address)
    led = [
        f'"{network.link_name(vpc)}"'
        for vpc in wanted.vpcs
        if vpc.far and not any(address in IPv4Network(one) for one in (vpc.cidr, *vpc.more_cidrs))
    ]
    if led:
        links = ", ".join(sorted(led))
        yield f"oifname {{ {links} }} ip saddr {network.HOST_LINKS} snat ip to {address}"


def _edge_links(wanted: HostWanted) -> list[str]:
    gateway = [gateways.EDGE_LINK] if gateways.is_gateway(wanted) else []
    return [*map(network.link_name, wanted.vpcs), *gateway]


def _hidden(wanted: HostWanted) -> str:
    """The part of a rule that says who goes to the world under the host's address: all, unless
    this host answers for public ones."""
    mode = wanted.mode
    return f"ip saddr != {wanted.public_range} " if mode and mode.uplink else ""


def _far(world: World) -> str:
    """The part of a rule that spares networks near the host."""
    return f"ip daddr != {{ {', '.join(world.near)} }} " if world.near else ""


def host_text(layout: Layout, wanted: HostWanted, found: network.HostFound, world: World) -> str:
    """Return the text of our table on the host; it judges only packets of our link."""
    link = f'"{layout.host_link}"'
    uplinks = ", ".join(f'"{name}"' for name in found.uplinks)
    forward: list[str] = []
    outward: list[str] = []
    if wanted.egress and uplinks:
        forward += [
            f"iifname {link} ct state established,related accept",
            f"iifname {link} meta nfproto ipv4 oifname != {{ {uplinks} }} drop",
            f"iifname {link} ip daddr @resolvers meta l4proto {{ tcp, udp }} th dport 53 accept",
            *(f"iifname {link} {one} accept" for one in midway.answers(wanted)),
            f"iifname {link} {_far(world)}ip daddr {{ {_NOT_THE_WORLD} }} drop",
        ]
        if world.only_we_forward:
            # Forwarding was switched on for our sake alone: nothing else may profit from it.
            forward.append(f"iifname {{ {uplinks} }} meta nfproto ipv4 oifname != {link} drop")
        outward = [f"ip saddr {found.link.edge} oifname {{ {uplinks} }} masquerade"]
    else:
        forward.append(f"iifname {link} meta nfproto ipv4 ct state new drop")
    forward = [*_between_forward(link, wanted), *forward, *_forward6(link, wanted, found, world)]
    forward = [*_bridged(wanted), *forward]
    outward += _outward6(wanted, found)
    blocks = (
        *_between_blocks(wanted),
        nft.set_of("resolvers", "ipv4_addr", world.resolvers),
        # No guest begins a conversation with the host, whatever address of it he knows.
        nft.base(
            "input",
            "filter hook input priority filter",
            "accept",
            (
                *_between_input(wanted),
                f"iifname {link} ct state established,related accept",
                f"iifname {link} ip6 saddr fe80::/10 icmpv6 type {{ 135, 136 }} accept",
                f"iifname {link} drop",
            ),
        ),
        nft.base("forward", "filter hook forward priority filter", "accept", forward),
        nft.base("outwards", "nat hook postrouting priority srcnat", "accept", outward),
    )
    return nft.text((nft.Table("inet", host_table(layout), blocks),))


def _bridged(wanted: HostWanted) -> Iterator[str]:
    """What only passes the bridge that guests are in: where bridged packets are shown to the host's
    firewall (br_netfilter), they seem to come in and go out by the bridge itself."""
    if wanted.mode is not None and wanted.mode.switch == "linux" and wanted.mode.device:
        yield f'iifname "{wanted.mode.device}" oifname "{wanted.mode.device}" accept'


def _forward6(
    link: str, wanted: HostWanted, found: network.HostFound, world: World
) -> Iterator[str]:
    uplinks = ", ".join(f'"{name}"' for name in found.uplinks6)
    if not (wanted.egress and uplinks):
        yield f"iifname {link} meta nfproto ipv6 ct state new drop"
        return
    yield f"iifname {link} meta nfproto ipv6 oifname != {{ {uplinks} }} drop"
    yield f"iifname {link} ip6 daddr {{ {_NOT_THE_WORLD6} }} drop"
    if world.only_we_forward6:
        yield f"iifname {{ {uplinks} }} meta nfproto ipv6 oifname != {link} drop"


def _outward6(wanted: HostWanted, found: network.HostFound) -> Iterator[str]:
    """Addresses that nobody in the world can answer to are hidden behind the host's."""
    uplinks = ", ".join(f'"{name}"' for name in found.uplinks6)
    if wanted.egress and uplinks and found.ipv6_range and found.ipv6_range.is_private:
        yield f"ip6 saddr {found.ipv6_range} oifname {{ {uplinks} }} masquerade"


_VXLAN = f"udp dport {overlay.PORT}"
_ID, _SENDER = "@th,96,24", "@th,176,48"
"""Where a packet between hosts has the number of its VPC, and the MAC of the host it is from."""


def _between(wanted: HostWanted) -> dict[overlay.FarHost, list[int]]:
    """Return the hosts that VPCs lead to, each with the numbers of these VPCs."""
    found: dict[overlay.FarHost, list[int]] = {}
    for vpc in wanted.vpcs:
        for host in overlay.far_hosts(vpc, wanted):
            place = replace(host, ip="")
            found.setdefault(place, []).append(vpc.overlay_id)
    return dict(sorted(found.items()))


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _between_input(wanted: HostWanted) -> Iterator[str]:
    """A VPC's packets come from who carries it; others' networks of that kind are not ours."""
    ids = sorted({id for held in _between(wanted).values() for id in held})
    if ids:
        yield f"{_VXLAN} {_ID} {{ {', '.join(map(str, ids))} }} goto between"


def _between_forward(link: str, wanted: HostWanted) -> Iterator[str]:
    """No guest speaks to another host in this host's name."""
    for host in _between(wanted):
        yield f"iifname {link} {_family(host.address)} daddr {host.address} {_VXLAN} drop"


def _between_blocks(wanted: HostWanted) -> Iterator[nft.Block]:
    """The chain that knows the other hosts, and what spares connection tracking their packets."""
    found = _between(wanted)
    if not found:
        return
    rules = [
        f"{_family(host.address)} saddr {host.address} {_SENDER} 0x{host.mac.replace(':', '')} "
        f"{_ID} {{ {', '.join(map(str, sorted(ids)))} }} accept"
        for host, ids in found.items()
    ]
    yield nft.Chain("between", (*rules, "drop"))
    for name, hook, side in (("came", "prerouting", "saddr"), ("sent", "output", "daddr")):
        those = (f"{_family(it.address)} {side} {it.address} {_VXLAN} notrack" for it in found)
        yield nft.base(name, f"filter hook {hook} priority raw", "accept", those)


def host_table(layout: Layout) -> str:
    """The name of our table in the host's namespace."""
    return f"mallee-{layout.tag}"
