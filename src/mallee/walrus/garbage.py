"""Garbage: bytes that nobody refers to any more, found and given back.

A large blob's file is removed after the commit that took the last reference to it. A pack that is
half empty is *compacted*: what lives in it is copied to the pack in use, and its file removed.
What a killed writer left unfinished is swept at the next opening. Each step may be done twice, and
a kill between any two loses nothing but the room until the next time. Called by `engine` in a
thread of its own, and by tools. Not its business: what is referred to (`tx`).
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import logs
from mallee.walrus import index, looks, packs, places
from mallee.walrus.committer import Committer
from mallee.walrus.contents import Means
from mallee.walrus.records import Blob, Content
from mallee.walrus.tx import Tx

_log = logs.get(__name__)

FILES_AT_ONCE = 500
COMPACT_BELOW = 0.5
"""The part of a sealed pack that must still be referred to."""
COPY_AT_ONCE_BYTES = 1 << 20
PAUSE = 4.0
"""For so many times what a copy took, compacting leaves the disk to those who ask for something."""


class Thinned:
    """Packs from which something was let go of since they were looked at; 0 stands for files."""

    def __init__(self) -> None:
        self._packs: set[int] = set()
        self._gate = threading.Condition()
        self._is_woken = False

    def add(self, packs: AbstractSet[int]) -> None:
        """Say that there is less in them now; any thread may."""
        with self._gate:
            self._packs |= packs
            self._is_woken |= 0 in packs
            if self._is_woken:
                self._gate.notify()

    def wake(self) -> None:
        """End the waiting."""
        with self._gate:
            self._is_woken = True
            self._gate.notify()

    def wait(self, timeout_s: float) -> set[int]:
        """Wait until there is a file to remove, or so long; return the packs, and forget them."""
        with self._gate:
            self._gate.wait_for(lambda: self._is_woken, timeout_s)
            self._is_woken = False
            packs, self._packs = self._packs, set()
        return packs


def _never_pause(_seconds: float) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Collector:
    """What collecting takes. Of all collectors of a store one works at a time."""

    means: Means
    committer: Committer
    connection: sqlite3.Connection
    """One that only reads."""
    pause: Callable[[float], bool] = _never_pause
    """Waits so long; tells whether to stop."""

    def collect(self) -> int:
        """Remove the files that nobody refers to; return how many there were."""
        count = 0
        while self._waits():
            with places.alone(self.means.places.collecting):
                files = self.connection.execute(
                    "SELECT file, is_pack FROM garbage LIMIT ?", (FILES_AT_ONCE,)
                ).fetchall()
                self._remove(files)
            count += len(files)
        return count

    def _waits(self) -> bool:
        return self.connection.execute("SELECT 1 FROM garbage LIMIT 1").fetchone() is not None

    def _remove(self, files: Sequence[tuple[int, int]]) -> None:
        disk, where = self.means.disk, self.means.places
        # Rows of a commit that does not count are no leave to remove anything.
        self.means.fence.check()
        paths = [where.pack(file) if is_pack else where.file(file) for file, is_pack in files]
        for path in paths:
            disk.unlink(path)
        for folder in {path.parent for path in paths if path.parent.is_dir()}:
            disk.sync_directory(folder)

        def forget(tx: Tx, _: Sequence[Blob]) -> None:
            tx.connection.executemany(
                "DELETE FROM garbage WHERE file = ?", [(file,) for file, _ in files]
            )

        self.committer.submit(forget).result()

    def compact(self, thinned: Iterable[int] | None) -> int:
        """Empty those sealed packs in which little is left (None: of all); return how many."""
        count = 0
        for pack in self._sealed() if thinned is None else thinned:
            with places.alone(self.means.places.collecting):
                if not self._is_sparse(pack):
                    continue
                try:
                    if not self._empty(pack):
                        break
                except OSError as error:
                    # Lost, or not to be read: what it holds is told by whoever reads it.
                    _log.error("a pack cannot be compacted", pack=pack, error=str(error))
                    continue
                count += 1
        return count

    def _sealed(self) -> list[int]:
        found = self.connection.execute("SELECT id FROM pack WHERE is_sealed").fetchall()
        return [pack for (pack,) in found]

    def _is_sparse(self, pack: int) -> bool:
        found = self.connection.execute(
            "SELECT 1 FROM pack WHERE id = ? AND is_sealed AND bytes * ? > "
            "coalesce((SELECT sum(size + ?) FROM blob WHERE blob.pack = pack.id AND pack <> 0), 0)",
            (pack, COMPACT_BELOW, packs.HEAD_BYTES),
        )
        return found.fetchone() is not None

    def _empty(self, pack: int) -> bool:
        """Copy what lives in a pack elsewhere, then give the pack up; tell whether it is done."""
        descriptor = self.means.disk.open(self.means.places.pack(pack))
        try:
            while blobs := self._next_blobs(pack):
                began = time.monotonic()
                self._copy(descriptor, blobs)
                if self.pause((time.monotonic() - began) * PAUSE):
                    return False
        finally:
            self.means.disk.close(descriptor)

        def give_up(tx: Tx, _: Sequence[Blob]) -> None:
            left = tx.connection.execute(
                "SELECT 1 FROM blob WHERE pack = ? AND pack <> 0 LIMIT 1", (pack,)
            ).fetchone()
            if left is None:
                tx.connection.execute("DELETE FROM pack WHERE id = ?", (pack,))
                tx.connection.execute(
                    "INSERT OR IGNORE INTO garbage (file, is_pack) VALUES (?, 1)", (pack,)
                )

        self.committer.submit(give_up).result()
        return True

    def _next_blobs(self, pack: int) -> list[Blob]:
        found = self.connection.execute(
            "SELECT id, size, crc, pack, offset, blocks FROM blob "
            "WHERE pack = ? AND pack <> 0 ORDER BY offset",
            (pack,),
        )
        blobs: list[Blob] = []
        size = 0
        for row in found:
            blobs.append(looks.blob_of(row))
            size += blobs[-1].size
            if size >= COPY_AT_ONCE_BYTES:
                break
        return blobs

    def _copy(self, descriptor: int, blobs: Sequence[Blob]) -> None:
        """Write blobs into the pack in use, as they are: a damaged one stays known as damaged."""
        copies = [
            Content(blob.id, blob.size, blob.crc, self._bytes(descriptor, blob)) for blob in blobs
        ]

        def move(tx: Tx, moved: Sequence[Blob]) -> None:
            for blob in moved:
                tx.move(blob)

        self.committer.submit(move, copies).result()

    def _bytes(self, descriptor: int, blob: Blob) -> bytes:
        """Return a blob's bytes; of a pack that was cut off, so many, lest others be misplaced."""
        data = bytearray(blob.size)
        self.means.disk.read_into(descriptor, memoryview(data), blob.offset)
        return bytes(data)

    def put_away(self) -> None:
        """Bring the packs that are sealed to where they are kept."""
        for pack in self._sealed():
            if self.pause(0):
                return
            with places.alone(self.means.places.collecting):
                self.means.disk.put_away(self.means.places.pack(pack))


