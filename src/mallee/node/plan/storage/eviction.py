"""Which images the host's cache gives up: those that nothing lies on, the longest unused first.

Called by `imagekeeper`. An image that is needed is not among those asked about. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass

UNUSED_MAX_S = 30 * 86_400.0
"""An image for which there was no use so long is not kept, whatever room there is."""
FREE_SHARE = 0.1
"""This much of the file system stays free of images that nobody needs."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """An image of the cache on which nothing lies now."""

    name: str
    taken_bytes: int
    used_at: float
    """Seconds since the epoch: when it was last seen to be needed, or came."""


@dataclass(frozen=True, slots=True)
class Room:
    """The file system of the cache."""

    total_bytes: int
    free_bytes: int


def choose(
    unneeded: Iterable[Unneeded], room: Room, now: float, wanted_bytes: int = 0
) -> list[Unneeded]:
    """Return what goes: what is too old, and then as much as the room asks for.

    `wanted_bytes` are about to be written beside what stays free.
    """
    in_order = sorted(unneeded, key=lambda it: (it.used_at, it.name))
    going: list[Unneeded] = []
    short_bytes = wanted_bytes + int(room.total_bytes * FREE_SHARE) - room.free_bytes
    for image in in_order:
        if image.used_at < now - UNUSED_MAX_S or short_bytes > 0:
            going.append(image)
            short_bytes -= image.taken_bytes
    return going
