"""A snapshot: a volume as it was at one instant, kept in the layers of that volume on its host.

Layers are numbered (`node.do.layers`); the *cut* of a snapshot is the number of the layer that was
written until its instant. The types that cross to a host and back are here too.
"""

import msgspec

CUT_TAKES_MAX_S = 60.0
"""A cut that was not written down so long after it was asked for never will be."""


LAYERS_MAX = 64
"""A volume on so many layers is not cut any more: its guest's QEMU has all of them open."""
PER_VOLUME_MAX = 60
"""Snapshots of one volume: fewer, so that cuts which come to nothing find room."""
LAYER_MAX = 1 << 31
"""No layer's number is greater."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted of a snapshot."""

    id: str
    volume_id: str
    size_gib: int
    description: str = ""
    zone: str
    host_id: str
    cut: int
    """The layer of its volume, with all below it, that holds it."""
    started_at: float
    """Seconds since the epoch."""
    made_by: str = ""
    tags: dict[str, str] = {}


class CutAsked(msgspec.Struct, frozen=True):
    """A question to a host: cut these volumes at one instant."""

    snapshots: dict[str, str]
    """Snapshot id by volume id."""
    asked_at: float
    """Seconds since the epoch, by the cloud's clock."""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """That a volume was cut for a snapshot."""

    snapshot_id: str
    number: int
    size_bytes: int
    written_bytes: int = 0
    """What all layers of the volume take on the host's disk."""
    asked_at: float
    """As in the question."""


class CutsMade(msgspec.Struct, frozen=True):
    """A host's answer: the cuts by volume id."""

    cuts: dict[str, Cut]


class Layered(msgspec.Struct, frozen=True, gc=False):
    """A layer of a volume that something depends on: a snapshot is it, or a volume lies on it."""

    volume_id: str
    number: int
