"""Event windows: in which hours of the week events may fall on which instances.

Called through the action table, and by whoever schedules an event (`opening`). An event that is
scheduled already keeps its time; its owner moves it by ModifyInstanceEventStartTime.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.instances import weekhours
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.events import EventWindow, TimeRange
from mallee.model.compute.instances import Instance, InstanceSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_WINDOWS = 200
MAX_INSTANCES = 100
MAX_TAGS = 50
_MAX_RANGES = 50

WindowRecord = Record[EventWindow, None]
InstanceRecord = Record[Instance, InstanceSeen]


def create_window(
    call: WriteCall, request: shapes.CreateInstanceEventWindowRequest
) -> shapes.CreateInstanceEventWindowResult:
    """Make a window; it bounds nothing before something is associated with it."""
    if len(call.tx.list(records.EVENT_WINDOW, call.account)) >= MAX_WINDOWS:
        raise errors.InstanceEventWindowLimitExceeded(MAX_WINDOWS)
    window = EventWindow(
        id=ids.make("iew", call.entropy(ids.ID_BYTES)),
        name=request.get("Name", ""),
        made_at=call.tx.now,
        tags=tagset.of_new(request, records.EVENT_WINDOW.name),
    )
    window = _with_hours(window, request)
    if not window.ranges and not window.cron:
        raise errors.MissingParameter("TimeRanges")
    record = call.tx.insert(records.EVENT_WINDOW, call.account, window.id, window)
    return {"InstanceEventWindow": _render(call, record)}


def _with_hours(
    window: EventWindow,
    request: shapes.CreateInstanceEventWindowRequest | shapes.ModifyInstanceEventWindowRequest,
) -> EventWindow:
    """Return the window with the hours that the request gives, checked."""
    cron: str = request.get("CronExpression", "")
    given = request.get("TimeRanges") or []
    if cron and given:
        raise errors.InvalidParameterCombination(
            "CronExpression and TimeRanges may not be used together."
        )
    if len(given) > _MAX_RANGES:
        raise errors.InvalidParameterValue(f"A window has at most {_MAX_RANGES} time ranges.")
    ranges = tuple(_time_range(each) for each in given)
    if cron:
        weekhours.of_cron(cron)
        return replace(window, cron=cron, ranges=())
    if ranges:
        weekhours.of_ranges(ranges)
        return replace(window, cron="", ranges=ranges)
    return window


def _time_range(given: shapes.InstanceEventWindowTimeRangeRequest) -> TimeRange:
    for member in ("StartWeekDay", "StartHour", "EndWeekDay", "EndHour"):
        if member not in given:
            raise errors.MissingParameter(f"TimeRange.{member}")
    hours = given.get("StartHour", 0), given.get("EndHour", 0)
    for hour in hours:
        if not 0 <= hour <= 23:
            raise errors.InvalidParameterValue(f"Value ({hour}) for an hour ranges from 0 to 23.")
    return TimeRange(given.get("StartWeekDay", ""), hours[0], given.get("EndWeekDay", ""), hours[1])


def modify_window(
    call: WriteCall, request: shapes.ModifyInstanceEventWindowRequest
) -> shapes.ModifyInstanceEventWindowResult:
    """Change name and hours, all that is given; who is associated stays."""
    record = resources.one(call, records.EVENT_WINDOW, request["InstanceEventWindowId"])
    window = replace(record.doc, name=request.get("Name", record.doc.name))
    record = call.tx.write(record, _with_hours(window, request))
    return {"InstanceEventWindow": _render(call, record)}


def delete_window(
    call: WriteCall, request: shapes.DeleteInstanceEventWindowRequest
) -> shapes.DeleteInstanceEventWindowResult:
    """Delete a window; with ForceDelete also one that bounds something."""
    record = resources.one(call, records.EVENT_WINDOW, request["InstanceEventWindowId"])
    is_used = record.doc.instance_ids or record.doc.instance_tags
    if is_used and not request.get("ForceDelete"):
        raise errors.DependencyViolation(
            f"The event window {record.id} has associated targets. Disassociate them, or give "
            "ForceDelete."
        )
    call.tx.delete(record)
    return {"InstanceEventWindowState": {"InstanceEventWindowId": record.id, "State": "deleting"}}


def associate_window(
    call: WriteCall, request: shapes.AssociateInstanceEventWindowRequest
) -> shapes.AssociateInstanceEventWindowResult:
    """Let the window bound instances: by their ids, or by their tags."""
    record = resources.one(call, records.EVENT_WINDOW, request["InstanceEventWindowId"])
    instance_ids, tags = _target(call, request)
    window = record.doc
    if (instance_ids and window.instance_tags) or (tags and window.instance_ids):
        raise errors.InvalidParameterCombination(
            "An event window is associated with instance IDs or with tags, not with both."
        )
    for id in instance_ids:
        for other in call.tx.by(records.EVENT_WINDOW, "instance", id):
            if other.id != record.id:
                raise errors.ResourceAlreadyAssociated(id, f"the event window {other.id}")
    changed = replace(
        window,
        instance_ids=tuple(dict.fromkeys((*window.instance_ids, *instance_ids))),
        instance_tags=tuple(dict.fromkeys((*window.instance_tags, *tags))),
    )
    if len(changed.instance_ids) > MAX_INSTANCES or len(changed.instance_tags) > MAX_TAGS:
        raise errors.InvalidParameterValue(
            f"An event window has at most {MAX_INSTANCES} instances or {MAX_TAGS} tags."
        )
    return {"InstanceEventWindow": _render(call, call.tx.write(record, changed))}


def disassociate_window(
    call: WriteCall, request: shapes.DisassociateInstanceEventWindowRequest
) -> shapes.DisassociateInstanceEventWindowResult:
    """Let the window bound these no more; an instance that it does not bound is not found."""
    record = resources.one(call, records.EVENT_WINDOW, request["InstanceEventWindowId"])
    target = request["AssociationTarget"]
    gone = [resources.check_form(records.INSTANCE, id) for id in target.get("InstanceIds") or ()]
    # An instance may be no more by now: its id is looked for in the window alone.
    strange = [id for id in gone if id not in record.doc.instance_ids]
    if strange:
        raise resources.not_found(records.INSTANCE, strange)
    tags = _tags(target.get("InstanceTags") or ())
    changed = replace(
        record.doc,
        instance_ids=tuple(id for id in record.doc.instance_ids if id not in gone),
        instance_tags=tuple(tag for tag in record.doc.instance_tags if tag not in tags),
    )
    return {"InstanceEventWindow": _render(call, call.tx.write(record, changed))}


def _target(
    call: WriteCall, request: shapes.AssociateInstanceEventWindowRequest
) -> tuple[list[str], list[tuple[str, str]]]:
    target = request["AssociationTarget"]
    named = resources.several(call, records.INSTANCE, target.get("InstanceIds") or ())
    tags = _tags(target.get("InstanceTags") or ())
    if bool(named) == bool(tags):
        raise errors.InvalidParameterCombination(
            "AssociationTarget names either InstanceIds or InstanceTags."
        )
    return [record.id for record in named], tags


def _tags(given: Iterable[shapes.Tag]) -> list[tuple[str, str]]:
    return [(tag.get("Key", ""), tag.get("Value", "")) for tag in given]


def opening(view: store.View | store.Tx, record: InstanceRecord, at: float) -> tuple[float, str]:
    """Return from when on an event may fall on the instance, and the window that says so, if any.

    Its own window goes before those of its tags, of which the youngest goes first.
    """
    windows = view.by(records.EVENT_WINDOW, "instance", record.id)
    if not windows:
        tags = set(record.doc.tags.items())
        windows = [
            window
            for window in view.list(records.EVENT_WINDOW, record.account)
            if tags & set(window.doc.instance_tags)
        ]
    if not windows:
        return at, ""
    window = max(windows, key=lambda one: (one.doc.made_at, one.id))
    return weekhours.next_open(weekhours.of_window(window.doc), at), window.id


def _find(
    call: Call, request: shapes.DescribeInstanceEventWindowsRequest
) -> Iterable[WindowRecord]:
    asked = request.get("InstanceEventWindowIds")
    if asked:
        return resources.several(call, records.EVENT_WINDOW, asked)
    return call.view.list(records.EVENT_WINDOW, call.account)


def _render(call: Call, record: WindowRecord) -> shapes.InstanceEventWindow:
    window = record.doc
    shown: shapes.InstanceEventWindow = {
        "InstanceEventWindowId": window.id,
        "State": "active",
        "AssociationTarget": {
            "InstanceIds": list(window.instance_ids),
            "Tags": [{"Key": key, "Value": value} for key, value in window.instance_tags],
            "DedicatedHostIds": [],
        },
        "Tags": tagset.shown(window.tags),
    }
    if window.name:
        shown["Name"] = window.name
    if window.cron:
        shown["CronExpression"] = window.cron
    else:
        shown["TimeRanges"] = [
            {
                "StartWeekDay": each.start_day,
                "StartHour": each.start_hour,
                "EndWeekDay": each.end_day,
                "EndHour": each.end_hour,
            }
            for each in window.ranges
        ]
    return shown


_HOURS = frozenset({"Name", "CronExpression"}) | {
    f"TimeRanges.{member}" for member in ("StartWeekDay", "StartHour", "EndWeekDay", "EndHour")
}
_TARGET = frozenset(
    {
        "InstanceEventWindowId",
        "AssociationTarget.InstanceIds",
        "AssociationTarget.InstanceTags.Key",
        "AssociationTarget.InstanceTags.Value",
    }
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateInstanceEventWindow",
        does=Write(handle=create_window),
        honours=_HOURS,
        creates=(records.EVENT_WINDOW.name,),
    ),
    Action(
        service="ec2",
        name="ModifyInstanceEventWindow",
        does=Write(handle=modify_window),
        honours=_HOURS | {"InstanceEventWindowId"},
    ),
    Action(
        service="ec2",
        name="DeleteInstanceEventWindow",
        does=Write(handle=delete_window),
        honours=frozenset({"InstanceEventWindowId", "ForceDelete"}),
    ),
    Action(
        service="ec2",
        name="AssociateInstanceEventWindow",
        does=Write(handle=associate_window),
        honours=_TARGET,
    ),
    Action(
        service="ec2",
        name="DisassociateInstanceEventWindow",
        does=Write(handle=disassociate_window),
        honours=_TARGET,
    ),
    Action(
        service="ec2",
        name="DescribeInstanceEventWindows",
        does=Listing(
            find=_find,
            render=_render,
            member="InstanceEventWindows",
            filters={
                "dedicated-host-id": lambda call, record: (),
                "event-window-name": lambda call, record: (record.doc.name,),
                "instance-id": lambda call, record: record.doc.instance_ids,
                "instance-tag": lambda call, record: [
                    f"{key}={value}" for key, value in record.doc.instance_tags
                ],
                "instance-tag-key": lambda call, record: [
                    key for key, _ in record.doc.instance_tags
                ],
                "instance-tag-value": lambda call, record: [
                    value for _, value in record.doc.instance_tags
                ],
            },
            tags=lambda record: record.doc.tags,
            max_results=(20, 500),
        ),
        honours=frozenset({"InstanceEventWindowIds"}),
    ),
)
