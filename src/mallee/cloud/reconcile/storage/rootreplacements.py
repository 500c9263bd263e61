"""Ends replacements of root volumes: they have succeeded when the guest runs with the new one.

One whose volume cannot be made, or is taken away again, or whose instance ends before, has failed.
A task is forgotten with its instance.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from mallee.cloud.ec2.storage import states
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import News
from mallee.model.compute.instances import Phase, phase_of
from mallee.model.storage.rootreplacements import RootReplacement

TaskRecord = Record[RootReplacement, None]


def reconciler(store: store.Store) -> Reconciler:
    """Return the reconciler of all replacements."""
    known = restless.Restless(records.ROOT_REPLACEMENT, concerned)

    def keys() -> tuple[str, ...]:
        view = store.view
        found = (view.get(records.ROOT_REPLACEMENT, id) for id in known.candidates(view))
        return tuple(one.id for one in found if one is not None and settled(view, one) != one.doc)

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="root replacements", keys=keys, settle=settle)


def concerned(view: store.View, item: News) -> Iterator[str]:
    """Yield the replacements for which a change may have made something to do."""
    record = item.either
    if record.kind is records.ROOT_REPLACEMENT:
        yield record.id
    elif record.kind is records.INSTANCE:
        yield from (one.id for one in view.by(records.ROOT_REPLACEMENT, "instance", record.id))
    elif record.kind is records.VOLUME:
        yield from (one.id for one in view.by(records.ROOT_REPLACEMENT, "volume", record.id))


def settle_one(tx: store.Tx, id: str) -> None:
    """Put one replacement right in a transaction."""
    record = tx.get(records.ROOT_REPLACEMENT, id)
    if record is None:
        return
    doc = settled(tx, record)
    if doc is None:
        tx.delete(record)
    elif doc != record.doc:
        tx.write(record, replace(doc, completed_at=tx.now))


def settled(view: states.Reader, record: TaskRecord) -> RootReplacement | None:
    """Return what a replacement has come to; None: it is to be forgotten."""
    doc = record.doc
    instance = view.get(records.INSTANCE, doc.instance_id)
    if instance is None:
        return None
    if doc.completed_at is not None:
        return doc
    root = states.root_of(view, doc.instance_id)
    is_over = instance.doc.launch != doc.launch or states.is_over(view, doc.instance_id)
    if root is None or root.id != doc.volume_id:
        return replace(doc, completed_at=0.0, has_failed=True)
    if phase_of(instance.doc, instance.seen) is Phase.RUNNING and states.is_held(
        view, root.id, doc.instance_id
    ):
        return replace(doc, completed_at=0.0)
    return replace(doc, completed_at=0.0, has_failed=not root.doc.is_made) if is_over else doc
