"""What S3's processes know of each other: how many connections each has, in memory that they share.

An idle cloud is served by one process; others begin when there is more than one connection, and
end when there has not been for a while. A process that has more connections than another gives some
away, between two requests. Made before the processes are forked. Each writes its own number; who
gives a connection adds one to the taker's, until that counts itself; and the parent, who asks how
many are wanted (`kit.forks`), takes away those of the dead. A number that is wrong for a moment
costs a detour. Not its business: how connections are given (`cloud.handover`).
"""

import mmap

from mallee.kit import clock as clocks

QUIET_S = 300.0
"""So long after there was more than one connection the other processes end."""
UNEVEN = 2
"""A process gives connections away when it has more by so many than another."""
_BYTES = 8
_RUNS = 1
"""Added to the number of a process that runs, so that 0 is one that does not."""


class Board:
    """The numbers of all processes."""

    def __init__(self, count: int, clock: clocks.Clock = clocks.SYSTEM) -> None:
        self.count = count
        self._numbers = memoryview(mmap.mmap(-1, count * _BYTES)).cast("Q")
        self._clock = clock
        self._busy_at = -QUIET_S

    def note(self, number: int, connections: int) -> None:
        """Say how many connections a process has; it runs."""
        self._numbers[number] = connections + _RUNS

    def ended(self, number: int) -> None:
        """Say that a process does not run."""
        self._numbers[number] = 0

    def wanted(self) -> int:
        """Return how many processes are to run now."""
        now = self._clock.monotonic()
        if sum(one - _RUNS for one in self._numbers if one) > 1:
            self._busy_at = now
        return len(self._numbers) if now - self._busy_at < QUIET_S else 1

    def taker(self, number: int) -> int | None:
        """Return the process that should have a connection of this one; None: it keeps them."""
        mine = self._numbers[number]
        running = [(one, other) for other, one in enumerate(self._numbers) if one]
        least, other = min(running, default=(mine, number))
        return other if mine > least + UNEVEN else None

    def give(self, other: int) -> None:
        """Say that a connection is on its way to a process."""
        self._numbers[other] += 1
