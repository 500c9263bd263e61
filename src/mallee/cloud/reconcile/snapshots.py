"""Puts snapshots right: one whose content is in the object store is complete, and its cut may go.

The host says when all is there (`node.uploads`); what it says is taken if nothing of it can have
been swept meanwhile (`blocks.turns`), and otherwise it is asked to bring it anew. The complete
snapshot is its volume's base, from which the next one is told.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ec2.storage.snapshotstates import SnapshotRecord
from mallee.cloud.hosts import diskroom
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.view import News
from mallee.kit import logs
from mallee.model.snapshots import Base, Content, SnapshotSeen

_ROOT = re.compile(r"[0-9a-f]{64}", re.ASCII)

_log = logs.get(__name__)


def reconciler(store: store.Store) -> Reconciler:
    """Return the reconciler of all snapshots."""
    known = restless.Restless(records.SNAPSHOT, concerned)

    def keys() -> tuple[str, ...]:
        view = store.view
        found = (view.get(records.SNAPSHOT, id) for id in known.candidates(view))
        return tuple(one.id for one in found if one is not None and is_brought(one))

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="snapshots", keys=keys, settle=settle)


def concerned(view: store.View, item: News) -> Iterator[str]:
    """Yield the snapshots for which a change may have made something to do."""
    if item.either.kind is records.SNAPSHOT:
        yield item.either.id


def is_brought(record: SnapshotRecord) -> bool:
    """Tell whether its host says that all of it is in the object store, and nobody noted it."""
    doc, seen = record.doc, record.seen
    is_there = seen is not None and bool(seen.root) and seen.attempt == doc.attempt
    return is_there and doc.content is None and bool(doc.cut)


def settle_one(tx: store.Tx, id: str) -> None:
    """Put one snapshot right in a transaction."""
    record = tx.get(records.SNAPSHOT, id)
    if record is None or not is_brought(record):
        return
    doc, seen = record.doc, record.seen
    assert seen is not None
    turns.leave(tx, record.account, id)
    if not _is_plausible(record, seen) or not turns.is_current(tx, record.account, seen.epoch):
        _log.warning("snapshot has to be brought anew", snapshot=id, epoch=seen.epoch)
        tx.write(record, replace(doc, attempt=doc.attempt + 1))
        return
    content = Content(
        account=record.account,
        root=seen.root,
        size_bytes=seen.size_bytes,
        full_bytes=seen.full_bytes,
        key_id="" if doc.key is None else doc.key.id,
    )
    diskroom.release(tx, doc.host_id, id)
    whole = replace(doc, content=content, completed_at=tx.now, cut=0, host_id="")
    tx.write(record, whole)
    volume = tx.get(records.VOLUME, doc.volume_id)
    if volume is not None:
        tx.write(volume, replace(volume.doc, base=Base(id, doc.cut)))


def _is_plausible(record: SnapshotRecord, seen: SnapshotSeen) -> bool:
    """Tell whether a host can be believed: one that lies can spoil what it keeps, and no more."""
    size_bytes = record.doc.size_gib << 30
    return (
        _ROOT.fullmatch(seen.root) is not None
        and seen.size_bytes == size_bytes
        and 0 <= seen.full_bytes <= size_bytes
    )
