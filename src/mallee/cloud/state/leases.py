"""Leases: who of several processes on one database does what only one of them shall do.

A *lease* is a row that names a piece of work, its holder, and until when, by the database's clock.
Holders renew theirs; who is killed, or cut off, holds nothing any more a few seconds later, and
another takes over. All that hold are alive, so each takes its share of the work and no more.
Invariants: (1) who cannot renew in time stops first, by its own monotonic clock, counted from
before it asked; (2) a lease spares work that is done twice, and is no lock: what it guards is put
right in transactions that look again, so that two at once do no harm there.
Called by the daemon, which asks before each round of its reconcilers. Not in the change log, and
not its business: the rows (`leaserows`).
"""

import asyncio
from collections.abc import Sequence
from concurrent import futures
from typing import Protocol

from mallee.cloud.state.errors import Unavailable
from mallee.kit import clock as clocks
from mallee.kit import logs

LIFE_S = 8.0
RENEW_S = 2.0

_log = logs.get(__name__)


class Leases(Protocol):
    """What a process may do now."""

    def holds(self, name: str) -> bool:
        """Tell whether a piece of work is this process's."""
        ...

    def alive(self) -> frozenset[str] | None:
        """Return the names of the processes that are there; None: this is the only one."""
        ...

    def is_there(self) -> bool:
        """Tell whether what `alive` says was so moments ago, and this process is among them."""
        ...

    def is_known(self) -> bool:
        """Tell whether every process for which `is_there` holds knows that this one is there."""
        ...


class Alone:
    """The leases of a process that shares its database with no other of its kind."""

    def share(self, work: Sequence[str]) -> None:
        """Say what there is to be shared: with nobody."""

    def holds(self, name: str) -> bool:
        """Tell that all work is this process's."""
        return True

    def alive(self) -> frozenset[str] | None:
        """Tell that there is no other."""
        return None

    def is_there(self) -> bool:
        """Tell that it is."""
        return True

    def is_known(self) -> bool:
        """Tell that there is nobody who does not know."""
        return True

    async def run(self) -> None:
        """Do nothing, until cancelled."""
        await asyncio.Event().wait()

    def give_up(self) -> None:
        """There is nothing to give up."""


class Shared:
    """The leases of one of several processes on PostgreSQL. Belongs to one event loop."""

    def __init__(
        self, url: str, own: str, work: Sequence[str] = (), clock: clocks.Clock = clocks.SYSTEM
    ) -> None:
        """`own` is the process's name, `work` what there is to be shared."""
        # Processes that share with nobody load nothing of it.
        from mallee.cloud.state import leaserows

        self._rows = leaserows.Rows(url, own, LIFE_S)
        self._own = own
        self._work = frozenset(work)
        self._clock = clock
        self._held: frozenset[str] = frozenset()
        self._held_until = 0.0
        """Monotonic seconds."""
        self._there_since = 0.0
        """Since when it was there without a gap, in monotonic seconds."""
        self._alive: frozenset[str] = frozenset()

    def share(self, work: Sequence[str]) -> None:
        """Say what there is to be shared; it is the same for all processes."""
        self._work = frozenset(work)

    def holds(self, name: str) -> bool:
        """Tell whether a piece of work is this process's at this moment."""
        return name in self._held and self._clock.monotonic() < self._held_until

    def alive(self) -> frozenset[str]:
        """Return who was there when the database was last asked; itself always."""
        return self._alive | {self._own}

    def is_there(self) -> bool:
        """Tell whether the database said so within the life of a lease."""
        return self._clock.monotonic() < self._held_until

    def is_known(self) -> bool:
        """Tell whether it is there, and has been for longer than others go by an older word."""
        return self.is_there() and self._clock.monotonic() >= self._there_since + LIFE_S

    async def run(self) -> None:
        """Renew leases, and take what is free, until cancelled."""
        run = asyncio.get_running_loop().run_in_executor
        # A thread of its own: however many others wait for something, the lease is renewed.
        thread = futures.ThreadPoolExecutor(1, "leases")
        try:
            while True:
                await run(thread, self.renew)
                await asyncio.sleep(RENEW_S)
        finally:
            thread.shutdown(wait=False)

    def renew(self) -> None:
        """Ask the database once; blocks. While it is away, leases run out by themselves."""
        began_at = self._clock.monotonic()
        try:
            renewed = self._rows.renew(self._work)
        except Unavailable as error:
            _log.warning("leases not renewed", problem=str(error)[:200])
            return
        # Others may have seen it there while it waited for the answer.
        if not (self.is_there() or renewed.is_unbroken):
            self._there_since = self._clock.monotonic()
        self._held, self._alive = renewed.held, renewed.alive
        self._held_until = began_at + LIFE_S

    def give_up(self) -> None:
        """Hold nothing any more, so that others take over at once; blocks."""
        self._held, self._held_until = frozenset(), 0.0
        try:
            self._rows.give_up()
        except Unavailable as error:
            _log.warning("leases not given up", problem=str(error)[:200])
        self._rows.close()
