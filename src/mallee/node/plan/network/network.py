"""The shape of a host's network: which namespace has which links, addresses and routes.

    host ---- ml-TAG/host ---- edge ---- mvN/edge ---- VPC N ---- taps of its guests

*Link space* is where the addresses of our own links come from: link-local (169.254.0.0/16), since
no router forwards it, AWS forbids it as a VPC's range, and it needs no setting. VPC links take /31s
from 169.254.1.0 to 169.254.127.255 by `link_index`, transit gateways an address each from
169.254.192.0/20, the host's link a /30 from 169.254.252.0/22
that nothing on the host uses yet. Services that guests know keep 169.254.169.x.

Called by `do/network`; the comparison with what stands is `links`' business, filtering and NAT are
`firewall`'s. Pure.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Network

from mallee.model.hosts import hosts
from mallee.model.hosts.hosts import HostWanted, SubnetWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.carried import AddressWanted
from mallee.node.plan.network import links, overlay
from mallee.node.plan.network.links import Address, Route, Seen, Veth, Wiring

METADATA_ADDRESS = hosts.GUESTS_ADDRESS
METADATA_PORT = 80
API_PORT = hosts.GUESTS_API_PORT
"""At the same address: the cloud's API, for guests."""
SERVICE_PORTS = hosts.SERVICE_PORTS
"""Where a gateway endpoint takes requests to the services: all are the API's."""
DNS_ADDRESS = "169.254.169.253"
METADATA_ADDRESS6 = "fd00:ec2::254"
"""AWS's address of the metadata service over IPv6, for instances that ask for it."""
DNS_ADDRESS6 = "fd00:ec2::253"
"""AWS's address of a VPC's name server over IPv6."""
ROUTER6 = "fe80::1"
"""The router on every tap, and the edge on every VPC's link."""
VPC_END6 = "fe80::2"
"""A VPC on its link to the edge."""
HOST_END6, EDGE_END6 = "fe80::1", "fe80::2"
"""The host and the edge on the link between them."""
EDGE = "edge"
"""The end of a VPC's link inside the VPC's namespace."""
TAPS, NATS, PEERS, LIMITERS = "mt*", "mg*", "mp*", "mi*"
"""Devices of a VPC's namespace by kind: of guests, of NAT gateways and endpoints, of peering
connections, and those that limit how fast guests send."""
TRANSITS = "mpx*"
"""Of `PEERS`, which lead to another network, those that lead to a transit gateway."""
PROBES = "mq*"
"""The pair of links by which a probe is sent; what is left of one goes with the next look."""
TABLE = "mallee"
"""The name of our nftables tables in our own namespaces."""
HOST = "host"
"""The end of the host's link inside the edge namespace."""

LINK_INDEX_MAX = 16255
TRANSIT_INDEX_MAX = 4095
_VPC_LINKS = IPv4Address("169.254.1.0")
_TRANSIT_ENDS = IPv4Address("169.254.192.0")
HOST_LINKS = IPv4Network("169.254.252.0/22")
"""Of which each host has one: the link between it and its edge."""
_EVERYTHING = "0.0.0.0/0"
_NARROWEST_WORLD = 8
"""Routes shorter than this lead to the world, not to a network that the host knows."""
_WORST_METRICS = 0xFE000000
"""Where the metrics of our blocking routes begin: nobody else's route is worse."""


@dataclass(frozen=True, slots=True)
class HostLink:
    """The addresses of the link between the host and the edge."""

    network: IPv4Network

    @property
    def host(self) -> IPv4Address:
        """The host's end."""
        return self.network[1]

    @property
    def edge(self) -> IPv4Address:
        """The edge's end."""
        return self.network[2]


@dataclass(frozen=True, slots=True)
class HostFound:
    """What of the host's own network bears on ours."""

    link: HostLink
    uplinks: tuple[str, ...]
    """Devices with a route to the world, sorted; none: the host has no world to share."""
    taken: dict[str, str]
    """Why the host keeps a range (of `HostWanted`) for itself, by range; such a range is left
    alone."""
    ipv6_range: IPv6Network | None = None
    """The cloud's range of IPv6, where it is led over our link; None: there is none to lead."""
    uplinks6: tuple[str, ...] = ()
    """Devices with a route to the world of IPv6, sorted."""
    near: tuple[str, ...] = ()
    """Networks on the uplink that a mode other than `vpc` names: guests reach them as the world."""
    outdated: tuple[Route, ...] = ()
    """Blocking routes of ranges that the cloud had before its settings were changed."""


