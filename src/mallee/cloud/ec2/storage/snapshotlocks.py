"""Locks of snapshots: what is locked is not deleted before its time.

A lock in governance mode can be lifted and changed by who may; one in compliance mode only while
it cools off, and after that nobody makes it shorter. What has expired locks nothing, and is shown
until it is lifted. Called through the action table, and by whatever deletes snapshots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.snapshots import Lock, Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SnapshotRecord = Record[Snapshot, SnapshotSeen]

GOVERNANCE, COMPLIANCE = "governance", "compliance"
COOLING_OFF = "compliance-cooloff"
EXPIRED = "expired"
_DAY_S = 86_400.0
_HOUR_S = 3_600.0


def state_of(lock: Lock, now: float) -> str:
    """Return the state of a lock, as EC2 calls it."""
    if now >= lock.expires_at:
        return EXPIRED
    if lock.mode == COMPLIANCE and now < lock.cool_off_ends_at:
        return COOLING_OFF
    return lock.mode


def check_deletable(record: SnapshotRecord, now: float) -> None:
    """Raise when a lock forbids that a snapshot is deleted."""
    lock = record.doc.lock
    if lock is not None and (state := state_of(lock, now)) != EXPIRED:
        until = resources.moment(lock.expires_at)
        raise errors.OperationNotPermitted(
            f"The snapshot {record.id} is locked in {state} mode until {until}."
        )


def lock_snapshot(
    call: WriteCall, request: shapes.LockSnapshotRequest
) -> shapes.LockSnapshotResult:
    """Lock a snapshot, or change its lock as far as that may be."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    lock = _wanted(call, request)
    before = record.doc.lock
    if before is not None:
        lock = _changed(before, lock, call.now)
    record = call.tx.write(record, replace(record.doc, lock=lock))
    return _shown(record, call.now)


def _wanted(call: WriteCall, request: shapes.LockSnapshotRequest) -> Lock:
    mode, hours = request["LockMode"], request.get("CoolOffPeriod")
    if hours is not None and mode != COMPLIANCE:
        raise errors.InvalidParameterCombination(
            "CoolOffPeriod is for compliance mode: a lock in governance mode can always be lifted."
        )
    days, expires = request.get("LockDuration"), request.get("ExpirationDate")
    if (days is None) is (expires is None):
        raise errors.InvalidParameterCombination(
            "Say either LockDuration or ExpirationDate, and not both."
        )
    if expires is not None:
        ends_at = expires.timestamp()
        if ends_at <= call.now:
            raise errors.InvalidParameterValue("ExpirationDate is not in the future.")
    else:
        ends_at = call.now + (days or 0) * _DAY_S
    return Lock(
        mode=mode,
        locked_at=call.now,
        counts_from=call.now,
        days=days or math.ceil((ends_at - call.now) / _DAY_S),
        expires_at=ends_at,
        cool_off_hours=hours or 0,
        cool_off_ends_at=call.now + hours * _HOUR_S if hours else 0.0,
    )


def _changed(before: Lock, wanted: Lock, now: float) -> Lock:
    """Return a lock as it is wanted in the place of another; raise where that is not allowed."""
    state = state_of(before, now)
    if state == EXPIRED:
        return wanted
    lock = replace(wanted, locked_at=before.locked_at)
    if state == COMPLIANCE:
        if wanted.mode != COMPLIANCE or wanted.cool_off_hours:
            raise errors.OperationNotPermitted(
                "A lock in compliance mode that has cooled off can only be extended."
            )
        if wanted.expires_at < before.expires_at:
            raise errors.OperationNotPermitted(
                "A lock in compliance mode cannot end earlier than it does already, at "
                f"{resources.moment(before.expires_at)}."
            )
    elif state == COOLING_OFF and wanted.mode == COMPLIANCE and not wanted.cool_off_hours:
        hours, ends_at = before.cool_off_hours, before.cool_off_ends_at
        return replace(lock, cool_off_hours=hours, cool_off_ends_at=ends_at)
    return lock


def unlock_snapshot(
    call: WriteCall, request: shapes.UnlockSnapshotRequest
) -> shapes.UnlockSnapshotResult:
    """Lift a lock, unless it is one that nobody can lift."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    lock = record.doc.lock
    if lock is None:
        raise errors.IncorrectState(f"The snapshot {record.id} is not locked.")
    if state_of(lock, call.now) == COMPLIANCE:
        until = resources.moment(lock.expires_at)
        raise errors.OperationNotPermitted(
            f"The snapshot {record.id} is locked in compliance mode until {until}: nobody can "
            "lift that."
        )
    call.tx.write(record, replace(record.doc, lock=None))
    return {"SnapshotId": record.id}


def _find(call: Call, request: shapes.DescribeLockedSnapshotsRequest) -> Iterable[SnapshotRecord]:
    asked = request.get("SnapshotIds")
    found: Iterable[SnapshotRecord] = (
        resources.several(call, records.SNAPSHOT, asked)
        if asked
        else sorted(call.view.list(records.SNAPSHOT, call.account), key=lambda one: one.id)
    )
    return [one for one in found if one.doc.lock is not None]


def _shown(record: SnapshotRecord, now: float) -> shapes.LockSnapshotResult:
    lock = record.doc.lock
    assert lock is not None
    shown: shapes.LockSnapshotResult = {
        "SnapshotId": record.id,
        "LockState": state_of(lock, now),
        "LockDuration": lock.days,
        "LockCreatedOn": lock.locked_at,
        "LockDurationStartTime": lock.counts_from,
        "LockExpiresOn": lock.expires_at,
    }
    if lock.cool_off_hours:
        shown["CoolOffPeriod"] = lock.cool_off_hours
        shown["CoolOffPeriodExpiresOn"] = lock.cool_off_ends_at
    return shown


def _render(call: Call, record: SnapshotRecord) -> shapes.LockedSnapshotsInfo:
    return {"OwnerId": record.account, **_shown(record, call.now)}


def _state(call: Call, record: SnapshotRecord) -> Iterable[str]:
    return (state_of(record.doc.lock, call.now),) if record.doc.lock else ()


FILTERS: dict[str, Callable[[Call, SnapshotRecord], Iterable[str]]] = {"lock-state": _state}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="LockSnapshot",
        does=Write(handle=lock_snapshot),
        honours=frozenset(
            {"CoolOffPeriod", "ExpirationDate", "LockDuration", "LockMode", "SnapshotId"}
        ),
    ),
    Action(
        service="ec2",
        name="UnlockSnapshot",
        does=Write(handle=unlock_snapshot),
        honours=frozenset({"SnapshotId"}),
    ),
    Action(
        service="ec2",
        name="DescribeLockedSnapshots",
        does=Listing(
            find=_find,
            render=_render,
            member="Snapshots",
            filters=FILTERS,
            max_results=(5, 1000),
        ),
        honours=frozenset({"SnapshotIds"}),
    ),
)
