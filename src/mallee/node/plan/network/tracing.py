"""A packet's way through a host as a list of devices, rules and routes to look at.

The reference evaluator finds the way by what the host was told; here each thing that is met becomes
what carries it: a tap, a chain, a kernel's table. What the kernel counted there, or decides now, is
looked up by `node.tracing`. `ProbeTold` is made by `probetold`. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.acls import AclEntry
from mallee.model.network.networks import Direction, Rule
from mallee.model.packets.hops import ICMP, ICMP6, TCP, UDP, End, Hop, HopKind, Packet, Trace
from mallee.model.packets.traces import Crossing, TraceAsk, TraceStep
from mallee.node.modes import gateways
from mallee.node.plan.network import acls, groups, network, overlay, routing

SOURCE_PORT = 49152
WATCHED_MAX = 32
_ECHO = {4: 8, 6: 128}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One thing to look at, and what is known of it before."""

    step: TraceStep
    is_coming: bool = False
    """Of a device: whether what comes by it counts, or what leaves."""
    index: int | None = None
    """Of a rule: which one of its chain; negative: from the end."""
    marker: str = ""
    """Of a rule: what its text has and no other's of the chain."""
    device: str = ""
    """Of a route: by which device the packet came."""
    mark: int = 0
    packet: Packet | None = None


@dataclass(frozen=True, slots=True)
class _Host:
    layout: Layout
    vpcs: Mapping[str, VpcWanted]
    first_vpc: str
    """Where the packet begins."""
    is_from_afar: bool = False
    """Whether it comes from another host."""


def read_packet(ask: TraceAsk) -> Packet:
    """Return the packet that is asked about; raise `ValueError` when it can be none."""
    if "%" in ask.source + ask.destination:
        # A zone may be any text, and these become words of commands.
        raise ValueError("an address with a zone")
    source, destination = ip_address(ask.source), ip_address(ask.destination)
    if source.version != destination.version:
        raise ValueError("addresses of two families")
    icmp = ICMP if source.version == 4 else ICMP6
    if ask.protocol not in (TCP, UDP, icmp) or not 0 <= ask.port <= 65535:
        raise ValueError("no protocol or port that is asked about")
    is_icmp = ask.protocol == icmp
    return Packet(
        source=source,
        destination=destination,
        protocol=ask.protocol,
        source_port=0 if is_icmp else SOURCE_PORT,
        destination_port=0 if is_icmp else ask.port,
        icmp_type=_ECHO[source.version] if is_icmp else 0,
    )


def watched(layout: Layout, wanted: HostWanted, vpc_id: str) -> tuple[str, ...]:
    """Return the namespaces by which what a VPC's guests send may go on this host."""
    vpcs = {vpc.id: vpc for vpc in wanted.vpcs}
    own = vpcs[vpc_id]
    near = [own, *(vpcs[it.peer_vpc_id] for it in own.peerings if it.peer_vpc_id in vpcs)]
    ways = [layout.vpc_namespace(vpc.id) for vpc in near]
    ways += [layout.nat_namespace(one.id) for vpc in near for one in vpc.nat_gateways]
    ways += [layout.endpoint_namespace(one.interface_id) for vpc in near for one in vpc.endpoints]
    ways += [layout.transit_namespace(gateway.id) for gateway in wanted.transit_gateways]
    others = [layout.vpc_namespace(vpc.id) for vpc in wanted.vpcs]
    if gateways.is_gateway(wanted):
        ways.append(gateways.namespace(layout))
    return tuple(dict.fromkeys((*ways, layout.edge_namespace, *others)))[:WATCHED_MAX]


def crossing(found: Trace) -> Crossing | None:
    """Return how a packet goes on to another host; None: it does not."""
    if found.end is not End.ELSEWHERE or not found.hops or found.packet is None:
        return None
    last = found.hops[-1]
    return Crossing(
        host_id=last.id,
        vpc_id=last.vpc_id,
        subnet_id=last.subnet_id,
        source=str(found.packet.source),
        destination=str(found.packet.destination),
    )


def looks(layout: Layout, wanted: HostWanted, found: Trace) -> tuple[Look, ...]:
    """Return what to look at, in the order in which a packet meets it."""
    first = found.hops[0].vpc_id if found.hops else ""
    is_from_afar = bool(found.hops) and found.hops[0].kind is HopKind.OVERLAY
    host = _Host(layout, {vpc.id: vpc for vpc in wanted.vpcs}, first, is_from_afar)
    held: list[Look] = []
    for number, hop in enumerate(found.hops):
        if hop.vpc_id in host.vpcs:
            held += _of_hop(host, hop, is_first=number == 0)
    return tuple(held)


def _of_hop(host: _Host, hop: Hop, *, is_first: bool) -> Iterator[Look]:
    layout, vpc = host.layout, host.vpcs[hop.vpc_id]
    inside = layout.vpc_namespace(vpc.id)
    match hop.kind:
        case HopKind.INTERFACE:
            yield device(hop.id, inside, _link(layout, vpc, hop.id), is_coming=is_first)
        case HopKind.SECURITY_GROUP:
            yield of_group(layout, vpc, inside, hop)
        case HopKind.NETWORK_ACL:
            yield _of_acl(vpc, inside, hop)
        case HopKind.ROUTE_TABLE:
            yield _of_table(host, vpc, inside, hop)
        case HopKind.NAT_GATEWAY:
            yield from _of_gateway(layout, vpc, inside, hop)
        case HopKind.INTERNET_GATEWAY | HopKind.EGRESS_ONLY_GATEWAY:
            yield from _of_border(layout, vpc, inside, hop)
        case HopKind.PEERING:
            yield device(hop.id, inside, layout.peer_link(hop.id), is_coming=True)
        case HopKind.TRANSIT_ATTACHMENT:
            is_leaving = hop.vpc_id == host.first_vpc
            yield device(hop.id, inside, layout.transit_link(hop.id), is_coming=not is_leaving)
        case HopKind.TRANSIT_GATEWAY | HopKind.TRANSIT_TABLE:
            return
        case HopKind.OVERLAY:
            yield device(hop.id, inside, overlay.DEVICE, is_coming=is_first)
        case HopKind.ENDPOINT:
            where = f"{network.METADATA_ADDRESS}:{network.API_PORT}"
            yield translation(hop.id, inside, "inwards", f"its destination becomes {where}")


