"""Whether an account's VPCs may speak with the internet at all: block public access (BPA).

An account's mode is over all its VPCs; an *exclusion* frees one VPC or one subnet of it. Both are
kept as wanted; what follows for a subnet (`carried.PublicAccess`) is told by `level`. Pure.
"""

from collections.abc import Iterable
from enum import Enum

import msgspec

from mallee.model.network.carried import PublicAccess


class BlockMode(Enum):
    """What is blocked in an account; the values are AWS's."""

    OFF = "off"
    BIDIRECTIONAL = "block-bidirectional"
    """Everything that would pass an internet gateway, or an egress-only one."""
    INGRESS = "block-ingress"
    """All but what gateways pass by which nobody outside can begin: NAT and egress-only ones."""


class ExclusionMode(Enum):
    """What an exclusion frees; the values are AWS's."""

    BIDIRECTIONAL = "allow-bidirectional"
    EGRESS = "allow-egress"
    """Conversations that begin inside; it means something in the bidirectional mode only."""


class BlockPublicAccess(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an account has set."""

    mode: BlockMode = BlockMode.OFF
    changed_at: float | None = None
    """Seconds since the epoch; None: never."""


class Exclusion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A VPC or a subnet that is freed of its account's mode."""

    id: str
    vpc_id: str
    subnet_id: str = ""
    """Empty: the whole VPC."""
    mode: ExclusionMode
    created_at: float
    changed_at: float
    tags: dict[str, str] = {}


def level(mode: BlockMode, exclusions: Iterable[ExclusionMode]) -> PublicAccess:
    """Return how far a subnet may speak with the world, by the exclusions of it and its VPC."""
    freed = frozenset(exclusions)
    if mode is BlockMode.OFF or ExclusionMode.BIDIRECTIONAL in freed:
        return PublicAccess.OPEN
    if mode is BlockMode.INGRESS:
        return PublicAccess.GATEWAYS
    return PublicAccess.OUTWARD if ExclusionMode.EGRESS in freed else PublicAccess.CLOSED
