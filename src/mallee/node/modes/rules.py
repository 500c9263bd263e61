"""What a VPC's firewall has where the VPC stands in the administrator's own network: who may come
by a leg, what may leave by it, and what is said there about addresses.

A packet between guests of two hosts is judged on both, as between any: what lets it leave its
sender where that is, what lets it arrive where its receiver is. By a leg comes what is for own
guests, from neighbours of the block or by the router, and nothing under own guests' addresses. On a
wire of the cloud's own the router is known by its MAC, which follows from the wire; on a LAN it is
whoever the router is, and strangers are neighbours too: there groups alone decide.

The namespace has no address of its own on a leg. So it asks for its neighbours under the address of
a guest, and asks guests under that of their router. Part of `vpcfirewall`. Pure.
"""

from collections.abc import Iterator

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.node.modes import legs as plan
from mallee.node.modes.legs import Leg, Legs
from mallee.node.plan.network import network, nft

_THOSE = f'"{plan.PATTERN}"'
_NEVER_A_SOURCE = "0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3"
_LINK_LOCAL = "169.254.0.0/16"
_PROBE = "arp operation request arp saddr ip 0.0.0.0"
_PROBER = "169.254.169.1"
"""In whose name it is asked whether an address is free (RFC 5227): the kernel answers nobody for
others' addresses. Whoever asks takes any answer for a no."""
_CHAIN = "wire"


def own_ips(vpc: VpcWanted) -> tuple[str, ...]:
    """The private addresses of all guests that are here."""
    return tuple(sorted(ip for one in vpc.interfaces for ip in ips(one)))


def ips(one: InterfaceWanted) -> Iterator[str]:
    """Yield the private addresses of a guest, the primary one first."""
    yield one.private_ip
    yield from (more.private_ip for more in one.secondary)


def published(vpc: VpcWanted) -> list[tuple[str, str]]:
    """Return the public and the private address of each pair that is translated here: those of
    guests that are here."""
    pairs: list[tuple[str | None, str]] = []
    for one in vpc.interfaces:
        pairs.append((one.public_ip, one.private_ip))
        pairs += [(more.public_ip, more.private_ip) for more in one.secondary]
    return [(public, private) for public, private in pairs if public is not None]


# Family inet


def sets(vpc: VpcWanted, legs: Legs | None) -> Iterator[nft.Set]:
    """Return who is here, and what is meant for them."""
    if legs is None:
        return
    own = own_ips(vpc)
    yield nft.set_of("here", "ipv4_addr", own)
    yield nft.set_of("meant", "ipv4_addr", (*own, *(public for public, _ in published(vpc))))


def arriving_rules(legs: Legs | None) -> Iterator[str]:
    """Before anything is known of its connection, what comes by a leg is asked who it is from."""
    if legs is not None:
        yield f"iifname {_THOSE} goto {_CHAIN}"


def chains(legs: Legs | None) -> Iterator[nft.Chain]:
    """Return the chain in which senders on the wire are looked at."""
    if legs is not None:
        yield nft.Chain(_CHAIN, tuple(_sender_rules(legs)))


def _sender_rules(legs: Legs) -> Iterator[str]:
    yield "meta nfproto != ipv4 drop"
    yield f"ip saddr {{ {_NEVER_A_SOURCE} }} drop"
    yield "ip saddr @here counter drop"
    yield "ip daddr != @meant drop"
    for leg in legs.legs:
        here, mac = f'iifname "{leg.device}"', legs.router_mac(leg)
        if not mac:
            # What the LAN's own DHCP server says is the agent's to hear, and no guest's.
            yield f"{here} udp sport 67 udp dport 68 drop"
            yield f"{here} accept"
            continue
        yield f"{here} ether saddr {mac} accept"
        yield f"{here} ip saddr {{ {_cidrs(leg)} }} accept"
    yield "counter drop"


def _cidrs(leg: Leg) -> str:
    return ", ".join(block.cidr for block in leg.blocks)


def service_rules(legs: Legs | None) -> Iterator[str]:
    """The namespace's own services are for its guests alone."""
    if legs is not None:
        yield f"iifname {_THOSE} drop"


