"""What comes of CreateRestoreImageTask: the image that was stored, when its disks have come in.

Called by `transfers`, within the transaction that ends the task: the image becomes available with
all its snapshots, or nothing of it is there. What the object says of the image is its owner's word
and no more: everything in it is checked as if it had been asked for.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import quotas
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.images import names
from mallee.cloud.ec2.images.sharing import AVAILABLE, DEREGISTERED, ImageRecord
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.storage import attachments, volumetypes
from mallee.cloud.reconcile.images import importedimages
from mallee.cloud.reconcile.images.importedimages import Unbootable
from mallee.cloud.state import records
from mallee.model.images import images, storedimages
from mallee.model.images.images import ImageMapping
from mallee.model.images.storedimages import Disk, Header
from mallee.model.storage.transfers import DiskSeen

GIB = 1 << 30
DESCRIPTION_MAX = 255
_ARCHITECTURES = ("x86_64", "i386")
_BOOT_MODES = ("", importedimages.BIOS, importedimages.UEFI, "uefi-preferred")


def settle(call: WriteCall, record: TaskRecord, snapshot_ids: Sequence[str]) -> None:
    """Complete the image of a task, and end that. Raises `Unbootable` and `AwsError`."""
    image = call.tx.get(records.IMAGE, record.doc.image_id)
    if image is None or image.doc.state == DEREGISTERED:
        raise Unbootable("The image was deregistered meanwhile.")
    assert record.seen is not None, "a host has said that they are there"
    seen = record.seen.disks
    try:
        header = storedimages.heard_header(seen[0].told)
    except storedimages.NotAnImage as error:
        raise Unbootable(f"The object is no stored image: {error}.") from error
    mappings = _mappings(header, seen, snapshot_ids)
    _describe(call, record, snapshot_ids)
    call.tx.write(image, _completed(call, (image, header), mappings, seen[0]))
    ended = replace(record.doc, ended_at=call.tx.now, snapshot_ids=tuple(snapshot_ids))
    call.tx.write(record, ended)
    quotas.check(call)


def _mappings(
    header: Header, seen: Sequence[DiskSeen], snapshot_ids: Sequence[str]
) -> tuple[ImageMapping, ...]:
    """Return the volumes of the image; raise for what no image has."""
    stored = [disk.size_bytes for disk in header.disks if disk.size_bytes]
    if stored != [one.content.size_bytes if one.content else 0 for one in seen]:
        raise Unbootable("The object has other disks than it says.")
    waiting = iter(snapshot_ids)
    made = tuple(_mapping(disk, next(waiting) if disk.size_bytes else "") for disk in header.disks)
    devices = [one.device for one in made]
    roots = [one for one in made if one.device == header.root_device and one.snapshot_id]
    if len(set(devices)) != len(devices) or len(roots) != 1:
        raise Unbootable("The object has no root disk, or a device twice.")
    return made


def _mapping(disk: Disk, snapshot_id: str) -> ImageMapping:
    is_device = attachments.is_device(disk.device) or attachments.is_root(disk.device)
    if not is_device or disk.size_gib * GIB < disk.size_bytes:
        raise Unbootable(f"The object has a disk {disk.device[:40]!r} that no instance can have.")
    volumetypes.checked(
        volumetypes.Asked(
            type=disk.type or volumetypes.DEFAULT,
            size_gib=disk.size_gib,
            iops=disk.iops or None,
            throughput=disk.throughput or None,
        )
    )
    return ImageMapping(
        device=disk.device,
        snapshot_id=snapshot_id,
        size_gib=disk.size_gib,
        type=disk.type,
        iops=disk.iops,
        throughput=disk.throughput,
        delete_on_termination=disk.delete_on_termination,
    )


def _completed(
    call: WriteCall,
    what: tuple[ImageRecord, Header],
    mappings: tuple[ImageMapping, ...],
    root: DiskSeen,
) -> images.Image:
    image, header = what
    if header.architecture not in _ARCHITECTURES or header.boot_mode not in _BOOT_MODES:
        raise Unbootable("Guests of the image's architecture, or boot mode, do not run here.")
    is_named = image.doc.name != image.id
    if not is_named:
        names.check(call, header.name)
    if len(header.description) > DESCRIPTION_MAX or not header.description.isprintable():
        raise errors.InvalidParameterValue("The description of the stored image is too long.")
    stored = [{"Key": key, "Value": header.tags[key]} for key in header.tags if tagset.is_own(key)]
    kernel_id, ramdisk_id = importedimages.boot_files(call.tx, root.found)
    return replace(
        image.doc,
        name=image.doc.name if is_named else header.name,
        description=header.description,
        architecture=header.architecture,
        boot_mode=importedimages.boot_mode(header.boot_mode, root.found),
        platform="windows" if header.platform == "windows" else "",
        root_device=header.root_device,
        disk_gib=next(one.size_gib for one in mappings if one.device == header.root_device),
        mappings=mappings,
        kernel_id=kernel_id,
        ramdisk_id=ramdisk_id,
        is_root_file_system=kernel_id is not None,
        state=AVAILABLE,
        tags=tagset.checked(stored) | image.doc.tags,  # type: ignore[arg-type]
    )


def _describe(call: WriteCall, record: TaskRecord, snapshot_ids: Sequence[str]) -> None:
    """Say of the snapshots what they are of, and tag them as it was asked for."""
    for id in snapshot_ids:
        snapshot = call.tx.get(records.SNAPSHOT, id)
        assert snapshot is not None, "it was made in this transaction"
        words = f"Restored for {record.doc.image_id}"
        call.tx.write(snapshot, replace(snapshot.doc, description=words, tags=record.doc.tags))
