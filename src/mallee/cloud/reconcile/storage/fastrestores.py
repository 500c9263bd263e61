"""Moves fast restores on: enabled when every host of the zone has all of the snapshot, disabled
when none keeps it for this any more.

A host that comes into the zone, or lost a block, has it to bring first: the state goes back to
`optimizing`, for a volume on that host would wait. Hosts that are silent take no volumes, so they
are not waited for. What nobody may make volumes of any more is disabled by itself. Called by the
runner.
"""

from msgspec.structs import replace

from mallee.cloud.ec2.storage import snapshotsharing
from mallee.cloud.hosts.slices.pinslices import FastRecord
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model.compute.instances import Reason
from mallee.model.storage.fastrestores import FastRestore

SHOWN_S = 3600.0
"""What is disabled is shown for so long."""
_GONE = Reason(
    "Server.SnapshotUnavailable", "The snapshot was deleted, or is not shared with you any more."
)


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler of all fast restores."""

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        return tuple(
            one.id for one in view.list(records.FAST_RESTORE) if next_of(view, one, now) != one.doc
        )

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="fast restores", keys=keys, settle=settle)


def settle_one(tx: store.Tx, id: str) -> None:
    """Move one on in a transaction."""
    record = tx.get(records.FAST_RESTORE, id)
    if record is None:
        return
    doc = next_of(tx, record, tx.now)
    if doc is None:
        tx.delete(record)
    elif doc != record.doc:
        tx.write(record, doc)


def next_of(view: store.View | store.Tx, record: FastRecord, now: float) -> FastRestore | None:
    """Return what becomes of one now; None: nothing is left of it."""
    doc = record.doc
    if doc.disabled_at:
        return None if now > doc.disabled_at + SHOWN_S else doc
    if doc.disabling_at:
        return doc if _is_held(view, record) else replace(doc, disabled_at=now)
    snapshot = view.get(records.SNAPSHOT, doc.snapshot_id)
    if snapshot is None or not snapshotsharing.may_use(view, snapshot, record.account):
        return replace(doc, disabling_at=now, cause=_GONE)
    content = snapshot.doc.content
    if content is None:
        return doc
    told = record.seen.hosts if record.seen else {}
    pins = [
        pin for id in _hosts(view, doc.zone) if (pin := told.get(id)) and pin.root == content.root
    ]
    if pins and len(pins) == len(_hosts(view, doc.zone)) and all(pin.is_whole for pin in pins):
        return replace(
            doc, optimizing_at=doc.optimizing_at or now, enabled_at=doc.enabled_at or now
        )
    if doc.enabled_at or (pins and not doc.optimizing_at):
        return replace(doc, optimizing_at=now, enabled_at=0.0)
    return doc


def _is_held(view: store.View | store.Tx, record: FastRecord) -> bool:
    """Tell whether a host keeps the snapshot for nothing else than this."""
    doc = record.doc
    others = view.by(records.FAST_RESTORE, "snapshot", doc.snapshot_id)
    if any(one.doc.zone == doc.zone and not one.doc.disabling_at for one in others):
        return False
    told = record.seen.hosts if record.seen else {}
    return any(id in told for id in _hosts(view, doc.zone))


def _hosts(view: store.View | store.Tx, zone: str) -> list[str]:
    """Return the hosts of a zone that are heard."""
    found = view.by(records.HOST, "zone", zone)
    return [one.id for one in found if one.seen is not None and not one.seen.is_silent]
