"""Fast restores: enabled, disabled and described, for snapshots in zones.

An account enables them for its own snapshots and those that are shared with it. The hosts of the
zone then keep all of the snapshot at hand (`hosts.pinslices`), and how far they are moves the state
on (`reconcile.fastrestores`). Called through the action table, and where volumes are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import zones
from mallee.cloud.ec2.storage import snapshotsharing, snapshotstates
from mallee.cloud.hosts.slices.pinslices import FastRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.storage.fastrestores import SIZE_GIB_MAX, SNAPSHOTS_MAX, FastRestore
from mallee.model.storage.snapshots import Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SnapshotRecord = Record[Snapshot, SnapshotSeen]

ENABLING, OPTIMIZING, ENABLED = "enabling", "optimizing", "enabled"
DISABLING, DISABLED = "disabling", "disabled"
ASKED = "Client.UserInitiated"
MOVED = "Client.UserInitiated - Lifecycle state transition"
"""As AWS says why a state is what it is."""


def id_of(account: str, snapshot_id: str, zone: str) -> str:
    """Return under which id an account's fast restore of a snapshot in a zone is kept."""
    return f"{snapshot_id}.{zone}.{account}"


def state_of(doc: FastRestore) -> str:
    """Return the state, as EC2 calls it."""
    if doc.disabled_at:
        return DISABLED
    if doc.disabling_at:
        return DISABLING
    if doc.enabled_at:
        return ENABLED
    return OPTIMIZING if doc.optimizing_at else ENABLING


def reason_of(record: FastRecord) -> str:
    """Return why it is in its state; while hosts cannot go on, what they say."""
    doc = record.doc
    if doc.cause is not None:
        return f"{doc.cause.code}: {doc.cause.message}"
    state = state_of(doc)
    if state == OPTIMIZING and (standing := in_the_way(record)):
        return standing[0]
    return ASKED if state in (ENABLING, DISABLING) else MOVED


def in_the_way(record: FastRecord) -> list[str]:
    """Return what the hosts say stands against it, in words."""
    told = record.seen.hosts if record.seen else {}
    return [
        f"{pin.cause.code}: host {host_id}: {pin.cause.message}"
        for host_id, pin in sorted(told.items())
        if pin.cause is not None and not pin.is_whole
    ]


def is_fast(reader: store.View | store.Tx, account: str, snapshot_id: str, zone: str) -> bool:
    """Tell whether a volume that an account makes of a snapshot in a zone waits for nothing."""
    found = reader.get(records.FAST_RESTORE, id_of(account, snapshot_id, zone))
    return found is not None and state_of(found.doc) == ENABLED


# --- enabling and disabling ---

Change = Callable[[WriteCall, SnapshotRecord, str], FastRecord]
"""Raises what stands against it."""


def enable(
    call: WriteCall, request: shapes.EnableFastSnapshotRestoresRequest
) -> shapes.EnableFastSnapshotRestoresResult:
    """Want fast restores of snapshots in zones."""
    done, failed = _of_each(call, request, _enable)
    return {"Successful": done, "Unsuccessful": failed}


def disable(
    call: WriteCall, request: shapes.DisableFastSnapshotRestoresRequest
) -> shapes.DisableFastSnapshotRestoresResult:
    """Want no fast restores of snapshots in zones any more."""
    done, failed = _of_each(call, request, _disable)
    return {"Successful": done, "Unsuccessful": failed}


def _of_each(call: WriteCall, request: Request, change: Change) -> tuple[list[Any], list[Any]]:
    """Change each pair of snapshot and zone; what cannot be is told beside what can."""
    texts: list[str] = request["SourceSnapshotIds"]
    usable = (snapshotsharing.usable(call, text) for text in texts)
    snapshots = {one.id: one for one in usable}
    wanted_zones = _zones(call, request)
    done: list[Result] = []
    failed: list[Result] = []
    for snapshot in snapshots.values():
        said: list[Result] = []
        for zone in wanted_zones:
            try:
                done.append(_shown(call, change(call, snapshot, zone)))
            except errors.AwsError as error:
                told = {"Code": error.code, "Message": error.message}
                said.append({**_zone_shown(call, zone), "Error": told})
        if said:
            failed.append({"SnapshotId": snapshot.id, "FastSnapshotRestoreStateErrors": said})
    return done, failed


