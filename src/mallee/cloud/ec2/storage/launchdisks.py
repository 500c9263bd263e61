"""The disks that a launch asks for: what its image maps, changed and added to by the request.

Called by `launchrequest` (`parse`) and by `launch` (`make`). The root of an EBS-backed image is a
volume at `ROOT_SLOT`, over the image's own file or over what a snapshot has; nothing is copied.
The root disk of an instance-store image is no volume, and goes with its instance. Volumes of a
launch are on its host, attached from the start, and go with it unless they are told to stay.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import KeyUse
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings, resources
from mallee.cloud.ec2.storage import (
    attachments,
    ebskeys,
    fastrestores,
    grounds,
    snapshotsharing,
    volumetypes,
)
from mallee.cloud.ec2.storage.grounds import SnapshotRecord
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import Instance
from mallee.model.images import images
from mallee.model.images.images import Image, ImageMapping
from mallee.model.storage.volumes import ROOT_SLOT, SLOTS, Attachment, Volume

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

HONOURS = frozenset(
    {
        "BlockDeviceMappings.DeviceName",
        "BlockDeviceMappings.NoDevice",
        "BlockDeviceMappings.Ebs.DeleteOnTermination",
        "BlockDeviceMappings.Ebs.Encrypted",
        "BlockDeviceMappings.Ebs.Iops",
        "BlockDeviceMappings.Ebs.KmsKeyId",
        "BlockDeviceMappings.Ebs.SnapshotId",
        "BlockDeviceMappings.Ebs.Throughput",
        "BlockDeviceMappings.Ebs.VolumeSize",
        "BlockDeviceMappings.Ebs.VolumeType",
    }
)
ROOT_MAX_GIB = 16384
_NO_ROOT_TYPES = frozenset({"st1", "sc1"})
"""EC2 boots from none of them."""

ImageRecord = Record[Image, Any]


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume to be made with an instance."""

    device: str
    slot: int
    asked: volumetypes.Asked
    numbers: volumetypes.Numbers
    delete_on_termination: bool
    snapshot: SnapshotRecord | None = None
    image: Image | None = None
    """Whose root it is."""
    wanted: ebskeys.Wanted = ebskeys.NOTHING_SAID
    """What is said of encryption."""


@dataclass(frozen=True, slots=True)
class Disks:
    """What disks each instance of a launch gets."""

    root_gib: int
    root_device: str
    """Empty: its root disk is no volume."""
    volumes: tuple[NewVolume, ...]
    """Its root among them, where that is one."""
    host_id: str = ""
    """The only host on which they can be; empty: any."""

    @property
    def volumes_gib(self) -> int:
        """How large the volumes are together, the root aside."""
        return sum(it.asked.size_gib for it in self.volumes if it.slot != ROOT_SLOT)


def parse(
    call: Call, request: shapes.RunInstancesRequest, image: ImageRecord, preset_gib: int
) -> Disks:
    """Check what is asked for; `preset_gib` is the type's own root disk."""
    asked = _by_device(request, image.doc)
    mapped = {one.device: one for one in images.mappings_of(image.doc)}
    root, root_device = asked.pop(image.doc.root_device, {}), ""
    mapped.pop(image.doc.root_device, None)
    volumes: list[NewVolume] = []
    if images.is_ebs(image.doc):
        volumes.append(_root(call, image, root.get("Ebs") or {}, preset_gib))
        root_gib, root_device = volumes[0].asked.size_gib, image.doc.root_device
    else:
        root_gib = _store_gib(image, root.get("Ebs") or {}, preset_gib)
    named = [*mapped, *(device for device in asked if device not in mapped)]
    devices = [device for device in named if "NoDevice" not in asked.get(device, {})]
    if len(devices) > len(SLOTS):
        raise errors.VolumeAttachmentLimitExceeded(
            f"An instance may have {len(SLOTS)} volumes besides its root disk."
        )
    for slot, device in zip(SLOTS, devices, strict=False):
        said = asked.get(device, {})
        volumes.append(_volume(call, (device, slot), mapped.get(device), said.get("Ebs")))
    return Disks(root_gib, root_device, tuple(volumes), _only_host(volumes))


def _by_device(request: shapes.RunInstancesRequest, image: Image) -> dict[str, Any]:
    """Return what is said of each device; the root goes by the image's name for it."""
    asked: dict[str, Any] = {}
    for mapping in request.get("BlockDeviceMappings") or ():
        device = mapping.get("DeviceName")
        if device is None:
            raise errors.MissingParameter("deviceName")
        is_root = attachments.is_root(device)
        name = image.root_device if is_root else device
        if name in asked:
            raise errors.InvalidBlockDeviceMapping(
                f"The device '{device}' is used in more than one block-device mapping"
            )
        if is_root and "NoDevice" in mapping:
            raise errors.InvalidBlockDeviceMapping(
                f"The root device {image.root_device} cannot be left out."
            )
        asked[name] = mapping
    return asked


