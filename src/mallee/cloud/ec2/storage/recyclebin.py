"""The recycle bin of snapshots and volumes: listed, and taken out again.

Called through the action table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import binned, zones
from mallee.cloud.ec2.storage import snapshots
from mallee.cloud.ec2.storage.states import AVAILABLE, VolumeRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _snapshots(
    call: Call, request: shapes.ListSnapshotsInRecycleBinRequest
) -> list[Record[Any, Any]]:
    return binned.several(call, records.SNAPSHOT, request.get("SnapshotIds") or ())


def _snapshot(call: Call, record: snapshots.SnapshotRecord) -> shapes.SnapshotRecycleBinInfo:
    doc = record.doc
    assert doc.binned is not None
    return {
        "SnapshotId": record.id,
        "RecycleBinEnterTime": doc.binned.since,
        "RecycleBinExitTime": doc.binned.until,
        "Description": doc.description,
        "VolumeId": doc.volume_id,
    }


def restore_snapshot(
    call: WriteCall, request: shapes.RestoreSnapshotFromRecycleBinRequest
) -> Result:
    """Have a deleted snapshot back."""
    record = binned.one(call, records.SNAPSHOT, request["SnapshotId"])
    shown = snapshots.render(call, binned.take_out(call, record))
    members = (
        *("SnapshotId", "Description", "Encrypted", "OwnerId", "Progress"),
        *("StartTime", "State", "VolumeId", "VolumeSize"),
    )
    return {name: shown.get(name) for name in members}


def _volumes(call: Call, request: shapes.ListVolumesInRecycleBinRequest) -> list[Record[Any, Any]]:
    return binned.several(call, records.VOLUME, request.get("VolumeIds") or ())


def _volume(call: Call, record: VolumeRecord) -> shapes.VolumeRecycleBinInfo:
    doc = record.doc
    assert doc.binned is not None
    return {
        "VolumeId": record.id,
        "VolumeType": doc.type,
        "State": AVAILABLE,
        "Size": doc.size_gib,
        "Iops": doc.iops or None,
        "Throughput": doc.throughput or None,
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "SnapshotId": doc.snapshot_id,
        "CreateTime": doc.created_at,
        "RecycleBinEnterTime": doc.binned.since,
        "RecycleBinExitTime": doc.binned.until,
    }


def restore_volume(
    call: WriteCall, request: shapes.RestoreVolumeFromRecycleBinRequest
) -> shapes.RestoreVolumeFromRecycleBinResult:
    """Have a deleted volume back."""
    binned.take_out(call, binned.one(call, records.VOLUME, request["VolumeId"]))
    return {"Return": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ListSnapshotsInRecycleBin",
        does=Listing(
            find=_snapshots,
            render=_snapshot,
            member="Snapshots",
            filters={},
            max_results=(5, 1000),
        ),
        honours=frozenset({"SnapshotIds"}),
    ),
    Action(
        service="ec2",
        name="RestoreSnapshotFromRecycleBin",
        does=Write(handle=restore_snapshot),
        honours=frozenset({"SnapshotId"}),
    ),
    Action(
        service="ec2",
        name="ListVolumesInRecycleBin",
        does=Listing(
            find=_volumes, render=_volume, member="Volumes", filters={}, max_results=(5, 500)
        ),
        honours=frozenset({"VolumeIds"}),
    ),
    Action(
        service="ec2",
        name="RestoreVolumeFromRecycleBin",
        does=Write(handle=restore_volume),
        honours=frozenset({"VolumeId"}),
    ),
)
