"""Images of bundles, when a host has taken these in: available, or failed with words.

Called by `transfers`. A manifest says what it is of and which kernel it wants; a root file system
without any gets the cloud's own (`importedimages`).
"""

from msgspec.structs import replace

from mallee.cloud.ec2.images import sharing
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.reconcile.images import importedimages
from mallee.cloud.reconcile.images.importedimages import Unbootable
from mallee.cloud.state import records, store
from mallee.model import ids
from mallee.model.images.images import Image
from mallee.model.storage.transfers import DiskSeen

AVAILABLE, FAILED, PENDING = "available", "failed", "pending"
GIB = 1 << 30


def settle(tx: store.Tx, record: TaskRecord, disk: DiskSeen) -> str:
    """Complete the image of a task; return why it failed, empty if it did not."""
    image = tx.get(records.IMAGE, record.doc.image_id)
    if image is None or image.doc.state != PENDING:
        return "the image was deregistered meanwhile"
    try:
        tx.write(image, _completed(tx, image.doc, (record.account, disk)))
    except Unbootable as error:
        fail(tx, record, str(error))
        return str(error)
    return ""


def fail(tx: store.Tx, record: TaskRecord, words: str) -> None:
    """Say of a task's image why there is none, unless it was deregistered meanwhile."""
    image = tx.get(records.IMAGE, record.doc.image_id)
    if image is not None and image.doc.state == PENDING:
        tx.write(image, replace(image.doc, state=FAILED, state_reason=words))


def _completed(tx: store.Tx, image: Image, what: tuple[str, DiskSeen]) -> Image:
    account, disk = what
    if disk.format != image.kind:
        raise Unbootable(
            f"The manifest is of a {disk.format}, and its name of a {image.kind}: name it after "
            "what it is (vmlinuz…, initrd…, or neither for a machine), and register it again."
        )
    done = replace(image, blob=disk.blob, state=AVAILABLE)
    if image.kind != "machine":
        return done
    found = disk.found
    is_lone = found is not None and found.is_root_file_system
    kernel_id = image.kernel_id or _usable(tx, account, disk.told.get("kernel_id", ""), "kernel")
    ramdisk_id = image.ramdisk_id or _usable(
        tx, account, disk.told.get("ramdisk_id", ""), "ramdisk"
    )
    if kernel_id is None and (found is None or not found.boot_mode):
        kernel_id, ramdisk_id = importedimages.boot_files(tx, found)
    return replace(
        done,
        disk_gib=max(1, -(-disk.size_bytes // GIB)),
        is_root_file_system=is_lone,
        boot_mode=found.boot_mode if found is not None else "",
        kernel_id=kernel_id,
        ramdisk_id=ramdisk_id,
    )


def _usable(tx: store.Tx, account: str, id: str, kind: str) -> str | None:
    """Return the kernel or ramdisk that a manifest names. Raises `Unbootable` without it."""
    if not id:
        return None
    named = tx.get(records.IMAGE, ids.normalise(id))
    if named is None or named.doc.kind != kind or not sharing.may_use(named, account):
        raise Unbootable(
            f"The manifest wants the {kind} {id}, which is not there: name one with "
            f"--{kind}-id, or register that first."
        )
    return named.id
