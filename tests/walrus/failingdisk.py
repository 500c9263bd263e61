"""A disk whose power fails: of everything that was not synced, parts are lost, torn or garbage.

`FailingDisk` does what it is told on real files and remembers what was not synced. At a chosen step
the power fails, and the process ends at once. `FailingCommits` makes steps of the commits of the
index too, and tears what the last of them has written to its log. Used by `powercut`.
"""

import os
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.walrus.disk import Disk

SECTOR = 512
FAILED = 9
"""What a process ends with whose power failed."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A name given or taken in a directory that is not synced yet."""

    folder: Path
    path: Path
    former: Path | None
    """Where the file was, or its copy of before it was removed; None: it was made."""


class FailingDisk(Disk):
    """Fails at a step after it was told to, counted from 1."""

    def __init__(self, grave: Path, chance: random.Random) -> None:
        # One thing at a time: when the power fails, it fails for all threads.
        self._gate = threading.RLock()
        self._grave = grave
        self._chance = chance
        self._left = 0
        self._names: list[_Named] = []
        self._written: dict[Path, list[tuple[int, int]]] = {}
        self._paths: dict[int, Path] = {}

    def fail_at(self, step: int) -> None:
        """Let the power fail at the step that is so many steps from now."""
        self._left = step

    def create(self, path: Path) -> int:
        with self._gate:
            self.step()
            descriptor = super().create(path)
            self._paths[descriptor] = path
            self._written[path] = []
            self._names.append(_Named(path.parent, path, None))
            return descriptor

    def write(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        with self._gate:
            self.step()
            super().write(descriptor, pieces, offset)
            size = sum(len(piece) for piece in pieces)
            self._written[self._paths[descriptor]].append((offset, size))
            self.step()

    def sync(self, descriptor: int) -> None:
        with self._gate:
            self.step()
            super().sync(descriptor)
            path = self._paths.get(descriptor)
            if path in self._written:
                self._written[path] = []
            self.step()

    def rename(self, old: Path, new: Path) -> None:
        with self._gate:
            self.step()
            super().rename(old, new)
            self._names.append(_Named(new.parent, new, old))
            self._written[new] = self._written.pop(old, [])
            self.step()

    def sync_directory(self, path: Path) -> None:
        with self._gate:
            self.step()
            super().sync_directory(path)
            self._names = [name for name in self._names if name.folder != path]
            self.step()

    def unlink(self, path: Path) -> None:
        with self._gate:
            self.step()
            if path.exists():
                kept = self._grave / f"{len(self._names)}-{path.name}"
                os.link(path, kept)
                super().unlink(path)
                self._names.append(_Named(path.parent, path, kept))
            self.step()

    def step(self) -> None:
        """Fail, if it is time."""
        with self._gate:
            self._left -= 1
            if self._left == 0:
                self.fail()

    @property
    def is_next(self) -> bool:
        """Whether the power fails with the next step."""
        return self._left == 1

    def fail(self) -> None:
        """Lose some of what is not synced, and end the process."""
        for path, writes in self._written.items():
            for offset, size in writes:
                self._damage(path, offset, size)
        for name in reversed(self._names):
            if self._chance.random() < 0.5:
                self._forget(name)
        os._exit(FAILED)

    def _damage(self, path: Path, offset: int, size: int) -> None:
        if not path.exists():
            return
        with path.open("r+b") as file:
            for start in range(offset, offset + size, SECTOR):
                fate = self._chance.random()
                file.seek(start)
                part = min(SECTOR, offset + size - start)
                if fate < 0.3:
                    file.write(bytes(part))
                elif fate < 0.4:
                    file.write(self._chance.randbytes(part))
            if self._chance.random() < 0.5:
                file.truncate(self._chance.randrange(offset, offset + size + 1))

    def _forget(self, name: _Named) -> None:
        if name.former is None:
            name.path.unlink(missing_ok=True)
        elif name.path.exists() or name.former.exists():
            source = name.path if name.path.exists() else name.former
            if source != name.former or name.former.parent == self._grave:
                os.rename(source, name.former if source == name.path else name.path)


class FailingCommits:
    """A connection to the index, of which each commit is two steps: before it, and after."""

    def __init__(self, connection: Any, disk: FailingDisk, index: Path, chance: random.Random):
        self._connection = connection
        self._disk = disk
        self._index = index
        self._chance = chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        """Run a statement."""
        if statement != "COMMIT":
            return self._connection.execute(statement, *values)
        if self._disk.is_next and self._chance.random() < 0.7:
            self._tear()
        self._disk.step()
        found = self._connection.execute(statement)
        self._disk.step()
        return found

    def _tear(self) -> None:
        """Commit, lose some of what that has written to the log, and end."""
        log = self._index.with_name(self._index.name + "-wal")
        index, before = self._index.read_bytes(), log.read_bytes()
        self._connection.execute("COMMIT")
        after = log.read_bytes()
        before += bytes(len(after) - len(before))
        if self._index.read_bytes() == index:
            with log.open("r+b") as file:
                for start in range(0, len(after), SECTOR):
                    lost = before[start : start + SECTOR]
                    if lost != after[start : start + SECTOR] and self._chance.random() < 0.3:
                        file.seek(start)
                        file.write(lost)
        self._disk.fail()
