"""The store on PostgreSQL: the lock is the revision's row, commits are announced by NOTIFY.

Used through `database.py`, which knows both engines by the same few words (`engines`), and by what
is said on PostgreSQL alone (`leases`, `signatures`, moves).
"""

import contextlib
import functools
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql

from mallee.cloud.state import engines, schema, statements
from mallee.cloud.state.errors import Unavailable, Unsettled
from mallee.kit import logs

CHANNEL = "mallee_change"
LISTEN_S = 2.0
"""How long a listener waits before it looks whether it shall end, and after it lost the server."""

ROWS_AT_ONCE = 32

_MIGRATION_LOCK = 7_206_611_041_887_103
"""Our advisory lock's number: any, but always the same."""

_PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "55P03", "25P03")
"""Serialization failure, deadlock, shutdown, crash, starting up, lock not available, and that we
stood still for `IDLE_S`."""
_CUT_SHORT = ("", "57P01", "57P02")
"""A commit that ends so may have been kept: without a word, or by the server's own end."""
_CURES = {
    "53100": "free some space on the server's disk; nothing of this transaction was kept",
    "53300": "raise max_connections, or end some of the server's clients",
    "28P01": "correct the password in database_url",
    "28000": "let this user in (pg_hba.conf), or correct database_url",
    "3D000": "create the database, or correct database_url",
    "55P03": "another process holds it and does not go on: see pg_stat_activity for which one",
    "42501": "grant this user the right to create tables in its schema",
}

