"""What of the image cache is needed on this host, and what is there. All calls block.

An image is needed while a disk lies on it: whose does not matter, nor whether the cloud knows the
disk. So the disks themselves are asked, by their own heads. Called by `imagekeeper`.

Invariant: a disk may be the doing of a guest that broke out of its QEMU; of its head only a file's
name is believed, and only that it is in the cache.
"""

import hashlib
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

from mallee.model.layout import Layout
from mallee.node.do.storage import images
from mallee.node.plan.storage.eviction import Room, Unneeded

_HEAD = struct.Struct(">4sIQI")
"""Magic, version, where the backing file's name is and how long it is."""
_NAME_MAX_BYTES = 1023
_BLOCK_BYTES = 512


def lain_on(layout: Layout) -> set[str]:
    """Return the names of the images on which disks of this host lie. Raises `OSError`."""
    found: set[str] = set()
    if layout.placed is not None and not layout.volumes.is_dir():
        raise OSError(f"{layout.volumes} is not there: which images its volumes need is not known")
    for directory in (layout.instances, layout.lost, layout.volumes):
        for path in directory.glob("*/*"):
            if path.suffix in (".qcow2", ".part") and path.is_file():
                below = _below(path)
                if below is not None and below.parent == layout.node_images:
                    found.add(below.name)
    return found


def _below(path: Path) -> Path | None:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size or not head.startswith(images.QCOW2_MAGIC):
                return None
            _, _, name_at, name_bytes = _HEAD.unpack(head)
            if not name_at or name_bytes > _NAME_MAX_BYTES:
                return None
            file.seek(name_at)
            return Path(os.fsdecode(file.read(name_bytes)))
    except FileNotFoundError:
        return None


def cached(layout: Layout) -> Iterator[Unneeded]:
    """Yield all images of the cache that are whole, as if nobody needed them."""
    if not layout.node_images.is_dir():
        return
    for path in sorted(layout.node_images.iterdir()):
        if not path.suffix:
            seen = path.stat()
            yield Unneeded(path.name, seen.st_blocks * _BLOCK_BYTES, seen.st_mtime)


def note_use(layout: Layout, name: str, now: float) -> None:
    """Remember that an image was needed at that time."""
    path = layout.node_images / name
    if path.exists():
        os.utime(path, (now, now))


def remove(layout: Layout, name: str) -> None:
    """Remove an image from the cache; a launch that needs it fetches it again."""
    (layout.node_images / name).unlink(missing_ok=True)


def room(layout: Layout) -> Room:
    """Return what the file system of the cache has."""
    usage = shutil.disk_usage(layout.node_images)
    return Room(usage.total, usage.free)


class Verification:
    """An image that is read through, a stretch at a time."""

    STRETCH_BYTES = 32 << 20

    def __init__(self, layout: Layout, name: str) -> None:
        self.name = name
        self._path = layout.node_images / name
        self._digest = hashlib.sha256()
        self._at = 0

    def go_on(self) -> bool | None:
        """Read the next stretch; tell at the end whether the image is what its name says.

        Raises `OSError`: the disk does not give it, or it is gone.
        """
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read(self.STRETCH_BYTES)
        self._digest.update(data)
        self._at += len(data)
        return None if data else self._digest.hexdigest() == self.name
