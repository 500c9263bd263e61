"""Paths: questions about one way through the networks, to be asked as often as one likes.

Called through the action table. Nothing is looked into before an analysis is started (`analyses`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import arns, resources, tagset
from mallee.cloud.ec2.insights import ends
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.insights import InsightsPath, PathFilter, Ports

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 100

PathRecord = Record[InsightsPath, None]


def create_path(
    call: WriteCall, request: shapes.CreateNetworkInsightsPathRequest
) -> shapes.CreateNetworkInsightsPathResult:
    """Write a question down; its ends must be there and the caller's."""
    if len(call.tx.list(records.INSIGHTS_PATH, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.NetworkInsightsLimitExceeded(MAX_PER_ACCOUNT, "network insights paths")
    source = ends.resolve(call, request["Source"])
    destination: str = request.get("Destination", "")
    if destination and ends.resolve(call, destination).id == source.id:
        raise errors.InvalidParameterValue("The source and destination must be different.")
    at_source, at_end = _filter(request, "FilterAtSource"), _filter(request, "FilterAtDestination")
    _check_together(request, at_source, at_end)
    path = InsightsPath(
        id=ids.make("nip", call.entropy(ids.ID_BYTES)),
        source=request["Source"],
        destination=destination,
        source_ip=_address(request.get("SourceIp", "")),
        destination_ip=_address(request.get("DestinationIp", "")),
        protocol=request["Protocol"],
        destination_port=request.get("DestinationPort"),
        at_source=at_source,
        at_destination=at_end,
        created_at=call.tx.now,
        tags=tagset.of_new(request, records.INSIGHTS_PATH.name),
    )
    record = call.tx.insert(records.INSIGHTS_PATH, call.account, path.id, path)
    return {"NetworkInsightsPath": _render(call, record)}


def _check_together(
    request: shapes.CreateNetworkInsightsPathRequest,
    at_source: PathFilter | None,
    at_end: PathFilter | None,
) -> None:
    if at_source and ("SourceIp" in request or "DestinationPort" in request):
        raise errors.InvalidParameterCombination(
            "FilterAtSource cannot be used with SourceIp or DestinationPort."
        )
    if at_end and "DestinationIp" in request:
        raise errors.InvalidParameterCombination(
            "FilterAtDestination cannot be used with DestinationIp."
        )
    has_address = "DestinationIp" in request or (at_source and at_source.destination_address)
    if "Destination" not in request and not has_address:
        raise errors.MissingParameter("Destination")


def _filter(request: Request, member: str) -> PathFilter | None:
    given = request.get(member)
    if not given:
        return None
    return PathFilter(
        source_address=_address(given.get("SourceAddress", "")),
        source_ports=_ports(given.get("SourcePortRange")),
        destination_address=_address(given.get("DestinationAddress", "")),
        destination_ports=_ports(given.get("DestinationPortRange")),
    )


def _ports(given: shapes.RequestFilterPortRange | None) -> Ports | None:
    if not given:
        return None
    low = given.get("FromPort", 0)
    high = given.get("ToPort", low)
    if low > high:
        raise errors.InvalidParameterValue(f"The port range {low}-{high} ends before it begins.")
    return low, high


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text)) if text else ""
    except ValueError as error:
        raise errors.InvalidParameterValue(f"{text} is no IPv4 address.") from error


def delete_path(
    call: WriteCall, request: shapes.DeleteNetworkInsightsPathRequest
) -> shapes.DeleteNetworkInsightsPathResult:
    """Forget a question that has no analyses any more."""
    record = resources.one(call, records.INSIGHTS_PATH, request["NetworkInsightsPathId"])
    if call.tx.by(records.INSIGHTS_ANALYSIS, "path", record.id):
        raise errors.AnalysisExistsForNetworkInsightsPath(record.id)
    call.tx.delete(record)
    return {"NetworkInsightsPathId": record.id}


