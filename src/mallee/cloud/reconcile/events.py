"""Carries scheduled events out at their time, and forgets those that are long over.

An event is carried out and marked in one transaction, so a crash before it finds it again and one
after it does not do it twice. What is done to hosts is their administrators' work: its end is when
its time has passed.
"""

from msgspec.structs import replace

from mallee.cloud.ec2.instances import power
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock
from mallee.model.compute.events import OF_INSTANCE, Code, Event, Outcome
from mallee.model.compute.instances import Power, Reason, State

KEPT_S = 7 * 86_400.0
"""How long an owner sees an event that is over."""

WHY = power.Why(
    Reason("Server.ScheduledStop", "Stopped due to a scheduled event"), "Server initiated"
)

EventRecord = Record[Event, None]


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; each event for which something is to be done is a key."""

    def keys() -> tuple[str, ...]:
        now, view = clock.now(), store.view
        return tuple(record.id for record in view.list(records.EVENT) if _is_due(view, record, now))

    async def settle(id: str) -> None:
        await store.run(lambda tx: settle_one(tx, id))

    return Reconciler(name="events", keys=keys, settle=settle)


def settle_one(tx: store.Tx, id: str) -> None:
    """Carry one event out, or forget it; nothing happens before its time."""
    record = tx.get(records.EVENT, id)
    if record is None or not _is_due(tx, record, tx.now):
        return
    if record.doc.outcome is not Outcome.OPEN or _is_over(tx, record.doc.instance_id):
        tx.delete(record)
        return
    if record.doc.code in OF_INSTANCE:
        _carry_out(tx, record.doc)
    tx.write(record, replace(record.doc, outcome=Outcome.COMPLETED, ended_at=tx.now))


def _is_due(view: store.View | store.Tx, record: EventRecord, now: float) -> bool:
    event = record.doc
    if _is_over(view, event.instance_id):
        return True
    if event.outcome is not Outcome.OPEN:
        return now - event.ended_at > KEPT_S
    ends_at = event.not_before if event.code in OF_INSTANCE else event.not_after
    return ends_at is not None and ends_at <= now


def _is_over(view: store.View | store.Tx, instance_id: str) -> bool:
    instance = view.get(records.INSTANCE, instance_id)
    return instance is None or instance.doc.gone_at is not None


def _carry_out(tx: store.Tx, event: Event) -> None:
    record = tx.get(records.INSTANCE, event.instance_id)
    if record is None or record.doc.power is not Power.RUNNING:
        return
    if event.code is not Code.INSTANCE_REBOOT:
        power.want_stopped(tx, record, WHY)
    elif power.state_of(record) in (State.RUNNING, State.PENDING):
        reboots = record.doc.reboots + 1
        tx.write(record, replace(record.doc, reboots=reboots, wanted_since=tx.now))
