"""Analyses: the answers to paths, computed by the evaluator to which hosts' rules are held.

Called through the action table. What is wanted of the account's networks is read at once and judged
in a thread, so the answer is there when the call returns; AWS's states stay what they are. It looks
at nothing on a host: whether hosts obey is shown by `mallee trace`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.insights import components, ends, explanations, reach
from mallee.cloud.ec2.insights.components import Names
from mallee.cloud.ec2.insights.ends import PlaceKind
from mallee.cloud.ec2.insights.reach import Found, Wish
from mallee.cloud.explain import packets
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.kit import secretbox
from mallee.model import ids
from mallee.model.hosts.hosts import VpcWanted
from mallee.model.network.insights import FAILED, InsightsAnalysis, InsightsPath, PathFilter
from mallee.model.packets.hops import TCP, UDP

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 1000
_PROTOCOLS = {"tcp": TCP, "udp": UDP}

AnalysisRecord = Record[InsightsAnalysis, None]


@dataclass(frozen=True, slots=True)
class _Question:
    """Everything that an answer takes."""

    vpcs: Mapping[str, VpcWanted]
    wish: Wish
    names: Names
    foreign: frozenset[str]
    """Peering connections beyond which another account's network begins."""


def prepare(
    call: Call, request: shapes.StartNetworkInsightsAnalysisRequest, box: secretbox.SecretBox
) -> Callable[[], InsightsAnalysis]:
    """Read what the answer takes; return the work that gives it."""
    path = resources.one(call, records.INSIGHTS_PATH, request["NetworkInsightsPathId"])
    begun = InsightsAnalysis(
        id="",
        path_id=path.id,
        started_at=call.now,
        filter_in=tuple(request.get("FilterInArns") or ()),
        filter_out=tuple(request.get("FilterOutArns") or ()),
    )
    try:
        question = _read(call, path.doc, begun)
    except errors.AwsError as error:
        message = f"The request failed due to missing component: {error.message}"
        failed = replace(begun, status=FAILED, message=message)
        return lambda: failed
    return lambda: _answer(begun, question)


def _read(call: Call, path: InsightsPath, begun: InsightsAnalysis) -> _Question:
    source = ends.resolve(call, path.source)
    destination = ends.resolve(call, path.destination) if path.destination else None
    at_source = path.at_source or PathFilter()
    port = path.destination_port
    wish = Wish(
        protocol=_PROTOCOLS[path.protocol],
        source=source,
        destination=destination,
        at_source=PathFilter(
            source_address=at_source.source_address or path.source_ip,
            source_ports=at_source.source_ports,
            destination_address=at_source.destination_address or path.destination_ip,
            destination_ports=at_source.destination_ports
            or (None if port is None else (port, port)),
        ),
        at_destination=path.at_destination or PathFilter(),
        through=frozenset(map(ends.name_of, begun.filter_in)),
        without=frozenset(map(ends.name_of, begun.filter_out)),
    )
    named = {it for place in (source, destination) if place for it in place.interface_ids}
    worn = [resources.one(call, records.INTERFACE, id) for id in sorted(named)]
    asked = wish.at_source.destination_address
    addresses = [*source.addresses, *(destination.addresses if destination else ())]
    addresses += [ip_address(asked)] if asked else []
    vpcs = packets.networks(call, worn, addresses)
    wish = dataclasses.replace(wish, transit=packets.transit(call, vpcs))
    return _Question(vpcs, wish, names_of(call, vpcs), foreign_of(call, vpcs))


def names_of(call: Call, vpcs: Mapping[str, VpcWanted]) -> Names:
    """Return how things on the way are shown."""
    gateways = {
        one.doc.vpc_id: one.id
        for one in call.view.list(records.INTERNET_GATEWAY, call.account)
        if one.doc.vpc_id
    }
    return Names(region=call.settings.region, account=call.account, vpcs=vpcs, gateways=gateways)


def foreign_of(call: Call, vpcs: Mapping[str, VpcWanted]) -> frozenset[str]:
    """Return the connections that lead into other accounts' networks."""
    known = {one.id for vpc in vpcs.values() for one in (*vpc.peerings, *vpc.attachments)}
    return frozenset(id for id in known if packets.is_foreign(call, id))


def _answer(begun: InsightsAnalysis, question: _Question) -> InsightsAnalysis:
    names, wish = question.names, question.wish
    found = reach.find(question.vpcs, wish)
    if found is None:
        told = explanations.of_nothing(names, wish.source, wish.destination)
        return replace(begun, explanations=told)
    shown = packets.cut_at(found.forward.hops, question.foreign)
    is_beyond = len(shown) < len(found.forward.hops)
    if found.is_reached:
        end = wish.destination
        if end is not None and end.kind is PlaceKind.PEERING:
            shown = packets.cut_at(shown, frozenset({end.id}))
        return replace(
            begun,
            is_found=True,
            forward=components.path(names, shown),
            back=components.path(names, found.back.hops) if found.back and not is_beyond else (),
        )
    if is_beyond:
        told = ({"ExplanationCode": "NO_POSSIBLE_DESTINATION"},)
        return replace(begun, warning=packets.BEYOND, explanations=told)
    return replace(begun, explanations=_why(question, found), hints=_hints(question, found))


