"""An index that is lost: nothing is taken for garbage, and its last copy brings the store back."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from mallee.walrus import copies, index
from mallee.walrus.contents import Means
from mallee.walrus.disk import Disk
from mallee.walrus.engine import Engine
from mallee.walrus.errors import BrokenIndex, Corrupt, NoSpace
from mallee.walrus.places import Names, Places
from tests.walrus.stores import files_of, get, put, remove

LARGE = 300_000


def copy(root: Path, now: float = 1e12) -> bool:
    """Copy the index, unless its copy is young enough."""
    return copies.copy_index(Means(Places(root), Disk(), Names(1 << 20)), now)


def lose(root: Path) -> None:
    """Lose the index, with its log."""
    for path in root.glob("index.db*"):
        path.unlink()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store of which a copy of the index is older than some of its objects."""
    with closing(Engine(tmp_path)) as engine:
        for n in range(10):
            put(engine, b"%d" % n, bytes([n]) * (LARGE if n % 2 else 1000))
        assert copy(tmp_path)
        put(engine, b"later", os.urandom(LARGE))
        remove(engine, b"1")
        engine.collect()
    return tmp_path


def test_without_an_index_nothing_is_taken_for_garbage(root: Path) -> None:
    lose(root)
    before = sorted(path for path in root.rglob("*") if path.is_file())
    with pytest.raises(BrokenIndex, match=r"is gone, and the objects are not: put .*index\.copy"):
        Engine(root)
    assert sorted(path for path in root.rglob("*") if path.is_file()) == before


def test_the_copy_brings_back_what_it_knew_and_names_what_is_gone(root: Path) -> None:
    lose(root)
    (root / "index.copy").rename(root / "index.db")
    with closing(Engine(root)) as engine:
        found = engine.check(repairs=True)
        assert [loser.key for loser in found.losers] == [b"1"]
        assert len(found.orphans) == 1
        for n in (0, *range(2, 10)):
            assert get(engine, b"%d" % n) == bytes([n]) * (LARGE if n % 2 else 1000)
        with pytest.raises(Corrupt):
            get(engine, b"1")
        assert get(engine, b"later") is None
        assert len(files_of(root)) == 4
        remove(engine, b"1")
        assert not engine.check()


def test_ids_that_the_copy_does_not_know_are_not_given_again(root: Path) -> None:
    for n in range(3):
        with closing(Engine(root)) as engine:
            put(engine, b"new %d" % n, os.urandom(LARGE))
            put(engine, b"small %d" % n, b"x")
    lose(root)
    (root / "index.copy").rename(root / "index.db")
    held = {path: path.read_bytes() for path in files_of(root)}
    with closing(Engine(root)) as engine:
        put(engine, b"after", os.urandom(LARGE))
        put(engine, b"after, small", b"x")
        assert get(engine, b"after, small") == b"x"
    assert {path: path.read_bytes() for path in held} == held


def test_a_copy_is_made_when_the_last_one_is_old(root: Path) -> None:
    made = (root / "index.copy").stat()
    assert not copy(root, made.st_mtime + copies.COPY_EVERY_S - 1)
    assert (root / "index.copy").stat().st_ino == made.st_ino
    assert copy(root, made.st_mtime + copies.COPY_EVERY_S)
    assert (root / "index.copy").stat().st_ino != made.st_ino
    assert (root / "index.copy").stat().st_mode & 0o777 == 0o600


def test_no_copy_is_made_where_it_does_not_fit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def free_bytes(_disk: Disk, _path: Path) -> int:
        return 1000

    monkeypatch.setattr(Disk, "free_bytes", free_bytes)
    with pytest.raises(NoSpace):
        copy(root)
    assert (root / "index.copy").exists()


def test_a_repair_gives_back_the_room_of_the_index(tmp_path: Path) -> None:
    with closing(Engine(tmp_path)) as engine:
        for n in range(300):
            put(engine, b"%d" % n * 100, b"x")
        for n in range(300):
            remove(engine, b"%d" % n * 100)
    before = (tmp_path / "index.db").stat().st_size
    with closing(Engine(tmp_path)) as engine:
        engine.check(repairs=True)
    assert (tmp_path / "index.db").stat().st_size < before / 2
    index.connect(tmp_path / "index.db").close()
