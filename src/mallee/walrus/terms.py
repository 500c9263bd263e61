"""Terms: which of several machines may write in a directory that all of them have.

A *term* is the time for which one machine serves the store; its number is greater than those
before it. Each has an index of its own, `terms/N/index.db`, which begins as a copy of the last
one's; bytes are the same files for all, for they never change. Somebody else says whose turn it is
(a lease); what is here holds although who was stopped goes on later. Invariants:
1. A term's number is in the file `term` before the index is copied; numbers only rise.
2. A commit counts if the term still held when it was on the disk: then it is in the next one's
   copy. So nothing is acknowledged, and no file removed, before that was looked at (`check`).
3. No file that a term before may still write is written by another: its index is left as it is.
Called by `engine` and by who leads. Not its business: the lease.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mallee.kit import clock as clocks
from mallee.kit import files
from mallee.walrus.errors import Fenced
from mallee.walrus.places import Places

LOOK_EVERY_S = 0.25
"""How long a reader goes by the clock alone before it looks at the directory again."""
TRIES = 5
_WAL = "-wal"
_WAL_HEAD_BYTES = 32
_COPY_BYTES = 1 << 30
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_BY_THE_KERNEL = frozenset({errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class Fence(Protocol):
    """Knows whether what is written still counts."""

    def check(self) -> None:
        """Raise `Fenced` when another may have begun; after a commit: whether it counts."""
        ...


class Open:
    """The fence of a store that is one machine's alone: there is none."""

    def check(self) -> None:
        """Let pass."""


OPEN: Fence = Open()


class Term:
    """The term of this machine, as long as it lasts. Any thread may ask."""

    def __init__(self, root: Path, number: int, held_until: Callable[[], float]) -> None:
        """`held_until`: until when the lease holds, in this machine's monotonic seconds."""
        self.number = number
        self.root = root
        self._held_until = held_until
        self._looked_at = 0.0

    def check(self) -> None:
        """Raise `Fenced` unless the lease holds and the directory knows of no later term."""
        try:
            now = read_number(self.root)
        except (OSError, ValueError) as error:
            raise Fenced(f"whether the term {self.number} holds cannot be read: {error}") from error
        if now != self.number:
            raise Fenced(f"the term {self.number} is over: another machine has the store")
        # Last: all that was looked at was so while the lease held.
        self._looked_at = clocks.SYSTEM.monotonic()
        if self._looked_at >= self._held_until():
            raise Fenced(f"the term {self.number} is over: its lease was not renewed")

    def holds(self) -> bool:
        """Tell whether what was just read may be told: the clock says so, and at times `check`."""
        now = clocks.SYSTEM.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return now < self._held_until()
        try:
            self.check()
        except Fenced:
            return False
        return True

    def prove(self) -> None:
        """See that this term's files can be locked and written; blocks. Raises `OSError`, `Fenced`.

        One process of the term at a time. A directory that is full can be used for all else.
        """
        self.check()
        path = _home(self.root, self.number) / "proof"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE)
        try:
            # As SQLite locks; where machines are cut off it is the first that fails.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(descriptor, b"%020d\n" % self.number, 0)
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _FULL:
                raise
        finally:
            os.close(descriptor)

    def places(self) -> Places:
        """Return where this term's files are."""
        return Places(self.root, _home(self.root, self.number))


def begin(root: Path, held_until: Callable[[], float]) -> Term:
    """Begin a term in a store's directory; blocks while the index is copied. Raises `Fenced`."""
    (root / "terms").mkdir(mode=0o700, exist_ok=True)
    term = Term(root, _claim(root), held_until)
    if clocks.SYSTEM.monotonic() >= held_until() or read_number(root) > term.number:
        raise Fenced(f"the term {term.number} was over before it began")
    _write_number(root, term.number)
    source = _last(root, term.number)
    if source is not None:
        _copy_index(source, _home(root, term.number))
    term.check()
    _leave_one_machine(root, term.number)
    # Aside: a file system may hold for minutes what a machine that was cut off had open.
    threading.Thread(target=_forget, args=(root, term.number), daemon=True).start()
    return term