def _find(call: Call, request: shapes.DescribeNetworkInsightsPathsRequest) -> Iterable[PathRecord]:
    asked = request.get("NetworkInsightsPathIds")
    if asked:
        return resources.several(call, records.INSIGHTS_PATH, asked)
    return sorted(call.view.list(records.INSIGHTS_PATH, call.account), key=lambda it: it.id)


def _render(call: Call, record: PathRecord) -> shapes.NetworkInsightsPath:
    path = record.doc
    made: dict[str, Any] = {
        "NetworkInsightsPathId": path.id,
        "NetworkInsightsPathArn": arns.of(call, records.INSIGHTS_PATH, path.id),
        "CreatedDate": datetime.fromtimestamp(path.created_at, UTC),
        "Protocol": path.protocol,
        "DestinationPort": path.destination_port,
        "SourceIp": path.source_ip or None,
        "DestinationIp": path.destination_ip or None,
        "Tags": tagset.shown(path.tags),
        "FilterAtSource": _shown_filter(path.at_source),
        "FilterAtDestination": _shown_filter(path.at_destination),
    }
    for member, text in (("Source", path.source), ("Destination", path.destination)):
        if text:
            id = ends.name_of(text)
            kind = resources.BY_PREFIX.get(ids.prefix_of(id))
            made[member] = id
            named = records.PEERING if kind is None else kind.kind
            made[f"{member}Arn"] = arns.of(call, named, id)
    return made  # pyright: ignore[reportReturnType] - members are put together by name


def _shown_filter(wanted: PathFilter | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    return {
        "SourceAddress": wanted.source_address or None,
        "SourcePortRange": _shown_ports(wanted.source_ports),
        "DestinationAddress": wanted.destination_address or None,
        "DestinationPortRange": _shown_ports(wanted.destination_ports),
    }


def _shown_ports(ports: Ports | None) -> dict[str, int] | None:
    return {"FromPort": ports[0], "ToPort": ports[1]} if ports else None


def _of_filter(
    at: Callable[[InsightsPath], PathFilter | None], member: str
) -> Callable[[Call, PathRecord], Iterable[str]]:
    """Return a filter by a member of one of the path's filters."""

    def values(call: Call, record: PathRecord) -> Iterable[str]:
        found = at(record.doc)
        value: str | Ports | None = getattr(found, member) if found else None
        if value:
            yield value if isinstance(value, str) else f"{value[0]}-{value[1]}"

    return values


_MEMBERS = {
    "source-address": "source_address",
    "source-port-range": "source_ports",
    "destination-address": "destination_address",
    "destination-port-range": "destination_ports",
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateNetworkInsightsPath",
        does=Write(handle=create_path),
        honours=frozenset(
            {
                "Source",
                "Destination",
                "SourceIp",
                "DestinationIp",
                "Protocol",
                "DestinationPort",
                "FilterAtSource",
                "FilterAtDestination",
            }
        ),
        creates=(records.INSIGHTS_PATH.name,),
    ),
    Action(
        service="ec2",
        name="DeleteNetworkInsightsPath",
        does=Write(handle=delete_path),
        honours=frozenset({"NetworkInsightsPathId"}),
    ),
    Action(
        service="ec2",
        name="DescribeNetworkInsightsPaths",
        does=Listing(
            find=_find,
            render=_render,
            member="NetworkInsightsPaths",
            filters={
                "source": lambda call, it: (ends.name_of(it.doc.source),),
                "destination": lambda call, it: (ends.name_of(it.doc.destination),),
                "protocol": lambda call, it: (it.doc.protocol,),
                **{
                    f"filter-at-source.{name}": _of_filter(lambda doc: doc.at_source, member)
                    for name, member in _MEMBERS.items()
                },
                **{
                    f"filter-at-destination.{name}": _of_filter(
                        lambda doc: doc.at_destination, member
                    )
                    for name, member in _MEMBERS.items()
                },
            },
            tags=lambda it: it.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset({"NetworkInsightsPathIds"}),
    ),
)