def _zones(call: WriteCall, request: Request) -> list[str]:
    by_name: list[str] = request.get("AvailabilityZones") or []
    by_id: list[str] = request.get("AvailabilityZoneIds") or []
    if bool(by_name) is bool(by_id):
        raise errors.MissingParameter("AvailabilityZones, or AvailabilityZoneIds, and not both.")
    known = zones.names(call.tx, call.settings)
    ids = {zones.id_of(name, call.settings.region): name for name in known}
    for text in by_name:
        if text not in known:
            raise errors.InvalidParameterValue(f"Invalid availability zone: [{text}]")
    for text in by_id:
        if text not in ids:
            raise errors.InvalidParameterValue(f"Invalid availability zone id: [{text}]")
    return list(dict.fromkeys((*by_name, *(ids[text] for text in by_id))))


def _enable(call: WriteCall, snapshot: SnapshotRecord, zone: str) -> FastRecord:
    id = id_of(call.account, snapshot.id, zone)
    there = call.tx.get(records.FAST_RESTORE, id)
    if there is not None and not there.doc.disabling_at:
        return there
    _check(call, snapshot)
    doc = FastRestore(
        snapshot_id=snapshot.id,
        zone=zone,
        enabling_at=call.now,
        made_by=call.principal.issuer_id,
    )
    if there is not None:
        return call.tx.write(there, doc)
    return call.tx.insert(records.FAST_RESTORE, call.account, id, doc)


def _check(call: WriteCall, snapshot: SnapshotRecord) -> None:
    if snapshotstates.of(snapshot) == snapshotstates.ERROR:
        raise errors.IncorrectState(f"Snapshot '{snapshot.id}' is in the 'error' state.")
    if snapshot.doc.size_gib > SIZE_GIB_MAX:
        raise errors.InvalidParameterValue(
            f"Snapshots of more than {SIZE_GIB_MAX} GiB have no fast restores."
        )
    own = call.tx.list(records.FAST_RESTORE, call.account)
    others = {one.doc.snapshot_id for one in own if not one.doc.disabling_at} - {snapshot.id}
    if len(others) >= SNAPSHOTS_MAX:
        raise errors.ResourceLimitExceeded(
            f"An account has fast restores of {SNAPSHOTS_MAX} snapshots at most."
        )


def _disable(call: WriteCall, snapshot: SnapshotRecord, zone: str) -> FastRecord:
    there = call.tx.get(records.FAST_RESTORE, id_of(call.account, snapshot.id, zone))
    if there is None or there.doc.disabled_at:
        raise errors.IncorrectState(
            f"Fast snapshot restore is not enabled for {snapshot.id} in {zone}."
        )
    if there.doc.disabling_at:
        return there
    return call.tx.write(there, replace(there.doc, disabling_at=call.now))


# --- what is described ---


def _find(call: Call, _: shapes.DescribeFastSnapshotRestoresRequest) -> Iterable[FastRecord]:
    return call.view.ordered(records.FAST_RESTORE, call.account)


def _shown(call: Call, record: FastRecord) -> Result:
    doc = record.doc
    times = {
        "EnablingTime": doc.enabling_at,
        "OptimizingTime": doc.optimizing_at,
        "EnabledTime": doc.enabled_at,
        "DisablingTime": doc.disabling_at,
        "DisabledTime": doc.disabled_at,
    }
    return {
        "SnapshotId": doc.snapshot_id,
        **_zone_shown(call, doc.zone),
        "State": state_of(doc),
        "StateTransitionReason": reason_of(record),
        "OwnerId": record.account,
        **{name: at for name, at in times.items() if at},
    }


def _zone_shown(call: Call, zone: str) -> dict[str, Any]:
    return {
        "AvailabilityZone": zone,
        "AvailabilityZoneId": zones.id_of(zone, call.settings.region),
    }


FILTERS: dict[str, Callable[[Call, FastRecord], Iterable[str]]] = {
    "availability-zone": lambda call, it: (it.doc.zone,),
    "availability-zone-id": lambda call, it: (zones.id_of(it.doc.zone, call.settings.region),),
    "owner-id": lambda call, it: (it.account,),
    "snapshot-id": lambda call, it: (it.doc.snapshot_id,),
    "state": lambda call, it: (state_of(it.doc),),
}

_HONOURED = frozenset({"AvailabilityZoneIds", "AvailabilityZones", "SourceSnapshotIds"})

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableFastSnapshotRestores",
        does=Write(handle=enable),
        honours=_HONOURED,
    ),
    Action(
        service="ec2",
        name="DisableFastSnapshotRestores",
        does=Write(handle=disable),
        honours=_HONOURED,
    ),
    Action(
        service="ec2",
        name="DescribeFastSnapshotRestores",
        does=Listing(
            find=_find,
            render=_shown,
            member="FastSnapshotRestores",
            filters=FILTERS,
            max_results=(0, 200),
        ),
        honours=frozenset(),
    ),
)
