"""What the agent sees of an instance on its host: domain, files, taps.

Plain values, fetched anew for every plan: nothing here is remembered. `node.fetch` fills them in,
`plan.progress` and `plan.instances` decide by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mallee.model.compute.instances import Halt, Reason
from mallee.model.images.images import Blob
from mallee.model.storage.volumes import Limits
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.domain import Nic


class DomainState(Enum):
    """What a domain is doing."""

    RUNNING = "running"
    """Its processors run (or it is on its way down)."""
    PAUSED = "paused"
    """It is active and its processors stand: before its first `resume`, or by someone's hand."""
    OFF = "off"
    """It is defined and nothing of it runs; `ended` says how it came to that."""


class Ended(Enum):
    """How the last run of a domain that is off ended."""

    UNKNOWN = "unknown"
    """It never ran, or nobody remembers: the hypervisor or the machine was restarted since."""
    BY_GUEST = "by-guest"
    """The guest powered itself off, asked or unasked."""
    SWITCHED_OFF = "switched-off"
    """Somebody switched it off."""
    CRASHED = "crashed"
    """Its process died, or it could not be started."""


@dataclass(frozen=True, slots=True)
class SeenDomain:
    """A domain of this cloud as it is now."""

    uuid: str
    instance_id: str
    launch: int
    """The launch that it was defined for."""
    state: DomainState
    ended: Ended = Ended.UNKNOWN
    halt: Halt | None = None
    """What keeps it from going on at this moment, as far as that is not somebody's wish."""
    resets: int = 0
    """How many resets of its machine were noticed since the agent connected: at least one for each
    that was asked for, as firmware adds its own."""
    nics: frozenset[Nic] = frozenset()
    """The cards that it has."""
    disks: Mapping[Disk, Limits] = field(default_factory=dict[Disk, Limits])
    """The volumes that it has, with the limits that apply."""
    torn: frozenset[Disk] = frozenset()
    """Volumes that were taken from it, and for which its guest still has a device."""

    @property
    def is_active(self) -> bool:
        """Whether a process of it exists."""
        return self.state is not DomainState.OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenInstance:
    """Everything of one instance that is on the host now."""

    domain: SeenDomain | None = None
    has_directory: bool = False
    has_disk: bool = False
    cached: frozenset[str] = frozenset()
    """SHA-256 of those of its blobs that are in the image cache."""
    taps: frozenset[str] = frozenset()
    """Ids of those of its interfaces that have a tap."""
    cards: frozenset[str] = frozenset()
    """Ids of those of its interfaces that its domain has a card for."""
    unplugged: frozenset[str] = frozenset()
    """Ids of those whose tap has not been moved into its VPC."""
    volumes: Mapping[Disk, Limits] = field(default_factory=dict[Disk, Limits])
    """Those of its wanted volumes that are there to be plugged in."""
    is_awaiting_volumes: bool = False
    """Whether others of them are being made."""
    root_failure: Reason | None = None
    """Why its root volume cannot be made."""
    awaited_blobs: tuple[Blob, ...] = ()
    """What these need that is not in the image cache yet."""

    @property
    def is_active(self) -> bool:
        """Whether its guest has a process."""
        return self.domain is not None and self.domain.is_active

    @property
    def attached(self) -> frozenset[str]:
        """Ids of those of its interfaces that its running guest has, ready to speak."""
        if self.domain is None or not self.domain.is_active:
            return frozenset()
        return self.cards - self.unplugged

    @property
    def disks(self) -> Mapping[Disk, Limits]:
        """The volumes that its running guest has."""
        return self.domain.disks if self.domain is not None and self.domain.is_active else {}

    @property
    def torn(self) -> frozenset[Disk]:
        """Volumes that were taken from its running guest, which still has their devices."""
        is_on = self.domain is not None and self.domain.is_active
        return self.domain.torn if self.domain is not None and is_on else frozenset()

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left."""
        return self.domain is None and not self.has_directory and not self.taps
