"""The database below the store: one connection of the writer thread, and what is said over it.

It turns changes into rows and rows into changes, under the lock that queues all writers of all
processes. SQLite and PostgreSQL differ only in the functions of `sqlite.py` and `postgresql.py`.
Which functions run in a transaction, and the index, are not its business (`writer.py`).
"""

import contextlib
import gc
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

from mallee.cloud.state import documents, engines, freshness, sqlite, statements
from mallee.cloud.state.errors import Unavailable
from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Claim, Record
from mallee.cloud.state.tx import Change, Op, apply

CHANGES_KEPT = 10_000
"""So many are kept however old they are."""


class Database:
    """A connection to one database. Not for two threads."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self.failures = self._engine.failures
        """What is raised when the database cannot, besides `Unavailable`."""
        self._writer: engines.Session | None = None
        self._reader: engines.Session | None = None

    def is_passing(self, error: Exception) -> bool:
        """Tell whether the transaction that failed so may succeed when tried again."""
        return self._engine.is_passing(error)

    def unavailable(self, error: Exception) -> Unavailable:
        """Return the error that names cause and cure."""
        return Unavailable(self._engine.explain(error))

    @property
    def announces(self) -> bool:
        """Whether other processes' commits are announced, so that `listen` is worth a thread."""
        return self._engine.announces

    def listen(self, poke: Callable[[], None], over: threading.Event) -> None:
        """Call `poke` when any process has committed, until `over` is set. Blocks."""
        self._engine.listen(poke, over)

    def freshness(self) -> freshness.Freshness:
        """Return what tells, in the thread of the view, whether somebody has committed."""
        return freshness.Freshness(self._engine.path)

    # Opening and closing

    def migrate(self) -> None:
        """Bring the schema up to date; raise `Unavailable`."""
        if not self._engine.migrate() and self._engine.path is not None:
            # Only here: it loads what makes steps, which costs memory for good.
            from mallee.cloud.state import schema

            schema.step(self._engine.path)

    def load(self) -> Index:
        """Return an index of everything, as of one moment; raise `Unavailable`."""
        try:
            session = self._engine.open(is_snapshot=True)
            try:
                with _no_collections():
                    return _load(session)
            finally:
                session.drop()
        except self.failures as error:
            raise self.unavailable(error) from error

    def disconnect(self) -> None:
        """Drop the connections, whatever state they are in; the next call makes new ones."""
        for session in (self._writer, self._reader):
            if session is not None:
                session.drop()
        self._writer = self._reader = None

    # One transaction: lock, flush, commit or roll back

    def lock(self) -> int:
        """Begin a transaction as the only writer; return the revision."""
        if self._writer is None:
            self._writer = self._engine.open()
        self._writer.begin()
        return self._writer.look(self._engine.lock_rev)

    def flush(self, changes: Sequence[Change], batch: str, before: int) -> None:
        """Write changes that follow revision `before` into the transaction in progress."""
        session = self._locked()
        session.put(
            statements.ADD_CHANGE, [documents.encode_change(change, batch) for change in changes]
        )
        _flush_objects(session, changes)
        _flush_claims(session, changes)
        after = changes[-1].rev
        if session.change(statements.SET_REV, {"before": before, "after": after}) != 1:
            raise Unavailable(f"the database's revision is not {before} under our own lock")
        self._engine.announce(session, after)

    def commit(self) -> None:
        """Make the transaction durable and let the lock go; raise `Unsettled` if nobody says so."""
        self._locked().commit()

    def roll_back(self) -> None:
        """Forget the transaction and let the lock go."""
        self._locked().roll_back()

    def has_batch(self, rev: int, batch: str) -> bool:
        """Tell, in a transaction, whether revision `rev` was committed by `batch`."""
        return self._locked().look(statements.READ_BATCH, {"rev": rev}) == batch

    # Reading

    def changes_since(self, index: Index) -> Iterator[Change]:
        """Bring an index up to date within the locked transaction; yield what was new."""
        return _catch_up(self._locked(), index)

    def poll(self, index: Index) -> Iterator[Change]:
        """The same without a lock, when other processes may have committed."""
        if self._reader is None:
            self._reader = self._engine.open()
        reader = self._reader
        reader.begin(reads_only=True)
        try:
            if reader.look(statements.READ_REV) != index.rev:
                yield from _catch_up(reader, index)
        finally:
            # Whatever ends it, the next look begins anew.
            reader.roll_back()

    def history(self, kind: str, id: str, number: int) -> list[Change]:
        """Return the newest committed changes of one record that the log has, oldest first.

        On a connection of its own, for any thread. Raises `Unavailable`.
        """
        try:
            session = self._engine.open(is_snapshot=True)
            try:
                session.begin(reads_only=True)
                return _history(session, {"kind": kind, "id": id}, number)
            finally:
                session.drop()
        except self.failures as error:
            raise self.unavailable(error) from error

    # The log's end

    def trim(self, before: float, number: int) -> int:
        """Take some of the oldest changes off the log, if there are any from before that time.

        Looks at `number` of them; returns how many went. The newest `CHANGES_KEPT` stay: by them
        other processes follow. A commit of its own, without the writers' queue on PostgreSQL.
        Raises `Unavailable`.
        """
        try:
            session = self._engine.open()
            try:
                session.begin()
                newest = session.look(statements.READ_REV) - CHANGES_KEPT
                oldest = list(session.read(statements.READ_OLDEST_CHANGES, {"number": number}))
                # By revision: clocks may have been wrong, and the order of commits was not.
                gone = [one["rev"] for one in oldest if one["at"] < before and one["rev"] <= newest]
                count = session.change(statements.DROP_CHANGES, {"last": gone[-1]}) if gone else 0
                session.commit()
                return count
            finally:
                session.drop()
        except self.failures as error:
            raise self.unavailable(error) from error

    # Private

    def _locked(self) -> engines.Session:
        if self._writer is None or not self._writer.is_begun():
            raise RuntimeError("no transaction is in progress")
        return self._writer


