"""DescribeInstanceStatus: what the cloud knows of a running instance's health, and no more.

The system is well while its host is heard; the instance is well while its host sees the guest
run. Nobody looks into the guest, so no reachability is told of it.
Called through the action table.
"""

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call, Request
from mallee.cloud.ec2 import instancefilters, instances, power, resources, zones
from mallee.cloud.ec2.power import InstanceRecord
from mallee.cloud.state import records
from mallee.model.instances import Phase, State, phase_of

OK, IMPAIRED, NOT_APPLICABLE = "ok", "impaired", "not-applicable"


def _find(call: Call, request: Request) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    found = (
        resources.several(call, records.INSTANCE, asked)
        if asked
        else call.view.list(records.INSTANCE, call.account)
    )
    if request.get("IncludeAllInstances"):
        return found
    return [record for record in found if power.state_of(record) is State.RUNNING]


def _system(call: Call, record: InstanceRecord) -> dict[str, Any]:
    if power.state_of(record) is not State.RUNNING:
        return {"Status": NOT_APPLICABLE, "Details": []}
    host = call.view.get(records.HOST, record.doc.host_id)
    if host is not None and host.seen is not None and not host.seen.is_silent:
        return {"Status": OK, "Details": [{"Name": "reachability", "Status": "passed"}]}
    detail: dict[str, Any] = {"Name": "reachability", "Status": "failed"}
    if host is not None and host.seen is not None:
        heard_at = host.seen.heard_at
        detail["ImpairedSince"] = datetime.datetime.fromtimestamp(heard_at, datetime.UTC)
    return {"Status": IMPAIRED, "Details": [detail]}


def _instance(record: InstanceRecord) -> str:
    if power.state_of(record) is not State.RUNNING:
        return NOT_APPLICABLE
    return OK if phase_of(record.doc, record.seen) is Phase.RUNNING else IMPAIRED


def _render(call: Call, record: InstanceRecord) -> dict[str, Any]:
    return {
        "InstanceId": record.id,
        "AvailabilityZone": record.doc.zone,
        "AvailabilityZoneId": zones.id_of(record.doc.zone, call.settings.region),
        "InstanceState": power.shown(power.state_of(record)),
        "SystemStatus": _system(call, record),
        "InstanceStatus": {"Status": _instance(record), "Details": []},
        "Events": [],
    }


def _reachability(call: Call, record: InstanceRecord) -> Iterable[str]:
    return [detail["Status"] for detail in _system(call, record)["Details"]]


FILTERS: dict[str, Callable[[Call, InstanceRecord], Iterable[str]]] = {
    **instancefilters.STATE,
    "availability-zone": instancefilters.FILTERS["availability-zone"],
    "availability-zone-id": instancefilters.FILTERS["availability-zone-id"],
    "instance-status.status": lambda call, record: (_instance(record),),
    "system-status.status": lambda call, record: (_system(call, record)["Status"],),
    "system-status.reachability": _reachability,
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstanceStatus",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceStatuses",
            filters=FILTERS,
            tags=lambda record: record.doc.tags,
            key=instances.page_key,
        ),
        honours=frozenset({"InstanceIds", "IncludeAllInstances"}),
    ),
)