def _root(call: Call, image: ImageRecord, ebs: Any, preset_gib: int) -> NewVolume:
    """Return the root volume of an image's instances."""
    mapping = images.root_mapping(image.doc)
    assert mapping is not None
    if ebs.get("SnapshotId", mapping.snapshot_id) != mapping.snapshot_id:
        raise errors.InvalidBlockDeviceMapping("snapshotId cannot be modified on root device")
    snapshot = grounds.of_image(call, mapping.snapshot_id) if mapping.snapshot_id else None
    smallest = snapshot.doc.size_gib if snapshot else max(1, image.doc.disk_gib)
    size_gib = ebs.get("VolumeSize", max(smallest, mapping.size_gib, preset_gib))
    _check_root_size(image, size_gib, smallest)
    kind = mapping.type
    if kind == images.UNLIMITED and size_gib > volumetypes.TYPES[kind].sizes[1]:
        kind = ""
    mapping = replace(mapping, size_gib=size_gib, type=kind)
    new = _new((image.doc.root_device, ROOT_SLOT), mapping, ebs, snapshot)
    if new.asked.type in _NO_ROOT_TYPES:
        raise errors.InvalidBlockDeviceMapping(
            f"No instance boots from a volume of the type {new.asked.type}."
        )
    return dataclasses.replace(new, image=image.doc)


def _check_root_size(image: ImageRecord, size_gib: int, smallest: int) -> None:
    if size_gib < smallest:
        raise errors.InvalidBlockDeviceMapping(
            f"Volume of size {size_gib}GB is smaller than the image {image.id}, expect size >= "
            f"{smallest}GB"
        )
    if size_gib > ROOT_MAX_GIB:
        raise errors.InvalidBlockDeviceMapping(f"The largest root disk has {ROOT_MAX_GIB}GB.")


def _store_gib(image: ImageRecord, ebs: Any, preset_gib: int) -> int:
    """Return the size of a root disk that is no volume."""
    if ebs.keys() - {"VolumeSize", "VolumeType", "DeleteOnTermination", "Encrypted"} or (
        ebs.get("Encrypted") or ebs.get("DeleteOnTermination") is False
    ):
        raise errors.UnsupportedOperation(
            f"The root disk of {image.id} is no volume (it is an instance-store image): of it only "
            "VolumeSize may be said, and it goes with its instance."
        )
    smallest = max(1, image.doc.disk_gib)
    size_gib = ebs.get("VolumeSize", max(smallest, preset_gib))
    _check_root_size(image, size_gib, smallest)
    return size_gib


def _volume(
    call: Call, place: tuple[str, int], mapping: ImageMapping | None, ebs: Any
) -> NewVolume:
    """Return a volume that the image maps, or the request, or both."""
    device, _ = place
    if not attachments.is_device(device):
        raise errors.InvalidBlockDeviceMapping(f"Invalid device name {device}")
    if ebs is None and mapping is None:
        raise errors.InvalidBlockDeviceMapping(
            f"The mapping of {device} must have Ebs: instances have no other disks here."
        )
    ebs = ebs or {}
    snapshot = _snapshot(call, mapping, ebs)
    if mapping is None or (mapping.snapshot_id and snapshot and snapshot.id != mapping.snapshot_id):
        if "VolumeSize" not in ebs and snapshot is None:
            raise errors.MissingParameter("size or snapshotId")
        mapping = ImageMapping(device=device, size_gib=snapshot.doc.size_gib if snapshot else 0)
    new = _new(place, mapping, ebs, snapshot)
    if snapshot is not None and new.asked.size_gib < snapshot.doc.size_gib:
        raise errors.InvalidBlockDeviceMapping(
            f"Volume of size {new.asked.size_gib}GB is smaller than snapshot '{snapshot.id}', "
            f"expect size >= {snapshot.doc.size_gib}GB"
        )
    return new


def _snapshot(call: Call, mapping: ImageMapping | None, ebs: Any) -> SnapshotRecord | None:
    """Return what a volume begins with: as the request says, or else the image."""
    mapped = mapping.snapshot_id if mapping else ""
    asked = ebs.get("SnapshotId") or mapped
    if not asked:
        return None
    if asked == mapped:
        return grounds.of_image(call, mapped)
    return snapshotsharing.usable(call, asked)


def _new(
    place: tuple[str, int], mapping: ImageMapping, ebs: Any, snapshot: SnapshotRecord | None
) -> NewVolume:
    """Return a volume as a mapping has it, with what is said besides."""
    kind = ebs.get("VolumeType") or mapping.type or volumetypes.DEFAULT
    is_same = kind == (mapping.type or volumetypes.DEFAULT)
    asked = volumetypes.Asked(
        type=kind,
        size_gib=ebs.get("VolumeSize", mapping.size_gib),
        iops=ebs.get("Iops") or (mapping.iops if is_same else 0) or None,
        throughput=ebs.get("Throughput") or (mapping.throughput if is_same else 0) or None,
    )
    # As in AWS: what a launch makes goes with its instance, unless it says otherwise.
    goes = ebs.get("DeleteOnTermination", mapping.delete_on_termination)
    numbers = volumetypes.checked(asked)
    return NewVolume(*place, asked, numbers, goes, snapshot, wanted=_encryption(mapping, ebs))