_ROW = re.compile(r"VALUES (\(.*?\))|WHERE (.*)", re.DOTALL)
"""What a statement says of a row: its values, or which one it is."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long who asks waits, and how long the server waits for who asks; all in seconds.

    Without these a cable that is cut holds up who asks for a quarter of an hour, and all others for
    two: the server waits for one that will never say more, and keeps his locks for him.
    """

    connect_s: int = 10
    silent_s: int = 10
    """How long what was sent may be without an answer of the other machine."""
    idle_s: int = 15
    """How long a transaction of ours may stand still: a process that was stopped may hold a lock.
    """
    lock_s: int = 20
    """How long others may hold what is waited for; longer than a process that stands still may."""
    answer_s: int | None = 25
    """How long the server may say nothing to what it was asked, though its machine answers: longer
    than it waits for a lock. None: it takes as long as it takes."""

    @property
    def again_s(self) -> int:
        """After how long one that does not answer is asked again, which is done twice."""
        return max(1, self.silent_s // 2)


USUAL = Patience()
UNHURRIED = Patience(answer_s=None)
"""For what moves everything: a new schema, another database."""

T = TypeVar("T")

_log = logs.get("mallee.cloud.state")


insert = postgresql.insert


@dataclass(frozen=True, slots=True)
class Session:
    """A connection of SQLAlchemy's (`engines.Session`)."""

    connection: sa.Connection
    url: sa.URL

    def begin(self, *, reads_only: bool = False) -> None:
        """Begin."""
        self.connection.begin()

    def is_begun(self) -> bool:
        """Tell whether a transaction is in progress."""
        return self.connection.in_transaction()

    def read(
        self, statement: str, values: Mapping[str, object] = engines.NOTHING
    ) -> Iterable[engines.Row]:
        """Return rows, each with its columns by name."""
        return self._say(statement, values).mappings()

    def look(self, statement: str, values: Mapping[str, object] = engines.NOTHING) -> Any:
        """Return the first column of the first row; None: there is no row."""
        return self._say(statement, values).scalar()

    def put(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Say it of all rows, of many at once.

        The driver's own way for many rows is a pipeline, of which the server hears the end last:
        one that is cut off, or stopped, within it is not idle for the server, which would wait for
        the rest without end, and all others for the lock.
        """
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            values = {
                f"{name}_{number}": value
                for number, row in enumerate(some)
                for name, value in row.items()
            }
            self._say(_of_several(statement, len(some)), values)

    def change(self, statement: str, values: Mapping[str, object]) -> int:
        """Say it; return how many rows it changed."""
        return self._say(statement, values).rowcount

    def commit(self) -> None:
        """Make the transaction durable and end it. Raises `Unsettled` when the end is unheard."""
        try:
            self.connection.commit()
        except exc.DBAPIError as error:
            if _state(error) not in _CUT_SHORT:
                raise
            raise Unsettled(explain(error, self.url)) from error

    def roll_back(self) -> None:
        """Forget the transaction and end it."""
        self.connection.rollback()

    def drop(self) -> None:
        """Let the connection go; what is in progress is forgotten."""
        # It may be broken already, which is why it is dropped.
        with contextlib.suppress(exc.SQLAlchemyError):
            self.connection.invalidate()
            self.connection.close()

    def _say(self, statement: str, values: Mapping[str, object]) -> sa.CursorResult[Any]:
        return self.connection.execute(sa.text(statement), dict(values))


class Engine:
    """A database of a server (`engines.Engine`)."""

    announces = True
    failures: tuple[type[Exception], ...] = (exc.DBAPIError,)
    lock_rev = statements.LOCK_REV
    path: str | None = None

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._engine = make_engine(self._url)

    def open(self, *, is_snapshot: bool = False) -> Session:
        """Connect. A snapshot's transactions see one moment only."""
        connection = self._engine.connect()
        if is_snapshot:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        return Session(connection, self._url)

    def migrate(self) -> bool:
        """Bring the schema up to date, as the only process that does; raise `Unavailable`."""
        try:
            with make_engine(self._url, UNHURRIED).begin() as connection:
                lock_schema(connection)
                schema.bring_up_to_date(connection)
        except exc.DBAPIError as error:
            raise Unavailable(self.explain(error)) from error
        return True

    def is_passing(self, error: Exception) -> bool:
        """Tell whether the same transaction may succeed when it is tried again."""
        return is_passing(cast(exc.DBAPIError, error))

    def explain(self, error: Exception) -> str:
        """Return cause and cure in a sentence."""
        return explain(cast(exc.DBAPIError, error), self._url)

    def announce(self, session: engines.Session, rev: int) -> None:
        """Tell other processes of the commit that follows."""
        session.look("SELECT pg_notify(:channel, :rev)", {"channel": CHANNEL, "rev": str(rev)})

    def listen(self, poke: Callable[[], None], over: threading.Event) -> None:
        """Call `poke` for every announcement until `over` is set."""
        listen(self._url, poke, over)


@functools.cache
def _of_several(statement: str, count: int) -> str:
    """Return a statement about so many rows; what it takes of the second is named `NAME_1`."""
    found = _ROW.search(statement)
    assert found is not None
    row = found[1] or f"({found[2]})"
    rows = [re.sub(r":(\w+)", rf":\1_{number}", row) for number in range(count)]
    said = f"VALUES {', '.join(rows)}" if found[1] else f"WHERE {' OR '.join(rows)}"
    return statement[: found.start()] + said + statement[found.end() :]


def make_engine(url: sa.URL, patience: Patience | None = None) -> sa.Engine:
    """Return an engine on psycopg 3; its patience is the usual one if none is given."""
    patience = patience or USUAL
    # Documents hold user data and sealed keys: an error in the log must not show them.
    made = sa.create_engine(_patient(url, patience), poolclass=sa.NullPool, hide_parameters=True)
    return _bounded(made, patience)


def make_pool(url: sa.URL, size: int, wait_s: float) -> sa.Engine:
    """Return an engine that keeps connections, so many at most, for threads that come in turn."""
    made = sa.create_engine(
        _patient(url, USUAL),
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    return _bounded(made, USUAL)


def _patient(url: sa.URL, patience: Patience) -> sa.URL:
    """Return the URL with the driver, and how long a server may say nothing that is cut off."""
    bounds = {
        "connect_timeout": f"{patience.connect_s}",
        "tcp_user_timeout": f"{patience.silent_s * 1000}",
        "keepalives_idle": f"{patience.silent_s}",
        "keepalives_interval": f"{patience.again_s}",
        "keepalives_count": "2",
    }
    chosen = {name: value for name, value in bounds.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(chosen)


class _Connection(psycopg.Connection[Any]):
    """One that is let go when the server says nothing for too long to what it was asked."""

    answer_s: int | None = None

    def wait(self, gen: Generator[Any, Any, T], *bounds: Any, **more: Any) -> T:
        """Do what the driver does, until there is no answer; raises `psycopg.OperationalError`."""
        if self.answer_s is not None:
            gen = self._answered(gen, self.answer_s)
        return super().wait(gen, *bounds, **more)

    def _answered(self, gen: Generator[Any, Any, T], answer_s: int) -> Generator[Any, Any, T]:
        """Go on as `gen` does. Who drives it says several times a second that nothing has come."""
        give_up_at = time.monotonic() + answer_s
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    give_up_at = time.monotonic() + answer_s
                elif time.monotonic() > give_up_at:
                    # Nobody shall ask it for more: not even to roll back.
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"the server, or its disk, stands still: no answer for {answer_s} s"
                    )
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


def _bounded(engine: sa.Engine, patience: Patience) -> sa.Engine:
    """Have nobody wait without end: not the server for us, as all others may for him, nor we."""
    bounds = _bounds(patience)

    def connect(_dialect: object, _record: object, said: Any, named: Any) -> _Connection:
        connection = _Connection.connect(*said, **named)
        connection.answer_s = patience.answer_s
        return connection

    event.listen(engine, "do_connect", connect)

    def bound(connection: Any, _record: object) -> None:
        connection.execute(bounds)
        connection.commit()

    event.listen(engine, "connect", bound)
    return engine


def _bounds(patience: Patience) -> str:
    """Return what is said of a connection at its begin.

    Which of its clients are cut off the server finds out as they do of it: by what it has sent, and
    by asking those who say nothing.
    """
    said = {
        "idle_in_transaction_session_timeout": f"{patience.idle_s}s",
        "lock_timeout": f"{patience.lock_s}s",
        "tcp_user_timeout": f"{patience.silent_s}s",
        "tcp_keepalives_idle": f"{patience.silent_s}",
        "tcp_keepalives_interval": f"{patience.again_s}",
        "tcp_keepalives_count": "2",
    }
    return "; ".join(f"SET {name} = '{value}'" for name, value in said.items())


def is_passing(error: exc.DBAPIError) -> bool:
    """Tell whether the same transaction may succeed when it is tried again."""
    if _state(error):
        return _state(error) in _PASSING
    return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)


def explain(error: exc.DBAPIError, url: sa.URL) -> str:
    """Return cause and cure in a sentence."""
    cure = _CURES.get(_state(error), "see whether the server runs and can be reached")
    where = url.render_as_string(hide_password=True)
    return f"the database {where} cannot be used ({str(error.orig).strip()}): {cure}"


def lock_schema(connection: sa.Connection) -> None:
    """Keep other processes from migrating until the transaction ends."""
    # Theirs takes as long as it takes.
    connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def listen(url: sa.URL, poke: Callable[[], None], over: threading.Event) -> None:
    """Call `poke` for every announcement until `over` is set; comes back when the server does.

    It only wakes: whoever misses an announcement finds the change by polling.
    """
    plain = _patient(url, USUAL).set(drivername="postgresql")
    dsn = plain.render_as_string(hide_password=False)
    while not over.is_set():
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"{_bounds(USUAL)}; LISTEN {CHANNEL}".encode())
                while not over.is_set():
                    for _ in connection.notifies(timeout=LISTEN_S, stop_after=1):
                        poke()
        except psycopg.Error as error:
            if over.is_set():
                return
            _log.warning("listening for changes failed; polling goes on", error=str(error))
            over.wait(LISTEN_S)


def _state(error: exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def put_row(
    connection: sa.Connection, table: sa.Table, key: str, row: Mapping[str, object]
) -> None:
    """Insert a row, or replace the one that has its key."""
    made = insert(table).values(row)
    replaced = {name: made.excluded[name] for name in row if name != key}
    connection.execute(made.on_conflict_do_update(index_elements=[key], set_=replaced))