def link_name(vpc: VpcWanted) -> str:
    """The end of a VPC's link inside the edge namespace."""
    return f"mv{vpc.link_index}"


def edge_end(vpc: VpcWanted) -> IPv4Address:
    """The address of the edge on the VPC's link."""
    if not 0 <= vpc.link_index <= LINK_INDEX_MAX:
        raise ValueError(f"{vpc.id}: link index {vpc.link_index} is not in 0..{LINK_INDEX_MAX}")
    return _VPC_LINKS + 2 * vpc.link_index


def vpc_end(vpc: VpcWanted) -> IPv4Address:
    """The address of the VPC's namespace on its link: what its own DNS queries come from."""
    return edge_end(vpc) + 1


def transit_end(link_index: int) -> IPv4Address:
    """The address of a transit gateway on its links to others."""
    if not 0 <= link_index <= TRANSIT_INDEX_MAX:
        raise ValueError(f"link index {link_index} is not in 0..{TRANSIT_INDEX_MAX}")
    return _TRANSIT_ENDS + link_index


def end_of(link_index: int) -> IPv4Address:
    """The same by the VPC's `link_index`."""
    return _VPC_LINKS + 2 * link_index + 1


def gateway(subnet: SubnetWanted) -> IPv4Address:
    """The address of the subnet's router, as on AWS: the second of its range."""
    return IPv4Network(subnet.cidr)[1]


def name_server(vpc: VpcWanted) -> IPv4Address:
    """The address of the VPC's DNS, as on AWS: the third of its range."""
    return IPv4Network(vpc.cidr)[2]


def blocking_metric(layout: Layout) -> int:
    """The metric of this cloud's blocking routes on the host: its own, so that two clouds on one
    host do not take each other's away."""
    return _WORST_METRICS + zlib.crc32(layout.tag.encode()) % 0x10000


def read_host(layout: Layout, wanted: HostWanted, seen: Seen) -> HostFound:
    """Choose the host's link and find what of the host's network is in our way."""
    foreign = [
        route
        for route in seen.routes
        if route.table == links.MAIN_TABLE
        and route.device != layout.host_link
        and route.metric < _WORST_METRICS
    ]
    uplinks = {route.device for route in foreign if _leads_to_the_world(route)}
    networks = {
        route.destination: f"a route by {route.device or route.kind}"
        for route in foreign
        if not _leads_to_the_world(route)
    } | {cidr: f"an address of {device}" for device, cidr in seen.addresses}
    spared = _lending(wanted, seen, foreign)
    taken: dict[str, str] = {}
    for what, ours in (("public", wanted.public_range), ("private", _private_range(wanted))):
        for cidr, whose in sorted(networks.items()):
            if what == "public" and cidr in spared:
                continue
            if IPv4Network(cidr, strict=False).overlaps(IPv4Network(ours)):
                taken[ours] = (
                    f"this host has {cidr} ({whose}), which overlaps the cloud's {what} range "
                    f"{ours}; choose another network.{what}_range in mallee.toml"
                )
    named = {wanted.mode.uplink} & seen.indices.keys() if wanted.mode else frozenset[str]()
    return replace(
        _read_host6(layout, wanted, seen),
        link=_choose_host_link(layout, seen),
        uplinks=tuple(sorted((uplinks | named) - {""})),
        taken=taken,
        near=tuple(
            sorted(
                str(IPv4Network(cidr, strict=False))
                for device, cidr in seen.addresses
                if device in named
            )
        ),
        outdated=_outdated(layout, wanted, seen),
    )


def _lending(wanted: HostWanted, seen: Seen, foreign: Iterable[Route]) -> set[str]:
    """Return the addresses of this host in whose networks the public range is: a part of such a
    network may be the cloud's, where neither this host, its peers nor its routers have any of it.
    """
    public = IPv4Network(wanted.public_range)
    others = [route.via for route in foreign] + [peer.address for peer in wanted.peers]
    held = [IPv4Address(one) for one in others if one and ":" not in one]
    held += [IPv4Interface(cidr).ip for _, cidr in seen.addresses]
    if any(one in public for one in held):
        return set()
    return {
        cidr
        for _, cidr in seen.addresses
        if public != IPv4Interface(cidr).network and public.subnet_of(IPv4Interface(cidr).network)
    }


