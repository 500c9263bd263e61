"""Access scopes: which ways through his networks somebody wants to know of.

Called through the action table. What is found is `scopeanalyses`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.insights import ends, scoping
from mallee.cloud.ec2.vpc.routing import servicelists
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.insights import AccessScope, ResourceStatement, ScopeEnd, ScopePath

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 100
_PATHS_MAX = 50

ScopeRecord = Record[AccessScope, None]
_HEADERS = {
    "SourceAddresses": "sources",
    "DestinationAddresses": "destinations",
    "SourcePrefixLists": "source_lists",
    "DestinationPrefixLists": "destination_lists",
    "SourcePorts": "source_ports",
    "DestinationPorts": "destination_ports",
    "Protocols": "protocols",
}


def create_scope(
    call: WriteCall, request: shapes.CreateNetworkInsightsAccessScopeRequest
) -> shapes.CreateNetworkInsightsAccessScopeResult:
    """Write down which ways are meant."""
    if len(call.tx.list(records.ACCESS_SCOPE, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.NetworkInsightsLimitExceeded(MAX_PER_ACCOUNT, "access scopes")
    match = tuple(_path(call, one) for one in request.get("MatchPaths") or ())
    exclude = tuple(_path(call, one) for one in request.get("ExcludePaths") or ())
    if not match:
        raise errors.MissingParameter("MatchPaths")
    if len(match) + len(exclude) > _PATHS_MAX:
        raise errors.InvalidParameterValue(f"An access scope has at most {_PATHS_MAX} paths.")
    scope = AccessScope(
        id=ids.make("nis", call.entropy(ids.ID_BYTES)),
        match=match,
        exclude=exclude,
        created_at=call.tx.now,
        tags=tagset.of_new(request, records.ACCESS_SCOPE.name),
    )
    record = call.tx.insert(records.ACCESS_SCOPE, call.account, scope.id, scope)
    return {
        "NetworkInsightsAccessScope": _render(call, record),
        "NetworkInsightsAccessScopeContent": _content(record),
    }


def _path(call: Call, given: Mapping[str, Any]) -> ScopePath:
    through = [one.get("ResourceStatement") for one in given.get("ThroughResources") or ()]
    made = ScopePath(
        source=_end(call, given.get("Source")),
        destination=_end(call, given.get("Destination")),
        through=tuple(_resources(one) for one in through if one),
    )
    if made == ScopePath():
        raise errors.InvalidParameterValue("A path names a source, a destination, or resources.")
    return made


def _end(call: Call, given: Mapping[str, Any] | None) -> ScopeEnd | None:
    if not given:
        return None
    header: Mapping[str, Any] = given.get("PacketHeaderStatement") or {}
    statement = given.get("ResourceStatement")
    said = {ours: tuple(header.get(theirs) or ()) for theirs, ours in _HEADERS.items()}
    for cidr in (*said["sources"], *said["destinations"]):
        _check(cidr, "address range", _read_range)
    for ports in (*said["source_ports"], *said["destination_ports"]):
        _check(ports, "port range", scoping.read_ports)
    for id in (*said["source_lists"], *said["destination_lists"]):
        if servicelists.by_id(call.settings.region, id) is None:
            resources.one(call, records.PREFIX_LIST, id)
    return ScopeEnd(resource=_resources(statement) if statement else None, **said)


def _read_range(text: str) -> object:
    return ip_network(text, strict=False)


def _check(text: str, what: str, read: Callable[[str], object]) -> None:
    try:
        read(text)
    except ValueError as error:
        raise errors.InvalidParameterValue(f"{text} is no {what}.") from error


def _resources(given: Mapping[str, Any]) -> ResourceStatement:
    types = tuple(given.get("ResourceTypes") or ())
    for one in types:
        if one not in scoping.TYPES:
            known = ", ".join(sorted(scoping.TYPES))
            raise errors.InvalidParameterValue(
                f"The resource type {one} is not supported here; supported are {known}."
            )
    named = tuple(given.get("Resources") or ())
    for one in named:
        prefix = ids.prefix_of(ends.name_of(one))
        if not any(prefix in prefixes for prefixes in scoping.TYPES.values()):
            raise errors.InvalidParameterValue(f"{one} is no resource that a path may name here.")
    if not types and not named:
        raise errors.InvalidParameterValue("A ResourceStatement names resources or their types.")
    return ResourceStatement(resources=named, types=types)


def delete_scope(
    call: WriteCall, request: shapes.DeleteNetworkInsightsAccessScopeRequest
) -> shapes.DeleteNetworkInsightsAccessScopeResult:
    """Forget a scope that has no analyses any more."""
    record = resources.one(call, records.ACCESS_SCOPE, request["NetworkInsightsAccessScopeId"])
    if call.tx.by(records.SCOPE_ANALYSIS, "scope", record.id):
        raise errors.AnalysisExistsForNetworkInsightsAccessScope(record.id)
    call.tx.delete(record)
    return {"NetworkInsightsAccessScopeId": record.id}


def read_content(
    call: Call, request: shapes.GetNetworkInsightsAccessScopeContentRequest
) -> shapes.GetNetworkInsightsAccessScopeContentResult:
    """Tell what a scope means."""
    record = resources.one(call, records.ACCESS_SCOPE, request["NetworkInsightsAccessScopeId"])
    return {"NetworkInsightsAccessScopeContent": _content(record)}


def _content(record: ScopeRecord) -> shapes.NetworkInsightsAccessScopeContent:
    made: dict[str, Any] = {
        "NetworkInsightsAccessScopeId": record.id,
        "MatchPaths": [_shown_path(one) for one in record.doc.match],
        "ExcludePaths": [_shown_path(one) for one in record.doc.exclude],
    }
    return made  # pyright: ignore[reportReturnType] - members are put together by name


def _shown_path(path: ScopePath) -> dict[str, Any]:
    through = [{"ResourceStatement": _shown_resources(one)} for one in path.through]
    return {
        "Source": _shown_end(path.source),
        "Destination": _shown_end(path.destination),
        "ThroughResources": through or None,
    }


def _shown_end(end: ScopeEnd | None) -> dict[str, Any] | None:
    if end is None:
        return None
    kept = msgspec.structs.asdict(end)
    header = {theirs: list(kept[ours]) for theirs, ours in _HEADERS.items() if kept[ours]}
    return {
        "PacketHeaderStatement": header or None,
        "ResourceStatement": _shown_resources(end.resource) if end.resource else None,
    }


def _shown_resources(statement: ResourceStatement) -> dict[str, Any]:
    return {
        "Resources": list(statement.resources) or None,
        "ResourceTypes": list(statement.types) or None,
    }


def _find(
    call: Call, request: shapes.DescribeNetworkInsightsAccessScopesRequest
) -> Iterable[ScopeRecord]:
    asked = request.get("NetworkInsightsAccessScopeIds")
    if asked:
        return resources.several(call, records.ACCESS_SCOPE, asked)
    return sorted(call.view.list(records.ACCESS_SCOPE, call.account), key=lambda it: it.id)


def _render(call: Call, record: ScopeRecord) -> shapes.NetworkInsightsAccessScope:
    made_at = datetime.fromtimestamp(record.doc.created_at, UTC)
    return {
        "NetworkInsightsAccessScopeId": record.id,
        "NetworkInsightsAccessScopeArn": arns.of(call, records.ACCESS_SCOPE, record.id),
        "CreatedDate": made_at,
        "UpdatedDate": made_at,
        "Tags": tagset.shown(record.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkInsightsAccessScope",
        does=Write(handle=create_scope),
        honours=frozenset({"MatchPaths", "ExcludePaths"}),
        creates=(records.ACCESS_SCOPE.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInsightsAccessScope",
        does=Write(handle=delete_scope),
        honours=frozenset({"NetworkInsightsAccessScopeId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkInsightsAccessScopes",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInsightsAccessScopes",
            filters={},
            tags=lambda it: it.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset({"NetworkInsightsAccessScopeIds"}),
    ),
    Action(
        service="ec2",
        name="GetNetworkInsightsAccessScopeContent",
        does=Read(handle=read_content),
        honours=frozenset({"NetworkInsightsAccessScopeId"}),
    ),
)
