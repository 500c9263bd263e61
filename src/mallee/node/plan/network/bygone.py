"""Conversations with the world that cannot go on, for their way or their public address is another.

A guest's packets for the world are translated where they leave, and connection tracking keeps to
what it did with the first of a conversation. When another host comes to lead to the world, or an
address gets another public one, later packets of the same ends would be sent under the former
address, or under none: whoever goes on speaking from one port would never be heard again, for each
packet keeps the entry alive. Such entries are forgotten, and the next packet begins the
conversation anew, judged by the rules that hold. What the world began under an address that is the
guest's still goes on by another entry, whoever speaks first (`going_on`). All others stay.

Called by `do/network/vpcs` after rules and routes have changed; what reads and forgets entries is
`do/network/conversations`. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from msgspec.structs import replace

from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import RouteTableWanted, Way
from mallee.node.modes import rules as moderules
from mallee.node.modes.legs import Legs
from mallee.node.plan.network import conversations, network, routing


@dataclass(frozen=True, slots=True)
class Ends:
    """The addresses of an entry of IPv4, as its first packet and the answer bear them."""

    source: str
    destination: str
    answer_source: str
    answer_destination: str


Ways = tuple[tuple[IPv4Network, bool], ...]
"""Where a guest's packets go, the longest prefix first: whether that is the world."""


@dataclass(frozen=True, slots=True)
class World:
    """How guests of a VPC are known to the world by this host."""

    pairs: frozenset[tuple[str, str]] = frozenset()
    """Public and private addresses that are translated here."""
    ways: Mapping[str, Ways] = field(default_factory=dict[str, Ways])
    """By private address, of those guests here that are translated when they speak to the world."""
    elsewhere: frozenset[tuple[str, str]] = frozenset()
    """Public and private addresses of guests here that another host translates."""
    is_passed_twice: bool = False
    """Whether what comes from the world may pass once more untranslated, by an appliance."""


def world(vpc: VpcWanted, legs: Legs | None) -> World:
    """Return how a VPC's guests are known to the world by this host."""
    if legs is not None:
        # Who has no public address is translated by the gateway host, and may go on so.
        return World(frozenset(moderules.published(vpc)))
    pairs = frozenset(network.published(vpc))
    if not pairs:
        led = network.published(replace(vpc, gateway_host_id="", far=(), nat_gateways=()))
        return World(elsewhere=frozenset(led))
    privates = {private for _, private in pairs}
    tables = ways_of(vpc, frozenset({Way.INTERNET}))
    ways = {
        ip: tables[one.subnet_id]
        for one in vpc.interfaces
        for ip in (one.private_ip, *(more.private_ip for more in one.secondary))
        if ip in privates and one.subnet_id in tables
    }
    return World(pairs, ways, is_passed_twice=bool(vpc.gateway_table_id))


def ways_of(vpc: VpcWanted, to_world: frozenset[Way]) -> dict[str, Ways]:
    """Return by subnet where its guests' packets go, and by which ways they come to the world."""
    tables = routing.tables_of(vpc)
    return {subnet.id: _ways(vpc, table, to_world) for subnet, table in tables}


def _ways(vpc: VpcWanted, table: RouteTableWanted, to_world: frozenset[Way]) -> Ways:
    inside = {IPv4Network(cidr): False for cidr in (vpc.cidr, *vpc.more_cidrs)}
    told = {IPv4Network(one.cidr): one.way in to_world for one in table.routes if "." in one.cidr}
    ways = (told | inside).items()
    return tuple(sorted(ways, key=lambda way: -way[0].prefixlen))


def touched(before: World | None, now: World) -> frozenset[str] | None:
    """Return of whose addresses entries may be over that were not before; None: of anybody's."""
    if before is None or before.is_passed_twice is not now.is_passed_twice:
        return None
    pairs, guests = before.pairs ^ now.pairs, before.ways.keys() | now.ways.keys()
    others = {guest for guest in guests if before.ways.get(guest) != now.ways.get(guest)}
    return frozenset(others.union(*pairs))


def is_bygone(ends: Ends, now: World) -> bool:
    """Tell whether packets of an entry would go where, or be from whom, they may not any more."""
    if not conversations.is_elsewhere(ends.answer_source):
        # A service of this host, under an endpoint's address.
        return False
    if ends.answer_source != ends.destination:
        return (ends.destination, ends.answer_source) not in now.pairs
    if ends.answer_destination != ends.source:
        return (ends.answer_destination, ends.source) not in now.pairs
    return any(is_for_world(now.ways[guest], other) for guest, other in _guests(ends, now))


def going_on(ends: Ends, now: World) -> tuple[str, str] | None:
    """Return of an entry that is over by what address the world goes on with what it began, and
    whose that is; both are the guest's own, where another host translates. None: it ends."""
    if ends.answer_destination != ends.source:
        return None
    pair = ends.destination, ends.answer_source
    if pair in now.elsewhere:
        return pair[1], pair[1]
    if ends.answer_source != ends.destination or ends.destination not in now.ways:
        return None
    return next((one for one in now.pairs if one[1] == ends.destination), None)


def _guests(ends: Ends, now: World) -> Iterator[tuple[str, str]]:
    """Yield the guests that an untranslated entry is of, and with whom each speaks."""
    if ends.source in now.ways:
        yield ends.source, ends.destination
    if ends.destination in now.ways and not now.is_passed_twice:
        yield ends.destination, ends.source


def is_for_world(ways: Ways, other: str) -> bool:
    """Tell whether packets for an IPv4 address leave the cloud by these ways."""
    ip = IPv4Address(other)
    if not conversations.is_elsewhere(other) or ip.is_reserved:
        return False
    return next((is_out for cidr, is_out in ways if ip in cidr), False)
