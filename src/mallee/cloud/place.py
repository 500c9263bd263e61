"""Which host carries a new instance: a pure choice over capacities and what is held.

`placement.py` calls it inside the transaction that then takes the claims, so what is chosen here
cannot be lost to a parallel launch. Where the numbers come from is not its business.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from mallee.model.hosts import Capacity


class Policy(Enum):
    """How the choice among hosts with room falls."""

    SPREAD = "spread"
    """The host whose scarcest resource is freest: a lost host takes few instances along."""
    PACK = "pack"
    """The fullest host that still has room: whole hosts stay free for large instances."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A host that may be chosen: what it can carry in all, and what is held of that."""

    host_id: str
    name: str
    capacity: Capacity
    held: Capacity
    silent: bool = False
    """Its agent says nothing: it takes no new instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Room for between `count_min` and `count_max` equal instances, each needing `each`."""

    each: Capacity
    count_min: int = 1
    count_max: int = 1
    policy: Policy = Policy.SPREAD


@dataclass(frozen=True, slots=True)
class Placed:
    """One host id per instance, in the order in which they were chosen."""

    host_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lack:
    """What one host was short of; nothing short means that it is silent."""

    host: str
    """The host's name."""
    resources: tuple[str, ...]
    """In words: `memory (needs 512 MiB, 100 of 4096 MiB free)`."""


@dataclass(frozen=True, slots=True)
class Short:
    """Fewer than `count_min` have room: how many have, and why each host takes no further one."""

    room_for: int
    lacks: tuple[Lack, ...]


def choose(offers: tuple[Offer, ...], request: Request) -> Placed | Short:
    """Choose hosts for as many as have room, up to `count_max`; deterministic."""
    raise NotImplementedError
