"""What a thing depends on, and what depends on it.

What it depends on is named in its own document; what names it is found by the store's indexes, of
which `NAMED_BY` says which ones to ask. Both show only what the caller may know of. Called by the
row of `admin.resources`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from mallee.cloud.call import Call
from mallee.cloud.explain import finding
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record

RELATIONS_MAX = 100

_ID = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{8,32}")

NAMED_BY: Mapping[str, tuple[tuple[Kind[Any, Any], str], ...]] = {
    "host": (
        (records.INSTANCE, "host"),
        (records.CAPACITY_RESERVATION, "host"),
        (records.DEDICATED_HOST, "host"),
    ),
    "capacity-reservation": ((records.INSTANCE, "capacity-reservation"),),
    "capacity-reservation-fleet": ((records.CAPACITY_RESERVATION, "fleet"),),
    "dedicated-host": ((records.INSTANCE, "dedicated-host"),),
    "image": ((records.INSTANCE, "image"),),
    "instance": (
        (records.INTERFACE, "instance"),
        (records.ADDRESS, "instance"),
        (records.VOLUME, "instance"),
        (records.ROOT_REPLACEMENT, "instance"),
    ),
    "snapshot": ((records.IMAGE, "snapshot"), (records.FAST_RESTORE, "snapshot")),
    "volume": ((records.SNAPSHOT, "volume"), (records.VOLUME, "source")),
    "network-interface": (
        (records.ADDRESS, "interface"),
        (records.ROUTE_TABLE, "target"),
        (records.FLOW_LOG, "resource"),
        (records.MIRROR_SESSION, "interface"),
        (records.MIRROR_TARGET, "interface"),
    ),
    "placement-group": (
        (records.INSTANCE, "placement-group"),
        (records.CAPACITY_RESERVATION, "placement-group"),
    ),
    "launch-template": ((records.TEMPLATE_VERSION, "template"),),
    "vpc": (
        (records.SUBNET, "vpc"),
        (records.INSTANCE, "vpc"),
        (records.INTERFACE, "vpc"),
        (records.SECURITY_GROUP, "vpc"),
        (records.ROUTE_TABLE, "vpc"),
        (records.NETWORK_ACL, "vpc"),
        (records.INTERNET_GATEWAY, "vpc"),
        (records.EGRESS_ONLY_GATEWAY, "vpc"),
        (records.NAT_GATEWAY, "vpc"),
        (records.PEERING, "vpc"),
        (records.ENDPOINT, "vpc"),
        (records.PUBLIC_ACCESS_EXCLUSION, "vpc"),
        (records.SECURITY_GROUP, "associated-vpc"),
        (records.IPAM_ALLOCATION, "resource"),
        (records.IPAM_POOL, "vpc"),
        (records.CONNECT_ENDPOINT, "vpc"),
        (records.TRANSIT_ATTACHMENT, "vpc"),
    ),
    "subnet": (
        (records.INSTANCE, "subnet"),
        (records.INTERFACE, "subnet"),
        (records.NAT_GATEWAY, "subnet"),
        (records.IPAM_ALLOCATION, "resource"),
        (records.CONNECT_ENDPOINT, "subnet"),
        (records.ENDPOINT, "subnet"),
        (records.PUBLIC_ACCESS_EXCLUSION, "subnet"),
    ),
    "security-group": (
        (records.INTERFACE, "group"),
        (records.SECURITY_GROUP, "source-group"),
        (records.ENDPOINT, "group"),
    ),
    "route-table": ((records.SUBNET, "route-table"), (records.ENDPOINT, "route-table")),
    "network-acl": ((records.SUBNET, "acl"),),
    "traffic-mirror-filter": (
        (records.MIRROR_RULE, "filter"),
        (records.MIRROR_SESSION, "filter"),
    ),
    "traffic-mirror-target": ((records.MIRROR_SESSION, "target"),),
    "dhcp-options": ((records.VPC, "dhcp-options"),),
    "internet-gateway": ((records.ROUTE_TABLE, "target"),),
    "egress-only-internet-gateway": ((records.ROUTE_TABLE, "target"),),
    "natgateway": ((records.ROUTE_TABLE, "target"),),
    "vpc-peering-connection": ((records.ROUTE_TABLE, "target"),),
    "vpc-endpoint": ((records.ROUTE_TABLE, "target"),),
    "transit-gateway": (
        (records.TRANSIT_ATTACHMENT, "gateway"),
        (records.TRANSIT_TABLE, "gateway"),
        (records.ROUTE_TABLE, "target"),
    ),
    "transit-gateway-attachment": ((records.TRANSIT_TABLE, "attachment"),),
    "transit-gateway-route-table": ((records.TRANSIT_ATTACHMENT, "table"),),
    "ipam": (
        (records.IPAM_SCOPE, "ipam"),
        (records.IPAM_POOL, "ipam"),
        (records.IPAM_DISCOVERY_ASSOCIATION, "ipam"),
        (records.IPAM_POLICY, "ipam"),
        (records.RESOLVER, "ipam"),
    ),
    "ipam-prefix-list-resolver": ((records.RESOLVER_TARGET, "resolver"),),
    "ipam-scope": ((records.IPAM_POOL, "scope"),),
    "ipam-pool": (
        (records.IPAM_POOL, "source"),
        (records.IPAM_ALLOCATION, "pool"),
        (records.ADDRESS, "pool"),
    ),
    "ipam-resource-discovery": ((records.IPAM_DISCOVERY_ASSOCIATION, "discovery"),),
    "ipv4pool-ec2": ((records.ADDRESS, "pool"), (records.IPAM_ALLOCATION, "resource")),
    "network-insights-path": ((records.INSIGHTS_ANALYSIS, "path"),),
    "network-insights-access-scope": ((records.SCOPE_ANALYSIS, "scope"),),
    "prefix-list": (
        (records.SECURITY_GROUP, "prefix-list"),
        (records.ROUTE_TABLE, "prefix-list"),
        (records.TRANSIT_TABLE, "prefix-list"),
    ),
}
"""By kind of a thing: which kinds name it, and by which of their indexes they are found."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Another thing, and as what this one names it or is named by it."""

    id: str
    kind: str
    role: str


