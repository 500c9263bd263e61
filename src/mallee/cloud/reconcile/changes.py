"""Takes changes off the store's log that are older than it is remembered who did what.

The log tells other processes what was committed, which takes moments, and people how a thing came
to be as it is, as the trail does: both go back for as long (`trail.kept_days`). A piece at a time,
so that nobody who writes waits for long. Not its business: what must stay (`state.database`).
"""

import asyncio

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state.database import Database
from mallee.kit import clock, logs

EVERY_S = 3600.0
AT_ONCE = 200
PAUSE_S = 0.1
_DAY_S = 86400.0

_log = logs.get(__name__)


def reconciler(url: str, kept_days: int, clock: clock.Clock) -> Reconciler:
    """Return the reconciler of the log in the database at `url`; it has one key."""

    async def settle(_: str) -> None:
        database, before = Database(url), clock.now() - kept_days * _DAY_S
        count = 0
        while some := await asyncio.to_thread(database.trim, before, AT_ONCE):
            count += some
            await asyncio.sleep(PAUSE_S)
        if count:
            _log.info("old changes forgotten", number=count)

    return Reconciler(
        name="changes",
        keys=lambda: ("old",),
        settle=settle,
        every_s=EVERY_S,
        waits_for_change=False,
    )
