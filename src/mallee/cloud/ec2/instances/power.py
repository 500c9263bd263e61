"""Start, stop, reboot and terminate: what is wanted of an instance's power, all named or none.

Called through the action table; the cloud's reconciler calls `want_stopped` and `want_terminated`
for a guest that powered itself off. Making it so is the hosts' business. A call is checked for
all its instances before anything is changed.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Write, owned
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.instances import elsewhere, release
from mallee.cloud.ec2.storage import ebskeys, states
from mallee.cloud.ec2.vpc.interfaces import interfaces
from mallee.cloud.hosts.placing import cpubaselines, placement
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute import instances
from mallee.model.compute.instances import Instance, InstanceSeen, Power, Reason, State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

InstanceRecord = Record[Instance, InstanceSeen]


@dataclass(frozen=True, slots=True)
class Why:
    """Why an instance's power changes, in the two ways in which the API says it."""

    reason: Reason
    """`StateReason`."""
    transition: str
    """What stands before the time in `StateTransitionReason`."""


BY_USER = Why(Reason("Client.UserInitiatedShutdown", "User initiated shutdown"), "User initiated")


def want_stopped(
    tx: store.Tx, record: InstanceRecord, why: Why, force: bool = False
) -> InstanceRecord:
    """Want the instance off; give its lent public address back. Twice is once."""
    doc = record.doc
    settled = doc.power is Power.STOPPED and (doc.force_stop or not force)
    if settled or doc.power is Power.TERMINATED:
        return record
    release.after_stop(tx, record)
    changed = msgspec.structs.replace(
        doc,
        power=Power.STOPPED,
        force_stop=force,
        wanted_since=tx.now,
        reason=why.reason,
        transition_reason=f"{why.transition} ({_gmt(tx.now)})",
    )
    return tx.write(record, changed)


def want_afresh(tx: store.Tx, record: InstanceRecord) -> InstanceRecord:
    """Want a running instance's guest shut down, and its machine made anew."""
    changed = msgspec.structs.replace(
        record.doc, launch=record.doc.launch + 1, reboots=0, wanted_since=tx.now
    )
    return tx.write(record, changed)


def want_terminated(tx: store.Tx, record: InstanceRecord, why: Why) -> InstanceRecord:
    """Want the instance gone for good. Twice is once, and the first reason stays."""
    if record.doc.power is Power.TERMINATED:
        return record
    changed = msgspec.structs.replace(
        record.doc,
        power=Power.TERMINATED,
        wanted_since=tx.now,
        reason=why.reason,
        transition_reason=f"{why.transition} ({_gmt(tx.now)})",
    )
    return tx.write(record, changed)


def _gmt(now: float) -> str:
    return f"{datetime.datetime.fromtimestamp(now, datetime.UTC):%Y-%m-%d %H:%M:%S} GMT"


def start_instances(
    call: WriteCall, request: shapes.StartInstancesRequest
) -> shapes.StartInstancesResult:
    """Want stopped instances running; those that run already stay as they are."""
    found = _checked(call, request, "start")
    return {"StartingInstances": _changed(call, found, _start)}


def _uses_keys(call: Call, request: shapes.StartInstancesRequest) -> Iterator[KeyUse]:
    """Yield what instances that are started take of the key store to have their volumes."""
    for id in request["InstanceIds"]:
        instance = call.view.get(records.INSTANCE, id)
        if owned(instance, call.account):
            for volume in call.view.by(records.VOLUME, "instance", id):
                yield from ebskeys.uses_of_attached(volume.doc.key, id)


def _start(call: WriteCall, record: InstanceRecord) -> InstanceRecord:
    if record.doc.power is Power.RUNNING:
        return record
    _check_root(call, record)
    # What it still holds of its last run is given back first, to whom it was from.
    placement.pause(call.tx, record.doc.host_id, record.id)
    within = drawing.for_start(call, record.account, record.doc)
    record = elsewhere.resume(call, record, within)
    for interface in call.tx.by(records.INTERFACE, "instance", record.id):
        interfaces.lend_public_ip(call, interface)
    changed = msgspec.structs.replace(
        record.doc,
        power=Power.RUNNING,
        cpu=cpubaselines.of(call.tx, record.doc.host_id),
        launch=record.doc.launch + 1,
        reboots=0,
        force_stop=False,
        launched_at=call.now,
        wanted_since=call.now,
        reason=None,
        transition_reason="",
        capacity_reservation_id=within.id if within else "",
    )
    return call.tx.write(record, changed)


