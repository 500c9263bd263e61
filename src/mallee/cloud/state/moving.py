"""Moves a cloud's memory from SQLite to PostgreSQL: `python -m mallee.cloud.state.moving`.

The cloud is down. Everything is copied in one transaction of the target, which is compared with the
source row by row before it ends and read back as a cloud reads it afterwards; the source is only
read, and locked meanwhile. What is copied bears a *mark* of whose copy it is and at which revision:
a copy that was never used is made anew by the next try, anything else that is there is refused.
The target's URL comes by standard input, for it holds a password. Called by `box.databasemove`, as
the cloud's user. Not its business: the settings, which make the copy the cloud's memory.
"""

import argparse
import contextlib
import hashlib
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import database, index, postgresql, records, schema, tables
from mallee.cloud.state.errors import StoreError, Unavailable
from mallee.cloud.state.records import Claim
from mallee.model.layout import Layout

ROWS_AT_ONCE = 2000
MOVED = (tables.OBJECT, tables.CHANGE, tables.CLAIM, tables.REVISION)
_READ_REV = sa.select(tables.REVISION.c.rev)
_MARK = "moved/"
_DIGEST_BITS = 256


class CannotMove(Exception):
    """It cannot be moved; nothing has changed. The message says why."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of this program."""

    target_url: str
    is_over: bool = False
    """The settings have it: take the mark off, and do nothing else."""

    def __repr__(self) -> str:
        """Show no password."""
        return f"Asked(is_over={self.is_over})"


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved: counted in both, and the same."""

    rev: int
    rows: dict[str, int]
    """By table."""


def move(layout: Layout, target_url: str) -> Moved:
    """Copy the memory, and compare. Raises `CannotMove`, `Unavailable`; twice is once."""
    source_url = f"sqlite:///{layout.database}"
    if not layout.database.exists():
        raise CannotMove(f"there is no {layout.database}: this cloud has no memory in SQLite")
    target = _target(target_url)
    # It is brought up to date first, so that both have the same tables.
    opened = database.Database(source_url)
    opened.migrate()
    # Nobody writes to the source until the end of the block.
    with schema.sqlite_engine(str(layout.database)).begin() as source:
        _check_whole(source)
        with _explained(target), _unhurried(target).begin() as to:
            postgresql.lock_schema(to)
            schema.bring_up_to_date(to)
            rev = source.execute(_READ_REV).scalar_one()
            _make_room(to, layout.tag)
            for table in MOVED:
                _copy(source, to, table)
            rows = {table.name: _compare(source, to, table) for table in MOVED}
            mark = {"name": _MARK + layout.tag, "holder": str(layout.root), "until": float(rev)}
            to.execute(sa.insert(tables.LEASE).values(mark))
        _read_back(opened, database.Database(target_url))
    return Moved(rev=rev, rows=rows)


def finish(layout: Layout, target_url: str) -> None:
    """Take the mark off: the copy is the cloud's memory now. Twice is once."""
    target = _target(target_url)
    with _explained(target), postgresql.make_engine(target).begin() as to:
        to.execute(sa.delete(tables.LEASE).where(tables.LEASE.c.name == _MARK + layout.tag))


def _unhurried(target: sa.URL) -> sa.Engine:
    return postgresql.make_engine(target, postgresql.UNHURRIED)


def _target(url: str) -> sa.URL:
    try:
        target = sa.make_url(url)
    except exc.ArgumentError as error:
        raise CannotMove("that is no URL; give postgresql+psycopg://USER@HOST/NAME") from error
    if target.get_backend_name() != "postgresql":
        raise CannotMove("only PostgreSQL can be moved to; give postgresql+psycopg://…")
    return target


@contextlib.contextmanager
def _explained(target: sa.URL) -> Generator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        raise Unavailable(postgresql.explain(error, target)) from error


def _check_whole(source: sa.Connection) -> None:
    said = source.exec_driver_sql("PRAGMA integrity_check").scalar()
    if said != "ok":
        raise CannotMove(f"the database is damaged, so it is not copied: {said}")


def _make_room(to: sa.Connection, tag: str) -> None:
    """Take away a copy that was never used; raise `CannotMove` when anything else is there."""
    for table in (*MOVED, tables.LEASE):
        to.execute(sa.text(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE"))
    rev: int = to.execute(_READ_REV).scalar_one()
    mark = to.execute(
        sa.select(tables.LEASE.c.until).where(tables.LEASE.c.name == _MARK + tag)
    ).scalar()
    is_unused_copy = mark is not None and int(mark) == rev
    if not is_unused_copy and (rev or any(_count(to, table) for table in MOVED[:-1])):
        raise CannotMove("that database is not empty: it has a cloud's memory; give an empty one")
    for table in (*MOVED, tables.LEASE):
        to.execute(sa.delete(table))


def _count(at: sa.Connection, table: sa.Table) -> int:
    return at.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _copy(source: sa.Connection, to: sa.Connection, table: sa.Table) -> None:
    for some in source.execute(sa.select(table)).mappings().partitions(ROWS_AT_ONCE):
        to.execute(sa.insert(table), [dict(row) for row in some])


def _compare(source: sa.Connection, to: sa.Connection, table: sa.Table) -> int:
    """Return how many rows a table has in both; raise `CannotMove` unless they are the same."""
    here, there = _sum(source, table), _sum(to, table)
    if here != there:
        raise CannotMove(
            f"the copy of the table {table.name} is not what it is a copy of "
            f"({there[0]} rows of {here[0]}); nothing was kept of it"
        )
    return here[0]


def _sum(at: sa.Connection, table: sa.Table) -> tuple[int, int]:
    """Return how many rows there are, and a sum of their digests: the order is nobody's matter."""
    count = total = 0
    whole = sa.select(table).execution_options(stream_results=True)
    for some in at.execute(whole).mappings().partitions(ROWS_AT_ONCE):
        for row in some:
            count += 1
            total += _digest(row)
    return count, total % (1 << _DIGEST_BITS)


def _digest(row: Mapping[Any, Any]) -> int:
    told = msgspec.json.encode(sorted((str(name), value) for name, value in row.items()))
    return int.from_bytes(hashlib.sha256(told).digest())


def _read_back(before: database.Database, after: database.Database) -> None:
    """See that a cloud finds the same things in both."""
    here, there = before.load(), after.load()
    if here.rev != there.rev or _things(here) != _things(there):
        raise CannotMove("read back, the copy is another memory; the cloud has its own still")


def _things(found: index.Index) -> tuple[dict[tuple[str, str], Any], set[Claim]]:
    everything = (one for kind in records.KINDS for one in found.all_of(kind, None))
    return {(one.kind.name, one.id): one for one in everything}, set(found.all_claims())


def main() -> None:
    """Run the move that standard input asks for; say what was moved on standard output."""
    parser = argparse.ArgumentParser("mallee-move-database")
    parser.add_argument("--root", type=Path, required=True, help="the cloud's root directory")
    layout = Layout(parser.parse_args().root)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    try:
        if asked.is_over:
            finish(layout, asked.target_url)
            return
        moved = move(layout, asked.target_url)
    except (CannotMove, StoreError) as error:
        raise SystemExit(str(error)) from error
    sys.stdout.buffer.write(msgspec.json.encode(moved))


if __name__ == "__main__":
    main()
