"""The host's block cache: blocks as the store keeps them, by account and name, on its disk.

Bounded in bytes: what was not used for longest goes. It outlives its process, and a file of it that
rotted does no harm: whoever takes a block out finds that out, and has it dropped. Blocks of two
accounts are never one file, so that no account learns from timing what another has. All calls
block; threads may share it.
"""

import contextlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

from mallee.node.do import disks

BYTES_MAX = 4 << 30
_SHARE = 20
"""It takes no more than one part in so many of its file system."""
_PART = ".part"


class BlockCache:
    """The blocks below one directory."""

    def __init__(self, directory: Path, bytes_max: int) -> None:
        """Look at what an earlier process left."""
        self._directory = directory
        self._bytes_max = bytes_max
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """By name, what was used last at the end."""
        self._total_bytes = 0
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, _, size in sorted(self._found(), key=lambda one: one[1]):
            self._sizes[path] = size
            self._total_bytes += size
        self._evict()

    @property
    def total_bytes(self) -> int:
        """How much is in it."""
        return self._total_bytes

    def get(self, account: str, name: bytes) -> bytes | None:
        """Return what is kept of a block; None: nothing."""
        key = _key(account, name)
        with self._lock:
            if key not in self._sizes:
                return None
            self._sizes.move_to_end(key)
        path = self._directory / key
        try:
            kept = path.read_bytes()
            os.utime(path)
        except OSError:
            # Somebody took it away, or the disk fails: the store still has it.
            self.drop(account, name)
            return None
        return kept

    def put(self, account: str, name: bytes, kept: bytes) -> None:
        """Keep a block, if there is room: a cache is worth no trouble."""
        key = _key(account, name)
        path = self._directory / key
        aside = path.with_name(f"{path.name}{_PART}{threading.get_ident()}")
        try:
            disks.check_room(self._directory)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            aside.write_bytes(kept)
            os.rename(aside, path)
        except (OSError, disks.DiskFull):
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            return
        with self._lock:
            self._total_bytes += len(kept) - self._sizes.pop(key, 0)
            self._sizes[key] = len(kept)
        self._evict()

    def drop(self, account: str, name: bytes) -> None:
        """Forget a block that is not what it should be."""
        key = _key(account, name)
        with self._lock:
            self._total_bytes -= self._sizes.pop(key, 0)
        with contextlib.suppress(OSError):
            (self._directory / key).unlink(missing_ok=True)

    def _evict(self) -> None:
        gone: list[str] = []
        with self._lock:
            while self._total_bytes > self._bytes_max and self._sizes:
                key, size = self._sizes.popitem(last=False)
                self._total_bytes -= size
                gone.append(key)
        for key in gone:
            with contextlib.suppress(OSError):
                (self._directory / key).unlink(missing_ok=True)

    def _found(self) -> list[tuple[str, float, int]]:
        found: list[tuple[str, float, int]] = []
        for parent, _, names in os.walk(self._directory):
            for name in names:
                path = Path(parent, name)
                if _PART in name:
                    path.unlink(missing_ok=True)
                    continue
                about = path.stat()
                key = str(path.relative_to(self._directory))
                found.append((key, about.st_mtime, about.st_size))
        return found


def bound_of(directory: Path) -> int:
    """Return how many bytes a cache in a directory may take."""
    about = os.statvfs(directory)
    return min(BYTES_MAX, about.f_blocks * about.f_frsize // _SHARE)


def _key(account: str, name: bytes) -> str:
    text = name.hex()
    return f"{account}/{text[:2]}/{text}"
