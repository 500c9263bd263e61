"""Leases as PostgreSQL has them: rows of a name, a holder, and until when by the database's clock.

Called by `leases.Shared`, and loaded by it alone: clouds on SQLite share nothing. Not its business:
what a process may do by them, and for how long it may trust what was said.
"""

import contextlib
import math
from collections.abc import Generator

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


class Rows:
    """What one process asks of them. Raises `Unavailable`; blocks."""

    def __init__(self, url: str, own: str, life_s: float) -> None:
        """`own` is the process's name; what it takes it has for `life_s`."""
        self._url = sa.make_url(url)
        self._engine = postgresql.make_engine(self._url, PATIENCE)
        self._own = own
        self._life_s = life_s

    def renew(self, work: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Take this process's share of the work; return it, and the names of all that are there."""
        with self._begin() as connection:
            connection.execute(sa.text(QUEUE))
            self._put(connection, PRESENCE + self._own)
            live = sa.select(_L.name, _L.holder).where(_L.until > NOW)
            holders: dict[str, str] = {row.name: row.holder for row in connection.execute(live)}
            alive = {name.removeprefix(PRESENCE) for name in holders if name.startswith(PRESENCE)}
            own = sorted(name for name in work if holders.get(name) == self._own)
            share = math.ceil(len(work) / len(alive))
            free = sorted(work - holders.keys())
            kept = [*own, *free][:share]
            for name in own[share:]:
                connection.execute(sa.delete(tables.LEASE).where(_L.name == name))
            for name in kept:
                self._put(connection, name)
        return frozenset(kept), frozenset(alive)

    def give_up(self) -> None:
        """Take away all that this process holds."""
        with self._begin() as connection:
            connection.execute(sa.delete(tables.LEASE).where(_L.holder == self._own))

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def _put(self, connection: sa.Connection, name: str) -> None:
        row = {"name": name, "holder": self._own, "until": NOW + self._life_s}
        postgresql.put_row(connection, tables.LEASE, "name", row)

    @contextlib.contextmanager
    def _begin(self) -> Generator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except exc.DBAPIError as error:
            raise Unavailable(postgresql.explain(error, self._url)) from error
