"""Looks into the index, on whichever connection: a reader's own, or a transaction's.

Called by `tx` and `reader`. Listing is another file (`listing`).
"""

import sqlite3
from typing import Any

import msgspec

from mallee.walrus.records import Blob, Part, Upload, UploadPart, Usage, Version

COLUMNS = "id, is_marker, modified_ms, size, etag, parts, about"

USAGE = "versions, bytes, parts, part_bytes"

_parts = msgspec.msgpack.Decoder(tuple[Part, ...])


def current(connection: sqlite3.Connection, bucket: int, key: bytes) -> Version | None:
    """Return the newest version of a key, which may be a marker."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM object WHERE bucket = ? AND key = ?", (bucket, key)
    ).fetchone()
    return None if row is None else version_of(row)


def version(connection: sqlite3.Connection, bucket: int, key: bytes, id: str) -> Version | None:
    """Return one version of a key."""
    for table in ("object", "former"):
        row = connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE bucket = ? AND key = ? AND id = ?",
            (bucket, key, id),
        ).fetchone()
        if row is not None:
            return version_of(row)
    return None


def blob(connection: sqlite3.Connection, id: int) -> Blob | None:
    """Return where a blob lies."""
    row = connection.execute(
        "SELECT id, size, crc, pack, offset, blocks FROM blob WHERE id = ?", (id,)
    ).fetchone()
    return None if row is None else blob_of(row)


def upload(connection: sqlite3.Connection, bucket: int, key: bytes, id: str) -> Upload | None:
    """Return an upload under way."""
    row = connection.execute(
        "SELECT id, key, started_ms, about FROM upload WHERE bucket = ? AND key = ? AND id = ?",
        (bucket, key, id),
    ).fetchone()
    return None if row is None else upload_of(row)


def upload_part(connection: sqlite3.Connection, upload: str, number: int) -> UploadPart | None:
    """Return one part of an upload."""
    row = connection.execute(
        f"SELECT {_PART} FROM upload_part WHERE upload = ? AND number = ?", (upload, number)
    ).fetchone()
    return None if row is None else _upload_part(row)


def upload_parts(
    connection: sqlite3.Connection, upload: str, after: int = 0, limit: int = -1
) -> list[UploadPart]:
    """Return parts of an upload by number, those after a number, so many at most (-1: all)."""
    found = connection.execute(
        f"SELECT {_PART} FROM upload_part WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
        (upload, after, limit),
    )
    return [_upload_part(row) for row in found]


def usage(connection: sqlite3.Connection, bucket: int) -> Usage:
    """Return what a bucket holds."""
    row = connection.execute(f"SELECT {USAGE} FROM usage WHERE bucket = ?", (bucket,)).fetchone()
    return Usage(*row) if row else Usage(0, 0)


def usage_of(connection: sqlite3.Connection, account: str, maker: str | None) -> Usage:
    """Return what all buckets of an account hold, or those among them that somebody made."""
    sums = "sum(versions), sum(bytes), sum(parts), sum(part_bytes)"
    where, values = ("account = ?", (account,))
    if maker is not None:
        where, values = ("account = ? AND maker = ?", (account, maker))
    row = connection.execute(f"SELECT {sums} FROM usage WHERE {where}", values).fetchone()
    return Usage(*(value or 0 for value in row))


def marked(connection: sqlite3.Connection, bucket: int, name: str) -> bytes | None:
    """Return what was last marked under a name."""
    row = connection.execute(
        "SELECT value FROM mark WHERE bucket = ? AND name = ?", (bucket, name)
    ).fetchone()
    return None if row is None else row[0]


def is_closed(connection: sqlite3.Connection, bucket: int) -> bool:
    """Tell whether a bucket takes nothing any more."""
    row = connection.execute("SELECT 1 FROM closed WHERE bucket = ?", (bucket,)).fetchone()
    return row is not None


def version_of(row: tuple[Any, ...]) -> Version:
    """Return the version that a row of `COLUMNS` is."""
    id, is_marker, modified_ms, size, etag, parts, about = row
    return Version(
        id=id,
        is_marker=bool(is_marker),
        modified_ms=modified_ms,
        size=size,
        etag=etag,
        parts=_parts.decode(parts),
        about=about,
    )


def upload_of(row: tuple[Any, ...]) -> Upload:
    """Return the upload that a row of id, key, started_ms, about is."""
    id, key, started_ms, about = row
    return Upload(id=id, key=key, started_ms=started_ms, about=about)


def blob_of(row: tuple[Any, ...]) -> Blob:
    """Return the blob that a row of id, size, crc, pack, offset, blocks is."""
    id, size, crc, pack, offset, blocks = row
    return Blob(id, size, int.from_bytes(crc, "big"), pack, offset, blocks)


_PART = "number, size, etag, modified_ms, parts, about"


def _upload_part(row: tuple[Any, ...]) -> UploadPart:
    number, size, etag, modified_ms, parts, about = row
    return UploadPart(
        number=number,
        size=size,
        etag=etag,
        modified_ms=modified_ms,
        parts=_parts.decode(parts),
        about=about,
    )
