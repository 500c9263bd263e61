"""The writer thread: runs transactions one after the other, several to a commit.

Functions that wait at the same moment run in one database transaction, each undone by itself when
it fails, and share its commit: a disk's flush is what costs. Nobody is told of success before the
commit. When nothing waits, the thread looks for other processes' commits.

Invariant: outside a batch the writer's index equals the database as of its revision.
"""

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mallee.cloud.state.database import Database
from mallee.cloud.state.errors import Unavailable, Unsettled
from mallee.cloud.state.index import Index
from mallee.cloud.state.tx import Change, Tx
from mallee.kit import clock, logs

POLL_S = 0.25
"""How often other processes' commits are looked for while nothing else is to be done."""
BATCH_MAX = 64
"""The most transactions that share a commit."""
RETRY_FOR_S = 15.0
"""How long a transaction is tried again after passing faults: a lock, a restarting server."""
RETRY_PAUSE_S = 0.1

_log = logs.get("mallee.cloud.state")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a function: its value, or what it raised."""

    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A function to run, and where its outcome goes."""

    fn: Callable[[Tx], Any]
    settle: Callable[[Outcome], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What readers must hear of: changes in the order of commits, and then outcomes."""

    changes: Sequence[Change]
    outcomes: Sequence[tuple[Job, Outcome]] = ()


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Functions that ran in one transaction, with what they did, until it is kept or undone."""

    name: str
    txs: Sequence[Tx]
    changes: Sequence[Change]
    outcomes: Sequence[tuple[Job, Outcome]]


def look(tx: Tx) -> None:
    """Stand for no function: who submits it waits for others' commits, and for no lock."""


class Writer:
    """The thread, its queue and its index. `deliver` is called in the thread."""

    def __init__(
        self,
        database: Database,
        index: Index,
        clock: clock.Clock,
        deliver: Callable[[Delivery], None],
    ) -> None:
        self._database = database
        self._index = index
        self._clock = clock
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._over = threading.Event()
        self._is_deaf = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Start the thread, and one that listens where commits are announced."""
        self._thread.start()
        if self._database.announces:
            threading.Thread(target=self._listen, name="store-listener", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Queue a function; raise `Unavailable` when the store is closed."""
        with self._gate:
            if self._over.is_set():
                raise Unavailable("the store is closed")
            self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._gate:
            self._over.set()
            self._queue.put(None)
        self._thread.join()

    # The thread

    def _run(self) -> None:
        while True:
            taken = self._wait_for_jobs()
            looks = [job for job in taken if job.fn is look]
            jobs = [job for job in taken if job.fn is not look]
            if not taken and self._over.is_set():
                break
            began_at = self._clock.monotonic()
            # Who writes begins with what others have committed.
            failed = self._serve(jobs) if jobs else None
            away = self._found_away(failed, began_at)
            if away is None and (failed is not None or not jobs):
                failed = self._look_for_others(is_awaited=not jobs and bool(looks))
                away = self._found_away(failed, began_at)
            self._refuse(looks, away or failed)
            if away is not None:
                # One after the other would each try for as long.
                self._refuse(self._waiting(), away)
        self._database.disconnect()

    def _found_away(self, error: BaseException | None, began_at: float) -> Unavailable | None:
        """Return what to tell those for whom nothing was tried, where trying takes its time."""
        took_s = self._clock.monotonic() - began_at
        if not isinstance(error, Unavailable) or took_s <= RETRY_FOR_S:
            return None
        return Unavailable(str(error))

    def _wait_for_jobs(self) -> list[Job]:
        jobs: list[Job] = []
        with contextlib.suppress(queue.Empty):
            job = self._queue.get(timeout=POLL_S)
            while True:
                if job is not None:
                    jobs.append(job)
                if len(jobs) == BATCH_MAX:
                    break
                job = self._queue.get_nowait()
        return jobs

    def _serve(self, jobs: list[Job]) -> BaseException | None:
        """Run functions; return why none of them was, nor what others had committed was seen."""
        try:
            self._commit(jobs)
            return None
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of anything
            self._database.disconnect()
            if len(jobs) == 1 or isinstance(error, Unavailable):
                self._refuse(jobs, error)
                return error
            # One of them is what the database refuses: the others shall not suffer for it.
            failed = [self._serve([job]) for job in jobs]
            return None if None in failed else failed[-1]

    def _commit(self, jobs: list[Job]) -> None:
        """Run the functions in one transaction, again after passing faults.

        Raises `Unsettled` when its end is not known, and `Unavailable`.
        """
        give_up_at = self._clock.monotonic() + RETRY_FOR_S
        attempt = doubted = None
        while True:
            try:
                self._lock()
                if doubted is not None and self._was_kept(doubted):
                    # Its commit was cut off, yet it went through; catching up has delivered it.
                    self._database.roll_back()
                    self._deliver(Delivery((), doubted.outcomes))
                    return
                doubted = None
                attempt = self._run_all(jobs)
                self._keep(attempt)
                self._deliver(Delivery(attempt.changes, attempt.outcomes))
                return
            except Unsettled as error:
                doubted, found, is_passing = attempt, error, True
            except self._database.failures as error:
                is_passing = self._database.is_passing(error)
                if not is_passing and len(jobs) > 1 and doubted is None:
                    raise
                found = self._database.unavailable(error)
            self._database.disconnect()
            if not is_passing or self._clock.monotonic() > give_up_at:
                raise found if doubted is None else Unsettled(str(found))
            _log.warning("a transaction is tried again", error=str(found))
            self._over.wait(RETRY_PAUSE_S)

    def _lock(self) -> None:
        """Begin as the only writer, with the index exact."""
        if self._database.lock() != self._index.rev:
            self._deliver_all(self._database.changes_since(self._index))

    def _run_all(self, jobs: list[Job]) -> _Attempt:
        txs: list[Tx] = []
        outcomes: list[tuple[Job, Outcome]] = []
        for job in jobs:
            tx = Tx(self._index, self._clock.now())
            try:
                outcome = Outcome(value=job.fn(tx))
                txs.append(tx)
            except BaseException as error:  # noqa: BLE001 - it is the caller's, who awaits it
                tx.undo()
                outcome = Outcome(error=error)
            outcomes.append((job, outcome))
        changes = [change for tx in txs for change in tx.changes]
        return _Attempt(secrets.token_hex(8), txs, changes, outcomes)

    def _keep(self, attempt: _Attempt) -> None:
        """Make it durable; when that fails it is undone in the index."""
        if not attempt.changes:
            self._database.roll_back()
            return
        with contextlib.ExitStack() as undo:
            for tx in attempt.txs:
                undo.callback(tx.undo)
            self._database.flush(attempt.changes, attempt.name, attempt.changes[0].rev - 1)
            self._database.commit()
            undo.pop_all()

    def _was_kept(self, attempt: _Attempt) -> bool:
        if not attempt.changes:
            return False
        return self._database.has_batch(attempt.changes[-1].rev, attempt.name)

    def _waiting(self) -> list[Job]:
        jobs: list[Job] = []
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    jobs.append(job)
        return jobs

    def _refuse(self, jobs: list[Job], error: BaseException | None) -> None:
        """Tell who waits for these; without an error, that they are done."""
        if jobs:
            self._deliver(Delivery((), [(job, Outcome(error=error)) for job in jobs]))

    # Other processes

    def _look_for_others(self, *, is_awaited: bool) -> Unavailable | None:
        """Look; return why that was not possible. Where somebody waits, passing faults pass."""
        give_up_at = self._clock.monotonic() + RETRY_FOR_S
        while True:
            try:
                self._deliver_all(self._database.poll(self._index))
                self._is_deaf = False
                return None
            except self._database.failures as error:
                found = self._database.unavailable(error)
                is_passing = self._database.is_passing(error)
            except Unavailable as error:
                found, is_passing = error, False
            self._database.disconnect()
            if not self._is_deaf:
                _log.error("other processes' changes cannot be read", error=str(found))
            self._is_deaf = True
            is_late = self._over.is_set() or self._clock.monotonic() > give_up_at
            if not is_awaited or not is_passing or is_late:
                return found
            self._over.wait(RETRY_PAUSE_S)

    def _deliver_all(self, changes: Iterable[Change]) -> None:
        """Deliver what was read, also when reading on fails: the index contains it already."""
        delivered: list[Change] = []
        try:
            for change in changes:
                delivered.append(change)
        finally:
            if delivered:
                self._deliver(Delivery(delivered))

    def _listen(self) -> None:
        self._database.listen(lambda: self._queue.put(None), self._over)
