"""The disks that a launch asks for: its root disk's size, and new volumes beside it.

Called by `launchrequest` (`parse`) and by `launch` (`make`). A volume named at launch is on its
instance's host, attached from the start, and goes with the instance unless it is told to stay. The
root disk is no volume: it goes in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.storage import attachments, volumetypes
from mallee.cloud.hosts import diskroom
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.images import Image
from mallee.model.instances import Instance
from mallee.model.volumes import SLOTS, Attachment, Volume

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

HONOURS = frozenset(
    {
        "BlockDeviceMappings.DeviceName",
        "BlockDeviceMappings.NoDevice",
        "BlockDeviceMappings.Ebs.DeleteOnTermination",
        "BlockDeviceMappings.Ebs.Encrypted",
        "BlockDeviceMappings.Ebs.Iops",
        "BlockDeviceMappings.Ebs.SnapshotId",
        "BlockDeviceMappings.Ebs.Throughput",
        "BlockDeviceMappings.Ebs.VolumeSize",
        "BlockDeviceMappings.Ebs.VolumeType",
    }
)
ROOT_MAX_GIB = 16384


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume to be made with an instance."""

    device: str
    asked: volumetypes.Asked
    numbers: volumetypes.Numbers
    delete_on_termination: bool


@dataclass(frozen=True, slots=True)
class Disks:
    """What disks each instance of a launch gets."""

    root_gib: int
    volumes: tuple[NewVolume, ...]

    @property
    def volumes_gib(self) -> int:
        """How large the volumes are together."""
        return sum(volume.asked.size_gib for volume in self.volumes)


def parse(request: shapes.RunInstancesRequest, image: Record[Image, Any], preset_gib: int) -> Disks:
    """Check what is asked for; `preset_gib` is the type's own root disk."""
    root: Any = {}
    volumes: list[NewVolume] = []
    seen: set[str] = set()
    for mapping in request.get("BlockDeviceMappings") or ():
        device = mapping.get("DeviceName")
        if device is None:
            raise errors.MissingParameter("deviceName")
        if device in seen:
            raise errors.InvalidBlockDeviceMapping(
                f"The device '{device}' is used in more than one block-device mapping"
            )
        seen.add(device)
        if attachments.is_root(device):
            root = mapping.get("Ebs") or {}
        elif "NoDevice" not in mapping:
            volumes.append(_volume(device, mapping.get("Ebs")))
    if len(volumes) > len(SLOTS):
        raise errors.VolumeAttachmentLimitExceeded(
            f"An instance may have {len(SLOTS)} volumes besides its root disk."
        )
    return Disks(_root_gib(root, image, preset_gib), tuple(volumes))


def _root_gib(root: Any, image: Record[Image, Any], preset_gib: int) -> int:
    smallest = max(image.doc.disk_gib, 1)
    if root.get("DeleteOnTermination") is False:
        raise errors.UnsupportedOperation(
            "The root disk is deleted with its instance: DeleteOnTermination=false is not "
            "supported."
        )
    if {"Iops", "Throughput", "SnapshotId"} & root.keys() or root.get("Encrypted"):
        raise errors.UnsupportedOperation(
            "The root disk comes from its image, and is as fast as its host's disk: of it only "
            "VolumeSize may be said."
        )
    asked = root.get("VolumeSize")
    if asked is None:
        return max(smallest, preset_gib)
    if asked < smallest:
        raise errors.InvalidBlockDeviceMapping(
            f"Volume of size {asked}GB is smaller than the image {image.id}, expect size >= "
            f"{smallest}GB"
        )
    if asked > ROOT_MAX_GIB:
        raise errors.InvalidBlockDeviceMapping(f"The largest root disk has {ROOT_MAX_GIB}GB.")
    return asked


def _volume(device: str, ebs: Any) -> NewVolume:
    if not attachments.is_device(device):
        raise errors.InvalidBlockDeviceMapping(f"Invalid device name {device}")
    if ebs is None:
        raise errors.InvalidBlockDeviceMapping(
            f"The mapping of {device} must have Ebs: instances have no other disks here."
        )
    if ebs.get("SnapshotId"):
        raise errors.UnsupportedOperation(
            "A volume with what a snapshot has is made by CreateVolume here, then attached."
        )
    if ebs.get("Encrypted"):
        raise errors.UnsupportedOperation(
            "Volumes are not encrypted here yet. Encrypt the file system in the guest."
        )
    if "VolumeSize" not in ebs:
        raise errors.MissingParameter("size or snapshotId")
    asked = volumetypes.Asked(
        type=ebs.get("VolumeType") or volumetypes.DEFAULT,
        size_gib=ebs["VolumeSize"],
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
    )
    # As in AWS: what a launch makes goes with its instance, unless it says otherwise.
    goes = ebs.get("DeleteOnTermination", True)
    return NewVolume(device, asked, volumetypes.checked(asked), goes)


def make(call: WriteCall, disks: Disks, instance: Instance, tags: dict[str, str]) -> None:
    """Make the volumes of a new instance, attached to it.

    Raises `InsufficientVolumeCapacity` when its host has no room for them.
    """
    for slot, new in zip(SLOTS, disks.volumes, strict=False):
        id = ids.make("vol", call.entropy(ids.ID_BYTES))
        diskroom.claim(call.tx, instance.host_id, id, new.asked.size_gib)
        volume = Volume(
            id=id,
            size_gib=new.asked.size_gib,
            type=new.asked.type,
            iops=new.numbers.iops,
            throughput=new.numbers.throughput,
            zone=instance.zone,
            host_id=instance.host_id,
            attachments=(
                Attachment(
                    instance_id=instance.id,
                    device=new.device,
                    slot=slot,
                    since=call.now,
                    delete_on_termination=new.delete_on_termination,
                ),
            ),
            created_at=call.now,
            made_by=call.principal.issuer_id,
            tags=tags,
        )
        call.tx.insert(records.VOLUME, call.account, id, volume)
