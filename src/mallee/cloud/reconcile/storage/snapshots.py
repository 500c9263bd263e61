"""Puts snapshots right: one whose content is in the object store is complete, and its cut may go.

The host says when all is there (`node.uploads`); what it says is taken if nothing of it can have
been swept meanwhile (`blocks.turns`), and otherwise it is asked to bring it anew. The complete
snapshot is its volume's base, from which the next one is told. One whose host is gone before all
was brought is in error, and goes on when that host is back.
"""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ec2.storage.snapshotstates import SnapshotRecord
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.view import News
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.model.compute.instances import Reason
from mallee.model.hosts.standing import Standing
from mallee.model.storage.snapshots import Base, Content, SnapshotSeen

_ROOT = re.compile(r"[0-9a-f]{64}", re.ASCII)

LOST = "Server.HostLost"
STRANDED_AFTER_S = 86_400.0
"""A host that was silent for so long is not waited for: what it alone has is in error meanwhile."""

_log = logs.get(__name__)


def reconciler(store: store.Store, clock: clocks.Clock = clocks.SYSTEM) -> Reconciler:
    """Return the reconciler of all snapshots."""
    known = restless.Restless(records.SNAPSHOT, concerned)

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        found = (view.get(records.SNAPSHOT, id) for id in known.candidates(view))
        return tuple(one.id for one in found if one is not None and _is_to_do(view, one, now))

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="snapshots", keys=keys, settle=settle)


def concerned(view: store.View, item: News) -> Iterator[str]:
    """Yield the snapshots for which a change may have made something to do."""
    if item.either.kind is records.SNAPSHOT:
        yield item.either.id
    elif item.either.kind is records.HOST:
        for volume in view.by(records.VOLUME, "host", item.either.id):
            yield from (one.id for one in view.by(records.SNAPSHOT, "volume", volume.id))


def is_brought(record: SnapshotRecord) -> bool:
    """Tell whether its host says that all of it is in the object store, and nobody noted it."""
    doc, seen = record.doc, record.seen
    is_there = seen is not None and bool(seen.root) and seen.attempt == doc.attempt
    return is_there and doc.content is None and bool(doc.cut)


def _is_to_do(view: store.View, record: SnapshotRecord, now: float) -> bool:
    return is_brought(record) or stranding(view, record, now) != record.doc.stranded


def stranding(view: store.View | store.Tx, record: SnapshotRecord, now: float) -> Reason | None:
    """Return why nobody brings a snapshot any more that its host alone has; None: its host does."""
    doc = record.doc
    if doc.content is not None or not doc.cut or not doc.host_id:
        return None
    host = view.get(records.HOST, doc.host_id)
    if host is None or host.doc.standing is Standing.RETIRED:
        words = f"The host {doc.host_id}, which alone had it, is not part of the cloud any more."
        return Reason(LOST, words)
    seen = host.seen
    if seen is not None and seen.is_silent and now > seen.heard_at + STRANDED_AFTER_S:
        words = (
            f"The host {doc.host_id}, which alone has it, was not heard for "
            f"{STRANDED_AFTER_S / 3600:g} hours. It goes on when the host is back."
        )
        return Reason(LOST, words)
    return None


def settle_one(tx: store.Tx, id: str) -> None:
    """Put one snapshot right in a transaction."""
    record = tx.get(records.SNAPSHOT, id)
    if record is None:
        return
    if not is_brought(record):
        stranded = stranding(tx, record, tx.now)
        if stranded != record.doc.stranded:
            tx.write(record, replace(record.doc, stranded=stranded))
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
    whole = replace(doc, content=content, completed_at=tx.now, cut=0, host_id="", stranded=None)
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
