"""The routes of a VPC's namespace: each interface's addresses, and a kernel table per route table.

The *mark* of a subnet is the number that the firewall writes on each packet that comes from it;
policy rules lead from the mark to the subnet's table. A table says `throw` of the VPC's own ranges:
the search goes on in the main table, where each address is a route to its device, and the rest of
the ranges a `blackhole`, which makes proxy ARP silent about it. So a longer prefix in the table
wins over the VPC's own, as on AWS; but inside one subnet no table is asked.

Marks and tables have numbers that follow from ids, so that a new subnet changes no other's.
What the namespace itself sends (its name server's questions) has a table of its own.
Called by `do/network`. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_network

from mallee.model.carried import RouteTableWanted, RouteWanted, Way
from mallee.model.hosts import InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.node.plan import endpoints, links, network, shaping
from mallee.node.plan.links import Address, PolicyRule, Route, Seen, Veth, Wiring

_OWN_TABLE = 900
_FIRST_NUMBER = 1000
_NUMBERS = 1 << 29
"""How many numbers there are for subnets and for tables; the bits above are `groups`'."""
_INSIDE_PRIORITY = 1000
_TABLE_PRIORITY = 2000
_OWN_PRIORITY = 40000
"""Behind the main table (32766), which has all that is inside."""
_PEER_ENDS = ("169.254.200.0", "169.254.200.1")
"""On every link of a peering: such links are no network, so all may have the same."""
_PEER_ENDS6 = ("fe80::1", "fe80::2")
_EVERYTHING, _EVERYTHING6 = "0.0.0.0/0", "::/0"

_TO_THE_WORLD = RouteTableWanted(
    "", (RouteWanted(_EVERYTHING, Way.INTERNET), RouteWanted(_EVERYTHING6, Way.INTERNET))
)
"""The table of subnets that name none."""


def marks(vpc: VpcWanted) -> dict[str, int]:
    """The mark of each subnet by id."""
    return _numbers(subnet.id for subnet in vpc.subnets)


def _numbers(ids: Iterable[str]) -> dict[str, int]:
    """A number for each id, chosen by its random part."""
    numbers: dict[str, int] = {}
    for id in sorted(ids):
        number = int(id.rpartition("-")[2][-8:] or "0", 16) % _NUMBERS
        while number in numbers.values():
            number = (number + 1) % _NUMBERS
        numbers[id] = number
    return {id: _FIRST_NUMBER + number for id, number in numbers.items()}


def vpc_wiring(layout: Layout, vpc: VpcWanted, seen: Seen, peers: frozenset[str]) -> Wiring:
    """A VPC: its services on loopback, the way to the edge, and all devices that are there.

    `peers` are the ids of the VPCs that this host carries.
    """
    plugged = [one for one in vpc.interfaces if layout.tap(one.id) in seen.indices]
    gateways = {one.id: layout.nat_link(one.interface_id) for one in vpc.nat_gateways}
    peerings = [one for one in vpc.peerings if one.peer_vpc_id in peers]
    asides = sorted(shaping.aside(layout, vpc).values())
    limiters = tuple(device for device in asides if device in seen.indices)
    peer_links = tuple(layout.peer_link(one.id) for one in peerings)
    wiring = Wiring(
        veths=(
            Veth(network.EDGE, network.link_name(vpc), layout.edge_namespace),
            *(
                Veth(gateways[one.id], "eth0", layout.nat_namespace(one.id), one.mac)
                for one in vpc.nat_gateways
            ),
            *(endpoints.link(layout, one) for one in vpc.endpoints),
            *(
                Veth(link, link, layout.vpc_namespace(one.peer_vpc_id))
                for one, link in zip(peerings, peer_links, strict=True)
            ),
        ),
        devices=(
            "lo",
            network.EDGE,
            *(layout.tap(interface.id) for interface in plugged),
            *sorted(gateways.values()),
            *(layout.nat_link(one.interface_id) for one in vpc.endpoints),
            *peer_links,
            *limiters,
        ),
        addresses=tuple(_addresses(layout, vpc, plugged, peer_links)),
        routes=(*_local_routes(layout, vpc, plugged), *_table_routes(layout, vpc, plugged, peers)),
        rules=tuple(_rules(vpc)),
        is_whole=True,
        kinds=tuple(kind.rstrip("*") for kind in (network.NATS, network.PEERS, network.LIMITERS)),
    )
    return wiring if vpc.ipv6_cidrs else links.without_ipv6(wiring)


