"""Passes to the object store, got from the cloud's door, and anew before they end.

Threads that get and put blocks (`do.blockstore`) ask here for one before each request; the agent's
loop makes the call. Not its business: what a pass allows (`model.passes`).
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from mallee.kit.clock import Clock
from mallee.model.storage.passes import Pass, PassRequest
from mallee.node import cloud
from mallee.node.do.storage.blockstore import Access, StoreAway, StoreRefused

RENEW_BEFORE_S = 900.0
ANSWER_S = 60.0


class Door(Protocol):
    """Who gives passes: the cloud."""

    @property
    def address(self) -> str:
        """The host name or address at which the cloud is reached."""
        ...

    async def fetch_pass(self, asked: PassRequest) -> Pass:
        """Return a pass; raises `CloudAway` and `Refused`."""
        ...


class Passes:
    """The passes of this host."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """To be made in the agent's loop, which makes the calls."""
        self._door = door
        self._clock = clock
        self._loop = asyncio.get_running_loop()

    def access(self, asked: PassRequest) -> Callable[[], Access]:
        """Return what a `Blockstore` asks for access; threads that ask may share it."""
        return _Held(self, asked).access

    def fetch(self, asked: PassRequest) -> Access:
        """Return a fresh pass; to be called in another thread than the loop's.

        Raises `StoreAway` and `StoreRefused`.
        """
        waiting = asyncio.run_coroutine_threadsafe(self._door.fetch_pass(asked), self._loop)
        try:
            return Access(waiting.result(ANSWER_S), self._door.address)
        except TimeoutError as error:
            waiting.cancel()
            raise StoreAway(f"the cloud gave no pass in {ANSWER_S:g} seconds") from error
        except cloud.CloudAway as error:
            raise StoreAway(str(error)) from error
        except cloud.Refused as error:
            raise StoreRefused(str(error)) from error

    def is_good(self, given: Pass) -> bool:
        """Tell whether a pass is good for a while yet."""
        return self._clock.now() < given.expires_at - RENEW_BEFORE_S


class _Held:
    """One pass, renewed."""

    def __init__(self, passes: Passes, asked: PassRequest) -> None:
        self._passes = passes
        self._asked = asked
        self._lock = threading.Lock()
        self._has: Access | None = None

    def access(self) -> Access:
        """Return a pass that is good. Raises `StoreAway` and `StoreRefused`."""
        with self._lock:
            if self._has is None or not self._passes.is_good(self._has.given):
                self._has = self._passes.fetch(self._asked)
            return self._has
