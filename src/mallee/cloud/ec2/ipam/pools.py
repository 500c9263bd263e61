"""Pools: trees of ranges with rules about what is given out of them.

Called through the action table. A pool below another has parts of it; one with a source VPC gives
that VPC's ranges to its subnets. Which ranges a pool has is `poolcidrs`' business, what it gives
`given`'s, which other accounts may use it `sharing`'s (in the administration service).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import given, imports, ipams, publicblocks, shownfilters
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import AMAZON, BYOIP, IPV4, PUBLIC, Pool, Scope

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_SCOPE, MAX_DEPTH = 1000, 10
NOWHERE = "None"
"""The locale of a pool that gives to nothing but other pools."""

PoolRecord = Record[Pool, None]


def create_pool(
    call: WriteCall, request: shapes.CreateIpamPoolRequest
) -> shapes.CreateIpamPoolResult:
    """Make a pool, which has no range yet."""
    scope = resources.one(call, records.IPAM_SCOPE, request["IpamScopeId"])
    if len(call.tx.by(records.IPAM_POOL, "scope", scope.id)) >= MAX_PER_SCOPE:
        raise errors.IpamLimitExceeded("pools of a scope", MAX_PER_SCOPE)
    pool = Pool(
        id=ids.make("ipam-pool", call.entropy(ids.ID_BYTES)),
        ipam_id=scope.doc.ipam_id,
        scope_id=scope.id,
        scope_type=scope.doc.type,
        family=request["AddressFamily"],
        locale=_check_locale(call, request.get("Locale", NOWHERE)),
        description=request.get("Description", ""),
        auto_import=request.get("AutoImport", False),
        min_length=request.get("AllocationMinNetmaskLength"),
        max_length=request.get("AllocationMaxNetmaskLength"),
        default_length=request.get("AllocationDefaultNetmaskLength"),
        required_tags=tagset.checked(request.get("AllocationResourceTags") or ()),
        tags=tagset.of_new(request, records.IPAM_POOL.name),
    )
    pool = _public(_below(call, _of_vpc(call, pool, request), request), scope.doc, request)
    check_rules(pool)
    record = call.tx.insert(records.IPAM_POOL, call.account, pool.id, pool)
    return {"IpamPool": _render(call, record)}


def _check_locale(call: Call, locale: str) -> str:
    if locale not in (NOWHERE, call.settings.region):
        raise errors.InvalidParameterValue(
            f"Value ({locale}) for parameter Locale is invalid. It is {call.settings.region}, "
            f"the region of this cloud, or {NOWHERE}."
        )
    return locale


def _of_vpc(call: WriteCall, pool: Pool, request: Request) -> Pool:
    """Return the pool as one that gives a VPC's ranges to subnets, where that is asked for."""
    source: Mapping[str, Any] | None = request.get("SourceResource")
    if source is None:
        return pool
    vpc = resources.one(call, records.VPC, source.get("ResourceId", ""))
    if source.get("ResourceType") != "vpc" or source.get("ResourceOwner") != call.account:
        raise errors.InvalidParameterValue("SourceResource is a VPC of the caller's own account.")
    if source.get("ResourceRegion") != call.settings.region or not request.get("SourceIpamPoolId"):
        raise errors.InvalidParameterCombination(
            f"A pool for subnets has the SourceIpamPoolId of its VPC's ranges, and the "
            f"ResourceRegion {call.settings.region}."
        )
    held = given.of_resource(call.tx, vpc.id)
    if not any(it.doc.pool_id == request["SourceIpamPoolId"] for it in held):
        raise errors.InvalidParameterValue(
            f"The VPC {vpc.id} has no range of the IPAM pool {request['SourceIpamPoolId']}."
        )
    return replace(pool, vpc_id=vpc.id)


def _below(call: WriteCall, pool: Pool, request: Request) -> Pool:
    """Return the pool as it stands below its source, where one is named."""
    if "SourceIpamPoolId" not in request:
        return pool
    source = resources.one(call, records.IPAM_POOL, request["SourceIpamPoolId"])
    own = source.doc
    if (own.scope_id, own.family) != (pool.scope_id, pool.family):
        raise errors.InvalidParameterValue(
            f"The source pool {source.id} is of another scope or address family."
        )
    if own.vpc_id:
        raise errors.InvalidParameterValue(f"The pool {source.id} gives to subnets only.")
    if own.locale not in (NOWHERE, pool.locale):
        raise errors.InvalidParameterValue(
            f"The locale of a pool is that of its source pool, {own.locale}."
        )
    if own.depth >= MAX_DEPTH:
        raise errors.IpamLimitExceeded("pools one below the other", MAX_DEPTH)
    return replace(
        pool,
        source_id=source.id,
        depth=own.depth + 1,
        public_source=own.public_source,
        service=own.service,
    )