def sweep(means: Means, connection: sqlite3.Connection, own: int) -> int:
    """Remove what killed writers left unfinished; return the number of files.

    Only ids of dead writers before this one are looked at: what lives may be about to be committed.
    The connection is one that writes, with no transaction open.
    """
    dead = set(places.dead_writers(means.places, own))
    if not dead:
        return 0
    left = [*_arriving(means, dead), *_files(means, connection, dead)]
    left += _packs(means, connection, dead)
    means.fence.check()
    for path in left:
        means.disk.unlink(path)
    for folder in {path.parent for path in left if path.parent.is_dir()}:
        means.disk.sync_directory(folder)
    # Only now are they forgotten: what is back after a power cut is still theirs.
    for writer in dead:
        means.disk.unlink(means.places.writers / str(writer))
    return len(left)


def _arriving(means: Means, dead: set[int]) -> Iterator[Path]:
    for id, path in places.named(means.places.incoming):
        if places.writer_of(id) in dead:
            yield path


def _files(means: Means, connection: sqlite3.Connection, dead: set[int]) -> Iterator[Path]:
    for id in means.disk.ids(means.places.files):
        if places.writer_of(id) in dead and looks.blob(connection, id) is None:
            yield means.places.file(id)


def _packs(means: Means, connection: sqlite3.Connection, dead: set[int]) -> Iterator[Path]:
    """Seal the packs of the dead; yield those in which nothing was ever committed."""
    for pack, path in places.named(means.places.packs):
        if places.writer_of(pack) not in dead:
            continue
        known = connection.execute("SELECT 1 FROM pack WHERE id = ?", (pack,)).fetchone()
        if known is None:
            yield path
        else:
            connection.execute(
                "UPDATE pack SET is_sealed = 1, bytes = ? WHERE id = ?",
                (path.stat().st_size, pack),
            )


def reader_connection(means: Means) -> sqlite3.Connection:
    """Return a connection for a collector."""
    return index.connect(means.places.index, reads_only=True)
