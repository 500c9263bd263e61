"""DescribeVolumeStatus, and what is set about a volume's health.

A volume is well while its host is heard and has it as it is wanted. Whether a volume's guest may go
on when its bytes are in doubt (`AutoEnableIO`) is kept and shown: QEMU never goes on by itself.
Called through the action table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.storage import states
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.state import records
from mallee.model.storage import volumes

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

OK, IMPAIRED, INSUFFICIENT = "ok", "impaired", "insufficient-data"


def _find(call: Call, request: shapes.DescribeVolumeStatusRequest) -> Iterable[VolumeRecord]:
    return states.several(call, request.get("VolumeIds") or [])


def _status(call: Call, record: VolumeRecord) -> str:
    host = call.view.get(records.HOST, record.doc.host_id)
    if host is None or host.seen is None or host.seen.is_silent or record.seen is None:
        return INSUFFICIENT
    return IMPAIRED if record.seen.cause is not None else OK


def _render(call: Call, record: VolumeRecord) -> shapes.VolumeStatusItem:
    status = _status(call, record)
    enabled = {OK: "passed", IMPAIRED: "failed"}.get(status, INSUFFICIENT)
    return {
        "VolumeId": record.id,
        "AvailabilityZone": record.doc.zone,
        "AvailabilityZoneId": zones.id_of(record.doc.zone, call.settings.region),
        "VolumeStatus": {
            "Status": status,
            "Details": [
                {"Name": "io-enabled", "Status": enabled},
                {"Name": "io-performance", "Status": "not-applicable"},
            ],
        },
        "Actions": [],
        "Events": _events(record),
        "AttachmentStatuses": [],
    }


def _events(record: VolumeRecord) -> list[shapes.VolumeStatusEvent]:
    """What a host says of its trouble has a cause and a cure: EC2 has a place for such words."""
    if record.seen is None or record.seen.cause is None:
        return []
    return [
        {
            "EventId": f"evol-{record.id.removeprefix('vol-')}",
            "EventType": "potential-data-inconsistency"
            if record.seen.phase is volumes.Phase.FAILED
            else "io-performance:stalled",
            "Description": record.seen.cause.message,
        }
    ]


def describe_attribute(
    call: Call, request: shapes.DescribeVolumeAttributeRequest
) -> shapes.DescribeVolumeAttributeResult:
    """Show one attribute of a volume."""
    record = states.one(call, request["VolumeId"])
    if request["Attribute"] == "productCodes":
        return {"VolumeId": record.id, "ProductCodes": []}
    return {"VolumeId": record.id, "AutoEnableIO": {"Value": record.doc.auto_enable_io}}


def modify_attribute(call: WriteCall, request: shapes.ModifyVolumeAttributeRequest) -> Result:
    """Set whether the volume's guest may go on whatever is in doubt."""
    record = states.one(call, request["VolumeId"])
    wanted = (request.get("AutoEnableIO") or {}).get("Value")
    if wanted is None:
        raise errors.InvalidParameterCombination("No attributes specified.")
    call.tx.write(record, replace(record.doc, auto_enable_io=wanted))
    return {}


def enable_io(call: WriteCall, request: shapes.EnableVolumeIORequest) -> Result:
    """Let guests use a volume whose bytes were in doubt: nothing here ever forbids it."""
    record = states.one(call, request["VolumeId"])
    if states.of_volume(record) == states.ERROR:
        raise errors.IncorrectState(f"Volume '{record.id}' is in the 'error' state.")
    return {}


def _of_event(name: str) -> Callable[[Call, VolumeRecord], Iterable[str]]:
    """Return what finds something of the events that are shown of a volume."""

    def find(call: Call, record: VolumeRecord) -> Iterable[str]:
        return [str(event.get(name, "")) for event in _events(record)]

    return find


def _never(call: Call, record: VolumeRecord) -> Iterable[str]:
    return ()


FILTERS: dict[str, Callable[[Call, VolumeRecord], Iterable[str]]] = {
    "action.code": _never,
    "action.description": _never,
    "action.event-id": _never,
    "attachment-status.instance-id": _never,
    "attachment-status.io-performance": _never,
    "event.description": _of_event("Description"),
    "event.event-id": _of_event("EventId"),
    "event.event-type": _of_event("EventType"),
    "event.not-after": _never,
    "event.not-before": _never,
    "availability-zone": lambda call, it: (it.doc.zone,),
    "volume-status.details-name": lambda call, it: ("io-enabled", "io-performance"),
    "volume-status.details-status": lambda call, it: (
        {OK: "passed", IMPAIRED: "failed"}.get(_status(call, it), INSUFFICIENT),
        "not-applicable",
    ),
    "volume-status.status": lambda call, it: (_status(call, it),),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeVolumeStatus",
        does=Listing(
            find=_find,
            render=_render,
            member="VolumeStatuses",
            filters=FILTERS,
            max_results=(5, 1000),
        ),
        honours=frozenset({"VolumeIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeVolumeAttribute",
        does=Read(handle=describe_attribute),
        honours=frozenset({"Attribute", "VolumeId"}),
    ),
    Action(
        service="ec2",
        name="ModifyVolumeAttribute",
        does=Write(handle=modify_attribute),
        honours=frozenset({"AutoEnableIO", "VolumeId"}),
    ),
    Action(
        service="ec2",
        name="EnableVolumeIO",
        does=Write(handle=enable_io),
        honours=frozenset({"VolumeId"}),
    ),
)
