"""The store: one writer, many readers, everything durable before it is acknowledged.

Invariants:
1. All transactions of all processes pass one lock in the database, so revisions are visible in the
   order of commits.
2. What `run` returns is on disk, and its changes are in `view` when it returns.
3. A transaction that fails changes nothing: not the database, not the index.

The daemon opens it; handlers and reconcilers get `view` to read and `run` to change. What the
documents mean is not its business.
"""

from collections.abc import Callable
from typing import TypeVar

from mallee.cloud.state.errors import Conflict, StoreError, Taken, Unavailable
from mallee.cloud.state.tx import Change, Op, Tx
from mallee.cloud.state.view import View
from mallee.kit import clock

__all__ = [
    "Change", "Conflict", "Op", "Store", "StoreError", "Taken", "Tx", "Unavailable", "View",
]  # fmt: skip

T = TypeVar("T")


class Store:
    """The cloud's memory, open on one database."""

    view: View

    @classmethod
    def open(cls, url: str, *, clock: clock.Clock) -> "Store":
        """Open `sqlite:///PATH` or `postgresql+psycopg://…`, bring its schema up to date, load it.

        Blocks until done. Called in a running event loop, the view belongs to that loop. Raises
        `Unavailable` with cause and cure.
        """
        raise NotImplementedError

    async def run(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in one transaction in the writer thread; return what it returned.

        When this returns, everything is on disk and `view` contains it. What `fn` raises undoes
        its changes and is raised here. `fn` may run more than once: it changes nothing but the
        transaction. Raises `Unavailable` when the database takes nothing.
        """
        raise NotImplementedError

    def transact(self, fn: Callable[[Tx], T]) -> T:
        """The same as `run`, blocking the calling thread: for tests and tools."""
        raise NotImplementedError

    async def wait_changed(self, rev: int, timeout_s: float) -> int:
        """Wait until the view is newer than `rev`, or the time is over; return its revision."""
        raise NotImplementedError

    def close(self) -> None:
        """Finish what is queued and let the database go. Doing it twice is doing it once."""
        raise NotImplementedError
