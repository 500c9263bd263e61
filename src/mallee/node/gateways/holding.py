"""Whether this host holds the world: what it has taken, until when, and what it has promised.

Invariants: (1) a host holds by a lease of the cloud's, or by its standby's promise, that began
before it was asked for; (2) a host that has promised not to begin does not begin before the promise
has ended, and an agent that begins anew has promised, for all it knows; (3) a term that was taken
is written down first, so that an agent that begins anew goes on with it; (4) a machine that begins
anew leads nobody before it was told to: meanwhile it may have been said to be off.
No clock, no I/O: the time comes in, in monotonic seconds. Guarded by a lock: promises are made in
threads of the channel between hosts.
"""

import math
import threading
from dataclasses import dataclass, field

from mallee.model.network.gateways import LEASE_S, PROMISED_S, GatewayWanted


@dataclass(slots=True)
class Holding:
    """What a host knows of its own right."""

    own_id: str
    promised_until: float
    """Until when it has promised not to begin."""
    taken: GatewayWanted | None = None
    """The term that it holds, or held last."""
    leased_until: float = -math.inf
    is_confirmed: bool = True
    """Whether it was told to hold since the machine began."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def promise(self, told: GatewayWanted | None, peer_id: str, term: str, now: float) -> str:
        """Promise the host in charge not to begin for a while; return why not, else nothing."""
        with self._lock:
            if told is None or told.host_id != peer_id:
                return "that host is not in charge, as far as is known here"
            if told.standby_id != self.own_id or str(told.term) != term:
                return "this host is not its standby, as far as is known here"
            self.promised_until, self.taken = now + PROMISED_S, None
            return ""

    def may_begin(self, now: float) -> bool:
        """Tell whether it may hold: it has before, or what it promised has ended."""
        with self._lock:
            return self._may_begin(now)

    def _may_begin(self, now: float) -> bool:
        return self.taken is not None or now >= self.promised_until

    def take(self, told: GatewayWanted, asked_at: float, now: float) -> bool:
        """Hold by the cloud's lease, which was asked for at that moment; tell whether it does: it
        may have promised not to begin while its term was written down."""
        with self._lock:
            if not self._may_begin(now):
                return False
            self.taken, self.is_confirmed = told, True
            self.leased_until = max(self.leased_until, asked_at + LEASE_S)
            return True

    def go_on(self, asked_at: float) -> None:
        """Hold on by the standby's promise, which was asked for at that moment."""
        with self._lock:
            self.leased_until = max(self.leased_until, asked_at + LEASE_S)

    def end(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self.taken, self.leased_until = None, -math.inf

    @property
    def is_alone(self) -> bool:
        """Whether nobody can take over, so that what it has taken needs no lease."""
        return self.taken is not None and not self.taken.standby_id and self.is_confirmed

    def held_s(self, now: float) -> float:
        """Return for how long it holds from now on; 0: not at all."""
        if self.taken is None:
            return 0.0
        return math.inf if self.is_alone else max(0.0, self.leased_until - now)
