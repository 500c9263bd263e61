"""What a failing disk takes away is named, and harms nothing else."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.walrus import index
from mallee.walrus.disk import Disk
from mallee.walrus.engine import Engine
from mallee.walrus.errors import BrokenIndex, Corrupt
from tests.walrus.stores import files_of, get, put


class BadDisk(Disk):
    """A disk on which one file cannot be read from some offset on, or nothing be synced."""

    def __init__(self) -> None:
        self.bad: Path | None = None
        self.start = 0
        self.fails_to_sync = False

    def sync(self, descriptor: int) -> None:
        if self.fails_to_sync:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)

    def read_into(self, descriptor: int, buffer: memoryview, offset: int) -> int:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path == self.bad and offset + len(buffer) > self.start:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read_into(descriptor, buffer, offset)


@pytest.fixture
def disk() -> BadDisk:
    """A disk that is well."""
    return BadDisk()


@pytest.fixture
def engine(tmp_path: Path, disk: BadDisk) -> Iterator[Engine]:
    """An engine on that disk."""
    opened = Engine(tmp_path / "walrus", disk=disk)
    yield opened
    opened.close()


def test_a_file_that_cannot_be_read_is_named(engine: Engine, disk: BadDisk, tmp_path: Path) -> None:
    put(engine, b"bad", os.urandom(3_000_000))
    [disk.bad] = files_of(tmp_path)
    disk.start = 2_500_000
    put(engine, b"well", b"1" * 3_000_000)
    version = engine.reader.current(1, b"bad")
    assert version is not None
    with pytest.raises(Corrupt, match="cannot be read: Input/output error"):
        get(engine, b"bad")
    whole = engine.reader.pieces(version.parts, 0, 2_000_000)
    assert sum(piece.end - piece.start for piece in whole) == 2_000_000
    assert get(engine, b"well") == b"1" * 3_000_000
    report, losers = engine.scrub()
    assert [damage.why.partition(" ")[2] for damage in report.damages] == [
        f"{report.damages[0].blob:016x} cannot be read: Input/output error"
    ]
    assert [loser.key for loser in losers] == [b"bad"]


def test_a_pack_that_cannot_be_read_from_somewhere_on_harms_what_lies_there(
    engine: Engine, disk: BadDisk, tmp_path: Path
) -> None:
    for n in range(4):
        put(engine, b"%d" % n, bytes([n]) * 10_000)
    [disk.bad] = tmp_path.rglob("packs/*")
    disk.start = 25_000
    assert get(engine, b"1") == b"\1" * 10_000
    for key in (b"2", b"3"):
        with pytest.raises(Corrupt):
            get(engine, key)
    assert [loser.key for loser in engine.scrub()[1]] == [b"2", b"3"]
    disk.bad = None
    assert engine.scrub()[0].damages == ()


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_pack_that_could_not_be_synced_is_written_to_no_more(
    engine: Engine, disk: BadDisk, tmp_path: Path, size: int
) -> None:
    put(engine, b"before", b"1")
    disk.fails_to_sync = True
    with pytest.raises(OSError, match="Input/output error"):
        put(engine, b"k", bytes(size))
    disk.fails_to_sync = False
    assert get(engine, b"k") is None
    put(engine, b"k", b"2")
    assert len(list(tmp_path.rglob("packs/*"))) == (2 if size == 10 else 1)
    assert (get(engine, b"before"), get(engine, b"k")) == (b"1", b"2")
    assert not engine.check()


def _filled(root: Path) -> Path:
    engine = Engine(root)
    for n in range(500):
        put(engine, b"%03d" % n, b"x")
    engine.close()
    return root / "index.db"


def test_an_index_that_is_none_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    file = _filled(tmp_path)
    data = file.read_bytes()
    file.write_bytes(os.urandom(100) + data[100:])
    with pytest.raises(BrokenIndex, match=r"index\.db cannot be used"):
        Engine(tmp_path)
    assert file.read_bytes()[100:] == data[100:]
    assert len(list((tmp_path / "packs").iterdir())) == 1
    file.write_bytes(data)
    engine = Engine(tmp_path)
    assert get(engine, b"499") == b"x"
    engine.close()


def test_a_damaged_page_of_the_index_is_found_by_the_check(tmp_path: Path) -> None:
    file = _filled(tmp_path)
    connection = index.connect(file)
    [root] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pack'").fetchone()
    connection.close()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * 4096)
        opened.write(os.urandom(4096))
    engine = Engine(tmp_path)
    findings = engine.check()
    assert findings.index
    assert findings
    engine.close()
