"""Snapshots of which nothing is heard any more: given up, and nothing of them stays."""

from collections.abc import AsyncIterator
from concurrent import futures
from pathlib import Path

import pytest

from mallee.cloud.blocks import stored, turns
from mallee.cloud.ebs import abandoned, drafts, writing
from mallee.cloud.state import records, store
from mallee.kit import clock as clocks
from mallee.model.storage import blockobjects
from mallee.model.storage.snapshots import NO_VOLUME, Snapshot, Writing
from mallee.walrus.engine import Engine
from tests.cloud.clouds import ACCOUNT, open_store
from tests.handclock import HandClock

ID = "snap-0123456789abcdef0"
TIMEOUT_S = 600.0


class Room:
    """A store and an engine, and threads that work on them."""

    def __init__(self, opened: store.Store, engine: Engine, clock: HandClock) -> None:
        self.store, self.engine, self.clock = opened, engine, clock
        self.threads = futures.ThreadPoolExecutor(2)

    async def look(self) -> None:
        """Look once."""
        await abandoned.look(self.store, self.engine, self.threads, self.clock.now())

    def snapshot(self) -> Snapshot:
        """Return the snapshot."""
        found = self.store.view.get(records.SNAPSHOT, ID)
        assert found is not None
        return found.doc

    def drafted(self) -> list[int]:
        """Return which of its blocks are written."""
        return [one.index for one in drafts.all_of(self.engine.reader, ID)]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = HandClock()
    opening = open_store(tmp_path, clock)
    opened = next(opening)
    engine = Engine(tmp_path / "walrus", clock=clock)
    made = Room(opened, engine, clock)

    def start(tx: store.Tx) -> None:
        epoch = turns.enter(tx, ACCOUNT, ID, tx.now + TIMEOUT_S)
        doing = Writing(timeout_s=TIMEOUT_S, heard_at=tx.now, epoch=epoch)
        doc = Snapshot(id=ID, volume_id=NO_VOLUME, size_gib=1, writing=doing, started_at=tx.now)
        tx.insert(records.SNAPSHOT, ACCOUNT, ID, doc)

    await opened.run(start)
    for index in range(3):
        data = bytes([index + 1]) * 100
        name = blockobjects.PLAIN.name_of(data)
        draft = drafts.Draft((name,), b"")
        stored.put(
            engine,
            ACCOUNT,
            {name: blockobjects.PLAIN.encode(data)},
            lambda tx, index=index, draft=draft: drafts.note(tx, ID, index, draft),
        ).result()
    yield made
    made.threads.shutdown()
    engine.close()
    next(opening, None)


async def test_what_is_late_is_given_up_and_forgotten(room: Room) -> None:
    await room.look()
    assert room.snapshot().writing is not None
    assert room.drafted() == [0, 1, 2]
    room.clock.time += TIMEOUT_S + writing.HEARD_S + 1
    await room.look()
    given_up = room.snapshot().writing
    assert given_up is not None
    assert given_up.failed_at is not None
    assert room.drafted() == []
    assert turns.may_sweep(room.store.view, ACCOUNT, room.clock.now())


async def test_drafts_of_what_is_gone_are_forgotten(room: Room) -> None:
    def forget(tx: store.Tx) -> None:
        found = tx.get(records.SNAPSHOT, ID)
        assert found is not None
        tx.delete(found)

    await room.store.run(forget)
    await room.look()
    assert room.drafted() == []


async def test_the_loop_goes_on_when_it_cannot_look(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def fail(*_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise futures.CancelledError
        raise store.Unavailable("away")

    monkeypatch.setattr(abandoned, "look", fail)
    monkeypatch.setattr(abandoned, "EVERY_S", 0.0)
    with pytest.raises(futures.CancelledError):
        await abandoned.keep_looking(room.store, room.engine, room.threads, clocks.SYSTEM)
    assert looks == 3
