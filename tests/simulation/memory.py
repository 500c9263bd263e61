"""The store of a simulation: the real index, transactions and views, and no database below them.

One `Memory` stands for the database that several front ends share: the newest index and the log of
changes. Each front end has a `SharedStore`, whose view hears of others' commits a while later, and
whose transactions may be run twice, as on a database that refuses one.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any, TypeVar

from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Kind, Record
from mallee.cloud.state.tx import Change, Tx, apply
from mallee.cloud.state.view import View
from mallee.kit.clock import Clock

T = TypeVar("T")

LATE_S_MAX = 0.3
"""How long others' commits may be on their way to a view."""
TWICE = 0.05
"""How many of the transactions are run twice."""


class Memory:
    """What the database has."""

    def __init__(self, index: Index, clock: Clock, rng: random.Random) -> None:
        self.index = index
        self.clock = clock
        self.rng = rng
        self.log: list[Change] = []
        self.first_rev = index.rev
        self.stores: list[SharedStore] = []
        self.on_commit: Callable[[], None] = lambda: None

    def transact(self, fn: Callable[[Tx], T]) -> T:
        """Run a function in one transaction."""
        if self.rng.random() < TWICE:
            refused = Tx(self.index, self.clock.now())
            # What it raises it raises again below.
            with contextlib.suppress(Exception):
                fn(refused)
            refused.undo()
        tx = Tx(self.index, self.clock.now())
        with contextlib.ExitStack() as undo:
            undo.callback(tx.undo)
            value = fn(tx)
            undo.pop_all()
        self.log += tx.changes
        if tx.changes:
            self.on_commit()
        return value


class SharedStore:
    """A front end's store."""

    is_shared = True

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._shown = memory.index.copy()
        self.view = View(self._shown)
        self._waiters: set[asyncio.Future[None]] = set()
        self._is_due = False
        self._is_closed = False
        memory.stores.append(self)

    async def run(self, fn: Callable[[Tx], T]) -> T:
        """Run a function in one transaction; the view has it when this returns."""
        return self.transact(fn)

    def transact(self, fn: Callable[[Tx], T]) -> T:
        """The same."""
        try:
            return self._memory.transact(fn)
        finally:
            self.learn()
            for other in self._memory.stores:
                if other is not self:
                    other.hear()

    async def catch_up(self) -> None:
        """Wait until the view has what was committed."""
        self.learn()

    async def wait_changed(self, rev: int, timeout_s: float) -> int:
        """Wait until the view is newer, or the time is over."""
        if self.view.rev <= rev:
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(changed)
            ending = asyncio.get_running_loop().call_later(timeout_s, _wake, changed)
            try:
                await changed
            finally:
                ending.cancel()
                self._waiters.discard(changed)
        return self.view.rev

    def history(self, kind: Kind[Any, Any], id: str) -> list[Change]:
        """Return the changes of a record since the simulation began."""
        return [
            change
            for change in self._memory.log
            if isinstance(change.subject, Record)
            and (change.subject.kind, change.subject.id) == (kind, id)
        ]

    def close(self) -> None:
        """Hear nothing any more."""
        self._is_closed = True
        self._memory.stores.remove(self)

    def hear(self) -> None:
        """Hear of what others committed, soon."""
        if not self._is_due and self.view.rev < self._memory.index.rev:
            self._is_due = True
            late_s = self._memory.rng.random() * LATE_S_MAX
            asyncio.get_running_loop().call_later(late_s, self.learn)

    def learn(self) -> None:
        """Bring the view up to date."""
        self._is_due = False
        if self._is_closed or self.view.rev == self._memory.index.rev:
            return
        start = self.view.rev - self._memory.first_rev
        for change in self._memory.log[start:]:
            self.view.note(change, apply(self._shown, change))
        for waiter in self._waiters:
            _wake(waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def as_store(store: SharedStore) -> Any:
    """Return it as what expects a store takes it."""
    return store
