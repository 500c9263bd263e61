"""Lets prefix lists follow what is in use: each resolver looks again when that may have changed.

What it looks at are documents of a few kinds; while none of them changed, nothing is looked at.
What is found and how lists follow is `ec2.ipam.resolving`'s.
"""

import asyncio

from mallee.cloud.ec2.ipam import resolving
from mallee.cloud.identity import effort
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.model.configuration.settings import Settings

REST_FACTOR = 9
"""How much longer than a look the pause after it is."""

LOOKED_AT = (
    records.ACCOUNT,
    records.ADDRESS,
    records.IPAM,
    records.IPAM_ALLOCATION,
    records.IPAM_DISCOVERY_ASSOCIATION,
    records.IPAM_POOL,
    records.PREFIX_LIST,
    records.PUBLIC_POOL,
    records.RESOLVER,
    records.RESOLVER_TARGET,
    records.SUBNET,
    records.VPC,
)
"""The kinds whose documents say what a resolver finds and which lists follow."""


def reconciler(opened: store.Store, settings: Settings) -> Reconciler:
    """Return the reconciler of all resolvers."""
    settled_at: dict[str, tuple[int, ...]] = {}
    turns = asyncio.Lock()

    def revs() -> tuple[int, ...]:
        return tuple(opened.view.doc_rev(kind) for kind in LOOKED_AT)

    def keys() -> tuple[str, ...]:
        now = revs()
        found = [one.id for one in opened.view.list(records.RESOLVER)]
        for gone in settled_at.keys() - set(found):
            del settled_at[gone]
        return tuple(id for id in found if settled_at.get(id) != now)

    async def settle(id: str) -> None:
        # Everybody's changes wait for this one: an account with hundreds of resolvers has them
        # looked at one after the other, and leaves the others most of the time.
        async with turns:
            before = revs()
            took_s = await opened.run(lambda tx: _timed(tx, id, settings.region))
            settled_at[id] = before
            await asyncio.sleep(took_s * REST_FACTOR)

    return Reconciler(name="resolvers", keys=keys, settle=settle)


def _timed(tx: store.Tx, id: str, region: str) -> float:
    began_s = effort.clock_s()
    settle_one(tx, id, region)
    return effort.clock_s() - began_s


def settle_one(tx: store.Tx, id: str, region: str) -> None:
    """Look again, and let the lists follow."""
    resolver = tx.get(records.RESOLVER, id)
    if resolver is not None:
        resolving.settle(tx, resolver, region)
