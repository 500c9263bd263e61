"""A block that rotted: found by the scrub, named, no other harmed, and healed by who brings it."""

import os
from pathlib import Path

import pytest

from mallee.cloud.blocks import stored
from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.s3 import scrubbing
from mallee.cloud.state import records
from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.scrubs import Scrub
from mallee.walrus.errors import Corrupt
from tests.cloud.blocks import test_sweeping
from tests.cloud.blocks.test_sweeping import ACCOUNT, Shelf

shelved = test_sweeping.shelved


def block(number: int) -> bytes:
    """Bytes that do not get shorter, and are found again on the disk."""
    return number.to_bytes(4, "big") * (blocktrees.BLOCK_BYTES // 8) + os.urandom(
        blocktrees.BLOCK_BYTES // 2
    )


def rot(root: Path, data: bytes) -> None:
    """Change a byte of what is kept of a block, wherever it lies."""
    kept = blockobjects.PLAIN.encode(data)
    for path in root.rglob("*"):
        at = path.read_bytes().find(kept) if path.is_file() else -1
        if at >= 0:
            with path.open("r+b") as file:
                file.seek(at + len(kept) // 2)
                file.write(bytes([file.read(1)[0] ^ 1]))
            return
    raise AssertionError("the block is nowhere")


async def scrub(shelved: Shelf) -> None:
    wanted = Scrub(id=f"scrub-{shelved.clock.now():.0f}", requested_at=shelved.clock.now())
    shelved.clock.time += 1
    shelved.store.transact(lambda tx: tx.insert(records.SCRUB, "", wanted.id, wanted))
    reconciler = scrubbing.reconciler(shelved.store, shelved.engine)
    due = reconciler.keys()
    for key in due:
        await reconciler.settle(key)


def lost(shelved: Shelf, id: str) -> int:
    record = shelved.store.view.get(records.SNAPSHOT, id)
    assert record is not None
    assert bool(record.doc.lost_blocks) == ("lost" in snapshotstates.message(record))
    return record.doc.lost_blocks


async def test_a_block_that_rots_is_named_and_can_be_brought_anew(
    shelved: Shelf, tmp_path: Path
) -> None:
    bad, good = block(1), block(2)
    one, two = shelved.tree({0: bad, 9: good}), shelved.tree({0: good})
    short, whole = shelved.snapshot(one), shelved.snapshot(two)
    await scrub(shelved)
    assert (lost(shelved, short), lost(shelved, whole)) == (0, 0)
    rot(tmp_path / "walrus", bad)
    name = blocktrees.name_of(bad)
    with pytest.raises(Corrupt):
        stored.get(shelved.engine.reader, ACCOUNT, name)
    await scrub(shelved)
    assert (lost(shelved, short), lost(shelved, whole)) == (1, 0)
    with pytest.raises(stored.Missing):
        stored.get(shelved.engine.reader, ACCOUNT, name)
    assert stored.get(shelved.engine.reader, ACCOUNT, blocktrees.name_of(good))
    shelved.snapshot(shelved.tree({5000: bad}))
    await scrub(shelved)
    assert lost(shelved, short) == 0, "another snapshot had the same block"
