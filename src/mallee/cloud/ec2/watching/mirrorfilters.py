"""Filters of traffic mirroring: made, shown, deleted, and which services' packets they take.

Called through the action table. Their rules are `mirrorrules`'; a filter that a session uses is not
deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.watching import mirrorrules
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network import mirroring
from mallee.model.network.mirroring import MirrorFilter

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_ACCOUNT = 10_000

FilterRecord = Record[MirrorFilter, None]


def create_filter(
    call: WriteCall, request: shapes.CreateTrafficMirrorFilterRequest
) -> shapes.CreateTrafficMirrorFilterResult:
    """Make a filter; it takes nothing before it has rules."""
    if len(call.tx.list(records.MIRROR_FILTER, call.account)) >= MAX_PER_ACCOUNT:
        raise errors.TrafficMirrorLimitExceeded("traffic mirror filters", MAX_PER_ACCOUNT)
    made = MirrorFilter(
        id=ids.make("tmf", call.entropy(ids.ID_BYTES)),
        description=request.get("Description", ""),
        tags=tagset.of_new(request, records.MIRROR_FILTER.name),
    )
    record = call.tx.insert(records.MIRROR_FILTER, call.account, made.id, made)
    shown = _render(call, record)
    return {"TrafficMirrorFilter": shown, "ClientToken": request.get("ClientToken")}


def modify_services(
    call: WriteCall, request: shapes.ModifyTrafficMirrorFilterNetworkServicesRequest
) -> shapes.ModifyTrafficMirrorFilterNetworkServicesResult:
    """Say whether packets of the cloud's name server are copied whatever the rules say."""
    record = resources.one(call, records.MIRROR_FILTER, request["TrafficMirrorFilterId"])
    added = set(request.get("AddNetworkServices") or ())
    removed = set(request.get("RemoveNetworkServices") or ())
    unknown = (added | removed) - {mirroring.DNS}
    if unknown:
        raise errors.InvalidParameterValue(
            f"Value ({min(unknown)}) for a network service is invalid. There is {mirroring.DNS}."
        )
    if added & removed:
        raise errors.InvalidParameterCombination(
            "The same network service may not be added and removed."
        )
    services = tuple(sorted((set(record.doc.services) | added) - removed))
    record = call.tx.write(record, replace(record.doc, services=services))
    return {"TrafficMirrorFilter": _render(call, record)}


def delete_filter(
    call: WriteCall, request: shapes.DeleteTrafficMirrorFilterRequest
) -> shapes.DeleteTrafficMirrorFilterResult:
    """Delete a filter that no session uses, with its rules."""
    record = resources.one(call, records.MIRROR_FILTER, request["TrafficMirrorFilterId"])
    if call.tx.by(records.MIRROR_SESSION, "filter", record.id):
        raise errors.TrafficMirrorFilterInUse(record.id)
    for rule in call.tx.by(records.MIRROR_RULE, "filter", record.id):
        call.tx.delete(rule)
    call.tx.delete(record)
    return {"TrafficMirrorFilterId": record.id}


def _find(
    call: Call, request: shapes.DescribeTrafficMirrorFiltersRequest
) -> Iterable[FilterRecord]:
    asked: list[str] = request.get("TrafficMirrorFilterIds") or []
    if asked:
        return resources.several(call, records.MIRROR_FILTER, asked)
    return sorted(call.view.list(records.MIRROR_FILTER, call.account), key=lambda it: it.id)


def _render(call: Call, record: FilterRecord) -> shapes.TrafficMirrorFilter:
    held = resources.reader(call).by(records.MIRROR_RULE, "filter", record.id)
    rules = sorted(held, key=lambda one: one.doc.number)
    return {
        "TrafficMirrorFilterId": record.id,
        "IngressFilterRules": [
            mirrorrules.render(call, one) for one in rules if not one.doc.is_egress
        ],
        "EgressFilterRules": [mirrorrules.render(call, one) for one in rules if one.doc.is_egress],
        "NetworkServices": list(record.doc.services),
        "Description": record.doc.description or None,
        "Tags": tagset.shown(record.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTrafficMirrorFilter",
        does=Write(handle=create_filter),
        honours=frozenset({"Description"}),
        creates=(records.MIRROR_FILTER.name,),
    ),
    Action(
        service="ec2",
        name="ModifyTrafficMirrorFilterNetworkServices",
        does=Write(handle=modify_services),
        honours=frozenset({"TrafficMirrorFilterId", "AddNetworkServices", "RemoveNetworkServices"}),
    ),
    Action(
        service="ec2",
        name="DeleteTrafficMirrorFilter",
        does=Write(handle=delete_filter),
        honours=frozenset({"TrafficMirrorFilterId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTrafficMirrorFilters",
        does=Listing(
            find=_find,
            render=_render,
            member="TrafficMirrorFilters",
            filters={
                "description": lambda call, it: (it.doc.description,),
                "traffic-mirror-filter-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"TrafficMirrorFilterIds"}),
    ),
)
