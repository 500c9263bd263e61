"""The time, as a value that is passed in: what needs a clock takes one, tests take their own.

Not its business: waiting (asyncio does that) and the formats of timestamps (`mallee.aws`).
"""

import time
from collections.abc import Iterator
from typing import Protocol

DIFFER_S = 300.0
"""By so much two machines' clocks may differ: certificates begin so much earlier."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds since the epoch; steps when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment; never steps: for durations and deadlines."""
        ...


class SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return time.monotonic()


SYSTEM: Clock = SystemClock()


def looks(for_s: float) -> Iterator[float]:
    """Yield how many seconds are left of so many, again and again, and no seconds at last: what has
    come by then is looked at too, however late who looks is."""
    until = SYSTEM.monotonic() + for_s
    while (left_s := until - SYSTEM.monotonic()) > 0:
        yield left_s
    yield 0.0
