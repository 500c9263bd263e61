"""What the history of settings says of changes that nobody brought to an end."""

import multiprocessing
from pathlib import Path

import pytest

from mallee.box import owners, settingshistory
from mallee.model.layout import Layout

FORMER, WISHED = 'zone = "us-east-1a"\n', 'zone = "us-east-1b"\n'


def leave(layout: Layout) -> None:
    """Give nothing to the cloud's user, whom this machine may not have."""


def ask_and_end(layout: Layout) -> None:
    asked = settingshistory.Asked("apply cloud.toml", "ann")
    settingshistory.add(layout, WISHED, asked, settingshistory.TRIED)


def test_what_was_asked_for_by_who_ended_is_not_being_tried_for_ever(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root_dir)
    layout.settings.write_text(FORMER)
    first = settingshistory.note_current(layout)
    other = multiprocessing.get_context("fork").Process(target=ask_and_end, args=(layout,))
    other.start()
    other.join()
    left = settingshistory.entries(layout)[-1]
    assert (left.by, left.outcome.startswith(settingshistory.UNDONE)) == ("ann", True), left
    # What holds is what held before, and nobody wrote it by hand since.
    assert settingshistory.note_current(layout) == first
    # One that is being tried by who lives is so; one whose trial was left is for `settle` to end.
    ask_and_end(layout)
    assert settingshistory.entries(layout)[-1].outcome == settingshistory.TRIED
    monkeypatch.setattr(owners, "give_settings", leave)
    settingshistory.begin_trying(layout, left.number, first.number)
    assert settingshistory.entries(layout)[1].outcome == settingshistory.TRIED
