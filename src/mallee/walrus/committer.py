"""The committer: one thread that makes many small promises durable at the price of one.

Jobs that arrive while the disk is busy share the next batch, and those who were just settled have
a moment to come again: their small contents are appended to a pack and synced together, then their
functions run in one transaction of the index, each undone alone when it fails. A job is settled
when that transaction is on the disk. Called by `engine`. Not its business: what a job means.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent import futures
from dataclasses import dataclass
from typing import Any, TypeVar

from mallee.kit import logs
from mallee.walrus import contents, index, places
from mallee.walrus.batches import Batches
from mallee.walrus.contents import Means
from mallee.walrus.errors import Fenced
from mallee.walrus.packs import PackWriter
from mallee.walrus.records import Blob, Content
from mallee.walrus.tx import Tx

T = TypeVar("T")

_log = logs.get(__name__)

BATCH_MAX = 256
"""Jobs in one transaction."""
BATCH_BYTES_MAX = 16 << 20
PATIENCE = 0.25
"""The part of the time that the last batch took for which the next one waits for more."""
PATIENCE_S = 0.001
"""For how long it does in any case, if the last one was of many: a batch costs more than a job."""


Work = Callable[[Tx, Sequence[Blob]], T]
"""What a job does: with its contents' blobs, of which it keeps (`Tx.keep`) those it refers to."""


@dataclass(frozen=True, slots=True)
class Job:
    """A function for the index, the contents that it is about, and who waits for it."""

    work: Work[Any]
    contents: Sequence[Content]
    future: futures.Future[Any]


class _InDoubt(Exception):
    """The index did not say whether it has kept a transaction; `why` is what it said."""

    def __init__(self, why: sqlite3.DatabaseError) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(slots=True)
class _Outcome:
    job: Job
    unused: Sequence[Content]
    """Contents that nobody refers to."""
    value: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.error is not None:
            self.job.future.set_exception(self.error)
        else:
            self.job.future.set_result(self.value)


