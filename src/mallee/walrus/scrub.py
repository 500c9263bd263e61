"""The scrubber: reads everything that is stored, and says what is not what was stored any more.

A damaged blob is noted in the index (*suspect*) with the objects that lose by it, and is found
damaged by readers too; nothing is removed, because half a file may be worth much to its owner.
Called by `engine`. Not its business: repair (`check`).
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from mallee.walrus import looks
from mallee.walrus.committer import Committer
from mallee.walrus.contents import Means
from mallee.walrus.errors import Closed, Corrupt, Unreachable
from mallee.walrus.reader import Stretch, verified
from mallee.walrus.records import Blob, Part
from mallee.walrus.seam import Damage, Loser, Report
from mallee.walrus.tx import Tx

AT_ONCE = 200
"""Blobs that are looked up together."""


def scrub(
    means: Means,
    connection: sqlite3.Connection,
    committer: Committer,
    is_closing: Callable[[], bool],
) -> Report:
    """Verify every blob; note what is damaged, and forget notes about what is well again.

    Raises `Closed` when the engine is closed meanwhile, and `Unreachable`: what is away is not
    damaged.
    """
    count = size = 0
    damages: list[Damage] = []
    for blob in _blobs(connection):
        if is_closing():
            raise Closed
        count += 1
        size += blob.size
        damage = _examine(means, connection, blob)
        if damage is not None:
            damages.append(damage)
    _note(committer, damages)
    return Report(count, size, tuple(damages))


def losers(connection: sqlite3.Connection, damaged: AbstractSet[int]) -> list[Loser]:
    """Return the versions that refer to damaged blobs."""
    if not damaged:
        return []
    return [
        Loser(bucket, key, id)
        for bucket, key, id, parts in _versions(connection)
        if any(part.blob in damaged for part in parts)
    ]


def _versions(
    connection: sqlite3.Connection,
) -> Iterator[tuple[int, bytes, str, tuple[Part, ...]]]:
    """Yield all versions, some at a time, so that no look at the index lasts."""
    decode = msgspec.msgpack.Decoder(tuple[Part, ...]).decode
    for table, age in (("object", "0"), ("former", "age")):
        last: tuple[int, bytes, int] = (-1, b"", 0)
        order = "bucket, key" if table == "object" else "bucket, key, age"
        where = "(bucket, key) > (?, ?)" if table == "object" else "(bucket, key, age) > (?, ?, ?)"
        while rows := connection.execute(
            f"SELECT bucket, key, {age}, id, parts FROM {table} "
            f"WHERE {where} ORDER BY {order} LIMIT {AT_ONCE}",
            last[: where.count("?")],
        ).fetchall():
            for bucket, key, _, id, encoded in rows:
                yield bucket, key, id, decode(encoded)
            last = rows[-1][:3]


def _blobs(connection: sqlite3.Connection) -> Iterator[Blob]:
    """Yield all blobs, a few at a time, so that no look at the index lasts."""
    last = -1
    while rows := connection.execute(
        "SELECT id, size, crc, pack, offset, blocks FROM blob WHERE id > ? ORDER BY id LIMIT ?",
        (last, AT_ONCE),
    ).fetchall():
        for row in rows:
            yield looks.blob_of(row)
        last = rows[-1][0]


def _examine(means: Means, connection: sqlite3.Connection, blob: Blob) -> Damage | None:
    """Return what is wrong with a blob; one that moved or went meanwhile is looked at as it is."""
    try:
        _verify(means, blob)
    except Unreachable:
        raise
    except (Corrupt, OSError) as error:
        now = looks.blob(connection, blob.id)
        if now is None:
            return None
        if now != blob:
            return _examine(means, connection, now)
        return Damage(blob.id, str(error))
    return None


def _verify(means: Means, blob: Blob) -> None:
    descriptor = means.disk.open(means.places.lies_at(blob.id, blob.pack))
    try:
        for _ in verified(means.disk, Stretch(blob, descriptor, 0, blob.size)):
            pass
    finally:
        means.disk.close(descriptor)


def _note(committer: Committer, damages: Sequence[Damage]) -> None:
    def note(tx: Tx, _: Sequence[Blob]) -> None:
        tx.connection.execute("DELETE FROM suspect")
        tx.connection.executemany(
            "INSERT INTO suspect (blob, why, found_ms) VALUES (?, ?, ?)",
            [(damage.blob, damage.why, tx.now_ms) for damage in damages],
        )

    committer.submit(note).result()
