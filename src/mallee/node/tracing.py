"""Tells by what way a packet goes through this host, what was counted there, and, where asked, what
becomes of a probe: a packet that is sent as its guest would.

Called by the reconciler, for who asks the cloud. What is asked is not taken for true: the interface
must be one that this host carries, the addresses addresses. Without a probe nothing is sent and
nothing is changed.
"""

import random
from dataclasses import replace as value_replace

from msgspec.structs import replace

from mallee.kit import process
from mallee.model.hosts.hosts import HostWanted, InterfaceWanted
from mallee.model.packets import packets
from mallee.model.packets.hops import Packet
from mallee.model.packets.traces import HostTrace, ProbeTold, TraceAsk, TraceStep
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.network import ways
from mallee.node.host import Host
from mallee.node.modes import tracing as modetracing
from mallee.node.modes.tracing import Way
from mallee.node.plan.network import probes, probetold, tracing
from mallee.node.plan.network.probes import Sending
from mallee.node.plan.network.tracing import Look

_PORTS = (49152, 65535)


def tell(host: Host, wanted: HostWanted | None, ask: TraceAsk) -> HostTrace:
    """Return a packet's way; blocks, with a probe for up to a few seconds.

    Raises `HypervisorFailed` for what cannot be asked of this host.
    """
    vpcs = {vpc.id: vpc for vpc in wanted.vpcs} if wanted else {}
    if wanted is not None and ask.place is not None:
        return _tell_from_afar(host, wanted, ask)
    held = (one for vpc in vpcs.values() for one in vpc.interfaces)
    sender = next((one for one in held if one.id == ask.interface_id), None)
    if wanted is None or sender is None:
        raise HypervisorFailed(f"this host does not carry {ask.interface_id[:32]!r}")
    try:
        packet = tracing.read_packet(ask)
    except ValueError as error:
        raise HypervisorFailed(f"that is no packet to ask about: {error}") from error
    if wanted.mode is not None:
        told = _in_mode(modetracing.follow(host.layout, wanted, sender.id, packet))
    else:
        transit = {one.id: one for one in wanted.transit_gateways}
        found = packets.trace(vpcs, sender.id, packet, transit)
        steps = tuple(_looked_at(look) for look in tracing.looks(host.layout, wanted, found))
        told = HostTrace(
            end=found.end.value, at=found.at, steps=steps, crossing=tracing.crossing(found)
        )
    return replace(told, probe=_probe(host, wanted, sender, packet)) if ask.is_probe else told


def _in_mode(way: Way) -> HostTrace:
    """Return a way by the administrator's own network, with what the kernel says of it now."""
    return HostTrace(
        end=way.end.value,
        at=way.at,
        steps=tuple(_looked_at(look) for look in way.looks),
        crossing=way.crossing,
        notes=way.notes,
    )


def _tell_from_afar(host: Host, wanted: HostWanted, ask: TraceAsk) -> HostTrace:
    """Return the way of a packet that comes from another host; nothing is sent."""
    vpcs = {vpc.id: vpc for vpc in wanted.vpcs}
    in_mode = wanted.mode is not None
    if ask.place is None or (ask.place[0] not in vpcs and not in_mode):
        raise HypervisorFailed("this host does not carry the VPC of that packet")
    try:
        packet = tracing.read_packet(ask)
    except ValueError as error:
        raise HypervisorFailed(f"that is no packet to ask about: {error}") from error
    if wanted.mode is not None:
        return _in_mode(modetracing.follow_in(host.layout, wanted, ask.place[0], packet))
    transit = {one.id: one for one in wanted.transit_gateways}
    found = packets.trace_from_afar(vpcs, ask.place, packet, transit)
    steps = tuple(_looked_at(look) for look in tracing.looks(host.layout, wanted, found))
    return HostTrace(end=found.end.value, at=found.at, steps=steps)


def _looked_at(look: Look) -> TraceStep:
    """Return a step with what the kernel says of it now."""
    step = look.step
    match step.kind:
        case "device":
            found = ways.fetch_device(step.namespace, step.name, is_coming=look.is_coming)
            if found is None:
                return replace(step, text="it is not there")
            return replace(step, text=found.text, packets=found.packets, octets=found.octets)
        case "rule":
            return _rule(look)
        case "route" if look.packet is not None:
            asked = ways.RouteQuestion(
                namespace=step.namespace,
                device=look.device,
                source=str(look.packet.source),
                destination=str(look.packet.destination),
                mark=look.mark,
            )
            return replace(step, text=ways.fetch_route(asked))
        case _:
            return step


def _rule(look: Look) -> TraceStep:
    step, rules = look.step, ways.fetch_chain(look.step.namespace, look.step.name)
    if not rules:
        return replace(step, text="the chain is not there")
    if look.index is not None and -len(rules) <= look.index < len(rules):
        found = rules[look.index]
    else:
        # A name may begin like another's: the set's name ends where a space begins.
        found = next((one for one in rules if f"{look.marker} " in f"{one.text} "), None)
    if found is None:
        return replace(step, text="no such rule is there: what is wanted is not set yet")
    return replace(step, text=found.text, packets=found.packets, octets=found.octets)


def _probe(host: Host, wanted: HostWanted, sender: InterfaceWanted, packet: Packet) -> ProbeTold:
    tap = host.layout.tap(sender.id)
    namespace = host.layout.vpc_namespace(sender.vpc_id)
    if not any(one.name == tap and one.namespace == namespace for one in host.network.taps()):
        return ProbeTold(
            end="unsent", at=sender.id, why=f"{sender.id} is not plugged in: its guest is not there"
        )
    port = random.randint(*_PORTS)
    sent = value_replace(packet, source_port=port if packet.source_port else 0)
    tag = random.getrandbits(32)
    sending = Sending(
        probe=probes.Probe(sent, tag, port),
        namespace=namespace,
        tap=tap,
        mac=sender.mac,
        watched=tracing.watched(host.layout, wanted, sender.vpc_id),
    )
    try:
        seen = host.network.probe(sending)
    except (process.Failed, process.TimedOut, OSError) as error:
        return ProbeTold(end="unsent", at=sender.id, why=f"this host could not send it: {error}")
    return probetold.told(host.layout, wanted, sending, seen)
