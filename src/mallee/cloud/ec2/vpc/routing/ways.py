"""Where a route leads now: the gateway may be gone or detached, the instance may be stopped.

One answer for users, who are shown `active` or `blackhole`, and for hosts, which are told what to
carry (`hosts.slices`). It follows from what is wanted alone, never from what is seen.
"""

from collections.abc import Callable, Mapping

from mallee.cloud.state import records, store
from mallee.model.compute.instances import Power
from mallee.model.network.carried import Way
from mallee.model.network.peerings import PeeringStatus
from mallee.model.network.routing import Route, RouteTable, TargetKind
from mallee.model.network.transit import Phase

Reader = store.View | store.Tx


def of(view: Reader, table: RouteTable, route: Route) -> Way:
    """Return the way that the route leads, `Way.BLACKHOLE` when its target cannot carry."""
    way, leads = _TARGETS[route.target]
    return way if leads(view, table, route.target_id) else Way.BLACKHOLE


def _internet(view: Reader, table: RouteTable, id: str) -> bool:
    gateway = view.get(records.INTERNET_GATEWAY, id)
    return gateway is not None and gateway.doc.vpc_id == table.vpc_id


def _egress_only(view: Reader, table: RouteTable, id: str) -> bool:
    gateway = view.get(records.EGRESS_ONLY_GATEWAY, id)
    return gateway is not None and gateway.doc.vpc_id == table.vpc_id


def _nat(view: Reader, table: RouteTable, id: str) -> bool:
    gateway = view.get(records.NAT_GATEWAY, id)
    return gateway is not None and gateway.doc.is_there


def _interface(view: Reader, table: RouteTable, id: str) -> bool:
    interface = view.get(records.INTERFACE, id)
    if interface is None or interface.doc.instance_id is None:
        return False
    instance = view.get(records.INSTANCE, interface.doc.instance_id)
    return instance is not None and instance.doc.power is Power.RUNNING


def _peering(view: Reader, table: RouteTable, id: str) -> bool:
    peering = view.get(records.PEERING, id)
    if peering is None or peering.doc.status is not PeeringStatus.ACTIVE:
        return False
    # An account that is deleted takes its VPC along, and the connection stays the other's.
    ends = (peering.doc.requester.vpc_id, peering.doc.accepter.vpc_id)
    return all(view.get(records.VPC, vpc_id) is not None for vpc_id in ends)


def _transit(view: Reader, table: RouteTable, id: str) -> bool:
    gateway = view.get(records.TRANSIT_GATEWAY, id)
    if gateway is None or gateway.doc.deleted_at is not None:
        return False
    attached = view.by(records.TRANSIT_ATTACHMENT, "vpc", table.vpc_id)
    return any(it.doc.gateway_id == id and it.doc.phase is Phase.OPEN for it in attached)


def _endpoint(view: Reader, table: RouteTable, id: str) -> bool:
    endpoint = view.get(records.ENDPOINT, id)
    return endpoint is not None and table.id in endpoint.doc.route_table_ids


_TARGETS: Mapping[TargetKind, tuple[Way, Callable[[Reader, RouteTable, str], bool]]] = {
    TargetKind.INTERNET: (Way.INTERNET, _internet),
    TargetKind.EGRESS_ONLY: (Way.EGRESS_ONLY, _egress_only),
    TargetKind.NAT: (Way.NAT, _nat),
    TargetKind.INTERFACE: (Way.INTERFACE, _interface),
    TargetKind.PEERING: (Way.PEERING, _peering),
    TargetKind.TRANSIT: (Way.TRANSIT, _transit),
    TargetKind.ENDPOINT: (Way.ENDPOINT, _endpoint),
}
