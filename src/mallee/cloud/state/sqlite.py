"""The store on SQLite: one file, write-ahead log, every commit on disk before it is acknowledged.

Used through `database.py`, which knows both engines by the same few words (`engines`). Python's own
driver is all it loads. Not its business: files of older versions (`schema`).
"""

import contextlib
import functools
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mallee.cloud.state import engines, statements
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

ROWS_AT_ONCE = 32
STATEMENTS_KEPT = 256
"""Compiled, for each connection: what is said of one row, of two and so on is each another."""

_VALUES = re.compile(r"VALUES \((.*?)\)", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class Session:
    """A connection of Python's own driver (`engines.Session`)."""

    connection: sqlite3.Connection

    def begin(self, *, reads_only: bool = False) -> None:
        """Begin, as the only writer where it writes."""
        self.connection.execute("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    def is_begun(self) -> bool:
        """Tell whether a transaction is in progress."""
        return self.connection.in_transaction

    def read(
        self, statement: str, values: Mapping[str, object] = engines.NOTHING
    ) -> Iterable[engines.Row]:
        """Return rows, each with its columns by name."""
        found = cast(Iterable[Any], self.connection.execute(statement, cast(Any, values)))
        return cast(Iterable[engines.Row], found)

    def look(self, statement: str, values: Mapping[str, object] = engines.NOTHING) -> Any:
        """Return the first column of the first row; None: there is no row."""
        found = self.connection.execute(statement, cast(Any, values)).fetchone()
        return found[0] if found is not None else None

    def put(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Say it of all rows; INSERTs of many at once.

        Each time that something is said another thread may take its turn, and this one wait for it.
        """
        if _VALUES.search(statement) is None:
            self.connection.executemany(statement, cast(Any, rows))
            return
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            text, names = _of_several(statement, len(some))
            values = [row[name] for row in some for name in names]
            self.connection.execute(text, cast(Any, values))

    def change(self, statement: str, values: Mapping[str, object]) -> int:
        """Say it; return how many rows it changed."""
        return self.connection.execute(statement, cast(Any, values)).rowcount

    def commit(self) -> None:
        """Make the transaction durable and end it."""
        self.connection.commit()

    def roll_back(self) -> None:
        """Forget the transaction and end it."""
        self.connection.rollback()

    def drop(self) -> None:
        """Let the file go; what is in progress is forgotten."""
        # It may be broken already, which is why it is dropped.
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()


class Engine:
    """The database in one file (`engines.Engine`)."""

    announces = False
    failures: tuple[type[Exception], ...] = (sqlite3.Error,)
    lock_rev = statements.READ_REV

    def __init__(self, path: str) -> None:
        self.path: str | None = path
        self._file = path

    def open(self, *, is_snapshot: bool = False) -> Session:
        """Connect: every transaction sees one moment only."""
        make(self._file)
        connection = sqlite3.connect(
            self._file,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return Session(connection)

    def migrate(self) -> bool:
        """Make the tables of a new file; tell whether the schema is this version's.

        Raises `Unavailable`.
        """
        try:
            return self._make_tables()
        except sqlite3.Error as error:
            raise Unavailable(self.explain(error)) from error

    def _make_tables(self) -> bool:
        session = self.open()
        try:
            session.begin()
            if not list(session.read("SELECT name FROM sqlite_master")):
                for statement in statements.MAKE:
                    session.change(statement, engines.NOTHING)
                session.commit()
            return session.look(statements.READ_VERSION) == statements.SCHEMA_VERSION
        finally:
            session.drop()

    def is_passing(self, error: Exception) -> bool:
        """Tell whether the same transaction may succeed when it is tried again."""
        return code_of(error) in _BUSY

    def explain(self, error: Exception) -> str:
        """Return cause and cure in a sentence."""
        return explain(error, self._file)

    def announce(self, session: engines.Session, rev: int) -> None:
        """Tell other processes of a commit: they poll."""

    def listen(self, poke: Callable[[], None], over: threading.Event) -> None:
        """There is nothing to be heard."""


@functools.cache
def _of_several(statement: str, count: int) -> tuple[str, tuple[str, ...]]:
    """Return an INSERT of so many rows, and the names of what it takes of each."""
    found = _VALUES.search(statement)
    assert found is not None
    names = tuple(re.findall(r":(\w+)", found[1]))
    row = f"({', '.join('?' * len(names))})"
    values = f"VALUES {', '.join([row] * count)}"
    return statement[: found.start()] + values + statement[found.end() :], names


def make(path: str) -> None:
    """Make the file where it is not there, for its owner's eyes only; raise `Unavailable`."""
    if Path(path).exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(
            f"the database cannot be made ({error}): make its directory, writable for this user"
        ) from error


def explain(error: object, path: str | None) -> str:
    """Return cause and cure of the driver's error in a sentence."""
    cure = _CURES.get(code_of(error), "see the log")
    if code_of(error) in _BROKEN:
        cure = "the file is damaged: move it away and restore it from a backup"
    return f"the database {path} cannot be used ({error}): {cure}"


def code_of(error: object) -> int:
    """Return SQLite's number of what went wrong; 0: it does not say."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