def _public(pool: Pool, scope: Scope, request: Request) -> Pool:
    """Return the pool with what only pools of public addresses have."""
    given_here = [name for name in ("AwsService", "PublicIpSource") if name in request]
    if scope.type != PUBLIC:
        if given_here:
            raise errors.InvalidParameterCombination(
                f"{', '.join(given_here)} may be given for pools of a public scope only."
            )
        return pool
    if request.get("AwsService", "ec2") != "ec2":
        raise errors.UnsupportedOperation("AwsService has only the value 'ec2'.")
    if pool.auto_import:
        raise errors.InvalidParameterCombination("Pools of a public scope import nothing.")
    if pool.source_id:
        source: str = request.get("PublicIpSource", pool.public_source)
        if source != pool.public_source:
            raise errors.InvalidParameterValue("PublicIpSource is that of the source pool.")
        return pool
    if request.get("PublicIpSource", BYOIP) != AMAZON:
        raise errors.UnsupportedOperation(
            "PublicIpSource has only the value 'amazon': hosts lead no ranges that are brought "
            "along."
        )
    return replace(pool, service="ec2", public_source=AMAZON)


def check_rules(pool: Pool) -> None:
    """Raise when the rules about lengths contradict each other, or cannot be."""
    longest = 32 if pool.family == IPV4 else 128
    least = pool.min_length if pool.min_length is not None else 0
    most = pool.max_length if pool.max_length is not None else longest
    usual = pool.default_length if pool.default_length is not None else least
    if not 0 <= least <= usual <= most <= longest:
        raise errors.InvalidParameterValue(
            "The allocation rules are invalid: the minimum netmask length is at most the default "
            f"one, which is at most the maximum one, all of them from 0 to {longest}."
        )


def modify_pool(
    call: WriteCall, request: shapes.ModifyIpamPoolRequest
) -> shapes.ModifyIpamPoolResult:
    """Change a pool's rules: for what is given from now on; nothing is taken back."""
    pool = resources.one(call, records.IPAM_POOL, request["IpamPoolId"])
    doc = pool.doc
    tags = doc.required_tags | tagset.checked(request.get("AddAllocationResourceTags") or ())
    for tag in request.get("RemoveAllocationResourceTags") or ():
        tags.pop(tag.get("Key") or "", None)
    default = request.get("AllocationDefaultNetmaskLength", doc.default_length)
    if request.get("ClearAllocationDefaultNetmaskLength"):
        if "AllocationDefaultNetmaskLength" in request:
            raise errors.InvalidParameterCombination(
                "The default netmask length cannot be cleared and set at once."
            )
        default = None
    doc = replace(
        doc,
        description=request.get("Description", doc.description),
        auto_import=request.get("AutoImport", doc.auto_import),
        min_length=request.get("AllocationMinNetmaskLength", doc.min_length),
        max_length=request.get("AllocationMaxNetmaskLength", doc.max_length),
        default_length=default,
        required_tags=tags,
        is_modified=True,
    )
    check_rules(doc)
    if doc.auto_import and doc.scope_type == PUBLIC:
        raise errors.InvalidParameterCombination("Pools of a public scope import nothing.")
    pool = call.tx.write(pool, doc)
    imports.take_in(call, pool)
    return {"IpamPool": _render(call, pool)}


def delete_pool(
    call: WriteCall, request: shapes.DeleteIpamPoolRequest
) -> shapes.DeleteIpamPoolResult:
    """Delete a pool without ranges, or with `Cascade` all that hangs on it but what it is for."""
    pool = resources.one(call, records.IPAM_POOL, request["IpamPoolId"])
    if call.tx.by(records.IPAM_POOL, "source", pool.id) and not request.get("Cascade"):
        raise errors.DependencyViolation(f"The pool '{pool.id}' is the source of other pools.")
    if pool.doc.cidrs and not request.get("Cascade"):
        raise errors.DependencyViolation(
            f"The pool '{pool.id}' has ranges: deprovision them, or delete with Cascade."
        )
    if pool.doc.scope_type == PUBLIC and request.get("Cascade"):
        raise errors.InvalidParameterCombination(
            "Cascade is for pools of private scopes: others may hold addresses of a public one."
        )
    shown = _render(call, pool)
    _delete(call, pool)
    return {"IpamPool": {**shown, "State": "delete-complete"}}


