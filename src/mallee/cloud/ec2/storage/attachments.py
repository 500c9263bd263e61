"""Attachments of volumes to instances: made and undone, also while the guest runs.

Called through the action table. Two instances never have one volume, unless it is shared: an
attachment is a part of the volume's own record, and so in one transaction with what was there
before. Plugging in is the host's business; an attachment that is to end, ends when the guest has
let go (`reconcile.volumes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.storage import ebskeys, relocating, states, volumes
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.moves import moving
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.compute import instances
from mallee.model.compute.instances import Power, State
from mallee.model.storage.volumes import ROOT_SLOT, SLOTS, Attachment, free_slot

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

SHARED_MAX = 16
"""Instances that may have one volume at once."""
_DEVICE = re.compile(r"(/dev/)?((sd|xvd|vd)[b-z][1-9]?[0-9]?|xvd[b-d][a-z])")
_ROOT = re.compile(r"(/dev/)?(sd|xvd|vd)a1?")


def attach_volume(call: WriteCall, request: shapes.AttachVolumeRequest) -> shapes.VolumeAttachment:
    """Attach a volume to an instance, which runs or is stopped."""
    record = states.one(call, request["VolumeId"])
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    device = request["Device"]
    if instance.doc.power is Power.TERMINATED:
        raise errors.IncorrectInstanceState(instance.id, "attached to a volume")
    relocating.check_stays(instance)
    record = _at_hand(call, _checked(record, instance), instance)
    device, slot = _place(call, instance, device)
    attachment = Attachment(instance_id=instance.id, device=device, slot=slot, since=call.now)
    attachments = (*record.doc.attachments, attachment)
    doc = replace(record.doc, attachments=attachments, is_fresh=False)
    return volumes.shown_attachment(call, call.tx.write(record, doc), attachment)


def _uses_keys(call: Call, request: shapes.AttachVolumeRequest) -> Iterable[KeyUse]:
    """Return what an instance takes of the key store to have a volume."""
    record = states.one(call, request["VolumeId"])
    return ebskeys.uses_of_attached(record.doc.key, request["InstanceId"])


def _checked(record: VolumeRecord, instance: Record[Any, Any]) -> VolumeRecord:
    doc, state = record.doc, states.of_volume(record)
    if state not in (states.AVAILABLE, states.IN_USE):
        raise errors.IncorrectState(f"Volume '{record.id}' is in the '{state}' state.")
    if any(one.instance_id == instance.id for one in doc.attachments):
        raise errors.VolumeInUse(f"{record.id} is already attached to an instance")
    if doc.attachments and not doc.multi_attach:
        raise errors.VolumeInUse(f"{record.id} is already attached to an instance")
    if len(doc.attachments) >= SHARED_MAX:
        raise errors.VolumeAttachmentLimitExceeded(
            f"{record.id} is attached to {SHARED_MAX} instances, and may not be to more."
        )
    if doc.zone != instance.doc.zone:
        raise errors.InvalidVolumeZoneMismatch(record.id, instance.id)
    return record


def _at_hand(call: WriteCall, record: VolumeRecord, instance: Record[Any, Any]) -> VolumeRecord:
    """Return a volume that is on the instance's host, where it goes if it can."""
    if moving.goes_with_guest(call.tx, record):
        relocating.check_still(record)
    if record.doc.host_id == instance.doc.host_id:
        return moving.take_back(call.tx, record)
    return relocating.bring(call, record, instance.doc.host_id)


def is_root(device: str) -> bool:
    """Tell whether a name is that of the root disk."""
    return _ROOT.fullmatch(device) is not None


def is_device(device: str) -> bool:
    """Tell whether a volume may be called so."""
    return _DEVICE.fullmatch(device) is not None


def _place(call: WriteCall, instance: Record[Any, Any], device: str) -> tuple[str, int]:
    """Return the device's name and a free slot; raise when there is none, or the device is taken
    or is no name of one."""
    root_device: str = instance.doc.root_device
    if is_root(device) or device == root_device:
        if not root_device or states.root_of(call.tx, instance.id) is not None:
            raise _taken(device)
        if instances.state_of(instance.doc, instance.seen) is not State.STOPPED:
            raise errors.IncorrectInstanceStateNotStopped(instance.id)
        return root_device, ROOT_SLOT
    if not is_device(device):
        raise errors.InvalidParameterValue(
            f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device "
            "name."
        )
    worn = of_instance(call, instance.id)
    if any(one.device == device for one in worn):
        raise _taken(device)
    # A device that was left without its volume is where it was until the guest lets it go.
    dead = () if instance.seen is None else instance.seen.dead_slots
    slot = free_slot((*(one.slot for one in worn), *dead))
    if slot is None:
        raise errors.VolumeAttachmentLimitExceeded(
            f"An instance may have {len(SLOTS)} volumes besides its root disk."
        )
    return device, slot


def _taken(device: str) -> errors.AwsError:
    return errors.InvalidParameterValue(
        f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
    )


def of_instance(call: WriteCall, instance_id: str) -> list[Attachment]:
    """Return the attachments of an instance's volumes."""
    return [
        one
        for volume in call.tx.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id
    ]


def detach_volume(call: WriteCall, request: shapes.DetachVolumeRequest) -> shapes.VolumeAttachment:
    """Have an instance let a volume go; it is free when the guest has done so, or when it was taken
    away: with Force, whatever the guest says."""
    record = states.one(call, request["VolumeId"])
    if "InstanceId" in request:
        resources.one(call, records.INSTANCE, request["InstanceId"])
    attachment = _meant(record, request)
    _check_root_goes(call, record, attachment)
    is_forced = attachment.is_forced or request.get("Force", False)
    leaving = replace(attachment, is_leaving=True, is_forced=is_forced)
    kept = tuple(leaving if one == attachment else one for one in record.doc.attachments)
    shown = volumes.shown_attachment(
        call, call.tx.write(record, replace(record.doc, attachments=kept)), leaving
    )
    return shown


def _check_root_goes(call: WriteCall, record: VolumeRecord, attachment: Attachment) -> None:
    """Raise unless the volume is no root, or its instance is off."""
    instance = call.tx.get(records.INSTANCE, attachment.instance_id)
    if attachment.slot != ROOT_SLOT or instance is None:
        return
    state = instances.state_of(instance.doc, instance.seen)
    if state not in (State.STOPPED, State.TERMINATED):
        raise errors.OperationNotPermitted(
            f"Unable to detach root volume '{record.id}' from instance '{instance.id}'"
        )


def _meant(record: VolumeRecord, request: shapes.DetachVolumeRequest) -> Attachment:
    worn = record.doc.attachments
    if not worn:
        state = states.of_volume(record)
        raise errors.IncorrectState(f"Volume '{record.id}' is in the '{state}' state.")
    instance_id, device = request.get("InstanceId"), request.get("Device")
    if instance_id is None and len(worn) > 1:
        raise errors.MissingParameter(
            f"The volume '{record.id}' is attached to several instances: name one."
        )
    for one in worn:
        if instance_id in (None, one.instance_id) and device in (None, one.device):
            return one
    raise errors.InvalidAttachmentNotFound(
        f"Attachment of '{record.id}' to '{instance_id or device}' does not exist."
    )


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="AttachVolume",
        does=Write(handle=attach_volume),
        honours=frozenset({"Device", "InstanceId", "VolumeId"}),
        uses_keys=_uses_keys,
    ),
    Action(
        service="ec2",
        name="DetachVolume",
        does=Write(handle=detach_volume),
        honours=frozenset({"Device", "Force", "InstanceId", "VolumeId"}),
    ),
)