def _outdated(layout: Layout, wanted: HostWanted, seen: Seen) -> tuple[Route, ...]:
    """A range that is the cloud's no more may be somebody else's: the host must reach it. One that
    is, stays blocked though the host has it for itself."""
    held = {str(IPv4Network(text)) for text in (wanted.public_range, _private_range(wanted))}
    metric = blocking_metric(layout)
    return tuple(
        route
        for route in sorted(seen.routes)
        if route.kind == "unreachable" and route.metric == metric and route.destination not in held
    )


def _private_range(wanted: HostWanted) -> str:
    """Where guests' own addresses are from."""
    return wanted.mode.subnet if wanted.mode else wanted.private_range


def _read_host6(layout: Layout, wanted: HostWanted, seen: Seen) -> HostFound:
    """Find what of the host's IPv6 bears on ours; a link that is not there yet carries none."""
    nothing = HostFound(HostLink(HOST_LINKS), (), {})
    is_used = any(vpc.ipv6_cidrs for vpc in wanted.vpcs)
    if not (wanted.ipv6_range and is_used and layout.host_link in seen.indices):
        return nothing
    foreign = [
        (IPv6Network(route.destination), route.device)
        for route in seen.route6s
        if route.table == links.MAIN_TABLE
        and route.device != layout.host_link
        and route.metric < _WORST_METRICS
    ]
    ours = IPv6Network(wanted.ipv6_range)
    if any(one.overlaps(ours) and one.prefixlen >= _NARROWEST_WORLD for one, _ in foreign):
        return nothing
    uplinks = {device for one, device in foreign if one.prefixlen < _NARROWEST_WORLD}
    return replace(nothing, ipv6_range=ours, uplinks6=tuple(sorted(uplinks - {""})))


def _leads_to_the_world(route: Route) -> bool:
    """Tell whether this is a default route, or one of the halves that VPNs lay over it."""
    return IPv4Network(route.destination).prefixlen < _NARROWEST_WORLD


def _choose_host_link(layout: Layout, seen: Seen) -> HostLink:
    """Keep the link's address; otherwise the first free one, beginning where the tag says."""
    for device, cidr in sorted(seen.addresses):
        network = IPv4Network(cidr, strict=False)
        if device == layout.host_link and network.subnet_of(HOST_LINKS):
            return HostLink(network)
    used = [IPv4Network(cidr, strict=False) for _, cidr in seen.addresses]
    used += [IPv4Network(route.destination) for route in seen.routes if not _is_wide(route)]
    candidates = tuple(HOST_LINKS.subnets(new_prefix=30))
    first = zlib.crc32(layout.tag.encode()) % len(candidates)
    for candidate in candidates[first:] + candidates[:first]:
        if not any(candidate.overlaps(network) for network in used):
            return HostLink(candidate)
    raise ValueError(f"every /30 of {HOST_LINKS} is in use on this host")


def _is_wide(route: Route) -> bool:
    return IPv4Network(route.destination).prefixlen < HOST_LINKS.prefixlen


def host_wiring(layout: Layout, wanted: HostWanted, found: HostFound) -> Wiring:
    """The host's own namespace: one link, the public range behind it, and the safety net.

    The net is routes that stop a packet for an instance when there is no better one: none of them
    may leave by the host's uplink. They stand before anything else and until `destroy`.
    """
    ranges = (wanted.public_range, _private_range(wanted))
    free = [text for text in ranges if text not in found.taken]
    metric = blocking_metric(layout)
    net = tuple(Route(str(IPv4Network(text)), "unreachable", metric=metric) for text in free)
    if wanted.public_range not in free and wanted.mode is None:
        return Wiring(routes=net, outdated=found.outdated)
    addresses6, routes6 = (), ()
    if found.ipv6_range is not None:
        range6 = str(found.ipv6_range)
        addresses6 = (Address(layout.host_link, f"{HOST_END6}/64"),)
        routes6 = (
            Route(range6, "unreachable", metric=metric),
            Route(range6, device=layout.host_link, via=EDGE_END6),
        )
    return Wiring(
        veths=(Veth(layout.host_link, HOST, layout.edge_namespace),),
        devices=(layout.host_link,),
        addresses=(Address(layout.host_link, f"{found.link.host}/30"), *addresses6),
        routes=(
            *net,
            *routes6,
            Route(str(found.link.network), device=layout.host_link),
            *(
                Route(cidr, device=layout.host_link, via=str(found.link.edge))
                for cidr in _led_ranges(wanted)
            ),
        ),
        outdated=found.outdated,
    )


