"""Puts volumes right: attachments that are over are ended, what is gone is forgotten.

Hosts do what is wanted and say what they see; this reconciler notes that a volume was made, that a
modification is done, that a guest has let a volume go or is gone, and gives back what a deleted
volume held.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from mallee.cloud.ec2 import binned
from mallee.cloud.ec2.storage import states
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.view import News
from mallee.kit import clock
from mallee.model.storage import volumes
from mallee.model.storage.snapshots import CUT_TAKES_MAX_S
from mallee.model.storage.volumes import Phase, Volume, VolumeSeen


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler of all volumes."""

    known = restless.Restless(records.VOLUME, concerned)

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        due: list[str] = []
        for id in known.candidates(view):
            record = view.get(records.VOLUME, id)
            is_due = record is not None and _is_due(view, record, now)
            known.note(id, is_restless=record is not None and (is_due or _waits(record)))
            if is_due:
                due.append(id)
        return tuple(due)

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="volumes", keys=keys, settle=settle)


def concerned(view: store.View, item: News) -> Iterator[str]:
    """Yield the volumes for which a change may have made something to do."""
    record = item.either
    if record.kind is records.VOLUME:
        yield record.id
        # What lies on what is left of another goes before it.
        if record.doc.source is not None:
            yield record.doc.source.volume_id
    elif record.kind is records.SNAPSHOT:
        yield record.doc.volume_id
    elif record.kind is records.HOST:
        there = view.by(records.VOLUME, "host", record.id)
        yield from (one.id for one in there if one.doc.move is not None)
    elif record.kind is records.INSTANCE:
        yield from (one.id for one in view.by(records.VOLUME, "instance", record.id))


def _is_due(view: states.Reader, record: VolumeRecord, now: float) -> bool:
    may_go = _may_go(view, record) or moving.has_come(record)
    return may_go or settled(view, record, now) != record.doc


def _waits(record: VolumeRecord) -> bool:
    """Tell whether time alone gives it something to do: cuts that nobody wrote down."""
    return record.seen is not None and bool(record.seen.loose_cuts)


def settle_one(tx: store.Tx, id: str) -> None:
    """Put one volume right in a transaction."""
    record = tx.get(records.VOLUME, id)
    if record is None:
        return
    if _may_go(tx, record):
        diskroom.release(tx, record.doc.host_id, record.id)
        tx.delete(record)
        return
    if moving.has_come(record):
        record = moving.settle(tx, record)
    doc = settled(tx, record, tx.now)
    if doc != record.doc:
        tx.write(record, doc)


def _may_go(view: states.Reader, record: VolumeRecord) -> bool:
    """Tell whether it was wanted gone and is, and nothing lies on what is left of it."""
    doc = record.doc
    # Whether anything is left on a host that was retired nobody will say.
    is_lost = doc.deleted_at is not None and standings.is_retired(view, doc.host_id)
    return (
        (states.is_kept_only(record) or is_lost)
        and not record.doc.former_host_id
        and record.doc.move is None
        and not (record.seen is not None and record.seen.remains)
        and not any(one.doc.cut for one in view.by(records.SNAPSHOT, "volume", record.id))
        and not view.by(records.VOLUME, "source", record.id)
    )


def settled(view: states.Reader, record: VolumeRecord, now: float) -> Volume:
    """Return what is wanted of a volume, given what is seen; pure but for reading."""
    doc, seen = moving.settled(view, record), record.seen
    is_ready = seen is not None and seen.phase is Phase.READY
    if is_ready and not doc.is_made:
        doc = replace(doc, is_made=True)
    # One that may go elsewhere yet is made of its content anew there.
    is_whole = is_ready and seen is not None and seen.is_whole and not doc.is_fresh
    if is_whole and (doc.source or doc.content):
        doc = replace(doc, source=None, content=None)
    modification = doc.modification
    if modification is not None and modification.done_at is None and is_ready:
        assert seen is not None
        if (seen.size_gib, seen.limits) == (doc.size_gib, volumes.limits_of(doc)):
            doc = replace(doc, modification=replace(modification, done_at=now))
    doc = _without_loose(view, doc, seen, now)
    if doc.base is not None and view.get(records.SNAPSHOT, doc.base.snapshot_id) is None:
        doc = replace(doc, base=None)
    if doc.tags and states.is_kept_only(record):
        doc = replace(doc, tags={})
    if moving.goes_with_guest(view, record):
        # Its guest may have ended, or have let it go, on a host that is not its own any more.
        return doc
    for attachment in doc.attachments:
        is_over = states.is_over(view, attachment.instance_id)
        has_left = attachment.is_leaving and not states.is_held(
            view, record.id, attachment.instance_id
        )
        if is_over or has_left:
            left = tuple(one for one in doc.attachments if one != attachment)
            doc = replace(doc, attachments=left)
            goes = attachment.goes_when_left or (is_over and attachment.delete_on_termination)
            if goes and not left:
                doc = binned.kept(view, record.account, doc, now) or replace(doc, deleted_at=now)
    return doc


def _without_loose(view: states.Reader, doc: Volume, seen: VolumeSeen | None, now: float) -> Volume:
    """Have cuts forgotten whose snapshots were never written down, and cannot be any more."""
    loose = {} if seen is None else seen.loose_cuts
    unknown = tuple(
        id
        for id, asked_at in sorted(loose.items())
        if view.get(records.SNAPSHOT, id) is None and now > asked_at + 2 * CUT_TAKES_MAX_S
    )
    return doc if doc.dropped_cuts == unknown else replace(doc, dropped_cuts=unknown)
