"""Placement groups: instances that shall be on hosts close together, or on different ones."""

from enum import Enum

import msgspec


class Strategy(Enum):
    """EC2's `PlacementStrategy`."""

    CLUSTER = "cluster"
    """On as few hosts as there is room on, for short ways between them."""
    SPREAD = "spread"
    """Each on a host of its own."""
    PARTITION = "partition"
    """In parts that share no host."""


class PlacementGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A placement group of an account."""

    id: str
    name: str
    strategy: Strategy
    partition_count: int = 0
    """Of a partition group, from 1; else 0."""
    tags: dict[str, str] = {}
