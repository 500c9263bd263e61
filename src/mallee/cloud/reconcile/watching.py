"""Ends what watches things that are gone: flow logs, and what copies packets.

As on AWS an interface takes its mirror sessions along, and nobody is kept from deleting what is
watched. Which of a thing's watchers are left over is seen from the store alone.
"""

from collections.abc import Iterator
from typing import Any

from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind

_WATCHED: dict[str, Kind[Any, Any]] = {
    "vpc": records.VPC,
    "subnet": records.SUBNET,
    "eni": records.INTERFACE,
}
"""By prefix of its id."""


def reconciler(store: store.Store) -> Reconciler:
    """Return the reconciler; each watcher of nothing is a key."""

    def keys() -> tuple[str, ...]:
        return tuple(id for _, id in _left_over(store.view))

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="watching", keys=keys, settle=settle, every_s=5.0)


def settle_one(tx: store.Tx, id: str) -> None:
    """Delete a watcher if what it watches is gone."""
    for kind, found in _left_over(tx):
        record = tx.get(kind, found) if found == id else None
        if record is not None:
            tx.delete(record)


def _left_over(view: store.View | store.Tx) -> Iterator[tuple[Kind[Any, Any], str]]:
    for log in view.list(records.FLOW_LOG):
        kind = _WATCHED[log.doc.resource_id.partition("-")[0]]
        if view.get(kind, log.doc.resource_id) is None:
            yield records.FLOW_LOG, log.id
    for session in view.list(records.MIRROR_SESSION):
        target = view.get(records.MIRROR_TARGET, session.doc.target_id)
        ends = (session.doc.interface_id, target.doc.interface_id if target else "")
        if any(view.get(records.INTERFACE, one) is None for one in ends):
            yield records.MIRROR_SESSION, session.id
    for end in view.list(records.MIRROR_TARGET):
        if view.get(records.INTERFACE, end.doc.interface_id) is None:
            yield records.MIRROR_TARGET, end.id
