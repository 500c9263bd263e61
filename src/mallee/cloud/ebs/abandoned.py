"""Snapshots that are being written, and of which nothing is heard any more: given up.

What was given up is `error` from then on; its blocks are swept with all that nothing needs. Drafts
of a snapshot that is complete, given up or deleted are forgotten, whoever was killed before he
could. A loop of one process, called by its wiring.
"""

import asyncio
import sqlite3
from collections.abc import Iterable
from concurrent import futures

from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ebs import drafts, writing
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.kit import logs
from mallee.walrus.errors import BrokenIndex, Closed, NoSpace, Unreachable
from mallee.walrus.seam import Engine

EVERY_S = 30.0
_FAILURES = (
    *(store.Unavailable, NoSpace, BrokenIndex, Closed, Unreachable),
    *(OSError, sqlite3.DatabaseError),
)

_log = logs.get(__name__)


async def keep_looking(
    opened: store.Store, engine: Engine, threads: futures.Executor, clock: clocks.Clock
) -> None:
    """Look again and again until cancelled."""
    while True:
        try:
            await opened.catch_up()
            await look(opened, engine, threads, clock.now())
        except _FAILURES as error:
            _log.error("abandoned snapshots not looked at", why=str(error))
        await asyncio.sleep(EVERY_S)


async def look(opened: store.Store, engine: Engine, threads: futures.Executor, now: float) -> None:
    """Give up what is late, and forget the drafts of what is not being written."""
    for record in opened.view.by(records.SNAPSHOT, "writing", "yes"):
        doing = record.doc.writing
        if doing is not None and writing.is_late(doing, now):
            await opened.run(lambda tx, id=record.id: give_up(tx, id))
    run = asyncio.get_running_loop().run_in_executor
    drafted = await run(threads, drafts.snapshots, engine.reader)
    for id in _over(opened.view, drafted):
        await run(threads, drafts.forget, engine, id)


def give_up(tx: store.Tx, id: str) -> None:
    """Give up a snapshot that is late still; it stays, as failed, until it is deleted."""
    record = tx.get(records.SNAPSHOT, id)
    doing = record.doc.writing if record else None
    if record is None or doing is None or not writing.is_late(doing, tx.now):
        return
    failed = replace(doing, parent=None, failed_at=tx.now)
    tx.write(record, replace(record.doc, writing=failed))
    turns.leave(tx, record.account, id, is_garbage=True)


def _over(view: store.View, ids: Iterable[str]) -> list[str]:
    """Return those of them that nobody writes to any more."""
    being_written = {one.id for one in view.by(records.SNAPSHOT, "writing", "yes")}
    return [id for id in ids if id not in being_written]
