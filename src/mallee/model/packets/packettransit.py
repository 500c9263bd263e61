"""The way of a packet through transit gateways, from where it comes in to where it comes out.

Part of the reference evaluator (`packets`): a gateway looks at a packet's destination and at the
attachment that it came by, and at nothing else. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from mallee.model.network.carried import (
    TransitGatewayWanted,
    TransitPortWanted,
    TransitRouteWanted,
    TransitTableWanted,
)
from mallee.model.packets.hops import Address, Hop, HopKind, Packet

GATEWAYS_MAX = 8
"""Nothing that is set up in earnest passes so many."""

Gateways = Mapping[str, TransitGatewayWanted]


@dataclass(frozen=True, slots=True)
class Passage:
    """What a packet met in transit gateways, and the attachment by which it left the last one."""

    hops: tuple[Hop, ...]
    """The last one is what stopped it, where nothing leads it out."""
    port: TransitPortWanted | None


def follow(gateways: Gateways, gateway_id: str, attachment_id: str, packet: Packet) -> Passage:
    """Follow a packet that comes to a gateway by an attachment."""
    hops: tuple[Hop, ...] = ()
    for _ in range(GATEWAYS_MAX):
        gateway = gateways.get(gateway_id)
        came_by = _port(gateway, attachment_id) if gateway else None
        hops += (Hop(kind=HopKind.TRANSIT_GATEWAY, id=gateway_id, vpc_id="", packet=packet),)
        table = _table(gateway, came_by.table_id) if gateway and came_by else None
        if gateway is None or table is None:
            return Passage(hops, None)
        route = find_route(table, packet.destination)
        hops += (
            Hop(kind=HopKind.TRANSIT_TABLE, id=table.id, vpc_id="", packet=packet, rule=route),
        )
        port = _port(gateway, route.attachment_id) if route else None
        if port is None or not port.peer_id:
            return Passage(hops, port)
        gateway_id, attachment_id = port.peer_id, port.id
    return Passage(hops, None)


def find_route(table: TransitTableWanted, destination: Address) -> TransitRouteWanted | None:
    """Return the route of the longest prefix that has the destination."""
    fitting = [one for one in table.routes if destination in ip_network(one.cidr)]
    return max(fitting, key=lambda one: ip_network(one.cidr).prefixlen, default=None)


def _port(gateway: TransitGatewayWanted, attachment_id: str) -> TransitPortWanted | None:
    return next((one for one in gateway.ports if one.id == attachment_id), None)


def _table(gateway: TransitGatewayWanted, table_id: str) -> TransitTableWanted | None:
    return next((one for one in gateway.tables if one.id == table_id), None)
