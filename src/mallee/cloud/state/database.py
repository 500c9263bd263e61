"""The database below the store: one connection of the writer thread, and what is said over it.

It turns changes into rows and rows into changes, under the lock that queues all writers of all
processes. SQLite and PostgreSQL differ only in the functions of `sqlite.py` and `postgresql.py`.
Which functions run in a transaction, and the index, are not its business (`writer.py`).
"""

import contextlib
import gc
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import documents, freshness, schema, sqlite, tables
from mallee.cloud.state.errors import Unavailable
from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Claim, Record
from mallee.cloud.state.tx import Change, Op, apply


class Database:
    """A connection to one database. Not for two threads."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self._engine_module = _engine_module(self.url)
        self._engine: sa.Engine = self._engine_module.make_engine(self.url)
        self._put_object = tables.put_object(self._engine_module.insert)
        self._put_claim = tables.put_claim(self._engine_module.insert)
        self._writer: sa.Connection | None = None
        self._reader: sa.Connection | None = None

    def is_passing(self, error: exc.DBAPIError) -> bool:
        """Tell whether the transaction that failed so may succeed when tried again."""
        return self._engine_module.is_passing(error)

    def unavailable(self, error: exc.DBAPIError) -> Unavailable:
        """Return the error that names cause and cure."""
        return Unavailable(self._engine_module.explain(error, self.url))

    @property
    def announces(self) -> bool:
        """Whether other processes' commits are announced, so that `listen` is worth a thread."""
        return self._engine.dialect.name == "postgresql"

    def listen(self, poke: Callable[[], None], over: threading.Event) -> None:
        """Call `poke` when any process has committed, until `over` is set. Blocks."""
        self._engine_module.listen(self.url, poke, over)

    def freshness(self) -> freshness.Freshness:
        """Return what tells, in the thread of the view, whether somebody has committed."""
        is_file = self._engine.dialect.name == "sqlite"
        return freshness.Freshness(self.url.database if is_file else None)

    # Opening and closing

    def migrate(self) -> None:
        """Bring the schema up to date; raise `Unavailable`."""
        try:
            with self._engine.begin() as connection:
                self._engine_module.lock_schema(connection)
                schema.bring_up_to_date(connection)
        except exc.DBAPIError as error:
            raise self.unavailable(error) from error

    def load(self) -> Index:
        """Return an index of everything, as of one moment; raise `Unavailable`."""
        try:
            with self._engine.connect() as connection, _no_collections():
                return _load(connection.execution_options(**self._snapshot()))
        except exc.DBAPIError as error:
            raise self.unavailable(error) from error

    def disconnect(self) -> None:
        """Drop the connections, whatever state they are in; the next call makes new ones."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                _drop(connection)
        self._writer = self._reader = None

    # One transaction: lock, flush, commit or roll back

    def lock(self) -> int:
        """Begin a transaction as the only writer; return the revision."""
        if self._writer is None:
            self._writer = self._engine.connect()
        return self._writer.execute(tables.LOCK_REV).scalar_one()

    def flush(self, changes: Sequence[Change], batch: str, before: int) -> None:
        """Write changes that follow revision `before` into the transaction in progress."""
        connection = self._locked()
        connection.execute(
            tables.ADD_CHANGES, [documents.encode_change(change, batch) for change in changes]
        )
        self._flush_objects(connection, changes)
        self._flush_claims(connection, changes)
        after = changes[-1].rev
        moved = connection.execute(tables.SET_REV, {"before": before, "after": after}).rowcount
        if moved != 1:
            raise Unavailable(f"the database's revision is not {before} under our own lock")
        self._engine_module.announce(connection, after)

    def commit(self) -> None:
        """Make the transaction durable and let the lock go."""
        self._locked().commit()

    def roll_back(self) -> None:
        """Forget the transaction and let the lock go."""
        self._locked().rollback()

    def has_batch(self, rev: int, batch: str) -> bool:
        """Tell, in a transaction, whether revision `rev` was committed by `batch`."""
        return self._locked().execute(tables.READ_BATCH, {"rev": rev}).scalar() == batch

    # Reading

    def changes_since(self, index: Index) -> Iterator[Change]:
        """Bring an index up to date within the locked transaction; yield what was new."""
        return _catch_up(self._locked(), index)

    def poll(self, index: Index) -> Iterator[Change]:
        """The same without a lock, when other processes may have committed."""
        if self._reader is None:
            self._reader = self._engine.connect().execution_options(reads_only=True)
        with self._reader.begin():
            if self._reader.execute(tables.READ_REV).scalar_one() != index.rev:
                yield from _catch_up(self._reader, index)

    def history(self, kind: str, id: str) -> list[Change]:
        """Return every committed change of one record, oldest first."""
        found = self._locked().execute(tables.READ_HISTORY, {"kind": kind, "id": id})
        changes: list[Change] = []
        before: Record[object, object] | None = None
        for row in found.mappings():
            change = documents.decode_change(row, before)
            changes.append(change)
            before = change.subject if isinstance(change.subject, Record) else None
        return changes

    # Private

    def _locked(self) -> sa.Connection:
        if self._writer is None or not self._writer.in_transaction():
            raise RuntimeError("no transaction is in progress")
        return self._writer

    def _snapshot(self) -> dict[str, object]:
        if self._engine.dialect.name == "postgresql":
            return {"isolation_level": "REPEATABLE READ"}
        return {"reads_only": True}

    def _flush_objects(self, connection: sa.Connection, changes: Iterable[Change]) -> None:
        last = {
            (change.subject.kind.name, change.subject.id): change
            for change in changes
            if isinstance(change.subject, Record)
        }
        gone = [key for key, change in last.items() if change.op is Op.DELETE]
        kept = [change.subject for change in last.values() if change.op is not Op.DELETE]
        if kept:
            rows = [documents.encode_object(one) for one in kept if isinstance(one, Record)]
            connection.execute(self._put_object, rows)
        if gone:
            rows = [{"old_kind": kind, "old_id": id} for kind, id in gone]
            connection.execute(tables.DROP_OBJECT, rows)

    def _flush_claims(self, connection: sa.Connection, changes: Iterable[Change]) -> None:
        last = {
            (change.subject.space, change.subject.key): change
            for change in changes
            if isinstance(change.subject, Claim)
        }
        gone = [key for key, change in last.items() if change.op is Op.RELEASE]
        kept = [change.subject for change in last.values() if change.op is Op.CLAIM]
        if kept:
            rows = [documents.encode_claim(one) for one in kept if isinstance(one, Claim)]
            connection.execute(self._put_claim, rows)
        if gone:
            rows = [{"old_space": space, "old_key": key} for space, key in gone]
            connection.execute(tables.DROP_CLAIM, rows)


def _engine_module(url: sa.URL) -> ModuleType:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return sqlite
    if backend == "postgresql":
        # Only here: the driver costs memory that a cloud on SQLite need not spend.
        from mallee.cloud.state import postgresql

        return postgresql
    raise Unavailable(
        f"database_url: {backend} is not known; give sqlite:///PATH or postgresql+psycopg://…"
    )


@contextlib.contextmanager
def _no_collections() -> Generator[None]:
    """Keep the garbage collector from walking, again and again, through what is being loaded."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(connection: sa.Connection) -> Index:
    index = Index()
    with connection.begin():
        index.rev = connection.execute(tables.READ_REV).scalar_one()
        for row in connection.execute(tables.READ_OBJECTS).mappings():
            index.put(documents.decode_object(row))
        for row in connection.execute(tables.READ_CLAIMS).mappings():
            index.take(Claim(**row))
    return index


def _catch_up(connection: sa.Connection, index: Index) -> Iterator[Change]:
    rows = connection.execute(tables.READ_CHANGES, {"since": index.rev}).mappings().all()
    for row in rows:
        before = None
        if row["kind"] != documents.CLAIM_KIND:
            before = index.get(row["kind"], row["id"])
        change = documents.decode_change(row, before)
        apply(index, change)
        yield change


def _drop(connection: sa.Connection) -> None:
    try:
        connection.invalidate()
        connection.close()
    except exc.SQLAlchemyError:
        # It is broken already, which is why it is dropped.
        return
