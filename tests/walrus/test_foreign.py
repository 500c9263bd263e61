"""Bytes in another S3: where they lie, and what happens when it fails, lies or is away."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from mallee.model.configuration import settings
from mallee.walrus import opening, packs
from mallee.walrus.engine import Engine
from mallee.walrus.errors import Corrupt, Unreachable
from mallee.walrus.foreign import Bucket, ForeignDisk
from mallee.walrus.places import Places
from tests.walrus import otherstore
from tests.walrus.otherstore import NAME, Other
from tests.walrus.stores import get, put, remove


@pytest.fixture
def other() -> Generator[Other]:
    """The other store."""
    with otherstore.running() as running:
        yield running


@pytest.fixture
def engine(tmp_path: Path, other: Other, monkeypatch: pytest.MonkeyPatch) -> Generator[Engine]:
    """An engine whose bytes go there; each of its packs is full at once."""
    monkeypatch.setattr(packs, "PACK_MAX", 1)
    with closing(Engine(tmp_path, disk=ForeignDisk(tmp_path, other.bucket))) as opened:
        yield opened


def here(root: Path) -> list[str]:
    """Return the files of bytes that lie on this machine."""
    where = Places(root)
    folders = (where.packs, where.files, where.incoming)
    return [path.name for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_what_has_arrived_lies_there_and_not_here(
    engine: Engine, other: Other, tmp_path: Path
) -> None:
    data = os.urandom(2_500_000)
    put(engine, b"large", data)
    assert here(tmp_path) == []
    for n in range(3):
        put(engine, b"%d" % n, b"small")
    engine.collect()
    # The pack that is written to stays.
    assert len(here(tmp_path)) == 1
    assert [name.split("/")[0] for name in other.names()] == ["files", "packs", "packs"]
    assert get(engine, b"large") == data
    assert [get(engine, b"%d" % n) for n in range(3)] == [b"small"] * 3
    assert not engine.check()


def test_what_is_removed_is_removed_there(engine: Engine, other: Other) -> None:
    put(engine, b"large", os.urandom(300_000))
    for n in range(3):
        put(engine, b"%d" % n, b"small")
    engine.collect()
    for key in (b"large", b"0", b"1"):
        remove(engine, key)
    engine.collect()
    assert other.names() == []
    assert get(engine, b"2") == b"small"


def test_a_pack_there_is_compacted(
    engine: Engine, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "PACK_MAX", 100_000)
    for n in range(12):
        put(engine, b"%d" % n, bytes([n]) * 10_000)
    engine.collect()
    [before] = other.names()
    for n in range(9):
        remove(engine, b"%d" % n)
    engine.collect()
    assert before not in other.names()
    assert [get(engine, b"%d" % n) for n in (9, 10, 11)] == [
        bytes([n]) * 10_000 for n in (9, 10, 11)
    ]


def test_bytes_that_were_altered_there_are_never_given_out(engine: Engine, other: Other) -> None:
    put(engine, b"k", os.urandom(300_000))
    put(engine, b"well", b"1" * 300_000)
    [key, _] = other.names()
    altered = other.bucket.get(key, 0, 299_999) + b"?"
    other.client.put_object(Bucket=NAME, Key=key, Body=altered)
    found = {name: engine.reader.current(1, name) for name in (b"k", b"well")}
    bad = [name for name, one in found.items() if one and f"{one.parts[0].blob:016x}" in key]
    with pytest.raises(Corrupt):
        get(engine, bad[0])
    assert [loser.key for loser in engine.scrub()[1]] == bad


def test_bytes_that_are_gone_there_are_named(engine: Engine, other: Other) -> None:
    put(engine, b"k", os.urandom(300_000))
    [key] = other.names()
    other.client.delete_object(Bucket=NAME, Key=key)
    with pytest.raises(Corrupt, match="has lost its file"):
        get(engine, b"k")
    assert [loser.key for loser in engine.check().losers] == [b"k"]


def test_while_it_is_away_nothing_is_lost_and_nothing_called_damaged(
    engine: Engine, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = os.urandom(300_000)
    put(engine, b"large", large)
    for n in range(2):
        put(engine, b"%d" % n, b"small")
    with monkeypatch.context() as away:
        for name in ("put", "get", "size", "remove", "names"):
            away.setattr(Bucket, name, _refuse)
        with pytest.raises(Unreachable):
            get(engine, b"large")
        with pytest.raises(Unreachable):
            put(engine, b"large 2", large)
        with pytest.raises(Unreachable):
            engine.scrub()
        put(engine, b"small", b"is taken all the same")
        remove(engine, b"0")
    engine.collect()
    assert get(engine, b"large") == large
    assert get(engine, b"large 2") is None
    assert get(engine, b"small") == b"is taken all the same"
    assert not engine.check()


def test_what_cannot_be_removed_there_holds_up_nobody(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = engine.receive()
    receiver.write(bytes(300_000))
    content = receiver.finish()
    with monkeypatch.context() as away:
        away.setattr(Bucket, "remove", _refuse)
        engine.commit(lambda _tx, _: None, [content]).result()
    put(engine, b"k", b"v")
    assert len(engine.check(repairs=True).orphans) == 1
    assert not engine.check()


def _refuse(*_: object) -> None:
    raise Unreachable("away")


def test_what_a_killed_writer_had_brought_there_is_swept(tmp_path: Path, other: Other) -> None:
    program = f"""
import os, signal
from pathlib import Path
from mallee.walrus.engine import Engine
from mallee.walrus.foreign import Access, Bucket, ForeignDisk
root = Path({str(tmp_path)!r})
access = Access({", ".join(f"{name}={getattr(other.access, name)!r}" for name in FIELDS)})
engine = Engine(root, disk=ForeignDisk(root, Bucket(access)))
receiver = engine.receive()
receiver.write(bytes(300_000))
receiver.finish()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(other.names()) == 1
    with closing(Engine(tmp_path, disk=ForeignDisk(tmp_path, other.bucket))) as engine:
        assert other.names() == []
        assert not engine.check()


FIELDS = ("endpoint", "bucket", "region", "access_key_id", "secret_access_key")


def test_the_settings_choose_it(tmp_path: Path, other: Other) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"}')
    chosen = settings.parse(
        f'[objects]\nengine = "s3"\nendpoint = "{other.access.endpoint}"\n'
        f'bucket = "{NAME}"\ncredentials = "{key}"\n'
    ).objects
    with closing(opening.open_engine(tmp_path / "walrus", chosen)) as engine:
        put(engine, b"k", bytes(300_000))
        assert len(other.names()) == 1
    key.unlink()
    with pytest.raises(settings.InvalidSettings, match=r"objects\.credentials"):
        opening.open_engine(tmp_path / "walrus", chosen)


@pytest.mark.parametrize("missing", ["endpoint", "bucket", "credentials"])
def test_settings_that_do_not_say_where_are_refused(missing: str) -> None:
    given = {"endpoint": "http://x", "bucket": "b", "credentials": "/k"} | {missing: ""}
    lines = "\n".join(f'{name} = "{value}"' for name, value in given.items())
    with pytest.raises(settings.InvalidSettings, match=f"objects.{missing} is not given"):
        settings.parse(f'[objects]\nengine = "s3"\n{lines}\n')


def test_a_bucket_that_does_not_exist_is_told_as_such(other: Other, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    other.client.delete_bucket(Bucket=NAME)
    with pytest.raises(Unreachable, match="NoSuchBucket"):
        other.bucket.put("files/00/1", file)
