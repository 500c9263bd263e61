"""A move: a volume that was used goes from the host that has its bytes to another one.

The store says which host owns a volume (`Volume.host_id`), and only that one may write it. While a
move is wanted, the owner leaves the volume alone and lets the other host copy it; the other host
keeps the copy aside, as no volume. When that host says that all of it is there, one transaction
makes it the owner, and the former owner deletes what it has. Until then the move can be taken back
at any moment. The types that cross to both hosts and back are here; the rules are
`cloud.hosts.moving`'s.
"""

import msgspec

from mallee.model.compute.instances import Reason

LIVE_S_MAX = 2 * 3600.0
"""A guest that has been on its way for so long stays where it is."""
PASS_BYTES = 16
"""Random bytes of a pass, which is told as hexadecimal digits."""


class Move(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted: that a volume is copied to another host, and then is that one's."""

    id: str
    """`move-…`"""
    to_host_id: str
    word: str
    """The pass: what the new host says to the old one to get this volume, and no other."""
    port: int
    """At which the old host answers other hosts."""
    began_at: float
    """Seconds since the epoch."""
    is_live: bool = False
    """Whether it goes along with its running guest (`migrations`), which says when it is there."""


class LeavingWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The old host's part: nobody there uses the volume, and one other host may read it."""

    move_id: str
    to_host_id: str
    word: str


class ArrivingWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The new host's part: it copies the volume, and keeps it aside."""

    move_id: str
    from_host_id: str
    port: int
    word: str


class ArrivalSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far the new host is."""

    move_id: str
    done_bytes: int = 0
    total_bytes: int = 0
    """0: it has not been told yet how much there is."""
    is_whole: bool = False
    """Whether all is there, on its disk, and was compared with what the old host has."""
    cause: Reason | None = None
    """Why it does not go on."""
