"""The store on PostgreSQL: the lock is the revision's row, commits are announced by NOTIFY.

Used through `database.py`, which knows both engines by the same few functions.
"""

import threading
from collections.abc import Callable, Mapping

import psycopg
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql

from mallee.kit import logs

CHANNEL = "mallee_change"
LISTEN_S = 2.0
"""How long a listener waits before it looks whether it shall end, and after it lost the server."""

_MIGRATION_LOCK = 7_206_611_041_887_103
"""Our advisory lock's number: any, but always the same."""

_PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "55P03")
"""Serialization failure, deadlock, shutdown, crash, starting up, lock not available."""
_CURES = {
    "53100": "free some space on the server's disk; nothing of this transaction was kept",
    "53300": "raise max_connections, or end some of the server's clients",
    "28P01": "correct the password in database_url",
    "28000": "let this user in (pg_hba.conf), or correct database_url",
    "3D000": "create the database, or correct database_url",
    "42501": "grant this user the right to create tables in its schema",
}

_log = logs.get("mallee.cloud.state")


insert = postgresql.insert


def make_engine(url: sa.URL) -> sa.Engine:
    """Return an engine on psycopg 3."""
    # Documents hold user data and sealed keys: an error in the log must not show them.
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"), poolclass=sa.NullPool, hide_parameters=True
    )


def make_pool(url: sa.URL, size: int, wait_s: float) -> sa.Engine:
    """Return an engine that keeps connections, so many at most, for threads that come in turn."""
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )


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
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))


def announce(connection: sa.Connection, rev: int) -> None:
    """Tell other processes of the commit that follows."""
    connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(rev))))


def listen(url: sa.URL, poke: Callable[[], None], over: threading.Event) -> None:
    """Call `poke` for every announcement until `over` is set; comes back when the server does.

    It only wakes: whoever misses an announcement finds the change by polling.
    """
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    while not over.is_set():
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
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
