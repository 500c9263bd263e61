"""Puts guests right that go from host to host, and has those go whose host is drained.

What hosts say is taken by the rules of `hosts.migrating`. Of a host that is drained a few guests go
at a time; what cannot go stays, and why is told by whoever asks (`migrating.why_not`). Whoever had
nowhere to go the last time lets the others go first.
"""

import os
from collections.abc import Mapping

from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.moves.migrating import InstanceRecord
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock, logs
from mallee.model.hosts.standing import Standing

AT_ONCE = 2
"""So many guests go from one host at the same time."""
AGAIN_S = 60.0
"""A guest that did not get away from a host that is drained tries again so much later."""
NOBODY: Mapping[str, float] = {}

log = logs.get(__name__)


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler of all migrations."""
    # Forgotten by a restart: only whose turn is next hangs on it.
    tried: dict[str, float] = {}

    def keys() -> tuple[str, ...]:
        view, now = store.view, clock.now()
        for id in [id for id in tried if view.get(records.INSTANCE, id) is None]:
            del tried[id]
        due = [
            one.id
            for one in view.by(records.INSTANCE, "migrating", "yes")
            if _is_due(view, one, now)
        ]
        for host in view.list(records.HOST):
            if host.doc.standing is Standing.DRAINING:
                due += [one.id for one in _next(view, host.id, now, tried)]
        return tuple(due)

    async def settle(id: str) -> None:
        if await store.run(lambda tx: settle_one(tx, id, tried)):
            tried[id] = clock.now()

    return Reconciler(name="migrations", keys=keys, settle=settle)


def _is_due(view: store.View, record: InstanceRecord, now: float) -> bool:
    return migrating.is_over(record) or migrating.settled(view, record, now) != record.doc


def _next(
    view: store.View | store.Tx, host_id: str, now: float, tried: Mapping[str, float]
) -> list[InstanceRecord]:
    """Return the guests that shall leave a drained host next."""
    there = sorted(
        view.by(records.INSTANCE, "host", host_id),
        key=lambda one: (tried.get(one.id, 0.0), one.id),
    )
    free = AT_ONCE - sum(one.doc.migration is not None for one in there)
    waiting = [
        one
        for one in there
        if not (one.doc.migrated and one.doc.migrated.failure)
        or now > one.doc.migrated.ended_at + AGAIN_S
    ]
    able = (one for one in waiting if not migrating.why_not_at_all(view, one))
    return list(able)[: max(0, free)]


def settle_one(tx: store.Tx, id: str, tried: Mapping[str, float] = NOBODY) -> bool:
    """Put one instance right in a transaction; tell whether it should leave, and has nowhere to go.

    `tried` says when others had nowhere to go: they come last.
    """
    record = tx.get(records.INSTANCE, id)
    if record is None:
        return False
    if record.doc.migration is None:
        return _has_nowhere(tx, record, tried)
    if migrating.is_over(record):
        migrating.settle(tx, record)
    else:
        doc = migrating.settled(tx, record, tx.now)
        if doc != record.doc:
            tx.write(record, doc)
    return False


def _has_nowhere(tx: store.Tx, record: InstanceRecord, tried: Mapping[str, float]) -> bool:
    """Have a guest leave a host that is drained; tell whether no other takes it."""
    host = tx.get(records.HOST, record.doc.host_id)
    if host is None or host.doc.standing is not Standing.DRAINING:
        return False
    if record.id not in {one.id for one in _next(tx, host.id, tx.now, tried)}:
        return False
    try:
        to_host_id = migrating.choose(tx, record)
    except migrating.Nowhere as nowhere:
        log.info("guest stays on a drained host", instance=record.id, why=str(nowhere))
        return True
    migrating.begin(tx, record, to_host_id, os.urandom)
    return False
