"""Answers that are given only while this machine has the objects, where several share them.

What was read of the index counts if the term still holds when the answer is about to leave: then no
other has changed anything by then. What was written has been looked at by the engine. Called by
the wiring of S3's process. Not its business: when a term is over (`walrus.terms`).
"""

import asyncio
from collections.abc import Callable

from mallee.cloud import http
from mallee.cloud.frontends.seats import Seat
from mallee.cloud.s3.serving import sending
from mallee.cloud.s3.serving.bodies import Source
from mallee.cloud.s3.serving.server import Answer, Outgoing
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.walrus.errors import Fenced

WELL_EVERY_S = 1.0

_log = logs.get(__name__)


def guarded(answer: Answer, away: Callable[[], Outgoing], holds: Callable[[], bool]) -> Answer:
    """Return what answers so, and `away` when the term does not hold any more."""

    async def answer_in_term(request: http.Request, source: Source) -> Outgoing:
        outgoing = await answer(request, source)
        if holds():
            return outgoing
        if isinstance(outgoing.payload, sending.Stream):
            outgoing.payload.close()
        return away()

    return answer_in_term


async def keep_well(seat: Seat, prove: Callable[[], None]) -> None:
    """Say again and again that this process is well, until cancelled.

    It is while `prove` returns: who leads and cannot use the directory leaves the lead to others.
    """
    while True:
        try:
            await asyncio.to_thread(prove)
        except (OSError, Fenced) as error:
            _log.warning("the objects' directory cannot be used", why=str(error))
        else:
            seat.well_at = clocks.SYSTEM.monotonic()
        await asyncio.sleep(WELL_EVERY_S)
