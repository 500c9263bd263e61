"""The store: one writer, many readers, everything durable before it is acknowledged.

Invariants:
1. All transactions of all processes pass one lock in the database, so revisions are visible in the
   order of commits.
2. What `run` returns is on disk, and its changes are in `view` when it returns.
3. A transaction that fails changes nothing: not the database, not the index.

The daemon opens it; handlers and reconcilers get `view` to read and `run` to change. What the
documents mean is not its business.
"""

import asyncio
import collections
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from mallee.cloud.state.database import Database
from mallee.cloud.state.errors import Conflict, StoreError, Taken, Unavailable, Unsettled
from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Kind
from mallee.cloud.state.tx import Change, Op, Tx, apply
from mallee.cloud.state.view import View
from mallee.cloud.state.writer import Delivery, Job, Outcome, Writer, look
from mallee.kit import clock

__all__ = [
    "Change", "Conflict", "Op", "Store", "StoreError", "Taken", "Tx", "Unavailable", "Unsettled",
    "View",
]  # fmt: skip

T = TypeVar("T")

HISTORY_MAX = 1000
"""So many changes of one thing are told: a host's are without end."""


class Store:
    """The cloud's memory, open on one database.

    The view belongs to one thread: that of the event loop in which the store was opened or first
    used, or, without one, whichever thread delivers.
    """

    def __init__(self, database: Database, index: Index, clock: clock.Clock) -> None:
        self._database = database
        self._shown = index.copy()
        self.view = View(self._shown)
        """What readers see."""
        self._writer = Writer(database, index, clock, self._deliver)
        self._deliveries: collections.deque[Delivery] = collections.deque()
        self._delivering = threading.RLock()
        self._arrived = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: set[asyncio.Future[None]] = set()
        self._freshness = database.freshness()
        self.is_shared = database.announces
        """Whether other processes of the same kind may write to the database: other front ends."""
        self._caught_up = -1

    @classmethod
    def open(cls, url: str, *, clock: clock.Clock) -> "Store":
        """Open `sqlite:///PATH` or `postgresql+psycopg://…`, bring its schema up to date, load it.

        Blocks until done. Called in a running event loop, the view belongs to that loop. Raises
        `Unavailable` with cause and cure.
        """
        database = Database(url)
        database.migrate()
        store = cls(database, database.load(), clock)
        store._bind()
        store._writer.start()
        return store

    async def run(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in one transaction in the writer thread; return what it returned.

        When this returns, everything is on disk and `view` contains it. What `fn` raises undoes
        its changes and is raised here. `fn` may run more than once: it changes nothing but the
        transaction. Raises `Unavailable` when the database takes nothing, and `Unsettled` when
        it took it without a word of its end: `view` has it as soon as that is known. Cancelling
        the caller does not take the transaction back.
        """
        self._bind()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(Job(fn, lambda outcome: _settle(future, outcome)))
        return await future

    def transact(self, fn: Callable[[Tx], T]) -> T:
        """The same as `run`, blocking the calling thread: for tests and tools."""
        future: futures.Future[T] = futures.Future()
        self._writer.submit(Job(fn, lambda outcome: _settle(future, outcome)))
        if self._loop is not None and self._loop is _running_loop():
            # The loop cannot bring the view up to date while we block it: we do it in its place.
            while not future.done():
                self._arrived.wait()
                self._arrived.clear()
                self._drain()
        return future.result()

    async def catch_up(self) -> None:
        """Wait until the view has what other processes had committed before this was called.

        Raises `Unavailable` when the database does not tell: what is old is not shown for new.
        """
        version = self._freshness.read()
        if version != self._caught_up:
            await self.run(look)
            self._caught_up = version

    async def wait_changed(self, rev: int, timeout_s: float) -> int:
        """Wait until the view is newer than `rev`, or the time is over; return its revision."""
        self._bind()
        if self.view.rev <= rev:
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(changed)
            try:
                await asyncio.wait([changed], timeout=timeout_s)
            finally:
                self._waiters.discard(changed)
        return self.view.rev

    def history(self, kind: Kind[Any, Any], id: str) -> list[Change]:
        """Return the newest `HISTORY_MAX` committed changes of a record, oldest first.

        Reads the disk and blocks, in any thread. Raises `Unavailable`.
        """
        return self._database.history(kind.name, id, HISTORY_MAX)

    def close(self) -> None:
        """Finish what is queued and let the database go. Doing it twice is doing it once."""
        self._writer.close()
        self._drain()
        self._freshness.close()

    # Deliveries from the writer thread to the view's

    def _bind(self) -> None:
        if self._loop is None or not self._loop.is_running():
            self._loop = _running_loop()

    def _deliver(self, delivery: Delivery) -> None:
        """Take a delivery in the writer thread; bring it to the view's thread."""
        self._deliveries.append(delivery)
        self._arrived.set()
        loop = self._loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self._drain)
        else:
            self._drain()

    def _drain(self) -> None:
        """Bring the view up to date, then tell who waits."""
        with self._delivering:
            while self._deliveries:
                delivery = self._deliveries.popleft()
                for change in delivery.changes:
                    self.view.note(change, apply(self._shown, change))
                for job, outcome in delivery.outcomes:
                    job.settle(outcome)
                if delivery.changes:
                    self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _settle(future: Any, outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)
