"""Keeps volumes from being cut while they are given to guests, and the other way round.

A guest is given the layer that is a volume's topmost one when its machine is planned, and has it
open some seconds later; a volume that no guest has open is cut by a new topmost layer. Between the
two, one would have the guest write the layer that has become a snapshot's.
Used by `reconcile` and `volumes`, in the agent's loop.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

CUT_WAITS_S = 8.0
"""A cut that waits longer is asked for again: who asked is there for ten seconds."""


class StillGiven(Exception):
    """A volume is being given to a guest for longer than anybody waits."""


class Giving:
    """Which volumes are being given to guests, and which are being cut."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()
        self._cut: set[str] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def give(self, volume_ids: Collection[str]) -> AsyncGenerator[None]:
        """Have nobody cut these meanwhile; wait until nobody does."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._cut.isdisjoint(volume_ids))
            self._given.update(volume_ids)
        try:
            yield
        finally:
            self._given.subtract(volume_ids)
            await self._tell()

    @asynccontextmanager
    async def cut(self, volume_ids: Collection[str]) -> AsyncGenerator[None]:
        """Have no guest be given these meanwhile; raise `StillGiven`."""
        try:
            async with asyncio.timeout(CUT_WAITS_S), self._changed:
                await self._changed.wait_for(lambda: not any(self._given[id] for id in volume_ids))
                self._cut.update(volume_ids)
        except TimeoutError as error:
            raise StillGiven(f"{', '.join(volume_ids)}: a guest is being given it") from error
        try:
            yield
        finally:
            self._cut.difference_update(volume_ids)
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
