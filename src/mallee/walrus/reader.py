"""Reading: what the index says now, and bytes that are what was stored.

Every thread has a connection of its own. Bytes are verified before they are given out: a small
blob whole, a large one block by block, which brings them into the page cache, from where the
kernel can then send them without another copy. Called by the protocol's side. Not its business:
what the protocol makes of it.
"""

import os
import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from mallee.walrus import crc, index, listing, looks, notes
from mallee.walrus.contents import BLOCK, Means
from mallee.walrus.disk import Disk
from mallee.walrus.errors import Corrupt, Gone, Unreachable
from mallee.walrus.pages import Page, Question, UploadPage, VersionPage
from mallee.walrus.records import (
    Blob,
    Note,
    Part,
    Queue,
    Upload,
    UploadPart,
    Usage,
    Version,
)
from mallee.walrus.seam import Piece


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of one blob that are next in a read; opened, and not verified yet."""

    blob: Blob
    descriptor: int
    start: int
    """Of the first byte in the blob."""
    end: int

    @property
    def file_offset(self) -> int:
        """Where the first byte lies in the open file."""
        return self.blob.offset + self.start


class Reader:
    """Looks for one engine. Threads may share it."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._gate = threading.Lock()

    @property
    def _connection(self) -> sqlite3.Connection:
        mine: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if mine is None:
            mine = self._local.connection = index.connect(self._means.places.index, reads_only=True)
            with self._gate:
                self._all.append(mine)
        return mine

    def current(self, bucket: int, key: bytes) -> Version | None:
        """Return the newest version of a key, which may be a marker."""
        return looks.current(self._connection, bucket, key)

    def version(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Return one version of a key."""
        return looks.version(self._connection, bucket, key, id)

    def usage(self, bucket: int) -> Usage:
        """Return what a bucket holds."""
        return looks.usage(self._connection, bucket)

    def usage_of(self, account: str, maker: str | None = None) -> Usage:
        """Return what all buckets of an account hold, or those among them that somebody made."""
        return looks.usage_of(self._connection, account, maker)

    def marked(self, bucket: int, name: str) -> bytes | None:
        """Return what was last marked under a name."""
        return looks.marked(self._connection, bucket, name)

    def notes(self, target: str, limit: int) -> list[Note]:
        """Return the notes that have waited longest for a target."""
        return notes.read(self._connection, target, limit)

    def queues(self) -> list[Queue]:
        """Return how many notes wait for whom, and how many were lost."""
        return notes.queues(self._connection)

    def is_closed(self, bucket: int) -> bool:
        """Tell whether a bucket takes nothing any more."""
        return looks.is_closed(self._connection, bucket)

    def upload(self, bucket: int, key: bytes, id: str) -> Upload | None:
        """Return an upload under way."""
        return looks.upload(self._connection, bucket, key, id)

    def upload_parts(self, id: str, after: int = 0, limit: int = -1) -> list[UploadPart]:
        """Return parts of an upload by number, so many at most (-1: all)."""
        return looks.upload_parts(self._connection, id, after, limit)

    def list_objects(self, bucket: int, question: Question) -> Page[Version]:
        """Return a page of the bucket's current objects."""
        return listing.objects(self._connection, bucket, question)

    def list_versions(self, bucket: int, question: Question) -> VersionPage:
        """Return a page of all versions."""
        return listing.versions(self._connection, bucket, question)

    def list_uploads(self, bucket: int, question: Question) -> UploadPage:
        """Return a page of the uploads under way."""
        return listing.uploads(self._connection, bucket, question)

    def pieces(self, parts: Sequence[Part], start: int, end: int) -> Generator[Piece]:
        """Yield the bytes from `start` up to `end` of parts in a row, verified.

        Each piece holds until the next is asked for. Raises `Gone` when a blob is not there any
        more: then the object has changed since it was looked up; and `Corrupt`.
        """
        for stretch in self.stretches(parts, start, end):
            base = stretch.blob.offset
            for first, last in verified(self._means.disk, stretch):
                yield Piece(stretch.descriptor, base + first, base + last)

    def read(self, parts: Sequence[Part], start: int, end: int) -> bytes:
        """Return few bytes, verified. Raises `Gone` and `Corrupt`."""
        found = self.stretches(parts, start, end)
        return b"".join(_read(self._means.disk, stretch) for stretch in found)

    def at_hand(self, parts: Sequence[Part], start: int, end: int) -> bytes | None:
        """Return few bytes that are in memory, verified; None: a thread must read them.

        Never waits for the disk, save for the index. Raises `Gone` and `Corrupt`.
        """
        if len(parts) == 1 and start < end:
            return self._at_hand(parts[0], start, end)
        found: list[bytes] = []
        for stretch in self.stretches(parts, start, end):
            data = _at_hand(self._means.disk, stretch)
            if data is None:
                return None
            found.append(data)
        return b"".join(found)

    def _at_hand(self, part: Part, start: int, end: int) -> bytes | None:
        """Return what most small objects are: bytes of one blob."""
        blob, descriptor = self._open(part.blob)
        try:
            return _at_hand(self._means.disk, Stretch(blob, descriptor, start, min(end, part.size)))
        finally:
            self._means.disk.close(descriptor)

    def stretches(self, parts: Sequence[Part], start: int, end: int) -> Iterator[Stretch]:
        """Yield the stretches that hold the bytes from `start` up to `end` of parts in a row.

        Each is open until the next is asked for. Raises `Gone` when a blob is not there any more:
        then the object has changed since it was looked up.
        """
        position = 0
        for part in parts:
            first, last = max(start - position, 0), min(end - position, part.size)
            position += part.size
            if first < last:
                yield from self._stretch(part, first, last)
            if position >= end:
                return

    def _stretch(self, part: Part, first: int, last: int) -> Iterator[Stretch]:
        blob, descriptor = self._open(part.blob)
        try:
            yield Stretch(blob, descriptor, first, last)
        finally:
            self._means.disk.close(descriptor)

    def _open(self, id: int) -> tuple[Blob, int]:
        """Open the file that a blob lies in; it may move between the look and the opening."""
        places, disk = self._means.places, self._means.disk
        seen: Blob | None = None
        while True:
            blob = looks.blob(self._connection, id)
            if blob is None:
                raise Gone(id)
            try:
                return blob, disk.open(places.lies_at(id, blob.pack))
            except FileNotFoundError as error:
                if blob == seen:
                    raise Corrupt(id, "has lost its file") from error
                seen = blob

    def close(self) -> None:
        """Close every thread's connection."""
        with self._gate:
            for connection in self._all:
                connection.close()
            self._all.clear()


def verified(disk: Disk, stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Yield (start, end) in the blob, piece by piece, each after its bytes were found to be right.

    Raises `Corrupt` before the first piece that is not, or that cannot be read.
    """
    blob = stretch.blob
    if not blob.blocks:
        if _crc(disk, stretch, 0, blob.size) != blob.crc:
            raise Corrupt(blob.id, "is not what was stored")
        yield stretch.start, stretch.end
        return
    for number in range(stretch.start // BLOCK, -(-stretch.end // BLOCK)):
        first = number * BLOCK
        last = min(first + BLOCK, blob.size)
        wanted = blob.blocks[number * crc.BYTES :][: crc.BYTES]
        if _crc(disk, stretch, first, last - first) != int.from_bytes(wanted, "big"):
            raise Corrupt(blob.id, f"is not what was stored, from byte {first} on")
        yield max(first, stretch.start), min(last, stretch.end)


def _read(disk: Disk, stretch: Stretch) -> bytes:
    """Return a small stretch's bytes, verified."""
    blob = stretch.blob
    if blob.blocks:
        pieces = verified(disk, stretch)
        return b"".join(os.pread(stretch.descriptor, end - start, start) for start, end in pieces)
    data = bytearray(blob.size)
    got = _fill(disk, stretch, memoryview(data), 0)
    if got != blob.size or crc.crc64(data) != blob.crc:
        raise Corrupt(blob.id, "is not what was stored")
    return bytes(memoryview(data)[stretch.start : stretch.end])


def _at_hand(disk: Disk, stretch: Stretch) -> bytes | None:
    """Return a small stretch's bytes, verified, if they are in memory."""
    blob = stretch.blob
    if blob.blocks:
        return None
    data = bytearray(blob.size)
    if not disk.read_at_hand(stretch.descriptor, memoryview(data), blob.offset):
        return None
    if crc.crc64(data) != blob.crc:
        raise Corrupt(blob.id, "is not what was stored")
    if stretch.start == 0 and stretch.end == blob.size:
        return bytes(data)
    return bytes(memoryview(data)[stretch.start : stretch.end])


def _crc(disk: Disk, stretch: Stretch, start: int, size: int) -> int:
    """Return the CRC64NVME of bytes of a blob; if its file is too short, of what is there."""
    with memoryview(_buffers.of_this_thread())[:size] as whole:
        return crc.crc64(whole[: _fill(disk, stretch, whole, start)])


def _fill(disk: Disk, stretch: Stretch, buffer: memoryview, start: int) -> int:
    """Read bytes of a blob, from `start` in it on, until the buffer is full or the file over.

    Read, not mapped: a disk that fails then is an error, and not a signal.
    """
    filled = 0
    while filled < len(buffer):
        at = stretch.blob.offset + start + filled
        try:
            got = disk.read_into(stretch.descriptor, buffer[filled:], at)
        except Unreachable:
            raise
        except OSError as error:
            raise Corrupt(stretch.blob.id, f"cannot be read: {error.strerror}") from error
        if got == 0:
            break
        filled += got
    return filled


class _Buffers(threading.local):
    """A block of memory for each thread that verifies."""

    def __init__(self) -> None:
        self._buffer = bytearray(BLOCK)

    def of_this_thread(self) -> bytearray:
        return self._buffer


_buffers = _Buffers()
