"""Finds every way that an access scope means: between all ends of an account, for all packets.

Each pair of ends that the scope's statements allow is asked about like a path, once for tcp and
once for udp; a way that an exclusion means is none, and another packet is tried. Called by
`scopeanalyses` in a thread of its own. Pure.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

from mallee.cloud.ec2.insights import reach
from mallee.cloud.ec2.insights.ends import Place, PlaceKind, name_of
from mallee.cloud.ec2.insights.reach import Found, Wish
from mallee.model import ids
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import TransitGatewayWanted
from mallee.model.network.insights import PathFilter, ResourceStatement, ScopeEnd, ScopePath
from mallee.model.packets.hops import TCP, UDP, Packet, Trace
from mallee.model.packets.packettransit import Gateways

PAIRS_MAX = 1000
"""Of ends that one analysis looks at; more are left out, and said to be."""
_TRIES_MAX = 256
_PROTOCOLS = {"tcp": TCP, "udp": UDP}

TYPES: Mapping[str, frozenset[str]] = {
    "AWS::EC2::Instance": frozenset({"i"}),
    "AWS::EC2::InternetGateway": frozenset({"igw"}),
    "AWS::EC2::EgressOnlyInternetGateway": frozenset({"eigw"}),
    "AWS::EC2::NatGateway": frozenset({"nat"}),
    "AWS::EC2::NetworkAcl": frozenset({"acl"}),
    "AWS::EC2::NetworkInterface": frozenset({"eni"}),
    "AWS::EC2::RouteTable": frozenset({"rtb"}),
    "AWS::EC2::SecurityGroup": frozenset({"sg"}),
    "AWS::EC2::Subnet": frozenset({"subnet"}),
    "AWS::EC2::TransitGateway": frozenset({"tgw"}),
    "AWS::EC2::VPC": frozenset({"vpc"}),
    "AWS::EC2::VPCEndpoint": frozenset({"vpce"}),
    "AWS::EC2::VPCPeeringConnection": frozenset({"pcx"}),
}
"""By type of a thing: how its ids begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Everything that an analysis looks at."""

    vpcs: Mapping[str, VpcWanted]
    places: tuple[Place, ...]
    ranges: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of the prefix lists that the scope names."""
    gateways: Mapping[str, str] = field(default_factory=dict[str, str])
    """The internet gateway of each VPC."""
    transit: Gateways = field(default_factory=dict[str, TransitGatewayWanted])
    """The transit gateways by which packets may go."""


def find_all(
    ground: Ground, match: Iterable[ScopePath], exclude: tuple[ScopePath, ...]
) -> tuple[list[Found], bool]:
    """Return the ways that are meant, and whether pairs were left out."""
    found: list[Found] = []
    pairs = [(path, *pair) for path in match for pair in _pairs(ground, path)]
    for path, source, destination in pairs[:PAIRS_MAX]:
        for protocol in _protocols(path):
            wish = _wish(ground, path, exclude, (source, destination, protocol))
            way = reach.find(ground.vpcs, wish) if wish else None
            if way is not None and way.is_reached and way.forward not in _ways(found):
                found.append(way)
    return found, len(pairs) > PAIRS_MAX


def _ways(found: Iterable[Found]) -> Iterator[Trace]:
    return (one.forward for one in found)


def _pairs(ground: Ground, path: ScopePath) -> Iterator[tuple[Place, Place]]:
    sources = [one for one in ground.places if _is_meant(ground, path.source, one)]
    ends = [one for one in ground.places if _is_meant(ground, path.destination, one)]
    for source, end in itertools.product(sources, ends):
        # A packet neither begins in a service, nor goes through the cloud from world to world.
        is_through = source.kind is not PlaceKind.INTERFACE and end.kind is not PlaceKind.INTERFACE
        if source.id != end.id and source.kind is not PlaceKind.ENDPOINT and not is_through:
            yield source, end


def _is_meant(ground: Ground, end: ScopeEnd | None, place: Place) -> bool:
    if end is None or end.resource is None:
        return True
    return _names(end.resource, _identities(ground, place))


def _identities(ground: Ground, place: Place) -> frozenset[str]:
    """Return the ids by which a place may be named: its own, and those that it stands in."""
    found = {place.id, place.vpc_id, *place.interface_ids}
    vpc = ground.vpcs.get(place.vpc_id)
    for one in vpc.interfaces if vpc else ():
        if one.id in place.interface_ids:
            found |= {one.instance_id, one.subnet_id, *one.group_ids}
    return frozenset(found - {""})


