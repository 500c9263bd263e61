"""A clock for what takes one: it stands until a test moves it."""

from dataclasses import dataclass

NOW = 1_800_000_000.0
"""What it shows at first, in seconds since the epoch."""


@dataclass(slots=True)
class HandClock:
    """A clock that only moves when it is told to."""

    time: float = NOW

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.time

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self.time
