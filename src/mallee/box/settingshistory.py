"""The documents that a cloud's settings were, each with when, by whom and what came of it.

`settings/0003.toml` and `settings/0003.json` under the root directory, readable by root alone: a
document may hold a database's password. While a change is tried, `settings/trying.json` tells who
tries it and what holds if that process ends: `settle` then puts the former document back.
Called by `configuring`, `settingstrial` and `rollouts`. Not its business: what a change does to a
cloud.
"""

import contextlib
import fcntl
import os
import pwd
import time
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec

from mallee.box import owners, status
from mallee.kit import files
from mallee.model.layout import Layout

TRIED = "being tried"
HOLDS = "holds"
BY_HAND = "written by hand"
UNDONE = "undone"
_DIRECTORY_MODE = 0o700
_DIGITS = 4


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the history."""

    number: int
    at: float
    """Seconds since the epoch."""
    by: str
    what: str
    """What was asked for, for example `apply cloud.toml`."""
    outcome: str
    """`being tried`, `holds`, `written by hand`, or `undone` with the cause."""
    pid: int = 0
    born: int = 0
    """With the process id, who wrote it down (`status.Process`), and has it tried."""


class Asked(msgspec.Struct, frozen=True):
    """What was asked for, and by whom."""

    what: str
    by: str = ""
    """Empty: the user of this process."""


class Trying(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is not confirmed yet."""

    number: int
    former: int
    """The number of the document that holds when this one does not."""
    pid: int
    born: int
    """With the process id, who tries it (`status.Process`)."""


def entries(layout: Layout) -> list[Entry]:
    """Return the history, the oldest first."""
    found = sorted(_directory(layout).glob("[0-9]*.json"))
    trying = read_trying(layout)
    return [_as_it_is(msgspec.json.decode(path.read_bytes(), type=Entry), trying) for path in found]


def read_document(layout: Layout, number: int) -> str:
    """Return the document of that number; raises `FileNotFoundError`."""
    return _document(layout, number).read_text()


def note_current(layout: Layout) -> Entry:
    """See that the document which is in force is the last that held; return its entry."""
    text = layout.settings.read_text()
    for entry in reversed(entries(layout)):
        if not entry.outcome.startswith(UNDONE):
            if read_document(layout, entry.number) == text:
                return entry
            break
    return add(layout, text, Asked(f"found in {layout.settings.name}"), BY_HAND)


def add(layout: Layout, text: str, asked: Asked, outcome: str) -> Entry:
    """Keep a document as the newest."""
    directory = _directory(layout)
    directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    number = max((entry.number for entry in entries(layout)), default=0) + 1
    files.write_atomically(_document(layout, number), text.encode())
    by = asked.by or who()
    pid = os.getpid()
    entry = Entry(
        number=number,
        at=time.time(),
        by=by,
        what=asked.what,
        outcome=outcome,
        pid=pid,
        born=status.read_birth(pid) or 0,
    )
    _write(layout, entry)
    return entry


def conclude(layout: Layout, number: int, outcome: str) -> None:
    """Write down what came of a change."""
    (entry,) = (entry for entry in entries(layout) if entry.number == number)
    _write(layout, msgspec.structs.replace(entry, outcome=outcome))


def undone_in_a_row(layout: Layout, number: int) -> int:
    """Return how often a document was tried and undone without another between, that of the number
    the last time."""
    text = read_document(layout, number)
    count = 0
    for entry in reversed(entries(layout)):
        if entry.number > number:
            continue
        is_same = read_document(layout, entry.number) == text
        if not is_same or not entry.outcome.startswith(UNDONE):
            break
        count += 1
    return count


@contextlib.contextmanager
def turn(layout: Layout) -> Generator[bool]:
    """Have this process be the only one that tries settings; False: another one does."""
    directory = _directory(layout)
    directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    with open(directory / "turn.lock", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def begin_trying(layout: Layout, number: int, former: int) -> None:
    """Have a document be in force while this process lives or until `end_trying`."""
    born = status.read_birth(os.getpid())
    assert born is not None
    trying = Trying(number=number, former=former, pid=os.getpid(), born=born)
    files.write_atomically(_trying(layout), msgspec.json.encode(trying))
    put(layout, number)


def end_trying(layout: Layout) -> None:
    """The document in force needs nobody any more."""
    _trying(layout).unlink(missing_ok=True)


def read_trying(layout: Layout) -> Trying | None:
    """Return the change that somebody tries or left; None when there is none."""
    try:
        return msgspec.json.decode(_trying(layout).read_bytes(), type=Trying)
    except FileNotFoundError:
        return None


def is_alive(whose: Trying | Entry) -> bool:
    """Tell whether whoever tries it, or has it tried, still lives."""
    return status.Process(whose.pid, whose.born).is_alive()


def settle(layout: Layout, start_anew: Callable[[], None]) -> str:
    """Put the former document back when whoever tried another has ended; say so, or nothing.

    `start_anew` has the daemons read it: who ends within it leaves all that to be done again.
    """
    trying = read_trying(layout)
    if trying is None or is_alive(trying):
        return ""
    put(layout, trying.former)
    start_anew()
    conclude(layout, trying.number, f"{UNDONE}: whoever tried it ended before it was confirmed")
    end_trying(layout)
    return f"settings {trying.number} were never confirmed: those of {trying.former} hold again"


def put(layout: Layout, number: int) -> None:
    """Have the document of that number be in force, for whoever reads it next."""
    text = read_document(layout, number)
    files.write_atomically(layout.settings, text.encode(), owners.SETTINGS_MODE)
    owners.give_settings(layout)


def _as_it_is(entry: Entry, trying: Trying | None) -> Entry:
    """Return an entry as it is now: whoever had it tried may have ended before that began."""
    is_in_turn = trying is not None and trying.number == entry.number
    if entry.outcome != TRIED or is_in_turn or is_alive(entry):
        return entry
    outcome = f"{UNDONE}: whoever asked for it ended before it was tried"
    return msgspec.structs.replace(entry, outcome=outcome)


def _write(layout: Layout, entry: Entry) -> None:
    path = _document(layout, entry.number).with_suffix(".json")
    files.write_atomically(path, msgspec.json.encode(entry))


def _directory(layout: Layout) -> Path:
    return layout.root / "settings"


def _document(layout: Layout, number: int) -> Path:
    return _directory(layout) / f"{number:0{_DIGITS}}.toml"


def _trying(layout: Layout) -> Path:
    return _directory(layout) / "trying.json"


def who() -> str:
    """Return who asked: the user behind sudo, where there is one."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
