"""Bytes on their way in: small ones wait in memory for a pack, large ones are written to a file.

A *content* is complete and, if it is large, already durable, but nobody refers to it yet: only a
commit makes a blob of it. Called by the protocol's side, from any thread, one per receiver. Not
its business: packs (`packs`), and what is done with the content (`committer`).
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass

from mallee.walrus import crc
from mallee.walrus.disk import Disk
from mallee.walrus.errors import NoSpace
from mallee.walrus.places import Names, Places
from mallee.walrus.records import Content
from mallee.walrus.seam import SMALL_MAX
from mallee.walrus.terms import OPEN, Fence

BLOCK = 1 << 20
"""Bytes of a file that are verified together."""
SYNC_EVERY = 4 << 20
"""Bytes after which the disk begins to write, while more arrive."""
RESERVE_BYTES = 64 << 20
"""What is left free for the index, so that a full store can still delete."""


@dataclass(frozen=True, slots=True)
class Means:
    """What receiving takes."""

    places: Places
    disk: Disk
    names: Names
    fence: Fence = OPEN


def check_room(means: Means, size: int) -> None:
    """Raise `NoSpace` when so many bytes would not leave the reserve."""
    free = means.disk.free_bytes(means.places.root)
    if size + RESERVE_BYTES > free:
        raise NoSpace(f"{size} bytes do not fit: {free} are free, of which {RESERVE_BYTES} stay so")


class Receiver:
    """Takes the bytes of one content in order. Call `finish` or `abandon` in the end."""

    __slots__ = (
        "_blocks",
        "_crc",
        "_descriptor",
        "_filled",
        "_id",
        "_means",
        "_pieces",
        "_size",
        "_told",
    )

    def __init__(self, means: Means) -> None:
        self._means = means
        self._id = means.names.next()
        self._size = 0
        self._crc = 0
        self._pieces: list[bytes | memoryview] = []
        self._descriptor: int | None = None
        self._blocks = bytearray()
        self._filled = 0
        """The CRC of the block that is not full yet."""
        self._told = 0
        """Bytes that the disk was told to begin with."""

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._size

    def write(self, data: bytes | memoryview) -> None:
        """Take some bytes; may write to the disk. Raises `NoSpace`."""
        if self._descriptor is None and self._size + len(data) <= SMALL_MAX:
            self._pieces.append(data)
            self._crc = crc.crc64(data, self._crc)
            self._size += len(data)
            return
        if self._descriptor is None:
            self._begin_file()
        self._append(memoryview(data))

    def finish(self) -> Content:
        """Return the content, durable if it is large. Raises `NoSpace`; then nothing is left."""
        if self._descriptor is None:
            return Content(self._id, self._size, self._crc, b"".join(self._pieces))
        if self._size % BLOCK:
            self._end_block()
        descriptor, self._descriptor = self._descriptor, None
        with ExitStack() as undo:
            undo.callback(self._remove)
            self._name_file(descriptor)
            undo.pop_all()
        return Content(self._id, self._size, self._crc, None, bytes(self._blocks))

    def abandon(self) -> None:
        """Forget everything; after `finish`: nothing."""
        self._pieces.clear()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._remove()

    def _remove(self) -> None:
        disk, places = self._means.disk, self._means.places
        disk.unlink(places.arriving(self._id))
        disk.unlink(places.file(self._id))

    def _begin_file(self) -> None:
        pieces, self._pieces = self._pieces, []
        self._descriptor = self._means.disk.create(self._means.places.arriving(self._id))
        self._size = self._crc = 0
        for piece in pieces:
            self._append(memoryview(piece))

    def _append(self, data: memoryview) -> None:
        assert self._descriptor is not None
        disk = self._means.disk
        disk.write(self._descriptor, (data,), self._size)
        self._crc = crc.crc64(data, self._crc)
        while data:
            part = data[: BLOCK - self._size % BLOCK]
            self._filled = crc.crc64(part, self._filled)
            self._size += len(part)
            data = data[len(part) :]
            if self._size % BLOCK == 0:
                self._end_block()
        if self._size - self._told >= SYNC_EVERY:
            disk.begin_sync(self._descriptor, self._told, self._size - self._told)
            self._told = self._size

    def _end_block(self) -> None:
        self._blocks += self._filled.to_bytes(crc.BYTES, "big")
        self._filled = 0

    def _name_file(self, descriptor: int) -> None:
        """Make the file durable under its final name: content first, then the name."""
        disk, places = self._means.disk, self._means.places
        try:
            disk.sync(descriptor)
        finally:
            os.close(descriptor)
        path = places.file(self._id)
        disk.make_directory(path.parent)
        disk.rename(places.arriving(self._id), path)
        disk.sync_directory(path.parent)


def discard(means: Means, content: Content) -> None:
    """Remove a content that nobody will ever refer to."""
    if content.data is None:
        means.disk.unlink(means.places.file(content.id))
