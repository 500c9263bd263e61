"""The one writer of a chain: takes lines, gives them to the kernel, and then to the disk.

1. A line is linked when it is added, so lines stand in the order in which they were added.
2. What `write` gave to the kernel outlives this process; what `sync` put on the disk outlives the
   machine. The *head* file says how far that is: a chain that ends before its head was cut.
3. Nothing is ever taken out of a file. Where a crash left half a line, a new segment begins, whose
   first line says what of the old one does not count.
4. What could not be kept is said so in the chain itself.

Belongs to one thread, save what `begin_sync` returns. Not its business: when to write and to sync.
"""

import fcntl
import itertools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from mallee.kit.chain import control, lines, segments
from mallee.kit.chain.lines import Place
from mallee.kit.chain.recovery import HEAD, LOCK, Standing, recover

MODE = 0o600
PENDING_BYTES_MAX = 8 << 20
"""What waits for room on the disk; beyond it lines are counted and dropped."""
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_DAY_S = 86400.0


class Held(Exception):
    """Another process writes this chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How large files become, and how long they are kept."""

    segment_bytes: int = 32 << 20
    segment_s: float = _DAY_S
    kept_bytes: int = 8 << 30
    """Beyond it the oldest segments are forgotten, which the chain then says."""
    kept_s: float = 400 * _DAY_S


class Writer:
    """Appends to a chain; the lock on its directory is held until `close`."""

    def __init__(self, directory: Path, key: bytes, bounds: Bounds, now: float) -> None:
        """Find where the chain stands and go on from there; raises `Held` and `OSError`."""
        self._directory = directory
        self._key = key
        self._bounds = bounds
        self._lock = _take_lock(directory)
        self._pending = bytearray()
        self._dropped = 0
        self._unsynced: list[int] = []
        self._doomed: list[segments.Segment] = []
        self._synced = 0
        self._syncing = threading.Lock()
        standing = recover(directory, key)
        self._place = self._written = standing.place
        self._file = -1
        self._open(standing.segment, now)
        self._note(now, _told(standing))

    @property
    def place(self) -> Place:
        """Where the chain stands with everything that was added."""
        return self._place

    @property
    def is_dirty(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._pending or self._dropped)

    @property
    def is_unsynced(self) -> bool:
        """Whether the kernel was given more than is known to be on the disk."""
        return self._written.number > self._synced

    def add(self, body: bytes) -> None:
        """Link a line that says `body`, a JSON object with a member, to be written soon."""
        if len(self._pending) > PENDING_BYTES_MAX:
            self._dropped += 1
            return
        line, self._place = lines.link(self._key, self._place, body)
        self._pending += line

    def write(self, now: float) -> None:
        """Give everything that was added to the kernel; what `OSError` hinders is tried again."""
        self._put()
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self._note(now, control.Said(chain="dropped", lines=dropped))
            self._put()
        if self._is_full(now):
            self._rotate(now)

    def begin_sync(self) -> Callable[[], None]:
        """Return what puts on the disk all that was written until now: blocking, any thread's."""
        place, doomed = self._written, self._doomed
        files = [*self._unsynced, os.dup(self._file)]
        self._unsynced, self._doomed = [], []

        def sync() -> None:
            try:
                for file in files:
                    os.fdatasync(file)
            finally:
                for file in files:
                    os.close(file)
            self._note_synced(place)
            # Only now: that they were forgotten on purpose is on the disk.
            for segment in doomed:
                segment.path.unlink(missing_ok=True)

        return sync

    def _note_synced(self, place: Place) -> None:
        with self._syncing:
            # Two syncs may end in another order than they began.
            if place.number > self._synced:
                _write_head(self._directory, place)
                self._synced = place.number

    def close(self, now: float) -> None:
        """Write and sync what is left, and let the chain go."""
        try:
            self.write(now)
            self.begin_sync()()
        finally:
            os.close(self._file)
            os.close(self._lock)

    def _put(self) -> None:
        while self._pending:
            # Half of it may be written: the rest follows whenever there is room again.
            written = os.write(self._file, self._pending)
            self._size += written
            del self._pending[:written]
        self._written = self._place

    def _note(self, now: float, said: control.Said) -> None:
        """Add a line about the chain itself."""
        at = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        self.add(msgspec.json.encode(msgspec.structs.replace(said, at=at)))

    def _is_full(self, now: float) -> bool:
        bounds = self._bounds
        return self._size >= bounds.segment_bytes or now - self._began_at >= bounds.segment_s

    def _rotate(self, now: float) -> None:
        before = self._file
        self._open(None, now)
        self._unsynced.append(before)
        self._note(now, control.Said(chain="continued"))
        self._forget(now)
        self._put()

    def _open(self, segment: segments.Segment | None, now: float) -> None:
        """Go on in this segment, or in a new one."""
        if segment is None:
            segment = segments.free(self._directory, self._place.number + 1, now)
        self._file = os.open(segment.path, _APPEND, MODE)
        self._size = os.fstat(self._file).st_size
        self._began_at = segment.began_at
        _sync_directory(self._directory)

    def _forget(self, now: float) -> None:
        """Say which of the oldest segments are kept no longer; the next sync removes them."""
        found = segments.find_all(self._directory)
        total = sum(segment.path.stat().st_size for segment in found)
        gone: list[segments.Segment] = []
        for segment, following in itertools.pairwise(found):
            is_old = now - following.began_at > self._bounds.kept_s
            if total <= self._bounds.kept_bytes and not is_old:
                break
            total -= segment.path.stat().st_size
            gone.append(segment)
        last = _last_place(gone[-1]) if gone else None
        if last is not None:
            said = control.Said(chain="forgot", through=last.number, through_hex=last.code.hex())
            self._note(now, said)
            self._doomed += gone


def _told(standing: Standing) -> control.Said:
    """Return what the first line of this process says about what it found."""
    return control.Said(
        chain="resumed" if standing.place.number else "began",
        torn=standing.torn,
        missing=standing.missing.number if standing.missing else None,
        headless=standing.is_headless,
    )


def _last_place(segment: segments.Segment) -> Place | None:
    for _, text in segments.read_lines_backward(segment.path):
        line = lines.parse(text)
        return line.place if line else None
    return None


def _take_lock(directory: Path) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise Held(f"another process writes {directory}; end it first") from error
    return file


def _write_head(directory: Path, place: Place) -> None:
    """Say that the chain is on the disk up to here. One block written in place is never torn, and
    an older one left by a power cut is as true as it was."""
    file = os.open(directory / HEAD, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        os.pwrite(file, f"{place}".ljust(128).encode() + b"\n", 0)
    finally:
        os.close(file)


def _sync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
