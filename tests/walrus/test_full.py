"""A disk that is full at any step: the request is refused, nothing is lost, deleting works."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mallee.walrus.disk import Disk
from mallee.walrus.engine import Engine
from mallee.walrus.errors import NoSpace
from mallee.walrus.records import Blob, Upload, UploadPart, Usage
from mallee.walrus.tx import Tx
from tests.walrus import stores
from tests.walrus.stores import get, put, remove

LARGE = 300_000
SMALL = 5_000


class FullDisk(Disk):
    """A disk that is full from one of its steps on, until it is told otherwise."""

    def __init__(self) -> None:
        self.left: int | None = None
        """Steps that still succeed; None: all."""

    def _step(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise NoSpace("no space left on device")
            self.left -= 1

    def create(self, path: Path) -> int:
        self._step()
        return super().create(path)

    def write(self, descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
        if self.left == 0:
            # As a disk does: some of it is there.
            super().write(descriptor, [memoryview(pieces[0])[: len(pieces[0]) // 2]], offset)
        self._step()
        super().write(descriptor, pieces, offset)

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)

    def rename(self, old: Path, new: Path) -> None:
        self._step()
        super().rename(old, new)

    def make_directory(self, path: Path) -> None:
        self._step()
        super().make_directory(path)


@pytest.fixture
def disk() -> FullDisk:
    """A disk that has room."""
    return FullDisk()


@pytest.fixture
def engine(tmp_path: Path, disk: FullDisk) -> Iterator[Engine]:
    """An engine on that disk, which holds something already."""
    opened = Engine(tmp_path / "walrus", disk=disk)
    put(opened, b"small", b"kept")
    put(opened, b"large", b"kept" * 100_000)
    yield opened
    opened.close()


def _put_small(engine: Engine) -> None:
    put(engine, b"k", os.urandom(SMALL))


def _put_large(engine: Engine) -> None:
    put(engine, b"k", os.urandom(LARGE))


def _put_part(engine: Engine) -> None:
    receiver = engine.receive()
    try:
        receiver.write(os.urandom(LARGE))
        content = receiver.finish()
    finally:
        receiver.abandon()

    def keep(tx: Tx, blobs: Sequence[Blob]) -> None:
        parts = tuple(tx.keep(blob) for blob in blobs)
        part = UploadPart(number=1, size=LARGE, etag="", modified_ms=0, parts=parts)
        tx.put_part(stores.BUCKET, "u", part)

    engine.commit(keep, [content]).result()


@pytest.mark.parametrize("do", [_put_small, _put_large, _put_part])
def test_a_full_disk_refuses_at_any_step_and_loses_nothing(
    engine: Engine, disk: FullDisk, do: Callable[[Engine], None]
) -> None:
    upload = Upload(id="u", key=b"k", started_ms=0)
    engine.commit(lambda tx, _: tx.begin_upload(stores.BUCKET, upload)).result()
    refused = 0
    while True:
        disk.left = refused
        try:
            do(engine)
        except NoSpace:
            refused += 1
        else:
            break
        assert get(engine, b"k") is None
        assert get(engine, b"small") == b"kept"
        disk.left = None
        assert engine.check().orphans == ()
    assert refused >= 2
    assert get(engine, b"large") == b"kept" * 100_000


def test_deleting_works_on_a_full_disk(engine: Engine, disk: FullDisk, tmp_path: Path) -> None:
    disk.left = 0
    for key in (b"small", b"large"):
        assert remove(engine, key) is not None
    disk.left = None
    engine.collect()
    assert stores.files_of(tmp_path) == []
    assert engine.reader.usage(stores.BUCKET) == Usage(0, 0)
    assert not engine.check()


def test_compacting_on_a_full_disk_keeps_what_is_there(tmp_path: Path, disk: FullDisk) -> None:
    first = Engine(tmp_path)
    for n in range(8):
        put(first, b"%d" % n, bytes([n]) * 50_000)
    first.close()
    engine = Engine(tmp_path, disk=disk)
    for n in range(6):
        remove(engine, b"%d" % n)
    for steps in range(3):
        disk.left = steps
        with pytest.raises(NoSpace):
            engine.collect()
        assert get(engine, b"6") == bytes([6]) * 50_000
    disk.left = None
    engine.collect()
    assert get(engine, b"7") == bytes([7]) * 50_000
    assert not engine.check()
    engine.close()


def test_an_index_that_cannot_grow_refuses_and_goes_on(engine: Engine) -> None:
    connection: sqlite3.Connection = engine._committer._connection  # pyright: ignore[reportPrivateUsage]
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    taken = 0
    with contextlib.suppress(NoSpace):
        while taken < 1000:
            put(engine, b"more-%03d" % taken, b"x")
            taken += 1
    assert taken < 1000
    assert taken > 0
    assert remove(engine, b"large") is not None
    assert get(engine, b"small") == b"kept"
    connection.execute("PRAGMA max_page_count = 1000000")
    put(engine, b"after", b"well")
    assert get(engine, b"more-%03d" % (taken - 1)) == b"x"
    assert not engine.check()
