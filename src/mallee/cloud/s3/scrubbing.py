"""Does the scrubs that are wanted, one at a time, in the process that has the objects.

A scrub that was cut off begins anew: nothing of it was kept but that it began. Called by the
runner; `cloud.admin.buckets` writes what is wanted.
"""

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from mallee.cloud.blocks import damage
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.s3 import sweeping
from mallee.cloud.state import records, store
from mallee.kit import logs
from mallee.model.storage import scrubs
from mallee.model.storage.scrubs import Lost, ScrubSeen
from mallee.walrus.errors import Closed, Unreachable
from mallee.walrus.seam import Engine, Loser, Report

EVERY_S = 5.0

_log = logs.get(__name__)


def reconciler(opened: store.Store, engine: Engine) -> Reconciler:
    """Return the reconciler; its keys are scrubs that have not ended."""

    def keys() -> tuple[str, ...]:
        found = opened.view.list(records.SCRUB)
        waiting = [one for one in found if one.seen is None or not one.seen.ended_at]
        waiting.sort(key=lambda one: one.doc.requested_at)
        return tuple(one.id for one in waiting[:1])

    async def settle(id: str) -> None:
        await opened.run(lambda tx: _observe(tx, id, ScrubSeen(began_at=tx.now)))
        try:
            report, losers = await asyncio.to_thread(engine.scrub)
        except Closed:
            return
        except Unreachable as error:
            _log.error("a scrub is cut off", scrub=id, error=str(error))
            return
        if report.damages:
            _log.error("damaged", scrub=id, blobs=[one.why for one in report.damages[:20]])
        await _settle_blocks(opened, engine, losers)
        lost = _lost(opened.view, losers)
        await opened.run(lambda tx: _end(tx, id, report, lost))

    return Reconciler(name="scrubs", keys=keys, settle=settle, every_s=EVERY_S)


async def _settle_blocks(opened: store.Store, engine: Engine, losers: Sequence[Loser]) -> None:
    """Take damaged blocks away, so that they can be brought anew; note what is short of them."""
    keys = damage.keys_of(losers)
    suspects = damage.suspects(opened.view, keys)

    def look() -> dict[str, int]:
        sweeping.remove(engine, keys)
        return {id: damage.count(engine.reader, it) for id, it in suspects.items()}

    if keys or suspects:
        lost = await asyncio.to_thread(look)
        await opened.run(lambda tx: damage.note(tx, lost))


def _lost(view: store.View, losers: Sequence[Loser]) -> tuple[Lost, ...]:
    names = {record.doc.number: record.id for record in view.list(records.BUCKET)}
    return tuple(
        Lost(
            bucket=names.get(one.bucket, ""),
            key=one.key.decode(errors="replace"),
            version=one.version,
        )
        for one in losers[: scrubs.LOST_MAX]
    )


def _end(tx: store.Tx, id: str, report: Report, lost: tuple[Lost, ...]) -> None:
    found = tx.get(records.SCRUB, id)
    if found is not None and found.seen is not None:
        seen = replace(
            found.seen,
            ended_at=tx.now,
            blobs=report.blobs,
            bytes=report.bytes,
            damaged=len(report.damages),
            lost=lost,
        )
        tx.observe(found, seen)


def _observe(tx: store.Tx, id: str, seen: ScrubSeen) -> None:
    found = tx.get(records.SCRUB, id)
    if found is not None:
        tx.observe(found, seen)
