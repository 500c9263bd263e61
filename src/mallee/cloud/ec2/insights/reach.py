"""Finds a packet that gets from one end to another, or says what stops those that come furthest.

A path leaves much open: which address, which port. Each port at which a rule begins or ends is
tried, so that what is found is found for every port, and what is not found is not there. Every
packet is judged by the reference evaluator (`model.packets`), its answer too where the protocol
needs one. Called by `analyses` in a thread of its own. Pure.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address

from mallee.cloud.ec2.insights.ends import SOMEBODY, Place, PlaceKind
from mallee.model.hosts import hosts
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import TransitGatewayWanted
from mallee.model.network.insights import PathFilter, Ports
from mallee.model.packets import packets
from mallee.model.packets.hops import TCP, Address, End, Hop, HopKind, Packet, Trace
from mallee.model.packets.packettransit import Gateways

EPHEMERAL_PORT = 49152
"""From which a client speaks when nothing is said of it."""
TRIES_MAX = 4096
ANY_PORT: Ports = (1, 65535)
WORLD_ADDRESSES_MAX = 64
_NOT_THE_WORLD = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A path's question."""

    protocol: int
    source: Place
    destination: Place | None
    """None: whoever has the address."""
    at_source: PathFilter
    at_destination: PathFilter
    through: frozenset[str] = frozenset()
    """Ids of what must be passed."""
    without: frozenset[str] = frozenset()
    """Ids of what must not be passed."""
    accepts: Callable[[Trace], bool] = lambda found: True
    """Whether a way that is there is one that is meant."""
    tries_max: int = TRIES_MAX
    transit: Gateways = field(default_factory=dict[str, TransitGatewayWanted])
    """The transit gateways by which packets may go."""


@dataclass(frozen=True, slots=True)
class Found:
    """A way that is there, or the one that came furthest."""

    forward: Trace
    back: Trace | None = None
    """The answer's way; None: nobody needs an answer, or nothing came to be answered."""
    is_reached: bool = False
    is_filtered: bool = False
    """Whether it would be reached if the filters did not forbid it."""


def find(vpcs: Mapping[str, VpcWanted], wish: Wish) -> Found | None:
    """Return the first way that does, or the one that came furthest; None: there is no packet."""
    best: Found | None = None
    for packet, sender in itertools.islice(_questions(vpcs, wish), wish.tries_max):
        found = _try(vpcs, wish, packet, sender)
        if found.is_reached:
            return found
        if best is None or _merit(found) > _merit(best):
            best = found
    return best


def _merit(found: Found) -> tuple[bool, int, int]:
    back = found.back
    return found.is_filtered, len(found.forward.hops), len(back.hops) if back else 0


def _try(vpcs: Mapping[str, VpcWanted], wish: Wish, packet: Packet, sender: str) -> Found:
    forward = send(vpcs, wish, packet, sender)
    if not is_at(forward, wish.destination):
        return Found(forward)
    asks = wish.protocol == TCP and forward.passes
    back = packets.trace_answer(vpcs, forward, wish.transit) if asks else None
    is_answered = (
        back is None
        or forward.end is End.SERVICE
        or (_is_home(back, wish.source, sender) and _answers(back, packet))
    )
    if not is_answered:
        return Found(forward, back)
    passed = ids_of(forward.hops, vpcs)
    is_allowed = (
        wish.through <= passed
        and wish.without.isdisjoint(passed)
        and _fits(wish.at_destination, forward.packet)
        and wish.accepts(forward)
    )
    shown = back if forward.end is not End.SERVICE else None
    return Found(forward, shown, is_reached=is_allowed, is_filtered=not is_allowed)


def send(vpcs: Mapping[str, VpcWanted], wish: Wish, packet: Packet, sender: str) -> Trace:
    """Follow a packet from the end of a path; `sender` is an interface's id, or empty."""
    source = wish.source
    if sender:
        return packets.trace(vpcs, sender, packet, wish.transit)
    if source.kind is PlaceKind.PEERING:
        return packets.trace_in(vpcs, packet, peering=source.id)
    only = {source.vpc_id: vpcs[source.vpc_id]} if source.vpc_id in vpcs else {}
    found = packets.trace_in(only, packet)
    # Out in the world nobody took it in.
    return found if found.hops else Trace(End.NOBODY, str(packet.destination), (), packet)


def is_at(found: Trace, place: Place | None) -> bool:
    """Tell whether a packet came to an end of a path."""
    if place is None:
        return found.passes
    match place.kind:
        case PlaceKind.INTERFACE:
            return found.end is End.ARRIVED and found.at in place.interface_ids
        case PlaceKind.ENDPOINT:
            return found.end is End.SERVICE and found.at == place.id
        case PlaceKind.PEERING:
            return any(hop.id == place.id and not hop.is_stop for hop in found.hops)
        case PlaceKind.INTERNET:
            return any(
                hop.kind is HopKind.INTERNET_GATEWAY
                and hop.vpc_id == place.vpc_id
                and not hop.is_stop
                for hop in found.hops
            )


def _answers(back: Trace, question: Packet) -> bool:
    """Tell whether who asked knows by the answer's addresses what it answers."""
    answer = back.packet
    return answer is not None and (answer.source, answer.destination) == (
        question.destination,
        question.source,
    )


def _is_home(back: Trace, source: Place, sender: str) -> bool:
    if sender:
        return back.end is End.ARRIVED and back.at == sender
    if source.kind is PlaceKind.PEERING:
        return any(hop.id == source.id and not hop.is_stop for hop in back.hops)
    return back.end is End.WORLD


