"""Block device mappings that images are made with: of a request, or of what an instance has.

Called where images are created and registered. What a launch makes of them is `launchdisks`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2.storage import attachments, snapshotsharing, volumetypes
from mallee.model.images.images import ImageMapping
from mallee.model.storage.volumes import Attachment, Volume

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
_CHOOSES_IOPS = frozenset({"gp3", "io1", "io2"})

Asked = Mapping[str, Any]


def by_device(request: Mapping[str, Any]) -> dict[str, Asked]:
    """Return what is said of each device; raise for what cannot be one, and for one said twice."""
    asked: dict[str, Asked] = {}
    mappings: Iterable[Asked] = request.get("BlockDeviceMappings") or ()
    for mapping in mappings:
        device = mapping.get("DeviceName")
        if device is None:
            raise errors.MissingParameter("deviceName")
        if device in asked:
            raise errors.InvalidBlockDeviceMapping(
                f"The device '{device}' is used in more than one block-device mapping"
            )
        if not attachments.is_device(device) and not attachments.is_root(device):
            raise errors.InvalidBlockDeviceMapping(f"Invalid device name {device}")
        asked[device] = mapping
    return asked


def of_volume(volume: Volume, attachment: Attachment) -> ImageMapping:
    """Return what makes a volume like one that an instance has; its snapshot is to be named."""
    chooses = volume.type in _CHOOSES_IOPS
    return ImageMapping(
        device=attachment.device,
        size_gib=volume.size_gib,
        type=volume.type,
        iops=volume.iops if chooses else 0,
        throughput=volume.throughput,
        delete_on_termination=attachment.delete_on_termination,
        encrypted=volume.key is not None,
    )


def new(call: Call, device: str, asked: Asked) -> ImageMapping:
    """Return a mapping as it is asked for: blank, or with what a snapshot has."""
    ebs: Asked | None = asked.get("Ebs")
    if ebs is None:
        raise errors.InvalidBlockDeviceMapping(
            f"The mapping of {device} must have Ebs: instances have no other disks here."
        )
    mapping = ImageMapping(device=device, size_gib=0)
    if ebs.get("SnapshotId"):
        snapshot = snapshotsharing.usable(call, ebs["SnapshotId"])
        if snapshot.account != call.account:
            # Whoever may launch the image would have what its owner shared with the caller alone.
            raise errors.OperationNotPermitted(
                f"The snapshot {snapshot.id} is another account's, and images are made of one's "
                "own: copy it (CopySnapshot), and name the copy."
            )
        if snapshot.doc.writing is not None or snapshot.doc.resealing is not None:
            raise errors.IncorrectState(f"The snapshot {snapshot.id} is not complete.")
        is_encrypted = snapshot.doc.key is not None
        if ebs.get("Encrypted", is_encrypted) is not is_encrypted:
            raise errors.InvalidBlockDeviceMapping(
                f"Whether {device} is encrypted follows from its snapshot {snapshot.id}."
            )
        mapping = replace(
            mapping, snapshot_id=snapshot.id, size_gib=snapshot.doc.size_gib, encrypted=is_encrypted
        )
    elif "VolumeSize" not in ebs:
        raise errors.MissingParameter("size or snapshotId")
    else:
        mapping = replace(mapping, encrypted=ebs.get("Encrypted", False))
    return changed(mapping, {**asked, "Ebs": {**ebs, "SnapshotId": ""}})


def changed(mapping: ImageMapping, asked: Asked) -> ImageMapping:
    """Return a mapping with what is asked for besides; raise for what no volume can be."""
    ebs: Asked = asked.get("Ebs") or {}
    if ebs.get("SnapshotId"):
        raise errors.InvalidBlockDeviceMapping(
            f"The snapshot of {mapping.device} is made of the volume that the instance has there."
        )
    if ebs.get("Encrypted", mapping.encrypted) is not mapping.encrypted:
        raise errors.InvalidBlockDeviceMapping(
            f"Whether {mapping.device} is encrypted follows from its volume."
        )
    size_gib: int = ebs.get("VolumeSize", mapping.size_gib)
    if size_gib < mapping.size_gib:
        raise errors.InvalidBlockDeviceMapping(
            f"Volume of size {size_gib}GB is smaller than snapshot, expect size >= "
            f"{mapping.size_gib}GB"
        )
    kind: str = ebs.get("VolumeType") or mapping.type
    is_same = kind == mapping.type
    iops: int = ebs.get("Iops") or (mapping.iops if is_same else 0)
    throughput: int = ebs.get("Throughput") or (mapping.throughput if is_same else 0)
    volumetypes.checked(
        volumetypes.Asked(
            type=kind or volumetypes.DEFAULT,
            size_gib=size_gib,
            iops=iops or None,
            throughput=throughput or None,
        )
    )
    return replace(
        mapping,
        size_gib=size_gib,
        type=kind,
        iops=iops,
        throughput=throughput,
        delete_on_termination=ebs.get("DeleteOnTermination", mapping.delete_on_termination),
    )
