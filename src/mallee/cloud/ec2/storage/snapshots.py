"""Snapshots: made at one instant of one volume or of all that an instance has, described, deleted.

Called through the action table. A snapshot is a layer of its volume, on the volume's host: the host
is asked to make the cut before anything is written down (`node.volumes`), so a snapshot that is
told of is there, and complete. A cut whose snapshot was never written down, because somebody died,
is taken back (`reconcile.volumes`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.blocks import turns
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import binned, resources, tagset
from mallee.cloud.ec2.images.sharing import DEREGISTERED
from mallee.cloud.ec2.storage import (
    mappings,
    relocating,
    snapshotlocks,
    snapshotsharing,
    snapshotstates,
    states,
)
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.doors import asks
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.hosts import hosts
from mallee.model.storage.snapshots import (
    CUT_TAKES_MAX_S,
    LAYER_MAX,
    LAYERS_MAX,
    PER_VOLUME_MAX,
    Cut,
    CutAsked,
    CutsMade,
    Snapshot,
    SnapshotSeen,
)
from mallee.model.storage.volumes import ROOT_SLOT

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

COMPLETED = "completed"

SnapshotRecord = Record[Snapshot, SnapshotSeen]


def _ask_one(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Ask the host of a volume to cut it."""
    tagset.of_new(request, records.SNAPSHOT.name)
    return question(call, [cuttable(call, request["VolumeId"])])


