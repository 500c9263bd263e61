"""The room of a launch: first what capacity reservations have for it, then what nobody holds.

Called by `launch` in its transaction, and by whatever launches in its stead. Each instance's host
is claimed when this returns; nothing is claimed when it raises.
"""

from dataclasses import dataclass, replace

from mallee.aws import errors
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.capacity import drawing
from mallee.cloud.ec2.capacity.drawing import Preference, Shape
from mallee.cloud.hosts.placing import place, placement
from mallee.cloud.hosts.placing.reserved import ReservationRecord


@dataclass(frozen=True, slots=True)
class Room:
    """Where an instance may be."""

    host_id: str
    capacity_reservation_id: str = ""
    """The reservation of whose room it is; empty: of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Room that is wanted, and from which reservations it may be."""

    room: placement.Reservation
    preference: Preference
    shape: Shape


def sources(call: WriteCall, wish: Wish) -> list[ReservationRecord]:
    """Return the reservations from which it would be drawn; raise where it must be and cannot."""
    return drawing.sources(call, wish.preference, wish.shape)


def take(call: WriteCall, wish: Wish) -> dict[str, Room]:
    """Claim room; return it by instance id, in the order of the ids.

    Raises AWS's error where fewer than the least have room, naming what is short.
    """
    taken: dict[str, Room] = {}
    rest = wish.room
    for source in sources(call, wish):
        placed = placement.reserve(call.tx, replace(rest, within=source, count_min=0))
        taken |= {id: Room(host_id, source.id) for id, host_id in placed.items()}
        rest = _rest(rest, placed)
    missing = max(wish.room.count_min - len(taken), 0)
    if wish.preference.is_bound:
        if missing:
            raise _exceeded(wish, len(taken))
        return taken
    placed = placement.reserve(call.tx, replace(rest, count_min=missing))
    return taken | {id: Room(host_id) for id, host_id in placed.items()}


def _exceeded(wish: Wish, has: int) -> errors.AwsError:
    if wish.preference.target:
        return errors.ReservationCapacityExceeded(wish.preference.target, has)
    return drawing.nothing_open(wish.shape.type_name, wish.shape.zone)


def _rest(wanted: placement.Reservation, placed: dict[str, str]) -> placement.Reservation:
    """Return what is still wanted, beside what was placed."""
    done = len(placed)
    grouping, hosts = wanted.grouping, tuple(placed.values())
    beside = place.Grouping(
        colours=grouping.colours[done:],
        coloured={**grouping.coloured, **dict(zip(hosts, grouping.colours, strict=False))},
        near=grouping.near | frozenset(hosts if wanted.policy is place.Policy.PACK else ()),
    )
    return replace(wanted, instance_ids=wanted.instance_ids[done:], grouping=beside)
