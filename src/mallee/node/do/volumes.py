"""Volumes' files on this host: made, measured, enlarged, deleted.

A volume is a directory of its own with one file in it: qcow2 with small pieces (see design 022), or
raw where several guests share it. The file exists whole or not at all: it is made under another
name and renamed. All calls block. Which guest has it, is not this file's business: QEMU locks it.

Invariant: directories are root's, files are QEMU's: a guest that broke out of its QEMU can write
its volume and put nothing beside it.
"""

import os
import shutil
import struct
from pathlib import Path

from mallee.kit import files, process
from mallee.model.layout import Layout
from mallee.node.do import disks

_FORM = "cluster_size=128k,extended_l2=on,lazy_refcounts=off"
_PART = "volume.part"
_QCOW2_MAGIC = b"QFI\xfb"
_SIZE_AT = 24
GIB = 1 << 30


def directory_of(layout: Layout, volume_id: str) -> Path:
    """The volume's directory."""
    return layout.volumes / volume_id


def path_of(layout: Layout, volume_id: str, *, is_shared: bool) -> Path:
    """The file that guests write."""
    return directory_of(layout, volume_id) / ("volume.raw" if is_shared else "volume.qcow2")


def make(path: Path, size_gib: int) -> None:
    """Make a blank volume, unless it is there. Raises `disks.DiskFull` and `process.Failed`."""
    if path.exists():
        return
    path.parent.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o711)
    disks.check_room(path.parent)
    aside = path.with_name(_PART)
    aside.unlink(missing_ok=True)
    if path.suffix == ".raw":
        with aside.open("xb") as file:
            file.truncate(size_gib * GIB)
            os.fsync(file.fileno())
    else:
        command = ("qemu-img", "create", "-q", "-f", "qcow2", "-o", _FORM)
        process.run((*command, str(aside), f"{size_gib}G"))
    aside.chmod(files.PRIVATE)
    disks.give_to_qemu(aside)
    os.rename(aside, path)
    files.sync_directory(path.parent)


def size_gib(path: Path) -> int | None:
    """Return how large a volume is to its guest; None when there is none."""
    try:
        with path.open("rb") as file:
            head = file.read(_SIZE_AT + 8)
    except FileNotFoundError:
        return None
    if path.suffix == ".raw":
        return path.stat().st_size // GIB
    if not head.startswith(_QCOW2_MAGIC) or len(head) < _SIZE_AT + 8:
        raise OSError(f"{path} is no qcow2 file")
    (size_bytes,) = struct.unpack_from(">Q", head, _SIZE_AT)
    return size_bytes // GIB


def enlarge(path: Path, wanted_gib: int) -> None:
    """Enlarge a volume that no guest has. Raises `process.Failed`, also when a guest has it."""
    form = "raw" if path.suffix == ".raw" else "qcow2"
    process.run(("qemu-img", "resize", "-q", "-f", form, str(path), f"{wanted_gib}G"))


def remove(layout: Layout, volume_id: str) -> None:
    """Delete all that is there of a volume."""
    directory = directory_of(layout, volume_id)
    if directory.exists():
        shutil.rmtree(directory)


def there(layout: Layout) -> frozenset[str]:
    """Return the ids of all volumes that have a directory."""
    if not layout.volumes.is_dir():
        return frozenset()
    return frozenset(path.name for path in layout.volumes.iterdir())
