"""Cuts are brought to the object store: what changed and no more, through any kill, to the byte."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mallee.cloud.ec2.storage import snapshotstates
from mallee.cloud.state import records
from mallee.model.storage import blocktrees
from mallee.model.storage.datakeys import OpenedKey
from mallee.model.storage.sealedblocks import Sealed
from mallee.model.storage.snapshots import Content
from mallee.node.do.storage import layers
from mallee.node.do.storage.blockstore import BlockMissing, Blockstore, StoreAway, StoreFull
from mallee.node.volumes import bringing as one_upload
from mallee.node.volumes import uploads
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
    bench.write(volume, *(f"write -P {n + 1} {n}M 1M" for n in range(20)))
    first = bench.cut(volume)
    bench.write(volume, "write -P 77 15M 128k", "write -z 10M 128k")
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
    assert changed == {10 * 8, 15 * 8}
    assert after[15 * 8] == block(77)
    assert 10 * 8 not in after, "zeros are no block"
    assert tree(bench, three.content) == {**after, 700 * 8: block(78, 4096)}
    full = [it.content.full_bytes // blocktrees.BLOCK_BYTES for it in (one, two, three)]
    assert full == [160, 159, 160]
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


class Killed(Exception):
    """Stands for a kill: nobody catches it."""


class Requests:
    """Counts an agent's requests to the object store, and has some fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fails: Callable[[int, str], Exception | None] = lambda number, method: None
        real = Blockstore._request

        def request(store: Blockstore, method: str, *what: Any) -> Any:
            self.count += 1
            error = self.fails(self.count, method)
            if error is not None and self.count % 2:
                raise error
            answer = real(store, method, *what)
            if error is not None:
                raise error
            return answer

        monkeypatch.setattr(Blockstore, "_request", request)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    monkeypatch.setattr(one_upload, "NOTED_AFTER_S", 0.0)
    monkeypatch.setattr(uploads, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(uploads, "LAST_RETRY_S", 0.02)
    return Requests(monkeypatch)


def is_complete(bench: Bench, snapshot: str) -> bool:
    return bench.seen_of(snapshot).doc.content is not None


async def live(bench: Bench, requests: Requests, snapshot: str, most: int) -> None:
    """Let an agent make so many requests, and kill it at the last."""
    requests.count = 0
    requests.fails = lambda number, _: Killed() if number >= most else None
    async with bench.agent():
        await bench.wait(lambda: requests.count >= most or is_complete(bench, snapshot))


async def test_an_upload_that_is_killed_at_any_request_ends_as_if_it_never_was(
    bench: Bench, requests: Requests
) -> None:
    volume = bench.volume()
    places = (0, 200, 500, 900)
    bench.write(volume, *(f"write -P {n + 1} {at}M 4k" for n, at in enumerate(places)))
    snapshot = bench.cut(volume)
    lives = 0
    while not is_complete(bench, snapshot):
        lives += 1
        assert lives < 40
        await live(bench, requests, snapshot, lives)
    content = bench.seen_of(snapshot).doc.content
    assert content is not None
    requests.fails = lambda number, method: None
    expected = {at * 8: block(n + 1, 4096) for n, at in enumerate(places)}
    assert tree(bench, content) == expected
    assert lives > 3, "it was killed, and went on where it was"


async def test_a_store_that_is_full_or_away_is_waited_for(bench: Bench, requests: Requests) -> None:
    volume = bench.volume()
    bench.write(volume, "write -P 3 0 128k")
    snapshot = bench.cut(volume)
    failure: list[Exception | None] = [StoreFull("the object store has no room")]
    requests.fails = lambda number, method: failure[0]

    def told() -> str:
        return snapshotstates.message(bench.seen_of(snapshot))

    async with bench.agent():
        await bench.wait(lambda: "no room" in told())
        failure[0] = StoreAway("the object store does not answer")
        await bench.wait(lambda: "does not answer" in told())
        assert snapshotstates.of(bench.seen_of(snapshot)) == "pending"
        failure[0] = None
        await bench.completed(snapshot)
    assert told() == ""


async def test_what_the_host_cannot_read_is_an_error_until_it_can(
    bench: Bench, requests: Requests
) -> None:
    volume = bench.volume()
    snapshot = bench.cut(volume)
    path = bench.directory(volume) / "1.qcow2"
    kept = path.read_bytes()
    path.write_bytes(b"nonsense")
    async with bench.agent():
        await bench.wait(lambda: snapshotstates.of(bench.seen_of(snapshot)) == "error")
        assert "1.qcow2" in snapshotstates.message(bench.seen_of(snapshot))
        path.write_bytes(kept)
        await bench.completed(snapshot)


async def test_a_parent_that_has_lost_something_is_healed(
    bench: Bench, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = bench.volume()
    bench.write(volume, "write -P 1 0 128k")
    first = bench.cut(volume)
    bench.write(volume, "write -P 2 10M 128k")
    second = bench.cut(volume)
    real = Blockstore.get_page

    def missing(store: Blockstore, name: bytes) -> bytes:
        raise BlockMissing(f"the block {name.hex()} is damaged")

    async with bench.agent():
        await bench.completed(first)
        monkeypatch.setattr(Blockstore, "get_page", missing)
        done = await bench.completed(second)
    monkeypatch.setattr(Blockstore, "get_page", real)
    assert done.content is not None
    assert tree(bench, done.content) == {0: block(1), 80: block(2)}


async def test_what_is_wanted_no_more_is_not_brought(bench: Bench, requests: Requests) -> None:
    volume = bench.volume()
    bench.write(volume, "write -P 1 0 8M")
    snapshot = bench.cut(volume)
    requests.fails = lambda number, method: StoreAway("it is away")
    async with bench.agent() as agent:
        await bench.wait(lambda: snapshot in agent.seen())
        bench.stand.cloud.client("ec2").delete_snapshot(SnapshotId=snapshot)
        await bench.wait(lambda: not agent.seen())
        notes = bench.layout.node / "uploads"
        await bench.wait(lambda: not list(notes.iterdir()))
        assert agent.seen() == {}


async def test_one_percent_that_changed_is_one_percent_that_is_sent(
    bench: Bench, requests: Requests
) -> None:
    """Five of five hundred blocks, with a page and a root, are less than 1.5 %."""
    volume = bench.volume()
    bench.write(volume, *(f"write -P {n % 250 + 1} {n * 128}k 4k" for n in range(500)))
    bench.write(volume, *(f"write -P {n // 250 + 1} {n * 128 + 4}k 4k" for n in range(500)))
    first = bench.cut(volume)
    bench.write(volume, *(f"write -P 255 {n * 12}M 4k" for n in range(5)))
    second = bench.cut(volume)
    puts: list[str] = []
    async with bench.agent():
        await bench.completed(first)

        def count(number: int, method: str) -> None:
            puts.append(method)

        requests.fails = count
        await bench.completed(second)
    assert puts.count("PUT") <= 500 * 1.5 / 100


async def test_what_is_encrypted_leaves_the_host_sealed(bench: Bench, requests: Requests) -> None:
    key = OpenedKey("0" * 32, os.urandom(32))
    volume = bench.volume(key)
    bench.secrets[volume] = key
    bench.write(volume, "write -P 7 0 128k")
    first = bench.cut(volume)
    bench.write(volume, "write -P 8 10M 4k")
    second = bench.cut(volume)
    del bench.secrets[volume]
    async with bench.agent():
        await bench.wait(lambda: "disabled" in snapshotstates.message(bench.seen_of(first)))
        assert snapshotstates.of(bench.seen_of(first)) == "pending"
        bench.secrets[volume] = key
        one, two = [await bench.completed(id) for id in (first, second)]
    assert one.content is not None
    assert two.content is not None
    assert one.content.key_id == two.content.key_id == key.id
    bench.stand.volume(content=two.content)
    shelf = bench.stand.shelf()
    root = blocktrees.decode(shelf.get_page(bytes.fromhex(two.content.root)))
    names = dict(blocktrees.blocks(root, shelf.get_page))
    sealed = Sealed(key.secret)
    kept = {index: shelf.fetch(name) for index, name in names.items()}
    assert not any(bytes([7]) * 64 in data for data in kept.values())
    opened = {index: sealed.decode(names[index], data) for index, data in kept.items()}
    assert opened == {0: block(7), 80: block(8, 4096)}
    shelf.close()


async def test_what_lies_on_an_image_is_brought_whole(bench: Bench) -> None:
    """A root volume is over an image of the host's cache, of which the store has nothing."""
    image = bench.layout.node / "image.raw"
    with image.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(500 * MIB)
        file.write(block(6))
    image.chmod(0o644)
    volume = bench.stand.volume()
    ground = layers.Empty(1 << 30, str(image), form="raw")
    layers.make(bench.directory(volume), 1, ground)
    bench.write(volume, "write -P 2 0 4k")
    snapshot = bench.cut(volume)
    async with bench.agent():
        done = await bench.completed(snapshot)
    assert done.content is not None
    assert tree(bench, done.content) == {0: block(2, 4096), 500 * 8: block(6)}
