"""How often a secret may be guessed: failures are counted, and each makes the next one wait longer.

An *attempt* is counted as failed when it begins and forgiven when it succeeds, so that many at the
same time are no way round. What is counted is a key of the caller's choice: who is tried for, who
tries. In memory and bounded; a restart forgives. Of several front ends each counts for itself, and
waits so much longer that all together let nobody guess more often. Called where passwords, one-time
codes and tokens are checked, and by the pipeline for requests that nobody signed.
"""

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mallee.aws import errors

FORGIVEN_AFTER_S = 3600.0
"""How long after the last failure a key's failures are forgotten."""
KEPT_MAX = 65_536
"""How many keys are remembered; the one that failed longest ago is forgotten first."""
_DOUBLINGS_MAX = 30


@dataclass(frozen=True, slots=True)
class Limit:
    """How patient we are with a kind of key."""

    free: int
    """Failures that cost nothing."""
    wait_s: float
    """What the first failure after these costs; each further one costs twice the one before."""
    wait_s_max: float


SUBJECT = Limit(free=5, wait_s=1.0, wait_s_max=60.0)
"""For whom it is tried: a stranger can lock nobody out for longer than a minute."""
CODE = Limit(free=5, wait_s=1.0, wait_s_max=900.0)
"""A code of six digits, tried by who has the password or the key already: a hundred a day, of which
the window takes three, so that a year of guessing is right once in ten times."""
PEER = Limit(free=60, wait_s=1.0, wait_s_max=900.0)
"""Who tries: many people may sit behind one address."""


@dataclass(slots=True)
class _Failures:
    count: int
    at: float


class Attempts:
    """The failures of this process, by key. Any thread may ask."""

    __slots__ = ("_failures", "_lock", "_processes")

    def __init__(self, processes: Callable[[], int] = lambda: 1) -> None:
        """`processes` tells how many count beside each other."""
        self._processes = processes
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, now: float, *keys: tuple[str, Limit]) -> None:
        """Count an attempt under each key; raise `Throttling`, counting nothing, if one must wait.

        `now` is in seconds of any clock that goes on evenly.
        """
        with self._lock:
            for key, limit in keys:
                if self._waits_until(key, limit, now) > now:
                    raise errors.Throttling
            for key, _ in keys:
                self._count(key, now)

    def succeed(self, *keys: str) -> None:
        """Forgive all failures of the keys."""
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def forgive(self, key: str) -> None:
        """Take one failure of the key back: the attempt was none, but others before it were."""
        with self._lock:
            failures = self._failures.get(key)
            if failures is not None:
                failures.count -= 1

    def _waits_until(self, key: str, limit: Limit, now: float) -> float:
        failures = self._failures.get(key)
        if failures is None or now - failures.at >= FORGIVEN_AFTER_S:
            return now
        processes = max(1, self._processes())
        over = failures.count - max(1, limit.free // processes)
        if over < 0:
            return now
        wait_s = limit.wait_s * 2.0 ** min(over, _DOUBLINGS_MAX)
        return failures.at + min(wait_s, limit.wait_s_max) * processes

    def _count(self, key: str, now: float) -> None:
        failures = self._failures.pop(key, None)
        is_old = failures is None or now - failures.at >= FORGIVEN_AFTER_S
        count = 1 if failures is None or is_old else failures.count + 1
        self._failures[key] = _Failures(count, now)
        if len(self._failures) > KEPT_MAX:
            self._failures.popitem(last=False)


def peer_key(peer: str) -> str:
    """Return the key of a peer: an IPv6 network of 64 bits is one, as it is one customer's."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return f"peer/{peer}"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return f"peer/{ipaddress.IPv6Network((int(address) >> 64 << 64, 64))}"
    return f"peer/{address}"
