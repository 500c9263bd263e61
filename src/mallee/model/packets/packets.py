"""What becomes of a packet in VPCs, said without a kernel: the reference that hosts are held to.

`trace` follows the first packet of a conversation from an interface of a VPC to where it ends, and
says what it met on its way, or what stopped it; `trace_in` follows one from beyond, `trace_answer`
the answer to one. They judge what is wanted (`hosts.VpcWanted`), like a host does, rule by rule and
in plain words instead of sets and tables; a property test sends the same packets through both.
Connections that stand (but the one that is answered), limits of speed and what guests do with
packets that they forward are not its business. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from mallee.model.hosts import hosts
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.carried import (
    AttachmentWanted,
    EndpointWanted,
    PublicAccess,
    RouteWanted,
    TransitGatewayWanted,
    Way,
)
from mallee.model.network.networks import Direction
from mallee.model.packets import packetrules, packetspeakers, packettransit
from mallee.model.packets.hops import TCP, End, Hop, HopKind, HopRule, LocalRoute, Packet, Trace
from mallee.model.packets.packetspeakers import Speaker
from mallee.model.packets.packettransit import Gateways

_HOPS_MAX = 8
"""Nothing that is set up in earnest passes so many gateways."""
NO_GATEWAYS: Gateways = {}
_WAYS_OUT = {
    Way.INTERNET: HopKind.INTERNET_GATEWAY,
    Way.EGRESS_ONLY: HopKind.EGRESS_ONLY_GATEWAY,
}


@dataclass(frozen=True, slots=True)
class _Journey:
    """A packet on its way."""

    vpcs: Mapping[str, VpcWanted]
    packet: Packet
    hops: tuple[Hop, ...] = ()
    is_answer: bool = False
    """Whether it answers: groups and gateways that let the question pass let it pass too."""
    transit: Gateways = field(default_factory=dict[str, TransitGatewayWanted])
    """The transit gateways by id."""
    hidden: Mapping[str, Packet] = field(default_factory=dict[str, Packet])
    """Of an answer: the question as it came to each NAT gateway."""

    def past(self, hop: Hop) -> "_Journey":
        """The journey after it met something, which may have translated the packet."""
        return replace(self, hops=(*self.hops, hop), packet=hop.sent or self.packet)

    def ends(self, end: End, at: str) -> Trace:
        """The trace of a journey that ends here."""
        return Trace(end, at, self.hops, self.packet)

    def stops(self, end: End, hop: Hop, at: str = "") -> Trace:
        """The trace of a journey that something stops."""
        return self.past(replace(hop, is_stop=True, sent=None)).ends(end, at or hop.id)

    def is_lost(self, speaker: Speaker, route: HopRule | None = None) -> Trace:
        """The trace of a journey that its subnet's table leads nowhere."""
        hop = _table_hop(self, speaker, route)
        # The table is there already where its route was taken and its target leads no further.
        past = replace(self, hops=tuple(one for one in self.hops if one != hop))
        return past.stops(End.NO_ROUTE, hop)

    @property
    def gateways(self) -> int:
        """How many gateways it has passed."""
        return sum(hop.kind.is_gateway for hop in self.hops)


def trace(
    vpcs: Mapping[str, VpcWanted],
    interface_id: str,
    packet: Packet,
    transit: Gateways = NO_GATEWAYS,
) -> Trace:
    """Follow a packet that an interface's guest sends; `vpcs` are all of the cloud, by id."""
    speaker = packetspeakers.find(vpcs, interface_id)
    interface, journey = speaker.interface, _Journey(vpcs, packet, transit=transit)
    assert interface is not None
    own = speaker.hop(HopKind.INTERFACE, speaker.id, packet)
    if interface.source_dest_check and not speaker.has(packet.source):
        return journey.stops(End.SENDER, own)
    judged = _judge(journey.past(own), speaker, Direction.EGRESS)
    return judged if isinstance(judged, Trace) else _leave(judged, speaker)


def trace_in(vpcs: Mapping[str, VpcWanted], packet: Packet, *, peering: str = "") -> Trace:
    """Follow a packet from the world, or one that a peer sends by a peering of these VPCs."""
    journey = _Journey(vpcs, packet)
    if not peering:
        entered = (_enter(journey, one) for one in vpcs.values())
        return next((one for one in entered if one is not None), journey.ends(End.WORLD, ""))
    for vpc in vpcs.values():
        ranges = (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)
        is_there = any(packet.destination in ip_network(cidr) for cidr in ranges)
        if is_there and any(one.id == peering for one in vpc.peerings):
            return _come_by(journey, vpc, peering)
    return journey.ends(End.NOBODY, str(packet.destination))


