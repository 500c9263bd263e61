"""Seals copies of snapshots under data keys of their own, in the process that has the blocks.

A copy of what was not encrypted, or was under another key of the key store, has no block in common
with its source. It is `pending` until all of them are put, part by part: after each, how far it is
stands in its record (`blocks.resealing`). Secrets are opened for one part and forgotten. One part
is done at a time, whoever's it is, and whoever waits for his turn is next. Called by the runner.
"""

import asyncio
import threading
from collections.abc import Awaitable
from dataclasses import dataclass, field

from msgspec.structs import replace

from mallee.cloud.blocks import datakeys, resealing, stored, turns
from mallee.cloud.ec2.images import sharing
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.kit import clock as clocks
from mallee.kit import logs, secretbox
from mallee.model.images.images import Image
from mallee.model.storage.blockobjects import PLAIN, Coder, NotATree
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import Resealing, Snapshot, SnapshotSeen
from mallee.walrus.errors import Closed, Corrupt, Gone, NoSpace, Unreachable
from mallee.walrus.seam import Engine

EVERY_S = 2.0
RETRY_S = 10.0
PART_S = 600.0
"""The longest that a part may take: a turn in the blocks is as long."""

_LOST = (stored.Missing, Corrupt, Gone, NotATree)
_LATER = (NoSpace, Unreachable, OSError)
_log = logs.get(__name__)

SnapshotRecord = Record[Snapshot, SnapshotSeen]


class _Stopped(Exception):
    """The process ends."""


def reconciler(
    opened: store.Store,
    engine: Engine,
    keys_file: secretbox.KeyFile,
    clock: clocks.Clock = clocks.SYSTEM,
) -> Reconciler:
    """Return the reconciler; its keys are the copies of which something is to be sealed."""
    sealer = _Sealer(opened, engine, keys_file, clock)
    return Reconciler(
        name="copies of snapshots", keys=sealer.keys, settle=sealer.settle, every_s=EVERY_S
    )


@dataclass(slots=True)
class _Sealer:
    """Seals, one part at a time."""

    store: store.Store
    engine: Engine
    keys_file: secretbox.KeyFile
    clock: clocks.Clock
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _not_before: dict[str, float] = field(default_factory=dict[str, float])
    """When what could not be done is tried again, by the clock that never steps."""

    def keys(self) -> tuple[str, ...]:
        """Return the copies that are due."""
        due = [one.id for one in self.store.view.by(records.SNAPSHOT, "resealing", "yes")]
        self._not_before = {id: at for id, at in self._not_before.items() if id in due}
        now = self.clock.monotonic()
        return tuple(id for id in due if self._not_before.get(id, 0.0) <= now)

    async def settle(self, id: str) -> None:
        """Do a part of one copy."""
        async with self._turn:
            record = self.store.view.get(records.SNAPSHOT, id)
            doing = record.doc.resealing if record is not None else None
            if record is None or doing is None or doing.failed_at is not None:
                return
            try:
                await self._do_part(record, doing)
            except (turns.Swept, datakeys.Locked, *_LATER) as error:
                await self._wait(id, "" if isinstance(error, turns.Swept) else str(error))
            except _LOST as error:
                _log.error("a copy cannot be sealed", snapshot=id, why=str(error))
                await self.store.run(lambda tx: _give_up(tx, id))
            except (Closed, _Stopped):
                return

    async def _do_part(self, record: SnapshotRecord, doing: Resealing) -> None:
        account, id = record.account, record.id
        until, off = self.clock.now() + PART_S, threading.Event()
        part = self._part(record, doing, off)
        epoch = await self.store.run(lambda tx: turns.enter(tx, account, id, until))
        done = await _whole(asyncio.to_thread(resealing.seal, self.engine, part), off)
        await self.store.run(lambda tx: _note(tx, record, doing, (done, epoch)))

    def _part(
        self, record: SnapshotRecord, doing: Resealing, off: threading.Event
    ) -> resealing.Part:
        key = record.doc.key
        assert key is not None

        def check() -> None:
            if off.is_set():
                raise _Stopped

        self.keys_file.look()
        return resealing.Part(
            source=doing.source,
            opens=self._coder(doing.key),
            account=record.account,
            key_id=key.id,
            seals=self._coder(key),
            done=doing.done,
            pages=doing.pages,
            check=check,
        )

    def _coder(self, key: DataKey | None) -> Coder:
        if key is None:
            return PLAIN
        return Sealed(datakeys.opened(self.store.view, self.keys_file.box, key))

    async def _wait(self, id: str, why: str) -> None:
        self._not_before[id] = self.clock.monotonic() + RETRY_S
        await self.store.run(lambda tx: _say(tx, id, why))


