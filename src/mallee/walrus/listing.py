"""Listing: keys in the order of their bytes, rolled up at a delimiter, a page at a time.

What has the delimiter after the prefix is told as one *common prefix*, and the walk goes on behind
it without reading what lies under it. A page ends after so many entries, keys and common prefixes
together. Called by `reader`. Not its business: how the protocol names the place to go on from.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from mallee.walrus import looks
from mallee.walrus.pages import Listed, Page, Question, UploadPage, VersionPage
from mallee.walrus.records import Version

T = TypeVar("T")

CURRENT = -(1 << 62)
"""The age of a current version: before all former ones, whose ages count up from the newest."""


_BEYOND = b"\xff" * 1025
"""Greater than every key: keys have 1,024 bytes at most."""

_Position = tuple[bytes, Any]
"""A key and what orders things under it; the walk goes on with what is greater."""


def objects(connection: sqlite3.Connection, bucket: int, question: Question) -> Page[Version]:
    """Return a page of current objects, without markers."""

    def rows(position: _Position, end: bytes) -> Iterable[tuple[Any, ...]]:
        # An age that no object has says: with this very key.
        comparison = ">=" if position[1] is None else ">"
        return connection.execute(
            f"SELECT key, {looks.COLUMNS} FROM object WHERE bucket = ? AND key {comparison} ? "
            "AND key < ? AND NOT is_marker ORDER BY key",
            (bucket, position[0], end),
        )

    start = _start(question, 0)
    return _walk(question, start, rows, lambda row: looks.version_of(row[1:]))


def versions(connection: sqlite3.Connection, bucket: int, question: Question) -> VersionPage:
    """Return a page of all versions, those of a key from the newest to the oldest."""

    def rows(position: _Position, end: bytes) -> Iterable[tuple[Any, ...]]:
        key, age = position[0], CURRENT - 1 if position[1] is None else position[1]
        return connection.execute(
            f"SELECT key, {CURRENT} AS age, {looks.COLUMNS} FROM object WHERE bucket = ? "
            f"AND (key, {CURRENT}) > (?, ?) AND key >= ? AND key < ? UNION ALL "
            f"SELECT key, age, {looks.COLUMNS} FROM former WHERE bucket = ? "
            "AND (key, age) > (?, ?) AND key < ? ORDER BY 1, 2",
            (bucket, key, age, key, end, bucket, key, age, end),
        )

    age = 1  # Former ages are negative: nothing of the key itself is greater.
    if question.after is not None and question.after_id:
        age = _age(connection, bucket, question.after, question.after_id)
    start = _start(question, age)
    return _walk(
        question, start, rows, lambda row: Listed(looks.version_of(row[2:]), row[1] == CURRENT)
    )


def uploads(connection: sqlite3.Connection, bucket: int, question: Question) -> UploadPage:
    """Return a page of the uploads under way, those of a key by id."""

    def rows(position: _Position, end: bytes) -> Iterable[tuple[Any, ...]]:
        key, id = position[0], "" if position[1] is None else position[1]
        return connection.execute(
            "SELECT key, id, started_ms, about FROM upload WHERE bucket = ? "
            "AND (key, id) > (?, ?) AND key < ? ORDER BY key, id",
            (bucket, key, id, end),
        )

    start = _start(question, question.after_id or _AFTER_ALL_IDS)
    return _walk(question, start, rows, lambda row: looks.upload_of((row[1], row[0], *row[2:])))


_AFTER_ALL_IDS = "\U0010ffff"


def _start(question: Question, within: Any) -> _Position:
    """Return where the page begins."""
    after = question.after
    if after is None or after < question.prefix:
        return question.prefix, None
    rolled = _rolled_up(question, after)
    if rolled == after:
        # The page before ended with this common prefix: nothing under it is told again.
        return _behind(after) or _BEYOND, None
    return after, within


def _walk(
    question: Question,
    position: _Position,
    rows: Callable[[_Position, bytes], Iterable[tuple[Any, ...]]],
    item: Callable[[tuple[Any, ...]], T],
) -> Page[T]:
    end = _behind(question.prefix) or _BEYOND
    entries: list[tuple[bytes, T | None]] = []
    for key, row in _entries(question, position, lambda at: rows(at, end)):
        if len(entries) == question.limit:
            return Page(tuple(entries), True)
        entries.append((key, None if row is None else item(row)))
    return Page(tuple(entries), False)


def _entries(
    question: Question,
    position: _Position | None,
    rows: Callable[[_Position], Iterable[tuple[Any, ...]]],
) -> Iterator[tuple[bytes, tuple[Any, ...] | None]]:
    """Yield keys with their rows, and common prefixes without one."""
    while position is not None:
        at, position = position, None
        for row in rows(at):
            rolled = _rolled_up(question, row[0])
            if rolled is None:
                yield row[0], row
                continue
            yield rolled, None
            behind = _behind(rolled)
            position = None if behind is None else (behind, None)
            break


def _rolled_up(question: Question, key: bytes) -> bytes | None:
    """Return the common prefix under which a key is told, if any."""
    if not question.delimiter:
        return None
    found = key.find(question.delimiter, len(question.prefix))
    return None if found < 0 else key[: found + len(question.delimiter)]


def _behind(prefix: bytes) -> bytes | None:
    """Return the least key that is greater than all with the prefix; None: there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None


def _age(connection: sqlite3.Connection, bucket: int, key: bytes, id: str) -> int:
    """Return the age of a version; one that is gone meanwhile hides the rest of its key."""
    row = connection.execute(
        "SELECT age FROM former WHERE bucket = ? AND key = ? AND id = ?", (bucket, key, id)
    ).fetchone()
    if row is not None:
        return row[0]
    current = looks.current(connection, bucket, key)
    return CURRENT if current is not None and current.id == id else 1
