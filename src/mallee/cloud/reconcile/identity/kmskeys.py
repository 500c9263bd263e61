"""Keys of the key store whose time has come: a new material, the end of one, or of the key.

Nothing is remembered but the key's own dates, so what was missed while the cloud was down is done
when it is up again. Not its business: who asks for it (`kms.rotation`, `kms.deletion`).
"""

from mallee.cloud.kms import deletion, importing, rotation
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock, secretbox
from mallee.model.identity.kmskeys import Key

EVERY_S = 60.0


def reconciler(store: store.Store, box: secretbox.SecretBox, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; each key that something is to be done with is a key."""

    def keys() -> tuple[str, ...]:
        now = clock.now()
        return tuple(
            record.id
            for record in store.view.list(records.KEY)
            if _is_over(record.doc, now)
            or rotation.is_due(record.doc, now)
            or importing.is_over(record.doc, now)
        )

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, box, id))

    return Reconciler(
        name="kms keys", keys=keys, settle=settle, every_s=EVERY_S, waits_for_change=False
    )


def settle_one(tx: store.Tx, box: secretbox.SecretBox, id: str) -> None:
    """Do what is due for one key; twice is once."""
    record = tx.get(records.KEY, id)
    if record is not None and _is_over(record.doc, tx.now):
        deletion.remove(tx, record)
        return
    rotation.rotate_when_due(tx, box, id)
    importing.forget_when_over(tx, id)


def _is_over(key: Key, now: float) -> bool:
    return key.deletion_at is not None and key.deletion_at <= now
