"""Objects are had from a copy of a lost machine's directory: whole, once, whatever is killed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.box import client, objectsrestore, owners, settingshistory, status, steps
from mallee.box.objectsrestore import Wish
from mallee.model.configuration import settings
from mallee.model.configuration.settings import Objects, Settings
from mallee.model.layout import Layout
from mallee.walrus import places, terms
from mallee.walrus.engine import Engine
from tests import wholecloud
from tests.walrus import stores

pytestmark = pytest.mark.host

ALONE, LOOK = "See that nobody else has the objects", "Look at the copy"
COPY, TAKE = "Copy it beside what is here", "Have the objects be here"
COMPARE = "Compare index and files"
LARGE = bytes(300_000)


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A front end that has no objects."""
    owners.ensure_user()
    made = Layout(root_dir / "here")
    made.root.mkdir()
    made.run.mkdir()
    for path in (*root_dir.parents, root_dir):
        path.chmod(path.stat().st_mode | 0o011)
    elsewhere = Settings(objects=Objects(engine="elsewhere", processes=3))
    made.settings.write_text(settings.encode(elsewhere))
    return made


@pytest.fixture
def copy(root_dir: Path) -> Path:
    """A copy of objects."""
    made = root_dir / "copy"
    engine = Engine(made)
    stores.put(engine, b"small", b"small")
    stores.put(engine, b"large", LARGE)
    engine.close()
    return made


def do(layout: Layout, copy: Path, *names: str) -> None:
    """Do some of the steps: those that take daemons down and up are not for here."""
    chosen = [one for one in objectsrestore.plan(layout, Wish(copy, True)) if one.name in names]
    assert len(chosen) == len(names)
    steps.run(chosen, wholecloud.Silent())


def kept(layout: Layout) -> set[bytes]:
    """The keys that are there."""
    engine = Engine(layout.objects)
    try:
        return {key for key in (b"small", b"large") if stores.get(engine, key) is not None}
    finally:
        engine.close()


def test_the_copy_becomes_the_objects_here_and_stays_as_it_is(layout: Layout, copy: Path) -> None:
    before = sorted(path.relative_to(copy) for path in copy.rglob("*"))
    (layout.objects / "old").mkdir(parents=True)
    do(layout, copy, LOOK, COPY)
    # Until then nothing is as if it were here.
    assert (layout.objects / "old").exists()
    assert owners.read_settings(layout).objects.engine == "elsewhere"
    do(layout, copy, TAKE, COMPARE)
    held = owners.read_settings(layout).objects
    assert (held.engine, held.processes) == ("local", 3)
    assert settingshistory.entries(layout)[-1].outcome == settingshistory.HOLDS
    assert (layout.root / "objects.former-1" / "old").exists()
    assert layout.objects.owner() == owners.CLOUD_USER
    assert kept(layout) == {b"small", b"large"}
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == before


def test_killed_between_its_steps_it_goes_on(layout: Layout, copy: Path) -> None:
    do(layout, copy, COPY)
    do(layout, copy, COPY, TAKE)
    # The objects are here, and were not compared: nothing is copied over them.
    do(layout, copy, ALONE, COPY, TAKE)
    do(layout, copy, COMPARE)
    assert kept(layout) == {b"small", b"large"}
    with pytest.raises(steps.Failed, match="has objects of its own"):
        do(layout, copy, ALONE)


def test_of_a_shared_directory_the_last_term_counts(layout: Layout, root_dir: Path) -> None:
    made = root_dir / "shared"
    made.mkdir()
    for key in (b"small", b"large"):
        engine = Engine(made, term=terms.begin(made, lambda: float("inf")))
        stores.put(engine, key, LARGE)
        engine.close()
    do(layout, made, LOOK, COPY, TAKE, COMPARE)
    assert kept(layout) == {b"small", b"large"}
    assert not (layout.objects / "term").exists()


def test_without_an_index_its_own_copy_is_taken(layout: Layout, copy: Path) -> None:
    shutil.copy(copy / "index.db", copy / "index.copy")
    (copy / "index.db").unlink()
    do(layout, copy, LOOK, COPY, TAKE, COMPARE)
    assert kept(layout) == {b"small", b"large"}


def test_what_is_no_copy_is_refused(layout: Layout, copy: Path) -> None:
    shutil.rmtree(copy / "packs")
    (copy / "index.db").unlink()
    with pytest.raises(steps.Failed, match=r"it has no packs, index\.db"):
        do(layout, copy, LOOK)


@pytest.mark.parametrize("serves", [True, False])
def test_while_the_one_that_has_them_may_live_it_is_refused(
    layout: Layout, copy: Path, monkeypatch: pytest.MonkeyPatch, serves: bool
) -> None:
    born = status.read_birth(os.getpid())
    assert born is not None
    with pytest.raises(steps.Failed, match="cannot say who has the objects"):
        do(layout, copy, ALONE)
    status.write_pid(layout, "cloud", status.Process(os.getpid(), born))
    told = {"Name": "lost", "FrontEndId": "fe-1", "IsPresent": False, "ServesObjects": serves}
    answers: dict[str, Callable[..., object]] = {
        "read_access": lambda *_: None,
        "call": lambda *_: {"FrontEnds": [told]},
    }
    for name, answer in answers.items():
        monkeypatch.setattr(client, name, answer)
    if serves:
        with pytest.raises(steps.Failed, match=r"lost \(fe-1\) has the objects, and may live"):
            do(layout, copy, ALONE)
    else:
        do(layout, copy, ALONE)


def told(layout: Layout, wish: Wish, name: str) -> str:
    """What one of the steps says that it did."""
    done: list[str] = []

    class Watcher(wholecloud.Silent):
        def finish(self, step: steps.Step, result: str, took_s: float) -> None:
            done.append(result)

    steps.run([one for one in objectsrestore.plan(layout, wish) if one.name == name], Watcher())
    [said] = done
    return said


def test_bytes_that_the_copy_lacks_are_named(layout: Layout, copy: Path) -> None:
    for path in places.Places(copy).files.rglob("*"):
        if path.is_file():
            path.unlink()
    do(layout, copy, COPY, TAKE)
    said = told(layout, Wish(copy, True), COMPARE)
    assert said.startswith("bytes are missing of 1: (number 1)/large")


def test_it_says_what_is_wrong_and_nothing_of_what_is_not(layout: Layout, copy: Path) -> None:
    do(layout, copy, COPY)
    layout.objects.mkdir()
    assert told(layout, Wish(copy, False), TAKE).endswith(
        f"; what lay there is {layout.root / 'objects.former-1'} now"
    )
    all_there = "the bytes of all objects are there"
    assert told(layout, Wish(copy, True), COMPARE) == all_there
    places.Places(layout.objects).pack(7).write_bytes(b"")
    said = told(layout, Wish(copy, False), COMPARE)
    assert said.startswith(f"{all_there}; ")
    assert said.endswith("mallee down && mallee buckets check --repair")
