"""The engine keeps what it was given, byte by byte, and nothing of what is gone."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mallee.walrus import contents, seam
from mallee.walrus.engine import Engine
from mallee.walrus.errors import BrokenIndex, Corrupt, NoSpace
from mallee.walrus.records import Blob, Part, Upload, UploadPart, Usage, Version
from mallee.walrus.tx import Tx
from tests.walrus import stores
from tests.walrus.stores import BUCKET, files_of, get, put, remove

SIZES = (0, 1, 4096, seam.SMALL_MAX, seam.SMALL_MAX + 1, contents.BLOCK, 3_500_000)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_there_after_a_restart(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    first = Engine(tmp_path)
    put(first, b"k", data)
    first.close()
    second = Engine(tmp_path)
    assert get(second, b"k") == data
    second.close()


def test_an_object_put_again_is_replaced_and_its_room_given_back(
    engine: Engine, tmp_path: Path
) -> None:
    put(engine, b"k", os.urandom(300_000))
    put(engine, b"k", b"new")
    engine.collect()
    assert get(engine, b"k") == b"new"
    assert files_of(tmp_path) == []
    assert engine.reader.usage(BUCKET) == Usage(1, 3)


def test_a_copy_shares_bytes_and_outlives_its_source(engine: Engine, tmp_path: Path) -> None:
    data = os.urandom(400_000)
    source = put(engine, b"a", data)
    engine.commit(lambda tx, _: tx.add(BUCKET, b"b", source)).result()
    assert len(files_of(tmp_path)) == 1
    remove(engine, b"a")
    engine.collect()
    assert get(engine, b"b") == data
    remove(engine, b"b")
    engine.collect()
    assert files_of(tmp_path) == []
    assert engine.reader.usage(BUCKET) == Usage(0, 0)


def test_a_job_that_fails_leaves_nothing_and_harms_no_other(engine: Engine, tmp_path: Path) -> None:
    def fail(tx: Tx, blobs: Sequence[Blob]) -> None:
        tx.add(BUCKET, b"bad", Version(id="null", modified_ms=0, parts=(tx.keep(blobs[0]),)))
        raise KeyError("no")

    receiver = engine.receive()
    receiver.write(os.urandom(500_000))
    failing = engine.commit(fail, [receiver.finish()])
    fine = stores.begin_put(engine, b"good", b"fine")
    with pytest.raises(KeyError):
        failing.result()
    assert fine.result().size == 4
    assert get(engine, b"bad") is None
    assert files_of(tmp_path) == []


class FailsToCommit:
    """A connection to the index whose disk fails at the end of a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return self._connection.execute(statement, *values)