def _engine(url: str) -> engines.Engine:
    backend = url.partition(":")[0].partition("+")[0]
    if backend == "sqlite":
        return sqlite.Engine(url.removeprefix("sqlite:///"))
    if backend == "postgresql":
        # Only here: the driver costs memory that a cloud on SQLite need not spend.
        from mallee.cloud.state import postgresql

        return postgresql.Engine(url)
    raise Unavailable(
        f"database_url: {backend} is not known; give sqlite:///PATH or postgresql+psycopg://…"
    )


def _flush_objects(session: engines.Session, changes: Iterable[Change]) -> None:
    last = {
        (change.subject.kind.name, change.subject.id): change
        for change in changes
        if isinstance(change.subject, Record)
    }
    gone = [key for key, change in last.items() if change.op is Op.DELETE]
    kept = [change.subject for change in last.values() if change.op is not Op.DELETE]
    if kept:
        rows = [documents.encode_object(one) for one in kept if isinstance(one, Record)]
        session.put(statements.PUT_OBJECT, rows)
    if gone:
        session.put(statements.DROP_OBJECT, [{"kind": kind, "id": id} for kind, id in gone])


def _flush_claims(session: engines.Session, changes: Iterable[Change]) -> None:
    last = {
        (change.subject.space, change.subject.key): change
        for change in changes
        if isinstance(change.subject, Claim)
    }
    gone = [key for key, change in last.items() if change.op is Op.RELEASE]
    kept = [change.subject for change in last.values() if change.op is Op.CLAIM]
    if kept:
        rows = [documents.encode_claim(one) for one in kept if isinstance(one, Claim)]
        session.put(statements.PUT_CLAIM, rows)
    if gone:
        session.put(statements.DROP_CLAIM, [{"space": space, "key": key} for space, key in gone])


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


def _load(session: engines.Session) -> Index:
    index = Index()
    session.begin(reads_only=True)
    index.rev = session.look(statements.READ_REV)
    for row in session.read(statements.READ_OBJECTS):
        index.put(documents.decode_object(row))
    for row in session.read(statements.READ_CLAIMS):
        index.take(Claim(row["space"], row["key"], row["owner"], row["amount"]))
    session.roll_back()
    return index


def _history(session: engines.Session, which: Mapping[str, object], number: int) -> list[Change]:
    rows = list(session.read(statements.READ_HISTORY, {**which, "number": number}))[::-1]
    # What was observed is written without its document.
    since = {**which, "rev": rows[0]["rev"] if rows else 0}
    before: Record[object, object] | None = None
    changes: list[Change] = []
    for row in (*session.read(statements.READ_DOCUMENT_BEFORE, since), *rows):
        change = documents.decode_change(row, before)
        before = change.subject if isinstance(change.subject, Record) else None
        # Where the log begins in the midst of a life, what was observed first is of nothing.
        if before is not None and before.doc is not None:
            changes.append(change)
    return changes[-number:]


def _catch_up(session: engines.Session, index: Index) -> Iterator[Change]:
    rows = list(session.read(statements.READ_CHANGES, {"since": index.rev}))
    if rows and rows[0]["rev"] != index.rev + 1:
        raise Unavailable(
            f"this process stood still at revision {index.rev} for so long that the log of changes "
            f"begins at {rows[0]['rev']} by now: start it anew"
        )
    for row in rows:
        before = None
        if row["kind"] != documents.CLAIM_KIND:
            before = index.get(row["kind"], row["id"])
        change = documents.decode_change(row, before)
        apply(index, change)
        yield change
