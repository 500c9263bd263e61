"""A snapshot: a volume as it was at one instant, kept in layers of that volume, then as content.

Layers are numbered (`node.do.layers`); the *cut* of a snapshot is the number of the layer that was
written until its instant, on the volume's host. Its *content* is a tree of blocks in the object
store (`blocktrees`), which any host can read: with it the layer is needed no longer. A snapshot has
one or the other, or both. The types that cross to a host and back are here too.
"""

import msgspec

from mallee.model.compute.instances import Reason
from mallee.model.images.images import DirectBoot
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.recycling import Binned

CUT_TAKES_MAX_S = 60.0
"""A cut that was not written down so long after it was asked for never will be."""


LAYERS_MAX = 64
"""A volume on so many layers is not cut any more: its guest's QEMU has all of them open."""
PER_VOLUME_MAX = 60
"""Snapshots of one volume: fewer, so that cuts which come to nothing find room."""
NO_VOLUME = "vol-ffffffff"
"""As whose AWS shows a snapshot that was copied, imported, or written block by block."""
LAYER_MAX = 1 << 31
"""No layer's number is greater."""


class Content(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A disk as a tree of blocks that the object store keeps."""

    account: str
    """Under whose prefix its blocks are: a copy in another account shares them."""
    root: str
    """The name of its root (`blocktrees.Root`), the SHA-256 of its bytes in hexadecimal."""
    size_bytes: int
    full_bytes: int = 0
    """How much of it is no zeros, in whole blocks; 0: nobody has counted."""
    key_id: str = ""
    """The data key that names and seals its blocks (`sealedblocks`); empty: none does."""


class Sharing(msgspec.Struct, frozen=True, gc=False):
    """Who may make volumes and copies of a snapshot, besides its owner."""

    is_public: bool = False
    """Whether everybody may."""
    accounts: tuple[str, ...] = ()


class Lock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a snapshot is not deleted before its time. Times are seconds since the epoch."""

    mode: str
    """As in EC2: `governance` can be lifted, `compliance` cannot once its cool-off is over."""
    locked_at: float
    counts_from: float
    """From when its days count: it can be locked for longer while it is locked. 0: from when the
    snapshot is complete, which it was not when it was locked."""
    days: int
    expires_at: float
    """0: its days later than it begins to count."""
    cool_off_hours: int = 0
    cool_off_ends_at: float = 0.0
    """0: it has none."""


class Writing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a snapshot is being written block by block by its user (`cloud.ebs`)."""

    parent: Content | None = None
    """What it has where nothing is written; None: zeros."""
    parent_id: str = ""
    timeout_s: float
    """When nothing has come for so long, it will never be complete."""
    heard_at: float
    """When something last came, to the minute; seconds since the epoch."""
    epoch: int
    """Of the account's blocks, in which it was begun (`passes.BlockSpace`)."""
    failed_at: float | None = None
    """When it was given up; seconds since the epoch."""


class Resealing(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That what another snapshot has is being sealed under this one's own data key."""

    source: Content
    key: DataKey | None = None
    """What the source is encrypted with; None: it is not."""
    done: Content | None = None
    """A tree whose pages below `pages` are done, and behind them holes; None: none is."""
    pages: int = 0
    cause: str = ""
    """Why it does not go on, in words; empty: it does."""
    failed_at: float | None = None
    """When it was given up; seconds since the epoch."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is wanted of a snapshot."""

    id: str
    volume_id: str
    """The volume that it was made of; `NO_VOLUME` when it was none of this cloud's."""
    size_gib: int
    description: str = ""
    zone: str = ""
    host_id: str = ""
    """The host that has its cut; empty: none has."""
    cut: int = 0
    """The layer of its volume, with all below it, that holds it; 0: none does."""
    content: Content | None = None
    """None: it is not in the object store yet."""
    writing: Writing | None = None
    """None: it is not written by its user, or not any more."""
    resealing: Resealing | None = None
    """None: it is no copy whose blocks must be sealed anew, or all of them are."""
    sharing: Sharing = Sharing()
    lock: Lock | None = None
    boot: DirectBoot | None = None
    """What starts a guest from it faster than its own boot loader does, as of its volume."""
    key: DataKey | None = None
    """What it is encrypted with; None: it is not."""
    binned: Binned | None = None
    """That it was deleted, and may come back."""
    started_at: float
    """Seconds since the epoch."""
    completed_at: float = 0.0
    """When its content was all there; seconds since the epoch, 0: not yet."""
    lost_blocks: int = 0
    """How many of its blocks the object store cannot give any more, as the last scrub found."""
    attempt: int = 0
    """How often its content was brought to the object store in vain: too late for the sweep."""
    stranded: Reason | None = None
    """That its host, which alone has it, is gone, or was not heard for long; None: it is there."""
    made_by: str = ""
    tags: dict[str, str] = {}


class SnapshotSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a host is with bringing a snapshot's content to the object store."""

    attempt: int = 0
    """Which attempt it is."""
    epoch: int = 0
    """Of the account's blocks (`passes.BlockSpace`), in which it was begun."""
    done_bytes: int = 0
    """Of what is to be looked at."""
    total_bytes: int = 0
    root: str = ""
    """The name of the root, once all is there."""
    size_bytes: int = 0
    full_bytes: int = 0
    cause: Reason | None = None
    """Why it does not go on."""
    is_failed: bool = False
    """Whether it cannot: what the host keeps of it cannot be read."""


class UploadWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That a host shall bring a cut's content to the object store."""

    snapshot_id: str
    account: str
    """Under whose prefix."""
    cut: int
    attempt: int = 0
    parent: Content | None = None
    """What is there already; the cut differs from it in the layers above `base_cut` only."""
    base_cut: int = 0
    """0: all layers of the volume itself are above it."""


class Base(msgspec.Struct, frozen=True, gc=False):
    """The newest snapshot of a volume that the object store has."""

    snapshot_id: str
    cut: int
    """The layer that it was: what is above has all that was written since."""


class CutAsked(msgspec.Struct, frozen=True):
    """A question to a host: cut these volumes at one instant."""

    snapshots: dict[str, str]
    """Snapshot id by volume id."""
    asked_at: float
    """Seconds since the epoch, by the cloud's clock."""
    reboot: str = ""
    """The instance that reboots for it, and is cut when its guest has shut down; empty: none."""


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
