"""The agent's memory: what is in it is on disk, and it never goes back."""

import errno
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import files
from mallee.model.layout import Layout
from mallee.node.ledger import Ledger
from mallee.node.plan.guests.progress import Progress, Stage
from tests.node import wants

ID = wants.make_instance().id


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    layout = Layout(root_dir)
    layout.node.mkdir()
    return layout


def test_a_new_ledger_wants_nothing(layout: Layout) -> None:
    ledger = Ledger(layout)
    assert (ledger.wanted, ledger.generation, ledger.progress) == (None, 0, {})


def test_what_was_accepted_and_kept_is_there_for_the_next_agent(layout: Layout) -> None:
    first = Ledger(layout)
    wanted = wants.make_host(3, wants.make_instance(user_data=b"#!/bin/sh\n\x00"))
    progress = Progress(launch=2, stage=Stage.RAN, restarts=1)
    assert first.accept(wanted)
    first.keep(ID, progress)
    second = Ledger(layout)
    assert (second.wanted, second.progress) == (wanted, {ID: progress})
    second.forget(ID)
    second.forget(ID)
    assert Ledger(layout).progress == {}


def test_what_could_not_be_written_is_written_when_it_can(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(layout)
    progress = Progress(launch=2, stage=Stage.RAN)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files, "write_atomically", fail)
        for _ in range(2):
            with pytest.raises(OSError, match="no space left"):
                ledger.keep(ID, progress)
        assert ledger.progress == {ID: progress}
        assert not ledger.is_written
    ledger.keep(ID, progress)
    assert ledger.is_written
    assert Ledger(layout).progress == {ID: progress}


def test_an_older_generation_is_refused(layout: Layout) -> None:
    ledger = Ledger(layout)
    wanted = wants.make_host(3)
    assert ledger.accept(wanted)
    for generation in (2, 3):
        assert not ledger.accept(replace(wanted, generation=generation, region="elsewhere"))
    assert ledger.wanted == wanted
    assert ledger.accept(replace(wanted, generation=4))


def test_what_cannot_be_read_is_put_aside_and_said(layout: Layout) -> None:
    layout.ledger.write_text("{half a")
    layout.progress.mkdir()
    (layout.progress / f"{ID}.json").write_bytes(b"\xff")
    ledger = Ledger(layout)
    assert (ledger.wanted, ledger.progress, len(ledger.problems)) == (None, {}, 2)
    assert layout.ledger.with_suffix(".unreadable").read_text() == "{half a"
    assert str(layout.ledger) in ledger.problems[0]


def test_progress_is_kept_in_memory_when_the_disk_is_full(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(layout)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mallee.kit.files.write_atomically", refuse)
    with pytest.raises(OSError, match="No space"):
        ledger.keep(ID, Progress(launch=1))
    assert ledger.progress[ID] == Progress(launch=1)
