"""The object store of a cloud that is down is compared with its index, as its own user."""

import os
import sqlite3
from pathlib import Path

import pytest

from mallee.box import objects, status, steps
from mallee.model.layout import Layout
from mallee.walrus import disk, places
from mallee.walrus.engine import Engine
from tests.walrus import stores

LARGE = bytes(300_000)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A root with two objects."""
    made = Layout(tmp_path)
    engine = Engine(made.objects)
    stores.put(engine, b"small", b"small")
    stores.put(engine, b"large", LARGE)
    engine.close()
    return made


def stored(layout: Layout) -> Path:
    """Return the file of the large one."""
    where = places.Places(layout.objects)
    [path] = [where.file(id) for id in disk.Disk().ids(where.files)]
    return path


def test_nothing_is_found_where_all_is_well(layout: Layout) -> None:
    found = objects.check(layout, repairs=False)
    assert found.are_harmless
    assert (found.references, found.usages, found.orphans) == ((), (), ())


def test_a_file_of_nobody_is_found_and_removed_only_when_that_is_asked_for(
    layout: Layout,
) -> None:
    stray = places.Places(layout.objects).file(0xFF)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"nobody's")
    assert len(objects.check(layout, repairs=False).orphans) == 1
    assert stray.exists()
    assert len(objects.check(layout, repairs=True).orphans) == 1
    assert not stray.exists()
    assert not objects.check(layout, repairs=False).orphans


def test_a_lost_file_is_no_harmless_finding(layout: Layout) -> None:
    stored(layout).unlink()
    found = objects.check(layout, repairs=True)
    assert len(found.missing) == 1
    assert not found.are_harmless
    assert [(one.bucket, one.key) for one in found.losers] == [("(number 1)", "large")]


def test_a_damaged_index_is_no_harmless_finding(layout: Layout) -> None:
    index = places.Places(layout.objects).index
    connection = sqlite3.connect(index)
    [page] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pack'").fetchone()
    connection.close()
    with index.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))
    found = objects.check(layout, repairs=True)
    assert found.index
    assert not found.are_harmless


def test_nothing_is_compared_while_the_cloud_is_up(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = status.Process(os.getpid(), 0)

    def find(_layout: Layout, name: str) -> status.Process | None:
        return this if name == "s3" else None

    monkeypatch.setattr(status, "find", find)
    with pytest.raises(steps.Failed, match="is up"):
        objects.check(layout, repairs=False)


def test_a_root_without_objects_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(steps.Failed, match="no objects"):
        objects.check(Layout(tmp_path), repairs=False)
