"""Signatures of requests that change something, as all front ends on one database remember them.

Each process has a window of its own (`aws.signature.replay`); what was used at one front end must
not be good at another, nor after a restart. Kept as digests, by the database's clock, outside the
change log. A server that is killed may lose the last of them, as a process that is killed does.
Called by the pipeline through `authenticate`. Not its business: how long a signature holds.
"""

import asyncio
import hashlib
import threading
from concurrent import futures

import sqlalchemy as sa
from sqlalchemy import exc

from mallee.cloud.state import tables
from mallee.cloud.state.errors import Unavailable
from mallee.kit import clock as clocks

REMEMBERED_S = 3600.0
"""Longer than any signature holds, by clocks that differ."""
FORGET_EVERY_S = 60.0
AT_ONCE = 8
"""So many are asked about at a time; others wait their turn."""
WAIT_S = 10.0

_NOW = sa.func.extract("epoch", sa.func.clock_timestamp())


class Used:
    """The signatures that were used at any front end."""

    def __init__(self, url: str, clock: clocks.Clock = clocks.SYSTEM) -> None:
        # A cloud on SQLite loads nothing of it.
        from mallee.cloud.state import postgresql

        self._explain = postgresql.explain
        self._url = sa.make_url(url)
        self._engine = postgresql.make_pool(self._url, AT_ONCE, WAIT_S)
        # Of their own: while the database is away, nobody else's threads wait for it with them.
        self._threads = futures.ThreadPoolExecutor(AT_ONCE, "signatures")
        asked: sa.BindParameter[str] = sa.bindparam("made_of", type_=sa.Text)
        made = postgresql.insert(tables.SIGNATURE).values(digest=asked, used_at=_NOW)
        # The row of who was first stays as it is: it is written again to be returned.
        first = {"used_at": tables.SIGNATURE.c.used_at}
        put = made.on_conflict_do_update(index_elements=["digest"], set_=first)
        self._use = put.returning((_NOW - tables.SIGNATURE.c.used_at).label("age_s"))
        self._clock = clock
        self._forgets_at = 0.0
        self._gate = threading.Lock()

    async def use(self, signature: str) -> float:
        """Remember a signature; return how many seconds ago it was used first.

        Raises `Unavailable`: what nobody remembers is not let in.
        """
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._threads, self._remember, signature)

    def close(self) -> None:
        """Let the database go."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    def _remember(self, signature: str) -> float:
        digest = hashlib.sha256(signature.encode()).hexdigest()
        try:
            with self._engine.begin() as connection:
                # It guards against copies, not against power cuts: nobody waits for the disk.
                connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
                age_s = connection.execute(self._use, {"made_of": digest}).scalar_one()
                if self._is_due():
                    old = tables.SIGNATURE.c.used_at < _NOW - REMEMBERED_S
                    connection.execute(sa.delete(tables.SIGNATURE).where(old))
        except exc.DBAPIError as error:
            raise Unavailable(self._explain(error, self._url)) from error
        except exc.TimeoutError as error:
            raise Unavailable("the database takes no more connections of this process") from error
        return float(age_s)

    def _is_due(self) -> bool:
        now = self._clock.monotonic()
        with self._gate:
            if now < self._forgets_at:
                return False
            self._forgets_at = now + FORGET_EVERY_S
        return True
