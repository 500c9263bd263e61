"""Analyses of access scopes: all ways that a scope means, found at one moment.

Called through the action table. All ends of the account's networks are looked at: interfaces,
internet gateways, peering connections, gateway endpoints. How ways are found is `scoping`'s
business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.insights import analyses, components, ends, scoping
from mallee.cloud.ec2.vpc.routing import servicelists
from mallee.cloud.explain import packets
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model import ids
from mallee.model.network.insights import AccessScope, ScopeAnalysis

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 100

AnalysisRecord = Record[ScopeAnalysis, None]


def prepare(
    call: Call,
    request: shapes.StartNetworkInsightsAccessScopeAnalysisRequest,
    box: secretbox.SecretBox,
) -> Callable[[], ScopeAnalysis]:
    """Read all that is looked at; return the work that looks."""
    scope = resources.one(call, records.ACCESS_SCOPE, request["NetworkInsightsAccessScopeId"])
    worn = call.view.list(records.INTERFACE, call.account)
    vpcs = packets.networks(call, worn, ())
    names = analyses.names_of(call, vpcs)
    foreign = analyses.foreign_of(call, vpcs)
    own = [one.id for one in worn if not one.doc.requester]
    asked = [*own, *names.gateways.values(), *sorted(_beyond(call))]
    ground = scoping.Ground(
        vpcs=vpcs,
        places=tuple(ends.resolve(call, id) for id in asked),
        ranges=_ranges(call, scope.doc),
        gateways=names.gateways,
        transit=packets.transit(call, vpcs),
    )
    begun = ScopeAnalysis(
        id="", scope_id=scope.id, started_at=call.now, ended_at=call.now, interfaces=len(worn)
    )

    def work() -> ScopeAnalysis:
        found, is_cut = scoping.find_all(ground, scope.doc.match, scope.doc.exclude)
        shown = [components.path(names, packets.cut_at(it.forward.hops, foreign)) for it in found]
        warning = f"Only {scoping.PAIRS_MAX} pairs of ends were looked at." if is_cut else ""
        return replace(begun, findings=tuple(shown), warning=warning)

    return work


def _beyond(call: Call) -> Iterable[str]:
    """Yield the connections and endpoints that are ends of ways."""
    for vpc in call.view.list(records.VPC, call.account):
        yield from {it.id for it in call.view.by(records.PEERING, "vpc", vpc.id)}
        for one in call.view.by(records.ENDPOINT, "vpc", vpc.id):
            if one.doc.route_table_ids:
                yield one.id


def _ranges(call: Call, scope: AccessScope) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in (*scope.match, *scope.exclude):
        for end in (path.source, path.destination):
            for id in (*end.source_lists, *end.destination_lists) if end else ():
                service = servicelists.by_id(call.settings.region, id)
                kept = call.view.get(records.PREFIX_LIST, id)
                entries = kept.doc.entries if kept else ()
                found[id] = service.cidrs if service else tuple(one.cidr for one in entries)
    return found


def start_analysis(
    call: WriteCall, request: shapes.StartNetworkInsightsAccessScopeAnalysisRequest
) -> shapes.StartNetworkInsightsAccessScopeAnalysisResult:
    """Keep what was found."""
    if len(call.tx.list(records.SCOPE_ANALYSIS, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.NetworkInsightsLimitExceeded(MAX_PER_ACCOUNT, "access scope analyses")
    resources.one(call, records.ACCESS_SCOPE, request["NetworkInsightsAccessScopeId"])
    found: ScopeAnalysis = call.prepared
    kept = replace(
        found,
        id=ids.make("nisa", call.entropy(ids.ID_BYTES)),
        ended_at=call.tx.now,
        tags=tagset.of_new(request, records.SCOPE_ANALYSIS.name),
    )
    record = call.tx.insert(records.SCOPE_ANALYSIS, call.account, kept.id, kept)
    return {"NetworkInsightsAccessScopeAnalysis": _render(call, record)}


def delete_analysis(
    call: WriteCall, request: shapes.DeleteNetworkInsightsAccessScopeAnalysisRequest
) -> shapes.DeleteNetworkInsightsAccessScopeAnalysisResult:
    """Forget what was found."""
    record = _one(call, request["NetworkInsightsAccessScopeAnalysisId"])
    call.tx.delete(record)
    return {"NetworkInsightsAccessScopeAnalysisId": record.id}


def _one(call: Call, id: str) -> AnalysisRecord:
    return resources.one(call, records.SCOPE_ANALYSIS, id)


def _find_findings(
    call: Call, request: shapes.GetNetworkInsightsAccessScopeAnalysisFindingsRequest
) -> Iterable[tuple[AnalysisRecord, int]]:
    record = _one(call, request["NetworkInsightsAccessScopeAnalysisId"])
    return [(record, number) for number in range(1, len(record.doc.findings) + 1)]


def _render_finding(
    call: Call, item: tuple[AnalysisRecord, int]
) -> shapes.AccessScopeAnalysisFinding:
    record, number = item
    made: dict[str, Any] = {
        "NetworkInsightsAccessScopeAnalysisId": record.id,
        "NetworkInsightsAccessScopeId": record.doc.scope_id,
        "FindingId": f"AnalysisFinding-{number}",
        "FindingComponents": list(record.doc.findings[number - 1]),
    }
    return made  # pyright: ignore[reportReturnType] - components are kept in AWS's own shapes


def _head_of_findings(
    call: Call, request: shapes.GetNetworkInsightsAccessScopeAnalysisFindingsRequest
) -> shapes.GetNetworkInsightsAccessScopeAnalysisFindingsResult:
    record = _one(call, request["NetworkInsightsAccessScopeAnalysisId"])
    return {"NetworkInsightsAccessScopeAnalysisId": record.id, "AnalysisStatus": "succeeded"}


def _find(
    call: Call, request: shapes.DescribeNetworkInsightsAccessScopeAnalysesRequest
) -> Iterable[AnalysisRecord]:
    asked = request.get("NetworkInsightsAccessScopeAnalysisIds")
    scope_id = request.get("NetworkInsightsAccessScopeId")
    if asked:
        found = resources.several(call, records.SCOPE_ANALYSIS, asked)
    elif scope_id:
        scope = resources.one(call, records.ACCESS_SCOPE, scope_id)
        found = call.view.by(records.SCOPE_ANALYSIS, "scope", scope.id)
    else:
        found = call.view.list(records.SCOPE_ANALYSIS, call.account)
    since, until = request.get("AnalysisStartTimeBegin"), request.get("AnalysisStartTimeEnd")
    return sorted(
        (
            one
            for one in found
            if (since is None or one.doc.started_at >= since.timestamp())
            and (until is None or one.doc.started_at <= until.timestamp())
            and (not scope_id or one.doc.scope_id == ids.normalise(scope_id))
        ),
        key=lambda it: it.id,
    )


def _render(call: Call, record: AnalysisRecord) -> shapes.NetworkInsightsAccessScopeAnalysis:
    found = record.doc
    unknown = "unknown" if found.warning else "false"
    made: dict[str, Any] = {
        "NetworkInsightsAccessScopeAnalysisId": found.id,
        "NetworkInsightsAccessScopeAnalysisArn": arns.of(call, records.SCOPE_ANALYSIS, found.id),
        "NetworkInsightsAccessScopeId": found.scope_id,
        "Status": "succeeded",
        "WarningMessage": found.warning or None,
        "StartDate": datetime.fromtimestamp(found.started_at, UTC),
        "EndDate": datetime.fromtimestamp(found.ended_at, UTC),
        "FindingsFound": "true" if found.findings else unknown,
        "AnalyzedEniCount": found.interfaces,
        "Tags": tagset.shown(found.tags),
    }
    return made  # pyright: ignore[reportReturnType] - members are put together by name


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="StartNetworkInsightsAccessScopeAnalysis",
        does=Write(handle=start_analysis, prepare=prepare),
        honours=frozenset({"NetworkInsightsAccessScopeId"}),
        creates=(records.SCOPE_ANALYSIS.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInsightsAccessScopeAnalysis",
        does=Write(handle=delete_analysis),
        honours=frozenset({"NetworkInsightsAccessScopeAnalysisId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkInsightsAccessScopeAnalyses",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInsightsAccessScopeAnalyses",
            filters={},
            tags=lambda it: it.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset(
            {
                "NetworkInsightsAccessScopeAnalysisIds",
                "NetworkInsightsAccessScopeId",
                "AnalysisStartTimeBegin",
                "AnalysisStartTimeEnd",
            }
        ),
    ),
    Action(
        service="ec2",
        name="GetNetworkInsightsAccessScopeAnalysisFindings",
        does=Listing(
            find=_find_findings,
            render=_render_finding,
            member="AnalysisFindings",
            filters={},
            key=lambda it: f"{it[1]:06}",
            max_results=(1, 1000),
            head=_head_of_findings,
        ),
        honours=frozenset({"NetworkInsightsAccessScopeAnalysisId"}),
    ),
)
