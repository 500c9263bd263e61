"""Notes: what others are to be told of changes, written down in the commits that make them.

A *note* is queued for a target, whose meaning is the protocol's, and has a number: of two notes the
one that was committed later has the higher. It waits until the protocol's side has told it, so a
kill between change and telling loses nothing. Each bucket may have so many notes waiting for a
target; what comes on top is counted and not kept. Called by `tx` and `reader`.
"""

import sqlite3
from collections import Counter

from mallee.walrus.records import Note, Queue


def add(
    connection: sqlite3.Connection, target: str, bucket: int, given: tuple[int, bytes, int]
) -> None:
    """Queue a note, given as its time, its body, and how many may wait."""
    at_ms, body, most = given
    found = connection.execute(
        "SELECT waiting FROM queue WHERE target = ? AND bucket = ?", (target, bucket)
    ).fetchone()
    is_kept = (found[0] if found else 0) < most
    _count(connection, target, bucket, (int(is_kept), int(not is_kept)))
    if is_kept:
        connection.execute(
            "INSERT INTO note (target, bucket, at_ms, body) VALUES (?, ?, ?, ?)",
            (target, bucket, at_ms, body),
        )


def settle(connection: sqlite3.Connection, target: str, through: int, *, are_told: bool) -> None:
    """Forget a target's notes up to an id; those that were not told are counted as lost."""
    gone = connection.execute(
        "DELETE FROM note WHERE target = ? AND id <= ? RETURNING bucket", (target, through)
    ).fetchall()
    for bucket, count in Counter(bucket for (bucket,) in gone).items():
        _count(connection, target, bucket, (-count, 0 if are_told else count))


def read(connection: sqlite3.Connection, target: str, limit: int) -> list[Note]:
    """Return the notes that have waited longest for a target."""
    rows = connection.execute(
        "SELECT id, bucket, at_ms, body FROM note WHERE target = ? ORDER BY id LIMIT ?",
        (target, limit),
    )
    return [Note(*row) for row in rows]


def queues(connection: sqlite3.Connection) -> list[Queue]:
    """Return how many notes wait, and how many were lost."""
    rows = connection.execute("SELECT target, bucket, waiting, dropped FROM queue")
    return [Queue(*row) for row in rows]


def _count(connection: sqlite3.Connection, target: str, bucket: int, more: tuple[int, int]) -> None:
    connection.execute(
        "INSERT INTO queue (target, bucket, waiting, dropped) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (target, bucket) DO UPDATE SET "
        "waiting = waiting + excluded.waiting, dropped = dropped + excluded.dropped",
        (target, bucket, *more),
    )
