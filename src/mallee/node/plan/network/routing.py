"""The routes of a VPC's namespace: each interface's addresses, and a kernel table per route table.

The *mark* of a subnet is the number that the firewall writes on each packet that comes from it;
policy rules lead from the mark to the subnet's table. A table says `throw` of the VPC's own ranges:
the search goes on in the main table, where each address is a route to its device, and the rest of
the ranges a `blackhole`, which makes proxy ARP silent about it. So a longer prefix in the table
wins over the VPC's own, and one route of the same range stands in its place, as on AWS; but inside
one subnet no table is asked. What comes in by the internet gateway has a mark and a table likewise.

Tables have numbers that follow from ids, so that a new one changes no other's; marks do so too
where the cloud gave a subnet no number. A mark is the same on all hosts, and goes from one to
another (`overlay`): what is on another host is a route by that host, which asks the same table.
What the namespace itself sends (its name server's questions) has a table of its own.
Called by `do/network`. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network

from mallee.model.hosts.hosts import InterfaceWanted, SubnetWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import BEFORE_LOCAL, RouteTableWanted, RouteWanted, Way
from mallee.node.plan.network import endpoints, links, network, overlay, shaping, speakers, transit
from mallee.node.plan.network.links import Address, PolicyRule, Route, Seen, Veth, Wiring

_OWN_TABLE = 900
_FIRST_NUMBER = 1000
_NUMBERS = 1 << 29
"""How many numbers there are for tables."""
_FIRST_UNTOLD, _UNTOLD = 0xF000, 0x0FFF
"""Marks of subnets to which the cloud gave no number; no mark is longer than a packet takes along,
and the bits above are `groups`'."""
_INSIDE_PRIORITY = 1000
_TABLE_PRIORITY = 2000
_OWN_PRIORITY = 40000
"""Behind the main table (32766), which has all that is inside."""
_PEER_ENDS6 = ("fe80::1", "fe80::2")
"""On every link of a peering: what is link-local is so on each link for itself."""
_EVERYTHING, _EVERYTHING6 = "0.0.0.0/0", "::/0"
_OURS = (network.NATS, network.PEERS, network.LIMITERS, network.PROBES, overlay.DEVICE)
"""Kinds of devices that go when nobody wants them."""

_TO_THE_WORLD = RouteTableWanted(
    "", (RouteWanted(_EVERYTHING, Way.INTERNET), RouteWanted(_EVERYTHING6, Way.INTERNET))
)
"""The table of subnets that name none."""


def marks(vpc: VpcWanted) -> dict[str, int]:
    """The mark of each subnet by id."""
    told = {one.id: _FIRST_NUMBER + one.number for one in vpc.subnets if one.number}
    untold = _numbers((one.id for one in vpc.subnets if not one.number), _FIRST_UNTOLD, _UNTOLD)
    return told | untold


def _numbers(
    ids: Iterable[str], first: int = _FIRST_NUMBER, count: int = _NUMBERS
) -> dict[str, int]:
    """A number for each id, chosen by its random part."""
    numbers: dict[str, int] = {}
    for id in sorted(ids):
        number = int(id.rpartition("-")[2][-8:] or "0", 16) % count
        while number in numbers.values():
            number = (number + 1) % count
        numbers[id] = number
    return {id: first + number for id, number in numbers.items()}


@dataclass(frozen=True, slots=True)
class Near:
    """What else there is, that a VPC's namespace can lead to."""

    carried: frozenset[str] = frozenset()
    """The ids of the VPCs and transit gateways that this host carries."""
    hosts: tuple[overlay.FarHost, ...] = ()
    """The other hosts that the VPC leads to, where its device stands."""
    mtu: int | None = None
    """How long packets between hosts may be, where any VPC's do: so long are those to other VPCs,
    for the sender must be told before they are among others' addresses."""


