"""Volumes' files on this host: made, measured, enlarged, deleted.

A volume is a directory of its own, with layers in it (`layers`), or one raw file where several
guests share it: qcow2 has one writer. All calls block. Which guest has it, is not this file's
business: QEMU locks what it writes.

Invariant: directories are root's, files are QEMU's: a guest that broke out of its QEMU can write
its volume and put nothing beside it.
"""

import os
import shutil
from pathlib import Path

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.do.storage import disks, grounds, layers
from mallee.node.nbd import contents

GIB = 1 << 30
_RAW = "shared.raw"
_PART = "shared.part"


def directory_of(layout: Layout, volume_id: str) -> Path:
    """The volume's directory."""
    return layout.volumes / volume_id


def path_of(layout: Layout, volume_id: str, *, is_shared: bool) -> Path:
    """The file that a guest writes which is given the volume now, made or not."""
    directory = directory_of(layout, volume_id)
    if is_shared:
        return directory / _RAW
    return layers.path_of(directory, layers.face(directory) or 1)


def shared_path(directory: Path) -> Path:
    """The file of a volume that several guests may write, made or not."""
    return directory / _RAW


def make(layout: Layout, wanted: VolumeWanted, key: OpenedKey | None = None) -> None:
    """Make a volume, whole or not at all, unless it is there: blank, or over another's layer, an
    image's file, or what the block server gives.

    Raises `disks.DiskFull`, `process.Failed`, and `FileNotFoundError` when there is no such layer.
    """
    directory = directory_of(layout, wanted.id)
    if wanted.is_shared:
        _make_raw(directory, wanted.size_gib * GIB)
    elif layers.face(directory) is None:
        _make_directory(directory)
        below, form = ground_of(layout, wanted, directory)
        layers.make(directory, 1, layers.Empty(wanted.size_gib * GIB, below, key, form))


def ground_of(layout: Layout, wanted: VolumeWanted, directory: Path) -> tuple[str, str]:
    """Return what the lowest layer of a volume lies on here, and its form; nothing: on nothing.

    `directory` is where the volume's layers are. Raises `FileNotFoundError` when it is not there.
    """
    if wanted.content is not None:
        # It is noted before anything lies on it, or nobody would serve it.
        contents.note(directory, wanted.content)
        return grounds.url_of(layout, wanted.id), "raw"
    below, form = blob_path(layout, wanted), wanted.blob.format if wanted.blob else ""
    if wanted.source is not None:
        under = directory_of(layout, wanted.source.volume_id)
        below, form = layers.path_of(under, wanted.source.number), "qcow2"
    if below is not None and not below.exists():
        raise FileNotFoundError(f"{below} is missing: the volume {wanted.id} lies on it")
    return str(below) if below else "", form


def blob_path(layout: Layout, wanted: VolumeWanted) -> Path | None:
    """Return where the image's file is, or will be, on which a volume lies; None: on none."""
    return None if wanted.blob is None else layout.node_images / wanted.blob.sha256


def _make_raw(directory: Path, size_bytes: int) -> None:
    path = directory / _RAW
    if path.exists():
        return
    _make_directory(directory)
    disks.check_room(directory)
    aside = directory / _PART
    aside.unlink(missing_ok=True)
    with aside.open("xb") as file:
        file.truncate(size_bytes)
        os.fsync(file.fileno())
    aside.chmod(files.PRIVATE)
    disks.give_to_qemu(aside)
    os.rename(aside, path)
    files.sync_directory(directory)


def make_directory(layout: Layout, volume_id: str) -> Path:
    """Make a volume's directory, with nothing in it yet; return it."""
    directory = directory_of(layout, volume_id)
    _make_directory(directory)
    return directory


def _make_directory(directory: Path) -> None:
    directory.parent.mkdir(exist_ok=True, mode=0o711)
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)


def size_gib(layout: Layout, volume_id: str, *, is_shared: bool) -> int | None:
    """Return how large a volume is to its guest; None when there is none. Raises `OSError`."""
    directory = directory_of(layout, volume_id)
    if is_shared:
        path = directory / _RAW
        return path.stat().st_size // GIB if path.exists() else None
    face = layers.face(directory)
    return None if face is None else layers.read(directory, face).size_bytes // GIB


def enlarge(path: Path, wanted_gib: int, key: OpenedKey | None = None) -> None:
    """Enlarge a volume that no guest has. Raises `process.Failed`, also when a guest has it."""
    if path.name == _RAW:
        os.truncate(path, wanted_gib * GIB)
    else:
        layers.enlarge(path, wanted_gib * GIB, key)


def remove(layout: Layout, volume_id: str) -> None:
    """Delete all that is there of a volume."""
    directory = directory_of(layout, volume_id)
    if directory.exists():
        shutil.rmtree(directory)


def there(layout: Layout) -> frozenset[str]:
    """Return the ids of all volumes that have a directory."""
    if not layout.volumes.is_dir():
        return frozenset()
    return frozenset(
        path.name for path in layout.volumes.iterdir() if not path.name.startswith(".")
    )
