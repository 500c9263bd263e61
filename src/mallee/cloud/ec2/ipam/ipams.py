"""IPAMs: places to plan ranges, each with a private and a public scope that come and go with it.

Called through the action table. An IPAM sees what is in use by its resource discoveries, of which
the first is made with it too (`discoveries`). The cloud is one region: there is no other to add.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import shownfilters
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import PRIVATE, PUBLIC, Discovery, DiscoveryAssociation, Ipam, Scope

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 10
TIERS = ("free", "advanced")

IpamRecord = Record[Ipam, None]


def create_ipam(call: WriteCall, request: shapes.CreateIpamRequest) -> shapes.CreateIpamResult:
    """Make an IPAM with its two scopes and its own discovery."""
    if len(call.tx.list(records.IPAM, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.IpamLimitExceeded("IPAMs of an account", MAX_PER_ACCOUNT)
    regions = check_regions(call, request.get("OperatingRegions") or ())
    made = Ipam(
        id=_new(call, "ipam"),
        description=request.get("Description", ""),
        tier=request.get("Tier", "advanced"),
        regions=regions,
        private_scope_id=_new(call, "ipam-scope"),
        public_scope_id=_new(call, "ipam-scope"),
        discovery_id=_discovery(call, regions),
        association_id=_new(call, "ipam-res-disco-assoc"),
        tags=tagset.of_new(request, records.IPAM.name),
    )
    record = call.tx.insert(records.IPAM, call.account, made.id, made)
    for id, type in ((made.private_scope_id, PRIVATE), (made.public_scope_id, PUBLIC)):
        scope = Scope(id=id, ipam_id=made.id, type=type, is_default=True)
        call.tx.insert(records.IPAM_SCOPE, call.account, id, scope)
    association = DiscoveryAssociation(
        id=made.association_id,
        ipam_id=made.id,
        discovery_id=made.discovery_id,
        is_default=True,
    )
    call.tx.insert(records.IPAM_DISCOVERY_ASSOCIATION, call.account, association.id, association)
    return {"Ipam": _render(call, record)}


def _new(call: WriteCall, prefix: str) -> str:
    return ids.make(prefix, call.entropy(ids.ID_BYTES))


def _discovery(call: WriteCall, regions: tuple[str, ...]) -> str:
    """Return the account's own discovery, made where there is none: as in AWS there is one."""
    for one in call.tx.list(records.IPAM_DISCOVERY, call.account):
        if one.doc.is_default:
            return one.id
    made = Discovery(id=_new(call, "ipam-res-disco"), regions=regions, is_default=True)
    return call.tx.insert(records.IPAM_DISCOVERY, call.account, made.id, made).id


def check_regions(call: Call, given: Iterable[Any]) -> tuple[str, ...]:
    """Return the regions; raise when one is not this cloud."""
    names = tuple(dict.fromkeys(one.get("RegionName", "") for one in given))
    for name in names:
        if name != call.settings.region:
            raise errors.InvalidParameterValue(
                f"Value ({name}) for parameter RegionName is invalid. This cloud is the region "
                f"{call.settings.region}."
            )
    return names or (call.settings.region,)