def _why(question: _Question, found: Found) -> tuple[dict[str, Any], ...]:
    names, wish = question.names, question.wish
    if found.is_filtered:
        passed = reach.ids_of(found.forward.hops, question.vpcs)
        return explanations.of_filters(names, wish.through, passed)
    if found.back is not None:
        return explanations.of(names, found.back, wish.source, None)
    return explanations.of(names, found.forward, wish.source, wish.destination)


def _hints(question: _Question, found: Found) -> tuple[str, ...]:
    """Return what the way leads through that is there if nothing were filtered."""
    if not found.is_filtered:
        return ()
    met = [question.names.id_of(hop) for hop in found.forward.hops if hop.kind.is_gateway]
    return tuple(dict.fromkeys(id for id in met if id))


def start_analysis(
    call: WriteCall, request: shapes.StartNetworkInsightsAnalysisRequest
) -> shapes.StartNetworkInsightsAnalysisResult:
    """Keep the answer to a path's question."""
    if len(call.tx.list(records.INSIGHTS_ANALYSIS, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.NetworkInsightsLimitExceeded(MAX_PER_ACCOUNT, "network insights analyses")
    resources.one(call, records.INSIGHTS_PATH, request["NetworkInsightsPathId"])
    found: InsightsAnalysis = call.prepared
    kept = replace(
        found,
        id=ids.make("nia", call.entropy(ids.ID_BYTES)),
        tags=tagset.of_new(request, records.INSIGHTS_ANALYSIS.name),
    )
    record = call.tx.insert(records.INSIGHTS_ANALYSIS, call.account, kept.id, kept)
    return {"NetworkInsightsAnalysis": _render(call, record)}


def delete_analysis(
    call: WriteCall, request: shapes.DeleteNetworkInsightsAnalysisRequest
) -> shapes.DeleteNetworkInsightsAnalysisResult:
    """Forget an answer."""
    record = resources.one(call, records.INSIGHTS_ANALYSIS, request["NetworkInsightsAnalysisId"])
    call.tx.delete(record)
    return {"NetworkInsightsAnalysisId": record.id}


def _find(
    call: Call, request: shapes.DescribeNetworkInsightsAnalysesRequest
) -> Iterable[AnalysisRecord]:
    asked, path_id = request.get("NetworkInsightsAnalysisIds"), request.get("NetworkInsightsPathId")
    if asked:
        found = resources.several(call, records.INSIGHTS_ANALYSIS, asked)
    elif path_id:
        path = resources.one(call, records.INSIGHTS_PATH, path_id)
        found = call.view.by(records.INSIGHTS_ANALYSIS, "path", path.id)
    else:
        found = call.view.list(records.INSIGHTS_ANALYSIS, call.account)
    since, until = request.get("AnalysisStartTime"), request.get("AnalysisEndTime")
    return sorted(
        (
            one
            for one in found
            if (since is None or one.doc.started_at >= since.timestamp())
            and (until is None or one.doc.started_at <= until.timestamp())
            and (not path_id or one.doc.path_id == ids.normalise(path_id))
        ),
        key=lambda it: it.id,
    )


def _render(call: Call, record: AnalysisRecord) -> shapes.NetworkInsightsAnalysis:
    found = record.doc
    hints = [{"ComponentId": id, "ComponentArn": _arn(call, id)} for id in found.hints]
    made: dict[str, Any] = {
        "NetworkInsightsAnalysisId": found.id,
        "NetworkInsightsAnalysisArn": arns.of(call, records.INSIGHTS_ANALYSIS, found.id),
        "NetworkInsightsPathId": found.path_id,
        "FilterInArns": list(found.filter_in) or None,
        "FilterOutArns": list(found.filter_out) or None,
        "StartDate": datetime.fromtimestamp(found.started_at, UTC),
        "Status": found.status,
        "StatusMessage": found.message or None,
        "WarningMessage": found.warning or None,
        "NetworkPathFound": None if found.status == FAILED else found.is_found,
        "ForwardPathComponents": list(found.forward) or None,
        "ReturnPathComponents": list(found.back) or None,
        "Explanations": list(found.explanations) or None,
        "AlternatePathHints": hints or None,
        "Tags": tagset.shown(found.tags),
    }
    return made  # pyright: ignore[reportReturnType] - components are kept in AWS's own shapes


def _arn(call: Call, id: str) -> str:
    known = resources.BY_PREFIX.get(ids.prefix_of(id))
    return arns.of(call, known.kind if known else records.PEERING, id)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="StartNetworkInsightsAnalysis",
        does=Write(handle=start_analysis, prepare=prepare),
        honours=frozenset({"NetworkInsightsPathId", "FilterInArns", "FilterOutArns"}),
        creates=(records.INSIGHTS_ANALYSIS.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInsightsAnalysis",
        does=Write(handle=delete_analysis),
        honours=frozenset({"NetworkInsightsAnalysisId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkInsightsAnalyses",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInsightsAnalyses",
            filters={
                "path-found": lambda call, it: (resources.boolean(it.doc.is_found),),
                "status": lambda call, it: (it.doc.status,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset(
            {
                "NetworkInsightsAnalysisIds",
                "NetworkInsightsPathId",
                "AnalysisStartTime",
                "AnalysisEndTime",
            }
        ),
    ),
)
