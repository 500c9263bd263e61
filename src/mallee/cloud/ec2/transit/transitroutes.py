"""Routes of transit gateways' tables: static ones made, replaced and deleted, all of them searched.

Called through the action table. Which route holds where several have one destination is said in
`effective`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.transit import attachments, effective, transittables
from mallee.cloud.ec2.transit.effective import Effective
from mallee.cloud.ec2.transit.transittables import TableRecord
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.ec2.vpc.ranges import Network
from mallee.cloud.state import records
from mallee.model.network.transit import TransitRoute

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_TABLE = 10000


@dataclass(frozen=True, slots=True)
class Sight:
    """A route in effect, and which values of the filters about ranges it fits."""

    table: TableRecord
    route: Effective
    fits: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @property
    def id(self) -> str:
        """What tells it from the others of its table."""
        return self.route.cidr


def create(
    call: WriteCall, request: shapes.CreateTransitGatewayRouteRequest
) -> shapes.CreateTransitGatewayRouteResult:
    """Add a static route to a table that has none of that destination."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    cidr = _destination(request)
    if any(route.cidr == cidr for route in table.doc.routes):
        raise errors.RouteAlreadyExists(cidr)
    if len(table.doc.routes) >= MAX_PER_TABLE:
        raise errors.TransitGatewayRouteLimitExceeded(MAX_PER_TABLE)
    made = TransitRoute(cidr=cidr, attachment_id=target(call, request, table), changed_at=call.now)
    call.tx.write(table, replace(table.doc, routes=(*table.doc.routes, made)))
    return {"Route": _shown_own(call, table, made)}


def replace_route(
    call: WriteCall, request: shapes.ReplaceTransitGatewayRouteRequest
) -> shapes.ReplaceTransitGatewayRouteResult:
    """Let a static route lead somewhere else."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    current = _own(table, _destination(request))
    changed = replace(current, attachment_id=target(call, request, table), changed_at=call.now)
    routes = tuple(changed if it is current else it for it in table.doc.routes)
    call.tx.write(table, replace(table.doc, routes=routes))
    return {"Route": _shown_own(call, table, changed)}


def delete(
    call: WriteCall, request: shapes.DeleteTransitGatewayRouteRequest
) -> shapes.DeleteTransitGatewayRouteResult:
    """Remove a static route; one that is propagated goes with its propagation."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    current = _own(table, _destination(request))
    left = tuple(it for it in table.doc.routes if it is not current)
    call.tx.write(table, replace(table.doc, routes=left))
    row: Any = {**_shown_own(call, table, current), "State": "deleted"}
    return {"Route": row}


def _destination(request: Request) -> str:
    return str(ranges.any_family(request["DestinationCidrBlock"], "destinationCidrBlock"))


def _own(table: TableRecord, cidr: str) -> TransitRoute:
    for route in table.doc.routes:
        if route.cidr == cidr:
            return route
    raise errors.InvalidTransitGatewayRouteNotFound(cidr, table.id)


def target(call: WriteCall, request: Request, table: TableRecord) -> str:
    """Return the attachment that a route shall lead to; empty: it shall be a black hole."""
    id: str | None = request.get("TransitGatewayAttachmentId")
    if bool(id) is bool(request.get("Blackhole")):
        if not id:
            raise errors.MissingParameter("TransitGatewayAttachmentId")
        raise errors.InvalidParameterCombination(
            "A route leads to TransitGatewayAttachmentId or is a Blackhole, not both."
        )
    return attachments.at_gateway(call, id, table.doc.gateway_id).id if id else ""


# --- shown ---


def _shown_own(call: Call, table: TableRecord, route: TransitRoute) -> shapes.TransitGatewayRoute:
    view = resources.reader(call)
    is_open = effective.leads(view, route.attachment_id, table.doc.gateway_id)
    return shown(call, Sight(table, Effective(route.cidr, route.attachment_id, True, is_open)))


def shown(call: Call, sight: Sight) -> shapes.TransitGatewayRoute:
    """Return a route as the API shows it."""
    route = sight.route
    row: Any = {
        "DestinationCidrBlock": route.cidr,
        "PrefixListId": route.prefix_list_id or None,
        "Type": "static" if route.is_static else "propagated",
        "State": "active" if route.is_open else "blackhole",
        "TransitGatewayAttachments": [],
    }
    attached = attached_to(call, route.attachment_id, sight.table.doc.gateway_id)
    if attached is not None:
        row["TransitGatewayAttachments"] = [attached]
    return row