def trace_from_afar(
    vpcs: Mapping[str, VpcWanted],
    place: tuple[str, str],
    packet: Packet,
    transit: Gateways = NO_GATEWAYS,
) -> Trace:
    """Follow a packet that comes from another host; `place` is the VPC whose it is, and the subnet
    that it comes from (empty: from beyond the VPC)."""
    vpc_id, subnet_id = place
    vpc = vpcs[vpc_id]
    hop = Hop(
        kind=HopKind.OVERLAY, id="", vpc_id=vpc_id, subnet_id=subnet_id, packet=packet
    )  # fmt: skip
    journey = _Journey(vpcs, packet, (hop,), transit=transit)
    sender = packetspeakers.of_afar(vpc, subnet_id)
    return _leave(journey, sender) if sender else _deliver(journey, None, vpc)


def trace_answer(
    vpcs: Mapping[str, VpcWanted], found: Trace, transit: Gateways = NO_GATEWAYS
) -> Trace:
    """Follow the answer to a packet that was received, or that left for the world."""
    question = found.packet
    assert question is not None
    hidden = {hop.id: hop.packet for hop in found.hops if hop.kind is HopKind.NAT_GATEWAY}
    turned = _turned(question)
    journey = _Journey(vpcs, turned, is_answer=True, transit=transit, hidden=hidden)
    served = [hop.interface_id for hop in found.hops if hop.kind is HopKind.ENDPOINT]
    is_standing = any(one.interface_id in served for vpc in vpcs.values() for one in vpc.endpoints)
    if found.end is not End.ARRIVED and not is_standing:
        entered = (_enter(journey, one) for one in vpcs.values())
        return next((one for one in entered if one is not None), journey.ends(End.WORLD, ""))
    speaker = packetspeakers.find(vpcs, served[0] if is_standing else found.at)
    own = speaker.hop(HopKind.INTERFACE, speaker.id, journey.packet)
    return _leave(journey.past(own), speaker)


def _turned(packet: Packet) -> Packet:
    return replace(
        packet,
        source=packet.destination,
        destination=packet.source,
        source_port=packet.destination_port,
        destination_port=packet.source_port,
        icmp_type={8: 0, 128: 129}.get(packet.icmp_type, packet.icmp_type),
    )


def _leave(journey: _Journey, speaker: Speaker) -> Trace:
    """Follow a packet that leaves its sender."""
    if journey.gateways >= _HOPS_MAX:
        return journey.is_lost(speaker)
    route = packetspeakers.route(speaker, journey.packet.destination)
    if route is None:
        return _deliver(journey, speaker, speaker.vpc)
    journey = journey.past(_table_hop(journey, speaker, route))
    if isinstance(route, LocalRoute):
        return _deliver(journey, speaker, speaker.vpc)
    match route.way:
        case Way.INTERNET | Way.EGRESS_ONLY:
            return _leave_vpc(journey, speaker, route)
        case Way.NAT:
            return _by_gateway(journey, speaker, route)
        case Way.INTERFACE:
            return _to_router(journey, speaker, route)
        case Way.PEERING:
            return _by_peering(journey, speaker, route)
        case Way.TRANSIT:
            return _by_transit(journey, speaker, route)
        case Way.ENDPOINT:
            return _to_services(journey, speaker, route)
        case Way.BLACKHOLE:
            return journey.is_lost(speaker, route)


def _table_hop(journey: _Journey, speaker: Speaker, route: HopRule | None) -> Hop:
    hop = speaker.hop(HopKind.ROUTE_TABLE, speaker.subnet.route_table_id, journey.packet)
    return replace(hop, rule=route)


def _deliver(journey: _Journey, sender: Speaker | None, vpc: VpcWanted) -> Trace:
    """Bring a packet to who has its destination in a VPC; no sender: it comes from beyond."""
    destination = journey.packet.destination
    receiver = next((one for one in packetspeakers.of_vpc(vpc) if one.has(destination)), None)
    if receiver is None:
        return journey.ends(End.NOBODY, str(destination))
    crossed = _cross(journey, sender, receiver)
    return crossed if isinstance(crossed, Trace) else _receive(crossed, receiver)


