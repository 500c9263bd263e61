"""What the engine does to the disk: the one file of this room that makes, syncs and removes files.

Each function is one step of the argument why nothing acknowledged is lost (`docs/walrus.md`), so
that a test can put another disk in its place, one that forgets what was not synced. Called by
`packs` and `contents`. Not its business: what is in the files, and the index, which SQLite keeps.
"""

import ctypes
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mallee.walrus import places
from mallee.walrus.errors import NoSpace

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_sync_file_range = ctypes.CDLL(None).sync_file_range
_sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: begin to write, and do not wait."""


class Disk:
    """The real disk. File descriptors are the caller's to close."""

    def create(self, path: Path) -> int:
        """Make an empty file that is not there yet; return a descriptor to write and read it."""
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _told(error) from error

    def open(self, path: Path | str) -> int:
        """Return a descriptor to read a file; raises `FileNotFoundError`."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, descriptor: int) -> None:
        """Close a descriptor that was opened to read."""
        os.close(descriptor)

    def read_into(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        """Read bytes of a file into the buffer; return how many: 0 behind its end."""
        return os.preadv(descriptor, [buffer], offset)

    def read_at_hand(self, descriptor: int, buffer: memoryview, offset: int) -> bool:
        """Fill the buffer, if that is done without waiting; tell whether it is."""
        try:
            return os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT) == len(buffer)
        except OSError:
            # Not in memory, or a file system that cannot tell.
            return False

    def write(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        """Write all pieces, one after the other, from the offset on; raise `NoSpace`."""
        try:
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    written = os.pwrite(descriptor, left, offset)
                    offset += written
                    left = left[written:]
        except OSError as error:
            raise _told(error) from error

    def begin_sync(self, descriptor: int, offset: int, size: int) -> None:
        """Have the disk begin with these bytes, so that `sync` has little left to wait for.

        A hint: nothing is durable by it, and what goes wrong is told by `sync`.
        """
        _sync_file_range(descriptor, offset, size, _WRITE)

    def sync(self, descriptor: int) -> None:
        """Make the file's content durable; raise `NoSpace`."""
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            raise _told(error) from error

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its final name."""
        try:
            os.rename(old, new)
        except OSError as error:
            raise _told(error) from error

    def sync_directory(self, path: Path) -> None:
        """Make names given and taken in the directory durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def make_directory(self, path: Path) -> None:
        """Make a directory and its name durable, unless it is there."""
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)
            self.sync_directory(path.parent)

    def put_away(self, path: Path) -> None:
        """Bring a pack that is full to where it is kept: here it stays where it is."""

    def ids(self, folder: Path) -> Iterator[int]:
        """Yield the ids that the files under a directory are named by."""
        for id, _ in places.named(folder):
            yield id

    def unlink(self, path: Path) -> None:
        """Remove a file; gone already: nothing."""
        path.unlink(missing_ok=True)

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes can still be written where the path is."""
        found = os.statvfs(path)
        return found.f_bavail * found.f_frsize


def _told(error: OSError) -> Exception:
    return NoSpace(str(error)) if error.errno in _FULL else error
