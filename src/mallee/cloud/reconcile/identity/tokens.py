"""Sweeps client tokens that nobody can repeat any more (see `idempotency`)."""

from mallee.cloud import idempotency
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.kit import clock

EVERY_S = 300.0


def reconciler(store: store.Store, clock: clock.Clock) -> Reconciler:
    """Return the reconciler; it has one key, when there is something to sweep."""

    def keys() -> tuple[str, ...]:
        oldest = clock.now() - idempotency.KEPT_S
        tokens = store.view.list(records.CLIENT_TOKEN)
        return ("old",) if any(token.doc.created_at <= oldest for token in tokens) else ()

    async def settle(_key: str) -> None:
        while await store.run(idempotency.sweep) == idempotency.SWEPT_AT_ONCE:
            continue

    return Reconciler(
        name="tokens", keys=keys, settle=settle, every_s=EVERY_S, waits_for_change=False
    )
