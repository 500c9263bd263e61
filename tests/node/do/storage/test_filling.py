"""Faces that lie on contents of the block server, or on other volumes' layers, and are filled."""

import asyncio
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.layout import Layout
from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.node.do.storage import filling, grounds, layers
from mallee.node.nbd import contents
from mallee.node.nbd.blockreader import Patience
from tests.node.nbd.blocks import ACCOUNT, Memory, disk_bytes, serving_blocks

ID, OTHER = "vol-0123456789abcdef0", "vol-0123456789abcdef1"
FAST = 10_000


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    root_dir.chmod(0o755)
    layout = Layout(root_dir)
    layout.node.mkdir(mode=0o711)
    layout.volumes.mkdir(mode=0o711)
    return layout


def make(layout: Layout, memory: Memory, data: bytes, size: int) -> Path:
    """A face over a content."""
    directory = layout.volumes / ID
    directory.mkdir(mode=0o711)
    contents.note(directory, memory.put(data))
    return layers.make(directory, 1, layers.Empty(size, grounds.url_of(layout, ID), form="raw"))


def read(path: Path, length: int, tmp_path: Path) -> bytes:
    copy = tmp_path / "copy"
    process.run(("qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw", str(path), str(copy)))
    return copy.read_bytes()[:length]


def write(path: Path, at: int, pattern: int) -> None:
    process.run(("qemu-io", "-f", "qcow2", "-c", f"write -P {pattern} {at} 4k", str(path)))


async def test_a_face_gets_all_that_is_no_hole_and_keeps_what_was_written(
    layout: Layout, tmp_path: Path
) -> None:
    memory, data = Memory(), bytearray(disk_bytes(1, 40))
    path = make(layout, memory, bytes(data), 16 << 20)
    with serving_blocks(layout, memory):
        write(path, 4096, 7)
        data[4096:8192] = bytes([7] * 4096)
        assert not grounds.is_whole(path.parent, 1)
        assert grounds.served(layout, path) == ID
        await filling.fill(path, FAST)
    # The server is gone, and nobody misses it.
    assert grounds.is_whole(path.parent, 1)
    assert not grounds.is_any_layer_on(layout, path.parent)
    assert read(path, len(data), tmp_path) == data
    assert path.stat().st_blocks * 512 < len(data)


async def test_a_large_hole_takes_no_time_and_no_room(layout: Layout) -> None:
    memory, block = Memory(), disk_bytes(2, 1)
    memory.kept[ACCOUNT, blocktrees.name_of(block)] = block
    content = memory.put_tree({5: blocktrees.name_of(block)}, 1 << 40)
    path = make(layout, memory, block, 1 << 40)
    contents.note(path.parent, content)
    with serving_blocks(layout, memory):
        await filling.fill(path, FAST)
    assert grounds.is_whole(path.parent, 1)
    assert path.stat().st_blocks * 512 < 2 << 20


async def test_one_bad_block_hinders_no_other(layout: Layout, tmp_path: Path) -> None:
    memory = Memory()
    data = b"".join(disk_bytes(seed, 1) for seed in range(24))
    path = make(layout, memory, data, 16 << 20)
    name = blocktrees.name_of(data[9 * BLOCK_BYTES : 10 * BLOCK_BYTES])
    good = memory.kept.pop((ACCOUNT, name))
    with serving_blocks(layout, memory, Patience(0.1, 0.02)):
        with pytest.raises(filling.Unfilled):
            await filling.fill(path, FAST)
        assert filling.missing(path) == [(9 * BLOCK_BYTES, BLOCK_BYTES)]
        memory.kept[ACCOUNT, name] = good
        await filling.fill(path, FAST)
    assert read(path, len(data), tmp_path) == data


async def test_it_goes_on_where_it_was_killed(layout: Layout, tmp_path: Path) -> None:
    memory = Memory()
    data = b"".join(disk_bytes(seed, 1) for seed in range(24))
    path = make(layout, memory, data, 16 << 20)
    with serving_blocks(layout, memory):
        doing = asyncio.create_task(filling.fill(path, FAST))
        while not memory.got:
            await asyncio.sleep(0.001)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        assert read(path, len(data), tmp_path) == data
        await filling.fill(path, FAST)
    assert grounds.is_whole(path.parent, 1)
    assert read(path, len(data), tmp_path) == data


def test_what_a_head_names_is_believed_of_volumes_alone(layout: Layout) -> None:
    memory = Memory()
    path = make(layout, memory, disk_bytes(3, 1), 1 << 20)
    other = layout.volumes / OTHER
    layers.make(other, 1, layers.Empty(1 << 20, str(path)))
    above = layers.prepare_cut(other, 1)
    assert grounds.served(layout, above) == ID
    for ground in ("/etc/passwd", str(layout.root / "x.qcow2"), "nbd+unix:///vol-2?socket=/x"):
        layers.path_of(other, 1).unlink()
        layers.make(other, 1, layers.Empty(1 << 20, ground))
        assert grounds.served(layout, above) is None
