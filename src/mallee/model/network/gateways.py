"""The gateway: which of the hosts leads guests to the world, and by what right.

*In charge* is one host, at a *term* that grows with each change; its *standby* is the host that
takes over when it falls silent. Who is in charge holds the world (public addresses, and packets to
and from guests) by a *lease* of some seconds: from the cloud, or, while the cloud cannot be asked,
from the standby, which promises not to begin meanwhile. A host whose lease has run out leads
nobody (`node.gateways`), so that the next one begins when the former has ended (design 027).
These types are stored, and cross between the cloud and agents. Pure.
"""

from enum import Enum

import msgspec

LEASE_S = 10.0
"""How long a host leads to the world after the question that was answered with a lease. It is
shorter than `hosts.AGENT_SILENT_AFTER_S`: who is silent has none left."""
RENEW_S = 2.0
"""How often the host in charge asks."""
PROMISED_S = LEASE_S + 3.0
"""How long a standby that has promised waits: a busy host may open its fence a little late, and it
stays open from then on."""
HANDED_OVER_S = LEASE_S + 4.0
"""How long the next one waits for a host that was asked to end and does not say that it has."""
STAYS_S = 60.0
"""How long a host is in charge at least before a dead way of its own takes the charge from it: two
whose ways come and go in turn do not pass it to and fro."""
WORLD = "world"
"""The id of the one record: there is one gateway for all zones."""
PROMISE = "gateway"
"""What the host in charge says to its standby by the channel between hosts; `id` is the term."""


class WayState(Enum):
    """How a host's own way to the world stands."""

    UNKNOWN = "unknown"
    """Nobody can tell: it has none to look at, or did not answer a moment ago."""
    OPEN = "open"
    """Its next hop has answered for a while, and somebody beyond where anybody is asked."""
    DEAD = "dead"
    """What answered before has been silent for a while, or the device has no carrier."""


class WaySeen(msgspec.Struct, frozen=True, gc=False):
    """What a host sees of its own way to the world, up to the next hop or to a landmark."""

    state: WayState = WayState.UNKNOWN
    why: str = ""
    """A sentence with cause and cure, where it is dead."""


class Charge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who is in charge. `cloud.gateways` writes it."""

    host_id: str
    term: int
    standby_id: str = ""
    """Who takes over; empty: nobody can, so that the host in charge needs no lease."""
    standby_port: int = 0
    """At which its agent answers other hosts; 0: it does not yet."""
    since: float
    """Seconds since the epoch: when this host came to be in charge."""
    why: str
    """A sentence: why it is this one."""
    is_known: bool = False
    """Whether the host in charge has taken this term."""
    known_standby_id: str | None = None
    """The standby of the term that it has said it has taken; None: it has never been in charge."""
    granted_standby_id: str | None = None
    """The standby of the term for which it was given a lease, and may have taken, since then."""
    former_id: str = ""
    """Who was asked to end, and has not said yet that it has."""
    free_at: float = 0.0
    """Seconds since the epoch: when `former_id` has ended, whatever it says, unless one of
    `former_standbys` lets it go on."""
    former_standbys: tuple[str, ...] = ()
    """By whose promise `former_id` may go on, while they have not said that they know better."""

    @property
    def standbys(self) -> frozenset[str]:
        """By whose promise the host in charge may go on: nobody else takes over while it is silent.
        Empty among them: it may go on without one. None: it has never been in charge."""
        ids = (self.known_standby_id, self.granted_standby_id)
        return frozenset(id for id in ids if id is not None)


class GatewayWanted(msgspec.Struct, frozen=True, gc=False):
    """Who is in charge, as hosts are told that can be."""

    host_id: str
    term: int
    standby_id: str = ""
    standby_port: int = 0


class LeaseAsked(msgspec.Struct, frozen=True):
    """An agent's question to `/v1/gateway`."""

    term: int
    """The newest that it knows."""
    holds: bool
    """False: it leads nobody to the world (any more)."""
    taken: int = 0
    """The term by whose standby it goes when the cloud is away; 0: none."""


class LeaseTold(msgspec.Struct, frozen=True):
    """The answer: whether the host leads to the world for `LEASE_S` from its question on."""

    is_granted: bool