def depends_on(call: Call, view: store.View | store.Tx, record: Record[Any, Any]) -> list[Relation]:
    """Return the things that its document names and that are there."""
    found: dict[str, Relation] = {}
    for role, id in _ids("", msgspec.to_builtins(record.doc)):
        if id not in found and id != record.id:
            thing = _find(view, id)
            if thing is not None and _may_see(call, thing):
                found[id] = Relation(id, thing.kind.name, role)
    return list(found.values())


def named_by(call: Call, view: store.View | store.Tx, record: Record[Any, Any]) -> list[Relation]:
    """Return the things whose documents name it, by kind and id."""
    found: set[tuple[str, str, str]] = set()
    for kind, index in NAMED_BY.get(record.kind.name, ()):
        for thing in view.by(kind, index, record.id):
            if thing.id != record.id and _may_see(call, thing) and not _is_gone(thing):
                found.add((thing.kind.name, thing.id, index))
    return [Relation(id, kind, index) for kind, id, index in sorted(found)]


def _ids(role: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if _ID.fullmatch(value):
            yield role, value
    elif isinstance(value, dict):
        for name, part in cast(dict[str, object], value).items():
            # What a user writes is not what a thing hangs on.
            if name not in ("tags", "description", "user_data", "policy"):
                yield from _ids(name, part)
    elif isinstance(value, list | tuple):
        for part in cast(list[object], value):
            yield from _ids(role, part)


def _find(view: store.View | store.Tx, id: str) -> Record[Any, Any] | None:
    kind = finding.kind_of(id)
    return view.get(kind, id) if kind is not None else None


def _may_see(call: Call, record: Record[Any, Any]) -> bool:
    is_public = record.kind is records.IMAGE and record.doc.is_public
    return is_public or finding.may_know(call, record)


def _is_gone(record: Record[Any, Any]) -> bool:
    return record.kind is records.INSTANCE and record.doc.gone_at is not None
