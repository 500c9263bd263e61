"""What lies on a simulated machine: guests, volumes, and what is written down of migrations.

It outlives the agent, which finds it again; of guests' processes a machine without power has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mallee.model.compute.instances import Phase
from mallee.model.compute.migrations import MigrationSeen
from mallee.model.hosts.hosts import HostWanted
from mallee.model.storage.snapshots import Content, Layered, SnapshotSeen, UploadWanted


@dataclass(slots=True)
class Guest:
    """A guest, or what is left of it on the disk."""

    launch: int
    is_on: bool = False
    phase: Phase = Phase.PREPARING
    ended_by_guest: bool = False
    restarts: int = 0
    reboots: int = 0
    open: frozenset[str] = frozenset()
    """Volumes that its process has open."""
    ips: frozenset[tuple[str, str]] = frozenset()
    """VPC and address of its interfaces."""
    answers_since: float | None = None
    stands: bool = False
    """Whether it stands, to go to another host."""

    def copy(self) -> "Guest":
        """Return the same guest, for another machine."""
        return replace(self)


@dataclass(slots=True)
class Layers:
    """A volume's bytes: layers, of which the uppermost is written. Marks are as in `blocks`."""

    size_gib: int
    mark: int = 0
    """What was written last, as far as is known here."""
    origin: int = 0
    """What it began with."""
    ground: Content | Layered | None = None
    """On what it lies, until it has all of that itself."""
    face: int = 1
    """The number of the layer that is written."""
    marks: dict[int, int] = field(default_factory=dict[int, int])
    """What was written last until each cut, by the layer's number."""
    there: set[int] = field(default_factory=set[int])
    """Which layers below the uppermost one are still told apart."""
    loose: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    """By snapshot, cuts of which the cloud has said nothing yet: the layer, and when it asked."""

    def copy(self) -> "Layers":
        """Return the same, for another machine."""
        own = (dict(self.marks), set(self.there), dict(self.loose))
        return replace(self, marks=own[0], there=own[1], loose=own[2])


@dataclass(slots=True)
class Upload:
    """How far a cut is on its way to the object store."""

    wanted: UploadWanted
    epoch: int
    seen: SnapshotSeen
    is_whole: bool = False
    """Whether all of it is brought, whatever the parent has."""


@dataclass(frozen=True, slots=True)
class Come:
    """A whole machine that has come, and stands."""

    migration_id: str
    proof: str
    guest: Guest
    volumes: Mapping[str, Layers]


@dataclass(slots=True)
class Book:
    """What a disk has of migrations."""

    given: dict[str, MigrationSeen] = field(default_factory=dict[str, MigrationSeen])
    """Of guests that were given away."""
    come: dict[str, Come] = field(default_factory=dict[str, Come])
    """Of guests that have come, and may not run yet."""
    taken: dict[str, MigrationSeen] = field(default_factory=dict[str, MigrationSeen])
    """Of guests that were given to this host."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A volume's bytes, copied for a move."""

    move_id: str
    layers: Layers


@dataclass(slots=True)
class Disk:
    """What a machine has on its disk."""

    wanted: HostWanted | None = None
    guests: dict[str, Guest] = field(default_factory=dict[str, Guest])
    volumes: dict[str, Layers] = field(default_factory=dict[str, Layers])
    remains: dict[str, Layers] = field(default_factory=dict[str, Layers])
    """Of volumes that are gone, as far as others need their layers."""
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])
    """By snapshot."""
    coming: dict[str, Copy] = field(default_factory=dict[str, Copy])
    """Copies of volumes that are on their way to here."""
    lost: set[str] = field(default_factory=set[str])
    """Volumes that were put aside, since the cloud claimed them no more."""
    book: Book = field(default_factory=Book)

    # As `node.ledger.Ledger`.
    @property
    def generation(self) -> int:
        return 0 if self.wanted is None else self.wanted.generation

    def layers(self, volume_id: str) -> Layers | None:
        """Return what is here of a volume, be it there or gone."""
        return self.volumes.get(volume_id) or self.remains.get(volume_id)