def find(root: Path) -> Places:
    """Return where the files of a store are now, whether it has terms or not."""
    last = _last(root, read_number(root) + 1)
    return Places(root) if last is None or last == root else Places(root, last)


def read_number(root: Path) -> int:
    """Return the number of the last term that began; 0: none has."""
    # Opened each time: a file system of several machines then asks who has it.
    try:
        return int((root / "term").read_bytes())
    except FileNotFoundError:
        return 0


def _claim(root: Path) -> int:
    """Return a number that nobody else has, nor will."""
    number = max(read_number(root), *_given(root), 0) + 1
    while True:
        try:
            # Of several machines one makes it, on whatever file system.
            _home(root, number).mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            files.sync_directory(root / "terms")
            return number


def _given(root: Path) -> list[int]:
    """Return the numbers of the terms of which anything is there."""
    try:
        return [int(path.name) for path in (root / "terms").iterdir() if path.name.isdecimal()]
    except FileNotFoundError:
        return []


def _write_number(root: Path, number: int) -> None:
    """Write the number in its place: whoever has the file's name cached sees it as well."""
    path = root / "term"
    is_new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE)
    try:
        os.pwrite(descriptor, b"%020d\n" % number, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        files.sync_directory(root)


def _home(root: Path, number: int) -> Path:
    return root / "terms" / str(number)


def _last(root: Path, number: int) -> Path | None:
    """Return where the last whole index before a term is; None: there is none."""
    for one in sorted(_given(root), reverse=True):
        if one < number and (_home(root, one) / "index.db").exists():
            return _home(root, one)
    return root if (root / "index.db").exists() else None


def _copy_index(source: Path, target: Path) -> None:
    """Copy an index that a machine which knows nothing of it may still be writing.

    Pages that move from the log to the index meanwhile are in the log as well, unless the log
    begins anew: then it is done again.
    """
    index, log = source / "index.db", source / f"index.db{_WAL}"
    for _ in range(TRIES):
        seen = _state(index, log)
        _copy(index, target / "index.new")
        _copy(log, target / f"index.db{_WAL}")
        if _state(index, log) == seen:
            break
    else:
        raise Fenced(f"the index {index} is being written all the time: who does so must end")
    _copy(source / "last-writer", target / "last-writer")
    # Its name says that it is whole.
    (target / "index.new").rename(target / "index.db")
    files.sync_directory(target)


def _state(index: Path, log: Path) -> tuple[bytes, float]:
    """Return what changes when an index's log begins anew, or goes."""
    try:
        with log.open("rb") as file:
            head = file.read(_WAL_HEAD_BYTES)
    except FileNotFoundError:
        head = b""
    # Without a log only pages that move say that something happens.
    return head, 0 if head else index.stat().st_mtime_ns


def _copy(source: Path, target: Path) -> None:
    """Copy a file, by the file system itself where it can; one that is not there is none."""
    target.unlink(missing_ok=True)
    try:
        given = source.open("rb")
    except FileNotFoundError:
        return
    with given, target.open("xb") as taken:
        target.chmod(files.PRIVATE)
        try:
            while os.copy_file_range(given.fileno(), taken.fileno(), _COPY_BYTES):
                pass
        except OSError as error:
            if error.errno not in _NOT_BY_THE_KERNEL:
                raise
            given.seek(0)
            taken.seek(0)
            shutil.copyfileobj(given, taken)
        taken.flush()
        os.fsync(taken.fileno())


def _leave_one_machine(root: Path, number: int) -> None:
    """Put the index aside that is of the time when the store was one machine's."""
    if (_home(root, number) / "index.db").exists():
        for name in ("index.db", f"index.db{_WAL}", "index.db-shm"):
            with contextlib.suppress(FileNotFoundError):
                (root / name).rename(root / f"before-terms.{name}")


def _forget(root: Path, number: int) -> None:
    """Remove the indexes of former terms; who still has one open finds out by itself."""
    for one in _given(root):
        if one < number:
            shutil.rmtree(_home(root, one), ignore_errors=True)
