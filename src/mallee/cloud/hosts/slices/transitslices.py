"""Transit gateways as hosts are told of them: the VPCs' ends, and the gateways with their routes.

Called by `networkslices` and `slices`. Which routes a table has is said in `effective`; here they
become what a host can carry out: what leads to an attachment that takes no IPv6 is a black hole for
IPv6, and a gateway is told of the VPCs of that host alone. It follows from what is wanted alone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

from mallee.cloud.ec2.transit import effective
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import View
from mallee.model.network.carried import (
    AddressWanted,
    AttachmentWanted,
    RouteWanted,
    TransitGatewayWanted,
    TransitPortWanted,
    TransitRouteWanted,
    TransitTableWanted,
    Way,
)
from mallee.model.network.networks import Vpc
from mallee.model.network.transit import Attachment, TransitGateway

SHOWN = (records.TRANSIT_GATEWAY, records.TRANSIT_ATTACHMENT, records.TRANSIT_TABLE)
"""The kinds whose documents are told of."""

AttachmentRecord = Record[Attachment, None]
Named = Callable[[Record[Vpc, None]], Iterable[AddressWanted]]
"""Gives the addresses of a VPC that have public names."""


def attachments(
    view: View, vpc: Record[Vpc, None], subnet_ids: Collection[str], named: Named
) -> Iterator[AttachmentWanted]:
    """Yield the VPC's open attachments that stand in the zone of these subnets (none: any)."""
    zones = {it.doc.zone for id in subnet_ids if (it := view.get(records.SUBNET, id))}
    for one in _of_vpc(view, vpc.id):
        end = one.doc.vpc
        assert end is not None, "it is found by its VPC"
        there = (view.get(records.SUBNET, id) for id, _ in end.subnets)
        fitting = [it.id for it in there if it is not None and (not zones or it.doc.zone in zones)]
        if fitting:
            yield AttachmentWanted(
                id=one.id,
                gateway_id=one.doc.gateway_id,
                subnet_id=fitting[0],
                names=tuple(_names(view, one, named)),
            )


def _of_vpc(view: View, vpc_id: str) -> list[AttachmentRecord]:
    found = view.by(records.TRANSIT_ATTACHMENT, "vpc", vpc_id)
    return sorted((it for it in found if effective.is_open(view, it)), key=lambda it: it.id)


def _names(view: View, one: AttachmentRecord, named: Named) -> Iterator[AddressWanted]:
    """Yield the public names in the other VPCs, where both sides and the gateway resolve them."""
    gateway = view.get(records.TRANSIT_GATEWAY, one.doc.gateway_id)
    resolves = one.doc.vpc is not None and one.doc.vpc.dns
    if gateway is None or not gateway.doc.options.dns or not resolves:
        return
    for other in _attached(view, gateway.id):
        if other.id != one.id and other.doc.vpc is not None and other.doc.vpc.dns:
            vpc = view.get(records.VPC, other.doc.vpc.vpc_id)
            yield from named(vpc) if vpc is not None else ()


def _attached(view: View, gateway_id: str) -> list[AttachmentRecord]:
    found = view.by(records.TRANSIT_ATTACHMENT, "gateway", gateway_id)
    return sorted((it for it in found if effective.is_open(view, it)), key=lambda it: it.id)


def passable(view: View, vpc_id: str, route: RouteWanted) -> RouteWanted:
    """Return a route of a VPC, a black hole where its attachment takes no packets of IPv6."""
    if route.way is not Way.TRANSIT or ":" not in route.cidr:
        return route
    found = (it for it in _of_vpc(view, vpc_id) if it.doc.gateway_id == route.target_id)
    is_open = any(it.doc.vpc is not None and it.doc.vpc.ipv6 for it in found)
    return route if is_open else RouteWanted(route.cidr, Way.BLACKHOLE)


def beyond(view: View, vpc_ids: Iterable[str]) -> Iterator[str]:
    """Yield the VPCs that these reach by transit gateways, and that hide others behind a NAT
    gateway: they are carried though no guest is in them."""
    for id in {other for one in vpc_ids for other in neighbours(view, one)}:
        found = view.by(records.NAT_GATEWAY, "vpc", id)
        if any(gateway.doc.is_there for gateway in found):
            yield id


def neighbours(view: View, vpc_id: str) -> Iterator[str]:
    """Yield the VPCs that one reaches by transit gateways, itself among them."""
    for attached in _reached(view, (vpc_id,)).values():
        yield from (one.doc.vpc.vpc_id for one in attached if one.doc.vpc is not None)


def gateways(view: View, vpc_ids: Collection[str]) -> tuple[TransitGatewayWanted, ...]:
    """Return the gateways that the VPCs are attached to, and those beyond them."""
    reached = _reached(view, vpc_ids)
    found = ((view.get(records.TRANSIT_GATEWAY, id), reached[id]) for id in sorted(reached))
    return tuple(
        _gateway(view, gateway, attached, vpc_ids)
        for gateway, attached in found
        if gateway is not None
    )


def _reached(view: View, vpc_ids: Iterable[str]) -> dict[str, list[AttachmentRecord]]:
    """Return the open attachments of all gateways that the VPCs reach, by gateway."""
    reached: dict[str, list[AttachmentRecord]] = {}
    asked = [it.doc.gateway_id for id in vpc_ids for it in _of_vpc(view, id)]
    while asked:
        id = asked.pop()
        if id in reached:
            continue
        reached[id] = _attached(view, id)
        for one in reached[id]:
            if one.doc.peer is not None:
                asked += [one.doc.gateway_id, one.doc.peer.gateway_id]
    return reached


def _gateway(
    view: View,
    gateway: Record[TransitGateway, None],
    attached: list[AttachmentRecord],
    vpc_ids: Collection[str],
) -> TransitGatewayWanted:
    ports = tuple(
        _port(view, it, gateway.id)
        for it in attached
        if it.doc.vpc is None or it.doc.vpc.vpc_id in vpc_ids
    )
    used = sorted({port.table_id for port in ports} - {""})
    tables = (view.get(records.TRANSIT_TABLE, id) for id in used)
    return TransitGatewayWanted(
        id=gateway.id,
        link_index=gateway.doc.link_index,
        ports=ports,
        tables=tuple(
            TransitTableWanted(it.id, tuple(_routes(view, effective.routes(view, it.doc))))
            for it in tables
            if it is not None
        ),
    )


def _port(view: View, one: AttachmentRecord, gateway_id: str) -> TransitPortWanted:
    doc, table_id = one.doc, one.doc.table_of(gateway_id)
    if doc.vpc is not None:
        return TransitPortWanted(id=one.id, table_id=table_id, vpc_id=doc.vpc.vpc_id)
    assert doc.peer is not None
    is_own = gateway_id == doc.gateway_id
    peer = view.get(records.TRANSIT_GATEWAY, doc.peer.gateway_id if is_own else doc.gateway_id)
    assert peer is not None, "it is open"
    return TransitPortWanted(
        id=one.id, table_id=table_id, peer_id=peer.id, peer_link_index=peer.doc.link_index
    )


def _routes(view: View, found: Iterable[effective.Effective]) -> Iterator[TransitRouteWanted]:
    for route in found:
        is_open = route.is_open and (":" not in route.cidr or _takes6(view, route.attachment_id))
        yield TransitRouteWanted(route.cidr, route.attachment_id if is_open else "")


def _takes6(view: View, attachment_id: str) -> bool:
    found = view.get(records.TRANSIT_ATTACHMENT, attachment_id)
    return found is not None and (found.doc.vpc is None or found.doc.vpc.ipv6)