def _names(statement: ResourceStatement, met: frozenset[str]) -> bool:
    if statement.resources and met.isdisjoint(map(name_of, statement.resources)):
        return False
    prefixes = {prefix for one in statement.types for prefix in TYPES[one]}
    return not prefixes or any(ids.prefix_of(id) in prefixes for id in met)


def _protocols(path: ScopePath) -> list[int]:
    said = {one for end in (path.source, path.destination) if end for one in end.protocols}
    return [number for name, number in _PROTOCOLS.items() if not said or name in said]


def _wish(
    ground: Ground,
    path: ScopePath,
    exclude: tuple[ScopePath, ...],
    ends: tuple[Place, Place, int],
) -> Wish | None:
    source, destination, protocol = ends

    def accepts(found: Trace) -> bool:
        met = _met(ground, found, source, destination)
        is_it = _fits(ground, path, found, met)
        return is_it and not any(
            _is_meant(ground, one.source, source)
            and _is_meant(ground, one.destination, destination)
            and _fits(ground, one, found, met)
            for one in exclude
        )

    return Wish(
        protocol=protocol,
        source=_narrowed(ground, source, path.source, is_source=True),
        destination=_narrowed(ground, destination, path.source, is_source=False),
        at_source=PathFilter(),
        at_destination=PathFilter(),
        accepts=accepts,
        tries_max=_TRIES_MAX,
        transit=ground.transit,
    )


def _narrowed(ground: Ground, place: Place, end: ScopeEnd | None, *, is_source: bool) -> Place:
    """Return the place of the world as asked about: with an address of each range that is named."""
    if end is None or place.kind is not PlaceKind.INTERNET:
        return place
    asked = _ranges(ground, end, is_source=is_source)
    first = tuple(ip_network(cidr, strict=False)[0] for cidr in asked if ":" not in cidr)
    return Place(
        kind=place.kind,
        id=place.id,
        vpc_id=place.vpc_id,
        addresses=(*first, *place.addresses),
    )


def _met(ground: Ground, found: Trace, source: Place, destination: Place) -> frozenset[str]:
    gateways = {ground.gateways.get(hop.vpc_id, "") for hop in found.hops if hop.kind.is_gateway}
    ends = {source.id, destination.id}
    return reach.ids_of(found.hops, ground.vpcs) | gateways | ends


def _fits(ground: Ground, path: ScopePath, found: Trace, met: frozenset[str]) -> bool:
    """Tell whether a way is what a scope's path says of packets and of what is passed."""
    first, last = (found.hops[0].packet if found.hops else found.packet), found.packet
    return (
        _looks_so(ground, path.source, first)
        and _looks_so(ground, path.destination, last)
        and all(_names(one, met) for one in path.through)
    )


def _looks_so(ground: Ground, end: ScopeEnd | None, packet: Packet | None) -> bool:
    if end is None or packet is None:
        return True
    sources = _ranges(ground, end, is_source=True)
    destinations = _ranges(ground, end, is_source=False)
    said = {_PROTOCOLS[name] for name in end.protocols}
    return (
        (not sources or any(packet.source in ip_network(one, strict=False) for one in sources))
        and (
            not destinations
            or any(packet.destination in ip_network(one, strict=False) for one in destinations)
        )
        and _is_port(packet.source_port, end.source_ports)
        and _is_port(packet.destination_port, end.destination_ports)
        and (not said or packet.protocol in said)
    )


def _ranges(ground: Ground, end: ScopeEnd, *, is_source: bool) -> tuple[str, ...]:
    lists = end.source_lists if is_source else end.destination_lists
    listed = tuple(cidr for id in lists for cidr in ground.ranges.get(id, ()))
    return (*(end.sources if is_source else end.destinations), *listed)


def _is_port(port: int, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(low <= port <= high for low, high in map(read_ports, wanted))


def read_ports(text: str) -> tuple[int, int]:
    """Return the ports that a text means: `22`, `1000-2000`; raise `ValueError` otherwise."""
    low, _, high = text.partition("-")
    found = int(low), int(high or low)
    if not 0 <= found[0] <= found[1] <= 65535:
        raise ValueError(text)
    return found