def test_what_may_turn_out_to_be_kept_keeps_its_bytes(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = engine._committer  # pyright: ignore[reportPrivateUsage]
    connection = committer._connection  # pyright: ignore[reportPrivateUsage]
    with monkeypatch.context() as patched:
        patched.setattr(committer, "_connection", FailsToCommit(connection))
        with pytest.raises(BrokenIndex, match="disk I/O error"):
            put(engine, b"k", os.urandom(300_000))
    assert get(engine, b"k") is None
    assert len(files_of(tmp_path)) == 1
    put(engine, b"k", b"again")
    assert get(engine, b"k") == b"again"


def test_an_abandoned_content_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    receiver = engine.receive()
    receiver.write(os.urandom(500_000))
    receiver.abandon()
    assert list(tmp_path.rglob("incoming/*")) == []


def test_an_upload_in_parts_becomes_one_object(engine: Engine, tmp_path: Path) -> None:
    engine.commit(
        lambda tx, _: tx.begin_upload(BUCKET, Upload(id="u", key=b"k", started_ms=1))
    ).result()
    data = {number: os.urandom(300_000) for number in (1, 2, 3)}
    for number in (2, 1, 3, 2):
        put_part(engine, "u", number, data[number])
    parts = engine.reader.upload_parts("u")
    assert [part.number for part in parts] == [1, 2, 3]

    def complete(tx: Tx, _: Sequence[Blob]) -> None:
        blobs: tuple[Part, ...] = tuple(
            one for part in tx.upload_parts("u")[:2] for one in part.parts
        )
        tx.add(BUCKET, b"k", Version(id="null", modified_ms=2, size=600_000, parts=blobs))
        tx.end_upload(BUCKET, b"k", "u")

    engine.commit(complete).result()
    engine.collect()
    assert get(engine, b"k") == data[1] + data[2]
    assert engine.reader.upload(BUCKET, b"k", "u") is None
    assert len(files_of(tmp_path)) == 2


def put_part(engine: Engine, upload: str, number: int, data: bytes) -> None:
    """Store a part of an upload."""
    receiver = engine.receive()
    receiver.write(data)

    def work(tx: Tx, blobs: Sequence[Blob]) -> None:
        kept = tuple(tx.keep(blob) for blob in blobs)
        part = UploadPart(number=number, size=len(data), etag="", modified_ms=1, parts=kept)
        tx.put_part(BUCKET, upload, part)

    engine.commit(work, [receiver.finish()]).result()


@pytest.mark.parametrize("size", [4000, 2_500_000])
@pytest.mark.parametrize("where", [0, 0.5, 1])
def test_a_flipped_bit_is_never_given_out(
    engine: Engine, tmp_path: Path, size: int, where: float
) -> None:
    version = put(engine, b"k", os.urandom(size))
    put(engine, b"other", b"well")
    flip(engine, tmp_path, version.parts[0].blob, int((size - 1) * where))
    with pytest.raises(Corrupt):
        get(engine, b"k")
    report, losers = engine.scrub()
    assert [damage.blob for damage in report.damages] == [version.parts[0].blob]
    assert [(loser.bucket, loser.key, loser.version) for loser in losers] == [
        (BUCKET, b"k", "null")
    ]
    assert get(engine, b"other") == b"well"


def flip(engine: Engine, root: Path, blob: int, position: int) -> None:
    """Change one bit of a blob on the disk, behind the engine's back."""
    [stretch] = engine.reader.stretches([Part(blob, 1 << 30)], position, position + 1)
    [path] = [
        path
        for path in root.rglob("*")
        if path.is_file() and path.name == f"{stretch.blob.pack or blob:016x}"
    ]
    with path.open("r+b") as file:
        file.seek(stretch.blob.offset + position)
        [byte] = file.read(1)
        file.seek(stretch.blob.offset + position)
        file.write(bytes((byte ^ 1,)))


def test_a_lost_file_is_told(engine: Engine, tmp_path: Path) -> None:
    put(engine, b"k", os.urandom(500_000))
    files_of(tmp_path)[0].unlink()
    with pytest.raises(Corrupt, match="has lost its file"):
        get(engine, b"k")
    assert len(engine.scrub()[0].damages) == 1


def test_a_scrub_of_a_sound_store_finds_nothing(engine: Engine) -> None:
    for n in range(20):
        put(engine, b"%d" % n, os.urandom(n * 20_000))
    report, losers = engine.scrub()
    assert (report.blobs, report.damages, losers) == (20, (), [])
    assert report.bytes == sum(n * 20_000 for n in range(20))


def test_a_full_disk_refuses_in_time_and_harms_nothing(engine: Engine) -> None:
    put(engine, b"k", b"kept")
    with pytest.raises(NoSpace):
        engine.check_room(1 << 60)
    assert get(engine, b"k") == b"kept"


def test_two_openings_see_each_others_objects(engine: Engine, tmp_path: Path) -> None:
    other = Engine(tmp_path / "walrus")
    put(engine, b"a", b"1")
    put(other, b"b", os.urandom(200_000))
    assert get(other, b"a") == b"1"
    assert get(engine, b"b") == get(other, b"b")
    other.close()
