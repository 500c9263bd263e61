"""What the agents of two hosts say to each other while a guest goes from one to the other.

One connection carries these (`GUEST`); beside it one for each disk (`DISK`) carries what QEMU
mirrors, and one (`MEMORY`) what it has in memory. Before all of that hosts that keep their volumes
on one share hand files over by one (`SHARE`, `volumes.handing`); these are neither copied nor
mirrored. In this order:

    old host                                  new host
    GuestTold, then the lower layers     -->  (checked and kept)         --> Ready
    mirrors disks, then sends memory     -->  (disks written, machine made)
    guest stands; CloseDisks             -->  (disks closed)             --> Closed
    the rest of the machine's state      -->  (machine is whole, stands) --> Restored
    writes down that the guest is given; Run -->  (writes it down, lets it run) --> Running
"""

from typing import TypeVar, cast

import msgspec

from mallee.node.do.channel import ChannelFailed, Connection
from mallee.node.plan.network.conversations import Conversation
from mallee.node.volumes.departures import LayerTold

T = TypeVar("T")

GUEST, DISK, MEMORY = "guest", "disk", "memory"
SHARE = "guest on a share"
LET_GO = "let go"
"""A connection on which a guest is put back whose files were handed over: `Noted` when nothing of
the new host's has them any more."""
MOVED = "moved"
"""A connection to any other host that leads to the guest: `Moved`, then `Noted`."""


class DiskTold(msgspec.Struct, frozen=True, kw_only=True):
    """A disk of a guest."""

    volume_id: str = ""
    """Empty: the instance's own disk."""
    lower: tuple[LayerTold, ...] = ()
    """The layers below the one that the guest writes, from the lowest up."""
    face: int = 1
    """The layer that the guest writes."""
    size_bytes: int


class CardTold(msgspec.Struct, frozen=True, kw_only=True):
    """Where a guest's network card sits."""

    interface_id: str
    bus: int
    slot: int


class GuestTold(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's disks, in the order in which their layers follow, and its network cards."""

    disks: tuple[DiskTold, ...]
    cards: tuple[CardTold, ...] = ()
    handed: tuple[str, ...] = ()
    """The volumes whose files are handed over, as the old host heard: it mirrors all others."""


class DiskWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which disk a connection is for, by its place in `GuestTold`."""

    index: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The new host takes disks and memory."""


class CloseDisks(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """Nothing more is mirrored: the new host's QEMU may have the disks."""

    conversations: dict[str, tuple[Conversation, ...]] = {}
    """With whom the guest, which stands, speaks; by id of its interface."""


class Closed(msgspec.Struct, frozen=True, kw_only=True, tag="closed"):
    """It may."""


class Restored(msgspec.Struct, frozen=True, kw_only=True, tag="restored"):
    """The machine is whole, and stands."""


class Run(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """The guest is the new host's."""

    proof: str


class Running(msgspec.Struct, frozen=True, kw_only=True, tag="running"):
    """It runs there."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Nothing comes of it; `words` say why."""

    words: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A guest that was the old host's is another one's."""

    to_host_id: str


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag="noted"):
    """It is led there."""


_ANY = cast("type[object]", Ready | CloseDisks | Closed | Restored | Run | Running | Noted | Failed)


def expect(connection: Connection, kind: type[T]) -> T:
    """Return the next message, which is of a kind; raises `ChannelFailed`, also when it says that
    nothing comes of it."""
    said = connection.receive(_ANY)
    if isinstance(said, kind):
        return said
    words = said.words[:500] if isinstance(said, Failed) else "something else was expected"
    raise ChannelFailed(f"host {connection.peer}: {words}")
