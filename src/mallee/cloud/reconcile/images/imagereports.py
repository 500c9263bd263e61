"""Forgets image usage reports whose thirty days are over."""

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.images.imagereports import KEPT_S

EVERY_S = 600.0


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; its keys are the reports that are over."""

    def keys() -> tuple[str, ...]:
        oldest = clock.now() - KEPT_S
        found = store.view.list(records.IMAGE_REPORT)
        return tuple(one.id for one in found if one.doc.created_at <= oldest)

    async def settle(id: str) -> None:
        await store.run(lambda tx: forget(tx, id))

    return Reconciler(
        name="image usage reports",
        keys=keys,
        settle=settle,
        every_s=EVERY_S,
        waits_for_change=False,
    )


def forget(tx: store.Tx, id: str) -> None:
    """Forget a report whose time is over."""
    record = tx.get(records.IMAGE_REPORT, id)
    if record is not None and record.doc.created_at <= tx.now - KEPT_S:
        tx.delete(record)
