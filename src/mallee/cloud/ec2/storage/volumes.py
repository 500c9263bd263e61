"""Volumes: made, described and deleted.

Called through the action table. A volume's bytes lie on the host that has the most room for them in
its zone; making and deleting them is that host's business. Attaching is `attachments`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Listing, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import binned, resources, tagset, zones
from mallee.cloud.ec2.storage import (
    ebskeys,
    fastrestores,
    grounds,
    placing,
    snapshotsharing,
    states,
    volumetypes,
)
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.storage.snapshots import Snapshot, SnapshotSeen
from mallee.model.storage.volumes import Attachment, Volume

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


@dataclass(frozen=True, slots=True)
class New:
    """Where a volume shall be, and what it shall begin with."""

    zone: str
    ground: Record[Snapshot, SnapshotSeen] | None
    wanted: ebskeys.Wanted
    copied_from: str = ""
    """The volume whose instant the ground is, which is no snapshot that anybody sees."""


def create_volume(call: WriteCall, request: shapes.CreateVolumeRequest) -> shapes.Volume:
    """Make a volume in a zone: blank, or with what a snapshot has."""
    zone, snapshot = zone_of(call, request), _snapshot(call, request)
    return make(call, request, New(zone, snapshot, ebskeys.wanted(request)))


def make(
    call: WriteCall, request: shapes.CreateVolumeRequest | shapes.CopyVolumesRequest, new: New
) -> shapes.Volume:
    """Make a volume of a type and size as a request says."""
    zone, snapshot = new.zone, new.ground
    asked = _asked(request, snapshot)
    numbers = volumetypes.checked(asked)
    id = ids.make("vol", call.entropy(ids.ID_BYTES))
    key = ebskeys.for_new(call, id, new.wanted, ebskeys.source_of(snapshot))
    if key is not None and asked.multi_attach:
        raise errors.UnsupportedOperation(
            "A volume that several instances share is not encrypted here."
        )
    where = diskroom.Where(zone, call.account)
    host_id = placing.place(call.tx, where, (id, asked.size_gib), snapshot and snapshot.doc)
    source, content = grounds.lies_on(snapshot.doc, host_id) if snapshot else (None, None)
    volume = Volume(
        id=id,
        size_gib=asked.size_gib,
        type=asked.type,
        iops=numbers.iops,
        throughput=numbers.throughput,
        zone=zone,
        host_id=host_id,
        snapshot_id=snapshot.id if snapshot and not new.copied_from else "",
        is_fast_restored=snapshot is not None
        and fastrestores.is_fast(call.tx, call.account, snapshot.id, zone),
        copied_from=new.copied_from,
        source=source,
        content=content,
        is_fresh=source is None,
        boot=snapshot.doc.boot if snapshot else None,
        key=key,
        multi_attach=asked.multi_attach,
        created_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.VOLUME.name),
    )
    return render(call, call.tx.insert(records.VOLUME, call.account, id, volume))


def _asked(
    request: shapes.CreateVolumeRequest | shapes.CopyVolumesRequest,
    snapshot: Record[Snapshot, SnapshotSeen] | None,
) -> volumetypes.Asked:
    """Return what kind of volume is wanted, as large as its snapshot when nothing is said."""
    size_gib = request.get("Size", snapshot.doc.size_gib if snapshot else None)
    if size_gib is None:
        raise errors.MissingParameter("size or snapshotId")
    if snapshot is not None and size_gib < snapshot.doc.size_gib:
        raise errors.InvalidParameterValue(
            f"The size of a volume must not be smaller than its snapshot's: {snapshot.doc.size_gib}"
        )
    return volumetypes.Asked(
        type=request.get("VolumeType") or volumetypes.DEFAULT,
        size_gib=size_gib,
        iops=request.get("Iops"),
        throughput=request.get("Throughput"),
        multi_attach=bool(request.get("MultiAttachEnabled")),
    )


def _snapshot(
    call: WriteCall, request: shapes.CreateVolumeRequest
) -> Record[Snapshot, SnapshotSeen] | None:
    """Return the snapshot that a volume shall begin with, whoever owns it that lets the caller."""
    id = request.get("SnapshotId")
    if not id:
        return None
    snapshot = snapshotsharing.usable(call, id)
    if request.get("MultiAttachEnabled"):
        raise errors.UnsupportedOperation("A volume that is shared begins blank here.")
    return snapshot


def _uses_keys(call: Call, request: shapes.CreateVolumeRequest) -> Iterable[KeyUse]:
    """Return what a volume takes of the key store."""
    id = request.get("SnapshotId")
    snapshot = snapshotsharing.usable(call, id) if id else None
    return ebskeys.uses_of_new(call, ebskeys.wanted(request), ebskeys.source_of(snapshot))


def zone_of(
    call: WriteCall, request: shapes.CreateVolumeRequest | shapes.ImportVolumeRequest
) -> str:
    """Return the zone that is named in one of two ways."""
    name, zone_id = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    if (name is None) is (zone_id is None):
        raise errors.MissingParameter("availabilityZone, or availabilityZoneId, and not both.")
    for known in zones.names(call.tx, call.settings):
        if name == known or zone_id == zones.id_of(known, call.settings.region):
            return known
    raise errors.InvalidZoneIdNotFound(name or zone_id)


def delete_volume(call: WriteCall, request: shapes.DeleteVolumeRequest) -> Result:
    """Want a volume gone for good that no instance has."""
    record = states.one(call, request["VolumeId"])
    if record.doc.deleted_at is not None:
        raise errors.InvalidVolumeNotFound(record.id)
    if record.doc.attachments:
        raise errors.VolumeInUse(
            f"Volume {record.id} is currently attached to {record.doc.attachments[0].instance_id}"
        )
    if not binned.keep(call.tx, record):
        want_deleted(call.tx, record)
    return {}


def want_deleted(tx: store.Tx, record: VolumeRecord) -> VolumeRecord:
    """Want a volume gone for good; its room is given back when its host says that it is."""
    return tx.write(record, replace(record.doc, deleted_at=tx.now, attachments=(), binned=None))


def _find(call: Call, request: shapes.DescribeVolumesRequest) -> Iterable[VolumeRecord]:
    return states.several(call, request.get("VolumeIds") or [])


def render(call: Call, record: VolumeRecord) -> shapes.Volume:
    """Return a volume as EC2 shows it."""
    doc = record.doc
    shown: shapes.Volume = {
        "VolumeId": record.id,
        "Size": doc.size_gib,
        "SnapshotId": doc.snapshot_id,
        "OwnerId": record.account,
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "State": states.of_volume(record),
        "CreateTime": doc.created_at,
        "Attachments": [shown_attachment(call, record, one) for one in doc.attachments],
        "VolumeType": doc.type,
        "MultiAttachEnabled": doc.multi_attach,
        "Encrypted": doc.key is not None,
        "Tags": tagset.shown(doc.tags),
    }
    if doc.key is not None:
        shown["KmsKeyId"] = doc.key.kms_key
    if doc.copied_from:
        shown["SourceVolumeId"] = doc.copied_from
    if doc.snapshot_id:
        shown["FastRestored"] = doc.is_fast_restored
    if doc.iops:
        shown["Iops"] = doc.iops
    if doc.throughput:
        shown["Throughput"] = doc.throughput
    return shown


def shown_attachment(
    call: Call, record: VolumeRecord, attachment: Attachment
) -> shapes.VolumeAttachment:
    """Return an attachment as EC2 shows it."""
    return {
        "VolumeId": record.id,
        "InstanceId": attachment.instance_id,
        "Device": attachment.device,
        "State": states.of_attachment(resources.reader(call), record, attachment),
        "AttachTime": attachment.since,
        "DeleteOnTermination": attachment.delete_on_termination,
    }


def _of_each(
    value: Callable[[Call, VolumeRecord, Attachment], str],
) -> Callable[[Call, VolumeRecord], Iterable[str]]:
    """Return a filter by something of the attachments."""
    return lambda call, it: [value(call, it, one) for one in it.doc.attachments]


FILTERS: dict[str, Callable[[Call, VolumeRecord], Iterable[str]]] = {
    "attachment.attach-time": _of_each(lambda call, it, one: resources.moment(one.since)),
    "attachment.delete-on-termination": _of_each(
        lambda call, it, one: resources.boolean(one.delete_on_termination)
    ),
    "attachment.device": _of_each(lambda call, it, one: one.device),
    "attachment.instance-id": _of_each(lambda call, it, one: one.instance_id),
    "attachment.status": _of_each(lambda call, it, one: states.of_attachment(call.view, it, one)),
    "availability-zone": lambda call, it: (it.doc.zone,),
    "availability-zone-id": lambda call, it: (zones.id_of(it.doc.zone, call.settings.region),),
    "create-time": lambda call, it: (resources.moment(it.doc.created_at),),
    "encrypted": lambda call, it: (resources.boolean(it.doc.key is not None),),
    "fast-restored": lambda call, it: (resources.boolean(it.doc.is_fast_restored),),
    "multi-attach-enabled": lambda call, it: (resources.boolean(it.doc.multi_attach),),
    "operator.managed": lambda call, it: (resources.boolean(False),),
    "operator.principal": lambda call, it: (),
    "size": lambda call, it: (str(it.doc.size_gib),),
    "snapshot-id": lambda call, it: (it.doc.snapshot_id,),
    "status": lambda call, it: (states.of_volume(it),),
    "volume-id": lambda call, it: (it.id,),
    "volume-type": lambda call, it: (it.doc.type,),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateVolume",
        does=Write(handle=create_volume),
        honours=frozenset(
            {
                "AvailabilityZone",
                "AvailabilityZoneId",
                "Encrypted",
                "Iops",
                "KmsKeyId",
                "MultiAttachEnabled",
                "Size",
                "SnapshotId",
                "Throughput",
                "VolumeType",
            }
        ),
        uses_keys=_uses_keys,
        creates=(records.VOLUME.name,),
    ),
    Action(
        service="ec2",
        name="DeleteVolume",
        does=Write(handle=delete_volume),
        honours=frozenset({"VolumeId"}),
    ),
    Action(
        service="ec2",
        name="DescribeVolumes",
        does=Listing(
            find=_find,
            render=render,
            member="Volumes",
            filters=FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"VolumeIds"}),
    ),
)
