"""Exported routes of transit gateways become objects in the buckets that they were asked for.

They wait in the store (`ec2.transit.routeexports` puts them there) until their object is there: one
that is made twice is the same. What may not be written any more, or cannot be for a day, is
dropped, and the journal says why. A task of one process of S3.
"""

import asyncio

from mallee.cloud.s3 import drafts
from mallee.cloud.s3.access import services
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.drafts import Draft, Means, Name
from mallee.cloud.s3.logs import routeobjects
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import logs
from mallee.model.network.transit import RouteExport

LOOK_EVERY_S = 1.0
KEPT_S = 86_400.0
"""How long an export waits that cannot be written."""

_log = logs.get(__name__)


async def keep_delivering(means: Means) -> None:
    """Deliver until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await deliver(means)
        except (OSError, store.Unavailable) as error:
            _log.error("exports of routes not looked at", error=str(error))


async def deliver(means: Means) -> None:
    """Deliver what waits."""
    for record in means.store.view.list(records.ROUTE_EXPORT):
        try:
            await asyncio.to_thread(_put, means, record)
        except drafts.FAILURES as problem:
            _log.warning("routes not exported", export=record.id, error=str(problem))
            is_done = means.clock.now() - record.doc.made_at > KEPT_S
        else:
            is_done = True
        if is_done:
            await means.store.run(lambda tx, id=record.id: _forget(tx, id))


def _forget(tx: store.Tx, id: str) -> None:
    found = tx.get(records.ROUTE_EXPORT, id)
    if found is not None:
        tx.delete(found)


def _put(means: Means, record: Record[RouteExport, None]) -> None:
    """Write the object, if that is allowed still."""
    doc, view = record.doc, means.store.view
    target = buckets.find(view, doc.bucket)
    who = routeobjects.service(record.account, doc)
    if target is None or not services.may_deliver(view, target, doc.key, who):
        _log.warning("routes not exported", export=record.id, error="the bucket does not take them")
        return
    draft = Draft(means, target, Name(doc.key, "application/json"))
    try:
        draft.write(doc.text.encode())
        drafts.commit(means, target, [draft.finish()])
    finally:
        draft.abandon()