def _addresses(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted], peer_links: Iterable[str]
) -> Iterator[Address]:
    services = (network.METADATA_ADDRESS, network.DNS_ADDRESS, str(network.name_server(vpc)))
    yield Address("lo", "127.0.0.1/8")
    yield from (Address("lo", f"{service}/32") for service in services)
    yield Address(network.EDGE, f"{network.vpc_end(vpc)}/31")
    ports = [(layout.tap(one.id), one.id, one.subnet_id) for one in plugged]
    ports += [
        (layout.nat_link(one.interface_id), one.id, one.subnet_id)
        for one in (*vpc.nat_gateways, *vpc.endpoints)
    ]
    gateways = {subnet.id: tuple(_gateway_cidrs(subnet)) for subnet in vpc.subnets}
    for device, id, subnet_id in ports:
        if subnet_id not in gateways:
            raise ValueError(f"{id} is in {subnet_id}, which {vpc.id} has not")
        yield from (Address(device, cidr) for cidr in gateways[subnet_id])
    for link in peer_links:
        yield Address(link, f"{_PEER_ENDS[_side(vpc, layout, link)]}/32")
        if vpc.ipv6_cidrs:
            yield Address(link, f"{_PEER_ENDS6[_side(vpc, layout, link)]}/64")
    if vpc.ipv6_cidrs:
        yield Address("lo", "::1/128")
        yield Address("lo", f"{network.DNS_ADDRESS6}/128")
        yield Address(network.EDGE, f"{network.VPC_END6}/64")


def _gateway_cidrs(subnet: SubnetWanted) -> Iterator[str]:
    """The router's addresses on a device of the subnet: DHCP finds the subnet by them too."""
    yield f"{network.gateway(subnet)}/{ip_network(subnet.cidr).prefixlen}"
    if subnet.ipv6_cidr:
        yield f"{network.ROUTER6}/64"
        yield f"{ip_network(subnet.ipv6_cidr)[1]}/64"


def _side(vpc: VpcWanted, layout: Layout, link: str) -> int:
    """Which end of a peering's link is this VPC's: 0 or 1."""
    peer = next(one.peer_vpc_id for one in vpc.peerings if layout.peer_link(one.id) == link)
    return int(vpc.id > peer)


def _local_routes(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted]
) -> Iterator[Route]:
    """The main table: what is inside the VPC, and nothing else."""
    for cidr in _ranges(vpc):
        yield Route(cidr, "blackhole")
    yield Route(f"{network.edge_end(vpc)}/31", device=network.EDGE)
    for one in plugged:
        tap = layout.tap(one.id)
        ips = (one.private_ip, *(more.private_ip for more in one.secondary))
        yield from (Route(f"{ip}/32", device=tap) for ip in ips)
        yield from (Route(f"{ip}/128", device=tap) for ip in one.ipv6s)
        for prefix in one.prefixes:
            # Whom inside the guest a prefix is for, is the guest's to know.
            yield Route(str(ip_network(prefix)), device=tap)
    for gateway in vpc.nat_gateways:
        device = layout.nat_link(gateway.interface_id)
        yield from (Route(f"{one.private_ip}/32", device=device) for one in gateway.addresses)
    for one in vpc.endpoints:
        device = layout.nat_link(one.interface_id)
        yield Route(f"{one.private_ip}/32", device=device)
        yield from (Route(f"{ip}/128", device=device) for ip in one.ipv6s)
    yield Route(_EVERYTHING, device=network.EDGE, via=str(network.edge_end(vpc)), table=_OWN_TABLE)


def _ranges(vpc: VpcWanted) -> list[str]:
    return [str(ip_network(cidr)) for cidr in (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)]


def _tables(vpc: VpcWanted) -> dict[str, RouteTableWanted]:
    """The tables that the subnets use, by id."""
    known = {table.id: table for table in vpc.route_tables}
    used = {subnet.route_table_id for subnet in vpc.subnets}
    return {id: known.get(id, RouteTableWanted(id)) if id else _TO_THE_WORLD for id in sorted(used)}


