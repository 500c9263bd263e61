"""Writes down when keys and people were last used, and forgets those that are gone."""

from mallee.cloud.identity import lastuse
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store

EVERY_S = 30.0
_NOTES, _ORPHANS = "notes", "orphans"


def reconciler(store: store.Store, uses: lastuse.LastUses) -> Reconciler:
    """Return the reconciler; its keys are what there is to write, and what there is to forget."""

    def keys() -> tuple[str, ...]:
        found = (_NOTES,) if uses.due(store.view) else ()
        return (*found, _ORPHANS) if _has_orphans(store.view) else found

    async def settle(key: str) -> None:
        if key == _ORPHANS:
            await store.run(_forget)
            return
        while ids := uses.due(store.view):
            uses.forget(await store.run(lambda tx, ids=ids: uses.write(tx, ids)))

    return Reconciler(
        name="last use",
        keys=keys,
        settle=settle,
        every_s=EVERY_S,
        waits_for_change=False,
        is_local=True,
    )


def _has_orphans(view: store.View) -> bool:
    return any(not lastuse.is_there(view, record.id) for record in view.list(records.USES))


def _forget(tx: store.Tx) -> None:
    for record in tx.list(records.USES):
        if not lastuse.is_there(tx, record.id):
            tx.delete(record)
