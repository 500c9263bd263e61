"""The sweep of blocks: what any record needs stays, the rest goes, and nobody is met by it."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.cloud.blocks import needed, shelf, stored, turns
from mallee.cloud.ebs import drafts
from mallee.cloud.reconcile.runner import Reconciler
from mallee.cloud.s3 import sweeping
from mallee.cloud.state import records, store
from mallee.kit import secretbox
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE
from mallee.model.storage.snapshots import NO_VOLUME, Content, Snapshot, Writing
from mallee.model.storage.volumes import Volume
from mallee.walrus.engine import Engine
from mallee.walrus.pages import Question
from tests.cloud.clouds import ACCOUNT, open_store
from tests.handclock import HandClock

OTHER = "000000000002"
GIB = 1 << 30
DUE_S = sweeping.GATHERED_S + 1


class Shelf:
    """Blocks in an engine, and records that need them."""

    def __init__(self, opened: store.Store, engine: Engine, clock: HandClock) -> None:
        self.store, self.engine, self.clock = opened, engine, clock
        self.reconciler: Reconciler = sweeping.reconciler(opened, engine, clock)
        self._ids = iter(range(1, 1000))

    def tree(self, blocks: dict[int, bytes], account: str = ACCOUNT) -> Content:
        """Put a disk of a GiB; return what names it."""
        names = {index: blocktrees.name_of(data) for index, data in blocks.items()}
        made = blocktrees.rebuild(blocktrees.empty(GIB), GIB, names, lambda _: b"")
        root = blocktrees.encode(made.root)
        objects = dict(zip(names.values(), blocks.values(), strict=True))
        objects |= {**made.pages, blocktrees.name_of(root): root}
        kept = {name: blockobjects.PLAIN.encode(data) for name, data in objects.items()}
        kept.pop(HOLE, None)
        stored.put(self.engine, account, kept).result()
        return Content(account=account, root=blocktrees.name_of(root).hex(), size_bytes=GIB)

    def snapshot(self, content: Content | None, account: str = ACCOUNT, **more: object) -> str:
        """Write a snapshot down that has it."""
        id = f"snap-{next(self._ids):017x}"
        doc = Snapshot(
            **{
                "id": id,
                "volume_id": NO_VOLUME,
                "size_gib": 1,
                "content": content,
                "started_at": 1.0,
                **more,
            }
        )
        self.store.transact(lambda tx: tx.insert(records.SNAPSHOT, account, id, doc))
        return id

    def forget(self, id: str) -> None:
        """Delete a snapshot."""

        def work(tx: store.Tx) -> None:
            record = tx.get(records.SNAPSHOT, id)
            assert record is not None
            assert record.doc.content is not None
            turns.note_garbage(tx, record.doc.content.account)
            tx.delete(record)

        self.store.transact(work)

    def note_garbage(self, account: str = ACCOUNT) -> None:
        self.store.transact(lambda tx: turns.note_garbage(tx, account))

    def there(self, account: str = ACCOUNT) -> set[bytes]:
        """The names of all objects of an account."""
        asked = Question(prefix=f"{account}/".encode(), limit=10_000)
        page = self.engine.reader.list_objects(shelf.NUMBER, asked)
        return {bytes.fromhex(key.decode().rpartition("/")[2]) for key, _ in page.entries}

    def needs(self, *contents: Content) -> set[bytes]:
        """The names of all that trees need, in one account."""
        (account,) = {one.account for one in contents}

        def load(name: bytes) -> bytes:
            return blockobjects.PLAIN.decode(name, stored.get(self.engine.reader, account, name))

        return needed.names({one.root for one in contents}, load)

    async def sweep(self, account: str = ACCOUNT) -> None:
        """Let time pass, and settle what is due."""
        self.store.transact(lambda tx: None)
        self.clock.time += DUE_S
        due = self.reconciler.keys()
        for key in due:
            await self.reconciler.settle(key)


@pytest.fixture
def shelved(tmp_path: Path) -> Iterator[Shelf]:
    clock = HandClock()
    opening = open_store(tmp_path, clock)
    opened = next(opening)
    box = secretbox.load_or_create(tmp_path / "key")
    opened.transact(lambda tx: shelf.ensure(tx, box, os.urandom))
    for account in (ACCOUNT, OTHER):
        opened.transact(lambda tx, account=account: turns.enter(tx, account, "x", 0))
        opened.transact(lambda tx, account=account: turns.leave(tx, account, "x"))
    engine = Engine(tmp_path / "walrus", clock=clock)
    yield Shelf(opened, engine, clock)
    engine.close()
    next(opening, None)


def block(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes([1]) * (BLOCK_BYTES - 4)


async def test_what_only_a_deleted_snapshot_needed_goes(shelved: Shelf) -> None:
    one = shelved.tree({0: block(1), 5000: block(2)})
    two = shelved.tree({0: block(1), 5000: block(3)})
    kept = shelved.needs(two)
    first, _ = shelved.snapshot(one), shelved.snapshot(two)
    await shelved.sweep()
    assert shelved.there() == shelved.needs(one, two)
    shelved.forget(first)
    await shelved.sweep()
    assert shelved.there() == kept
    space = shelved.store.view.get(records.BLOCK_SPACE, ACCOUNT)
    assert space is not None
    assert (space.doc.epoch, space.doc.is_sweeping, space.doc.waits_since) == (1, False, 0.0)


async def test_whatever_names_a_tree_keeps_it(shelved: Shelf) -> None:
    """A copy in another account, a volume that reads from what is deleted, a parent."""
    copied, read, parent, gone = (shelved.tree({n: block(n)}) for n in range(1, 5))
    shelved.snapshot(copied, OTHER)
    failed = Writing(parent=parent, timeout_s=1.0, heard_at=1.0, epoch=0, failed_at=2.0)
    shelved.snapshot(None, writing=failed)
    volume = Volume(
        id="vol-1",
        size_gib=1,
        type="gp2",
        iops=100,
        zone="z",
        host_id="h",
        content=read,
        created_at=1.0,
    )
    shelved.store.transact(lambda tx: tx.insert(records.VOLUME, OTHER, "vol-1", volume))
    shelved.note_garbage()
    expected = shelved.needs(copied, read, parent)
    await shelved.sweep()
    assert shelved.there() == expected
    assert bytes.fromhex(gone.root) not in shelved.there()


async def test_other_accounts_are_not_touched(shelved: Shelf) -> None:
    foreign = shelved.tree({0: block(1)}, OTHER)
    shelved.tree({0: block(1)})
    shelved.note_garbage()
    await shelved.sweep()
    assert shelved.there() == set()
    assert shelved.there(OTHER) == shelved.needs(foreign)


async def test_nothing_is_swept_while_somebody_writes(shelved: Shelf) -> None:
    unnamed = shelved.tree({0: block(1)})
    shelved.note_garbage()
    until = shelved.clock.now() + 5 * DUE_S
    epoch = shelved.store.transact(lambda tx: turns.enter(tx, ACCOUNT, "snap-1", until))
    await shelved.sweep()
    assert shelved.there() == shelved.needs(unnamed)
    shelved.snapshot(unnamed)

    def end(tx: store.Tx) -> bool:
        turns.leave(tx, ACCOUNT, "snap-1")
        return turns.is_current(tx, ACCOUNT, epoch)

    assert shelved.store.transact(end)
    await shelved.sweep()
    assert shelved.there() == shelved.needs(unnamed)


async def test_a_writer_that_was_thought_to_be_dead_is_not_believed(shelved: Shelf) -> None:
    shelved.tree({0: block(1)})
    shelved.note_garbage()
    until = shelved.clock.now() + 1
    epoch = shelved.store.transact(lambda tx: turns.enter(tx, ACCOUNT, "snap-1", until))
    await shelved.sweep()
    assert shelved.there() == set()
    assert not shelved.store.transact(lambda tx: turns.is_current(tx, ACCOUNT, epoch))


async def test_a_sweep_that_waits_too_long_lets_nobody_new_in(shelved: Shelf) -> None:
    late = shelved.clock.now() + 3 * turns.PATIENCE_S
    enter = shelved.store.transact
    enter(lambda tx: turns.enter(tx, ACCOUNT, "old", late))
    shelved.note_garbage()
    enter(lambda tx: turns.enter(tx, ACCOUNT, "soon", late))
    shelved.clock.time += turns.PATIENCE_S + 1
    enter(lambda tx: turns.enter(tx, ACCOUNT, "old", late + 1))
    with pytest.raises(turns.Swept):
        enter(lambda tx: turns.enter(tx, ACCOUNT, "new", late))


async def test_who_writes_block_by_block_is_spared_and_holds_nobody_up(shelved: Shelf) -> None:
    shelved.tree({0: block(1)})
    doing = Writing(timeout_s=3600.0, heard_at=1.0, epoch=0)
    id = shelved.snapshot(None, writing=doing)
    name = blocktrees.name_of(block(2))
    draft = drafts.Draft((name, HOLE), b"")
    objects = {name: blockobjects.PLAIN.encode(block(2))}
    stored.put(shelved.engine, ACCOUNT, objects, lambda tx: drafts.note(tx, id, 0, draft)).result()
    shelved.note_garbage()
    await shelved.sweep()
    assert shelved.there() == {name}


async def test_who_can_stay_out_gives_way_long_before_others_are_kept_out(shelved: Shelf) -> None:
    enter, late = shelved.store.transact, shelved.clock.now() + 3 * turns.PATIENCE_S
    enter(lambda tx: turns.enter_briefly(tx, ACCOUNT, "writer", late))
    shelved.note_garbage()
    enter(lambda tx: turns.enter_briefly(tx, ACCOUNT, "writer", late + 1))
    shelved.clock.time += turns.BRIEF_PATIENCE_S + 1
    with pytest.raises(turns.Swept):
        enter(lambda tx: turns.enter_briefly(tx, ACCOUNT, "writer", late + 2))
    enter(lambda tx: turns.enter(tx, ACCOUNT, "upload", late))


async def test_where_a_page_is_lost_nothing_is_swept(shelved: Shelf) -> None:
    damaged, gone = shelved.tree({0: block(1)}), shelved.tree({9: block(2)})
    shelved.snapshot(damaged)
    page = next(
        name
        for name in shelved.needs(damaged)
        if name not in (blocktrees.name_of(block(1)), bytes.fromhex(damaged.root))
    )
    before = shelved.there()
    sweeping.remove(shelved.engine, [blockobjects.key_of(ACCOUNT, page).encode()])
    shelved.note_garbage()
    await shelved.sweep()
    assert shelved.there() == before - {page}
    assert bytes.fromhex(gone.root) in shelved.there()
    space = shelved.store.view.get(records.BLOCK_SPACE, ACCOUNT)
    assert space is not None
    assert not space.doc.is_sweeping, "who brings the page anew is let in"


async def test_a_sweep_that_was_cut_off_is_done_by_the_next_process(shelved: Shelf) -> None:
    kept = shelved.tree({0: block(1)})
    shelved.snapshot(kept)
    shelved.tree({0: block(2)})
    shelved.note_garbage()
    assert shelved.store.transact(lambda tx: turns.begin_sweep(tx, ACCOUNT))
    with pytest.raises(turns.Swept):
        shelved.store.transact(lambda tx: turns.enter(tx, ACCOUNT, "new", 1e12))
    await shelved.sweep()
    assert shelved.there() == shelved.needs(kept)
    shelved.store.transact(lambda tx: turns.enter(tx, ACCOUNT, "new", 1e12))


async def test_of_an_account_that_is_gone_nothing_is_left(shelved: Shelf) -> None:
    shelved.tree({0: block(1)}, OTHER)
    copied = shelved.tree({0: block(2)}, OTHER)
    copy = shelved.snapshot(copied)
    shelved.note_garbage(OTHER)
    await shelved.sweep()
    assert shelved.there(OTHER) == shelved.needs(copied)
    assert shelved.store.view.get(records.BLOCK_SPACE, OTHER) is not None
    shelved.forget(copy)
    await shelved.sweep()
    assert shelved.there(OTHER) == set()
    assert shelved.store.view.get(records.BLOCK_SPACE, OTHER) is None
    assert shelved.store.view.get(records.BLOCK_SPACE, ACCOUNT) is not None


async def test_garbage_of_which_nobody_spoke_is_swept_in_a_week(shelved: Shelf) -> None:
    shelved.tree({0: block(1)})
    await shelved.sweep()
    assert shelved.there()
    shelved.clock.time += turns.EVERY_S
    await shelved.sweep()
    assert not shelved.there()


async def test_whatever_comes_and_goes_what_is_left_is_what_is_needed(shelved: Shelf) -> None:
    chance = random.Random(7)
    living: dict[str, Content] = {}
    for _ in range(12):
        blocks = {chance.randrange(8192): block(chance.randrange(6)) for _ in range(5)}
        content = shelved.tree(blocks)
        living[shelved.snapshot(content)] = content
        if chance.random() < 0.6:
            id = chance.choice(sorted(living))
            del living[id]
            shelved.forget(id)
        await shelved.sweep()
        if living:
            assert shelved.needs(*living.values()) <= shelved.there()
    shelved.note_garbage()
    await shelved.sweep()
    assert shelved.there() == shelved.needs(*living.values())
