"""Why a packet does not get there, in AWS's codes; the words are those of `explain.packets`.

Called by `analyses` with the way that came furthest. A code is given where AWS's means the very
same; `AWS_CODES` says which end of a way is which. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from mallee.cloud.ec2.insights import components
from mallee.cloud.ec2.insights.components import Names, Shape
from mallee.cloud.ec2.insights.ends import Place, PlaceKind
from mallee.model.network.carried import RouteWanted, Way
from mallee.model.network.networks import Direction
from mallee.model.packets.hops import End, Hop, HopKind, Trace

AWS_CODES: Mapping[End, str] = {
    End.SENDER: "ENI_SOURCE_DEST_CHECK_RESTRICTION",
    End.EGRESS: "ENI_SG_RULES_MISMATCH",
    End.INGRESS: "ENI_SG_RULES_MISMATCH",
    End.ACL_OUT: "SUBNET_ACL_RESTRICTION",
    End.ACL_IN: "SUBNET_ACL_RESTRICTION",
    End.NO_ROUTE: "NO_ROUTE_TO_DESTINATION",
    End.NO_TRANSIT: "TGW_RTB_CANNOT_ROUTE",
    End.NOBODY: "NO_POSSIBLE_DESTINATION",
    End.NO_PUBLIC_ADDRESS: "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
    End.CHECKED: "ENI_SOURCE_DEST_CHECK_RESTRICTION",
    End.BLOCKED: "VPC_BLOCK_PUBLIC_ACCESS_ENABLED",
    End.CLOSED: "NO_ROUTE_TO_DESTINATION",
}
"""By how a way ends that leads to nobody."""


def of_nothing(names: Names, source: Place, destination: Place | None) -> tuple[Shape, ...]:
    """Return why there is not even a packet to try: an end is attached to nothing."""
    for place in (source, destination):
        if place is not None and not (place.vpc_id and place.addresses):
            return ({**_coded("UNASSOCIATED_COMPONENT"), "Component": names.shown(place.id)},)
    return (_coded("NO_POSSIBLE_DESTINATION"),)


def of_filters(names: Names, through: frozenset[str], passed: frozenset[str]) -> tuple[Shape, ...]:
    """Return that filters forbid the way that is there."""
    missing = sorted(through - passed)
    shown = {"Component": names.shown(missing[0])} if missing else {}
    return ({**_coded("COMPONENT_FILTER_RESTRICTION"), **shown},)


def of(names: Names, found: Trace, source: Place, wanted: Place | None) -> tuple[Shape, ...]:
    """Return what stopped a packet, or that it came to somebody else."""
    stop = next((hop for hop in found.hops if hop.is_stop), None)
    if stop is not None:
        return tuple(_of_stop(names, found, stop))
    if source.kind is PlaceKind.INTERNET and not found.hops:
        code = "IGW_PUBLIC_IP_ASSOCIATION_FOR_INGRESS"
        return ({**_coded(code), "InternetGateway": names.shown(source.id), **_vpc(names, source)},)
    if found.end in AWS_CODES:
        address = str(found.packet.destination) if found.packet else ""
        return ({**_coded(AWS_CODES[found.end]), "Address": address},)
    made = {**_coded("CANNOT_ROUTE"), **({"Component": names.shown(found.at)} if found.at else {})}
    return ({**made, **({"Destination": names.shown(wanted.id)} if wanted else {})},)


def _of_stop(names: Names, found: Trace, stop: Hop) -> list[Shape]:
    made = _coded(_code(found, stop))
    if stop.vpc_id:
        made["Vpc"] = names.shown(stop.vpc_id)
    if stop.subnet_id:
        made["Subnet"] = names.shown(stop.subnet_id)
    if stop.direction is not None:
        made["Direction"] = "egress" if stop.direction is Direction.EGRESS else "ingress"
    match stop.kind:
        case HopKind.SECURITY_GROUP:
            return [{**made, **_of_groups(names, stop)}]
        case HopKind.NETWORK_ACL:
            return [{**made, "Acl": names.shown(stop.id), **components.rule_of(stop)}]
        case HopKind.ROUTE_TABLE:
            return [{**made, **_of_table(names, stop)}]
        case HopKind.INTERNET_GATEWAY:
            gateway = {"InternetGateway": names.shown(names.id_of(stop))}
            return [{**made, **gateway, "NetworkInterface": names.shown(found.at)}]
        case HopKind.NAT_GATEWAY:
            return [{**made, "NatGateway": names.shown(stop.id)}]
        case HopKind.PEERING:
            return [{**made, "VpcPeeringConnection": names.shown(stop.id)}]
        case HopKind.TRANSIT_TABLE:
            table = names.shown(stop.id)
            return [{**made, "TransitGatewayRouteTable": table, **components.rule_of(stop)}]
        case HopKind.INTERFACE:
            return [{**made, "NetworkInterface": names.shown(stop.id)}]
        case _:
            return [{**made, "Component": names.shown(stop.id)}]


def _code(found: Trace, stop: Hop) -> str:
    if stop.kind is HopKind.PEERING:
        return "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"
    if stop.kind is HopKind.TRANSIT_GATEWAY:
        return "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"
    if stop.kind is HopKind.ROUTE_TABLE and isinstance(stop.rule, RouteWanted) and stop.rule.cidr:
        is_service = stop.rule.way is Way.ENDPOINT
        return "VPCE_GATEWAY_PROTOCOL_RESTRICTION" if is_service else "BAD_STATE_ROUTE"
    return AWS_CODES[found.end]


def _of_groups(names: Names, stop: Hop) -> Shape:
    interface = names.interface(stop.interface_id)
    worn = interface.group_ids if interface else ()
    return {
        "NetworkInterface": names.shown(stop.interface_id),
        "SecurityGroups": [names.shown(id) for id in worn],
    }


def _of_table(names: Names, stop: Hop) -> Shape:
    table = names.shown(stop.id)
    made: Shape = {
        "RouteTable": table,
        "SubnetRouteTable": table,
        "Address": str(stop.packet.destination),
    }
    is_there = isinstance(stop.rule, RouteWanted) and stop.rule.cidr
    return {**made, **(components.rule_of(stop) if is_there else {})}


def _vpc(names: Names, place: Place) -> Shape:
    return {"Vpc": names.shown(place.vpc_id)}


def _coded(code: str) -> Shape:
    return {"ExplanationCode": code}
