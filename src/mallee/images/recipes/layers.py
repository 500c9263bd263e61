"""The cache of layers: what each step of a build changed, by the key of all that went into it.

A layer is a directory, the upper one of an overlay; a step's layers are those of all steps before
it. They belong to the jails' root and lie behind a door that nobody else passes. A layer gets its
name when it is whole; whatever a broken build left is swept when the next one begins.
"""

import ctypes
import fcntl
import os
import shutil
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mallee.images.recipes import cell, instructions, jail
from mallee.kit import files
from mallee.model.layout import Layout

KEPT_S = 60 * 86400.0
"""How long a layer is kept that no build uses."""
_MARK = ".whole"
"""Beside each layer: whether it is durable, and by its time, when it was used."""
_DURABLE = "durable"
_GENERATION = ".generation"
_BOOT = Path("/proc/sys/kernel/random/boot_id")

_libc = ctypes.CDLL(None, use_errno=True)


class Busy(Exception):
    """Another build runs under this root."""


@dataclass(frozen=True, slots=True)
class Store:
    """The layers under one root, held by one build."""

    root: Path

    def layer(self, key: str) -> Path:
        """Where the layer of that key lies, or will."""
        return self.root / "layers" / key

    @property
    def scratch(self) -> Path:
        """Where a build leaves what nobody needs after it."""
        return self.root / "scratch"

    def has(self, key: str) -> bool:
        """Tell whether the layer is there and whole; then it is used, and kept."""
        mark = self.layer(f"{key}{_MARK}")
        if not self.layer(key).is_dir() or not mark.exists():
            return False
        if mark.read_text() not in (_DURABLE, _boot()):
            return False
        mark.touch()
        return True

    def fresh(self, name: str) -> Path:
        """Return an empty directory of the jail's root in the scratch room."""
        path = self.scratch / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(mode=0o755)
        jail.own(path)
        return path

    def keep(self, made: Path, key: str) -> None:
        """Make a directory the layer of that key, with the times of the build taken off.

        Until it is durable it is good for as long as the machine runs: a power cut may tear it.
        """
        _clamp(made)
        if self.layer(key).exists():
            self.drop(key)
        made.rename(self.layer(key))
        self.layer(f"{key}{_MARK}").write_text(_boot())

    def make_durable(self, keys: Iterable[str]) -> None:
        """Have layers outlive a power cut from now on."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _libc.syncfs(descriptor) != 0:
                raise OSError(ctypes.get_errno(), "cannot sync", str(self.root))
        finally:
            os.close(descriptor)
        for key in keys:
            self.layer(f"{key}{_MARK}").write_text(_DURABLE)

    def generation(self, key: str) -> str:
        """Return which making of a base is built upon; empty: the first."""
        path = self.layer(f"{key}{_GENERATION}")
        return path.read_text() if path.exists() else ""

    def begin_generation(self, key: str, generation: str) -> None:
        """Have a newer making of a base be built upon: layers upon others are not mixed with it."""
        files.write_atomically(self.layer(f"{key}{_GENERATION}"), generation.encode())

    def drop(self, key: str) -> None:
        """Remove the layer of that key, and first its mark and its name."""
        self.layer(f"{key}{_MARK}").unlink(missing_ok=True)
        gone = self.scratch / f"gone-{key}"
        self.layer(key).rename(gone)
        shutil.rmtree(gone)

    def order(self, keys: tuple[str, ...], upper: Path | None) -> cell.Order:
        """Return the order that puts layers together; what to run is the caller's to say."""
        return cell.Order(
            argv=(),
            environment=jail.environment(instructions.EPOCH),
            lower=tuple(str(self.layer(key)) for key in keys),
            upper=str(upper) if upper else "",
            work=str(self.fresh("work")) if upper else "",
            mount_point=str(self.fresh("merged")),
            memory_bytes_max=jail.MEMORY_BYTES_MAX,
        )


@contextmanager
def held(layout: Layout) -> Generator[Store]:
    """Hold the store for one build; raise `Busy` when another one does."""
    root = layout.recipes
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "recipes.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"another build of an image runs under {layout.root}") from error
        store = Store(root)
        _prepare(store)
        try:
            yield store
        finally:
            shutil.rmtree(store.scratch, ignore_errors=True)


def _prepare(store: Store) -> None:
    store.root.mkdir(mode=0o700, exist_ok=True)
    jail.own(store.root)
    shutil.rmtree(store.scratch, ignore_errors=True)
    for path in (store.scratch, store.root / "layers"):
        path.mkdir(mode=0o755, exist_ok=True)
        jail.own(path)
    oldest = time.time() - KEPT_S
    for mark in (store.root / "layers").glob(f"*{_MARK}"):
        if mark.stat().st_mtime < oldest:
            shutil.rmtree(mark.with_name(mark.name.removesuffix(_MARK)), ignore_errors=True)
            mark.unlink()
    for path in (store.root / "layers").iterdir():
        if path.is_dir() and not path.with_name(f"{path.name}{_MARK}").exists():
            shutil.rmtree(path)


def _boot() -> str:
    return _BOOT.read_text().strip()


def _clamp(layer: Path) -> None:
    """Take the time of the build off all that it made."""
    epoch = instructions.EPOCH
    for folder, names, others in os.walk(layer, topdown=False):
        for name in (*names, *others, "."):
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime > epoch:
                os.utime(path, (epoch, epoch), follow_symlinks=False)
