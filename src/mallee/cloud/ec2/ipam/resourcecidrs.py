"""What is in use of a scope, how full it is, and whether it keeps to the plan.

Called through the action table. A range is managed when some pool gave it out; managed ones are
compliant while they keep to that pool's rules. It overlaps when another VPC seen in the scope has
addresses of it. What somebody does not want to be watched is told by ModifyIpamResourceCidr.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.ipam import given, imports, overlaps, shownfilters, watched
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.ipam import PRIVATE, Ipam, Pool, Said, Scope

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A range in a scope, and what the IPAM thinks of it."""

    resource: watched.Resource
    ipam_id: str
    scope_id: str
    pool_id: str
    management: str
    compliance: str
    overlap: str
    usage: float

    @property
    def id(self) -> str:
        """Orders them for paging."""
        return f"{self.resource.type}/{self.resource.id}/{self.resource.cidr}"


def in_scope(call: Call, scope: Record[Scope, None]) -> Iterator[Standing]:
    """Yield what is in use of a scope."""
    view = resources.reader(call)
    ipam = view.get(records.IPAM, scope.doc.ipam_id)
    if ipam is None:
        return
    seen = [
        it
        for it in watched.resources(view, watched.accounts(view, ipam.id))
        if watched.scope_of(ipam.doc, it) == scope.id
    ]
    met = overlaps.among([it for it in seen if _is_watched(ipam.doc, it)])
    for one in seen:
        yield _standing(call, ipam.doc, one, is_met=one in met)


def _is_watched(ipam: Ipam, resource: watched.Resource) -> bool:
    said = watched.said_of(ipam, resource)
    return said is None or said.is_monitored


def _standing(call: Call, ipam: Ipam, resource: watched.Resource, *, is_met: bool) -> Standing:
    view = resources.reader(call)
    pool = _pool_of(view, ipam, resource)
    if not _is_watched(ipam, resource):
        management = compliance = overlap = "ignored"
    else:
        management = "managed" if pool is not None else "unmanaged"
        compliance = _compliance(call, pool, resource) if pool is not None else "unmanaged"
        overlap = "overlapping" if is_met else "nonoverlapping"
    return Standing(
        resource=resource,
        ipam_id=ipam.id,
        scope_id=watched.scope_of(ipam, resource),
        pool_id=pool.id if pool is not None else "",
        management=management,
        compliance=compliance,
        overlap=overlap,
        usage=watched.usage(view, resource),
    )


def _pool_of(view: watched.Reader, ipam: Ipam, resource: watched.Resource) -> Pool | None:
    for allocation in given.of_resource(view, resource.id, resource.cidr):
        pool = view.get(records.IPAM_POOL, allocation.doc.pool_id)
        if pool is not None and pool.doc.ipam_id == ipam.id:
            return pool.doc
    return None


def _compliance(call: Call, pool: Pool, resource: watched.Resource) -> str:
    length = ranges.parsed(resource.cidr).prefixlen
    keeps = (
        pool.locale == call.settings.region
        and (pool.min_length is None or length >= pool.min_length)
        and (pool.max_length is None or length <= pool.max_length)
        and all(resource.tags.get(key) == value for key, value in pool.required_tags.items())
    )
    return "compliant" if keeps else "noncompliant"


def _find(call: Call, request: shapes.GetIpamResourceCidrsRequest) -> Iterable[Standing]:
    scope = resources.one(call, records.IPAM_SCOPE, request["IpamScopeId"])
    pool_id: str | None = None
    if "IpamPoolId" in request:
        pool_id = resources.one(call, records.IPAM_POOL, request["IpamPoolId"]).id
    tag = request.get("ResourceTag")
    found = [
        it
        for it in in_scope(call, scope)
        if pool_id in (None, it.pool_id)
        and request.get("ResourceId", it.resource.id) == it.resource.id
        and request.get("ResourceType", it.resource.type) == it.resource.type
        and request.get("ResourceOwner", it.resource.owner) == it.resource.owner
        and (tag is None or it.resource.tags.get(tag.get("Key", "")) == tag.get("Value", ""))
    ]
    return sorted(found, key=lambda it: it.id)


