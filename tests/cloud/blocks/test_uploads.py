"""Cuts are brought to the object store: what changed and no more, through any kill, to the byte."""

import hashlib
from collections.abc import Iterator

import pytest

from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.state import records
from mallee.model import blocktrees
from mallee.model.snapshots import Content
from tests.cloud.blocks import bringing
from tests.cloud.blocks.bringing import Bench
from tests.cloud.blocks.stand import Stand

MIB = 1 << 20


@pytest.fixture
def bench(stand: Stand) -> Iterator[Bench]:
    with bringing.bench(stand) as made:
        yield made


def tree(bench: Bench, content: Content) -> dict[int, bytes]:
    """The blocks of a tree by index, as the object store has them."""
    bench.stand.volume(content=content)
    shelf = bench.stand.shelf()
    try:
        root = blocktrees.decode(shelf.get_page(bytes.fromhex(content.root)))
        assert root.size_bytes == content.size_bytes
        return {index: shelf.get(name) for index, name in blocktrees.blocks(root, shelf.get_page)}
    finally:
        shelf.close()


def block(pattern: int, count: int = blocktrees.BLOCK_BYTES, at: int = 0) -> bytes:
    """A block with a pattern somewhere, else zeros."""
    data = bytearray(blocktrees.BLOCK_BYTES)
    data[at : at + count] = bytes([pattern]) * count
    return bytes(data)


async def test_a_cut_is_brought_to_the_byte(bench: Bench) -> None:
    volume = bench.volume()
    bench.write(volume, "write -P 7 0 256k", "write -P 9 900M 4k", "write -P 5 1023M 1M")
    snapshot = bench.cut(volume)
    bench.write(volume, "write -P 1 0 4k")
    record = bench.seen_of(snapshot)
    assert (snapshotstates.of(record), snapshotstates.progress(record)) == ("pending", "0%")
    async with bench.agent():
        done = await bench.completed(snapshot)
    assert snapshotstates.of(bench.seen_of(snapshot)) == "completed"
    assert (done.cut, done.host_id) == (0, ""), "the cut may go"
    assert done.content is not None
    assert done.content.full_bytes == 11 * blocktrees.BLOCK_BYTES
    last = 1023 * MIB // blocktrees.BLOCK_BYTES
    assert tree(bench, done.content) == {
        0: block(7),
        1: block(7),
        900 * MIB // blocktrees.BLOCK_BYTES: block(9, 4096),
        **{last + n: block(5) for n in range(8)},
    }


async def test_the_next_one_sends_what_changed(bench: Bench) -> None:
    volume = bench.volume()
    bench.write(volume, *(f"write -P {n + 1} {n}M 1M" for n in range(100)))
    first = bench.cut(volume)
    bench.write(volume, "write -P 77 50M 128k", "write -z 10M 128k")
    second = bench.cut(volume)
    bench.write(volume, "write -P 78 700M 4k")
    third = bench.cut(volume)
    async with bench.agent():
        one, two, three = [await bench.completed(id) for id in (first, second, third)]
    assert one.content
    assert two.content
    assert three.content
    before, after = tree(bench, one.content), tree(bench, two.content)
    changed = {index for index in before if after.get(index) != before[index]}
    assert changed == {10 * 8, 50 * 8}
    assert after[50 * 8] == block(77)
    assert 10 * 8 not in after, "zeros are no block"
    assert tree(bench, three.content) == {**after, 700 * 8: block(78, 4096)}
    full = [it.content.full_bytes // blocktrees.BLOCK_BYTES for it in (one, two, three)]
    assert full == [800, 799, 800]
    seen = bench.seen_of(second).seen
    assert seen is not None
    assert seen.total_bytes == 2 * blocktrees.BLOCK_BYTES, "nothing else was looked at"


async def test_what_lies_on_a_base_is_told_from_it_after_merges(bench: Bench) -> None:
    """The base stays one when its own layers are merged down, and falls with its snapshot."""
    volume = bench.volume()
    bench.write(volume, "write -P 1 0 1M")
    snapshot = bench.cut(volume)
    async with bench.agent():
        await bench.completed(snapshot)
        await bench.wait(lambda: _base(bench, volume) == (snapshot, 1))
        ids = [snapshot]
        bench.stand.cloud.client("ec2").delete_snapshot(SnapshotId=ids[0])
        await bench.wait(lambda: _base(bench, volume) is None)


def _base(bench: Bench, volume_id: str) -> tuple[str, int] | None:
    volume = bench.stand.cloud.store.view.get(records.VOLUME, volume_id)
    assert volume is not None
    base = volume.doc.base
    return None if base is None else (base.snapshot_id, base.cut)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
