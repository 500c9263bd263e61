"""Which host carries a new instance: a pure choice over capacities and what is held.

`placement.py` calls it inside the transaction that then takes the claims, so what is chosen here
cannot be lost to a parallel launch. Where the numbers come from is not its business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mallee.model.hosts.hosts import Capacity


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
    closed: str = ""
    """Why it takes none of this launch, whatever room it has; as words after its name."""
    is_emulated: bool = False
    """Guests run there many times slower: it is chosen when no other host has room."""
    is_ailing: bool = False
    """It says that something there needs somebody: it is chosen when no other host has room."""
    slots: int | None = None
    """How many it takes at most, in a capacity reservation; None: as many as have room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """What a placement group asks of the choice.

    Instances of one *colour* may share a host, those of different colours may not: in a spread
    group each has its own, in a partition group its partition's.
    """

    colours: tuple[str, ...] = ()
    """Of each instance, in their order; none: hosts need not be kept apart."""
    coloured: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of each host that carries instances of the group already, by host id."""
    near: frozenset[str] = frozenset()
    """Hosts that are chosen before others, while they have room: those of a cluster."""


ANYWHERE = Grouping()
"""What is asked of the hosts of instances that are in no placement group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Room for between `count_min` and `count_max` equal instances, each needing `each`."""

    each: Capacity
    count_min: int = 1
    count_max: int = 1
    policy: Policy = Policy.SPREAD
    grouping: Grouping = ANYWHERE


@dataclass(frozen=True, slots=True)
class Placed:
    """One host id per instance, in the order in which they were chosen."""

    host_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lack:
    """What one host was short of; nothing short, and open: it is silent."""

    host: str
    """The host's name."""
    resources: tuple[str, ...]
    """In words: `memory (needs 512 MiB, 100 of 4096 MiB free)`."""
    closed: str = ""
    """Why it takes none, whatever room it has."""
    host_id: str = ""


@dataclass(frozen=True, slots=True)
class Short:
    """Fewer than `count_min` have room: how many have, and why each host takes no further one."""

    room_for: int
    lacks: tuple[Lack, ...]


def choose(offers: tuple[Offer, ...], request: Request) -> Placed | Short:
    """Choose hosts for as many as have room, up to `count_max`; deterministic."""
    free = {offer.host_id: _free(offer) for offer in offers}
    slots = {offer.host_id: offer.slots for offer in offers if offer.slots is not None}
    takers = (offer for offer in offers if not offer.silent and not offer.closed)
    heard = sorted(takers, key=lambda one: one.host_id)
    coloured, near = dict(request.grouping.coloured), set(request.grouping.near)
    chosen: list[str] = []
    while len(chosen) < request.count_max:
        colour = _colour(request, len(chosen))
        roomy = [
            offer
            for offer in heard
            if _fits(request.each, free[offer.host_id])
            and coloured.get(offer.host_id, colour) == colour
            and slots.get(offer.host_id) != 0
        ]
        if not roomy:
            break
        best = min(
            roomy,
            key=lambda one: (
                one.is_ailing,
                one.host_id not in near,
                one.is_emulated,
                _rank(one, free[one.host_id], request),
            ),
        )
        free[best.host_id] = minus(free[best.host_id], request.each)
        coloured[best.host_id] = colour
        if best.host_id in slots:
            slots[best.host_id] -= 1
        if request.policy is Policy.PACK:
            near.add(best.host_id)
        chosen.append(best.host_id)
    if len(chosen) < request.count_min:
        colour = _colour(request, len(chosen))
        barred = {id for id, other in coloured.items() if other != colour}
        lacks = tuple(
            _lack(offer, free[offer.host_id], request.each, offer.host_id in barred)
            for offer in offers
        )
        return Short(room_for=len(chosen), lacks=lacks)
    return Placed(tuple(chosen))


def _colour(request: Request, index: int) -> str:
    """Return the colour of an instance; the same for all where none is kept apart."""
    colours = request.grouping.colours
    return colours[index] if colours else ""


def _rank(offer: Offer, free: Capacity, request: Request) -> float:
    """How full the host's scarcest resource would be: the less the better, or the more to pack."""
    after = minus(free, request.each)
    fullness = max(
        1 - left / whole if whole else 1.0
        for left, whole in zip(_numbers(after), _numbers(offer.capacity), strict=True)
    )
    return fullness if request.policy is Policy.SPREAD else -fullness


def _lack(offer: Offer, free: Capacity, each: Capacity, is_barred: bool) -> Lack:
    if offer.silent or offer.closed:
        closed = "" if offer.silent else offer.closed
        return Lack(offer.name, (), closed=closed, host_id=offer.host_id)
    short = [_APART] if is_barred else []
    rows = zip(_NAMES, _numbers(each), _numbers(free), _numbers(offer.capacity), strict=True)
    for (name, unit), needed, left, whole in rows:
        if needed > left:
            # A host that shrank holds more than it has; a user need not meet a negative number.
            short.append(f"{name} (needs {needed}{unit}, {max(left, 0)} of {whole}{unit} free)")
    return Lack(offer.name, tuple(short), host_id=offer.host_id)


_APART = "distance (it carries instances of the placement group that shall be apart from this one)"
_NAMES = (("vcpus", ""), ("memory", " MiB"), ("disk", " GiB"))


def _free(offer: Offer) -> Capacity:
    return minus(offer.capacity, offer.held)


def _fits(each: Capacity, free: Capacity) -> bool:
    return all(one <= two for one, two in zip(_numbers(each), _numbers(free), strict=True))


def minus(one: Capacity, two: Capacity) -> Capacity:
    """Return what is left of one when the other is taken."""
    return Capacity(
        vcpus=one.vcpus - two.vcpus,
        memory_mib=one.memory_mib - two.memory_mib,
        disk_gib=one.disk_gib - two.disk_gib,
    )


def _numbers(capacity: Capacity) -> tuple[int, int, int]:
    return capacity.vcpus, capacity.memory_mib, capacity.disk_gib
