"""What state a volume is in, and each of its attachments: never stored, always told from what is
wanted and seen.

Called by every noun of this room and by the reconciler of volumes. Reads, and changes nothing.
"""

from typing import Any

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute import instances
from mallee.model.compute.instances import Power
from mallee.model.storage import volumes
from mallee.model.storage.volumes import ROOT_SLOT, Attachment, Volume, VolumeSeen

CREATING, AVAILABLE, IN_USE, DELETING, ERROR = (
    "creating",
    "available",
    "in-use",
    "deleting",
    "error",
)
ATTACHING, ATTACHED, DETACHING = "attaching", "attached", "detaching"

VolumeRecord = Record[Volume, VolumeSeen]
Reader = store.View | store.Tx

_ON = frozenset(
    {
        instances.Phase.PREPARING,
        instances.Phase.RUNNING,
        instances.Phase.RECOVERING,
        instances.Phase.STOPPING,
    }
)
"""Phases in which an instance may have a guest that holds volumes."""


def one(call: Call, id: str) -> VolumeRecord:
    """Return a volume of the caller's; one that is only kept for its snapshots is not there."""
    record = resources.one(call, records.VOLUME, id)
    if is_kept_only(record):
        raise errors.InvalidVolumeNotFound(record.id)
    return record


def several(call: Call, ids: list[str]) -> list[VolumeRecord]:
    """Return those volumes of the caller's, or all of them, by id."""
    if ids:
        found = resources.several(call, records.VOLUME, ids)
        if gone := [record.id for record in found if is_kept_only(record)]:
            raise errors.InvalidVolumeNotFound(gone[0])
        return found
    own = sorted(resources.reader(call).list(records.VOLUME, call.account), key=lambda it: it.id)
    return [record for record in own if not is_kept_only(record) and record.doc.binned is None]


def is_kept_only(record: VolumeRecord) -> bool:
    """Tell whether a volume is gone, and its record there for the layers that snapshots need."""
    is_gone = record.seen is not None and record.seen.phase is volumes.Phase.GONE
    return record.doc.deleted_at is not None and is_gone


def of_volume(record: VolumeRecord) -> str:
    """Return the state that EC2 shows."""
    doc, seen = record.doc, record.seen
    if doc.deleted_at is not None:
        return DELETING
    if not doc.is_made:
        if seen is not None and seen.phase is volumes.Phase.FAILED:
            return ERROR
        if doc.moved_at:
            return IN_USE if doc.attachments else AVAILABLE
        return CREATING if seen is None or seen.phase is not volumes.Phase.READY else AVAILABLE
    return IN_USE if doc.attachments else AVAILABLE


def of_attachment(view: Reader, record: VolumeRecord, attachment: Attachment) -> str:
    """Return the state of an attachment; with an instance that is off it is attached at once."""
    if attachment.is_leaving:
        return DETACHING
    instance = view.get(records.INSTANCE, attachment.instance_id)
    if instance is None or instance.doc.power is not Power.RUNNING:
        return ATTACHED
    return ATTACHED if _has(instance, record.id) else ATTACHING


def is_held(view: Reader, volume_id: str, instance_id: str) -> bool:
    """Tell whether an instance's guest has the volume, as far as its host has said."""
    instance = view.get(records.INSTANCE, instance_id)
    return instance is not None and _has(instance, volume_id)


def root_of(view: Reader, instance_id: str) -> VolumeRecord | None:
    """Return the volume from which an instance boots, if it has one and is to keep it."""
    for volume in view.by(records.VOLUME, "instance", instance_id):
        for one in volume.doc.attachments:
            if one.instance_id == instance_id and one.slot == ROOT_SLOT and not one.is_leaving:
                return volume
    return None


def is_over(view: Reader, instance_id: str) -> bool:
    """Tell whether an instance is gone for good, and its guest with it."""
    instance = view.get(records.INSTANCE, instance_id)
    if instance is None or instance.doc.gone_at is not None:
        return True
    return instances.phase_of(instance.doc, instance.seen) is instances.Phase.GONE


def _has(instance: Record[Any, Any], volume_id: str) -> bool:
    seen = instance.seen
    return seen is not None and seen.phase in _ON and volume_id in seen.volume_ids
