"""Moves a cloud that is down from SQLite to PostgreSQL: `mallee config move-database`.

A program copies and compares as the cloud's user (`cloud.state.moving`), in one transaction. Then
the settings name the new database, which is the moment of the move: before it the cloud has its old
memory whole, after it the new one. Each step may be done again. The old file stays.
Not its business: how it is copied, and the new database's own backups.
"""

import contextlib
import sqlite3
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from mallee.box import asowner, owners, settingshistory, status, steps
from mallee.model.configuration import settings
from mallee.model.layout import Layout

_WRITERS = (status.SUPERVISOR, "cloud", "s3")
WHAT = "move the memory to PostgreSQL"


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved, as the program says it."""

    rev: int
    rows: dict[str, int]


@dataclass(slots=True)
class _Move:
    """One move, from step to step."""

    layout: Layout
    url: str
    moved: Moved | None = None


def plan(layout: Layout, url: str) -> tuple[steps.Step, ...]:
    """Return the steps."""
    move = _Move(layout, url)
    return (
        steps.Step("See that the cloud is down", lambda say: _check_down(layout)),
        steps.Step("Copy its memory, and compare", lambda say: _copy(move)),
        steps.Step("Have the settings name the new database", lambda say: _take(move)),
        steps.Step("Make the copy the cloud's own", lambda say: _finish(move)),
    )


def _check_down(layout: Layout) -> str:
    running = [name for name in _WRITERS if status.find(layout, name)]
    if running:
        raise steps.Failed(
            f"{', '.join(running)} runs: what it writes meanwhile would be lost", "mallee down"
        )
    return "no daemon of it runs"


def _copy(move: _Move) -> str:
    held = owners.read_settings(move.layout)
    if held.database_url == move.url:
        return "its memory is there already"
    if held.database_url:
        raise steps.Failed("this cloud's memory is not in SQLite any more", "mallee config show")
    told = _run(move, is_over=False)
    move.moved = msgspec.json.decode(told.splitlines()[-1], type=Moved)
    rows = ", ".join(f"{count} {name}" for name, count in move.moved.rows.items() if count)
    return f"revision {move.moved.rev}: {rows}"


def _take(move: _Move) -> str:
    layout, moved = move.layout, move.moved
    if moved is None:
        return "they do"
    _check_down(layout)
    with contextlib.closing(sqlite3.connect(f"file:{layout.database}?mode=ro", uri=True)) as old:
        [rev] = old.execute("SELECT rev FROM revision").fetchone()
    if rev != moved.rev:
        raise steps.Failed("somebody has used the cloud meanwhile", "mallee down, and again")
    settingshistory.note_current(layout)
    wanted = replace(owners.read_settings(layout), database_url=move.url)
    asked = settingshistory.Asked(WHAT)
    text = settings.encode(wanted)
    entry = settingshistory.add(layout, text, asked, settingshistory.HOLDS)
    settingshistory.put(layout, entry.number)
    return f"settings {entry.number} hold; {layout.database} is not used any more, and stays"


def _finish(move: _Move) -> str:
    _run(move, is_over=True)
    return "nothing copies over it any more"


def _run(move: _Move, *, is_over: bool) -> bytes:
    """Run the program as who owns the cloud's files; raise `Failed` with its words."""
    return asowner.run(
        move.layout.cloud,
        ("mallee.cloud.state.moving", "--root", str(move.layout.root)),
        "the cloud has its old memory still; do this again",
        msgspec.json.encode({"target_url": move.url, "is_over": is_over}),
    )