def _led_ranges(wanted: HostWanted) -> list[str]:
    """What leads from the host to the edge. In a mode other than `vpc` the public range may be a
    part of the network that the host stands in: there each address is led for itself."""
    if wanted.mode is None:
        return [str(IPv4Network(wanted.public_range))]
    if not wanted.mode.is_gateway:
        return []
    return sorted({f"{one.public_ip}/32" for one in wanted.mode.publics if one.public_ip})


def edge_wiring(wanted: HostWanted, found: HostFound, seen: Seen) -> Wiring:
    """The edge: each used public address goes to its VPC, the rest of the range nowhere.

    Its links are made from their other ends; those that are there are configured.
    """
    public, private = IPv4Network(wanted.public_range), IPv4Network(_private_range(wanted))
    devices, addresses = ["lo"], [Address("lo", "127.0.0.1/8")]
    if any(vpc.ipv6_cidrs for vpc in wanted.vpcs):
        addresses.append(Address("lo", "::1/128"))
    routes = [Route(str(public), "unreachable"), Route(str(private), "unreachable")]
    if HOST in seen.indices:
        devices.append(HOST)
        addresses.append(Address(HOST, f"{found.link.edge}/30"))
        routes.append(Route(str(found.link.network), device=HOST))
        if wanted.egress:
            routes.append(Route(_EVERYTHING, device=HOST, via=str(found.link.host)))
        if found.ipv6_range is not None:
            addresses.append(Address(HOST, f"{EDGE_END6}/64"))
            routes.append(Route(str(found.ipv6_range), "unreachable"))
            if wanted.egress and found.uplinks6:
                routes.append(Route("::/0", device=HOST, via=HOST_END6))
    for vpc in wanted.vpcs:
        if link_name(vpc) not in seen.indices:
            continue
        devices.append(link_name(vpc))
        addresses.append(Address(link_name(vpc), f"{edge_end(vpc)}/31"))
        routes.append(Route(f"{edge_end(vpc)}/31", device=link_name(vpc)))
        routes += [
            Route(f"{public_ip}/32", device=link_name(vpc), via=str(vpc_end(vpc)))
            for public_ip, _ in ([] if wanted.mode else published(vpc))
        ]
        if vpc.ipv6_cidrs and not vpc.gateway_host_id:
            addresses.append(Address(link_name(vpc), f"{ROUTER6}/64"))
            routes += [
                Route(str(IPv6Network(cidr)), device=link_name(vpc), via=VPC_END6)
                for cidr in vpc.ipv6_cidrs
            ]
    return Wiring(
        devices=tuple(devices), addresses=tuple(addresses), routes=tuple(routes), is_whole=True
    )


def published(vpc: VpcWanted) -> list[tuple[str, str]]:
    """Return the public and the private address of each pair that works here: none without a
    gateway, or where that is on another host. Those of interfaces on others are among them."""
    if not vpc.has_internet_gateway or vpc.gateway_host_id:
        return []
    held: list[AddressWanted] = []
    for one in vpc.interfaces:
        held += [AddressWanted(private_ip=one.private_ip, public_ip=one.public_ip), *one.secondary]
    held += [address for gateway in vpc.nat_gateways for address in gateway.addresses]
    held += [address for _, one in overlay.interfaces(vpc) for address in one.published]
    return [(one.public_ip, one.private_ip) for one in held if one.public_ip is not None]


def answered(wanted: HostWanted, found: HostFound) -> frozenset[tuple[str, str]]:
    """Return for which public addresses the host answers on its wires to the world: device and
    address of each that is led to a VPC from here."""
    if not wanted.egress or (wanted.public_range in found.taken and wanted.mode is None):
        return frozenset()
    publics = [public_ip for vpc in wanted.vpcs for public_ip, _ in published(vpc)]
    if wanted.mode is not None:
        led = wanted.mode.publics if wanted.mode.is_gateway else ()
        publics = [one.public_ip for one in led if one.public_ip]
    return frozenset((device, ip) for device in found.uplinks for ip in publics)


def plan_host_removal(layout: Layout, seen: Seen) -> tuple[str, ...]:
    """Return the `ip -batch` lines that take our link and our routes off the host."""
    metric = blocking_metric(layout)
    lines = [f"link delete {layout.host_link}"] if layout.host_link in seen.indices else []
    lines += [
        f"route delete {route.kind} {route.destination} metric {metric}"
        for route in (*sorted(seen.routes), *sorted(seen.route6s))
        if route.metric == metric
    ]
    return tuple(lines)
