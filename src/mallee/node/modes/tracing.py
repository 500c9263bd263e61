"""A packet's way by the administrator's own network, as far as this host carries it.

From a guest's tap through its groups to the leg by which it leaves, or to another guest; on the
gateway host from block to block, or out to the world; and in by a leg to a guest. What switches,
the LAN and its router do between is theirs: a way ends at the leg, and is gone on with on the host
that the cloud knows to be next. Each thing that is met becomes what carries it, as in
`plan/network/tracing`, whose `Look` it is. Called by `node.tracing`. Pure.
"""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, ip_address, ip_network

from mallee.model.hosts.hosts import HostWanted, VpcWanted
from mallee.model.layout import Layout
from mallee.model.network.classic import LAN
from mallee.model.network.modes import ModeWanted
from mallee.model.network.networks import Direction
from mallee.model.packets import packetrules, packetspeakers
from mallee.model.packets.hops import Address, End, HopKind, Packet
from mallee.model.packets.packetspeakers import Speaker
from mallee.model.packets.traces import Crossing, TraceStep
from mallee.node.modes import gateways, legs, rules, ways
from mallee.node.modes.legs import Block, Leg
from mallee.node.plan.network import network, tracing
from mallee.node.plan.network.tracing import Look

_HERE = ""
"""The host's own namespace."""
_BY_GATEWAY = "the gateway host leads it from one group's network to the other"
_BY_LAN = "what the LAN and its machines do with it is not known here"
_NO_LEG = "its block has no leg on this host"


@dataclass(frozen=True, slots=True)
class Way:
    """Where a packet's way on a host ends, and what it meets before."""

    end: End
    at: str = ""
    looks: tuple[Look, ...] = ()
    crossing: Crossing | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Journey:
    """A packet on its way."""

    layout: Layout
    wanted: HostWanted
    mode: ModeWanted
    packet: Packet
    looks: tuple[Look, ...] = field(default=())

    def past(self, *met: Look, sent: Packet | None = None) -> "_Journey":
        """The journey after it met these, which may have translated the packet."""
        return replace(self, looks=(*self.looks, *met), packet=sent or self.packet)

    def ends(self, end: End, at: str = "", *notes: str) -> Way:
        """The way of a journey that ends here."""
        return Way(end, at, self.looks, notes=notes)

    def goes_on(self, host_id: str, vpc: VpcWanted, *notes: str) -> Way:
        """The way of a journey that goes on to another host; none is known: it is out there."""
        if not host_id:
            return self.ends(End.WORLD, "", *notes)
        crossing = Crossing(
            host_id=host_id,
            vpc_id=vpc.id,
            subnet_id="",
            source=str(self.packet.source),
            destination=str(self.packet.destination),
        )
        return Way(End.ELSEWHERE, host_id, self.looks, crossing, notes)


def follow(layout: Layout, wanted: HostWanted, interface_id: str, packet: Packet) -> Way:
    """Follow a packet that an interface's guest sends."""
    assert wanted.mode is not None
    vpcs = {vpc.id: vpc for vpc in wanted.vpcs}
    sender = packetspeakers.find(vpcs, interface_id)
    inside = layout.vpc_namespace(sender.vpc.id)
    tap = tracing.device(sender.id, inside, layout.tap(sender.id), is_coming=True)
    journey = _Journey(layout, wanted, wanted.mode, packet, (tap,))
    if not sender.has(packet.source):
        return journey.ends(End.SENDER, sender.id)
    judged = _judge(journey, sender, Direction.EGRESS)
    if isinstance(judged, Way):
        return judged
    receiver = _speaker(sender.vpc, packet.destination)
    if receiver is not None and not receiver.host_id:
        return _receive(judged, receiver)
    return _leave(judged, sender, receiver)


def follow_in(layout: Layout, wanted: HostWanted, vpc_id: str, packet: Packet) -> Way:
    """Follow a packet that comes by the wire, of a VPC whose other hosts sent it."""
    assert wanted.mode is not None
    journey = _Journey(layout, wanted, wanted.mode, packet)
    if gateways.is_gateway(wanted) and not _is_neighbour(wanted.mode, packet):
        wire = _block(wanted.mode, packet.source)
        if wire is not None:
            return _lead(journey, wire, vpc_id)
    return _come_in(journey, vpc_id)


