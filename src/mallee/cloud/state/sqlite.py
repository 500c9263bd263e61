"""The store on SQLite: one file, write-ahead log, every commit on disk before it is acknowledged.

Used through `database.py`, which knows both engines by the same few functions.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import sqlite

from mallee.cloud.state.errors import Unavailable

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction."""

PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
)
"""Every connection's settings: commits are on disk before they are acknowledged."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CURES = {
    sqlite3.SQLITE_FULL: "free some space on its disk; nothing of this transaction was kept",
    sqlite3.SQLITE_IOERR: "see the kernel's log for a failing disk",
    sqlite3.SQLITE_READONLY: "make the file and its directory writable for this user",
    sqlite3.SQLITE_CANTOPEN: "make its directory, writable for this user",
    sqlite3.SQLITE_PERM: "make the file and its directory writable for this user",
    sqlite3.SQLITE_BUSY: "another process holds it; see who has the file open",
}


insert = sqlite.insert


def make_engine(url: sa.URL) -> sa.Engine:
    """Return an engine whose transactions begin IMMEDIATE, or plain for `reads_only` connections.

    A new file is for its owner's eyes only. Raises `Unavailable` when it cannot be made.
    """
    if url.database and not Path(url.database).exists():
        try:
            os.close(os.open(url.database, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise Unavailable(
                f"the database cannot be made ({error}): make its directory, writable for this user"
            ) from error
    engine = sa.create_engine(
        url,
        poolclass=sa.NullPool,
        connect_args={"check_same_thread": False},
        # Documents hold user data and sealed keys: an error in the log must not show them.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def is_passing(error: exc.DBAPIError) -> bool:
    """Tell whether the same transaction may succeed when it is tried again."""
    return _code(error) in _BUSY


def explain(error: exc.DBAPIError, url: sa.URL) -> str:
    """Return cause and cure in a sentence."""
    cure = _CURES.get(_code(error), "see the log")
    if _code(error) in _BROKEN:
        cure = "the file is damaged: move it away and restore it from a backup"
    return f"the database {url.database} cannot be used ({error.orig}): {cure}"


def lock_schema(connection: sa.Connection) -> None:
    """Keep other processes from migrating; beginning IMMEDIATE has done it."""


def announce(connection: sa.Connection, rev: int) -> None:
    """Tell other processes of a commit: they poll."""


def _code(error: exc.DBAPIError) -> int:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF


def _configure(connection: Any, _record: object) -> None:
    # With no isolation level the driver leaves BEGIN to us.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