def device(about: str, namespace: str, name: str, *, is_coming: bool) -> Look:
    """Return a look at a device, by which a packet comes or leaves."""
    step = TraceStep(about=about, kind="device", namespace=namespace, name=name)
    return Look(step=step, is_coming=is_coming)


def translation(about: str, namespace: str, chain: str, words: str) -> Look:
    """Return that a packet's addresses change in a chain, in words."""
    return Look(
        step=TraceStep(about=about, kind="translation", namespace=namespace, name=chain, text=words)
    )


def _link(layout: Layout, vpc: VpcWanted, interface_id: str) -> str:
    """The device behind which an interface stands."""
    is_standing = any(one.interface_id == interface_id for one in vpc.endpoints)
    return layout.nat_link(interface_id) if is_standing else layout.tap(interface_id)


def of_group(layout: Layout, vpc: VpcWanted, namespace: str, hop: Hop) -> Look:
    """Return a look at the rule by which a group lets a packet pass, or at the last one."""
    side = "out" if hop.direction is Direction.EGRESS else "in"
    if not isinstance(hop.rule, Rule):
        # What no group's rule let pass comes to the last rule of the interface's own chain.
        chain = f"{_link(layout, vpc, hop.interface_id)}-{side}"
        step = TraceStep(about=hop.interface_id, kind="rule", namespace=namespace, name=chain)
        return Look(step=step, index=-1)
    step = TraceStep(about=hop.id, kind="rule", namespace=namespace, name=f"{hop.id}-{side}")
    return Look(step=step, marker=_set_name(f"{hop.id}-{side}", hop.rule, hop.packet))


def _set_name(chain: str, rule: Rule, packet: Packet) -> str:
    """The set by which a rule of a group is looked up."""
    version = packet.source.version
    if rule.group_id is not None:
        return f"@{rule.group_id}-members{'6' if version == 6 else ''}"
    number = groups.protocol_number(rule)
    is_world = (rule.cidr or rule.cidr6 or "").endswith("/0")
    if is_world and packet.protocol in (TCP, UDP):
        return f"@{chain}{version}-world"
    if number in (TCP, UDP):
        return f"@{chain}{version}-ports"
    is_kind = number in (ICMP, ICMP6) and rule.from_port >= 0
    return f"@{chain}{version}-{'icmp' if is_kind else 'protocols'}"


def _of_acl(vpc: VpcWanted, namespace: str, hop: Hop) -> Look:
    is_egress = hop.direction is Direction.EGRESS
    chain = acls.chain_name(hop.id, is_egress=is_egress)
    step = TraceStep(about=hop.id, kind="rule", namespace=namespace, name=chain)
    acl = next(one for one in vpc.acls if one.id == hop.id)
    entries = [one for one in acl.entries if one.is_egress is is_egress]
    in_order = sorted(entries, key=lambda one: one.number)
    entry = hop.rule if isinstance(hop.rule, AclEntry) else None
    return Look(step=step, index=in_order.index(entry) if entry else -1)


def _of_table(host: _Host, vpc: VpcWanted, namespace: str, hop: Hop) -> Look:
    layout, is_from_afar = host.layout, host.is_from_afar and not hop.interface_id
    step = TraceStep(about=hop.id, kind="route", namespace=namespace, name=hop.id or "main")
    device = layout.tap(hop.interface_id)
    if not hop.interface_id:
        here = (one for one in vpc.nat_gateways if one.subnet_id == hop.subnet_id)
        links = (layout.nat_link(one.interface_id) for one in here)
        device = next(links, network.EDGE)
    if is_from_afar:
        device = overlay.DEVICE
    mark = routing.marks(vpc).get(hop.subnet_id, 0)
    return Look(step=step, device=device, mark=mark, packet=hop.packet)


def _of_gateway(layout: Layout, vpc: VpcWanted, namespace: str, hop: Hop) -> Iterator[Look]:
    gateway = next((one for one in vpc.nat_gateways if one.id == hop.id), None)
    if gateway is None:
        return
    link = layout.nat_link(gateway.interface_id)
    yield device(hop.id, namespace, link, is_coming=False)
    if hop.sent is not None:
        inside = layout.nat_namespace(hop.id)
        yield translation(hop.id, inside, "outwards", f"its source becomes {hop.sent.source}")
        yield device(hop.id, namespace, link, is_coming=True)


def _of_border(layout: Layout, vpc: VpcWanted, namespace: str, hop: Hop) -> Iterator[Look]:
    is_leaving = bool(hop.subnet_id)
    edge = layout.edge_namespace
    there = device(hop.id, edge, network.link_name(vpc), is_coming=is_leaving)
    if is_leaving:
        if hop.sent is not None:
            words = f"its source becomes {hop.sent.source}"
            yield translation(hop.id, namespace, "outwards", words)
        if not hop.is_stop:
            yield device(hop.id, namespace, network.EDGE, is_coming=False)
            yield there
        return
    yield there
    yield device(hop.id, namespace, network.EDGE, is_coming=True)
    if hop.sent is not None:
        words = f"its destination becomes {hop.sent.destination}"
        yield translation(hop.id, namespace, "inwards", words)
