"""The table of the cloud's reconcilers; the daemon runs them all."""

import os

from mallee.cloud.reconcile import (
    capacity,
    events,
    gateways,
    instances,
    makers,
    migrations,
    networks,
    resolvers,
    watching,
)
from mallee.cloud.reconcile.identity import (
    accounts,
    kmskeys,
    mails,
    masterkeys,
    registrations,
    tokens,
)
from mallee.cloud.reconcile.images import blobs, imagereports, images, transfers
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.reconcile.storage import (
    fastrestores,
    recycling,
    rootreplacements,
    snapshots,
    volumes,
)
from mallee.cloud.state.store import Store
from mallee.kit import clock
from mallee.model.configuration.settings import Settings
from mallee.model.layout import Layout


def reconcilers(
    store: Store, layout: Layout, settings: Settings, ring: masterkeys.Keyring
) -> tuple[Reconciler, ...]:
    """Return every reconciler of the cloud process."""
    return (
        instances.reconciler(store, clock.SYSTEM, settings),
        migrations.reconciler(store, clock.SYSTEM),
        events.reconciler(store, clock.SYSTEM),
        images.reconciler(store, layout, os.urandom),
        blobs.reconciler(store, layout),
        accounts.reconciler(store),
        capacity.reconciler(store, clock.SYSTEM, os.urandom),
        mails.reconciler(store, mails.outbox(layout, settings, ring.box), clock.SYSTEM),
        registrations.reconciler(store, clock.SYSTEM),
        networks.reconciler(store, clock.SYSTEM),
        gateways.reconciler(store, clock.SYSTEM),
        resolvers.reconciler(store, settings),
        volumes.reconciler(store, clock.SYSTEM),
        snapshots.reconciler(store),
        fastrestores.reconciler(store, clock.SYSTEM),
        rootreplacements.reconciler(store),
        transfers.reconciler(
            store,
            clock.SYSTEM,
            transfers.Means(os.urandom, makers.Means(settings, ring.box)),
        ),
        recycling.reconciler(store, clock.SYSTEM),
        imagereports.reconciler(store, clock.SYSTEM),
        tokens.reconciler(store, clock.SYSTEM),
        watching.reconciler(store),
        kmskeys.reconciler(store, ring.box, clock.SYSTEM),
        masterkeys.reconciler(store, ring, clock.SYSTEM),
    )
