"""Images of imported disks: what can be booted of them, and how, is told by what is on them.

Called by `transfers` when the disks are there. A disk with partitions needs a boot loader; a lone
root file system gets the cloud's kernel. What cannot be booted here is refused in words, and no
image is made of it.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.images.images import ROOT_DEVICE, Image, ImageMapping
from mallee.model.storage.partitions import Found

UEFI, BIOS = "uefi", "legacy-bios"
_AVAILABLE = "available"

Entropy = Callable[[int], bytes]


class Unbootable(Exception):
    """No image can be made of it; the message says why, and what to do."""


def register(
    tx: store.Tx, record: TaskRecord, snapshot_ids: tuple[str, ...], entropy: Entropy
) -> str:
    """Write the image of a task down; return its id. Raises `Unbootable`."""
    doc, id = record.doc, ids.make("ami", entropy(ids.ID_BYTES))
    seen = record.seen.disks if record.seen else ()
    found = seen[0].found if seen else None
    kernel, ramdisk = boot_files(tx, found)
    mappings = _mappings(tx, record, snapshot_ids)
    image = Image(
        id=id,
        name=record.id,
        description=doc.description,
        kind="machine",
        location=f"{record.account}/{record.id}",
        architecture=doc.said.get("Architecture", "x86_64"),
        disk_gib=mappings[0].size_gib,
        mappings=mappings,
        root_device=mappings[0].device,
        boot_mode=boot_mode(doc.said.get("BootMode", ""), found),
        platform="windows" if doc.said.get("Platform") == "Windows" else "",
        is_root_file_system=bool(kernel),
        kernel_id=kernel,
        ramdisk_id=ramdisk,
        created_at=tx.now,
        made_by=doc.made_by,
    )
    tx.insert(records.IMAGE, record.account, id, image)
    return id


def _mappings(
    tx: store.Tx, record: TaskRecord, snapshot_ids: tuple[str, ...]
) -> tuple[ImageMapping, ...]:
    disks = record.doc.disks
    made: list[ImageMapping] = []
    for index, snapshot_id in enumerate(snapshot_ids):
        said = disks[index].device if index < len(disks) else ""
        device = said or (f"/dev/sd{chr(ord('a') + index)}" if index else ROOT_DEVICE)
        snapshot = tx.get(records.SNAPSHOT, snapshot_id)
        if snapshot is None or snapshot.doc.binned is not None:
            raise Unbootable(f"The snapshot {snapshot_id} is not there any more.")
        size_gib = snapshot.doc.size_gib
        mapping = ImageMapping(device=device, snapshot_id=snapshot_id, size_gib=size_gib)
        made.append(replace(mapping, encrypted=snapshot.doc.key is not None))
    return tuple(made)


def boot_mode(said: str, found: Found | None) -> str:
    """Return how it boots. Raises `Unbootable` for what no guest here can do."""
    able = found.boot_mode if found is not None else ""
    if (said or able) == UEFI:
        raise Unbootable(
            "The disk boots by UEFI alone, and guests here have a BIOS: install a boot loader for "
            "it on the disk (`grub-install --target=i386-pc`), and import it again."
        )
    return said or able


def boot_files(tx: store.Tx, found: Found | None) -> tuple[str | None, str | None]:
    """Return kernel and ramdisk that a disk needs, if it does. Raises `Unbootable`."""
    if found is None or found.boot_mode:
        return None, None
    if found.is_root_file_system:
        kernel = _own(tx, "kernel")
        if kernel is None:
            raise Unbootable(
                "The disk is a lone root file system without a boot loader, and this cloud has no "
                "kernel for such: have one registered (a public AKI), or import a whole disk."
            )
        ramdisk = _own(tx, "ramdisk")
        return kernel.id, ramdisk.id if ramdisk else None
    if found.table:
        kinds = ", ".join(one.kind for one in found.file_systems) or "none that is known"
        raise Unbootable(
            f"The disk has partitions (file systems: {kinds}), but no boot loader in its first "
            "sector and no EFI system partition: nothing would start."
        )
    raise Unbootable(
        "There are neither partitions nor a file system on the disk: nothing would start. Is the "
        "file encrypted, or packed? To have its bytes as a volume, use ImportSnapshot."
    )


def _own(tx: store.Tx, kind: str) -> Record[Image, None] | None:
    """Return the newest kernel or ramdisk that the cloud offers to all."""
    offered = [
        one
        for one in tx.list(records.IMAGE)
        if one.doc.kind == kind and one.doc.is_public and one.doc.state == _AVAILABLE
    ]
    return max(offered, key=lambda one: (one.doc.created_at, one.id)) if offered else None