def _table_routes(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted], peers: frozenset[str]
) -> Iterator[Route]:
    tables, inside = _tables(vpc), _ranges(vpc)
    numbers = _numbers(tables)
    hops = dict(_hops(layout, vpc, plugged, peers))
    for id, table in tables.items():
        number = numbers[id]
        routes = {str(ip_network(one.cidr)): one for one in table.routes}
        for cidr in inside:
            yield Route(cidr, "throw", table=number)
        for everything in (_EVERYTHING, _EVERYTHING6):
            if everything not in routes:
                yield Route(everything, "blackhole", table=number)
        for destination, wanted in routes.items():
            if destination in inside:
                continue
            hop = hops.get((wanted.way, wanted.target_id, ":" in destination))
            if hop is None:
                yield Route(destination, "blackhole", table=number)
            else:
                yield Route(destination, device=hop[0], via=hop[1], table=number)


Target = tuple[Way, str, bool]
"""What a route leads to: kind, id, and whether over IPv6."""


def _hops(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted], peers: frozenset[str]
) -> Iterator[tuple[Target, tuple[str, str]]]:
    """Device and next hop of every target that can carry packets now."""
    targets = {(one.way, one.target_id) for table in _tables(vpc).values() for one in table.routes}
    for way, id in targets:
        if way is Way.INTERNET and vpc.has_internet_gateway:
            yield (way, id, False), (network.EDGE, str(network.edge_end(vpc)))
        if way is Way.EGRESS_ONLY or (way is Way.INTERNET and vpc.has_internet_gateway):
            yield (way, id, True), (network.EDGE, network.ROUTER6)
    for one in vpc.nat_gateways:
        device = layout.nat_link(one.interface_id)
        yield (Way.NAT, one.id, False), (device, one.addresses[0].private_ip)
    for one in plugged:
        # A packet for somebody else never passes an interface that checks.
        if not one.source_dest_check:
            yield (Way.INTERFACE, one.id, False), (layout.tap(one.id), one.private_ip)
            if one.ipv6s:
                yield (Way.INTERFACE, one.id, True), (layout.tap(one.id), one.ipv6s[0])
    for one in vpc.peerings:
        if one.peer_vpc_id in peers:
            link = layout.peer_link(one.id)
            other = 1 - _side(vpc, layout, link)
            yield (Way.PEERING, one.id, False), (link, _PEER_ENDS[other])
            yield (Way.PEERING, one.id, True), (link, _PEER_ENDS6[other])


def _rules(vpc: VpcWanted) -> Iterator[PolicyRule]:
    """From the mark of each subnet to its table; what we send ourselves goes our way."""
    tables = _tables(vpc)
    numbers, of_subnet = _numbers(tables), marks(vpc)
    for subnet in sorted(vpc.subnets, key=lambda one: one.id):
        mark = of_subnet[subnet.id]
        for cidr in filter(None, (subnet.cidr, subnet.ipv6_cidr)):
            if _is_diverted(vpc, cidr, tables[subnet.route_table_id]):
                inside = PolicyRule(_INSIDE_PRIORITY, links.MAIN_TABLE, ":" in cidr, mark)
                yield replace(inside, destination=str(ip_network(cidr)))
        own = PolicyRule(_TABLE_PRIORITY, numbers[subnet.route_table_id], mark=mark)
        yield own
        yield replace(own, is_ipv6=True)
    yield PolicyRule(_OWN_PRIORITY, _OWN_TABLE, device="lo")


def _is_diverted(vpc: VpcWanted, cidr: str, table: RouteTableWanted) -> bool:
    """Whether a table has a route that would lead packets within this subnet elsewhere."""
    ranges = [ip_network(one) for one in _ranges(vpc)]
    routes = [ip_network(one.cidr) for one in table.routes]
    longer = [
        route
        for route in routes
        if any(route.prefixlen > one.prefixlen and one.overlaps(route) for one in ranges)
    ]
    return any(route.overlaps(ip_network(cidr)) for route in longer)