def beginning_rules(legs: Legs | None) -> Iterator[str]:
    """What comes from the wire may begin, as far as its receiver's groups let it."""
    if legs is not None:
        yield f"iifname {_THOSE} goto arrive"


def counted_beyond(legs: Legs | None) -> str:
    """The part of a rule that counts conversations with the world: others' are not bounded."""
    return f"ip daddr != {legs.subnet} " if legs is not None else ""


def departure_rules(legs: Legs | None) -> Iterator[str]:
    """What may leave its sender goes out by a leg; between two legs nothing passes."""
    if legs is not None:
        yield f"iifname {_THOSE} drop"
        yield f"oifname {_THOSE} ip daddr {_LINK_LOCAL} drop"
        # No guest answers, even blind, what a machine of the LAN or an agent asks a DHCP server.
        yield f"oifname {_THOSE} udp sport 67 udp dport 68 drop"
        yield f"oifname {_THOSE} goto pass"


def inward_rules(legs: Legs | None) -> Iterator[str]:
    """The destination of what comes by a leg: a public address means the private one."""
    if legs is not None:
        yield f"iifname {_THOSE} dnat ip to ip daddr map @inward"


def outward_rules(legs: Legs | None) -> Iterator[str]:
    """The source of what goes to the world by a leg; inside the cloud guests are who they are."""
    if legs is not None:
        inside = f"oifname {_THOSE} ip daddr != {legs.subnet}"
        yield f"{inside} snat ip to ip saddr map @outward"


# Family arp


def arp_sets(layout: Layout, vpc: VpcWanted, legs: Legs | None) -> Iterator[nft.Set]:
    """Return who is here, and the router that each guest knows."""
    if legs is None:
        return
    yield nft.set_of("here", "ipv4_addr", own_ips(vpc))
    routers: list[str] = []
    for one in vpc.interfaces:
        found = plan.leg_of(legs, one.private_ip)
        router = found[1].router if found else ""
        routers.append(f'"{layout.tap(one.id)}" : {router or network.DNS_ADDRESS}')
    yield nft.map_of("routers", "ifname : ipv4_addr", routers)


def arp_rules(legs: Legs | None) -> Iterator[str]:
    """What is heard on the wire about addresses: of the block, and never about own guests'."""
    for leg in legs.legs if legs is not None else ():
        here, inside = f'iifname "{leg.device}"', _cidrs(leg)
        mac = legs.router_mac(leg) if legs is not None else ""
        yield f"{here} arp saddr ip @here counter drop"
        if mac:
            routers = ", ".join(block.router for block in leg.blocks if block.router)
            yield f"{here} arp saddr ip {{ {routers} }} arp saddr ether != {mac} counter drop"
        yield f"{here} {_PROBE} arp daddr ip @here arp saddr ip set {_PROBER} accept"
        yield f"{here} arp saddr ip {{ {inside} }} arp daddr ip {{ {inside} }} accept"
    if legs is not None:
        yield f"iifname {_THOSE} drop"


def arp_chains(vpc: VpcWanted, legs: Legs | None) -> Iterator[nft.Chain]:
    """Return what the namespace says about addresses, on legs and to guests."""
    if legs is None:
        return
    rules: list[str] = []
    asks = "arp operation request"
    for leg in legs.legs:
        for block in leg.blocks:
            asker = _asker(vpc, legs, block.cidr)
            if asker:
                out = f'oifname "{leg.device}" {asks} arp daddr ip {block.cidr}'
                rules.append(f"{out} arp saddr ip set {asker} accept")
    rules += [
        f"oifname {_THOSE} arp operation reply arp saddr ip @here accept",
        f"oifname {_THOSE} drop",
        f'oifname "{network.TAPS}" {asks} arp saddr ip set oifname map @routers',
    ]
    yield nft.base("output", "filter hook output priority filter", "accept", rules)


def _asker(vpc: VpcWanted, legs: Legs, cidr: str) -> str:
    """The guest of a block in whose name its neighbours are looked for."""
    for ip in own_ips(vpc):
        found = plan.leg_of(legs, ip)
        if found is not None and found[1].cidr == cidr:
            return ip
    return ""
