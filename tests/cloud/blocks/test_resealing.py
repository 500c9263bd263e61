"""Copies are sealed part by part: whoever is cut off goes on, and no sweep takes what is done."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.blocks import resealing, shelf, stored, turns
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.kms import envelopes, managed
from mallee.cloud.s3 import resealing as sealing
from mallee.cloud.s3 import sweeping
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import NO_VOLUME, Content, Resealing, Snapshot
from mallee.walrus.engine import Engine
from tests.cloud.clouds import ACCOUNT, open_store
from tests.handclock import HandClock

GIB = 1 << 30
ID = "snap-00000000000000001"
ARN = "arn:aws:kms:us-east-1:000000000001:key/"


class Bench:
    """A copy that is to be sealed."""

    def __init__(self, root: Path, opened: store.Store, clock: HandClock) -> None:
        self.store, self.clock = opened, clock
        self.engine = Engine(root / "walrus", clock=clock)
        secretbox.load_or_create(root / "key")
        self.keys_file = secretbox.KeyFile(root / "key")
        box = self.keys_file.box
        opened.transact(lambda tx: shelf.ensure(tx, box, os.urandom))
        key = opened.transact(lambda tx: managed.ensure(tx, box, ACCOUNT, ("ebs", "us-east-1")))
        self.secret = os.urandom(32)
        wrapped = envelopes.seal(box, key.doc, self.secret, {ebskeys.CONTEXT: ID})
        self.key_id = key.id
        self.key = DataKey(id="aa" * 16, kms_key=ARN + key.id, wrapped=wrapped, bound_to=ID)

    def tree(self, blocks: dict[int, bytes]) -> Content:
        names = {index: blocktrees.name_of(data) for index, data in blocks.items()}
        made = blocktrees.rebuild(blocktrees.empty(GIB), GIB, names, lambda _: b"")
        root = blocktrees.encode(made.root)
        objects = dict(zip(names.values(), blocks.values(), strict=True))
        objects |= {**made.pages, blocktrees.name_of(root): root}
        kept = {name: blockobjects.PLAIN.encode(data) for name, data in objects.items()}
        kept.pop(HOLE, None)
        stored.put(self.engine, ACCOUNT, kept).result()
        return Content(account=ACCOUNT, root=blocktrees.name_of(root).hex(), size_bytes=GIB)

    def begin(self, source: Content) -> None:
        doc = Snapshot(
            id=ID,
            volume_id=NO_VOLUME,
            size_gib=1,
            key=self.key,
            resealing=Resealing(source=source),
            started_at=1.0,
        )
        self.store.transact(lambda tx: tx.insert(records.SNAPSHOT, ACCOUNT, ID, doc))

    @property
    def doc(self) -> Snapshot:
        found = self.store.view.get(records.SNAPSHOT, ID)
        assert found is not None
        return found.doc

    async def part(self) -> None:
        """Have a process that has just started do one part."""
        reconciler = sealing.reconciler(self.store, self.engine, self.keys_file, self.clock)
        due = reconciler.keys()
        for key in due:
            await reconciler.settle(key)

    async def sweep(self) -> None:
        self.store.transact(lambda tx: turns.note_garbage(tx, ACCOUNT))
        self.clock.time += sweeping.GATHERED_S + 1
        reconciler = sweeping.reconciler(self.store, self.engine, self.clock)
        due = reconciler.keys()
        for key in due:
            await reconciler.settle(key)

    def read(self) -> dict[int, bytes]:
        """What the copy has, opened with its key."""
        content, coder = self.doc.content, Sealed(self.secret)
        assert content is not None

        def load(name: bytes) -> bytes:
            kept = stored.get(self.engine.reader, ACCOUNT, name)
            return blockobjects.PLAIN.decode(name, kept)

        root = blocktrees.decode(load(bytes.fromhex(content.root)))
        return {
            index: coder.decode(name, stored.get(self.engine.reader, ACCOUNT, name))
            for index, name in blocktrees.blocks(root, load)
        }


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = HandClock()
    opening = open_store(tmp_path, clock)
    made = Bench(tmp_path, next(opening), clock)
    yield made
    made.engine.close()
    next(opening, None)


def block(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes([1]) * (BLOCK_BYTES - 4)


BLOCKS = {0: block(1), 1: block(1), 1500: block(2), 5000: block(3), 8191: block(4)}


async def test_parts_make_the_whole_whoever_is_cut_off_and_swept_between(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BLOCKS_AT_ONCE", 1)
    bench.begin(bench.tree(BLOCKS))
    told: list[int] = []
    while bench.doc.content is None:
        await bench.part()
        await bench.sweep()
        copy = bench.doc.resealing
        told.append(copy.pages if copy else 8)
    assert told == sorted(set(told))
    assert len(told) > 2
    assert bench.read() == BLOCKS
    assert bench.doc.content is not None
    assert bench.doc.content.key_id == bench.key.id
    await bench.sweep()
    assert bench.read() == BLOCKS


async def test_a_part_that_a_sweep_has_overtaken_is_done_anew(bench: Bench) -> None:
    bench.begin(bench.tree(BLOCKS))

    def skip(tx: store.Tx) -> None:
        turns.leave(tx, ACCOUNT, ID)
        turns.note_garbage(tx, ACCOUNT)

    seal = resealing.seal

    def overtaken(engine: Engine, part: resealing.Part) -> resealing.Done:
        done = seal(engine, part)
        bench.store.transact(skip)
        bench.store.transact(lambda tx: turns.begin_sweep(tx, ACCOUNT))
        bench.store.transact(lambda tx: turns.end_sweep(tx, ACCOUNT))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resealing, "seal", overtaken)
        await bench.part()
    assert bench.doc.resealing == Resealing(source=bench.doc.resealing.source)  # type: ignore[union-attr]
    await bench.part()
    assert bench.read() == BLOCKS


async def test_a_key_that_is_off_is_told_and_waited_for(bench: Bench) -> None:
    bench.begin(bench.tree(BLOCKS))
    bench.store.transact(lambda tx: set_key(tx, bench.key_id, is_on=False))
    await bench.part()
    assert bench.doc.resealing is not None
    assert "is disabled" in bench.doc.resealing.cause
    bench.store.transact(lambda tx: set_key(tx, bench.key_id, is_on=True))
    await bench.part()
    assert bench.read() == BLOCKS


async def test_what_cannot_be_read_is_given_up_and_said(bench: Bench) -> None:
    source = bench.tree(BLOCKS)
    key = blockobjects.key_of(ACCOUNT, blocktrees.name_of(block(2))).encode()
    sweeping.remove(bench.engine, [key])
    bench.begin(source)
    await bench.part()
    copy = bench.doc.resealing
    assert copy is not None
    assert copy.failed_at is not None
    assert "lost" in copy.cause
    assert not sealing.reconciler(bench.store, bench.engine, bench.keys_file, bench.clock).keys()


def set_key(tx: store.Tx, id: str, *, is_on: bool) -> None:
    record = tx.get(records.KEY, id)
    assert record is not None
    tx.write(record, replace(record.doc, is_enabled=is_on))
