"""Room that is set apart: reservations end at their time, fleets try for what they miss, and what
ended long ago is forgotten.

Each is put right in one transaction that looks again, so that a crash before it finds the same to
be done and one after it nothing. How room is held is `cloud.hosts.reserved`'s business.
"""

from collections.abc import Callable
from typing import Any

from mallee.cloud.ec2.capacity import fulfilment
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.kit import clock
from mallee.model import ids
from mallee.model.compute.capacityreservations import FleetState, ReservationState

KEPT_S = 3600.0
"""How long an owner sees what has ended."""

Reader = store.View | store.Tx
Entropy = Callable[[int], bytes]

_KINDS: dict[str, Kind[Any, Any]] = {
    "cr": records.CAPACITY_RESERVATION,
    "crf": records.RESERVATION_FLEET,
    "h": records.DEDICATED_HOST,
}


def reconciler(store: store.Store, clock: clock.Clock, entropy: Entropy) -> Reconciler:
    """Return the reconciler; each thing for which something is to be done is a key."""

    def keys() -> tuple[str, ...]:
        now, view = clock.now(), store.view
        return tuple(
            record.id
            for kind in _KINDS.values()
            for record in view.list(kind)
            if _is_due(view, record, now)
        )

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id, entropy))

    return Reconciler(name="capacity", keys=keys, settle=settle)


def settle_one(tx: store.Tx, id: str, entropy: Entropy) -> None:
    """Put one thing right; nothing happens when nothing is to be done."""
    record = tx.get(_KINDS[ids.prefix_of(id)], id)
    if record is None or not _is_due(tx, record, tx.now):
        return
    if _ended_at(record) is not None:
        tx.release_owner(record.id)
        tx.delete(record)
    elif record.kind is records.CAPACITY_RESERVATION:
        if _has_come(record.doc.ends_at, tx.now):
            reserved.end(tx, record, ReservationState.EXPIRED)
        else:
            reserved.settle(tx, record)
    elif _has_come(record.doc.ends_at, tx.now):
        fulfilment.finish(tx, record, FleetState.EXPIRED)
    else:
        fulfilment.fulfil(tx, record, lambda: ids.make("cr", entropy(ids.ID_BYTES)))


def _is_due(view: Reader, record: Record[Any, Any], now: float) -> bool:
    ended_at = _ended_at(record)
    if ended_at is not None:
        return now - ended_at > KEPT_S
    if record.kind is records.DEDICATED_HOST:
        return False
    if _has_come(record.doc.ends_at, now):
        return True
    if record.kind is records.CAPACITY_RESERVATION:
        return reserved.lacks_disk(view, record.doc)
    return record.doc.state is FleetState.PARTIALLY_FULFILLED


def _ended_at(record: Record[Any, Any]) -> float | None:
    doc = record.doc
    if record.kind is records.DEDICATED_HOST:
        return doc.released_at
    if record.kind is records.RESERVATION_FLEET and doc.state is FleetState.FAILED:
        return doc.created_at
    return doc.ended_at


def _has_come(at: float | None, now: float) -> bool:
    return at is not None and at <= now
