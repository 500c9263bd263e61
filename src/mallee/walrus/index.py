"""The index: one SQLite file, whose commit is the moment at which an object exists.

Every connection syncs its commits to the disk before they return. Several processes may have it
open; writers wait for each other. Called by `tx` (changes), `reader` (looks) and `committer`. Not
its business: the files that hold the bytes.
"""

import sqlite3
from pathlib import Path

from mallee.walrus.errors import BrokenIndex, NoSpace

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another process's transaction."""
CACHE_KIB = 16 << 10
LOG_MAX_BYTES = 64 << 20
"""What the log (`index.db-wal`) keeps of its size when it begins anew."""
FREE_MAX = 0.25
"""The part of the index that may lie idle before a repair gives it back."""
FORMAT = 2

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"cache_size = -{CACHE_KIB}",
    "temp_store = MEMORY",
    f"journal_size_limit = {LOG_MAX_BYTES}",
)

_SCHEMA = """
CREATE TABLE object (
    bucket INTEGER, key BLOB, id TEXT NOT NULL, is_marker INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    parts BLOB NOT NULL, about BLOB NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE former (
    bucket INTEGER, key BLOB, age INTEGER, id TEXT NOT NULL, is_marker INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    parts BLOB NOT NULL, about BLOB NOT NULL,
    PRIMARY KEY (bucket, key, age)
) WITHOUT ROWID;
CREATE TABLE blob (
    id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL, crc BLOB NOT NULL,
    pack INTEGER NOT NULL, offset INTEGER NOT NULL, blocks BLOB NOT NULL
);
CREATE INDEX blob_pack ON blob (pack, offset) WHERE pack <> 0;
CREATE TABLE pack (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, is_sealed INTEGER NOT NULL);
CREATE TABLE garbage (file INTEGER PRIMARY KEY, is_pack INTEGER NOT NULL);
CREATE TABLE upload (
    bucket INTEGER, key BLOB, id TEXT, started_ms INTEGER NOT NULL, about BLOB NOT NULL,
    PRIMARY KEY (bucket, key, id)
) WITHOUT ROWID;
CREATE TABLE upload_part (
    upload TEXT, number INTEGER, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified_ms INTEGER NOT NULL, parts BLOB NOT NULL, about BLOB NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE usage (bucket INTEGER PRIMARY KEY, versions INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE closed (bucket INTEGER PRIMARY KEY);
CREATE TABLE writer (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE suspect (blob INTEGER PRIMARY KEY, why TEXT NOT NULL, found_ms INTEGER NOT NULL);
"""

_NOTES_AND_OWNERS = """
ALTER TABLE usage ADD COLUMN parts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN part_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE usage ADD COLUMN maker TEXT NOT NULL DEFAULT '';
CREATE INDEX usage_account ON usage (account, maker) WHERE account <> '';
INSERT INTO usage (bucket, versions, bytes, parts, part_bytes)
    SELECT bucket, 0, 0, count(*), sum(size) FROM upload JOIN upload_part ON upload = id
    WHERE true GROUP BY bucket
    ON CONFLICT (bucket) DO UPDATE
    SET parts = excluded.parts, part_bytes = excluded.part_bytes;
CREATE TABLE note (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, bucket INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX note_target ON note (target);
CREATE TABLE queue (
    target TEXT, bucket INTEGER, waiting INTEGER NOT NULL, dropped INTEGER NOT NULL,
    PRIMARY KEY (target, bucket)
) WITHOUT ROWID;
CREATE TABLE mark (
    bucket INTEGER, name TEXT, value BLOB NOT NULL, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
"""
_STEPS = (_SCHEMA, _NOTES_AND_OWNERS)
"""What makes of each format the next one."""


def connect(path: Path, *, reads_only: bool = False) -> sqlite3.Connection:
    """Open the index, made if it is not there. Raises `BrokenIndex`, `NoSpace`."""
    # Its users see to it that only one thread at a time has a connection.
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if reads_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _migrate(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise explained(error, path) from error
    return connection


def shorten_log(connection: sqlite3.Connection, path: Path) -> bool:
    """Begin the log anew where readers that overlap have kept it from it; tell whether it is so.

    Writers wait meanwhile, for as long as the readers of this moment take, or `BUSY_TIMEOUT_S`.
    """
    log = path.with_name(path.name + "-wal")
    if not log.exists() or log.stat().st_size <= LOG_MAX_BYTES:
        return False
    [is_busy, _, _] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy


def give_back(path: Path) -> None:
    """Give back the room that the index does not need any more. Nothing else may have it open."""
    connection = connect(path)
    try:
        [free] = connection.execute("PRAGMA freelist_count").fetchone()
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        if free > pages * FREE_MAX:
            connection.execute("VACUUM")
    finally:
        connection.close()


def explained(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """Return the error as ours."""
    if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
        return NoSpace(f"the index {path} cannot grow: the disk is full")
    return BrokenIndex(
        f"the index {path} cannot be used ({error}): move it and its -wal away, put "
        f"{_copy_of(path)} in its place, then see what is missing: "
        "mallee buckets check"
    )


def _copy_of(path: Path) -> Path:
    """Return where an index's copy is: beside it, or where the terms are of which it is one's."""
    home = path.parent
    return (home.parent.parent if home.parent.name == "terms" else home) / "index.copy"


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    [found] = connection.execute("PRAGMA user_version").fetchone()
    if found < FORMAT:
        for step in _STEPS[found:]:
            for statement in step.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
    if found > FORMAT:
        raise BrokenIndex(f"the index is of format {found}, this Mallee knows {FORMAT}: update it")