def ids_of(hops: Iterable[Hop], vpcs: Mapping[str, VpcWanted]) -> frozenset[str]:
    """Return the ids of everything that was met, the instances of interfaces among them."""
    owners = {one.id: one.instance_id for vpc in vpcs.values() for one in vpc.interfaces}
    found: set[str] = set()
    for hop in hops:
        found |= {hop.id, hop.vpc_id, hop.subnet_id, hop.interface_id}
        found.add(owners.get(hop.interface_id, ""))
    return frozenset(found - {""})


def _fits(wanted: PathFilter, packet: Packet | None) -> bool:
    if packet is None:
        return False
    return (
        wanted.source_address in ("", str(packet.source))
        and wanted.destination_address in ("", str(packet.destination))
        and _is_in(packet.source_port, wanted.source_ports)
        and _is_in(packet.destination_port, wanted.destination_ports)
    )


def _is_in(port: int, wanted: Ports | None) -> bool:
    return wanted is None or wanted[0] <= port <= wanted[1]


# Which packets are tried


def _questions(vpcs: Mapping[str, VpcWanted], wish: Wish) -> Iterator[tuple[Packet, str]]:
    """Yield the packets that the wish may mean, each with the interface that sends it."""
    edges = sorted({edge for vpc in vpcs.values() for edge in port_edges(vpc)})
    at_source, at_end = wish.at_source, wish.at_destination
    ports = _choices(at_source.destination_ports or at_end.destination_ports, edges)
    if wish.destination and wish.destination.kind is PlaceKind.ENDPOINT:
        wanted = at_source.destination_ports or ANY_PORT
        ports = [port for port in hosts.SERVICE_PORTS if _is_in(port, wanted)] or ports
    sources = _choices(at_source.source_ports, edges, first=EPHEMERAL_PORT)
    for sender, source in _senders(vpcs, wish):
        for destination in _destinations(vpcs, wish):
            if destination == source:
                continue
            for port, from_port in itertools.product(ports, sources):
                made = Packet(
                    source=source,
                    destination=destination,
                    protocol=wish.protocol,
                    source_port=from_port,
                    destination_port=port,
                )
                yield made, sender


def _senders(vpcs: Mapping[str, VpcWanted], wish: Wish) -> Iterator[tuple[str, Address]]:
    """Yield who may send, and from which address."""
    asked = wish.at_source.source_address
    if wish.source.kind is not PlaceKind.INTERFACE:
        for address in [ip_address(asked)] if asked else _of_place(vpcs, wish.source):
            yield "", address
        return
    for vpc in vpcs.values():
        for one in vpc.interfaces:
            if one.id in wish.source.interface_ids:
                own = (one.private_ip, *(more.private_ip for more in one.secondary))
                for text in [asked] if asked else own:
                    yield one.id, ip_address(text)


def _destinations(vpcs: Mapping[str, VpcWanted], wish: Wish) -> Iterable[Address]:
    asked = wish.at_source.destination_address
    if asked:
        return (ip_address(asked),)
    return _of_place(vpcs, wish.destination) if wish.destination else (SOMEBODY,)


def _of_place(vpcs: Mapping[str, VpcWanted], place: Place) -> Iterable[Address]:
    """Return the addresses of an end; for the world, one of each stretch that rules tell apart."""
    if place.kind is not PlaceKind.INTERNET:
        return place.addresses
    edges = {edge for vpc in vpcs.values() for edge in _address_edges(vpc)}
    return tuple(dict.fromkeys((*place.addresses, *sorted(edges))))[:WORLD_ADDRESSES_MAX]


def _address_edges(vpc: VpcWanted) -> Iterator[IPv4Address]:
    """Yield the addresses of the world at which a range of some rule begins, or is over."""
    cidrs = [rule.cidr for group in vpc.groups for rule in group.rules]
    cidrs += [entry.cidr for acl in vpc.acls for entry in acl.entries]
    cidrs += [route.cidr for table in vpc.route_tables for route in table.routes]
    for cidr in cidrs:
        if not cidr or ":" in cidr:
            continue
        network = IPv4Network(cidr, strict=False)
        for address in (int(network.network_address), int(network.broadcast_address) + 1):
            if 0 < address < 1 << 32 and _is_of_world(IPv4Address(address)):
                yield IPv4Address(address)


def _is_of_world(address: IPv4Address) -> bool:
    return not any(address in network for network in _NOT_THE_WORLD)


def port_edges(vpc: VpcWanted) -> Iterator[int]:
    """Yield the ports at which a rule or an entry begins, and those behind which one ends."""
    ranges = [
        (one.from_port, one.to_port)
        for group in vpc.groups
        for one in group.rules
        if one.protocol in ("tcp", "udp", "6", "17")
    ]
    ranges += [
        (one.from_port, one.to_port)
        for acl in vpc.acls
        for one in acl.entries
        if one.protocol in ("6", "17")
    ]
    for low, high in ranges:
        yield max(low, 1)
        yield min(high + 1, 65535) if high >= 0 else 1


def _choices(wanted: Ports | None, edges: Iterable[int], first: int = 0) -> list[int]:
    """Return a port of each stretch in which no rule makes a difference, a likely one first."""
    low, high = wanted or ANY_PORT
    inside = [port for port in edges if low <= port <= high]
    likely = [first] if first and low <= first <= high else []
    return list(dict.fromkeys((*likely, low, *inside)))
