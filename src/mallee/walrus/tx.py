"""Changes to the index, inside one transaction: what several versions of a key mean to each other.

Used by the functions that the protocol's side commits (`committer`), in the committer's thread.
Every function leaves the counts of references and of usage exact. Not its business: whether the
caller may, and which versions a bucket wants kept: that comes in with the call.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mallee.walrus import crc, looks, notes
from mallee.walrus.errors import BucketClosed, Gone
from mallee.walrus.records import NULL, Blob, Part, Upload, UploadPart, Usage, Version

_COLUMNS = looks.COLUMNS
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Tx:
    """One transaction. Reads see what it has written."""

    connection: sqlite3.Connection
    now_ms: int
    kept: dict[int, Blob] = field(default_factory=dict[int, Blob])
    """Blobs that are to be taken in with the first reference to them."""
    stored: set[int] = field(default_factory=set[int])
    """Blobs that were taken in."""
    released: set[int] = field(default_factory=set[int])
    """Packs in which there is less to keep now; 0: a file that is garbage now."""
    _open: set[int] = field(default_factory=set[int])
    """Buckets found open: nobody else can close one while this transaction lasts."""

    # --- looks ---

    def current(self, bucket: int, key: bytes) -> Version | None:
        """Return the newest version of a key, which may be a marker."""
        return looks.current(self.connection, bucket, key)

    def version(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Return one version of a key."""
        return looks.version(self.connection, bucket, key, id)

    def upload(self, bucket: int, key: bytes, id: str) -> Upload | None:
        """Return an upload under way."""
        return looks.upload(self.connection, bucket, key, id)

    def upload_parts(self, id: str) -> list[UploadPart]:
        """Return the parts of an upload that have arrived, by number."""
        return looks.upload_parts(self.connection, id)

    def usage(self, bucket: int) -> Usage:
        """Return what a bucket holds."""
        return looks.usage(self.connection, bucket)

    def usage_of(self, account: str, maker: str | None = None) -> Usage:
        """Return what all buckets of an account hold, or those among them that somebody made."""
        return looks.usage_of(self.connection, account, maker)

    def marked(self, bucket: int, name: str) -> bytes | None:
        """Return what was last marked under a name."""
        return looks.marked(self.connection, bucket, name)

    # --- versions ---

    def add(self, bucket: int, key: bytes, version: Version) -> Version | None:
        """Make a version the current one; return the version that it replaces for good, if any.

        A version with the id `null` replaces the one of the same id; every other is kept.
        Raises `BucketClosed`.
        """
        self._check_open(bucket)
        # A key that has no current version has no former one either.
        replaced = self.current(bucket, key)
        if replaced is not None and (version.id, replaced.id) != (NULL, NULL):
            self._make_former(bucket, key)
            replaced = self._take(bucket, key, NULL) if version.id == NULL else None
        self._insert(bucket, key, version)
        self._refer(version.parts)
        self._count(bucket, 1, version.size)
        if replaced is not None:
            self._drop(bucket, replaced)
        return replaced

    def remove(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Remove one version for good and return it; the newest that is left becomes current."""
        gone = self._take(bucket, key, id)
        if gone is None:
            return None
        if self.current(bucket, key) is None:
            self._promote(bucket, key)
        self._drop(bucket, gone)
        return gone

    def describe(self, bucket: int, key: bytes, id: str, about: bytes) -> bool:
        """Replace what the protocol keeps with a version; tell whether it is there."""
        for table in ("object", "former"):
            changed = self._run(
                f"UPDATE {table} SET about = ? WHERE bucket = ? AND key = ? AND id = ?",
                (about, bucket, key, id),
            )
            if changed.rowcount:
                return True
        return False

    def _insert(self, bucket: int, key: bytes, version: Version) -> None:
        self._run(
            f"INSERT OR REPLACE INTO object (bucket, key, {_COLUMNS}) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (bucket, key, *_row(version)),
        )

    def _make_former(self, bucket: int, key: bytes) -> None:
        where = (bucket, key)
        self._run(
            f"INSERT INTO former (bucket, key, age, {_COLUMNS}) SELECT bucket, key, "
            "(SELECT coalesce(min(age), 0) - 1 FROM former WHERE bucket = ? AND key = ?), "
            f"{_COLUMNS} FROM object WHERE bucket = ? AND key = ?",
            (*where, *where),
        )
        self._run("DELETE FROM object WHERE bucket = ? AND key = ?", where)

    def _promote(self, bucket: int, key: bytes) -> None:
        newest = self._run(
            "SELECT age FROM former WHERE bucket = ? AND key = ? ORDER BY age LIMIT 1",
            (bucket, key),
        ).fetchone()
        if newest is None:
            return
        where = (bucket, key, newest[0])
        self._run(
            f"INSERT INTO object (bucket, key, {_COLUMNS}) SELECT bucket, key, {_COLUMNS} "
            "FROM former WHERE bucket = ? AND key = ? AND age = ?",
            where,
        )
        self._run("DELETE FROM former WHERE bucket = ? AND key = ? AND age = ?", where)

    def _take(self, bucket: int, key: bytes, id: str) -> Version | None:
        """Take a version's row away, and nothing else."""
        found = self.version(bucket, key, id)
        if found is not None:
            for table in ("object", "former"):
                self._run(
                    f"DELETE FROM {table} WHERE bucket = ? AND key = ? AND id = ?",
                    (bucket, key, id),
                )
        return found

    def _drop(self, bucket: int, version: Version) -> None:
        self._release(version.parts)
        self._count(bucket, -1, -version.size)

    # --- uploads ---

    def begin_upload(self, bucket: int, upload: Upload) -> None:
        """Keep an upload. Raises `BucketClosed`."""
        self._check_open(bucket)
        self._run(
            "INSERT INTO upload (bucket, key, id, started_ms, about) VALUES (?, ?, ?, ?, ?)",
            (bucket, upload.key, upload.id, upload.started_ms, upload.about),
        )

    def put_part(self, bucket: int, upload: str, part: UploadPart) -> None:
        """Keep a part, in the place of an earlier one of the same number."""
        former = looks.upload_part(self.connection, upload, part.number)
        self._run(
            "INSERT OR REPLACE INTO upload_part "
            "(upload, number, size, etag, modified_ms, parts, about) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(upload, part.number, part.size, part.etag, part.modified_ms),
                *(_encode(part.parts), part.about),
            ),
        )
        self._refer(part.parts)
        self._count_parts(bucket, 1, part.size)
        if former is not None:
            self._release(former.parts)
            self._count_parts(bucket, -1, -former.size)

    def end_upload(self, bucket: int, key: bytes, id: str) -> None:
        """Forget an upload and its parts; what a version refers to meanwhile stays."""
        parts = self.upload_parts(id)
        for part in parts:
            self._release(part.parts)
        if parts:
            self._count_parts(bucket, -len(parts), -sum(part.size for part in parts))
        self._run("DELETE FROM upload_part WHERE upload = ?", (id,))
        self._run("DELETE FROM upload WHERE bucket = ? AND key = ? AND id = ?", (bucket, key, id))

    # --- buckets ---

    def close_bucket(self, bucket: int) -> bool:
        """Take nothing more into a bucket that holds nothing, and end its uploads, for good.

        Tells whether it is so; a bucket that holds something stays as it is.
        """
        if self.usage(bucket).versions:
            return False
        uploads = self._run("SELECT key, id FROM upload WHERE bucket = ?", (bucket,)).fetchall()
        for key, id in uploads:
            self.end_upload(bucket, key, id)
        self._run("INSERT OR IGNORE INTO closed (bucket) VALUES (?)", (bucket,))
        self._open.discard(bucket)
        return True

    def _check_open(self, bucket: int) -> None:
        if bucket in self._open:
            return
        if looks.is_closed(self.connection, bucket):
            raise BucketClosed(bucket)
        self._open.add(bucket)

    def belong(self, bucket: int, account: str, maker: str) -> None:
        """Say whose a bucket is and who made it; saying it again changes nothing."""
        self._run(
            "INSERT INTO usage (bucket, versions, bytes, account, maker) VALUES (?, 0, 0, ?, ?) "
            "ON CONFLICT (bucket) DO UPDATE "
            "SET account = excluded.account, maker = excluded.maker WHERE account = ''",
            (bucket, account, maker),
        )

    def mark(self, bucket: int, name: str, value: bytes) -> None:
        """Remember something of a bucket under a name, in the place of what was there."""
        self._run("INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", (bucket, name, value))

    # --- notes ---

    def note(self, target: str, bucket: int, body: bytes, most: int) -> None:
        """Queue a note for a target, unless so many of the bucket wait: then count it as lost."""
        notes.add(self.connection, target, bucket, (self.now_ms, body, most))

    def settle_notes(self, target: str, through: int, *, are_told: bool) -> None:
        """Forget a target's notes up to an id; those that were not told are counted as lost."""
        notes.settle(self.connection, target, through, are_told=are_told)

    # --- blobs ---

    def keep(self, blob: Blob) -> Part:
        """Take a blob into the index; whoever keeps it must refer to it in this transaction."""
        self.kept[blob.id] = blob
        return Part(blob.id, blob.size)

    def move(self, blob: Blob) -> None:
        """Say that a blob's bytes lie elsewhere now; gone meanwhile: nothing."""
        self._run(
            "UPDATE blob SET pack = ?, offset = ? WHERE id = ?", (blob.pack, blob.offset, blob.id)
        )

    def _refer(self, parts: Iterable[Part]) -> None:
        for part in parts:
            new = self.kept.pop(part.blob, None)
            if new is not None:
                self._store(new)
                continue
            found = self._run("UPDATE blob SET refs = refs + 1 WHERE id = ?", (part.blob,))
            if found.rowcount != 1:
                raise Gone(part.blob)

    def _store(self, blob: Blob) -> None:
        """Take a blob in, with its first reference."""
        self._run(
            "INSERT INTO blob (id, refs, size, crc, pack, offset, blocks) "
            "VALUES (?, 1, ?, ?, ?, ?, ?)",
            (
                *(blob.id, blob.size, blob.crc.to_bytes(crc.BYTES, "big")),
                *(blob.pack, blob.offset, blob.blocks),
            ),
        )
        self.stored.add(blob.id)

    def _release(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._run("UPDATE blob SET refs = refs - 1 WHERE id = ?", (part.blob,))
            gone = self._run(
                "DELETE FROM blob WHERE id = ? AND refs <= 0 RETURNING pack", (part.blob,)
            ).fetchone()
            if gone is None:
                continue
            self.released.add(gone[0])
            if gone[0] == 0:
                self._run("INSERT INTO garbage (file, is_pack) VALUES (?, 0)", (part.blob,))

    # --- counts ---

    def _count(self, bucket: int, versions: int, size: int) -> None:
        self._run(
            "INSERT INTO usage (bucket, versions, bytes) VALUES (?, ?, ?) "
            "ON CONFLICT (bucket) DO UPDATE SET versions = versions + excluded.versions, "
            "bytes = bytes + excluded.bytes",
            (bucket, versions, size),
        )

    def _count_parts(self, bucket: int, parts: int, size: int) -> None:
        self._run(
            "INSERT INTO usage (bucket, versions, bytes, parts, part_bytes) "
            "VALUES (?, 0, 0, ?, ?) ON CONFLICT (bucket) DO UPDATE "
            "SET parts = parts + excluded.parts, part_bytes = part_bytes + excluded.part_bytes",
            (bucket, parts, size),
        )

    def _run(self, statement: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return self.connection.execute(statement, values)


def _row(version: Version) -> tuple[Any, ...]:
    return (
        *(version.id, version.is_marker, version.modified_ms, version.size, version.etag),
        *(_encode(version.parts), version.about),
    )