def _delete(call: WriteCall, pool: PoolRecord) -> None:
    for below in call.tx.by(records.IPAM_POOL, "source", pool.id):
        _delete(call, below)
    for allocation in given.of_pool(call.tx, pool.id):
        call.tx.delete(allocation)
    given.give_back(call.tx, pool.id)
    publicblocks.give_back(call.tx, pool)
    call.tx.delete(pool)


def _find(call: Call, request: shapes.DescribeIpamPoolsRequest) -> Iterable[PoolRecord]:
    asked: list[str] = request.get("IpamPoolIds") or []
    if asked:
        return list({id: given.usable(call, id) for id in asked}.values())
    return sorted(seen_by(call), key=lambda it: it.id)


def seen_by(call: Call) -> Iterable[PoolRecord]:
    """Return the caller's pools, and those of others that he may use."""
    view, found = resources.reader(call), dict[str, PoolRecord]()
    for pool in (
        *view.list(records.IPAM_POOL, call.account),
        *view.by(records.IPAM_POOL, "account", call.account),
        *view.by(records.IPAM_POOL, "account", "*"),
    ):
        found[pool.id] = pool
    return found.values()


def _render(call: Call, pool: PoolRecord) -> shapes.IpamPool:
    doc = pool.doc
    shown: Any = {
        "OwnerId": pool.account,
        "IpamPoolId": pool.id,
        "SourceIpamPoolId": doc.source_id or None,
        "IpamPoolArn": arns.of(call, records.IPAM_POOL, pool.id),
        "IpamScopeArn": arns.of_other(call, records.IPAM_SCOPE, pool.account, doc.scope_id),
        "IpamScopeType": doc.scope_type,
        "IpamArn": arns.of_other(call, records.IPAM, pool.account, doc.ipam_id),
        "IpamRegion": call.settings.region,
        "Locale": doc.locale,
        "PoolDepth": doc.depth,
        "State": ipams.state(doc.is_modified),
        "Description": doc.description or None,
        "AutoImport": doc.auto_import,
        "AddressFamily": doc.family,
        "AllocationMinNetmaskLength": doc.min_length,
        "AllocationMaxNetmaskLength": doc.max_length,
        "AllocationDefaultNetmaskLength": doc.default_length,
        "AllocationResourceTags": tagset.shown(doc.required_tags),
        "AwsService": doc.service or None,
        "PublicIpSource": doc.public_source or None,
        "Tags": tagset.shown(doc.tags),
    }
    if doc.vpc_id:
        shown["SourceResource"] = {
            "ResourceId": doc.vpc_id,
            "ResourceType": "vpc",
            "ResourceRegion": call.settings.region,
            "ResourceOwner": pool.account,
        }
    return shown


_FILTERS: Mapping[str, shownfilters.Finder] = {
    "ipam-id": lambda call, it: (it.doc.ipam_id,),
    "ipam-scope-id": lambda call, it: (it.doc.scope_id,),
    **shownfilters.of(
        _render,
        "AddressFamily",
        "AutoImport",
        "AwsService",
        "Description",
        "IpamArn",
        "IpamPoolArn",
        "IpamPoolId",
        "IpamRegion",
        "IpamScopeArn",
        "IpamScopeType",
        "Locale",
        "OwnerId",
        "PoolDepth",
        "PublicIpSource",
        "SourceIpamPoolId",
        "State",
    ),
}

_RULES = frozenset(
    {
        "Description",
        "AutoImport",
        "AllocationMinNetmaskLength",
        "AllocationMaxNetmaskLength",
        "AllocationDefaultNetmaskLength",
    }
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamPool",
        does=Write(handle=create_pool),
        honours=_RULES
        | {
            "IpamScopeId",
            "Locale",
            "SourceIpamPoolId",
            "AddressFamily",
            "AllocationResourceTags",
            "AwsService",
            "PublicIpSource",
            "SourceResource.ResourceId",
            "SourceResource.ResourceOwner",
            "SourceResource.ResourceRegion",
            "SourceResource.ResourceType",
        },
        creates=(records.IPAM_POOL.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamPool",
        does=Write(handle=modify_pool),
        honours=_RULES
        | {
            "IpamPoolId",
            "ClearAllocationDefaultNetmaskLength",
            "AddAllocationResourceTags",
            "RemoveAllocationResourceTags",
        },
    ),
    Action(
        service="ec2",
        name="DeleteIpamPool",
        does=Write(handle=delete_pool),
        honours=frozenset({"IpamPoolId", "Cascade"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamPools",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamPools",
            filters=_FILTERS,
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamPoolIds"}),
    ),
)
