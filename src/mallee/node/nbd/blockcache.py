"""The host's block cache: blocks as the store keeps them, by account and name, on its disk.

Bounded in bytes: what was not used for longest goes, but for what is *pinned*, which has a part of
the cache and stays. It outlives its process, and a file of it that rotted does no harm: whoever
takes a block out finds that out, and has it dropped. Blocks of two accounts are never one file, so
that no account learns from timing what another has. All calls block; threads may share it.
"""

import contextlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

from mallee.model.storage.fastrestores import PINNED_PART
from mallee.node.do.storage import disks

BYTES_MAX = 4 << 30
_SHARE = 20
"""It takes no more than one part in so many of its file system."""
_PART = ".part"


class NoRoom(Exception):
    """What shall be pinned is more than the cache has for that; the message says how much."""


class BlockCache:
    """The blocks below one directory."""

    def __init__(self, directory: Path, bytes_max: int) -> None:
        """Look at what an earlier process left."""
        self._directory = directory
        self._bytes_max = bytes_max
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """By name, what was used last at the end."""
        self._pinned: dict[str, int] = {}
        """The same of what stays: nothing is in both."""
        self._pins: dict[str, set[str]] = {}
        """By pin, the names of what it holds, there or not."""
        self._shaken: set[str] = set()
        self._total_bytes = 0
        self._pinned_bytes = 0
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

    @property
    def pinned_bytes(self) -> int:
        """How much of it stays."""
        return self._pinned_bytes

    def get(self, account: str, name: bytes) -> bytes | None:
        """Return what is kept of a block; None: nothing."""
        key = _key(account, name)
        with self._lock:
            if key in self._sizes:
                self._sizes.move_to_end(key)
            elif key not in self._pinned:
                return None
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
            self._forget(key)
            self._sizes[key] = len(kept)
            self._total_bytes += len(kept)
            if any(key in held for held in self._pins.values()):
                self._stay(key)
        self._evict()

    def drop(self, account: str, name: bytes) -> None:
        """Forget a block that is not what it should be."""
        key = _key(account, name)
        with self._lock:
            self._forget(key)
            self._shaken.update(pin for pin, held in self._pins.items() if key in held)
        with contextlib.suppress(OSError):
            (self._directory / key).unlink(missing_ok=True)

    def pin(self, pin: str, account: str, name: bytes) -> bool:
        """Have a block stay for a pin; tell whether it is there. Raises `NoRoom`."""
        key = _key(account, name)
        with self._lock:
            if key in self._sizes:
                self._check_pinnable(self._sizes[key])
                self._stay(key)
            elif key not in self._pinned:
                return False
            self._pins.setdefault(pin, set()).add(key)
        return True

    def unpin(self, pin: str) -> None:
        """Let what stayed for a pin alone go, when its room is wanted. Twice is once."""
        with self._lock:
            held = self._pins.pop(pin, set())
            self._shaken.discard(pin)
            for key in held - set().union(*self._pins.values()):
                if key in self._pinned:
                    size = self._pinned.pop(key)
                    self._pinned_bytes -= size
                    self._sizes[key] = size
        self._evict()

    def take_shaken(self) -> set[str]:
        """Return the pins that have lost a block since this was last asked."""
        with self._lock:
            shaken, self._shaken = self._shaken, set()
        return shaken

    def _check_pinnable(self, size: int) -> None:
        most = self._bytes_max // PINNED_PART
        if self._pinned_bytes + size > most:
            raise NoRoom(f"{most >> 20} MiB of its block cache are for fast restores, and full")

    def _stay(self, key: str) -> None:
        size = self._sizes.pop(key)
        self._pinned[key] = size
        self._pinned_bytes += size

    def _forget(self, key: str) -> None:
        self._total_bytes -= self._sizes.pop(key, 0)
        size = self._pinned.pop(key, 0)
        self._total_bytes -= size
        self._pinned_bytes -= size

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
