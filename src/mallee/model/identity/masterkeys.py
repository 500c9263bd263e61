"""The master key, under which the cloud's secrets are sealed, and its rotations.

A *rotation* puts a fresh key in its place: from then on everything is sealed under the new key,
what was sealed before is sealed anew, and the old key is forgotten when nothing needs it any more.
"""

import msgspec

from mallee.model.identity import sessions

KEYS_MAX = 8
"""How many keys may be there at a time: each rotation adds one until the older are forgotten."""

IN_FLIGHT_S = 30.0
"""How long a request may hold a value that it sealed before the rotation and has not yet kept."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That the master key shall be rotated."""

    id: str
    """`rotation-…`"""
    replaces: str
    """The id of the key that is to be replaced: another one at its place means that it was."""
    requested_at: float
    """Seconds since the epoch."""
    ends_sessions: bool = False
    """Whether sessions may end with the old key, so that nothing waits for them."""


class RotationSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a rotation is."""

    key_id: str
    """The new key."""
    retired: tuple[str, ...]
    """Older keys, which nothing is sealed under any more when the rotation ends."""
    began_at: float
    """Since when nothing is sealed under an older key, in seconds since the epoch; 0: not all of
    several front ends seal under the new key yet."""
    spread_at: float = 0.0
    """Since when all of several front ends have the new key; 0 before, and where there is one."""
    resealed_at: float = 0.0
    """Since when nothing that is kept needs an older key; 0 before."""
    ended_at: float = 0.0
    """When the older keys were forgotten; 0 before."""


def forgets_at(rotation: Rotation, seen: RotationSeen) -> float:
    """Return when the older keys may be forgotten, in seconds since the epoch."""
    wait_s = IN_FLIGHT_S if rotation.ends_sessions else sessions.LIFE_S_MAX
    return max(seen.began_at + wait_s, seen.resealed_at)
