"""Routes: added to a table, changed and removed; the local ones come with the VPC's ranges.

Called through the action table, and by `routetables` to show them. A *target* is what a route leads
to; whether it can carry packets now is `ways`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.ec2.vpc.routing import peerings, ways
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.carried import Way
from mallee.model.network.routing import Origin, Route, RouteTable, TargetKind
from mallee.model.network.transit import Phase

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_TABLE = 500
"""Of each family, without the local ones."""

DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")

TableRecord = Record[RouteTable, None]


def create_route(call: WriteCall, request: shapes.CreateRouteRequest) -> shapes.CreateRouteResult:
    """Add a route to a table that has none of that destination."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    route = _parse_destination(call, request)
    if route.destination in (*_local(call, table), *(it.destination for it in table.doc.routes)):
        raise errors.RouteAlreadyExists(route.destination)
    route = _aimed(call, request, table, route)
    alike = [it for it in table.doc.routes if (it.cidr6 is None) is (route.cidr6 is None)]
    if len(alike) >= MAX_PER_TABLE:
        raise errors.RouteLimitExceeded(MAX_PER_TABLE)
    call.tx.write(table, replace(table.doc, routes=(*table.doc.routes, route)))
    return {"Return": True}


def replace_route(call: WriteCall, request: shapes.ReplaceRouteRequest) -> Result:
    """Let a route that is there lead somewhere else."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    wanted = _parse_destination(call, request)
    current = _matching(table, wanted)
    is_local = wanted.destination in _local(call, table)
    if request.get("LocalTarget"):
        return _restore(call, request, table, wanted.destination)
    if current is None and is_local:
        # It stands in the place of a local route from now on.
        current = replace(wanted, origin=Origin.TABLE)
        table = call.tx.write(table, replace(table.doc, routes=(*table.doc.routes, current)))
    if current is None or current.target is TargetKind.ENDPOINT:
        raise errors.InvalidParameterValue(
            f"There is no route defined for '{wanted.destination}' in the route table. "
            "Use CreateRoute instead."
        )
    changed = _aimed(call, request, table, replace(wanted, origin=current.origin))
    routes = tuple(changed if route is current else route for route in table.doc.routes)
    call.tx.write(table, replace(table.doc, routes=routes))
    return {}


def _restore(call: WriteCall, request: Request, table: TableRecord, destination: str) -> Result:
    """Let a local route lead inside the VPC again."""
    if any(request.get(name) for name in _TARGETS):
        raise errors.InvalidParameterCombination("LocalTarget is itself a target.")
    if destination not in _local(call, table):
        raise errors.InvalidParameterValue(
            f"The destination {destination} is no local route of route table {table.id}."
        )
    left = tuple(route for route in table.doc.routes if route.destination != destination)
    call.tx.write(table, replace(table.doc, routes=left))
    return {}


def delete_route(call: WriteCall, request: shapes.DeleteRouteRequest) -> Result:
    """Remove a route."""
    table = resources.one(call, records.ROUTE_TABLE, request["RouteTableId"])
    wanted = _parse_destination(call, request)
    current = _matching(table, wanted)
    if wanted.destination in _local(call, table):
        raise errors.InvalidParameterValue(
            f"cannot remove local route {wanted.destination} in route table {table.id}"
        )
    if current is None:
        raise errors.InvalidRouteNotFound(wanted.destination, table.id)
    if current.target is TargetKind.ENDPOINT:
        raise errors.InvalidParameterValue(
            f"cannot remove VPC endpoint route {wanted.destination} in route table {table.id}"
        )
    routes = tuple(route for route in table.doc.routes if route is not current)
    call.tx.write(table, replace(table.doc, routes=routes))
    return {}


def _matching(table: TableRecord, wanted: Route) -> Route | None:
    return next((it for it in table.doc.routes if it.destination == wanted.destination), None)


def _local(call: Call, table: TableRecord) -> tuple[str, ...]:
    """Return the destinations of the table's local routes."""
    vpc = resources.reader(call).get(records.VPC, table.doc.vpc_id)
    if vpc is None:
        return ()
    return (*vpc.doc.cidrs, *(block.cidr for block in vpc.doc.ipv6_cidrs))


def _parse_destination(call: Call, request: Request) -> Route:
    """Return a route with the destination asked for, and no target yet."""
    given = [name for name in DESTINATIONS if request.get(name)]
    if not given:
        raise errors.MissingParameter("destinationCidrBlock")
    if len(given) > 1:
        raise errors.InvalidParameterCombination(
            f"Exactly one of {', '.join(DESTINATIONS)} must be given."
        )
    text: str = request[given[0]]
    nowhere = Route(target=TargetKind.LOCAL, target_id="")
    match given[0]:
        case "DestinationCidrBlock":
            return replace(nowhere, cidr=str(ranges.parse4(text, "destinationCidrBlock")))
        case "DestinationIpv6CidrBlock":
            return replace(nowhere, cidr6=str(ranges.parse6(text, "destinationIpv6CidrBlock")))
        case _:
            list_ = resources.one(call, records.PREFIX_LIST, text)
            return replace(nowhere, prefix_list_id=list_.id)


