"""Copies of volumes: a volume with what another one has at the instant of the call.

The host is asked to cut the source, as for a snapshot, and the copy lies on that cut until it is
filled: nothing is copied before it can be used. It is on the host of its source. Called through the
action table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, KeyUse, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.storage import ebskeys, snapshots, states, volumes
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.storage.snapshots import Cut, Snapshot, SnapshotSeen

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _ask(call: Call, request: shapes.CopyVolumesRequest) -> tuple[str, str, str, str]:
    """Ask the source's host to cut it."""
    tagset.of_new(request, records.VOLUME.name)
    return snapshots.question(call, [snapshots.cuttable(call, request["SourceVolumeId"])])


def copy_volumes(call: WriteCall, request: shapes.CopyVolumesRequest) -> shapes.CopyVolumesResult:
    """Make a volume that lies on the cut which the source's host has made."""
    source = snapshots.cuttable(call, request["SourceVolumeId"])
    ((_, cut),) = snapshots.cuts_made(call, [source])
    new = volumes.New(source.doc.zone, _instant(source, cut), _wanted(request), source.id)
    return {"Volumes": [volumes.make(call, request, new)]}


def _instant(source: VolumeRecord, cut: Cut) -> Record[Snapshot, SnapshotSeen]:
    """Return the source at the instant of its cut as what it is, a snapshot that nobody keeps."""
    doc = Snapshot(
        id=cut.snapshot_id,
        volume_id=source.id,
        size_gib=cut.size_bytes >> 30,
        zone=source.doc.zone,
        host_id=source.doc.host_id,
        cut=cut.number,
        boot=source.doc.boot,
        key=source.doc.key,
        started_at=source.doc.created_at,
    )
    return Record(records.SNAPSHOT, source.account, doc.id, 0, doc, None)


def _wanted(request: shapes.CopyVolumesRequest) -> ebskeys.Wanted:
    """Return what is said of encryption; that a copy shall have none means nothing, as in AWS."""
    said = ebskeys.wanted(request)
    return ebskeys.Wanted(said.encrypted or None, said.kms_key)


def _uses_keys(call: Call, request: shapes.CopyVolumesRequest) -> Iterable[KeyUse]:
    """Return what a copy takes of the key store."""
    source = states.one(call, request["SourceVolumeId"])
    of_source = ebskeys.Source(source.account, source.doc.key)
    return ebskeys.uses_of_new(call, _wanted(request), of_source)


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CopyVolumes",
        does=Write(handle=copy_volumes, asks=_ask),
        honours=frozenset(
            {
                "Encrypted",
                "Iops",
                "KmsKeyId",
                "Size",
                "SourceVolumeId",
                "Throughput",
                "VolumeType",
            }
        ),
        uses_keys=_uses_keys,
        creates=(records.VOLUME.name,),
    ),
)
