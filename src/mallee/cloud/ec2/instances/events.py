"""Scheduled events as an instance's owner sees and moves them, and what he reports of its health.

Called through the action table; `instancestatus` shows events (`of_instance`, `FILTERS`). Who
schedules them is the administration (`admin.events`), who carries them out `reconcile.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.events import Event, Outcome, StatusReport

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

NOTICE_S = 3600.0
"""How far off an event must be to be moved, and to what it may be moved: as on AWS."""
REPORTS_KEPT = 100
"""Of an account; an older one goes when a newer one comes."""
MAX_REPORTED = 1000

EventRecord = Record[Event, None]


def modify_start(
    call: WriteCall, request: shapes.ModifyInstanceEventStartTimeRequest
) -> shapes.ModifyInstanceEventStartTimeResult:
    """Move an event that may be moved: at least an hour ahead, and not beyond its deadline."""
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    record = call.tx.get(records.EVENT, request["InstanceEventId"])
    if record is None or record.doc.instance_id != instance.id:
        raise errors.InvalidInstanceEventIdNotFound(request["InstanceEventId"])
    event = record.doc
    at = request["NotBefore"].timestamp()
    if event.outcome is not Outcome.OPEN or event.deadline is None:
        raise errors.InvalidInstanceEventStartTime(f"The event {event.id} cannot be rescheduled.")
    if event.not_before - call.tx.now < NOTICE_S:
        raise errors.InvalidInstanceEventStartTime(
            f"The event {event.id} begins in less than an hour: it cannot be rescheduled."
        )
    if at - call.tx.now < NOTICE_S:
        raise errors.InvalidInstanceEventStartTime("The new time is at least an hour ahead.")
    if at > event.deadline:
        raise errors.InvalidInstanceEventStartTime(
            f"The new time is after the deadline, {resources.moment(event.deadline)}."
        )
    length = event.not_after - event.not_before if event.not_after is not None else None
    moved = replace(event, not_before=at, not_after=None if length is None else at + length)
    return {"Event": shown(call.tx.write(record, moved))}


def report_status(call: WriteCall, request: shapes.ReportInstanceStatusRequest) -> Result:
    """Keep what the owner says of instances, for the administration to see."""
    found = resources.several(call, records.INSTANCE, request["Instances"])
    if len(found) > MAX_REPORTED:
        raise errors.InvalidParameterValue(f"One report is of at most {MAX_REPORTED} instances.")
    started, ended = request.get("StartTime"), request.get("EndTime")
    if started and ended and ended < started:
        raise errors.InvalidParameterValue("EndTime is before StartTime.")
    report = StatusReport(
        id=ids.make("report", call.entropy(ids.ID_BYTES)),
        instance_ids=tuple(record.id for record in found),
        status=request["Status"],
        reasons=tuple(request["ReasonCodes"]),
        description=request.get("Description", ""),
        started_at=started.timestamp() if started else None,
        ended_at=ended.timestamp() if ended else None,
        made_at=call.tx.now,
        made_by=call.principal.arn,
    )
    kept = sorted(
        call.tx.list(records.STATUS_REPORT, call.account), key=lambda one: one.doc.made_at
    )
    for old in kept[: max(0, len(kept) + 1 - REPORTS_KEPT)]:
        call.tx.delete(old)
    call.tx.insert(records.STATUS_REPORT, call.account, report.id, report)
    return {}


def of_instance(call: Call, record: InstanceRecord) -> list[EventRecord]:
    """Return an instance's events, the next one first; those that ended stay for a while."""
    found = resources.reader(call).by(records.EVENT, "instance", record.id)
    return sorted(found, key=lambda one: (one.doc.not_before, one.id))


def shown(record: EventRecord) -> shapes.InstanceStatusEvent:
    """Return an event as the API shows it."""
    event = record.doc
    answer: shapes.InstanceStatusEvent = {
        "InstanceEventId": event.id,
        "Code": event.code.value,
        "Description": described(event),
        "NotBefore": event.not_before,
    }
    if event.not_after is not None:
        answer["NotAfter"] = event.not_after
    if event.deadline is not None:
        answer["NotBeforeDeadline"] = event.deadline
    return answer


def described(event: Event) -> str:
    """Return its description, with what became of it before it as AWS writes it."""
    outcome = event.outcome
    return (
        event.description if outcome is Outcome.OPEN else (f"[{outcome.value}] {event.description}")
    )


def _each(
    value: Callable[[Event], str | float | None],
) -> Callable[[Call, InstanceRecord], Iterable[str]]:
    def values(call: Call, record: InstanceRecord) -> Iterable[str]:
        for event in of_instance(call, record):
            found = value(event.doc)
            if isinstance(found, str):
                yield found
            elif found is not None:
                yield resources.moment(found)

    return values


FILTERS: dict[str, Callable[[Call, InstanceRecord], Iterable[str]]] = {
    "event.code": _each(lambda event: event.code.value),
    "event.description": _each(described),
    "event.instance-event-id": _each(lambda event: event.id),
    "event.not-after": _each(lambda event: event.not_after),
    "event.not-before": _each(lambda event: event.not_before),
    "event.not-before-deadline": _each(lambda event: event.deadline),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyInstanceEventStartTime",
        does=Write(handle=modify_start),
        honours=frozenset({"InstanceId", "InstanceEventId", "NotBefore"}),
    ),
    Action(
        service="ec2",
        name="ReportInstanceStatus",
        does=Write(handle=report_status),
        honours=frozenset(
            {"Instances", "Status", "ReasonCodes", "Description", "StartTime", "EndTime"}
        ),
    ),
)