def _cross(journey: _Journey, sender: Speaker | None, receiver: Speaker | None) -> _Journey | Trace:
    """Judge the borders between two subnets, one of which may be beyond the VPC."""
    is_inside = sender and receiver and sender.subnet.id == receiver.subnet.id
    if is_inside and receiver and receiver.attachment is None:
        return journey
    for speaker, direction in ((sender, Direction.EGRESS), (receiver, Direction.INGRESS)):
        acls = speaker.vpc.acls if speaker else ()
        acl = next((one for one in acls if speaker and one.id == speaker.subnet.acl_id), None)
        if speaker is None or acl is None or speaker.host_id:
            continue
        is_egress = direction is Direction.EGRESS
        entry = packetrules.find_entry(acl, journey.packet, is_egress=is_egress)
        hop = speaker.hop(HopKind.NETWORK_ACL, acl.id, journey.packet)
        hop = replace(hop, rule=entry, direction=direction, interface_id="")
        if entry is None or not entry.is_allowed:
            return journey.stops(End.ACL_OUT if is_egress else End.ACL_IN, hop)
        journey = journey.past(hop)
    return journey


def _receive(journey: _Journey, receiver: Speaker, *, is_from_world: bool = False) -> Trace:
    packet = journey.packet
    if receiver.host_id:
        return _go_on(journey, receiver.vpc, receiver.host_id)
    if receiver.interface is None and receiver.endpoint is None:
        return _receive_behind(journey, receiver)
    own = receiver.hop(HopKind.INTERFACE, receiver.id, packet)
    is_new = not journey.is_answer
    if (
        is_new
        and is_from_world
        and packet.destination.version == 6
        and not packetspeakers.is_open6(receiver)
    ):
        return journey.stops(End.CLOSED, own)
    judged = _judge(journey, receiver, Direction.INGRESS)
    if isinstance(judged, Trace):
        return judged
    if receiver.endpoint is not None:
        return _serve(judged, receiver, receiver.endpoint)
    return judged.past(own).ends(End.ARRIVED, own.id)


def _go_on(journey: _Journey, vpc: VpcWanted, host_id: str) -> Trace:
    """End at the way to another host: what becomes of it there is that host's to say."""
    met = (one.subnet_id for one in reversed(journey.hops) if _is_of_sender(one, vpc))
    origin = next(met, "")
    hop = Hop(
        kind=HopKind.OVERLAY, id=host_id, vpc_id=vpc.id, subnet_id=origin, packet=journey.packet
    )
    return journey.past(hop).ends(End.ELSEWHERE, host_id)


def _is_of_sender(hop: Hop, vpc: VpcWanted) -> bool:
    """Whether a hop says from which subnet of a VPC a packet goes on."""
    kinds = (HopKind.INTERFACE, HopKind.ROUTE_TABLE, HopKind.NAT_GATEWAY)
    return hop.vpc_id == vpc.id and hop.kind in (*kinds, HopKind.TRANSIT_ATTACHMENT)


def _serve(journey: _Journey, receiver: Speaker, endpoint: EndpointWanted) -> Trace:
    """An endpoint takes what is for the services' ports, where any are behind it."""
    packet = journey.packet
    hop = receiver.hop(HopKind.ENDPOINT, endpoint.id, packet)
    is_served = packet.protocol == TCP and packet.destination_port in hosts.SERVICE_PORTS
    if not (is_served and endpoint.serves):
        return journey.stops(End.NOBODY, hop)
    return journey.past(hop).ends(End.SERVICE, endpoint.id)


def _receive_behind(journey: _Journey, gateway: Speaker) -> Trace:
    """A NAT gateway takes nothing that nobody behind it asked for; it brings answers back."""
    hop = gateway.hop(HopKind.NAT_GATEWAY, gateway.id, journey.packet)
    question = journey.hidden.get(gateway.id)
    if question is None:
        return journey.stops(End.NOBODY, hop)
    source, port = question.source, question.source_port
    shown = replace(journey.packet, destination=source, destination_port=port)
    return _leave(journey.past(replace(hop, sent=shown)), gateway)


def _judge(journey: _Journey, speaker: Speaker, direction: Direction) -> _Journey | Trace:
    """Ask the groups of an interface; what answers was let pass with its question."""
    wearer, packet = speaker.interface or speaker.endpoint, journey.packet
    if wearer is None or journey.is_answer:
        return journey
    found = packetrules.find_rule(wearer, speaker.vpc, packet, direction)
    hop = speaker.hop(HopKind.SECURITY_GROUP, found[0] if found else "", packet)
    hop = replace(hop, rule=found[1] if found else None, direction=direction)
    if found is None:
        end = End.EGRESS if direction is Direction.EGRESS else End.INGRESS
        return journey.stops(end, hop, at=speaker.id)
    return journey.past(hop)


# Gateways


