"""How long the policies of one account may keep everybody else waiting.

A decision takes microseconds; policies written to hurt take a second. So an account may spend a
share of the process's time on decisions about its requests, and a burst beyond it; then it waits
until what it took is made good. Decisions as everybody has them are too quick to be counted.
Called by `authorize`. Not its business: what is decided, and how large a policy may be.
"""

import time
from dataclasses import dataclass, field

SHARE_MAX = 0.2
"""Of the process's time, over a while."""
BURST_S_MAX = 5.0
"""Time that may be spent beyond the share."""
COUNTED_S_MIN = 0.002
"""What took less is not counted."""


@dataclass(slots=True)
class Effort:
    """What each account has spent. Belongs to the event loop's thread."""

    debts: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By account: seconds, and as of when (seconds since the epoch)."""

    def may_begin(self, account: str, now: float) -> bool:
        """Tell whether the account has something left."""
        return account not in self.debts or self._owed(account, now) < BURST_S_MAX

    def spend(self, account: str, took_s: float, now: float) -> None:
        """Count what a decision took."""
        if took_s >= COUNTED_S_MIN:
            self.debts[account] = (self._owed(account, now) + took_s, now)

    def _owed(self, account: str, now: float) -> float:
        owed, at = self.debts.get(account, (0.0, now))
        left = owed - max(0.0, now - at) * SHARE_MAX
        if left <= 0:
            self.debts.pop(account, None)
        return max(0.0, left)


def clock_s() -> float:
    """Return a time to take differences of. A thread's own processor time would be dearer to ask
    for than most decisions are."""
    return time.perf_counter()
