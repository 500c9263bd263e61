"""Deletes for good what was in the recycle bin as long as was said.

Nothing is remembered but each thing's own time, so what was missed while the cloud was down is done
when it is up again. Not its business: what goes into the bin (`ec2.binned`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from mallee.cloud.ec2.images import deregistration
from mallee.cloud.ec2.storage import snapshots, volumes
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import indexes, records, store
from mallee.cloud.state.records import Kind, Record
from mallee.kit import clock
from mallee.model.storage.recycling import Binned

EVERY_S = 5.0

_ENDS: Mapping[Kind[Any, Any], Callable[[store.Tx, Record[Any, Any]], object]] = {
    records.SNAPSHOT: snapshots.forget,
    records.VOLUME: volumes.want_deleted,
    records.IMAGE: deregistration.forget,
}


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; each thing whose time in the bin is over is a key."""

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        return tuple(
            f"{kind.name}/{record.id}"
            for kind in _ENDS
            for record in view.by(kind, "binned", indexes.BINNED)
            if _is_over(record, now)
        )

    async def settle(key: str) -> None:
        await store.run(lambda tx: settle_one(tx, key))

    return Reconciler(
        name="recycle bin", keys=keys, settle=settle, every_s=EVERY_S, waits_for_change=False
    )


def settle_one(tx: store.Tx, key: str) -> None:
    """Delete one thing, if it is still in the bin and its time is over."""
    name, _, id = key.partition("/")
    kind = records.KINDS[name]
    record = tx.get(kind, id)
    if record is not None and _is_over(record, tx.now):
        _ENDS[kind](tx, record)


def _is_over(record: Record[Any, Any], now: float) -> bool:
    binned: Binned | None = record.doc.binned
    return binned is not None and binned.until <= now
