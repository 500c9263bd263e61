"""Files that are whole or absent: written aside, synced, renamed into place.

A reader of such a file sees the old content or the new one, also after a power cut. Everybody who
keeps state outside the database uses it: ledgers, verdicts, credentials, pid files.
Not its business: locking between writers (each file here has one writer), and temporary files.
"""

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

PRIVATE = 0o600
READABLE = 0o644


def write_atomically(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replace `path` by `data` with permissions `mode`, durable when this returns."""
    _write_aside(path, data, mode, os.rename)


def create_atomically(path: Path, data: bytes, mode: int = PRIVATE) -> bool:
    """Make `path` with `data` unless it is there; tell whether it was made.

    Of several that try at once exactly one wins, and nobody sees a half-written file.
    """
    try:
        _write_aside(path, data, mode, os.link)
    except FileExistsError:
        return False
    return True


def write_json(path: Path, value: Any, mode: int = PRIVATE) -> None:
    """Replace `path` by `value` as JSON that people can read."""
    write_atomically(path, json.dumps(value, indent=2).encode() + b"\n", mode)


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`, or None when there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def open_own(path: Path) -> BinaryIO:
    """Open a file to read it, but no link and nothing else that only looks like one.

    Root reads so what lies where others may write. Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no plain file", str(path))
    return os.fdopen(descriptor, "rb")


def sync_directory(path: Path) -> None:
    """Make renames and removals in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_aside(path: Path, data: bytes, mode: int, put: Callable[[Path, Path], None]) -> None:
    aside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            # The mode is set on the file, because open() takes the process's umask off.
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        put(aside, path)
        sync_directory(path.parent)
    finally:
        # After a rename the name is gone; after a link or a failure it is the leftover.
        aside.unlink(missing_ok=True)
