"""A workload that runs on a disk whose power fails, until that moment.

Run as a program by `test_powercut`; each workload writes to its `journal` what it is about to do,
and then that it was acknowledged; and when it goes into compacting and comes out of it.
"""

import os
import random
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from mallee.walrus import garbage, packs
from mallee.walrus.committer import Committer
from mallee.walrus.engine import Engine
from mallee.walrus.records import Blob, Part, Upload, UploadPart, Version
from mallee.walrus.tx import Tx
from tests.walrus import stores
from tests.walrus.failingdisk import FailingCommits, FailingDisk

KEYS = [b"a", b"b", b"c", b"d/e"]
PACK_MAX = 200_000
"""So small that packs are sealed, thinned and compacted all the time."""


class Workload:
    """Changes of one store, one after the other."""

    def __init__(self, root: Path, disk: FailingDisk, cut: "Cut", chance: random.Random) -> None:
        self._root = root
        self._disk = disk
        self._told = cut.told
        self._chance = chance
        self._ids = iter(range(1 << 30))
        self._engine = Engine(root, disk=disk)
        self._stand_in()

    def run(self) -> None:
        """Change this and that for ever."""
        kinds = (
            *(self.put, self.put, self.put, self.version, self.version, self.marker),
            *(self.remove, self.remove_many, self.copy, self.complete, self.abort),
            *(self.describe, self.collect, self.collect, self.scrub, self.reopen),
        )
        while True:
            self._chance.choice(kinds)(self._chance.choice(KEYS))

    def put(self, key: bytes) -> None:
        """Put what replaces the version without an id."""
        seed, size = self._content()
        with self._told("put", key, stores.NULL, seed, size):
            stores.put(self._engine, key, data_of(seed, size))

    def version(self, key: bytes) -> None:
        """Put another version."""
        seed, size = self._content()
        id = self._id()
        with self._told("put", key, id, seed, size):
            stores.put(self._engine, key, data_of(seed, size), id=id)

    def marker(self, key: bytes) -> None:
        """Put a marker."""
        id = self._id()
        marker = Version(id=id, is_marker=True, modified_ms=0)
        with self._told("marker", key, id):
            self._engine.commit(lambda tx, _: tx.add(stores.BUCKET, key, marker)).result()

    def remove(self, key: bytes) -> None:
        """Remove the current version, whatever it is."""
        found = self._engine.reader.current(stores.BUCKET, key)
        if found is not None:
            with self._told("remove", key, found.id):
                stores.remove(self._engine, key, found.id)

    def remove_many(self, _key: bytes) -> None:
        """Remove the versions without an id of all keys, at once."""

        def work(tx: Tx, _: Sequence[Blob]) -> None:
            for key in KEYS:
                tx.remove(stores.BUCKET, key, stores.NULL)

        with self._told("remove-many", b"-"):
            self._engine.commit(work).result()

    def copy(self, key: bytes) -> None:
        """Put the current version of one key as another's."""
        target = self._chance.choice(KEYS)
        source = self._engine.reader.current(stores.BUCKET, key)
        if source is None or source.is_marker or target == key:
            return
        copied = Version(
            id=stores.NULL, modified_ms=1, size=source.size, etag=source.etag, parts=source.parts
        )
        with self._told("copy", key, target):
            self._engine.commit(lambda tx, _: tx.add(stores.BUCKET, target, copied)).result()

    def describe(self, key: bytes) -> None:
        """Say something else about a version."""
        with self._told("describe", key):
            self._engine.commit(
                lambda tx, _: tx.describe(stores.BUCKET, key, stores.NULL, b"new")
            ).result()

    def complete(self, key: bytes) -> None:
        """Upload an object in two parts, one of them twice."""
        id, parts = self._upload(key)

        def complete(tx: Tx, _: Sequence[Blob]) -> None:
            blobs: tuple[Part, ...] = tuple(
                blob for part in tx.upload_parts(id) for blob in part.parts
            )
            size = sum(blob.size for blob in blobs)
            tx.add(stores.BUCKET, key, Version(id="null", modified_ms=0, size=size, parts=blobs))
            tx.end_upload(stores.BUCKET, key, id)

        with self._told("complete", key, *(one for part in parts for one in part)):
            self._engine.commit(complete).result()

    def abort(self, key: bytes) -> None:
        """Upload two parts, and give the upload up."""
        id, _ = self._upload(key)
        with self._told("abort", key):
            self._engine.commit(lambda tx, _: tx.end_upload(stores.BUCKET, key, id)).result()

    def collect(self, key: bytes) -> None:
        """Compact and collect."""
        with self._told("collect", key):
            self._engine.collect()

    def scrub(self, key: bytes) -> None:
        """Read everything and note what is damaged."""
        with self._told("scrub", key):
            self._engine.scrub()

    def reopen(self, key: bytes) -> None:
        """Close the store and open it again."""
        with self._told("reopen", key):
            self._engine.close()
            self._engine = Engine(self._root, disk=self._disk)
            self._stand_in()

    def _upload(self, key: bytes) -> tuple[str, list[tuple[int, int]]]:
        id = str(self._chance.randrange(1 << 60))
        parts = [(self._chance.randrange(1 << 30), size) for size in (150_000, 70)]
        upload = Upload(id=id, key=key, started_ms=0)
        with self._told("part", key):
            self._engine.commit(lambda tx, _: tx.begin_upload(stores.BUCKET, upload)).result()
            _put_part(self._engine, id, 2, b"is replaced")
            for number, (seed, size) in enumerate(parts, 1):
                _put_part(self._engine, id, number, data_of(seed, size))
        return id, parts

    def _content(self) -> tuple[int, int]:
        sizes = (0, 10, 5000, 60_000, 130_000, 300_000)
        return self._chance.randrange(1 << 30), self._chance.choice(sizes)

    def _id(self) -> str:
        return f"v{next(self._ids):06}"

    def _stand_in(self) -> None:
        """Make steps of the commits, too."""
        committer = self._engine._committer  # pyright: ignore[reportPrivateUsage]
        _failing(committer, self._disk, self._root / "index.db", self._chance)


