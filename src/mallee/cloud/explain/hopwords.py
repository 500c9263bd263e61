"""What a packet meets, in words that its user understands: which rule of which of his things.

One place for all who explain a packet's way: `mallee why-not packet`, `mallee trace`. How a way
ends is said by `packets.WHY`. Pure.
"""

from typing import Any

from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import RouteWanted, Way
from mallee.model.network.networks import Direction, Rule
from mallee.model.packets.hops import Hop, HopKind, LocalRoute


def shown(hops: tuple[Hop, ...]) -> list[dict[str, Any]]:
    """Return the hops as the API shows them, each with its sentence."""
    return [
        {
            "Kind": hop.kind.value,
            "ResourceId": hop.id or None,
            "VpcId": hop.vpc_id or None,
            "SubnetId": hop.subnet_id or None,
            "Words": words(hop, is_first=number == 0),
            "Stops": hop.is_stop,
        }
        for number, hop in enumerate(hops)
    ]


def words(hop: Hop, *, is_first: bool) -> str:
    """Return what a thing does with the packet."""
    match hop.kind:
        case HopKind.INTERFACE:
            return _of_interface(hop, is_first=is_first)
        case HopKind.SECURITY_GROUP:
            return _of_group(hop)
        case HopKind.NETWORK_ACL:
            return _of_acl(hop)
        case HopKind.ROUTE_TABLE:
            return _of_table(hop)
        case _:
            return _of_gateway(hop)


def _of_interface(hop: Hop, *, is_first: bool) -> str:
    if hop.is_stop:
        return f"{hop.id} does not take it: {hop.packet.source} to {hop.packet.destination}"
    if is_first:
        return f"{hop.id} sends it, from {hop.packet.source}"
    return f"{hop.id} receives it, at {hop.packet.destination}"


def _of_group(hop: Hop) -> str:
    is_egress = hop.direction is Direction.EGRESS
    side = "egress" if is_egress else "ingress"
    if not isinstance(hop.rule, Rule):
        return f"no {side} rule of the groups of {hop.interface_id} lets it pass"
    peer = hop.rule.cidr or hop.rule.cidr6 or hop.rule.group_id or hop.rule.prefix_list_id
    towards = "to" if is_egress else "from"
    what = _traffic(hop.rule.protocol, hop.rule.from_port, hop.rule.to_port)
    return f"the {side} rule {hop.rule.id} of {hop.id} lets {what} {towards} {peer} pass"


def _traffic(protocol: str, low: int, high: int) -> str:
    name = {"-1": "all", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}.get(
        protocol, protocol
    )
    if name not in ("tcp", "udp") or low < 0:
        return name
    return f"{name} {low}" if low == high else f"{name} {low}-{high}"


def _of_acl(hop: Hop) -> str:
    side = "egress" if hop.direction is Direction.EGRESS else "ingress"
    if not isinstance(hop.rule, AclEntry):
        return f"no {side} entry of {hop.id} allows it"
    entry = hop.rule
    what = _traffic(entry.protocol, entry.from_port, entry.to_port)
    does = "allows" if entry.is_allowed else "denies"
    where = entry.cidr or entry.cidr6
    return f"the {side} entry {entry.number} of {hop.id} ({what}, {where}) {does} it"


def _of_table(hop: Hop) -> str:
    table = hop.id or "the main route table"
    match hop.rule:
        case LocalRoute(cidr):
            return f"{table} keeps {cidr} inside the VPC"
        case RouteWanted(cidr, way, target) if cidr and way is not Way.BLACKHOLE:
            end = ", which leads no further" if hop.is_stop else ""
            return f"{table} leads {cidr} to {target or way.value}{end}"
        case RouteWanted(cidr) if cidr:
            return f"{table} leads {cidr} into a black hole"
        case _:
            return f"{table} has no route to {hop.packet.destination}"


def _of_gateway(hop: Hop) -> str:
    name = hop.id or "the internet gateway"
    if hop.is_stop:
        return f"{name} does not let {hop.packet.source} to {hop.packet.destination} pass"
    if hop.sent is None or hop.sent == hop.packet:
        return f"{name} passes it on"
    changes: list[str] = []
    if hop.sent.source != hop.packet.source:
        changes.append(f"its source becomes {hop.sent.source}")
    if hop.sent.destination != hop.packet.destination:
        changes.append(f"its destination becomes {hop.sent.destination}")
    return f"{name} passes it on: {', '.join(changes)}"
