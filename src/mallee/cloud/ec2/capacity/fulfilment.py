"""What capacity reservation fleets reserve: as much of what they miss as there is room for.

Called by `reservationfleets`, and by the cloud's reconciler for what is still missing and for those
whose end has come. The account's quotas hold here too; nobody calls who could be asked for his own.
"""

import math
from collections.abc import Callable
from typing import cast

from msgspec.structs import replace

from mallee.cloud import instancetypes, quotas
from mallee.cloud.ec2.capacity import holding
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.capacityreservations import (
    CapacityReservation,
    FleetState,
    FleetWish,
    ReservationFleet,
    ReservationState,
)
from mallee.model.identity import quotas as usage
from mallee.model.identity.quotas import Use

FleetRecord = Record[ReservationFleet, None]
MakeId = Callable[[], str]
"""Makes the id of a new reservation."""


def parts(view: store.View | store.Tx, record: FleetRecord) -> list[ReservationRecord]:
    """Return the fleet's reservations that have not ended."""
    found = view.by(records.CAPACITY_RESERVATION, "fleet", record.id)
    return [it for it in found if it.doc.state is ReservationState.ACTIVE]


def _weight(fleet: ReservationFleet, doc: CapacityReservation) -> float:
    wishes = (it for it in fleet.wishes if (it.type_name, it.zone) == (doc.type_name, doc.zone))
    return next((it.weight for it in wishes), 1.0)


def fulfilled(view: store.View | store.Tx, record: FleetRecord) -> float:
    """Return how much of its target the fleet has."""
    return sum(it.doc.count * _weight(record.doc, it.doc) for it in parts(view, record))


def fulfil(tx: store.Tx, record: FleetRecord, make_id: MakeId) -> FleetRecord:
    """Reserve what is missing as far as there is room, and give up what is too much."""
    for wish in sorted(record.doc.wishes, key=lambda it: it.priority):
        missing = record.doc.target - fulfilled(tx, record)
        if missing > 0:
            _reserve(tx, record, (wish, math.ceil(missing / wish.weight)), make_id)
    for wish in sorted(record.doc.wishes, key=lambda it: -it.priority):
        surplus = math.floor((fulfilled(tx, record) - record.doc.target) / wish.weight)
        if surplus > 0:
            _give_up(tx, record, wish, surplus)
    is_full = fulfilled(tx, record) >= record.doc.target
    state = FleetState.ACTIVE if is_full else FleetState.PARTIALLY_FULFILLED
    return tx.write(record, replace(record.doc, state=state))


def _part(tx: store.Tx, record: FleetRecord, wish: FleetWish) -> ReservationRecord | None:
    kind = (wish.type_name, wish.zone)
    found = (it for it in parts(tx, record) if (it.doc.type_name, it.doc.zone) == kind)
    return next(found, None)


def _reserve(
    tx: store.Tx, record: FleetRecord, wanted: tuple[FleetWish, int], make_id: MakeId
) -> None:
    wish, count = wanted
    part = _part(tx, record, wish)
    if part is None:
        new = _new(tx, record, wanted, make_id)
        # Nothing is made that would have nothing: the next look would make it again.
        if new is None or not holding.has_room(tx, record.account, new):
            return
        part = holding.insert(tx, record.account, new)
        count -= holding.held_by(part.doc)
    had = holding.held_by(part.doc)
    more = quotas.left(cast(store.View, tx), record.account, _use(part.doc), count)
    part = holding.fill(tx, part, had + more)
    if not part.doc.count:
        tx.release_owner(part.id)
        tx.delete(part)


def _use(doc: CapacityReservation) -> Use:
    sizes = doc.vcpus, doc.memory_mib, doc.disk_gib
    amounts = zip((usage.VCPUS, usage.MEMORY, usage.DISK), sizes, strict=True)
    return Use(doc.zone, doc.made_by, tuple(amounts))


def _new(
    tx: store.Tx, record: FleetRecord, wanted: tuple[FleetWish, int], make_id: MakeId
) -> CapacityReservation | None:
    """Return a reservation for a wish; None when its type is gone, or a quota stands against it."""
    wish, count = wanted
    kind = instancetypes.find(tx, wish.type_name)
    if kind is None:
        return None
    new = CapacityReservation(
        id=make_id(),
        type_name=kind.name,
        vcpus=kind.vcpus,
        memory_mib=kind.memory_mib,
        disk_gib=kind.disk_gib,
        zone=wish.zone,
        fleet_id=record.id,
        count=count,
        created_at=tx.now,
        ends_at=record.doc.ends_at,
        made_by=record.doc.made_by,
    )
    has_quota = quotas.left(cast(store.View, tx), record.account, _use(new), 1)
    return new if has_quota else None


def _give_up(tx: store.Tx, record: FleetRecord, wish: FleetWish, surplus: int) -> None:
    part = _part(tx, record, wish)
    if part is None:
        return
    surplus = min(surplus, part.doc.available)
    if surplus == part.doc.count:
        reserved.end(tx, part, ReservationState.CANCELLED)
    elif surplus:
        holding.shrink(tx, part, part.doc.count - surplus)


def finish(tx: store.Tx, record: FleetRecord, state: FleetState) -> FleetRecord:
    """End the fleet and its reservations; instances in them run on."""
    ended = {FleetState.EXPIRED: ReservationState.EXPIRED}
    for part in parts(tx, record):
        reserved.end(tx, part, ended.get(state, ReservationState.CANCELLED))
    return tx.write(record, replace(record.doc, state=state, ended_at=tx.now))