# --- targets ---


def _aimed(call: WriteCall, request: Request, table: TableRecord, route: Route) -> Route:
    """Return the route with the one target that the request names."""
    given = [name for name in _TARGETS if request.get(name)]
    if len(given) != 1:
        names = ", ".join(name[0].lower() + name[1:] for name in _TARGETS)
        if not given:
            raise errors.MissingParameter(names)
        raise errors.InvalidParameterCombination(f"Exactly one of {names} must be given.")
    kind, id = _TARGETS[given[0]](call, request[given[0]], table)
    aimed = replace(route, target=kind, target_id=id)
    _check_family(aimed)
    _check_specific(call, table, aimed)
    if call.tx.by(records.INTERNET_GATEWAY, "route-table", table.id):
        check_of_gateway(call, table, aimed)
    return aimed


def _check_family(route: Route) -> None:
    if route.target is TargetKind.EGRESS_ONLY and route.cidr is not None:
        raise errors.InvalidParameterValue(
            "Egress-only internet gateways are for IPv6 traffic only."
        )
    if route.target is TargetKind.NAT and route.cidr6 is not None:
        raise errors.InvalidParameterValue(
            f"The destination {route.cidr6} cannot lead to a NAT gateway: it translates IPv4."
        )


def _check_specific(call: Call, table: TableRecord, route: Route) -> None:
    """Refuse what would lead packets of the VPC astray: only an appliance may get those for one of
    its subnets, or for all of a range."""
    local = _local(call, table)
    if route.prefix_list_id is not None or not ranges.is_within(
        ip_network(route.destination), local
    ):
        return
    if route.target not in (TargetKind.INTERFACE, TargetKind.NAT):
        raise errors.InvalidParameterValue(
            f"The destination CIDR block {route.destination} is equal to or more specific than "
            "one of this VPC's CIDR blocks. This route can target only an interface or an instance."
        )
    if route.destination not in (*local, *_subnets(call, table)):
        raise errors.InvalidParameterValue(
            f"The destination CIDR block {route.destination} is more specific than one of this "
            "VPC's CIDR blocks, and is the CIDR block of no subnet."
        )


def _subnets(call: Call, table: TableRecord) -> Iterator[str]:
    for subnet in resources.reader(call).by(records.SUBNET, "vpc", table.doc.vpc_id):
        yield subnet.doc.cidr
        yield from (block.cidr for block in subnet.doc.ipv6_cidrs)


def check_of_gateway(call: Call, table: TableRecord, route: Route) -> None:
    """Raise unless an internet gateway's table may have the route: from an interface to the VPC."""
    is_inside = route.prefix_list_id is None and ranges.is_within(
        ip_network(route.destination), _local(call, table)
    )
    if route.target is not TargetKind.INTERFACE or not is_inside:
        raise errors.InvalidParameterValue(
            f"Route table {table.id} is a gateway route table: its route to {route.destination} "
            "must be for a CIDR block of the VPC or of a subnet, and target an interface."
        )


