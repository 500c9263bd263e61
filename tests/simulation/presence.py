"""Who of a simulation's front ends are there, as each of them knows it: a few seconds late.

It stands for `state.leases`: work is shared among those that are there, and while they are not of
one mind it may be two front ends' at once, or nobody's.
"""

import zlib
from dataclasses import dataclass, field

from mallee.cloud.state.leases import LIFE_S, RENEW_S
from mallee.kit.clock import Clock


@dataclass(slots=True)
class Board:
    """What the database has of it: by name, until when a front end is there."""

    clock: Clock
    until: dict[str, float] = field(default_factory=dict[str, float])


class Presence:
    """One front end's leases."""

    def __init__(self, board: Board, own: str) -> None:
        self._board = board
        self._own = own
        self._asked_at = -RENEW_S
        self._there_since = board.clock.monotonic()
        self._alive: list[str] = []

    def alive(self) -> frozenset[str]:
        """Return who was there when it was last looked."""
        now = self._board.clock.monotonic()
        if now >= self._asked_at + RENEW_S:
            self._asked_at = now
            self._board.until[self._own] = now + LIFE_S
            self._alive = sorted(name for name, end in self._board.until.items() if end > now)
        return frozenset(self._alive)

    def is_there(self) -> bool:
        """Tell whether it knows who is there: the database is always reached."""
        self.alive()
        return True

    def is_known(self) -> bool:
        """Tell whether it has been there for longer than others go by an older word."""
        self.alive()
        return self._board.clock.monotonic() >= self._there_since + LIFE_S

    def holds(self, name: str) -> bool:
        """Tell whether a piece of work is this one's."""
        self.alive()
        return self._alive[zlib.crc32(name.encode()) % len(self._alive)] == self._own