def _encryption(mapping: ImageMapping, ebs: Any) -> ebskeys.Wanted:
    """Return what is said of encryption, by the request or else by the image."""
    said = ebskeys.wanted(ebs)
    if said == ebskeys.NOTHING_SAID and mapping.encrypted:
        return ebskeys.Wanted(encrypted=True)
    return said


def _only_host(volumes: list[NewVolume]) -> str:
    """Return the one host on which all can be; empty: any will do."""
    found = {grounds.only_host(it.snapshot.doc) for it in volumes if it.snapshot} - {""}
    if len(found) > 1:
        raise errors.IncorrectState(
            "The snapshots that are wanted lie on several hosts still, and are not complete. "
            "Wait until they are."
        )
    return found.pop() if found else ""


def uses_keys(call: Call, request: shapes.RunInstancesRequest, image: ImageRecord) -> list[KeyUse]:
    """Return what the volumes of a launch take of the key store."""
    if not _may_encrypt(call, request, image.doc):
        # Most launches have nothing to do with keys: they are looked at once only.
        return []
    found: list[KeyUse] = []
    for new in parse(call, request, image, 0).volumes:
        source = ebskeys.source_of(new.snapshot)
        found += ebskeys.uses_of_new(call, new.wanted, source)
        found += ebskeys.uses_of_launched(ebskeys.key_of(call, new.wanted, source))
    return found


def keys_named(call: Call, request: shapes.RunInstancesRequest, image: ImageRecord) -> list[str]:
    """Return under which key each volume of a launch would be, as it is named; empty: none."""
    volumes = parse(call, request, image, 0).volumes
    return [ebskeys.key_of(call, new.wanted, ebskeys.source_of(new.snapshot)) for new in volumes]


def _may_encrypt(call: Call, request: shapes.RunInstancesRequest, image: Image) -> bool:
    """Tell whether a launch may have encrypted volumes."""
    said = [mapping.get("Ebs") or {} for mapping in request.get("BlockDeviceMappings") or ()]
    return (
        accountsettings.of(resources.reader(call), call.account).encrypts_volumes
        or any({"Encrypted", "KmsKeyId", "SnapshotId"} & ebs.keys() for ebs in said)
        or any(one.snapshot_id or one.encrypted for one in images.mappings_of(image))
        or bool((root := images.root_mapping(image)) and (root.snapshot_id or root.encrypted))
    )


def make(call: WriteCall, disks: Disks, instance: Instance, tags: dict[str, str]) -> None:
    """Make the volumes of a new instance, attached to it.

    Raises `InsufficientVolumeCapacity` when its host has no room for them.
    """
    for new in disks.volumes:
        id = ids.make("vol", call.entropy(ids.ID_BYTES))
        if new.slot == ROOT_SLOT:
            diskroom.take_over(call.tx, instance.host_id, (instance.id, id), new.asked.size_gib)
        else:
            diskroom.claim(call.tx, instance.host_id, id, new.asked.size_gib)
        attachment = Attachment(
            instance_id=instance.id,
            device=new.device,
            slot=new.slot,
            since=call.now,
            delete_on_termination=new.delete_on_termination,
        )
        volume = volume_of(call, id, new, instance.host_id)
        is_fast = fastrestores.is_fast(call.tx, call.account, volume.snapshot_id, instance.zone)
        volume = replace(
            volume,
            attachments=(attachment,),
            zone=instance.zone,
            is_fast_restored=is_fast,
            tags=tags,
        )
        call.tx.insert(records.VOLUME, call.account, id, volume)


def volume_of(call: WriteCall, id: str, new: NewVolume, host_id: str) -> Volume:
    """Return a new volume on a host, attached to nothing yet."""
    snapshot, image = new.snapshot, new.image
    source, content = grounds.lies_on(snapshot.doc, host_id) if snapshot else (None, None)
    return Volume(
        id=id,
        size_gib=new.asked.size_gib,
        type=new.asked.type,
        iops=new.numbers.iops,
        throughput=new.numbers.throughput,
        zone="",
        host_id=host_id,
        snapshot_id=snapshot.id if snapshot else "",
        source=source,
        content=content,
        blob=image.blob if image and snapshot is None else None,
        boot=snapshot.doc.boot if snapshot else image and image.direct_boot,
        key=ebskeys.for_new(call, id, new.wanted, ebskeys.source_of(snapshot)),
        created_at=call.now,
        made_by=call.principal.issuer_id,
    )