def _check_root(call: WriteCall, record: InstanceRecord) -> None:
    """Raise unless there is something from which it boots."""
    device = record.doc.root_device
    if device and states.root_of(call.tx, record.id) is None:
        raise errors.IncorrectInstanceStateNoRoot(record.id, device)


def stop_instances(
    call: WriteCall, request: shapes.StopInstancesRequest
) -> shapes.StopInstancesResult:
    """Want instances off, disk and addresses kept; `Force` switches them off at once."""
    found = _checked(call, request, "stop")
    for record in found:
        if record.doc.api_stop_protected:
            raise errors.OperationNotPermitted(
                f"The instance '{record.id}' may not be stopped. Modify its 'disableApiStop' "
                "instance attribute and try again."
            )
    force = bool(request.get("Force") or request.get("SkipOsShutdown"))

    def stop(call: WriteCall, record: InstanceRecord) -> InstanceRecord:
        return want_stopped(call.tx, record, BY_USER, force)

    return {"StoppingInstances": _changed(call, found, stop)}


def reboot_instances(call: WriteCall, request: shapes.RebootInstancesRequest) -> Result:
    """Want the guests to start afresh, on the same host with the same addresses."""
    for record in _checked(call, request, "reboot"):
        changed = msgspec.structs.replace(
            record.doc, reboots=record.doc.reboots + 1, wanted_since=call.now
        )
        call.tx.write(record, changed)
    return {}


def terminate_instances(
    call: WriteCall, request: shapes.TerminateInstancesRequest
) -> shapes.TerminateInstancesResult:
    """Want instances gone for good; one that is protected saves all that are named with it."""
    found = _checked(call, request, "terminate")
    for record in found:
        if record.doc.api_termination_protected and record.doc.power is not Power.TERMINATED:
            raise errors.OperationNotPermitted(
                f"The instance '{record.id}' may not be terminated. Modify its "
                "'disableApiTermination' instance attribute and try again."
            )

    def terminate(call: WriteCall, record: InstanceRecord) -> InstanceRecord:
        return want_terminated(call.tx, record, BY_USER)

    return {"TerminatingInstances": _changed(call, found, terminate)}


def state_of(record: InstanceRecord) -> State:
    """The state that users see."""
    return instances.state_of(record.doc, record.seen)


def shown(state: State) -> shapes.InstanceState:
    """Return a state as the API shows it."""
    return {"Code": state.code, "Name": state.label}


_PARTICIPLES = {"start": "started", "stop": "stopped", "reboot": "rebooted"}


def _checked(call: WriteCall, request: Request, wish: str) -> list[InstanceRecord]:
    found = resources.several(call, records.INSTANCE, request["InstanceIds"])
    for record in found:
        if state_of(record) not in instances.MAY[wish]:
            raise errors.IncorrectInstanceState(record.id, _PARTICIPLES.get(wish, wish))
    return found


def _changed(
    call: WriteCall,
    found: list[InstanceRecord],
    change: Callable[[WriteCall, InstanceRecord], InstanceRecord],
) -> list[shapes.InstanceStateChange]:
    rows: list[shapes.InstanceStateChange] = []
    for before in found:
        after = change(call, before)
        rows.append(
            {
                "InstanceId": before.id,
                # In this order: libcloud takes the first state for the present one.
                "CurrentState": shown(state_of(after)),
                "PreviousState": shown(state_of(before)),
            }
        )
    return rows


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="StartInstances",
        does=Write(handle=start_instances),
        honours=frozenset({"InstanceIds"}),
        uses_keys=_uses_keys,
    ),
    Action(
        service="ec2",
        name="StopInstances",
        does=Write(handle=stop_instances),
        honours=frozenset({"InstanceIds", "Force", "SkipOsShutdown"}),
    ),
    Action(
        service="ec2",
        name="RebootInstances",
        does=Write(handle=reboot_instances),
        honours=frozenset({"InstanceIds"}),
    ),
    Action(
        service="ec2",
        name="TerminateInstances",
        does=Write(handle=terminate_instances),
        honours=frozenset({"InstanceIds", "Force"}),
    ),
)