class Committer:
    """The thread, its queue, its pack and its connection."""

    def __init__(
        self, means: Means, now_ms: Callable[[], int], released: Callable[[AbstractSet[int]], None]
    ) -> None:
        self._means = means
        self._now_ms = now_ms
        self._released = released
        self._pack = PackWriter(means)
        self._connection = index.connect(means.places.index)
        self._waiting: Batches[Job] = Batches()
        self._turns = places.Turns(means.places)
        self._expected = 1
        """How many jobs there will be at once if all come again that came last."""
        self._took_s = 0.0
        """How long the last batch took."""
        self._thread = threading.Thread(target=self._run, name="walrus-committer", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T], contents: Sequence[Content] = ()) -> "futures.Future[T]":
        """Queue a function; its future is settled when what it did is durable.

        The future raises what the function raised, `NoSpace`, or `BrokenIndex`; then nothing of it
        was done, and its contents are gone.
        """
        future: futures.Future[T] = futures.Future()
        # Who no longer waits does not take back what he asked for: it is done, and settled.
        future.set_running_or_notify_cancel()
        self._waiting.put(Job(work, contents, future))
        return future

    def close(self) -> None:
        """Finish what is queued and end. Doing it twice is doing it once."""
        if self._waiting.close():
            self._thread.join()

    # The thread

    def _run(self) -> None:
        while jobs := self._wait_for_jobs():
            began = time.monotonic()
            self._serve(jobs)
            self._took_s = time.monotonic() - began
            self._expected = min(BATCH_MAX, len(jobs) + len(self._waiting))
        self._seal()
        self._connection.close()
        self._turns.close()

    def _wait_for_jobs(self) -> list[Job]:
        """Return what is done together; nothing when all is over."""
        self._waiting.wait(1, None)
        if self._expected > 1:
            self._waiting.wait(self._expected, max(PATIENCE_S, self._took_s * PATIENCE))
        return self._waiting.take(BATCH_MAX, _size, BATCH_BYTES_MAX)

    def _serve(self, jobs: list[Job]) -> None:
        try:
            blobs = self._write_packs(jobs)
            with self._turns:
                outcomes = self._commit(jobs, blobs)
            self._means.fence.check()
        except (_InDoubt, Fenced) as doubt:
            # It may turn out to be kept, after a power cut or in the copy that another machine has
            # made of the index: what it refers to must still be there.
            self._undo()
            error = (
                index.explained(doubt.why, self._means.places.index)
                if isinstance(doubt, _InDoubt)
                else doubt
            )
            for job in jobs:
                job.future.set_exception(error)
            return
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of anything
            self._undo()
            if isinstance(error, sqlite3.DatabaseError):
                error = index.explained(error, self._means.places.index)
            outcomes = [_Outcome(job, job.contents, error=error) for job in jobs]
        for outcome in outcomes:
            self._discard(outcome.unused)
            outcome.settle()

    def _write_packs(self, jobs: list[Job]) -> dict[int, Blob]:
        """Make the small contents durable; return where they lie."""
        small = [one for job in jobs for one in job.contents if one.data is not None]
        if not small:
            return {}
        if self._pack.is_full:
            self._seal()
        try:
            return {blob.id: blob for blob in self._pack.append(small)}
        except OSError:
            # A file whose sync has failed once may say of the next that it succeeded.
            self._seal()
            raise

    def _commit(self, jobs: list[Job], packed: dict[int, Blob]) -> list[_Outcome]:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        tx = Tx(self._connection, self._now_ms())
        outcomes = [self._do(tx, job, packed) for job in jobs]
        if packed:
            run(
                "INSERT INTO pack (id, bytes, is_sealed) VALUES (?, ?, 0) "
                "ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
                (self._pack.id, self._pack.size),
            )
        try:
            run("COMMIT")
        except sqlite3.DatabaseError as error:
            raise _InDoubt(error) from error
        if tx.released:
            self._released(tx.released)
        return outcomes

    def _do(self, tx: Tx, job: Job, packed: dict[int, Blob]) -> _Outcome:
        """Run one function; when it fails, nothing of it stays."""
        run = self._connection.execute
        tx.kept.clear()
        tx.stored.clear()
        run("SAVEPOINT job")
        try:
            value = job.work(tx, [_blob(one, packed) for one in job.contents])
        except sqlite3.DatabaseError:
            raise
        except BaseException as error:  # noqa: BLE001 - it is the caller's, who awaits it
            run("ROLLBACK TO job")
            run("RELEASE job")
            return _Outcome(job, job.contents, error=error)
        run("RELEASE job")
        unused = [one for one in job.contents if one.id not in tx.stored]
        return _Outcome(job, unused, value=value)

    def _undo(self) -> None:
        with contextlib.suppress(sqlite3.DatabaseError):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _discard(self, unused: Sequence[Content]) -> None:
        for content in unused:
            try:
                contents.discard(self._means, content)
            except OSError as error:
                # Nothing is lost by it, but its room, until a check finds it.
                _log.error("a file of nobody stays", content=content.id, error=str(error))

    def _seal(self) -> None:
        """Let go of the pack; it is now like any other."""
        if self._pack.id:
            try:
                self._connection.execute(
                    "UPDATE pack SET is_sealed = 1 WHERE id = ?", (self._pack.id,)
                )
            except sqlite3.DatabaseError as error:
                # Nothing is lost by it, but its room: what is not sealed is not compacted.
                _log.error("a pack was not sealed", pack=self._pack.id, error=str(error))
            self._pack.close()


def _size(job: Job) -> int:
    """Return how much of a pack a job needs."""
    return sum([one.size for one in job.contents if one.data is not None])


def _blob(content: Content, packed: dict[int, Blob]) -> Blob:
    """Return where a content lies: in its pack, or in the file that it came with."""
    own = Blob(content.id, content.size, content.crc, 0, 0, content.blocks)
    return packed.get(content.id, own)