def vpc_wiring(layout: Layout, vpc: VpcWanted, seen: Seen, near: Near) -> Wiring:
    """A VPC: its services on loopback, the way to the edge, and all devices that are there."""
    carried, ways = near.carried, _Far.of(vpc, near.hosts)
    plugged = [one for one in vpc.interfaces if layout.tap(one.id) in seen.indices]
    gateways = {one.id: layout.nat_link(one.interface_id) for one in vpc.nat_gateways}
    beyond = {**_peer_links(layout, vpc, carried), **_transit_links(layout, vpc, carried)}
    asides = sorted(shaping.aside(layout, vpc).values())
    limiters = tuple(device for device in asides if device in seen.indices)
    wiring = Wiring(
        veths=(
            Veth(network.EDGE, network.link_name(vpc), layout.edge_namespace),
            *(
                Veth(gateways[one.id], "eth0", layout.nat_namespace(one.id), one.mac)
                for one in vpc.nat_gateways
            ),
            *(endpoints.link(layout, one) for one in vpc.endpoints),
            *(Veth(link, link, end.namespace) for link, end in beyond.items()),
        ),
        devices=(
            "lo",
            network.EDGE,
            *(layout.tap(interface.id) for interface in plugged),
            *sorted(gateways.values()),
            *(layout.nat_link(one.interface_id) for one in vpc.endpoints),
            *beyond,
            *limiters,
            *ways.devices,
        ),
        addresses=(*_addresses(layout, vpc, plugged, beyond), *ways.addresses),
        routes=(
            *_local_routes(layout, vpc, plugged),
            *ways.routes(vpc),
            *_table_routes(vpc, dict(_hops(layout, vpc, plugged, beyond)) | ways.targets(vpc)),
        ),
        rules=tuple(_rules(vpc)),
        mtus=() if near.mtu is None else tuple((link, near.mtu) for link in beyond),
        is_whole=True,
        kinds=tuple(kind.rstrip("*") for kind in _OURS),
    )
    return wiring if vpc.ipv6_cidrs else links.without_ipv6(wiring)


@dataclass(frozen=True, slots=True)
class _End:
    """A link to another network: where its other end is, both ends' addresses, and which routes
    lead to it."""

    namespace: str
    own: tuple[str, str]
    """Of IPv4 and of IPv6."""
    other: tuple[str, str]
    target: tuple[Way, str]


_Beyond = Mapping[str, _End]
"""The links to other networks, by name."""


def _peer_links(layout: Layout, vpc: VpcWanted, carried: frozenset[str]) -> dict[str, _End]:
    ends: dict[str, _End] = {}
    for one in vpc.peerings:
        if one.peer_vpc_id in carried:
            side = int(vpc.id > one.peer_vpc_id)
            ends[layout.peer_link(one.id)] = _End(
                layout.vpc_namespace(one.peer_vpc_id),
                (str(network.vpc_end(vpc)), _PEER_ENDS6[side]),
                (str(network.end_of(one.peer_link_index)), _PEER_ENDS6[1 - side]),
                (Way.PEERING, one.id),
            )
    return ends


def _transit_links(layout: Layout, vpc: VpcWanted, carried: frozenset[str]) -> dict[str, _End]:
    own, other = transit.VPC_SIDE, 1 - transit.VPC_SIDE
    return {
        layout.transit_link(one.id): _End(
            layout.transit_namespace(one.gateway_id),
            (transit.ENDS[own], transit.ENDS6[own]),
            (transit.ENDS[other], transit.ENDS6[other]),
            (Way.TRANSIT, one.gateway_id),
        )
        for one in vpc.attachments
        if one.gateway_id in carried
    }


def _addresses(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted], beyond: _Beyond
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
    for link, end in beyond.items():
        yield Address(link, f"{end.own[0]}/32")
        if vpc.ipv6_cidrs:
            yield Address(link, f"{end.own[1]}/64")
    if vpc.ipv6_cidrs:
        yield Address("lo", "::1/128")
        yield Address("lo", f"{network.DNS_ADDRESS6}/128")
        yield Address("lo", f"{network.METADATA_ADDRESS6}/128")
        yield Address(network.EDGE, f"{network.VPC_END6}/64")


def _gateway_cidrs(subnet: SubnetWanted) -> Iterator[str]:
    """The router's addresses on a device of the subnet: DHCP finds the subnet by them too."""
    yield f"{network.gateway(subnet)}/{ip_network(subnet.cidr).prefixlen}"
    if subnet.ipv6_cidr:
        yield f"{network.ROUTER6}/64"
        yield f"{ip_network(subnet.ipv6_cidr)[1]}/64"


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
    used |= {vpc.gateway_table_id} if vpc.gateway_table_id else set()
    return {id: known.get(id, RouteTableWanted(id)) if id else _TO_THE_WORLD for id in sorted(used)}


def tables_of(vpc: VpcWanted) -> Iterator[tuple[SubnetWanted, RouteTableWanted]]:
    """Yield each subnet with the table that is asked for what it sends."""
    tables = _tables(vpc)
    yield from ((subnet, tables[subnet.route_table_id]) for subnet in vpc.subnets)


