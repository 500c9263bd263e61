"""A lead: one lease alone, for what one of several processes does at a time for as long as it can.

It is a row among the other leases (`leases`), of a name of its own, and shared with nobody: who has
it keeps it until it gives it up or cannot renew it in time. Invariant: who cannot renew stops
first, by its own monotonic clock, counted from before it asked. Loaded by who may lead alone. Not
its business: what the leader does, and what stops it who was stopped itself.
"""

from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import leaserows, leases, postgresql, tables
from mallee.kit import clock as clocks
from mallee.kit import logs

_Where = TypeVar("_Where", sa.Update, sa.Delete)
_log = logs.get(__name__)


class Lead:
    """One lease alone, for what one process does at a time for as long as it can."""

    def __init__(self, url: str, name: str, own: str, clock: clocks.Clock = clocks.SYSTEM) -> None:
        """`name` is the lease's, `own` this process's: no other has it, nor had."""
        self._engine = postgresql.make_engine(sa.make_url(url), leaserows.PATIENCE)
        self._row = {"name": name, "holder": own}
        self._clock = clock
        self.held_until = 0.0
        """Monotonic seconds."""

    def take(self) -> bool:
        """Take the lease if nobody has it; tell whether it is this process's now; blocks."""
        new = postgresql.insert(tables.LEASE).values(
            **self._row, until=leaserows.NOW + leases.LIFE_S
        )
        is_free = sa.or_(_L.until < leaserows.NOW, _L.holder == self._row["holder"])
        taken = {name: new.excluded[name] for name in ("holder", "until")}
        return self._ask(
            new.on_conflict_do_update(
                index_elements=[_L.name], set_=taken, where=is_free
            ).returning(_L.name)
        )

    def renew(self) -> bool:
        """Hold it for longer; tell whether nobody else has had it since it was taken; blocks.

        While the database is away that is not known: then the lease runs out by itself.
        """
        longer = self._own(sa.update(tables.LEASE)).values(until=leaserows.NOW + leases.LIFE_S)
        return self._ask(longer.returning(_L.name), True)

    def give_up(self) -> None:
        """Hold it no more, so that another takes it at once; blocks."""
        self.held_until = 0.0
        self._ask(self._own(sa.delete(tables.LEASE)).returning(_L.name))
        self.held_until = 0.0

    def holder(self) -> str:
        """Return who has it, whether it has run out or not; empty: nobody, or it is not known."""
        asked = sa.select(_L.holder).where(_L.name == self._row["name"])
        try:
            with self._engine.begin() as connection:
                return str(connection.execute(asked).scalar_one_or_none() or "")
        except exc.DBAPIError as error:
            _log.warning("lease not asked for", problem=str(error.orig)[:200], **self._row)
            return ""

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _own(self, statement: _Where) -> _Where:
        return statement.where(_L.name == self._row["name"], _L.holder == self._row["holder"])

    def _ask(self, statement: sa.Executable, unknown: bool = False) -> bool:
        began_at = self._clock.monotonic()
        try:
            with self._engine.begin() as connection:
                is_held = connection.execute(statement).first() is not None
        except exc.DBAPIError as error:
            _log.warning("lease not asked for", problem=str(error.orig)[:200], **self._row)
            return unknown
        if is_held:
            self.held_until = began_at + leases.LIFE_S
        return is_held


_L = tables.LEASE.c
