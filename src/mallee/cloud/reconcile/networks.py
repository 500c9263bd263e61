"""Sweeps what of networks is over and no longer shown: deleted gateways, ended peerings
and attachments."""

from typing import Any

from mallee.cloud.ec2.transit import attachments
from mallee.cloud.ec2.vpc.addresses import addresstransfers
from mallee.cloud.ec2.vpc.routing import natgateways, peerings
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock
from mallee.model.network import transit

EVERY_S = 60.0
SWEPT_AT_ONCE = 500
"""Others wait for the writer no longer than these take."""


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; it has one key, when there is something to sweep."""

    def keys() -> tuple[str, ...]:
        return ("over",) if over(store.view, clock.now()) else ()

    async def settle(_key: str) -> None:
        while await store.run(sweep) == SWEPT_AT_ONCE:
            continue

    return Reconciler(
        name="networks", keys=keys, settle=settle, every_s=EVERY_S, waits_for_change=False
    )


def over(view: store.View | store.Tx, now: float) -> list[Record[Any, Any]]:
    """Return what nobody is shown any more."""
    return [
        *(it for it in view.list(records.NAT_GATEWAY) if not natgateways.is_shown(it, now)),
        *(it for it in view.list(records.PEERING) if peerings.is_forgotten(it.doc, now)),
        *(it for it in view.list(records.HANDOVER) if addresstransfers.is_forgotten(it.doc, now)),
        *(
            it
            for it in view.list(records.TRANSIT_ATTACHMENT)
            if attachments.is_forgotten(it.doc, now)
        ),
        *(
            it
            for it in (*view.list(records.TRANSIT_TABLE), *view.list(records.TRANSIT_GATEWAY))
            if transit.is_forgotten(it.doc.deleted_at, now)
        ),
    ]


def sweep(tx: store.Tx) -> int:
    """Forget it; return how many there were, `SWEPT_AT_ONCE` at most."""
    doomed = over(tx, tx.now)[:SWEPT_AT_ONCE]
    for record in doomed:
        tx.delete(record)
    return len(doomed)