def _leave_vpc(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    is_ipv6, vpc = journey.packet.destination.version == 6, speaker.vpc
    is_there = vpc.has_internet_gateway if route.way is Way.INTERNET else is_ipv6
    if not is_there:
        return journey.is_lost(speaker, route)
    crossed = _cross(journey, speaker, None)
    if isinstance(crossed, Trace):
        return crossed
    if vpc.gateway_host_id:
        return _go_on(crossed, vpc, vpc.gateway_host_id)
    journey, packet = crossed, crossed.packet
    hop = speaker.hop(_WAYS_OUT[route.way], route.target_id, packet)
    if not is_ipv6:
        public = packetspeakers.published(vpc).get(packet.source)
        if public is None:
            return journey.stops(End.NO_PUBLIC_ADDRESS, hop, at=speaker.id)
        hop = replace(hop, sent=replace(packet, source=public))
    elif not any(packet.source in ip_network(cidr) for cidr in vpc.ipv6_cidrs):
        return journey.stops(End.SENDER, hop, at=speaker.id)
    if packetspeakers.is_blocked(speaker, is_ipv6=is_ipv6):
        return journey.stops(End.BLOCKED, hop, at=speaker.subnet.id)
    journey = journey.past(hop)
    entered = (_enter(journey, one) for one in journey.vpcs.values())
    return next((one for one in entered if one is not None), journey.ends(End.WORLD, ""))


def _enter(journey: _Journey, vpc: VpcWanted) -> Trace | None:
    """Follow a packet from the world into a VPC; None: it is not for this one."""
    packet = journey.packet
    hop = Hop(kind=HopKind.INTERNET_GATEWAY, id="", vpc_id=vpc.id, packet=packet)
    if packet.destination.version == 6:
        if not any(packet.destination in ip_network(cidr) for cidr in vpc.ipv6_cidrs):
            return None
    else:
        by_public = {public: private for private, public in packetspeakers.published(vpc).items()}
        if packet.destination not in by_public:
            return None
        hop = replace(hop, sent=replace(packet, destination=by_public[packet.destination]))
    journey = journey.past(hop)
    destination = journey.packet.destination
    receiver = _entrance(journey, vpc)
    if isinstance(receiver, Trace):
        return receiver
    is_ipv6, access = destination.version == 6, receiver.subnet.public_access
    is_begun = not journey.is_answer and access is not PublicAccess.OPEN
    if is_begun or packetspeakers.is_blocked(receiver, is_ipv6=is_ipv6):
        return journey.stops(End.BLOCKED, hop, at=receiver.subnet.id)
    crossed = _cross(journey, None, receiver)
    if isinstance(crossed, Trace):
        return crossed
    return _receive(crossed, receiver, is_from_world=True)


def _entrance(journey: _Journey, vpc: VpcWanted) -> Speaker | Trace:
    """Find who gets what came in: who has its destination, or whom the gateway's table names."""
    destination = journey.packet.destination
    everybody = list(packetspeakers.of_vpc(vpc))
    route = packetspeakers.gateway_route(vpc, destination)
    if isinstance(route, RouteWanted):
        hop = Hop(kind=HopKind.ROUTE_TABLE, id=vpc.gateway_table_id, vpc_id=vpc.id,
                  packet=journey.packet, rule=route)  # fmt: skip
        router = next((one for one in everybody if one.id == route.target_id), None)
        is_there = router is not None and (router.interface is not None or router.host_id)
        if route.way is not Way.INTERFACE or router is None or not is_there:
            return journey.stops(End.NO_ROUTE, hop)
        is_spoken = destination.version == 4 or any(":" in ip for ip in router.ips)
        if not (router.is_router and is_spoken):
            own = router.hop(HopKind.INTERFACE, router.id, journey.packet)
            return journey.past(hop).stops(End.CHECKED, own)
        return router
    receiver = next((one for one in everybody if one.has(destination)), None)
    return receiver or journey.ends(End.NOBODY, str(destination))


def _by_gateway(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    gateway = next(
        (one for one in packetspeakers.of_vpc(speaker.vpc) if one.id == route.target_id), None
    )
    if gateway is None or journey.packet.destination.version == 6 or gateway.id == speaker.id:
        return journey.is_lost(speaker, route)
    crossed = _cross(journey, speaker, gateway)
    if isinstance(crossed, Trace):
        return crossed
    if gateway.host_id:
        return _go_on(crossed, gateway.vpc, gateway.host_id)
    hop = gateway.hop(HopKind.NAT_GATEWAY, gateway.id, crossed.packet)
    if journey.is_answer:
        # It takes part in no conversation that it did not see begin.
        return crossed.stops(End.NOBODY, hop)
    hidden = replace(crossed.packet, source=ip_address(gateway.ips[0]))
    return _leave(crossed.past(replace(hop, sent=hidden)), gateway)


def _to_router(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    router = next(
        (one for one in packetspeakers.of_vpc(speaker.vpc) if one.id == route.target_id), None
    )
    if router is None or (router.interface is None and not router.host_id):
        return journey.is_lost(speaker, route)
    is_spoken = journey.packet.destination.version == 4 or any(":" in ip for ip in router.ips)
    if not (router.is_router and is_spoken):
        return journey.stops(End.CHECKED, router.hop(HopKind.INTERFACE, router.id, journey.packet))
    crossed = _cross(journey, speaker, router)
    return crossed if isinstance(crossed, Trace) else _receive(crossed, router)


def _to_services(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    packet = journey.packet
    is_served = packet.protocol == TCP and packet.destination_port in hosts.SERVICE_PORTS
    if not is_served or packet.destination.version == 6:
        return journey.is_lost(speaker, route)
    hop = speaker.hop(HopKind.ENDPOINT, route.target_id, packet)
    return journey.past(hop).ends(End.SERVICE, route.target_id)


def _by_peering(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    peering = next((one for one in speaker.vpc.peerings if one.id == route.target_id), None)
    peer = journey.vpcs.get(peering.peer_vpc_id) if peering else None
    if peering is None or peer is None:
        return journey.is_lost(speaker, route)
    crossed = _cross(journey, speaker, None)
    return crossed if isinstance(crossed, Trace) else _come_by(crossed, peer, peering.id)


def _come_by(journey: _Journey, vpc: VpcWanted, peering: str) -> Trace:
    """Follow a packet that comes into a VPC by a peering: only its peer's ranges may."""
    hop = Hop(kind=HopKind.PEERING, id=peering, vpc_id=vpc.id, packet=journey.packet)
    known = [cidr for one in vpc.peerings if one.id == peering for cidr in one.peer_cidrs]
    if not any(journey.packet.source in ip_network(cidr) for cidr in known):
        return journey.stops(End.SENDER, hop)
    return _deliver(journey.past(hop), None, vpc)


def _by_transit(journey: _Journey, speaker: Speaker, route: RouteWanted) -> Trace:
    """Follow a packet to a transit gateway, and into the VPC where it comes out."""
    held = speaker.vpc.attachments
    own = next((one for one in held if one.gateway_id == route.target_id), None)
    if own is None or own.gateway_id not in journey.transit:
        return journey.is_lost(speaker, route)
    crossed = _cross(journey, speaker, packetspeakers.of_attachment(speaker.vpc, own))
    if isinstance(crossed, Trace):
        return crossed
    found = packettransit.follow(journey.transit, own.gateway_id, own.id, journey.packet)
    left = speaker.hop(HopKind.TRANSIT_ATTACHMENT, own.id, journey.packet)
    journey = replace(crossed, hops=(*crossed.hops, left, *found.hops[:-1]))
    vpc = journey.vpcs.get(found.port.vpc_id) if found.port else None
    ends = [one for one in vpc.attachments if found.port and one.id == found.port.id] if vpc else []
    if vpc is None or not ends:
        return journey.stops(End.NO_TRANSIT, found.hops[-1])
    return _come_by_transit(journey.past(found.hops[-1]), vpc, ends[0])


def _come_by_transit(journey: _Journey, vpc: VpcWanted, attachment: AttachmentWanted) -> Trace:
    """Follow a packet into a VPC: it takes the way of the subnet that the attachment stands in."""
    standing = packetspeakers.of_attachment(vpc, attachment)
    own = (vpc.cidr, *vpc.more_cidrs, *vpc.ipv6_cidrs)
    hop = standing.hop(HopKind.TRANSIT_ATTACHMENT, attachment.id, journey.packet)
    if any(journey.packet.source in ip_network(cidr) for cidr in own):
        return journey.stops(End.SENDER, hop)
    journey = journey.past(hop)
    route = packetspeakers.route(standing, journey.packet.destination)
    if route is None:
        return _deliver(journey, standing, vpc)
    journey = journey.past(_table_hop(journey, standing, route))
    if isinstance(route, LocalRoute):
        return _deliver(journey, standing, vpc)
    if journey.gateways < _HOPS_MAX and route.way is Way.NAT:
        return _by_gateway(journey, standing, route)
    if journey.gateways < _HOPS_MAX and route.way is Way.INTERFACE:
        return _to_router(journey, standing, route)
    # Nobody passes a VPC from one of its ways out to another.
    return journey.is_lost(standing, route)
