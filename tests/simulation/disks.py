"""What lies on a simulated machine: guests, volumes, and what is written down of migrations.

It outlives the agent, which finds it again; of guests' processes a machine without power has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mallee.model.compute.instances import Phase
from mallee.model.compute.migrations import MigrationSeen
from mallee.model.hosts.hosts import HostWanted


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


@dataclass(frozen=True, slots=True)
class Come:
    """A whole machine that has come, and stands."""

    migration_id: str
    proof: str
    guest: Guest
    volumes: Mapping[str, tuple[int, int]]
    """Size, and how often it was written."""


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
    size_gib: int
    written: int


@dataclass(slots=True)
class Disk:
    """What a machine has on its disk."""

    wanted: HostWanted | None = None
    guests: dict[str, Guest] = field(default_factory=dict[str, Guest])
    volumes: dict[str, int] = field(default_factory=dict[str, int])
    """Size by id."""
    written: dict[str, int] = field(default_factory=dict[str, int])
    """How often guests wrote each volume, as far as its bytes here know."""
    coming: dict[str, Copy] = field(default_factory=dict[str, Copy])
    """Copies of volumes that are on their way to here."""
    lost: set[str] = field(default_factory=set[str])
    """Volumes that were put aside, since the cloud claimed them no more."""
    book: Book = field(default_factory=Book)

    # As `node.ledger.Ledger`.
    @property
    def generation(self) -> int:
        return 0 if self.wanted is None else self.wanted.generation
