"""Snapshots that stay on a host: brought by themselves, read without the store, looked after."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit.nbd import client
from mallee.model.layout import Layout
from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.fastrestores import PinSeen, PinWanted
from mallee.model.storage.snapshots import Content
from mallee.node.nbd import blockcache, contents, pinning, pins
from mallee.node.nbd.blockreader import Patience
from tests.node.nbd.blocks import ACCOUNT, Memory, disk_bytes, serving_blocks

ID, SNAPSHOT, OTHER = "vol-0123456789abcdef0", "snap-1", "snap-2"
WITHIN_S = 60.0
SHORT = Patience(0.1, 0.02)


@pytest.fixture
def layout(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr(pinning, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(pinning, "AGAIN_AFTER_S", 0.05)
    layout = Layout(root_dir)
    layout.node.mkdir(mode=0o711)
    return layout


def want(layout: Layout, *contents: Content) -> None:
    wanted = (
        PinWanted(snapshot_id=id, content=one)
        for id, one in zip((SNAPSHOT, OTHER), contents, strict=False)
    )
    pins.write_wanted(layout, tuple(wanted))


def seen(layout: Layout, id: str = SNAPSHOT) -> PinSeen:
    return pins.read_seen(layout).get(id, PinSeen(root=""))


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def read(layout: Layout, content: Content, length: int) -> bytes:
    directory = layout.volumes / ID
    directory.mkdir(parents=True, exist_ok=True)
    contents.note(directory, content)
    with client.Client(layout.block_socket, ID) as disk:
        return disk.read(0, length)


def test_all_of_it_is_there_when_the_store_is_not(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(1, 40, 4096)
    content = memory.put(data)
    want(layout, content)
    with serving_blocks(layout, memory, SHORT):
        wait_until(lambda: seen(layout).is_whole)
        assert seen(layout) == PinSeen(
            root=content.root, done_bytes=content.size_bytes, is_whole=True
        )
        memory.is_away.set()
        assert read(layout, content, len(data)) == data
    assert sorted(memory.got) == sorted(name for _, name in memory.kept)
    # Another process knows what it has, and asks nobody for it.
    with serving_blocks(layout, memory, SHORT):
        wait_until(lambda: seen(layout).is_whole)
        assert read(layout, content, len(data)) == data


def test_it_waits_for_a_store_that_is_away(layout: Layout) -> None:
    memory = Memory()
    memory.is_away.set()
    want(layout, memory.put(disk_bytes(2, 3)))
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).cause is not None)
        assert not seen(layout).is_whole
        memory.is_away.clear()
        wait_until(lambda: seen(layout).is_whole)
    assert seen(layout).cause is None


def test_what_has_no_room_is_said_and_another_gets_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blockcache, "BYTES_MAX", 12 * BLOCK_BYTES)
    memory = Memory()
    large = memory.put(b"".join(disk_bytes(seed, 1) for seed in range(10)))
    small = memory.put(disk_bytes(20, 1))
    want(layout, large, small)
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout, OTHER).is_whole)
        wait_until(lambda: seen(layout).cause is not None)
    found = seen(layout).cause
    assert found is not None
    assert (found.code, "fast restores" in found.message) == ("Server.InsufficientCapacity", True)


def test_a_lost_block_is_brought_again(layout: Layout) -> None:
    memory, data = Memory(), b"".join(disk_bytes(seed, 1) for seed in range(3))
    content = memory.put(data)
    want(layout, content)
    name = blocktrees.name_of(data[:BLOCK_BYTES]).hex()
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).is_whole)
        path = layout.block_cache / ACCOUNT / name[:2] / name
        path.unlink()
        assert read(layout, content, len(data)) == data
        wait_until(path.exists)
        wait_until(lambda: seen(layout).is_whole)


def test_sealed_blocks_are_kept_as_they_are(layout: Layout) -> None:
    memory, block = Memory(), disk_bytes(4, 1)
    name = bytes(reversed(blocktrees.name_of(block)))
    memory.kept[ACCOUNT, name] = block
    memory.sealed.add(name)
    content = replace(memory.put_tree({0: name}, BLOCK_BYTES), key_id="key-1")
    want(layout, content)
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).is_whole)
    kept = layout.block_cache / ACCOUNT / name.hex()[:2] / name.hex()
    assert kept.read_bytes() == block


def test_what_is_damaged_is_said_and_what_is_let_go_is_forgotten(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(5, 1)
    content = memory.put(data)
    del memory.kept[ACCOUNT, blocktrees.name_of(data)]
    want(layout, content)
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).cause is not None)
        want(layout)
        wait_until(lambda: pins.read_seen(layout) == {})
    assert not layout.pins.exists()


def test_what_was_said_of_it_before_it_was_let_go_is_not_believed(layout: Layout) -> None:
    memory = Memory()
    content = memory.put(disk_bytes(6, 2))
    want(layout, content)
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).is_whole)
    want(layout)
    assert seen(layout).is_whole, "nobody was there to take it back"
    want(layout, content)
    assert not seen(layout).is_whole
    with serving_blocks(layout, memory):
        wait_until(lambda: seen(layout).is_whole)
