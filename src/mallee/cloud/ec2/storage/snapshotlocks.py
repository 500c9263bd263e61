"""Locks of snapshots: what is locked is not deleted before its time.

A lock in governance mode can be lifted and changed by who may; one in compliance mode only while
it cools off, and after that nobody makes it shorter. The days of a pending snapshot's lock count
from when it is complete. What has expired locks nothing, and is shown until it is lifted. Called
through the action table, and by whatever deletes snapshots.
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
from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage.snapshots import Lock, Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SnapshotRecord = Record[Snapshot, SnapshotSeen]

GOVERNANCE, COMPLIANCE = "governance", "compliance"
COOLING_OFF = "compliance-cooloff"
EXPIRED = "expired"
_DAY_S = 86_400.0
_HOUR_S = 3_600.0


def lock_of(record: SnapshotRecord) -> Lock | None:
    """Return the lock that a snapshot has. One of a time when it was pending counts its days from
    when it was complete, and is none when it can never be."""
    doc = record.doc
    lock = doc.lock
    if lock is None or lock.counts_from:
        return lock
    if doc.content is None:
        return None if snapshotstates.of(record) == snapshotstates.ERROR else lock
    begins = doc.completed_at or doc.started_at
    ends = lock.expires_at or begins + lock.days * _DAY_S
    return replace(lock, counts_from=begins, expires_at=ends)


def state_of(lock: Lock, now: float) -> str:
    """Return the state of a lock, as EC2 calls it."""
    if lock.expires_at and now >= lock.expires_at:
        return EXPIRED
    if lock.mode == COMPLIANCE and now < lock.cool_off_ends_at:
        return COOLING_OFF
    return lock.mode


def check_deletable(record: SnapshotRecord, now: float) -> None:
    """Raise when a lock forbids that a snapshot is deleted."""
    lock = lock_of(record)
    if lock is not None and (state := state_of(lock, now)) != EXPIRED:
        raise errors.OperationNotPermitted(
            f"The snapshot {record.id} is locked in {state} mode {_until(lock)}."
        )


def _until(lock: Lock) -> str:
    if lock.expires_at:
        return f"until {resources.moment(lock.expires_at)}"
    return f"until {lock.days} days after it is complete"


def lock_snapshot(
    call: WriteCall, request: shapes.LockSnapshotRequest
) -> shapes.LockSnapshotResult:
    """Lock a snapshot, or change its lock as far as that may be."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    if snapshotstates.of(record) == snapshotstates.ERROR:
        raise errors.IncorrectState(f"Snapshot '{record.id}' is in the 'error' state.")
    lock = _wanted(call, request, is_pending=record.doc.content is None)
    before = lock_of(record)
    if before is not None:
        lock = _changed(before, lock, call.now)
    record = call.tx.write(record, replace(record.doc, lock=lock))
    return _shown(record, call.now)


def _wanted(call: WriteCall, request: shapes.LockSnapshotRequest, *, is_pending: bool) -> Lock:
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
        ends_at = 0.0 if is_pending else call.now + (days or 0) * _DAY_S
    return Lock(
        mode=mode,
        locked_at=call.now,
        counts_from=0.0 if is_pending else call.now,
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
        if _end(wanted) < _end(before):
            raise errors.OperationNotPermitted(
                "A lock in compliance mode cannot end earlier than it does already: it is "
                f"{_until(before)}."
            )
    elif state == COOLING_OFF and wanted.mode == COMPLIANCE and not wanted.cool_off_hours:
        hours, ends_at = before.cool_off_hours, before.cool_off_ends_at
        return replace(lock, cool_off_hours=hours, cool_off_ends_at=ends_at)
    return lock


def _end(lock: Lock) -> tuple[bool, float]:
    """Return what is greater, the later a lock ends: not yet known when is later than any time."""
    return not lock.expires_at, lock.expires_at or lock.days


def unlock_snapshot(
    call: WriteCall, request: shapes.UnlockSnapshotRequest
) -> shapes.UnlockSnapshotResult:
    """Lift a lock, unless it is one that nobody can lift."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    lock = lock_of(record)
    if lock is None:
        raise errors.IncorrectState(f"The snapshot {record.id} is not locked.")
    if state_of(lock, call.now) == COMPLIANCE:
        raise errors.OperationNotPermitted(
            f"The snapshot {record.id} is locked in compliance mode {_until(lock)}: nobody can "
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
    return [one for one in found if lock_of(one) is not None]


def _shown(record: SnapshotRecord, now: float) -> shapes.LockSnapshotResult:
    lock = lock_of(record)
    assert lock is not None
    shown: shapes.LockSnapshotResult = {
        "SnapshotId": record.id,
        "LockState": state_of(lock, now),
        "LockDuration": lock.days,
        "LockCreatedOn": lock.locked_at,
    }
    if lock.counts_from:
        shown["LockDurationStartTime"] = lock.counts_from
    if lock.expires_at:
        shown["LockExpiresOn"] = lock.expires_at
    if lock.cool_off_hours:
        shown["CoolOffPeriod"] = lock.cool_off_hours
        shown["CoolOffPeriodExpiresOn"] = lock.cool_off_ends_at
    return shown


def _render(call: Call, record: SnapshotRecord) -> shapes.LockedSnapshotsInfo:
    return {"OwnerId": record.account, **_shown(record, call.now)}


def _state(call: Call, record: SnapshotRecord) -> Iterable[str]:
    lock = lock_of(record)
    return (state_of(lock, call.now),) if lock else ()


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
