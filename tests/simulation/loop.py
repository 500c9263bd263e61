"""An event loop whose time is a number: it passes when nothing is left to do, and at once.

What runs in it is deterministic: the order follows from the code and from nothing else, for there
are no sockets and no threads. Work that is sent to a thread is done on the spot.
"""

import asyncio
from collections.abc import Callable
from typing import Any

EPOCH = 1_700_000_000.0
"""When simulations begin, in seconds since 1970."""


TICK_S = 1e-9
ROUNDS_MAX = 200_000
"""Of a loop that goes round so often something spins: a life takes some thousands."""


class Stuck(Exception):
    """Nothing is left that could ever happen, or it never ends."""


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop. `time()` is 0 at its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._rounds = 0
        self._selector = self

    def time(self) -> float:
        return self._passed

    def select(self, timeout: float | None) -> list[Any]:
        """Stand for the selector: no file is ever ready, so only time passes."""
        if timeout is None:
            raise Stuck("every task waits, and nothing will wake one")
        # What is left of a wait may be less than a number as large as this can tell.
        self._passed += max(TICK_S, timeout)
        self._rounds += 1
        if self._rounds > ROUNDS_MAX:
            self._rounds = 0
            raise Stuck(f"{ROUNDS_MAX} rounds, and no end of it")
        return []

    def run_in_executor(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - it is the caller's, who awaits it
            done.set_exception(error)
        return done

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody is outside."""


class VirtualClock:
    """The loop's time as everybody's clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return EPOCH + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()
