"""Who of the front ends that share the objects' directory serves S3: the one that holds the lead.

The process of S3 of each tries to take it. Who has it begins a term in the directory
(`walrus.terms`), has children serve, and tells all where S3 is; the others bring it what comes to
them (`relay`). Invariants: (1) children serve as long as the lease holds by this machine's clock,
whatever becomes of this process, and are killed when it is lost, or they stand still; (2) a lead
that comes back is a new term. Called by S3's daemon. Not its business: what the children do, and
that nothing of a former term counts (`walrus.terms`).
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mallee.cloud import handover
from mallee.cloud.frontends import presence
from mallee.cloud.frontends.relay import Relay
from mallee.cloud.frontends.seats import Seat
from mallee.cloud.state import records, store
from mallee.cloud.state.leads import Lead
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.kit.child import Child
from mallee.walrus import terms
from mallee.walrus.errors import Fenced

LEASE = "objects"
TAKE_S = 1.0
"""How often who does not lead looks whether it may."""
RENEW_S = 2.0
LOOK_S = 0.1
START_S_MAX = 60.0
SILENT_S_MAX = 15.0
"""Children that were not well for so long are killed."""
STOP_S = 10.0
MODEST_S = 10.0
"""For so long who has failed to serve leaves the lead to others."""

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What leading takes."""

    own: str
    """This front end's id."""
    directory: Path
    door: Path
    store: store.Store
    lead: Lead
    relay: Relay
    arguments: tuple[str, ...]
    """Of the children's program, before the term's number."""


class _Failed(Exception):
    """This front end cannot serve now; the message says why."""


class Leading:
    """Takes the lead when it is free, and keeps it. Belongs to one event loop."""

    def __init__(self, means: Means, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self._means = means
        self._clock = clock
        self._seat = Seat()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve S3 or bring it to who does, until `stop` is set."""
        while not stop.is_set():
            door = handover.Door(self._means.door, self._means.relay)
            door.open()
            try:
                await self._wait_taken(stop)
                if not stop.is_set():
                    await self._lead(door, stop)
            except _Failed as error:
                _log.error("S3 cannot be served here", why=str(error))
                await self._reopen(door, stop)
            finally:
                await door.close()

    async def _reopen(self, door: handover.Door, stop: asyncio.Event) -> None:
        """Bring what comes to others for a while, so that they may come first."""
        await door.close()
        again = handover.Door(self._means.door, self._means.relay)
        again.open()
        await _wait(stop, MODEST_S)
        await again.close()

    async def _wait_taken(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and not await asyncio.to_thread(self._means.lead.take):
            self._means.relay.leave_former()
            await _wait(stop, TAKE_S)

    async def _lead(self, door: handover.Door, stop: asyncio.Event) -> None:
        """Serve until the lead is lost or is to be given up. Raises `_Failed`."""
        self._seat.well_at = 0.0
        renewing = asyncio.create_task(self._renew())
        child: Child | None = None
        try:
            number = await asyncio.to_thread(self._begin)
            # What it is asked stands in the seat, which it inherits.
            where = (str(number), str(self._seat.descriptor), str(os.getpid()))
            child = Child((*self._means.arguments, *where), (self._seat.descriptor,))
            _log.info("S3 is led here", term=number)
            await self._watch(child, door, lambda: stop.is_set() or renewing.done())
        finally:
            patience_s = STOP_S if stop.is_set() and not renewing.done() else 0.0
            if child is not None:
                await asyncio.to_thread(child.end, patience_s)
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            # Nobody serves any more who could write in the next one's time.
            self._seat.held_until = 0.0
            await asyncio.to_thread(self._means.lead.give_up)
            _log.info("S3 is not led here any more")

    async def _renew(self) -> None:
        """Hold the lease until it is lost."""
        lead = self._means.lead
        while True:
            self._seat.held_until = lead.held_until
            await asyncio.sleep(RENEW_S)
            if not await asyncio.to_thread(lead.renew):
                _log.warning("the lead was lost")
                self._seat.held_until = 0.0
                return

    def _begin(self) -> int:
        means = self._means
        record = means.store.view.get(records.FRONT_END, means.own)
        known = record.doc.objects_store if record else ""
        try:
            seen = (means.directory / presence.STORE_NAME).read_text()
            if seen != known:
                raise _Failed(f"{means.directory} is not the objects' directory: mount it there")
            return terms.begin(means.directory, lambda: self._seat.held_until).number
        except (OSError, ValueError, Fenced) as error:
            raise _Failed(str(error)) from error

    async def _watch(self, child: Child, door: handover.Door, is_over: Callable[[], bool]) -> None:
        began_at = self._clock.monotonic()
        while not is_over():
            await asyncio.sleep(LOOK_S)
            if child.status is not None:
                raise _Failed(f"who serves it has ended ({child.status})")
            well_at, now = self._seat.well_at, self._clock.monotonic()
            if now - (well_at or began_at) > (SILENT_S_MAX if well_at else START_S_MAX):
                raise _Failed("who serves it stands still")
            if well_at:
                # Its own door is in the place of this one.
                await door.close()
                await self._tell()

    async def _tell(self) -> None:
        """Have all front ends know, unless they do."""
        means = self._means
        found = means.store.view.list(records.FRONT_END)
        if all(one.doc.serves_objects == (one.id == means.own) for one in found):
            return
        with contextlib.suppress(store.Unavailable):
            await means.store.run(lambda tx: presence.lead(tx, means.own))
        means.relay.leave_former()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
