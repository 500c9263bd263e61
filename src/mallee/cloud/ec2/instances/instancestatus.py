"""DescribeInstanceStatus: what the cloud knows of a running instance's health, and no more.

The system is well while its host is heard and nothing on it keeps the guest from going on (a disk
without room, a QEMU that does not answer); the instance is well while its guest runs and answers
its host on its first interface. Of what nobody has looked at, nothing is claimed.
Called through the action table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.instances import events, instancefilters, instances, power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records
from mallee.model.compute.instances import Halt, Halted, Phase, State, phase_of

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

OK, IMPAIRED, NOT_APPLICABLE = "ok", "impaired", "not-applicable"
INITIALIZING, INSUFFICIENT = "initializing", "insufficient-data"


def _find(call: Call, request: shapes.DescribeInstanceStatusRequest) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    found = (
        resources.several(call, records.INSTANCE, asked)
        if asked
        else call.view.ordered(records.INSTANCE, call.account)
    )
    if request.get("IncludeAllInstances"):
        return found
    return [record for record in found if power.state_of(record) is State.RUNNING]


def _system(call: Call, record: InstanceRecord) -> tuple[str, str | None, float | None]:
    """Return the system's status, whether the guest can be reached through it, and since when it
    cannot."""
    if power.state_of(record) is not State.RUNNING:
        return NOT_APPLICABLE, None, None
    host = call.view.get(records.HOST, record.doc.host_id)
    if host is None or host.seen is None:
        return IMPAIRED, "failed", None
    if host.seen.is_silent:
        return IMPAIRED, "failed", host.seen.heard_at
    halted = _halted(record)
    return (OK, "passed", None) if halted is None else (IMPAIRED, "failed", halted.since)


def _halted(record: InstanceRecord) -> Halted | None:
    """Return what keeps the guest from going on, as was seen last."""
    is_running = phase_of(record.doc, record.seen) is Phase.RUNNING
    return record.seen.halted if record.seen is not None and is_running else None


def _is_heard(call: Call, record: InstanceRecord) -> bool:
    host = call.view.get(records.HOST, record.doc.host_id)
    return host is not None and host.seen is not None and not host.seen.is_silent


def _instance(call: Call, record: InstanceRecord) -> tuple[str, str | None, float | None]:
    """Return the guest's status, whether it answers, and since when it does not."""
    if power.state_of(record) is not State.RUNNING:
        return NOT_APPLICABLE, None, None
    if not _is_heard(call, record):
        # Nobody has looked since its host was heard last.
        return INSUFFICIENT, INSUFFICIENT, None
    if phase_of(record.doc, record.seen) is not Phase.RUNNING or record.seen is None:
        return IMPAIRED, "failed", None
    reach, halted = record.seen.reach, record.seen.halted
    if halted is not None and halted.by is Halt.NO_ROOM:
        return IMPAIRED, "failed", halted.since
    if reach is None:
        return INITIALIZING, INITIALIZING, None
    return (OK, "passed", None) if reach.answers else (IMPAIRED, "failed", reach.since)


def _shown(judged: tuple[str, str | None, float | None]) -> shapes.InstanceStatusSummary:
    status, reachability, since = judged
    if reachability is None:
        return {"Status": status, "Details": []}
    detail: shapes.InstanceStatusDetails = {"Name": "reachability", "Status": reachability}
    if since is not None:
        detail["ImpairedSince"] = since
    return {"Status": status, "Details": [detail]}


def _render(call: Call, record: InstanceRecord) -> shapes.InstanceStatus:
    return {
        "InstanceId": record.id,
        "AvailabilityZone": record.doc.zone,
        "AvailabilityZoneId": zones.id_of(record.doc.zone, call.settings.region),
        "InstanceState": power.shown(power.state_of(record)),
        "SystemStatus": _shown(_system(call, record)),
        "InstanceStatus": _shown(_instance(call, record)),
        "Events": [events.shown(one) for one in events.of_instance(call, record)],
    }


def _answering(call: Call, record: InstanceRecord) -> Iterable[str]:
    reachability = _instance(call, record)[1]
    return () if reachability is None else (reachability,)


def _reachability(call: Call, record: InstanceRecord) -> Iterable[str]:
    reachability = _system(call, record)[1]
    return () if reachability is None else (reachability,)


FILTERS: dict[str, Callable[[Call, InstanceRecord], Iterable[str]]] = {
    **instancefilters.STATE,
    **instancefilters.OPERATED,
    "availability-zone": instancefilters.FILTERS["availability-zone"],
    "availability-zone-id": instancefilters.FILTERS["availability-zone-id"],
    **events.FILTERS,
    "instance-status.status": lambda call, record: (_instance(call, record)[0],),
    "instance-status.reachability": _answering,
    "system-status.status": lambda call, record: (_system(call, record)[0],),
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
