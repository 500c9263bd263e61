"""Brings imports and exports to their end, given what hosts say of them.

A task without a host that is heard gets another one; one whose disks are all in the object store
gets its snapshots, and its image; one that failed, or was called off, keeps its reason. Each turn
is one transaction: what is written down is complete. Tasks are forgotten after a week.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ec2.images import exporting, importing, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.storage import snapshots, snapshotstates
from mallee.cloud.reconcile import importedimages, registeredbundles
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model import ids
from mallee.model.snapshots import NO_VOLUME, Content, Snapshot
from mallee.model.transfers import Phase, TransferSeen, Way

KEPT_S = 7 * 86400.0
"""So long ended tasks are shown."""
ATTEMPTS_MAX = 5
GIB = 1 << 30

Entropy = Callable[[int], bytes]


def reconciler(store: store.Store, clock: clock.Clock, entropy: Entropy) -> Reconciler:
    """Return the reconciler; its keys are tasks of which something is due."""

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        found = (one for kind in tasks.TASKS for one in view.list(kind))
        return tuple(one.id for one in found if _is_due(view, one, now))

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id, entropy))

    return Reconciler(name="transfers", keys=keys, settle=settle, every_s=2.0)


def _is_due(view: store.View | store.Tx, record: TaskRecord, now: float) -> bool:
    doc = record.doc
    if doc.ended_at is not None:
        return now > doc.ended_at + KEPT_S
    if doc.cancelled_at is not None or _outcome(record) is not None or _is_lost(view, record):
        return True
    return exporting.with_content(view, doc) != doc or _has_lost_its_source(view, record)


def _outcome(record: TaskRecord) -> TransferSeen | None:
    """Return how the present attempt ended on its host; None: it has not."""
    seen = record.seen
    if seen is None or seen.attempt != record.doc.attempt or seen.phase is Phase.WORKING:
        return None
    return seen


def _is_lost(view: store.View | store.Tx, record: TaskRecord) -> bool:
    """Tell whether its host is not heard, and another one could carry it."""
    host = view.get(records.HOST, record.doc.host_id) if record.doc.host_id else None
    if host is not None and host.seen is not None and not host.seen.is_silent:
        return False
    return bool(tasks.choose_host(view, record.account))


def _has_lost_its_source(view: store.View | store.Tx, record: TaskRecord) -> bool:
    """Tell whether what it shall carry out is gone, or will never be complete."""
    out = record.doc.out
    if out is None or out.blob is not None or out.content is not None:
        return False
    id = record.doc.snapshot_ids[0] if record.doc.snapshot_ids else ""
    snapshot = view.get(records.SNAPSHOT, id)
    return snapshot is None or snapshotstates.of(snapshot) == snapshotstates.ERROR


def settle_one(tx: store.Tx, id: str, entropy: Entropy) -> None:
    """Bring one task forward in a transaction."""
    record = tasks.find(tx, id)
    if record is None or not _is_due(tx, record, tx.now):
        return
    doc, seen = record.doc, _outcome(record)
    if doc.ended_at is not None:
        tx.delete(record)
    elif doc.cancelled_at is not None:
        why = f": {doc.cancel_reason}" if doc.cancel_reason else ""
        _fail(tx, record, f"{importing.CALLED_OFF}{why}")
    elif _has_lost_its_source(tx, record):
        _fail(tx, record, "ClientError: the snapshot that it is made of is gone, or broken")
    elif exporting.with_content(tx, doc) != doc:
        tx.write(record, exporting.with_content(tx, doc))
    elif seen is None:
        _begin_anew(tx, record)
    elif seen.phase is Phase.FAILED:
        _fail(tx, record, f"ClientError: {seen.words}")
    else:
        _complete(tx, record, seen, entropy)


def _begin_anew(tx: store.Tx, record: TaskRecord) -> None:
    doc = record.doc
    if doc.attempt >= ATTEMPTS_MAX:
        _fail(tx, record, "ServerError: it was begun several times, and never came to its end")
        return
    attempt = doc.attempt + bool(doc.host_id)
    host_id = tasks.choose_host(tx, record.account)
    tx.write(record, replace(doc, host_id=host_id, attempt=attempt))


def _fail(tx: store.Tx, record: TaskRecord, words: str) -> None:
    if record.doc.way is Way.BUNDLE_IN:
        registeredbundles.fail(tx, record, words.removeprefix("ClientError: "))
    turns.leave(tx, record.account, record.id, is_garbage=True)
    _drop_own(tx, record)
    tx.write(record, replace(record.doc, ended_at=tx.now, failure=words))


def _drop_own(tx: store.Tx, record: TaskRecord) -> None:
    """Delete the snapshot that was made for a task alone, unless somebody has found a use for it:
    an image is of it, it is locked, or it lies in the recycle bin."""
    if record.kind is not records.EXPORT_INSTANCE_TASK:
        return
    for id in record.doc.snapshot_ids:
        snapshot = tx.get(records.SNAPSHOT, id)
        if snapshot is None or snapshot.doc.binned is not None or snapshot.doc.lock is not None:
            continue
        if not snapshots.images_of(tx, id):
            snapshots.forget(tx, snapshot)


def _complete(tx: store.Tx, record: TaskRecord, seen: TransferSeen, entropy: Entropy) -> None:
    doc = record.doc
    if doc.way is Way.BUNDLE_IN:
        failure = registeredbundles.settle(tx, record, seen.disks[0])
        tx.write(record, replace(doc, ended_at=tx.now, failure=failure))
        return
    if doc.way is not Way.DISKS_IN:
        _drop_own(tx, record)
        tx.write(record, replace(doc, ended_at=tx.now))
        return
    has_content = any(disk.content is not None for disk in seen.disks)
    if has_content and not turns.is_current(tx, record.account, seen.epoch):
        _begin_anew(tx, record)
        return
    made = _snapshots(tx, record, seen, entropy)
    image_id = ""
    if record.kind is records.IMPORT_IMAGE_TASK:
        try:
            image_id = importedimages.register(tx, record, made, entropy)
        except importedimages.Unbootable as error:
            for id in made:
                snapshot = tx.get(records.SNAPSHOT, id)
                if snapshot is not None and id not in {one.snapshot_id for one in doc.disks}:
                    tx.delete(snapshot)
            _fail(tx, record, f"ClientError: {error}")
            return
    turns.leave(tx, record.account, record.id)
    ended = replace(doc, ended_at=tx.now, snapshot_ids=made, image_id=image_id)
    tx.write(record, ended)


def _snapshots(
    tx: store.Tx, record: TaskRecord, seen: TransferSeen, entropy: Entropy
) -> tuple[str, ...]:
    """Write the snapshots of a task's disks down; return all their ids, in order."""
    made: list[str] = []
    for index, disk in enumerate(seen.disks):
        if disk.content is None:
            made.append(record.doc.disks[index].snapshot_id)
            continue
        made.append(_snapshot(tx, record, disk.content, entropy))
    return tuple(made)


def _snapshot(tx: store.Tx, record: TaskRecord, content: Content, entropy: Entropy) -> str:
    doc, id = record.doc, ids.make("snap", entropy(ids.ID_BYTES))
    is_image = record.kind is records.IMPORT_IMAGE_TASK
    description = f"Created by the import {record.id}" if is_image else doc.description
    snapshot = Snapshot(
        id=id,
        volume_id=NO_VOLUME,
        size_gib=content.size_bytes // GIB,
        description=description,
        content=content,
        key=doc.key,
        started_at=doc.began_at,
        completed_at=tx.now,
        made_by=doc.made_by,
    )
    tx.insert(records.SNAPSHOT, record.account, id, snapshot)
    return id