def _ask_several(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Ask the host of an instance to cut its volumes at one instant."""
    tagset.of_new(request, records.SNAPSHOT.name)
    return question(call, _of_instance(call, request))


def _of_instance(call: Call, request: Request) -> list[VolumeRecord]:
    wanted = request["InstanceSpecification"]
    instance = resources.one(call, records.INSTANCE, wanted["InstanceId"])
    excluded: list[str] = wanted.get("ExcludeDataVolumeIds") or []
    left_out = set(excluded)
    without_root = wanted.get("ExcludeBootVolume", False)
    worn = [
        volume
        for volume, one in mappings.of_instance(resources.reader(call), instance.id)
        if one.slot != ROOT_SLOT or not without_root
    ]
    if missing := left_out - {volume.id for volume in worn}:
        raise errors.InvalidParameterValue(
            f"Not attached to {instance.id}: {', '.join(sorted(missing))}"
        )
    found = [cuttable(call, volume.id) for volume in worn if volume.id not in left_out]
    if not found:
        raise errors.InvalidParameterValue(
            f"The instance {instance.id} has no volumes of which snapshots shall be made."
        )
    return found


def cuttable(call: Call, id: str) -> VolumeRecord:
    """Return a volume of the caller's that can be cut; raise what stands against it."""
    record = states.one(call, id)
    state = states.of_volume(record)
    if state not in (states.AVAILABLE, states.IN_USE):
        raise errors.IncorrectState(f"Volume '{record.id}' is in the '{state}' state.")
    relocating.check_still(record)
    if record.doc.multi_attach:
        raise errors.UnsupportedOperation(
            "Volumes that several instances share have no snapshots here: they have no layers."
        )
    if len(resources.reader(call).by(records.SNAPSHOT, "volume", record.id)) >= PER_VOLUME_MAX:
        raise errors.SnapshotLimitExceeded(
            f"{record.id} has {PER_VOLUME_MAX} snapshots, and no volume has more here."
        )
    return record


def question(
    call: Call, volumes: list[VolumeRecord], reboot: str = ""
) -> tuple[str, str, str, str]:
    """Return the question to the volumes' host that has them cut at one instant; of an instance
    that shall reboot for it, when its guest is off."""
    # The ids are given now, so that a cut can be told from every other.
    named = {volume.id: ids.make("snap", os.urandom(ids.ID_BYTES)) for volume in volumes}
    asked = CutAsked(named, call.now, reboot)
    detail = msgspec.json.encode(asked).decode()
    return volumes[0].doc.host_id, hosts.ASK_CUT, "", detail


def create_snapshot(call: WriteCall, request: shapes.CreateSnapshotRequest) -> shapes.Snapshot:
    """Write down the snapshot of a volume that its host has cut."""
    (made,) = write_down(call, request, [cuttable(call, request["VolumeId"])])
    return render(call, made)


def create_snapshots(
    call: WriteCall, request: shapes.CreateSnapshotsRequest
) -> shapes.CreateSnapshotsResult:
    """Write down the snapshots of an instance's volumes, which have one instant."""
    made = write_down(call, request, _of_instance(call, request))
    return {"Snapshots": [_info(call, record) for record in made]}


def write_down(
    call: WriteCall, request: Request, volumes: list[VolumeRecord]
) -> list[SnapshotRecord]:
    """Write down the snapshots that a host says it made, as a request describes and tags them."""
    tags = tagset.of_new(request, records.SNAPSHOT.name)
    copies = request.get("CopyTagsFromSource") == "volume"
    return [
        _insert(call, request, (volume, cut), volume.doc.tags | tags if copies else tags)
        for volume, cut in cuts_made(call, volumes)
    ]


def cuts_made(call: WriteCall, volumes: list[VolumeRecord]) -> list[tuple[VolumeRecord, Cut]]:
    """Return the cut of each volume that its host was asked for (`question`); raise when there is
    none, or it is too late for it."""
    told: asks.Told = call.prepared
    asked = msgspec.json.decode(told.asked, type=CutAsked)
    cuts = _read_cuts(asked, told.answer, volumes)
    asked_at = min((asked.asked_at, *(cut.asked_at for cut in cuts.values())))
    if call.now > asked_at + CUT_TAKES_MAX_S:
        raise errors.Unavailable("Writing down what the host has done took too long. Try again.")
    # A volume that has gone to another host since was cut on its former one.
    if missing := [
        one.id for one in volumes if one.id not in cuts or cuts[one.id].asked_at <= one.doc.moved_at
    ]:
        raise errors.IncorrectState(
            f"What instances have has changed meanwhile: {missing[0]} was not cut. Try again."
        )
    return [(volume, cuts[volume.id]) for volume in volumes]


def _read_cuts(asked: CutAsked, answer: bytes, volumes: list[VolumeRecord]) -> dict[str, Cut]:
    """Return the cuts that a host says it made, where it can be believed: a host that lies can
    spoil what it keeps, and nothing else."""
    try:
        cuts = msgspec.json.decode(answer, type=CutsMade).cuts
    except msgspec.DecodeError as error:
        raise errors.Unavailable("The host's answer cannot be read. Try again.") from error
    for volume in volumes:
        cut = cuts.get(volume.id)
        if cut is not None and (
            cut.snapshot_id != asked.snapshots.get(volume.id)
            or not 0 < cut.number <= LAYER_MAX
            or not 0 < cut.size_bytes <= volume.doc.size_gib << 30
            or not 0 <= cut.written_bytes <= 2 * LAYERS_MAX * volume.doc.size_gib << 30
        ):
            raise errors.Unavailable(f"The host's answer about {volume.id} is not to be believed.")
    return cuts


def _insert(
    call: WriteCall, request: Request, cut: tuple[VolumeRecord, Cut], tags: dict[str, str]
) -> SnapshotRecord:
    volume, made = cut
    snapshot = Snapshot(
        id=made.snapshot_id,
        volume_id=volume.id,
        size_gib=made.size_bytes >> 30,
        description=request.get("Description", ""),
        zone=volume.doc.zone,
        host_id=volume.doc.host_id,
        cut=made.number,
        boot=volume.doc.boot,
        key=volume.doc.key,
        started_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tags,
    )
    taken = (snapshot.id, made.written_bytes)
    diskroom.claim_snapshot(call.tx, snapshot.host_id, volume.id, taken)
    return call.tx.insert(records.SNAPSHOT, call.account, snapshot.id, snapshot)


def delete_snapshot(call: WriteCall, request: shapes.DeleteSnapshotRequest) -> Result:
    """Forget a snapshot, unless the recycle bin keeps it; what nobody else needs of its layer, its
    host takes back."""
    record = resources.one(call, records.SNAPSHOT, request["SnapshotId"])
    if images := images_of(call.tx, record.id):
        raise errors.InvalidSnapshotInUse(
            f"The snapshot {record.id} is currently in use by {', '.join(images)}"
        )
    delete(call, record)
    return {}


def images_of(view: store.View | store.Tx, id: str) -> list[str]:
    """Return the images that are made of a snapshot and can be launched, or come back."""
    found = view.by(records.IMAGE, "snapshot", id)
    return sorted(image.id for image in found if image.doc.state != DEREGISTERED)


def delete(call: WriteCall, record: SnapshotRecord) -> None:
    """Delete a snapshot that nothing is made of, or have the recycle bin keep it; raise when it is
    locked."""
    snapshotlocks.check_deletable(record, call.now)
    if not binned.keep(call.tx, record):
        forget(call.tx, record)


def forget(tx: store.Tx, record: SnapshotRecord) -> None:
    """Take a snapshot out of the store, and give back what it held."""
    content, copied = record.doc.content, record.doc.resealing
    diskroom.release(tx, record.doc.host_id, record.id)
    turns.leave(tx, record.account, record.id, is_garbage=True)
    if content is not None:
        turns.note_garbage(tx, content.account)
    if copied is not None:
        turns.note_garbage(tx, copied.source.account)
    tx.delete(record)


def render(call: Call, record: SnapshotRecord) -> shapes.Snapshot:
    """Return a snapshot as EC2 shows it."""
    key = record.doc.key
    shown: shapes.Snapshot = {
        **_info(call, record),
        **_standing(record),
        "StorageTier": "standard",
    }
    if key is not None:
        shown["KmsKeyId"] = key.kms_key
    return shown


def _standing(record: SnapshotRecord) -> shapes.Snapshot:
    doc, message = record.doc, snapshotstates.message(record)
    shown: shapes.Snapshot = {"StateMessage": message} if message else {}
    if doc.content is not None:
        shown["CompletionTime"] = doc.completed_at or doc.started_at
    if doc.content is not None and doc.content.full_bytes:
        shown["FullSnapshotSizeInBytes"] = doc.content.full_bytes
    return shown


def _info(call: Call, record: SnapshotRecord) -> shapes.SnapshotInfo:
    doc = record.doc
    return {
        "SnapshotId": record.id,
        "VolumeId": doc.volume_id,
        "VolumeSize": doc.size_gib,
        "Description": doc.description,
        "State": snapshotstates.of(record),
        "Progress": snapshotstates.progress(record),
        "StartTime": doc.started_at,
        "OwnerId": record.account,
        "Encrypted": doc.key is not None,
        "Tags": tagset.shown(doc.tags),
    }


FILTERS: dict[str, Callable[[Call, SnapshotRecord], Iterable[str]]] = {
    "description": lambda call, it: (it.doc.description,),
    "encrypted": lambda call, it: (resources.boolean(it.doc.key is not None),),
    "owner-alias": lambda call, it: (),
    "owner-id": lambda call, it: (it.account,),
    "progress": lambda call, it: (snapshotstates.progress(it),),
    "snapshot-id": lambda call, it: (it.id,),
    "start-time": lambda call, it: (resources.moment(it.doc.started_at),),
    "status": lambda call, it: (snapshotstates.of(it),),
    "storage-tier": lambda call, it: ("standard",),
    "transfer-type": lambda call, it: (),
    "volume-id": lambda call, it: (it.doc.volume_id,),
    "volume-size": lambda call, it: (str(it.doc.size_gib),),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateSnapshot",
        does=Write(handle=create_snapshot, asks=_ask_one),
        honours=frozenset({"Description", "VolumeId"}),
        creates=(records.SNAPSHOT.name,),
    ),
    Action(
        service="ec2",
        name="CreateSnapshots",
        does=Write(handle=create_snapshots, asks=_ask_several),
        honours=frozenset(
            {
                "CopyTagsFromSource",
                "Description",
                "InstanceSpecification.ExcludeBootVolume",
                "InstanceSpecification.ExcludeDataVolumeIds",
                "InstanceSpecification.InstanceId",
            }
        ),
        creates=(records.SNAPSHOT.name,),
    ),
    Action(
        service="ec2",
        name="DeleteSnapshot",
        does=Write(handle=delete_snapshot),
        honours=frozenset({"SnapshotId"}),
    ),
    Action(
        service="ec2",
        name="DescribeSnapshots",
        does=Listing(
            find=snapshotsharing.find,
            render=render,
            member="Snapshots",
            filters=FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"OwnerIds", "RestorableByUserIds", "SnapshotIds"}),
    ),
)