def _is_neighbour(mode: ModeWanted, packet: Packet) -> bool:
    """Whether both ends are of one block, so that no router is between them."""
    wire = _block(mode, packet.source)
    return wire is not None and packet.destination in IPv4Network(wire.cidr)


def _block(mode: ModeWanted, address: Address) -> Block | None:
    """Return the block of an address, of a public one that of the private one which it means."""
    private = dict(gateways.publics(mode))
    meant = ip_address(private.get(str(address), str(address)))
    found = (one for one in mode.blocks if meant in ip_network(one.cidr))
    return next((Block(one.cidr, one.gateway) for one in found), None)


def _speaker(vpc: VpcWanted, address: Address) -> Speaker | None:
    return next((one for one in packetspeakers.of_vpc(vpc) if one.has(address)), None)


def _judge(journey: _Journey, speaker: Speaker, direction: Direction) -> _Journey | Way:
    """Ask the groups of an interface of this host."""
    assert speaker.interface is not None
    packet = journey.packet
    found = packetrules.find_rule(speaker.interface, speaker.vpc, packet, direction)
    hop = speaker.hop(HopKind.SECURITY_GROUP, found[0] if found else "", packet)
    hop = replace(hop, rule=found[1] if found else None, direction=direction)
    inside = journey.layout.vpc_namespace(speaker.vpc.id)
    journey = journey.past(tracing.of_group(journey.layout, speaker.vpc, inside, hop))
    if found is None:
        is_out = direction is Direction.EGRESS
        return journey.ends(End.EGRESS if is_out else End.INGRESS, speaker.id)
    return journey


def _receive(journey: _Journey, receiver: Speaker) -> Way:
    judged = _judge(journey, receiver, Direction.INGRESS)
    if isinstance(judged, Way):
        return judged
    layout = journey.layout
    inside, tap = layout.vpc_namespace(receiver.vpc.id), layout.tap(receiver.id)
    arrived = judged.past(tracing.device(receiver.id, inside, tap, is_coming=False))
    return arrived.ends(End.ARRIVED, receiver.id)


# By a leg


def _leave(journey: _Journey, sender: Speaker, receiver: Speaker | None) -> Way:
    """Follow a packet out of its VPC's namespace, and on where it is known who is next."""
    layout, mode, vpc = journey.layout, journey.mode, sender.vpc
    assert sender.interface is not None
    own = legs.of_vpc(layout, vpc.id, mode)
    found = legs.leg_of(own, sender.interface.private_ip)
    if found is None:
        return journey.ends(End.NO_ROUTE, sender.id, _NO_LEG)
    leg, block = found
    inside, packet = layout.vpc_namespace(vpc.id), journey.packet
    table = ways.table(block)
    journey = journey.past(_route(inside, str(table), layout.tap(sender.id), packet))
    public = {own: shown for shown, own in rules.published(vpc)}.get(str(packet.source))
    if public is not None and packet.destination not in ip_network(mode.subnet):
        said = f"its source becomes {public}"
        shown = replace(packet, source=ip_address(public))
        translated = tracing.translation(sender.id, inside, "outwards", said)
        journey = journey.past(translated, sent=shown)
    journey = journey.past(
        tracing.device(vpc.id, inside, leg.device, is_coming=False),
        tracing.device(vpc.id, _HERE, leg.port, is_coming=True),
    )
    if mode.kind in LAN:
        host_id = receiver.host_id if receiver is not None else ""
        return journey.goes_on(host_id, vpc, *(() if host_id else (_BY_LAN,)))
    return _leave_block(journey, sender, receiver, block)


def _leave_block(journey: _Journey, sender: Speaker, receiver: Speaker | None, block: Block) -> Way:
    """Follow a packet on the wire of its block: to a neighbour, or to the block's router."""
    wanted, packet = journey.wanted, journey.packet
    if packet.destination in ip_network(block.cidr):
        if receiver is None:
            return journey.ends(End.NOBODY, str(packet.destination))
        return journey.goes_on(receiver.host_id, sender.vpc)
    if gateways.is_gateway(wanted):
        return _lead(journey, block, sender.vpc.id)
    if receiver is not None:
        return journey.goes_on(receiver.host_id, sender.vpc, _BY_GATEWAY)
    charged = wanted.gateway.host_id if wanted.gateway is not None else ""
    return journey.goes_on(charged, sender.vpc)


