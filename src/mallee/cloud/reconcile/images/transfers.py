"""Brings imports and exports to their end, given what hosts say of them.

A task without a host that is heard gets another one; one whose disks are all in the object store
gets its snapshots, and its image; one that failed, or was called off, keeps its reason. Each turn
is one transaction: what is written down is complete. Tasks are forgotten after a week.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.blocks import turns
from mallee.cloud.ec2.images import exporting, importing, tasks
from mallee.cloud.ec2.images.conversions import LIFE_S
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.storage import snapshots, snapshotstates
from mallee.cloud.reconcile import makers
from mallee.cloud.reconcile.images import (
    conversions,
    importedimages,
    registeredbundles,
    restoredimages,
)
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock
from mallee.model import ids
from mallee.model.storage.snapshots import NO_VOLUME, Content, Snapshot
from mallee.model.storage.transfers import BRINGS, Phase, Task, TransferSeen, Way

KEPT_S = 7 * 86400.0
"""So long ended tasks are shown."""
STORED_KEPT_S = 31 * 86400.0
"""So long those are shown that stored an image, as on AWS."""
ATTEMPTS_MAX = 5
GIB = 1 << 30

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Means:
    """What settling takes besides a transaction."""

    entropy: Entropy
    makers: makers.Means


def reconciler(store: store.Store, clock: clock.Clock, means: Means) -> Reconciler:
    """Return the reconciler; its keys are tasks of which something is due."""

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        found = (one for kind in tasks.TASKS for one in view.list(kind))
        return tuple(one.id for one in found if _is_due(view, one, now))

    async def settle(id: str) -> None:
        try:
            await store.run(lambda tx: settle_one(tx, id, means))
        except errors.AwsError as error:
            words = words_of(error)
            await store.run(lambda tx: fail_one(tx, id, words))

    return Reconciler(name="transfers", keys=keys, settle=settle, every_s=2.0)


def _is_due(view: store.View | store.Tx, record: TaskRecord, now: float) -> bool:
    doc = record.doc
    if doc.ended_at is not None:
        kept_s = STORED_KEPT_S if record.kind is records.STORE_TASK else KEPT_S
        return now > doc.ended_at + kept_s
    if doc.cancelled_at is not None or _outcome(record) is not None or _is_lost(view, record):
        return True
    if _has_expired(doc, now):
        return True
    return exporting.with_content(view, doc) != doc or _has_lost_its_source(view, record)


def _has_expired(doc: Task, now: float) -> bool:
    """Tell whether it has waited too long for its parts."""
    return doc.way is Way.PARTS_IN and now > doc.began_at + LIFE_S


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
    if out is None or exporting.has_source(out):
        return False
    found = [view.get(records.SNAPSHOT, id) for id in record.doc.snapshot_ids]
    return not found or any(
        one is None or snapshotstates.of(one) == snapshotstates.ERROR for one in found
    )


def settle_one(tx: store.Tx, id: str, means: Means) -> None:
    """Bring one task forward in a transaction. Raises `AwsError` where what it shall make cannot be
    made: nothing is then, and `fail_one` ends it."""
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
    elif seen is None and _has_expired(doc, tx.now):
        _fail(tx, record, "ClientError: its parts were not all there when it expired")
    elif seen is None:
        _begin_anew(tx, record)
    elif seen.phase is Phase.FAILED:
        _fail(tx, record, f"ClientError: {seen.words}")
    else:
        _complete(tx, record, seen, means)


def words_of(error: errors.AwsError) -> str:
    """Return what is said of a task whose end would have been refused as a call."""
    return f"ClientError: {error}"


def fail_one(tx: store.Tx, id: str, words: str) -> None:
    """End one task that is under way with words for its user."""
    record = tasks.find(tx, id)
    if record is not None and record.doc.ended_at is None:
        _fail(tx, record, words)


def _begin_anew(tx: store.Tx, record: TaskRecord) -> None:
    doc = record.doc
    if doc.attempt >= ATTEMPTS_MAX:
        _fail(tx, record, "ServerError: it was begun several times, and never came to its end")
        return
    attempt = doc.attempt + bool(doc.host_id)
    host_id = tasks.choose_host(tx, record.account)
    tx.write(record, replace(doc, host_id=host_id, attempt=attempt))


def _fail(tx: store.Tx, record: TaskRecord, words: str) -> None:
    if record.doc.way in (Way.BUNDLE_IN, Way.IMAGE_IN):
        registeredbundles.fail(tx, record, words.removeprefix("ClientError: "))
    turns.leave(tx, record.account, record.id, is_garbage=True)
    _drop_own(tx, record)
    tx.write(record, replace(record.doc, ended_at=tx.now, failure=words))


def _drop_own(tx: store.Tx, record: TaskRecord) -> None:
    """Delete the snapshot that was made for a task alone, unless somebody has found a use for it:
    an image is of it, it is locked, or it lies in the recycle bin."""
    if record.kind not in (records.EXPORT_INSTANCE_TASK, records.BUNDLE_TASK):
        return
    for id in record.doc.snapshot_ids:
        snapshot = tx.get(records.SNAPSHOT, id)
        if snapshot is None or snapshot.doc.binned is not None or snapshot.doc.lock is not None:
            continue
        if not snapshots.images_of(tx, id):
            snapshots.forget(tx, snapshot)


def _complete(tx: store.Tx, record: TaskRecord, seen: TransferSeen, means: Means) -> None:
    doc = record.doc
    if doc.way is Way.BUNDLE_IN:
        failure = registeredbundles.settle(tx, record, seen.disks[0])
        tx.write(record, replace(doc, ended_at=tx.now, failure=failure))
        return
    if doc.way not in BRINGS:
        _drop_own(tx, record)
        tx.write(record, replace(doc, ended_at=tx.now))
        return
    has_content = any(disk.content is not None for disk in seen.disks)
    if has_content and not turns.is_current(tx, record.account, seen.epoch):
        _begin_anew(tx, record)
        return
    refused = _refused(record, seen)
    if refused:
        _fail(tx, record, f"ClientError: {refused}")
        return
    made = _snapshots(tx, record, seen, means.entropy)
    try:
        _make(tx, record, made, means)
    except importedimages.Unbootable as error:
        for id in made:
            snapshot = tx.get(records.SNAPSHOT, id)
            if snapshot is not None and id not in {one.snapshot_id for one in doc.disks}:
                tx.delete(snapshot)
        _fail(tx, record, f"ClientError: {error}")
        return
    turns.leave(tx, record.account, record.id)


def _refused(record: TaskRecord, seen: TransferSeen) -> str:
    """Return why nothing is made of what has come in; empty: it is."""
    if record.kind is records.IMPORT_SNAPSHOT_TASK and len(seen.disks) != 1:
        return (
            "the file is an OVA archive, which holds a whole machine: ImportImage takes it, "
            "ImportSnapshot does not"
        )
    if record.doc.way is Way.PARTS_IN:
        return conversions.check_sizes(record.doc, seen)
    return ""


def _make(tx: store.Tx, record: TaskRecord, made: tuple[str, ...], means: Means) -> None:
    """Make what a task is of, given its disks' snapshots, and end it. Raises `Unbootable`."""
    if record.doc.way is Way.PARTS_IN:
        name = "ImportInstance" if record.doc.launch else "ImportVolume"
        conversions.settle(makers.call_of(tx, means.makers, name, record), record, made)
        return
    if record.doc.way is Way.IMAGE_IN:
        call = makers.call_of(tx, means.makers, "CreateRestoreImageTask", record)
        restoredimages.settle(call, record, made)
        return
    image_id = ""
    if record.kind is records.IMPORT_IMAGE_TASK:
        image_id = importedimages.register(tx, record, made, means.entropy)
    tx.write(record, replace(record.doc, ended_at=tx.now, snapshot_ids=made, image_id=image_id))


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
    is_own = record.kind is records.IMPORT_SNAPSHOT_TASK
    description = doc.description if is_own else f"Created by the import {record.id}"
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