def attached_to(call: Call, attachment_id: str, gateway_id: str) -> Any:
    """Return what a route leads to as the API shows it; None: nothing that is known."""
    view = resources.reader(call)
    found = view.get(records.TRANSIT_ATTACHMENT, attachment_id) if attachment_id else None
    if found is None:
        return None
    kind, resource_id, _ = attachments.resource(found.doc, gateway_id)
    return {
        "ResourceId": resource_id,
        "TransitGatewayAttachmentId": found.id,
        "ResourceType": kind,
    }


# --- searched ---

_EXACT = "route-search.exact-match"
_LONGEST = "route-search.longest-prefix-match"
_PARTS = "route-search.subnet-of-match"
_WHOLES = "route-search.supernet-of-match"
_SEARCHES = (_EXACT, _LONGEST, _PARTS, _WHOLES)


def find(call: Call, request: Request) -> Iterable[Sight]:
    """Return the routes in effect, each with the ranges asked for that it fits."""
    table = transittables.one(call, request["TransitGatewayRouteTableId"])
    found = effective.routes(resources.reader(call), table.doc)
    fits: dict[str, dict[str, set[str]]] = {route.cidr: {} for route in found}
    networks = {route.cidr: ip_network(route.cidr) for route in found}
    for name, text in _asked(request):
        wanted = _parse(text, name)
        for cidr in _fitting(name, wanted, networks):
            fits[cidr].setdefault(name, set()).add(text)
    return [
        Sight(table, route, {name: frozenset(it) for name, it in fits[route.cidr].items()})
        for route in found
    ]


def _asked(request: Request) -> Iterable[tuple[str, str]]:
    for filter_ in request.get("Filters") or ():
        name: str = filter_.get("Name") or ""
        if name in _SEARCHES:
            yield from ((name, text) for text in filter_.get("Values") or ())


def _parse(text: str, name: str) -> Network:
    """Return the range asked for; the longest prefix may be asked of a single address."""
    if name == _LONGEST and "/" not in text:
        try:
            return ip_network(ip_address(text))
        except ValueError:
            pass
    return ranges.any_family(text, name)


def _fitting(name: str, wanted: Network, networks: Mapping[str, Network]) -> list[str]:
    """Return which of the ranges fit a search."""
    around = [cidr for cidr, it in networks.items() if ranges.is_within(wanted, (str(it),))]
    match name:
        case "route-search.exact-match":
            return [cidr for cidr, it in networks.items() if it == wanted]
        case "route-search.supernet-of-match":
            return around
        case "route-search.subnet-of-match":
            return [cidr for cidr, it in networks.items() if ranges.is_within(it, (str(wanted),))]
        case _:
            widest = max((networks[cidr].prefixlen for cidr in around), default=-1)
            return [cidr for cidr in around if networks[cidr].prefixlen == widest]


def _search(name: str) -> Callable[[Call, Sight], Iterable[str]]:
    return lambda call, sight: sight.fits.get(name, frozenset())


def _attached(member: str) -> Callable[[Call, Sight], Iterable[str]]:
    """Return a filter by what the route leads to."""

    def values(call: Call, sight: Sight) -> Iterable[str]:
        attached: Any = attached_to(call, sight.route.attachment_id, sight.table.doc.gateway_id)
        return () if attached is None else (str(attached[member]),)

    return values


FILTERS: Mapping[str, Callable[[Call, Sight], Iterable[str]]] = {
    "attachment.transit-gateway-attachment-id": _attached("TransitGatewayAttachmentId"),
    "attachment.resource-id": _attached("ResourceId"),
    "attachment.resource-type": _attached("ResourceType"),
    "prefix-list-id": lambda call, it: (
        (it.route.prefix_list_id,) if it.route.prefix_list_id else ()
    ),
    **{name: _search(name) for name in _SEARCHES},
    "state": lambda call, it: ("active" if it.route.is_open else "blackhole",),
    "type": lambda call, it: ("static" if it.route.is_static else "propagated",),
}

SEARCH = Listing(find=find, render=shown, member="Routes", filters=FILTERS)
"""What a search looks through, and an export."""
_NAMED = ("TransitGatewayRouteTableId", "DestinationCidrBlock")
_LED = (*_NAMED, "TransitGatewayAttachmentId", "Blackhole")

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTransitGatewayRoute",
        does=Write(handle=create),
        honours=frozenset(_LED),
    ),
    Action(
        service="ec2",
        name="ReplaceTransitGatewayRoute",
        does=Write(handle=replace_route),
        honours=frozenset(_LED),
    ),
    Action(
        service="ec2",
        name="DeleteTransitGatewayRoute",
        does=Write(handle=delete),
        honours=frozenset(_NAMED),
    ),
    Action(
        service="ec2",
        name="SearchTransitGatewayRoutes",
        does=SEARCH,
        honours=frozenset({"TransitGatewayRouteTableId"}),
    ),
)
