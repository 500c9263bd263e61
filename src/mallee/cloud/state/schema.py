"""Brings a database to the schema of this version, by Alembic's steps in `migrations/`.

Loaded when a step is due, and by moves to PostgreSQL: Alembic and SQLAlchemy cost a tenth of a
second and 20 MiB. New files on SQLite are made without it (`statements.MAKE`).
"""

import sqlite3
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from mallee.cloud.state import sqlite, statements
from mallee.cloud.state.errors import Unavailable


def step(path: str) -> None:
    """Bring SQLite's file up to date, as the only process that does; raise `Unavailable`."""
    engine = sqlite_engine(path)
    try:
        with engine.begin() as connection:
            bring_up_to_date(connection)
    except exc.DBAPIError as error:
        raise Unavailable(sqlite.explain(error.orig, path)) from error
    finally:
        engine.dispose()


def sqlite_engine(path: str) -> sa.Engine:
    """Return SQLAlchemy's engine on a file, whose transactions begin IMMEDIATE."""
    sqlite.make(path)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=path),
        poolclass=sa.NullPool,
        # Documents hold user data and sealed keys: an error in the log must not show them.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def bring_up_to_date(connection: sa.Connection) -> None:
    """Run the missing steps in the connection's transaction, which holds the migration lock.

    Raises `Unavailable` when the database was written by a newer Mallee.
    """
    present = _present_version(connection)
    if present == statements.SCHEMA_VERSION:
        return
    if present is not None and present > statements.SCHEMA_VERSION:
        raise Unavailable(
            f"the database has schema {present}, this Mallee knows {statements.SCHEMA_VERSION}: "
            "start the version of Mallee that wrote it, or restore an older backup"
        )
    from alembic import command, config

    settings = config.Config()
    settings.set_main_option("script_location", "mallee.cloud.state:migrations")
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


def _present_version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text(statements.READ_VERSION)).scalar()


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # With no isolation level the driver leaves BEGIN to us.
    connection.isolation_level = None
    for pragma in sqlite.PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
