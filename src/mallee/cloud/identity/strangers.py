"""How often a peer may ask what is answered without a signature.

A *stranger* is whoever sends a request that nobody signed: to sign in, to register, to trade the
token of an identity provider for a role. Each address has a budget that fills up again with time;
an IPv6 host, which has addresses without end, has one with all of its /64. What is remembered of
them is bounded. Called by the pipeline before anything of such a request is looked up. Not its
business: how often one may try for one account or user, which a handler counts for itself.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

BURST = 40
"""Requests that a peer may send at once."""
PER_S = 4.0
"""By how many his budget grows each second."""
PEERS_MAX = 10_000
"""How many are remembered; who was longest away is forgotten first, and starts afresh."""


@dataclass(slots=True)
class _Budget:
    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The budgets of all peers. Belongs to the event loop's thread."""

    _budgets: OrderedDict[str, _Budget] = field(
        default_factory=OrderedDict[str, _Budget], repr=False
    )

    def admit(self, peer: str, now: float) -> bool:
        """Take one request from the peer's budget; tell whether there was one. `now` in seconds."""
        name = _network(peer)
        budget = self._budgets.pop(name, None) or _Budget(BURST, now)
        grown = budget.left + max(0.0, now - budget.at) * PER_S
        budget.left, budget.at = min(BURST, grown), now
        self._budgets[name] = budget
        if len(self._budgets) > PEERS_MAX:
            self._budgets.popitem(last=False)
        if budget.left < 1:
            return False
        budget.left -= 1
        return True


def _network(peer: str) -> str:
    if ":" not in peer:
        return peer
    try:
        return str(ipaddress.IPv6Network((peer.partition("%")[0], 64), strict=False))
    except ValueError:
        return peer
