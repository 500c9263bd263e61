"""A disk whose power fails, and a workload that runs on it until that moment.

`FailingDisk` does what it is told on real files and remembers what was not synced. At a chosen
step the power fails: of everything unsynced, parts are lost, torn or turned to garbage, and the
process ends at once. Run as a program by `test_powercut`; each workload writes to its `journal`
what it is about to do, and then that it was acknowledged.
"""

import os
import random
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mallee.walrus.disk import Disk
from mallee.walrus.engine import Engine
from mallee.walrus.records import Blob, Part, Upload, UploadPart, Version
from mallee.walrus.tx import Tx
from tests.walrus import stores

SECTOR = 512
FAILED = 9
"""What a process ends with whose power failed."""
KEYS = [b"a", b"b", b"c", b"d/e"]


@dataclass(frozen=True, slots=True)
class _Named:
    """A name given or taken in a directory that is not synced yet."""

    folder: Path
    path: Path
    former: Path | None
    """Where the file was, or its copy of before it was removed; None: it was made."""


class FailingDisk(Disk):
    """Fails at step number `step`, counted from 1; 0: never."""

    def __init__(self, grave: Path, chance: random.Random, step: int) -> None:
        # One thing at a time: when the power fails, it fails for all threads.
        self._gate = threading.RLock()
        self._grave = grave
        self._chance = chance
        self._left = step
        self._names: list[_Named] = []
        self._written: dict[Path, list[tuple[int, int]]] = {}
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        with self._gate:
            self._step()
            descriptor = super().create(path)
            self._paths[descriptor] = path
            self._written[path] = []
            self._names.append(_Named(path.parent, path, None))
            return descriptor

    def write(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        with self._gate:
            self._step()
            super().write(descriptor, pieces, offset)
            size = sum(len(piece) for piece in pieces)
            self._written[self._paths[descriptor]].append((offset, size))
            self._step()

    def sync(self, descriptor: int) -> None:
        with self._gate:
            self._step()
            super().sync(descriptor)
            path = self._paths.get(descriptor)
            if path in self._written:
                self._written[path] = []
            self._step()

    def rename(self, old: Path, new: Path) -> None:
        with self._gate:
            self._step()
            super().rename(old, new)
            self._names.append(_Named(new.parent, new, old))
            self._written[new] = self._written.pop(old, [])
            self._step()

    def sync_directory(self, path: Path) -> None:
        with self._gate:
            self._step()
            super().sync_directory(path)
            self._names = [name for name in self._names if name.folder != path]
            self._step()

    def unlink(self, path: Path) -> None:
        with self._gate:
            self._step()
            if path.exists():
                kept = self._grave / f"{len(self._names)}-{path.name}"
                os.link(path, kept)
                super().unlink(path)
                self._names.append(_Named(path.parent, path, kept))
            self._step()

    def _step(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._fail()

    def _fail(self) -> None:
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


def work(engine: Engine, chance: random.Random) -> None:
    """Change this and that for ever; say what, and then that it was acknowledged."""
    while True:
        key = chance.choice(KEYS)
        doing = chance.choice([_put, _put, _put, _remove, _copy, _upload, _collect])
        doing(engine, chance, key)


def _put(engine: Engine, chance: random.Random, key: bytes) -> None:
    seed, size = chance.randrange(1 << 30), chance.choice([0, 10, 5000, 130_000, 300_000])
    with _told("put", key, seed, size):
        stores.put(engine, key, data_of(seed, size))


def _remove(engine: Engine, chance: random.Random, key: bytes) -> None:
    with _told("remove", key):
        stores.remove(engine, key)


def _copy(engine: Engine, chance: random.Random, key: bytes) -> None:
    target = chance.choice(KEYS)
    source = engine.reader.current(stores.BUCKET, key)
    if source is not None and target != key:
        with _told("copy", key, target):
            engine.commit(lambda tx, _: tx.add(stores.BUCKET, target, source)).result()


def _upload(engine: Engine, chance: random.Random, key: bytes) -> None:
    """An object in two parts; only its completion changes what can be seen."""
    id = str(chance.randrange(1 << 60))
    parts = [(chance.randrange(1 << 30), size) for size in (150_000, 70)]
    engine.commit(
        lambda tx, _: tx.begin_upload(stores.BUCKET, Upload(id=id, key=key, started_ms=0))
    ).result()
    for number, (seed, size) in enumerate(parts, 1):
        _put_part(engine, id, number, data_of(seed, size))

    def complete(tx: Tx, _: Sequence[Blob]) -> None:
        blobs: tuple[Part, ...] = tuple(blob for part in tx.upload_parts(id) for blob in part.parts)
        size = sum(blob.size for blob in blobs)
        tx.add(stores.BUCKET, key, Version(id="null", modified_ms=0, size=size, parts=blobs))
        tx.end_upload(stores.BUCKET, key, id)

    with _told("upload", key, *(one for part in parts for one in part)):
        engine.commit(complete).result()


def _put_part(engine: Engine, upload: str, number: int, data: bytes) -> None:
    receiver = engine.receive()
    receiver.write(data)

    def keep(tx: Tx, blobs: Sequence[Blob]) -> None:
        kept = tuple(tx.keep(blob) for blob in blobs)
        tx.put_part(
            stores.BUCKET,
            upload,
            UploadPart(number=number, size=len(data), etag="", modified_ms=0, parts=kept),
        )

    engine.commit(keep, [receiver.finish()]).result()


def _collect(engine: Engine, chance: random.Random, key: bytes) -> None:
    engine.collect()


def data_of(seed: int, size: int) -> bytes:
    """Return the bytes that a line of the journal means."""
    return random.Random(seed).randbytes(size)


class _told:
    """Writes what is about to be done, and then that it was acknowledged."""

    def __init__(self, *words: object) -> None:
        texts = [word.decode() if isinstance(word, bytes) else str(word) for word in words]
        os.write(1, f"try {' '.join(texts)}\n".encode())

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is None:
            os.write(1, b"done\n")


def main() -> None:
    """For each line `ROOT SEED STEP` run that workload until that step; tell how it ended.

    Each runs in a fork, which spares it from starting Python anew.
    """
    for line in sys.stdin:
        root, seed, step = line.split()
        child = os.fork()
        if child == 0:
            _run(Path(root), int(seed), int(step))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(root: Path, seed: int, step: int) -> None:
    grave = root / "grave"
    grave.mkdir(parents=True)
    os.dup2(os.open(root / "journal", os.O_WRONLY | os.O_CREAT), 1)
    engine = Engine(root / "walrus", disk=FailingDisk(grave, random.Random(seed), step))
    work(engine, random.Random(seed))


if __name__ == "__main__":
    main()
