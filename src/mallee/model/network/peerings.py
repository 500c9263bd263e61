"""Peering connections: two VPCs, of one account or two, between which routes may lead."""

from enum import Enum

import msgspec


class PeeringStatus(Enum):
    """Where a peering connection stands; that a pending one expires follows from the time."""

    PENDING = "pending-acceptance"
    """It was asked for, and nobody has answered."""
    ACTIVE = "active"
    """It was accepted."""
    REJECTED = "rejected"
    """It was refused by the other side."""
    FAILED = "failed"
    """It could not be: the ranges overlap."""
    EXPIRED = "expired"
    """Nobody answered within a week."""
    DELETED = "deleted"
    """One of the two ended it."""


class PeeringEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One side of a peering connection."""

    account: str
    vpc_id: str
    cidrs: tuple[str, ...] = ()
    """The VPC's ranges as the other side is shown them."""
    resolves_dns: bool = False
    """Whether public names of this side's instances are private addresses for the other one."""
    tags: dict[str, str] = {}


class Peering(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A peering connection; its record is the requester's."""

    id: str
    requester: PeeringEnd
    accepter: PeeringEnd
    status: PeeringStatus
    message: str
    expires_at: float
    """Seconds since the epoch: when asking for it ends."""
    ended_at: float | None = None
    """Seconds since the epoch: since when it is over; some time later nobody is shown it."""