def _gateway(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    if id.startswith("eigw-"):
        return _egress_only(call, id, table)
    if not id.startswith("igw-"):
        raise errors.InvalidGatewayIDNotFound(id)
    gateway = resources.one(call, records.INTERNET_GATEWAY, id)
    _check_same_vpc(table, gateway.doc.vpc_id, f"network gateway {gateway.id}")
    return TargetKind.INTERNET, gateway.id


def _egress_only(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    gateway = resources.one(call, records.EGRESS_ONLY_GATEWAY, id)
    _check_same_vpc(table, gateway.doc.vpc_id, f"egress-only internet gateway {gateway.id}")
    return TargetKind.EGRESS_ONLY, gateway.id


def _nat(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    resources.check_form(records.NAT_GATEWAY, id)
    gateway = call.tx.get(records.NAT_GATEWAY, id)
    if gateway is None or gateway.account != call.account or not gateway.doc.is_there:
        raise errors.InvalidNatGatewayIDNotFound(id)
    _check_same_vpc(table, gateway.doc.vpc_id, f"NAT gateway {gateway.id}")
    return TargetKind.NAT, gateway.id


def _interface(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    interface = resources.one(call, records.INTERFACE, id)
    _check_same_vpc(table, interface.doc.vpc_id, f"interface {interface.id}")
    return TargetKind.INTERFACE, interface.id


def _instance(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    instance = resources.one(call, records.INSTANCE, id)
    found = call.tx.by(records.INTERFACE, "instance", instance.id)
    if len(found) != 1:
        raise errors.InvalidInstanceID(
            f"There are multiple interfaces attached to instance '{instance.id}'. Please specify "
            "an interface ID for the operation instead."
            if found
            else f"There is no interface attached to instance '{instance.id}'."
        )
    return _interface(call, found[0].id, table)


def _peering(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    peering = peerings.one(call, id)
    ends = (peering.doc.requester, peering.doc.accepter)
    if not any(end.vpc_id == table.doc.vpc_id for end in ends):
        _check_same_vpc(table, None, f"VPC peering connection {peering.id}")
    if peerings.is_over(peering.doc, call.now):
        raise errors.InvalidStateTransition(
            f"The VPC peering connection {peering.id} is not active."
        )
    return TargetKind.PEERING, peering.id


def _transit(call: WriteCall, id: str, table: TableRecord) -> tuple[TargetKind, str]:
    """Return a transit gateway that the table's VPC is attached to; others are not there."""
    id = resources.check_form(records.TRANSIT_GATEWAY, id)
    attached = call.tx.by(records.TRANSIT_ATTACHMENT, "vpc", table.doc.vpc_id)
    if not any(it.doc.gateway_id == id and it.doc.phase is Phase.OPEN for it in attached):
        raise errors.InvalidTransitGatewayIDNotFound(id)
    return TargetKind.TRANSIT, id


def _check_same_vpc(table: TableRecord, vpc_id: str | None, what: str) -> None:
    if vpc_id != table.doc.vpc_id:
        raise errors.InvalidParameterValue(
            f"route table {table.id} and {what} belong to different networks"
        )


_TARGETS: Mapping[str, Callable[[WriteCall, str, TableRecord], tuple[TargetKind, str]]] = {
    "GatewayId": _gateway,
    "EgressOnlyInternetGatewayId": _egress_only,
    "NatGatewayId": _nat,
    "NetworkInterfaceId": _interface,
    "InstanceId": _instance,
    "VpcPeeringConnectionId": _peering,
    "TransitGatewayId": _transit,
}
"""Members that name a target, with what finds it."""


# --- shown ---


def shown(call: Call, table: TableRecord) -> list[shapes.Route]:
    """Return the routes of a table as the API lists them, the local ones first."""
    replaced = {route.destination for route in table.doc.routes}
    return [
        *(_shown_local(cidr) for cidr in _local(call, table) if cidr not in replaced),
        *(_shown(call, table, route) for route in table.doc.routes),
    ]


def _shown_local(cidr: str) -> shapes.Route:
    member = "DestinationIpv6CidrBlock" if ":" in cidr else "DestinationCidrBlock"
    row: Any = {
        member: cidr,
        "GatewayId": "local",
        "Origin": Origin.TABLE.value,
        "State": "active",
    }
    return row


def _shown(call: Call, table: TableRecord, route: Route) -> shapes.Route:
    view = resources.reader(call)
    is_dead = ways.of(view, table.doc, route) is Way.BLACKHOLE
    row: dict[str, Any] = {
        "DestinationCidrBlock": route.cidr,
        "DestinationIpv6CidrBlock": route.cidr6,
        "DestinationPrefixListId": route.prefix_list_id,
        _MEMBERS[route.target]: route.target_id,
        "Origin": route.origin.value,
        "State": "blackhole" if is_dead else "active",
    }
    if route.target is TargetKind.INTERFACE:
        interface = view.get(records.INTERFACE, route.target_id)
        if interface is not None and interface.doc.instance_id is not None:
            row |= {
                "InstanceId": interface.doc.instance_id,
                "InstanceOwnerId": interface.account,
            }
    shown: Any = row
    return shown


_MEMBERS: Mapping[TargetKind, str] = {
    TargetKind.LOCAL: "GatewayId",
    TargetKind.INTERNET: "GatewayId",
    TargetKind.ENDPOINT: "GatewayId",
    TargetKind.EGRESS_ONLY: "EgressOnlyInternetGatewayId",
    TargetKind.NAT: "NatGatewayId",
    TargetKind.INTERFACE: "NetworkInterfaceId",
    TargetKind.PEERING: "VpcPeeringConnectionId",
    TargetKind.TRANSIT: "TransitGatewayId",
}


def to_internet(gateway_id: str) -> tuple[Route, ...]:
    """Return the routes of a default VPC's main table: everything beyond it is the internet's."""
    return (Route(cidr="0.0.0.0/0", target=TargetKind.INTERNET, target_id=gateway_id),)


_HONOURS: Sequence[str] = ("RouteTableId", *DESTINATIONS)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateRoute",
        does=Write(handle=create_route),
        honours=frozenset((*_HONOURS, *_TARGETS)),
    ),
    Action(
        service="ec2",
        name="ReplaceRoute",
        does=Write(handle=replace_route),
        honours=frozenset((*_HONOURS, *_TARGETS, "LocalTarget")),
    ),
    Action(
        service="ec2",
        name="DeleteRoute",
        does=Write(handle=delete_route),
        honours=frozenset(_HONOURS),
    ),
)
