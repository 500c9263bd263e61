"""Room that nobody needs is given back, and what is damaged there harms nothing else."""

import os
from pathlib import Path

import pytest

from mallee.walrus import index
from mallee.walrus.engine import Engine
from mallee.walrus.errors import Corrupt
from tests.walrus.stores import files_of, get, put, remove


def test_a_pack_that_is_half_empty_is_given_back(tmp_path: Path) -> None:
    first = Engine(tmp_path)
    for n in range(20):
        put(first, b"%d" % n, bytes([n]) * 50_000)
    first.close()
    second = Engine(tmp_path)
    for n in range(15):
        remove(second, b"%d" % n)
    [before] = (tmp_path / "packs").iterdir()
    second.collect()
    assert not before.exists()
    assert [get(second, b"%d" % n) for n in range(15, 20)] == [
        bytes([n]) * 50_000 for n in range(15, 20)
    ]
    second.close()
    assert sum(path.stat().st_size for path in (tmp_path / "packs").iterdir()) < 300_000


def test_a_pack_that_was_cut_off_harms_only_what_it_has_lost(tmp_path: Path) -> None:
    first = Engine(tmp_path)
    for n in range(8):
        put(first, b"%d" % n, bytes([n]) * 50_000)
    first.close()
    [pack] = (tmp_path / "packs").iterdir()
    os.truncate(pack, pack.stat().st_size - 60_000)
    second = Engine(tmp_path)
    for n in range(5):
        remove(second, b"%d" % n)
    put(second, b"after", b"well")
    second.collect()
    assert not pack.exists()
    for n in (6, 7):
        with pytest.raises(Corrupt):
            get(second, b"%d" % n)
    assert get(second, b"5") == bytes([5]) * 50_000
    assert get(second, b"after") == b"well"
    assert {loser.key for loser in second.scrub()[1]} == {b"6", b"7"}
    second.close()


def test_a_pack_that_is_lost_does_not_hold_up_others(tmp_path: Path) -> None:
    for opening in range(2):
        engine = Engine(tmp_path)
        for n in range(8):
            put(engine, b"%d" % n, os.urandom(50_000), id=f"v{opening}")
        engine.close()
    lost, sound = sorted((tmp_path / "packs").iterdir())
    lost.unlink()
    engine = Engine(tmp_path)
    for n in range(8):
        for version in ("v0", "v1"):
            if n:
                remove(engine, b"%d" % n, version)
    engine.collect()
    assert not sound.exists()
    engine.close()


def test_a_pack_of_tiny_objects_is_left_alone(tmp_path: Path) -> None:
    first = Engine(tmp_path)
    for n in range(50):
        put(first, b"%d" % n, b"x")
    first.close()
    [before] = (tmp_path / "packs").iterdir()
    second = Engine(tmp_path)
    second.collect()
    assert before.exists()
    second.close()


def test_what_nobody_kept_leaves_no_file(engine: Engine, tmp_path: Path) -> None:
    receiver = engine.receive()
    receiver.write(os.urandom(500_000))
    engine.commit(lambda _tx, _: None, [receiver.finish()]).result()
    receiver = engine.receive()
    receiver.write(os.urandom(500_000))
    engine.commit(lambda tx, blobs: tx.keep(blobs[0]), [receiver.finish()]).result()
    assert files_of(tmp_path) == []
    assert not engine.check()


def test_the_log_of_the_index_does_not_grow_for_ever(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "walrus" / "index.db-wal"
    monkeypatch.setattr(index, "LOG_MAX_BYTES", 100_000)
    reading = index.connect(tmp_path / "walrus" / "index.db", reads_only=True)
    rows = reading.execute("SELECT key FROM object UNION ALL SELECT value FROM mark")
    put(engine, b"k", b"v")
    rows.fetchone()
    for n in range(100):
        put(engine, b"%d" % n, b"v")
    assert log.stat().st_size > 100_000
    rows.close()
    other = index.connect(tmp_path / "walrus" / "index.db", reads_only=True)
    assert index.shorten_log(other, tmp_path / "walrus" / "index.db")
    assert log.stat().st_size == 0
    assert not index.shorten_log(other, tmp_path / "walrus" / "index.db")
    assert get(engine, b"99") == b"v"
    other.close()
    reading.close()
