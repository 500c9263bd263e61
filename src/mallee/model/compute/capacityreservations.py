"""Capacity reservations: room for so many instances of a type, held until it is given up.

A *hold* is the part of it that one host has. What is unused of it is claimed of the host in the
same transaction that changes `used` (`cloud.hosts.reserved`), so nobody else can be placed there.
"""

from enum import Enum

import msgspec


class Match(Enum):
    """EC2's `InstanceMatchCriteria`: which instances run in it."""

    OPEN = "open"
    """All that fit and do not say otherwise."""
    TARGETED = "targeted"
    """Those that name it."""


class ReservationState(Enum):
    """EC2's `CapacityReservationState`, as far as one here can have it."""

    ACTIVE = "active"
    """Its room is held."""
    EXPIRED = "expired"
    """Its end date has come; instances in it run on."""
    CANCELLED = "cancelled"
    """Its owner gave it up; instances in it run on."""


class Hold(msgspec.Struct, frozen=True, gc=False):
    """What a host has of a reservation."""

    host_id: str
    total: int
    used: int = 0
    """By instances of the reservation that hold their room."""


class CapacityReservation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A capacity reservation of an account."""

    id: str
    """`cr-…`"""
    type_name: str
    vcpus: int
    memory_mib: int
    disk_gib: int
    """What each instance of the type needs; a change of the type later is no matter."""
    zone: str
    tenancy: str = "default"
    match: Match = Match.OPEN
    placement_group_id: str = ""
    fleet_id: str = ""
    """`crf-…`; empty: it was made by itself."""
    count: int
    """For how many instances it is, or was when it ended."""
    holds: tuple[Hold, ...] = ()
    """Where the room is, by host id; nowhere when it has ended."""
    state: ReservationState = ReservationState.ACTIVE
    created_at: float
    ends_at: float | None = None
    """Seconds since the epoch; None: it has no end."""
    ended_at: float | None = None
    made_by: str = ""
    """Id of the user or role that made it."""
    tags: dict[str, str] = {}

    @property
    def available(self) -> int:
        """For how many more instances it has room."""
        return sum(hold.total - hold.used for hold in self.holds)


class FleetWish(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A type that a fleet may reserve, with what one instance of it counts for."""

    type_name: str
    zone: str
    weight: float = 1.0
    priority: int = 0
    """The lower, the sooner it is tried."""


class FleetState(Enum):
    """EC2's `CapacityReservationFleetState`, as far as one here can have it."""

    ACTIVE = "active"
    """It has all that it shall have."""
    PARTIALLY_FULFILLED = "partially_fulfilled"
    """It has a part, and tries for the rest."""
    FAILED = "failed"
    """It has nothing, and tries no more."""
    EXPIRED = "expired"
    """Its end date has come."""
    CANCELLED = "cancelled"
    """Its owner gave it up."""


class ReservationFleet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Several capacity reservations that together shall have so much."""

    id: str
    """`crf-…`"""
    target: int
    wishes: tuple[FleetWish, ...]
    state: FleetState = FleetState.ACTIVE
    created_at: float
    ends_at: float | None = None
    ended_at: float | None = None
    made_by: str = ""
    tags: dict[str, str] = {}
