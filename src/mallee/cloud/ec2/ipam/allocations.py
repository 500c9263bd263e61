"""Allocations: parts of pools noted by hand, and all of them shown.

Called through the action table. What VPCs, subnets and addresses have of pools comes and goes with
them (`given`). An account that may use another's pool notes and ends there what is its own; what
others have it sees with their accounts' ids, as in AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.ipam import given, shownfilters
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.network.ipam import Allocation

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_NAMED = 100
"""Ranges that a request may allow or not: each is compared with each of the pool's."""

AllocationRecord = Record[Allocation, None]


def allocate(
    call: WriteCall, request: shapes.AllocateIpamPoolCidrRequest
) -> shapes.AllocateIpamPoolCidrResult:
    """Note a part of a pool as taken by something that is none of the cloud's; or look for one."""
    pool = given.usable(call, request["IpamPoolId"])
    if pool.doc.vpc_id:
        raise errors.InvalidParameterValue(f"The pool {pool.id} gives to subnets only.")
    if "Cidr" in request and ("NetmaskLength" in request or request.get("AllowedCidrs")):
        raise errors.InvalidParameterCombination(
            "Cidr may be given with neither NetmaskLength nor AllowedCidrs."
        )
    wish = given.Wish(
        cidr=request.get("Cidr"),
        length=request.get("NetmaskLength"),
        allowed=_cidrs(request.get("AllowedCidrs") or (), "AllowedCidrs"),
        disallowed=_cidrs(request.get("DisallowedCidrs") or (), "DisallowedCidrs"),
    )
    if request.get("PreviewNextCidr"):
        return {"IpamPoolAllocation": {"Cidr": given.choose(call, pool, wish)}}
    holder = given.Holder(
        type=given.CUSTOM,
        owner=call.account,
        description=request.get("Description", ""),
        tags=tagset.of_new(request, records.IPAM_ALLOCATION.name),
    )
    return {"IpamPoolAllocation": shown(call, given.take(call, pool, wish, holder))}


def _cidrs(texts: Sequence[str], parameter: str) -> tuple[str, ...]:
    if len(texts) > MAX_NAMED:
        raise errors.InvalidParameterValue(f"{parameter} has at most {MAX_NAMED} ranges.")
    return tuple(str(ranges.any_family(text, parameter)) for text in texts)


def release(
    call: WriteCall, request: shapes.ReleaseIpamPoolAllocationRequest
) -> shapes.ReleaseIpamPoolAllocationResult:
    """End what was noted by hand; what a thing has ends with it."""
    pool = given.usable(call, request["IpamPoolId"])
    allocation = _one(call, request["IpamPoolAllocationId"])
    cidr = str(ranges.any_family(request["Cidr"], "Cidr"))
    if allocation.doc.pool_id != pool.id or allocation.doc.cidr != cidr:
        raise errors.InvalidParameterValue(
            f"The allocation {allocation.id} is not {cidr} of the IPAM pool {pool.id}."
        )
    if allocation.doc.resource_type != given.CUSTOM:
        raise errors.InvalidParameterValue(
            f"The allocation {allocation.id} is of {allocation.doc.resource_id}, and ends with it."
        )
    call.tx.delete(allocation)
    return {"Success": True}


def _one(call: Call, id: str) -> AllocationRecord:
    """Return an allocation that is the caller's to change: his own, or of his pool."""
    text = resources.check_form(records.IPAM_ALLOCATION, id)
    found = resources.reader(call).get(records.IPAM_ALLOCATION, text)
    if found is None or call.account not in (found.account, found.doc.owner):
        raise resources.not_found(records.IPAM_ALLOCATION, [text])
    return found


def modify(
    call: WriteCall, request: shapes.ModifyIpamPoolAllocationRequest
) -> shapes.ModifyIpamPoolAllocationResult:
    """Change what is said of an allocation."""
    allocation = _one(call, request["IpamPoolAllocationId"])
    words = request.get("Description", allocation.doc.description)
    changed = call.tx.write(allocation, replace(allocation.doc, description=words))
    return {"IpamPoolAllocation": shown(call, changed)}


def _find_in_pool(
    call: Call, request: shapes.GetIpamPoolAllocationsRequest
) -> Iterable[AllocationRecord]:
    pool = given.usable(call, request["IpamPoolId"])
    found = given.of_pool(call.view, pool.id)
    if "IpamPoolAllocationId" in request:
        id = resources.check_form(records.IPAM_ALLOCATION, request["IpamPoolAllocationId"])
        found = [it for it in found if it.id == id]
        if not found:
            raise resources.not_found(records.IPAM_ALLOCATION, [id])
    return sorted(found, key=lambda it: it.id)


def _find(
    call: Call, request: shapes.DescribeIpamPoolAllocationsRequest
) -> Iterable[AllocationRecord]:
    asked: list[str] = request.get("IpamPoolAllocationIds") or []
    if asked:
        return list({id: _one(call, id) for id in asked}.values())
    own = call.view.list(records.IPAM_ALLOCATION, call.account)
    held = call.view.by(records.IPAM_ALLOCATION, "owner", call.account)
    return sorted({it.id: it for it in (*own, *held)}.values(), key=lambda it: it.id)


def shown(call: Call, allocation: AllocationRecord) -> shapes.IpamPoolAllocation:
    """Return an allocation as the API shows it."""
    doc = allocation.doc
    return {
        "Cidr": doc.cidr,
        "IpamPoolAllocationId": allocation.id,
        "Description": doc.description or None,
        "ResourceId": doc.resource_id or None,
        "ResourceType": doc.resource_type,
        "ResourceRegion": call.settings.region if doc.resource_id else None,
        "ResourceOwner": doc.owner,
        "Tags": tagset.shown(doc.tags),
    }


_FILTERS: Mapping[str, shownfilters.Finder] = {
    "cidr": lambda call, it: (it.doc.cidr,),
    "ipam-pool-allocation-id": lambda call, it: (it.id,),
    "ipam-pool-id": lambda call, it: (it.doc.pool_id,),
    "resource-id": lambda call, it: (it.doc.resource_id,),
    "resource-owner": lambda call, it: (it.doc.owner,),
    "resource-region": lambda call, it: (call.settings.region,),
    "resource-type": lambda call, it: (it.doc.resource_type,),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AllocateIpamPoolCidr",
        does=Write(handle=allocate),
        honours=frozenset(
            {
                "IpamPoolId",
                "Cidr",
                "NetmaskLength",
                "Description",
                "PreviewNextCidr",
                "AllowedCidrs",
                "DisallowedCidrs",
            }
        ),
        creates=(records.IPAM_ALLOCATION.name,),
    ),
    Action(
        service="ec2",
        name="ReleaseIpamPoolAllocation",
        does=Write(handle=release),
        honours=frozenset({"IpamPoolId", "Cidr", "IpamPoolAllocationId"}),
    ),
    Action(
        service="ec2",
        name="ModifyIpamPoolAllocation",
        does=Write(handle=modify),
        honours=frozenset({"IpamPoolAllocationId", "Description"}),
    ),
    Action(
        service="ec2",
        name="GetIpamPoolAllocations",
        does=Listing(
            find=_find_in_pool,
            render=shown,
            member="IpamPoolAllocations",
            filters=_FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(1000, 100_000),
        ),
        honours=frozenset({"IpamPoolId", "IpamPoolAllocationId"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamPoolAllocations",
        does=Listing(
            find=_find,
            render=shown,
            member="IpamPoolAllocations",
            filters=_FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(1000, 100_000),
        ),
        honours=frozenset({"IpamPoolAllocationIds"}),
    ),
)
