"""Targets of resolvers: prefix lists that follow what a resolver finds.

Called through the action table. A list has one target; while it follows, its entries are changed by
nobody else (`vpc.prefixlists`), and rules and routes that name it follow on the hosts as ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.ipam import resolving, shownfilters
from mallee.cloud.ec2.ipam.resolving import TargetRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.network.ipam import IPV4, ResolverTarget

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PREFIX = "ipam-plr-target"


def create_target(
    call: WriteCall, request: shapes.CreateIpamPrefixListResolverTargetRequest
) -> shapes.CreateIpamPrefixListResolverTargetResult:
    """Let a prefix list follow a resolver, from now on."""
    resolver = resources.one(call, records.RESOLVER, request["IpamPrefixListResolverId"])
    listed = resources.one(call, records.PREFIX_LIST, request["PrefixListId"])
    if request["PrefixListRegion"] != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({request['PrefixListRegion']}) for parameter PrefixListRegion is invalid."
        )
    if (listed.doc.family == "IPv4") is not (resolver.doc.family == IPV4):
        raise errors.InvalidParameterValue(
            f"The list {listed.id} is of {listed.doc.family}, and {resolver.id} is of "
            f"{resolver.doc.family}."
        )
    others = call.tx.by(records.RESOLVER_TARGET, "list", listed.id)
    if others:
        raise errors.InvalidParameterValue(f"The list {listed.id} follows {others[0].id} already.")
    tracks, desired = request["TrackLatestVersion"], request.get("DesiredVersion")
    _check(tracks, desired)
    made = ResolverTarget(
        id=ids.make(PREFIX, call.entropy(ids.ID_BYTES)),
        resolver_id=resolver.id,
        list_id=listed.id,
        tracks_latest=tracks,
        desired_version=desired,
        tags=tagset.of_new(request, records.RESOLVER_TARGET.name),
    )
    record = call.tx.insert(records.RESOLVER_TARGET, call.account, made.id, made)
    record = resolving.follow(call.tx, resolver.doc, record)
    return {"IpamPrefixListResolverTarget": _render(call, record)}


def _check(tracks_latest: bool, desired: int | None) -> None:
    if tracks_latest is (desired is not None):
        raise errors.InvalidParameterCombination(
            "A target tracks the latest version, or has a DesiredVersion."
        )


def modify_target(
    call: WriteCall, request: shapes.ModifyIpamPrefixListResolverTargetRequest
) -> shapes.ModifyIpamPrefixListResolverTargetResult:
    """Change which version a list follows."""
    id = request["IpamPrefixListResolverTargetId"]
    target = resources.one(call, records.RESOLVER_TARGET, id)
    tracks: bool = request.get("TrackLatestVersion", "DesiredVersion" not in request)
    desired = request.get("DesiredVersion")
    if not tracks and desired is None:
        desired = target.doc.desired_version or target.doc.synced_version
    _check(tracks, desired)
    doc = replace(target.doc, tracks_latest=tracks, desired_version=desired)
    target = call.tx.write(target, doc)
    resolver = resources.one(call, records.RESOLVER, doc.resolver_id)
    target = resolving.follow(call.tx, resolver.doc, target)
    return {"IpamPrefixListResolverTarget": _render(call, target)}


def delete_target(
    call: WriteCall, request: shapes.DeleteIpamPrefixListResolverTargetRequest
) -> shapes.DeleteIpamPrefixListResolverTargetResult:
    """Let a list follow no longer; it keeps its entries."""
    id = request["IpamPrefixListResolverTargetId"]
    target = resources.one(call, records.RESOLVER_TARGET, id)
    call.tx.delete(target)
    shown = _render(call, target)
    return {"IpamPrefixListResolverTarget": {**shown, "State": "delete-complete"}}


def _find(
    call: Call, request: shapes.DescribeIpamPrefixListResolverTargetsRequest
) -> Iterable[TargetRecord]:
    asked: list[str] = request.get("IpamPrefixListResolverTargetIds") or []
    if asked:
        found = resources.several(call, records.RESOLVER_TARGET, asked)
    else:
        found = call.view.list(records.RESOLVER_TARGET, call.account)
    if "IpamPrefixListResolverId" in request:
        of = resources.one(call, records.RESOLVER, request["IpamPrefixListResolverId"])
        found = [it for it in found if it.doc.resolver_id == of.id]
    return sorted(found, key=lambda it: it.id)


def _render(call: Call, target: TargetRecord) -> shapes.IpamPrefixListResolverTarget:
    doc = target.doc
    return {
        "IpamPrefixListResolverTargetId": target.id,
        "IpamPrefixListResolverTargetArn": arns.of(call, records.RESOLVER_TARGET, target.id),
        "IpamPrefixListResolverId": doc.resolver_id,
        "OwnerId": target.account,
        "PrefixListId": doc.list_id,
        "PrefixListRegion": call.settings.region,
        "DesiredVersion": doc.desired_version,
        "LastSyncedVersion": doc.synced_version,
        "TrackLatestVersion": doc.tracks_latest,
        "StateMessage": doc.problem or None,
        "State": "sync-failed" if doc.problem else "sync-complete",
        "Tags": tagset.shown(doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateIpamPrefixListResolverTarget",
        does=Write(handle=create_target),
        honours=frozenset(
            {
                "IpamPrefixListResolverId",
                "PrefixListId",
                "PrefixListRegion",
                "DesiredVersion",
                "TrackLatestVersion",
            }
        ),
        creates=(records.RESOLVER_TARGET.name,),
    ),
    Action(
        service="ec2",
        name="ModifyIpamPrefixListResolverTarget",
        does=Write(handle=modify_target),
        honours=frozenset(
            {"IpamPrefixListResolverTargetId", "DesiredVersion", "TrackLatestVersion"}
        ),
    ),
    Action(
        service="ec2",
        name="DeleteIpamPrefixListResolverTarget",
        does=Write(handle=delete_target),
        honours=frozenset({"IpamPrefixListResolverTargetId"}),
    ),
    Action(
        service="ec2",
        name="DescribeIpamPrefixListResolverTargets",
        does=Listing(
            find=_find,
            render=_render,
            member="IpamPrefixListResolverTargets",
            filters=shownfilters.of(
                _render,
                "IpamPrefixListResolverId",
                "IpamPrefixListResolverTargetArn",
                "IpamPrefixListResolverTargetId",
                "OwnerId",
                "PrefixListId",
                "State",
                "TrackLatestVersion",
            ),
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"IpamPrefixListResolverTargetIds", "IpamPrefixListResolverId"}),
    ),
)