def _route(namespace: str, table: str, device: str, packet: Packet) -> Look:
    step = TraceStep(kind="route", namespace=namespace, name=table)
    return Look(step=step, device=device, packet=packet)


# On the gateway host


def _lead(journey: _Journey, wire: Block, vpc_id: str) -> Way:
    """Follow a packet that comes to the gateway by the wire of a block."""
    layout, mode, packet = journey.layout, journey.mode, journey.packet
    inside = gateways.namespace(layout)
    by_cidr = {block.cidr: leg for leg in gateways.own_legs(layout, mode) for block in leg.blocks}
    leg = by_cidr.get(wire.cidr)
    if leg is None:
        return journey.ends(End.NO_ROUTE, "", _NO_LEG)
    journey = journey.past(
        tracing.device("", inside, leg.device, is_coming=True),
        _route(inside, "main", leg.device, packet),
    )
    target = _block(mode, packet.destination)
    if target is not None and target.cidr in by_cidr:
        journey = _hidden(journey, target)
        out: Leg = by_cidr[target.cidr]
        journey = journey.past(tracing.device("", inside, out.device, is_coming=False))
        return _come_in(journey, vpc_id)
    if packet.destination in ip_network(mode.subnet):
        return journey.ends(End.NOBODY, str(packet.destination))
    if not journey.wanted.egress:
        return journey.ends(End.NO_ROUTE, "", "network.egress is off: nobody leads to the world")
    if packet.source in ip_network(mode.subnet):
        said = "its source becomes the gateway's, and the host's behind it"
        journey = journey.past(tracing.translation("", inside, "outwards", said))
    edge = layout.edge_namespace
    return journey.past(
        tracing.device("", inside, network.EDGE, is_coming=False),
        tracing.device("", edge, gateways.EDGE_LINK, is_coming=True),
        tracing.device("", edge, network.HOST, is_coming=False),
    ).ends(End.WORLD)


def _hidden(journey: _Journey, target: Block) -> _Journey:
    """The journey of a packet to a public address: who has none himself comes as its router."""
    packet, inside = journey.packet, ip_network(journey.mode.subnet)
    if packet.destination in inside or packet.source not in inside:
        return journey
    namespace = gateways.namespace(journey.layout)
    said = f"its source becomes {target.router}"
    shown = replace(packet, source=ip_address(target.router))
    return journey.past(tracing.translation("", namespace, "outwards", said), sent=shown)


def _come_in(journey: _Journey, vpc_id: str) -> Way:
    """Follow a packet from the wire to who has its destination on this host, or say who has."""
    own = [one for one in journey.wanted.vpcs if one.id == vpc_id]
    others = [one for one in journey.wanted.vpcs if one.id != vpc_id]
    for vpc in (*own, *others):
        private = dict(gateways.publics(journey.mode)) | dict(rules.published(vpc))
        text = str(journey.packet.destination)
        receiver = _speaker(vpc, ip_address(private.get(text, text)))
        if receiver is not None and receiver.interface is not None:
            return _take_in(journey, receiver, ip_address(private.get(text, text)))
        if receiver is not None and vpc in own:
            return journey.goes_on(receiver.host_id, vpc)
    return journey.ends(End.WORLD, "", "it is on the wire of a guest on another host")


def _take_in(journey: _Journey, receiver: Speaker, private: Address) -> Way:
    layout, vpc = journey.layout, receiver.vpc
    inside = layout.vpc_namespace(vpc.id)
    found = legs.leg_of(legs.of_vpc(layout, vpc.id, journey.mode), str(private))
    if found is None:
        return journey.ends(End.NO_ROUTE, receiver.id, _NO_LEG)
    journey = journey.past(tracing.device(vpc.id, inside, found[0].device, is_coming=True))
    if private != journey.packet.destination:
        said = f"its destination becomes {private}"
        shown = replace(journey.packet, destination=private)
        translated = tracing.translation(receiver.id, inside, "inwards", said)
        journey = journey.past(translated, sent=shown)
    return _receive(journey, receiver)
