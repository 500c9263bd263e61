"""Puts volumes right: attachments that are over are ended, what is gone is forgotten.

Hosts do what is wanted and say what they see; this reconciler notes that a volume was made, that a
modification is done, that a guest has let a volume go or is gone, and gives back what a deleted
volume held.
"""

from msgspec.structs import replace

from mallee.cloud.ec2.storage import states
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts import diskroom
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.model import volumes
from mallee.model.volumes import Phase, Volume


def reconciler(store: store.Store) -> Reconciler:
    """Return the reconciler of all volumes."""

    def keys() -> tuple[str, ...]:
        view = store.view
        return tuple(
            record.id
            for record in view.list(records.VOLUME)
            if is_gone(record) or settled(view, record, 0.0) != record.doc
        )

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="volumes", keys=keys, settle=settle)


def settle_one(tx: store.Tx, id: str) -> None:
    """Put one volume right in a transaction."""
    record = tx.get(records.VOLUME, id)
    if record is None:
        return
    if is_gone(record):
        diskroom.release(tx, record.doc.host_id, record.id)
        tx.delete(record)
        return
    doc = settled(tx, record, tx.now)
    if doc != record.doc:
        tx.write(record, doc)


def is_gone(record: VolumeRecord) -> bool:
    """Tell whether it was wanted gone, and its host says that it is."""
    is_over = record.seen is not None and record.seen.phase is Phase.GONE
    return record.doc.deleted_at is not None and is_over


def settled(view: states.Reader, record: VolumeRecord, now: float) -> Volume:
    """Return what is wanted of a volume, given what is seen; pure but for reading."""
    doc, seen = record.doc, record.seen
    is_ready = seen is not None and seen.phase is Phase.READY
    if is_ready and not doc.is_made:
        doc = replace(doc, is_made=True)
    modification = doc.modification
    if modification is not None and modification.done_at is None and is_ready:
        assert seen is not None
        if (seen.size_gib, seen.limits) == (doc.size_gib, volumes.limits_of(doc)):
            doc = replace(doc, modification=replace(modification, done_at=now))
    for attachment in doc.attachments:
        is_over = states.is_over(view, attachment.instance_id)
        has_left = attachment.is_leaving and not states.is_held(
            view, record.id, attachment.instance_id
        )
        if is_over or has_left:
            left = tuple(one for one in doc.attachments if one != attachment)
            doc = replace(doc, attachments=left)
            if is_over and attachment.delete_on_termination and not left:
                doc = replace(doc, deleted_at=now)
    return doc