async def _whole(work: Awaitable[resealing.Done], off: threading.Event) -> resealing.Done:
    """Wait for work in a thread; cancelled, have it end, and wait until it has."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        off.set()
        await asyncio.wait([doing])
        raise


def _note(
    tx: store.Tx,
    before: SnapshotRecord,
    doing: Resealing,
    outcome: tuple[resealing.Done, int],
) -> None:
    """Write a part down, if nothing of it can have been swept meanwhile."""
    done, epoch = outcome
    is_current = turns.is_current(tx, before.account, epoch)
    record = tx.get(records.SNAPSHOT, before.id)
    turns.leave(tx, before.account, before.id, is_garbage=record is None or not is_current)
    if record is None or not is_current or record.doc.resealing != doing:
        return
    if not done.is_all:
        further = replace(doing, done=done.content, pages=done.pages, cause="")
        tx.write(record, replace(record.doc, resealing=further))
        return
    # The trees of parts are needed no more, and its source may be gone already.
    turns.note_garbage(tx, record.account)
    turns.note_garbage(tx, doing.source.account)
    whole = replace(record.doc, content=done.content, resealing=None, completed_at=tx.now)
    tx.write(record, whole)
    for image in _waiting(tx, record.id):
        if all(_is_complete(tx, one.snapshot_id) for one in image.doc.mappings):
            tx.write(image, replace(image.doc, state=sharing.AVAILABLE))


def _say(tx: store.Tx, id: str, why: str) -> None:
    record = tx.get(records.SNAPSHOT, id)
    doing = record.doc.resealing if record is not None else None
    if record is None or doing is None:
        return
    turns.leave(tx, record.account, id)
    if doing.cause != why:
        tx.write(record, replace(record.doc, resealing=replace(doing, cause=why)))


def _give_up(tx: store.Tx, id: str) -> None:
    """Say that a copy will never be complete: its source cannot be read."""
    record = tx.get(records.SNAPSHOT, id)
    doing = record.doc.resealing if record is not None else None
    if record is None or doing is None:
        return
    turns.leave(tx, record.account, id, is_garbage=True)
    why = "Blocks of the snapshot that was copied are lost in the object store."
    failed = replace(doing, done=None, pages=0, cause=why, failed_at=tx.now)
    tx.write(record, replace(record.doc, resealing=failed))
    for image in _waiting(tx, id):
        tx.write(image, replace(image.doc, state=sharing.FAILED, state_reason=f"{id}: {why}"))


def _waiting(tx: store.Tx, snapshot_id: str) -> list[Record[Image, None]]:
    found = tx.by(records.IMAGE, "snapshot", snapshot_id)
    return [one for one in found if one.doc.state == sharing.PENDING]


def _is_complete(tx: store.Tx, snapshot_id: str) -> bool:
    """Tell whether a mapping has what its volumes shall have: a blank one has."""
    snapshot = tx.get(records.SNAPSHOT, snapshot_id) if snapshot_id else None
    return not snapshot_id or (snapshot is not None and snapshot.doc.resealing is None)