def modify_resource_cidr(
    call: WriteCall, request: shapes.ModifyIpamResourceCidrRequest
) -> shapes.ModifyIpamResourceCidrResult:
    """Say that a range shall not be watched, or in which private scope it is meant."""
    scope = resources.one(call, records.IPAM_SCOPE, request["CurrentIpamScopeId"])
    target = scope
    if "DestinationIpamScopeId" in request:
        target = resources.one(call, records.IPAM_SCOPE, request["DestinationIpamScopeId"])
    if scope.doc.type != PRIVATE or target.doc.type != PRIVATE:
        raise errors.InvalidParameterValue("What is watched is told of private scopes only.")
    if target.doc.ipam_id != scope.doc.ipam_id:
        raise errors.InvalidParameterValue("The scopes are of different IPAMs.")
    if request["ResourceRegion"] != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({request['ResourceRegion']}) for parameter ResourceRegion is invalid."
        )
    resource = _one(call, scope, request)
    ipam = resources.one(call, records.IPAM, scope.doc.ipam_id)
    said = Said(
        resource_id=resource.id,
        cidr=resource.cidr,
        scope_id=target.id,
        is_monitored=request["Monitored"],
    )
    if not said.is_monitored or target.id != scope.id:
        _end_allocation(call, ipam.id, resource)
    doc = replace(ipam.doc, said=(*_others(call, ipam.doc, resource), said))
    call.tx.write(ipam, doc)
    if said.is_monitored:
        imports.notice(call, [resource])
    met = overlaps.among([it.resource for it in in_scope(call, target)])
    standing = _standing(call, doc, resource, is_met=resource in met)
    return {"IpamResourceCidr": _render(call, standing)}


def _one(call: WriteCall, scope: Record[Scope, None], request: Request) -> watched.Resource:
    cidr = str(ranges.any_family(request["ResourceCidr"], "ResourceCidr"))
    for standing in in_scope(call, scope):
        if (standing.resource.id, standing.resource.cidr) == (request["ResourceId"], cidr):
            return standing.resource
    raise errors.InvalidParameterValue(
        f"The resource {request['ResourceId']} has no range {cidr} in the scope {scope.id}."
    )


def _end_allocation(call: WriteCall, ipam_id: str, resource: watched.Resource) -> None:
    """What is not watched has nothing of this IPAM's pools, as in AWS; it keeps its range."""
    for allocation in given.of_resource(call.tx, resource.id, resource.cidr):
        pool = call.tx.get(records.IPAM_POOL, allocation.doc.pool_id)
        if pool is not None and pool.doc.ipam_id == ipam_id:
            call.tx.delete(allocation)


def _others(call: WriteCall, ipam: Ipam, resource: watched.Resource) -> Iterator[Said]:
    """Yield what was said of other things that are still there."""
    there = {
        (it.id, it.cidr) for it in watched.resources(call.tx, watched.accounts(call.tx, ipam.id))
    }
    for said in ipam.said:
        key = (said.resource_id, said.cidr)
        if key in there and key != (resource.id, resource.cidr):
            yield said


def _render(call: Call, it: Standing) -> Any:
    one = it.resource
    return {
        "IpamId": it.ipam_id,
        "IpamScopeId": it.scope_id,
        "IpamPoolId": it.pool_id or None,
        "ResourceRegion": call.settings.region,
        "ResourceOwnerId": one.owner,
        "ResourceId": one.id,
        "ResourceName": one.name or None,
        "ResourceCidr": one.cidr,
        "ResourceType": one.type,
        "ResourceTags": tagset.shown(one.tags),
        "IpUsage": it.usage,
        "ComplianceStatus": it.compliance,
        "ManagementState": it.management,
        "OverlapStatus": it.overlap,
        "VpcId": one.vpc_id or None,
        "AvailabilityZoneId": zones.id_of(one.zone, call.settings.region) if one.zone else None,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="GetIpamResourceCidrs",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamResourceCidrs",
            filters=shownfilters.of(
                _render,
                "ComplianceStatus",
                "IpamId",
                "IpamPoolId",
                "IpamScopeId",
                "ManagementState",
                "OverlapStatus",
                "ResourceCidr",
                "ResourceId",
                "ResourceName",
                "ResourceOwnerId",
                "ResourceRegion",
                "ResourceType",
                "VpcId",
            ),
            tags=lambda it: it.resource.tags,
        ),
        honours=frozenset(
            {
                "IpamScopeId",
                "IpamPoolId",
                "ResourceId",
                "ResourceType",
                "ResourceTag",
                "ResourceOwner",
            }
        ),
    ),
    Action(
        service="ec2",
        name="ModifyIpamResourceCidr",
        does=Write(handle=modify_resource_cidr),
        honours=frozenset(
            {
                "ResourceId",
                "ResourceCidr",
                "ResourceRegion",
                "CurrentIpamScopeId",
                "DestinationIpamScopeId",
                "Monitored",
            }
        ),
    ),
)
