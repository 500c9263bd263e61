"""Sees that a host is in charge of the world, that it has a standby, and that the standby takes
over. What is decided when is `gateways.charge`'s; several front ends decide one at a time."""

from mallee.cloud.gateways import charge
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock, logs
from mallee.model.network.gateways import WORLD, Charge

_log = logs.get(__name__)


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; it has one key, when there is something to decide."""

    def keys() -> tuple[str, ...]:
        now = _now(store.view)
        hosts = store.view.list(records.HOST)
        planned = charge.plan_charge(now.doc if now else None, hosts, clock.now())
        return () if planned is None or (now and planned == now.doc) else (WORLD,)

    async def settle(_key: str) -> None:
        await store.run(decide)

    return Reconciler(name="gateways", keys=keys, settle=settle)


def decide(tx: store.Tx) -> None:
    """Write down who is in charge, if it is another; twice is once."""
    now = _now(tx)
    planned = charge.plan_charge(now.doc if now else None, tx.list(records.HOST), tx.now)
    if planned is None:
        return
    if now is None:
        tx.insert(records.GATEWAY, "", WORLD, planned)
    elif planned != now.doc:
        tx.write(now, planned)
        if planned.host_id != now.doc.host_id:
            _log.warning("another gateway", host=planned.host_id, why=planned.why)


def _now(view: store.View | store.Tx) -> Record[Charge, None] | None:
    return view.get(records.GATEWAY, WORLD)
