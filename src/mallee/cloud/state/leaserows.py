"""Leases as PostgreSQL has them: rows of a name, a holder, and until when by the database's clock.

Called by `leases.Shared`, and loaded by it alone: clouds on SQLite share nothing. Not its business:
what a process may do by them, and for how long it may trust what was said.
"""

import contextlib
import math
from collections.abc import Generator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import postgresql, tables
from mallee.cloud.state.errors import Unavailable

PRESENCE = "presence/"
"""What a process holds for being there: this, and its own name."""

PATIENCE = postgresql.Patience(connect_s=4, silent_s=4, idle_s=4, lock_s=6, answer_s=8)
"""One that is stopped while it renews holds up all others, who shall renew in time all the same."""

QUEUE = "LOCK TABLE lease IN SHARE ROW EXCLUSIVE MODE"
"""One after the other, so that no two count the same free leases as their share."""

NOW = sa.func.extract("epoch", sa.func.clock_timestamp())
"""By the database's clock."""

_L = tables.LEASE.c


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a process was told when it renewed."""

    held: frozenset[str]
    """Its share of the work."""
    alive: frozenset[str]
    """The names of all that are there."""
    is_unbroken: bool
    """Whether it was there all the time since it was told so before."""


class Rows:
    """What one process asks of them. Raises `Unavailable`; blocks."""

    def __init__(self, url: str, own: str, life_s: float) -> None:
        """`own` is the process's name; what it takes it has for `life_s`."""
        self._url = sa.make_url(url)
        self._engine = postgresql.make_engine(self._url, PATIENCE)
        self._own = own
        self._life_s = life_s
        self._told_until = 0.0
        """Until when it was told that it is there: a renewal whose answer was lost does not count,
        for nobody knows how long it came after the one before."""

    def renew(self, work: frozenset[str]) -> Renewed:
        """Take this process's share of the work, and be there."""
        presence = PRESENCE + self._own
        with self._begin() as connection:
            connection.execute(sa.text(QUEUE))
            now = float(connection.execute(sa.select(NOW)).scalar_one())
            until = now + self._life_s
            live = sa.select(_L.name, _L.holder).where(_L.until > now)
            holders: dict[str, str] = {row.name: row.holder for row in connection.execute(live)}
            is_unbroken = presence in holders and now < self._told_until
            self._put(connection, presence, until)
            present = {name for name in holders if name.startswith(PRESENCE)} | {presence}
            alive = {name.removeprefix(PRESENCE) for name in present}
            own = sorted(name for name in work if holders.get(name) == self._own)
            share = math.ceil(len(work) / len(alive))
            free = sorted(work - holders.keys())
            kept = [*own, *free][:share]
            for name in own[share:]:
                connection.execute(sa.delete(tables.LEASE).where(_L.name == name))
            for name in kept:
                self._put(connection, name, until)
        self._told_until = until
        return Renewed(frozenset(kept), frozenset(alive), is_unbroken)

    def give_up(self) -> None:
        """Take away all that this process holds."""
        with self._begin() as connection:
            connection.execute(sa.delete(tables.LEASE).where(_L.holder == self._own))

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def _put(self, connection: sa.Connection, name: str, until: float) -> None:
        row = {"name": name, "holder": self._own, "until": until}
        postgresql.put_row(connection, tables.LEASE, "name", row)

    @contextlib.contextmanager
    def _begin(self) -> Generator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except exc.DBAPIError as error:
            raise Unavailable(postgresql.explain(error, self._url)) from error
