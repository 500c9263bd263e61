"""Where the engine's files lie under its root, and who of several processes writes which.

A *writer* is one opening of the engine for writing: its number is never given again, and the ids
of its blobs and packs begin with it, so that two processes never choose the same name, and what a
dead one left unfinished can be told. A name that is not of this form is not the engine's (what NFS
keeps for whoever has a removed file open, what a copying program that was killed left): it is
passed over. Called by everything here. Not its business: file contents.
"""

import fcntl
import itertools
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mallee.kit import files

COUNTER_BITS = 40
_ID = re.compile(r"[0-9a-f]{16}")
_FOLDER = re.compile(r"[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one engine."""

    root: Path
    term: Path | None = None
    """Where the index of this term is, where several machines have the root (`terms`)."""

    @property
    def home(self) -> Path:
        """Where the index is, and the locks of who has it."""
        return self.term or self.root

    @property
    def index(self) -> Path:
        """The SQLite file."""
        return self.home / "index.db"

    @property
    def index_copy(self) -> Path:
        """The index as it was a day ago at most."""
        return self.root / "index.copy"

    @property
    def copying(self) -> Path:
        """Locked by whoever copies the index."""
        return self.home / "copying"

    @property
    def last_writer(self) -> Path:
        """The last number that a writer got: beside the index, lest an old one give it again."""
        return self.home / "last-writer"

    @property
    def packs(self) -> Path:
        """Small blobs, many in a file."""
        return self.root / "packs"

    @property
    def files(self) -> Path:
        """Large blobs, a file each."""
        return self.root / "files"

    @property
    def incoming(self) -> Path:
        """Large blobs that are not whole yet."""
        return self.root / "incoming"

    @property
    def writers(self) -> Path:
        """A locked file for each writer that lives."""
        return self.root / "writers"

    @property
    def collecting(self) -> Path:
        """Locked by whoever collects garbage."""
        return self.home / "collecting"

    @property
    def committing(self) -> Path:
        """Locked by whoever's transaction it is."""
        return self.home / "committing"

    def directories(self) -> tuple[Path, ...]:
        """Return all directories under the root."""
        return (self.packs, self.files, self.incoming, self.writers)

    def pack(self, id: int) -> Path:
        """Return a pack's file."""
        return self.packs / f"{id:016x}"

    def lies_at(self, id: int, pack: int) -> str:
        """Return the file that a blob lies in, of its own if `pack` is 0.

        As text: what reads many small blobs has no time for paths.
        """
        if pack:
            return f"{self.root}/packs/{pack:016x}"
        return f"{self.root}/files/{id & 0xFF:02x}/{id:016x}"

    def file(self, id: int) -> Path:
        """Return the file of a blob that has its own."""
        return self.files / f"{id & 0xFF:02x}" / f"{id:016x}"

    def arriving(self, id: int) -> Path:
        """Return the file of such a blob while it arrives."""
        return self.incoming / f"{id:016x}"


def writer_of(id: int) -> int:
    """Return the number of the writer that gave a blob or a pack its id."""
    return id >> COUNTER_BITS


def named(folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the files of blobs and packs in a directory, and in its folders, with their ids."""
    for path in folder.iterdir():
        if _ID.fullmatch(path.name):
            yield int(path.name, 16), path
        elif _FOLDER.fullmatch(path.name) and path.is_dir():
            yield from named(path)


class Names:
    """Ids for one writer's blobs and packs, counted up."""

    __slots__ = ("_ids",)

    def __init__(self, writer: int) -> None:
        self._ids = itertools.count((writer << COUNTER_BITS) + 1)

    def next(self) -> int:
        """Return an id that nobody has; threads may ask at once."""
        return next(self._ids)


class Lock:
    """That a writer lives: held until the process closes it or dies."""

    __slots__ = ("_descriptor", "_path")

    def __init__(self, places: Places, writer: int) -> None:
        self._path = places.writers / str(writer)
        self._descriptor = _lock(self._path)
        while not self._path.exists():
            # Somebody found it before it was locked, and took us for dead.
            os.close(self._descriptor)
            self._descriptor = _lock(self._path)
        # Whoever sweeps after a power cut must find it.
        files.sync_directory(places.writers)

    def release(self) -> None:
        """End; nothing of this writer is unfinished."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


@contextmanager
def alone(path: Path) -> Generator[None]:
    """Wait until no other thread or process is in here, and keep them out meanwhile."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


class Turns:
    """Whose transaction it is, among processes: those that wait are woken when it is over.

    SQLite's own lock is found free by looking again and again, ever more seldom: whoever has waited
    longest looks least often. Used by one thread.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, places: Places) -> None:
        self._descriptor = os.open(places.committing, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def dead_writers(places: Places, own: int) -> list[int]:
    """Return the writers that ended without saying so: killed, or the machine went down.

    Who began after one's own is not asked about: another machine's locks may not be seen here.
    """
    given = [path for path in places.writers.iterdir() if path.name.isdecimal()]
    return [int(path.name) for path in given if int(path.name) < own and not _is_held(path)]


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
