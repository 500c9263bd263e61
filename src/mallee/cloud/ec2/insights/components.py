"""A packet's way in AWS's shapes: the components that it passes, each with the rule that let it.

Called by `analyses` and `scopeanalyses` with what the reference evaluator found; `explanations`
shows components by the same names. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.cloud import things
from mallee.model import ids
from mallee.model.hosts.hosts import InterfaceWanted, VpcWanted
from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import RouteWanted, TransitRouteWanted, Way
from mallee.model.network.networks import Direction, Rule
from mallee.model.packets.hops import Hop, HopKind, LocalRoute, Packet

Shape = dict[str, Any]
"""A structure of AWS's, by its members."""

_KINDS = {
    "i": "instance",
    "eni": "network-interface",
    "sg": "security-group",
    "acl": "network-acl",
    "rtb": "route-table",
    "igw": "internet-gateway",
    "eigw": "egress-only-internet-gateway",
    "nat": "natgateway",
    "pcx": "vpc-peering-connection",
    "vpce": "vpc-endpoint",
    "vpc": "vpc",
    "subnet": "subnet",
    "tgw": "transit-gateway",
    "tgw-attach": "transit-gateway-attachment",
    "tgw-rtb": "transit-gateway-route-table",
}
"""Types of things by the prefixes of their ids, as ARNs have them."""
_TARGETS = {
    Way.INTERNET: "GatewayId",
    Way.EGRESS_ONLY: "EgressOnlyInternetGatewayId",
    Way.NAT: "NatGatewayId",
    Way.INTERFACE: "NetworkInterfaceId",
    Way.PEERING: "VpcPeeringConnectionId",
    Way.ENDPOINT: "GatewayId",
    Way.TRANSIT: "TransitGatewayId",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How things of an account are shown."""

    region: str
    account: str
    vpcs: Mapping[str, VpcWanted]
    gateways: Mapping[str, str]
    """The internet gateway of each VPC."""

    def shown(self, id: str) -> Shape:
        """Return a component by its id."""
        kind = _KINDS.get(ids.prefix_of(id))
        arn = things.of_ec2(self.region, self.account, kind, id) if kind else None
        return {"Id": id, **({"Arn": arn} if arn else {})}

    def interface(self, id: str) -> InterfaceWanted | None:
        """Return an interface that may be on the way."""
        held = (one for vpc in self.vpcs.values() for one in vpc.interfaces)
        return next((one for one in held if one.id == id), None)

    def id_of(self, hop: Hop) -> str:
        """Return the id of what was met: an internet gateway is told from its VPC."""
        if hop.kind is HopKind.INTERNET_GATEWAY:
            return hop.id or self.gateways.get(hop.vpc_id, "")
        return hop.id


def path(names: Names, hops: Iterable[Hop]) -> tuple[Shape, ...]:
    """Return the components of a way, numbered from 1."""
    held = list(hops)
    found = [
        component
        for number, hop in enumerate(held)
        for component in _of_hop(names, hop, is_first=number == 0)
    ]
    return tuple({"SequenceNumber": number, **one} for number, one in enumerate(found, 1))


def _of_hop(names: Names, hop: Hop, *, is_first: bool) -> Iterator[Shape]:
    id = names.id_of(hop)
    owner = names.interface(id) if hop.kind is HopKind.INTERFACE else None
    instance_id = owner.instance_id if owner else ""
    leaves, comes = header(hop.sent or hop.packet), header(hop.packet)
    if instance_id and is_first:
        yield {"Component": names.shown(instance_id), "OutboundHeader": leaves}
    made: Shape = {"Component": names.shown(id)} if id else {}
    if hop.subnet_id and hop.kind in (HopKind.INTERFACE, HopKind.NAT_GATEWAY):
        made["Subnet"] = names.shown(hop.subnet_id)
    if hop.vpc_id:
        made["Vpc"] = names.shown(hop.vpc_id)
    if hop.kind is HopKind.TRANSIT_GATEWAY:
        made["TransitGateway"] = names.shown(hop.id)
    if instance_id:
        made["AttachedTo"] = names.shown(instance_id)
    if hop.interface_id and hop.kind is HopKind.SECURITY_GROUP:
        made["AttachedTo"] = names.shown(hop.interface_id)
    if hop.subnet_id and hop.kind in (HopKind.NETWORK_ACL, HopKind.ROUTE_TABLE):
        made["AttachedTo"] = names.shown(hop.subnet_id)
    if hop.kind is HopKind.INTERFACE:
        made["OutboundHeader" if is_first else "InboundHeader"] = leaves if is_first else comes
    elif hop.kind.is_gateway:
        made |= {"InboundHeader": comes, "OutboundHeader": leaves}
    yield {**made, **rule_of(hop)}
    if instance_id and not is_first:
        yield {"Component": names.shown(instance_id), "InboundHeader": comes}


def header(packet: Packet) -> Shape:
    """Return what is seen of a packet."""
    return {
        "Protocol": str(packet.protocol),
        "SourceAddresses": [_cidr(packet.source)],
        "DestinationAddresses": [_cidr(packet.destination)],
        "SourcePortRanges": [_ports(packet.source_port, packet.source_port)],
        "DestinationPortRanges": [_ports(packet.destination_port, packet.destination_port)],
    }


def _cidr(address: object) -> str:
    return f"{address}/{128 if ':' in str(address) else 32}"


def _ports(low: int, high: int) -> Shape:
    return {"From": low, "To": high}


def rule_of(hop: Hop) -> Shape:
    """Return the rule of a hop under the name of its kind; empty: nothing decided."""
    match hop.rule:
        case Rule() as rule:
            return {"SecurityGroupRule": _group_rule(hop, rule)}
        case AclEntry() as entry:
            return {"AclRule": acl_rule(entry)}
        case RouteWanted() | LocalRoute() as route:
            return {"RouteTableRoute": table_route(route)}
        case TransitRouteWanted() as route:
            return {"TransitGatewayRouteTableRoute": transit_route(route)}
        case None:
            return {}


def transit_route(route: TransitRouteWanted) -> Shape:
    """Return a route of a transit gateway's table."""
    made: Shape = {
        "DestinationCidr": route.cidr,
        "State": "active" if route.attachment_id else "blackhole",
    }
    return made | ({"AttachmentId": route.attachment_id} if route.attachment_id else {})


def _group_rule(hop: Hop, rule: Rule) -> Shape:
    made: Shape = {
        "Direction": "egress" if hop.direction is Direction.EGRESS else "ingress",
        "Protocol": "all" if rule.protocol == "-1" else rule.protocol,
    }
    cidr = rule.cidr or rule.cidr6
    if cidr:
        made["Cidr"] = cidr
    if rule.group_id:
        made["SecurityGroupId"] = rule.group_id
    if rule.prefix_list_id:
        made["PrefixListId"] = rule.prefix_list_id
    if rule.from_port >= 0:
        made["PortRange"] = _ports(rule.from_port, rule.to_port)
    return made


def acl_rule(entry: AclEntry) -> Shape:
    """Return an entry of a network ACL."""
    made: Shape = {
        "Cidr": entry.cidr or entry.cidr6,
        "Egress": entry.is_egress,
        "Protocol": "all" if entry.protocol == "-1" else entry.protocol,
        "RuleAction": "allow" if entry.is_allowed else "deny",
        "RuleNumber": entry.number,
    }
    if entry.protocol in ("6", "17"):
        made["PortRange"] = _ports(entry.from_port, entry.to_port)
    return made


def table_route(route: RouteWanted | LocalRoute) -> Shape:
    """Return a route of a table."""
    if isinstance(route, LocalRoute):
        return {
            "DestinationCidr": route.cidr,
            "GatewayId": "local",
            "Origin": "createroutetable",
            "State": "active",
        }
    made: Shape = {"DestinationCidr": route.cidr, "Origin": "createroute"}
    target = _TARGETS.get(route.way)
    if target is not None:
        made[target] = route.target_id
    return {**made, "State": "blackhole" if route.way is Way.BLACKHOLE else "active"}
