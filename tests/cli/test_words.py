"""What strangers named their things steers no terminal, and is data unchanged for programs."""

import io
import sys

import pytest

from mallee.box import steps
from mallee.cli import words

RUDE = "\x1b[2J\x9b31m\rname\x07\ttab"
SEEN = "\\x1b[2J\\x9b31m\\x0dname\\x07"


class Terminal(io.StringIO):
    """Standard output that is looked at by people."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_what_is_told_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    words.tell(RUDE)
    words.complain(steps.Failed(RUDE, RUDE))
    said = capsys.readouterr().err
    assert said.count(SEEN) == 3
    assert not any(each in said for each in "\x1b\x9b\r\x07")


def test_what_is_told_is_told_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    words.tell("volume :key: of [red]oak[/]")
    assert capsys.readouterr().err == "volume :key: of [red]oak[/]\n"


def test_data_is_shown_to_people_without_commands_and_given_to_programs_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words.give(RUDE)
    assert capsys.readouterr().out == f"{RUDE}\n"
    looked_at = Terminal()
    monkeypatch.setattr(sys, "stdout", looked_at)
    words.give(RUDE)
    assert looked_at.getvalue() == f"{SEEN}\ttab\n"
