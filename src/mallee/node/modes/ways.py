"""The links, addresses and routes of a VPC's namespace that stands in the administrator's network.

Each guest is a route to its tap. For all else its block has a table of its own, which is asked by
the tap that a packet comes from, and that ARP is answered on: neighbours of the block by its leg,
everything else by the block's router. So what a guest sends leaves by its own block, whatever other
blocks the namespace has guests in; and what comes by a leg finds guests, and nothing else. Taps
have no router's address: the router is a machine of the network, for which the namespace answers.

Called by `do/vpcs` instead of `plan/routing`. Pure.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network

from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.node.modes import legs as plan
from mallee.node.modes.legs import Block, Leg, Legs
from mallee.node.plan.network import links, network, shaping
from mallee.node.plan.network.links import Address, PolicyRule, Route, Seen, Veth, Wiring

_INSIDE_PRIORITY = 1000
_BLOCK_PRIORITY = 2000
_OWN_PRIORITY = 40000
_OWN_TABLE = 900
_FIRST_TABLE = 1 << 30
_EVERYTHING = "0.0.0.0/0"
_KINDS = (network.NATS, network.PEERS, network.LIMITERS, network.PROBES, plan.PATTERN)
"""Kinds of devices that go when nobody wants them."""


def wiring(layout: Layout, vpc: VpcWanted, legs: Legs, seen: Seen) -> Wiring:
    """Return all that stands in the namespace; legs and taps that are there are configured."""
    plugged = [one for one in vpc.interfaces if layout.tap(one.id) in seen.indices]
    standing = [leg for leg in legs.legs if leg.device in seen.indices]
    limiters = [one for one in sorted(shaping.aside(layout, vpc).values()) if one in seen.indices]
    taps = [layout.tap(one.id) for one in plugged]
    wide = [leg.device for leg in standing]
    return links.without_ipv6(
        Wiring(
            veths=(Veth(network.EDGE, network.link_name(vpc), layout.edge_namespace),),
            devices=("lo", network.EDGE, *taps, *wide, *limiters),
            addresses=tuple(_addresses(vpc, taps)),
            routes=(
                Route(f"{network.edge_end(vpc)}/31", device=network.EDGE),
                Route(
                    _EVERYTHING,
                    device=network.EDGE,
                    via=str(network.edge_end(vpc)),
                    table=_OWN_TABLE,
                ),
                *_guest_routes(layout, plugged),
                *_block_routes(legs, standing),
            ),
            rules=tuple(_rules(layout, legs, plugged)),
            mtus=tuple((device, legs.mtu) for device in wide),
            is_whole=True,
            kinds=tuple(kind.rstrip("*") for kind in _KINDS),
        )
    )


def table(block: Block) -> int:
    """The number of a block's table: it follows from where the block is."""
    return _FIRST_TABLE + int(IPv4Network(block.cidr).network_address) % _FIRST_TABLE


def _addresses(vpc: VpcWanted, taps: list[str]) -> Iterator[Address]:
    yield Address("lo", "127.0.0.1/8")
    for service in (network.METADATA_ADDRESS, network.DNS_ADDRESS):
        yield Address("lo", f"{service}/32")
    yield Address(network.EDGE, f"{network.vpc_end(vpc)}/31")
    # DHCP speaks under it: the server is here, whoever the router is.
    yield from (Address(tap, f"{network.DNS_ADDRESS}/32") for tap in taps)


def _guest_routes(layout: Layout, plugged: list[InterfaceWanted]) -> Iterator[Route]:
    for one in plugged:
        for ip in (one.private_ip, *(more.private_ip for more in one.secondary)):
            yield Route(f"{ip}/32", device=layout.tap(one.id))


def _block_routes(legs: Legs, standing: list[Leg]) -> Iterator[Route]:
    for leg in legs.legs:
        for block in leg.blocks:
            number = table(block)
            if leg in standing:
                yield Route(str(IPv4Network(block.cidr)), device=leg.device, table=number)
            if leg in standing and block.router:
                yield Route(_EVERYTHING, device=leg.device, via=block.router, table=number)
            else:
                # Guests find their services by the router, which is answered for by this alone;
                # nothing else passes from a tap to here.
                yield Route(_EVERYTHING, device="lo", table=number)


def _rules(layout: Layout, legs: Legs, plugged: list[InterfaceWanted]) -> Iterator[PolicyRule]:
    yield PolicyRule(_INSIDE_PRIORITY, links.MAIN_TABLE)
    for one in sorted(plugged, key=lambda one: one.id):
        found = plan.leg_of(legs, one.private_ip)
        if found is not None:
            yield PolicyRule(_BLOCK_PRIORITY, table(found[1]), device=layout.tap(one.id))
    yield PolicyRule(_OWN_PRIORITY, _OWN_TABLE, device="lo")
