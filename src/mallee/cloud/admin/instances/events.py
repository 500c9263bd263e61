"""Scheduled events, as the cloud's administration plans them, and what owners report.

Called through the action table. An event of a host is one of each instance that it carries now. An
instance's window moves what would stop or reboot it into its hours; what is done to a host is done
when its administrators do it. Carrying out is `reconcile.events`' business.
"""

import datetime
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2.instances import eventnotices, events, eventwindows
from mallee.cloud.ec2.instances.events import EventRecord
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.events import OF_INSTANCE, Code, Event, Outcome, StatusReport
from mallee.model.compute.instances import Power

DESCRIPTIONS = {
    Code.INSTANCE_REBOOT: "The instance is scheduled for a reboot",
    Code.INSTANCE_STOP: "The instance is scheduled to be stopped",
    Code.INSTANCE_RETIREMENT: "The instance is running on a host that is to be retired",
    Code.SYSTEM_REBOOT: "The host of the instance is scheduled for a reboot",
    Code.SYSTEM_MAINTENANCE: "The host of the instance is scheduled for maintenance",
}


def schedule_event(call: WriteCall, request: Request) -> Result:
    """Schedule an event of instances, or of all that a host carries; all of them or none."""
    code = Code(request["EventCode"])
    at = request["NotBefore"].timestamp()
    until = request["NotAfter"].timestamp() if "NotAfter" in request else None
    if at < call.tx.now:
        raise errors.InvalidInput("NotBefore has passed.")
    if until is not None and until < at:
        raise errors.InvalidInput("NotAfter is before NotBefore.")
    if code not in OF_INSTANCE and until is None:
        raise errors.InvalidInput(f"{code.value} needs NotAfter: nobody else knows when it ends.")
    found = _affected(call, request)
    made = [_schedule(call, request, record, (code, at, until)) for record in found]
    eventnotices.send(call, made)
    return {"Events": [_render(call, record) for record in made]}


def _schedule(
    call: WriteCall,
    request: Request,
    record: InstanceRecord,
    what: tuple[Code, float, float | None],
) -> EventRecord:
    code, at, until = what
    deadline = request["Deadline"].timestamp() if "Deadline" in request else None
    begins_at, window_id = at, ""
    if code in OF_INSTANCE:
        begins_at, window_id = eventwindows.opening(call.tx, record, at)
    if deadline is not None and begins_at > deadline:
        raise errors.InvalidInput(
            f"The event window {window_id or 'none'} of {record.id} does not open before the "
            "deadline."
        )
    event = Event(
        id=ids.make("instance-event", call.entropy(ids.ID_BYTES)),
        instance_id=record.id,
        code=code,
        description=request.get("Description", DESCRIPTIONS[code]),
        not_before=begins_at,
        not_after=until + begins_at - at if until is not None else None,
        deadline=deadline,
    )
    return call.tx.insert(records.EVENT, record.account, event.id, event)


def _affected(call: WriteCall, request: Request) -> list[InstanceRecord]:
    host_id, instance_ids = request.get("HostId"), request.get("InstanceIds") or ()
    if bool(host_id) == bool(instance_ids):
        raise errors.InvalidInput("Name either a host or instances.")
    if host_id:
        if call.tx.get(records.HOST, host_id) is None:
            raise errors.NoSuchResource("host", host_id)
        carried = call.tx.by(records.INSTANCE, "host", host_id)
        return [one for one in carried if one.doc.power is not Power.TERMINATED]
    found: list[InstanceRecord] = []
    for id in dict.fromkeys(instance_ids):
        record = call.tx.get(records.INSTANCE, id)
        if record is None or record.doc.power is Power.TERMINATED:
            raise errors.NoSuchResource("instance", id)
        found.append(record)
    return found


def cancel_event(call: WriteCall, request: Request) -> Result:
    """Take an event back; its owner goes on seeing that it was, for a week."""
    record = call.tx.get(records.EVENT, request["EventId"])
    if record is None:
        raise errors.NoSuchResource("event", request["EventId"])
    if record.doc.outcome is Outcome.OPEN:
        ended = replace(record.doc, outcome=Outcome.CANCELED, ended_at=call.tx.now)
        record = call.tx.write(record, ended)
        eventnotices.send(call, (record,))
    return {"Events": [_render(call, record)]}


def list_events(call: Call, request: Request) -> Result:
    """List the events of all accounts, the next one first."""
    found = sorted(call.view.list(records.EVENT), key=lambda one: (one.doc.not_before, one.id))
    return {"Events": [_render(call, record) for record in found]}


def list_reports(call: Call, request: Request) -> Result:
    """List what owners reported of their instances, newest first."""
    found = sorted(
        call.view.list(records.STATUS_REPORT), key=lambda one: one.doc.made_at, reverse=True
    )
    return {"Reports": [_report(record.account, record.doc) for record in found]}


def _render(call: Call, record: EventRecord) -> dict[str, Any]:
    event = record.doc
    return {
        "EventId": event.id,
        "AccountId": record.account,
        "InstanceId": event.instance_id,
        "EventCode": event.code.value,
        "Description": events.described(event),
        "NotBefore": _time(event.not_before),
        "NotAfter": _time(event.not_after),
        "Deadline": _time(event.deadline),
        "State": event.outcome.value.lower() or "scheduled",
    }


def _report(account: str, report: StatusReport) -> dict[str, Any]:
    return {
        "AccountId": account,
        "InstanceIds": list(report.instance_ids),
        "Status": report.status,
        "ReasonCodes": list(report.reasons),
        "Description": report.description or None,
        "StartTime": _time(report.started_at),
        "EndTime": _time(report.ended_at),
        "ReportedAt": _time(report.made_at),
        "ReportedBy": report.made_by,
    }


def _time(at: float | None) -> datetime.datetime | None:
    return None if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators(
        "ScheduleEvent",
        Write(handle=schedule_event),
        *("HostId", "InstanceIds", "EventCode", "Description"),
        *("NotBefore", "NotAfter", "Deadline"),
    ),
    rows.of_administrators("CancelEvent", Write(handle=cancel_event), "EventId"),
    rows.of_administrators("ListEvents", Read(handle=list_events)),
    rows.of_administrators("ListStatusReports", Read(handle=list_reports)),
)
