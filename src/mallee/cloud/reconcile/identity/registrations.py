"""Forgets what people wrote who came or did not come, after a while.

Wishes that nobody decides go too: strangers make them, and there may be only so many at a time.
"""

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.identity.invitations import Registration

EVERY_S = 3600.0
KEPT_S = 30 * 86_400.0
"""How long a registration is kept after the last that happened to it."""


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; each registration that is old is a key."""

    def keys() -> tuple[str, ...]:
        now = clock.now()
        return tuple(
            record.id
            for record in store.view.list(records.REGISTRATION)
            if _is_old(record.doc, now)
        )

    async def settle(id: str) -> None:
        await store.run(lambda tx: forget(tx, id))

    return Reconciler(
        name="registrations", keys=keys, settle=settle, every_s=EVERY_S, waits_for_change=False
    )


def forget(tx: store.Tx, id: str) -> None:
    """Remove one registration if it is old."""
    record = tx.get(records.REGISTRATION, id)
    if record is not None and _is_old(record.doc, tx.now):
        tx.delete(record)


def _is_old(doc: Registration, now: float) -> bool:
    last = max(doc.created_at, doc.decided_at or 0.0, doc.expires_at or 0.0)
    return now - last > KEPT_S