def modify_ipam(call: WriteCall, request: shapes.ModifyIpamRequest) -> shapes.ModifyIpamResult:
    """Change an IPAM's words or tier; its region stays."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    check_regions(call, request.get("AddOperatingRegions") or ())
    if request.get("RemoveOperatingRegions"):
        raise errors.InvalidParameterValue(
            f"The region {call.settings.region} of the IPAM {ipam.id} cannot be removed."
        )
    doc = replace(
        ipam.doc,
        description=request.get("Description", ipam.doc.description),
        tier=request.get("Tier", ipam.doc.tier),
        is_modified=True,
    )
    return {"Ipam": _render(call, call.tx.write(ipam, doc))}


def delete_ipam(call: WriteCall, request: shapes.DeleteIpamRequest) -> shapes.DeleteIpamResult:
    """Delete an IPAM that plans nothing, or with `Cascade` what it plans of private ranges."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    pools = call.tx.by(records.IPAM_POOL, "ipam", ipam.id)
    if any(pool.doc.scope_type == PUBLIC for pool in pools):
        raise _in_use(ipam, "it has pools in a public scope")
    if call.tx.by(records.IPAM_POLICY, "ipam", ipam.id):
        raise _in_use(ipam, "it has policies")
    if call.tx.by(records.RESOLVER, "ipam", ipam.id):
        raise _in_use(ipam, "it has prefix list resolvers")
    scopes = call.tx.by(records.IPAM_SCOPE, "ipam", ipam.id)
    associations = call.tx.by(records.IPAM_DISCOVERY_ASSOCIATION, "ipam", ipam.id)
    if not request.get("Cascade"):
        if pools:
            raise _in_use(ipam, "it has pools")
        if any(not scope.doc.is_default for scope in scopes):
            raise _in_use(ipam, "it has scopes besides the default ones")
        if any(not one.doc.is_default for one in associations):
            raise _in_use(ipam, "it has resource discoveries besides its own")
    shown = _render(call, ipam)
    for pool in pools:
        for allocation in call.tx.by(records.IPAM_ALLOCATION, "pool", pool.id):
            call.tx.delete(allocation)
        call.tx.delete(pool)
    for record in (*scopes, *associations, ipam):
        call.tx.delete(record)
    _end_discovery(call, ipam.doc.discovery_id)
    return {"Ipam": {**shown, "State": "delete-complete"}}


def _in_use(ipam: IpamRecord, why: str) -> errors.AwsError:
    return errors.DependencyViolation(f"The IPAM '{ipam.id}' cannot be deleted: {why}.")


def _end_discovery(call: WriteCall, id: str) -> None:
    """Delete the account's own discovery with the last IPAM that sees by it."""
    discovery = call.tx.get(records.IPAM_DISCOVERY, id)
    if discovery is not None and not call.tx.by(
        records.IPAM_DISCOVERY_ASSOCIATION, "discovery", id
    ):
        call.tx.delete(discovery)


def state(is_modified: bool) -> Any:
    """Return the state of what is made and changed at once."""
    return "modify-complete" if is_modified else "create-complete"


def _find(call: Call, request: shapes.DescribeIpamsRequest) -> Iterable[IpamRecord]:
    asked: list[str] = request.get("IpamIds") or []
    if asked:
        return resources.several(call, records.IPAM, asked)
    return sorted(call.view.list(records.IPAM, call.account), key=lambda it: it.id)


def _render(call: Call, ipam: IpamRecord) -> shapes.Ipam:
    doc, view = ipam.doc, resources.reader(call)
    return {
        "OwnerId": ipam.account,
        "IpamId": ipam.id,
        "IpamArn": arns.of(call, records.IPAM, ipam.id),
        "IpamRegion": call.settings.region,
        "PublicDefaultScopeId": doc.public_scope_id,
        "PrivateDefaultScopeId": doc.private_scope_id,
        "ScopeCount": len(view.by(records.IPAM_SCOPE, "ipam", ipam.id)),
        "Description": doc.description or None,
        "OperatingRegions": [{"RegionName": name} for name in doc.regions],
        "State": state(doc.is_modified),
        "DefaultResourceDiscoveryId": doc.discovery_id,
        "DefaultResourceDiscoveryAssociationId": doc.association_id,
        "ResourceDiscoveryAssociationCount": len(
            view.by(records.IPAM_DISCOVERY_ASSOCIATION, "ipam", ipam.id)
        ),
        "Tier": doc.tier,
        "EnablePrivateGua": False,
        "Tags": tagset.shown(doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpam",
        does=Write(handle=create_ipam),
        honours=frozenset({"Description", "OperatingRegions", "Tier"}),
        creates=(records.IPAM.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpam",
        does=Write(handle=modify_ipam),
        honours=frozenset(
            {"IpamId", "Description", "AddOperatingRegions", "RemoveOperatingRegions", "Tier"}
        ),
    ),
    Action(
        service="ec2",
        name="DeleteIpam",
        does=Write(handle=delete_ipam),
        honours=frozenset({"IpamId", "Cascade"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpams",
        does=Listing(
            find=_find,
            render=_render,
            member="Ipams",
            filters=shownfilters.of(
                _render,
                "Description",
                "IpamId",
                "IpamArn",
                "IpamRegion",
                "OwnerId",
                "PrivateDefaultScopeId",
                "PublicDefaultScopeId",
                "State",
                "Tier",
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamIds"}),
    ),
)