def _failing(committer: Committer, disk: FailingDisk, index: Path, chance: random.Random) -> None:
    real = committer._connection  # pyright: ignore[reportPrivateUsage]
    failing = FailingCommits(real, disk, index, random.Random(chance.random()))
    vars(committer)["_connection"] = failing


def _put_part(engine: Engine, upload: str, number: int, data: bytes) -> None:
    receiver = engine.receive()
    receiver.write(data)

    def keep(tx: Tx, blobs: Sequence[Blob]) -> None:
        kept = tuple(tx.keep(blob) for blob in blobs)
        part = UploadPart(number=number, size=len(data), etag="", modified_ms=0, parts=kept)
        tx.put_part(stores.BUCKET, upload, part)

    engine.commit(keep, [receiver.finish()]).result()


def data_of(seed: int, size: int) -> bytes:
    """Return the bytes that a line of the journal means."""
    return random.Random(seed).randbytes(size)


class Cut:
    """When the power fails: at a step of the disk after something was begun for the nth time.

    Writes to the journal what is about to be done, and then that it was acknowledged.
    """

    def __init__(self, disk: FailingDisk, kind: str, entry: int, step: int) -> None:
        self._disk = disk
        self._kind = kind
        self._left = entry
        self._step = step

    @contextmanager
    def told(self, kind: str, *words: object) -> Generator[None]:
        """Tell of a change."""
        texts = [word.decode() if isinstance(word, bytes) else str(word) for word in words]
        os.write(1, f"try {kind} {' '.join(texts)}\n".encode())
        self.enter(kind)
        yield
        os.write(1, b"done\n")

    def enter(self, kind: str) -> None:
        """Count what is begun."""
        if kind == self._kind:
            self._left -= 1
            if self._left == 0:
                self._disk.fail_at(self._step)

    def tell_tidying(self) -> None:
        """Tell when packs are emptied and files are removed, and when that is over."""
        enter = self.enter
        kind = garbage.Collector
        empty, remove = kind._empty, kind._remove  # pyright: ignore[reportPrivateUsage]

        def compacting(self: garbage.Collector, pack: int) -> bool:
            os.write(1, b"compacting\n")
            enter("compacting")
            is_done = empty(self, pack)
            os.write(1, b"tidied\n")
            return is_done

        def removing(self: garbage.Collector, files: Sequence[tuple[int, int]]) -> None:
            os.write(1, b"removing\n")
            enter("removing")
            remove(self, files)
            os.write(1, b"tidied\n")

        kind._empty = compacting  # pyright: ignore[reportPrivateUsage]
        kind._remove = removing  # pyright: ignore[reportPrivateUsage]


def main() -> None:
    """For each line `ROOT SEED KIND ENTRY STEP` run a workload until then; tell how it ended.

    The kind `recovery` opens what was left, until a step or to its end. Each runs in a fork, which
    spares it from starting Python anew.
    """
    packs.PACK_MAX = PACK_MAX
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(*line.split())
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(where: str, seed: str, kind: str, entry: str, step: str) -> None:
    root, chance = Path(where), random.Random(int(seed))
    grave = root / f"grave-{kind}"
    grave.mkdir(parents=True)
    disk = FailingDisk(grave, random.Random(int(seed)))
    if kind == "recovery":
        _recover(root / "walrus", disk, int(step))
    os.dup2(os.open(root / "journal", os.O_WRONLY | os.O_CREAT), 1)
    cut = Cut(disk, kind, int(entry), int(step))
    cut.tell_tidying()
    Workload(root / "walrus", disk, cut, chance).run()


def _recover(root: Path, disk: FailingDisk, step: int) -> NoReturn:
    disk.fail_at(step)
    engine = Engine(root, disk=disk)
    engine.collect()
    engine.close()
    os._exit(0)


if __name__ == "__main__":
    main()
