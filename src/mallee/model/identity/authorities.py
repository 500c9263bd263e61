"""The authority that certifies hosts and front ends, and how it is replaced.

A *replacement* goes in steps, each taken when everybody is as far: all trust a new authority beside
the old one; the new one signs, and all have certificates of it; the old one is trusted no more.
"""

import msgspec


class Replacement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That the authority shall be replaced."""

    id: str
    """`authority-…`"""
    requested_at: float
    """Seconds since the epoch."""
    leaves_behind: bool = False
    """Whether hosts that are silent are not waited for: they have to join anew."""
    told: tuple[str, ...] = ()
    """What every host shall have now: the order (`ReplacementSeen`), once all front ends have it.
    It is here because hosts are told what is wanted."""


class ReplacementSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a replacement is."""

    former: str
    """The id of the authority that is replaced."""
    id: str
    """The id of the new one."""
    order: tuple[str, ...]
    """What every front end shall have now, that which signs first."""
    ended_at: float = 0.0
    """When nobody trusted the former any more; 0 before."""


def orders(seen: ReplacementSeen) -> tuple[tuple[str, ...], ...]:
    """Return all orders of a replacement, the first one first."""
    return ((seen.former, seen.id), (seen.id, seen.former), (seen.id,))