def _table_routes(vpc: VpcWanted, hops: "Mapping[Target, tuple[str, str]]") -> Iterator[Route]:
    tables, inside = _tables(vpc), _ranges(vpc)
    numbers = _numbers(tables)
    for id, table in tables.items():
        number = numbers[id]
        routes = {
            cidr: one
            for one in table.routes
            if (cidr := str(ip_network(one.cidr))) not in inside or one.way in BEFORE_LOCAL
        }
        for cidr in inside:
            if cidr not in routes:
                yield Route(cidr, "throw", table=number)
        for everything in (_EVERYTHING, _EVERYTHING6):
            if everything not in routes:
                yield Route(everything, "blackhole", table=number)
        for destination, wanted in routes.items():
            hop = hops.get((wanted.way, wanted.target_id, ":" in destination))
            if hop is None:
                yield Route(destination, "blackhole", table=number)
            else:
                yield Route(destination, device=hop[0], via=hop[1], table=number)


Target = tuple[Way, str, bool]
"""What a route leads to: kind, id, and whether over IPv6."""


def _hops(
    layout: Layout, vpc: VpcWanted, plugged: list[InterfaceWanted], beyond: _Beyond
) -> Iterator[tuple[Target, tuple[str, str]]]:
    """Device and next hop of every target that can carry packets now."""
    targets = {(one.way, one.target_id) for table in _tables(vpc).values() for one in table.routes}
    for way, id in targets:
        if vpc.gateway_host_id:
            continue
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
    for link, end in beyond.items():
        for is_ipv6 in (False, True):
            yield (*end.target, is_ipv6), (link, end.other[is_ipv6])


@dataclass(frozen=True, slots=True)
class _Far:
    """The ways to other hosts: one for each, by the VPC's device between hosts."""

    hosts: Mapping[str, overlay.FarHost]
    """By id of the host."""
    addresses: tuple[Address, ...] = ()

    @classmethod
    def of(cls, vpc: VpcWanted, hosts: tuple[overlay.FarHost, ...]) -> "_Far":
        """Return those of a VPC."""
        addresses = (Address(overlay.DEVICE, f"{network.VPC_END6}/64"),) if vpc.ipv6_cidrs else ()
        return cls({one.host_id: one for one in hosts}, addresses if hosts else ())

    @property
    def devices(self) -> tuple[str, ...]:
        return (overlay.DEVICE,) if self.hosts else ()

    def routes(self, vpc: VpcWanted) -> Iterator[Route]:
        """Yield a route for each address that another host has."""
        if self.hosts:
            yield Route(overlay.NEXT_HOPS, device=overlay.DEVICE)
        for host_id, one in overlay.interfaces(vpc):
            host = self.hosts.get(host_id)
            if host is not None:
                for ips, width, via in ((one.ips, "/32", host.ip), (one.ip6s, "/128", host.ip6)):
                    for ip in ips:
                        to = str(ip_network(ip)) if "/" in ip else f"{ip}{width}"
                        yield Route(to, device=overlay.DEVICE, via=via)

    def targets(self, vpc: VpcWanted) -> "dict[Target, tuple[str, str]]":
        """Return the host behind which each target of a table stands, if not on this one."""
        asked = {(one.way, one.target_id) for it in _tables(vpc).values() for one in it.routes}
        there = {one.id: (host_id, one) for host_id, one in overlay.interfaces(vpc)}
        gateway, found = self.hosts.get(vpc.gateway_host_id), dict[Target, tuple[str, str]]()
        for way, id in asked:
            is_gateway = way is Way.EGRESS_ONLY or (
                way is Way.INTERNET and vpc.has_internet_gateway
            )
            host = gateway if is_gateway else None
            if way in (Way.NAT, Way.INTERFACE) and id in there:
                host_id, one = there[id]
                # A packet for somebody else never passes an interface that checks.
                host = None if one.source_dest_check else self.hosts.get(host_id)
            if host is not None:
                found[way, id, False] = overlay.DEVICE, host.ip
                found[way, id, True] = overlay.DEVICE, host.ip6
        return found


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
    if vpc.gateway_table_id:
        edge = PolicyRule(_TABLE_PRIORITY, numbers[vpc.gateway_table_id], mark=speakers.EDGE_MARK)
        yield edge
        yield replace(edge, is_ipv6=True)
    yield PolicyRule(_OWN_PRIORITY, _OWN_TABLE, device="lo")


def _is_diverted(vpc: VpcWanted, cidr: str, table: RouteTableWanted) -> bool:
    """Whether a table has a route that would lead packets within this subnet elsewhere."""
    ranges = [ip_network(one) for one in _ranges(vpc)]
    routes = [ip_network(one.cidr) for one in table.routes]
    longer = [
        route
        for route in routes
        if any(route.prefixlen >= one.prefixlen and one.overlaps(route) for one in ranges)
    ]
    return any(route.overlaps(ip_network(cidr)) for route in longer)
