"""Scopes: spaces of addresses within an IPAM, in each of which no range is planned twice.

Called through the action table. Two private scopes may plan the same ranges, as two VPCs may have
them. The default scopes come and go with their IPAM (`ipams`); all others are private.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import ipams, shownfilters
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.ipam import PRIVATE, Scope

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_IPAM = 50

ScopeRecord = Record[Scope, None]


def create_scope(
    call: WriteCall, request: shapes.CreateIpamScopeRequest
) -> shapes.CreateIpamScopeResult:
    """Make another private scope."""
    ipam = resources.one(call, records.IPAM, request["IpamId"])
    if len(call.tx.by(records.IPAM_SCOPE, "ipam", ipam.id)) >= MAX_PER_IPAM:
        raise errors.IpamLimitExceeded("scopes of an IPAM", MAX_PER_IPAM)
    made = Scope(
        id=ids.make("ipam-scope", call.entropy(ids.ID_BYTES)),
        ipam_id=ipam.id,
        type=PRIVATE,
        description=request.get("Description", ""),
        tags=tagset.of_new(request, records.IPAM_SCOPE.name),
    )
    record = call.tx.insert(records.IPAM_SCOPE, call.account, made.id, made)
    return {"IpamScope": _render(call, record)}


def modify_scope(
    call: WriteCall, request: shapes.ModifyIpamScopeRequest
) -> shapes.ModifyIpamScopeResult:
    """Change a scope's words."""
    scope = resources.one(call, records.IPAM_SCOPE, request["IpamScopeId"])
    words = request.get("Description", scope.doc.description)
    doc = replace(scope.doc, description=words, is_modified=True)
    return {"IpamScope": _render(call, call.tx.write(scope, doc))}


def delete_scope(
    call: WriteCall, request: shapes.DeleteIpamScopeRequest
) -> shapes.DeleteIpamScopeResult:
    """Delete a scope without pools; what was watched in it goes back to the default one."""
    scope = resources.one(call, records.IPAM_SCOPE, request["IpamScopeId"])
    if scope.doc.is_default:
        raise errors.OperationNotPermitted(
            f"The scope '{scope.id}' is a default scope, which goes with its IPAM."
        )
    if call.tx.by(records.IPAM_POOL, "scope", scope.id):
        raise errors.DependencyViolation(f"The scope '{scope.id}' has pools and cannot be deleted.")
    ipam = call.tx.get(records.IPAM, scope.doc.ipam_id)
    if ipam is not None:
        said = tuple(it for it in ipam.doc.said if it.scope_id != scope.id)
        call.tx.write(ipam, replace(ipam.doc, said=said))
    shown = _render(call, scope)
    call.tx.delete(scope)
    return {"IpamScope": {**shown, "State": "delete-complete"}}


def _find(call: Call, request: shapes.DescribeIpamScopesRequest) -> Iterable[ScopeRecord]:
    asked: list[str] = request.get("IpamScopeIds") or []
    if asked:
        return resources.several(call, records.IPAM_SCOPE, asked)
    return sorted(call.view.list(records.IPAM_SCOPE, call.account), key=lambda it: it.id)


def _render(call: Call, scope: ScopeRecord) -> shapes.IpamScope:
    doc = scope.doc
    return {
        "OwnerId": scope.account,
        "IpamScopeId": scope.id,
        "IpamScopeArn": arns.of(call, records.IPAM_SCOPE, scope.id),
        "IpamArn": arns.of(call, records.IPAM, doc.ipam_id),
        "IpamRegion": call.settings.region,
        "IpamScopeType": doc.type,
        "IsDefault": doc.is_default,
        "Description": doc.description or None,
        "PoolCount": len(resources.reader(call).by(records.IPAM_POOL, "scope", scope.id)),
        "State": ipams.state(doc.is_modified),
        "Tags": tagset.shown(doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamScope",
        does=Write(handle=create_scope),
        honours=frozenset({"IpamId", "Description"}),
        creates=(records.IPAM_SCOPE.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamScope",
        does=Write(handle=modify_scope),
        honours=frozenset({"IpamScopeId", "Description"}),
    ),
    Action(
        service="ec2",
        name="DeleteIpamScope",
        does=Write(handle=delete_scope),
        honours=frozenset({"IpamScopeId"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamScopes",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamScopes",
            filters={
                "ipam-id": lambda call, it: (it.doc.ipam_id,),
                **shownfilters.of(
                    _render,
                    "Description",
                    "IpamArn",
                    "IpamScopeArn",
                    "IpamScopeId",
                    "IpamScopeType",
                    "IsDefault",
                    "OwnerId",
                    "State",
                ),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamScopeIds"}),
    ),
)
