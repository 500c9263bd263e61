"""The block server, read by QEMU and by our own client: what it gives, keeps, says of faults."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mallee.kit.nbd import client, wire
from mallee.model.layout import Layout
from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.snapshots import Content
from mallee.node.nbd import contents
from mallee.node.nbd.blockreader import Patience
from tests.node.nbd.blocks import ACCOUNT, OTHER_ACCOUNT, Memory, disk_bytes, serving_blocks

ID, OTHER = "vol-0123456789abcdef0", "vol-0123456789abcdef1"
WITHIN_S = 120.0
TIB = 1 << 40


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    layout = Layout(root_dir)
    layout.node.mkdir(mode=0o711)
    return layout


def lay(layout: Layout, content: Content, id: str = ID) -> None:
    """Have a volume lie on a content."""
    directory = layout.volumes / id
    directory.mkdir(parents=True, exist_ok=True)
    contents.note(directory, content)


def opened(layout: Layout, id: str = ID) -> client.Client:
    return client.Client(layout.block_socket, id, (wire.BASE_ALLOCATION,))


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.mark.parametrize("tail", [0, 4096])
def test_qemu_reads_what_a_snapshot_has(layout: Layout, tmp_path: Path, tail: int) -> None:
    memory, data = Memory(), disk_bytes(1, 40, tail)
    lay(layout, memory.put(data))
    with serving_blocks(layout, memory):
        url = f"nbd+unix:///{ID}?socket={layout.block_socket}"
        copy = tmp_path / "copy"
        subprocess.run(("qemu-img", "convert", "-O", "raw", url, str(copy)), check=True)
    assert copy.read_bytes() == data
    # Nothing was got twice, and of the holes nothing.
    assert len(memory.got) == len(set(memory.got)) == len(memory.kept)


def test_holes_cost_nothing_whatever_the_size(layout: Layout) -> None:
    memory = Memory()
    block = disk_bytes(2, 1)
    memory.kept[ACCOUNT, blocktrees.name_of(block)] = block
    place = TIB // BLOCK_BYTES - 3
    lay(layout, memory.put_tree({place: blocktrees.name_of(block)}, TIB))
    with serving_blocks(layout, memory), opened(layout) as disk:
        assert disk.size_bytes == TIB
        assert disk.read(TIB // 2, 4096) == bytes(4096)
        assert disk.read(place * BLOCK_BYTES, BLOCK_BYTES) == block
        found = list(disk.extents(wire.BASE_ALLOCATION))
    data = [(one.offset, one.length) for one in found if not one.flags & wire.STATE_HOLE]
    assert data == [(place * BLOCK_BYTES, BLOCK_BYTES)]
    assert sum(one.length for one in found) == TIB
    # A root, a page, a block.
    assert len(memory.got) == 3


def test_what_was_read_once_is_read_from_the_host(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(3, 8)
    content = memory.put(data)
    lay(layout, content)
    lay(layout, content, OTHER)
    lay(layout, memory.put(data, OTHER_ACCOUNT), "vol-2")
    for id in (ID, OTHER):
        with serving_blocks(layout, memory), opened(layout, id) as disk:
            assert disk.read(0, len(data)) == data
    assert len(memory.got) == len(set(memory.got))
    # Another account's equal blocks are not given from them: nobody learns that they are there.
    with serving_blocks(layout, memory), opened(layout, "vol-2") as disk:
        assert disk.read(0, len(data)) == data
    assert len(memory.got) == 2 * len(set(memory.got))


def test_a_block_that_rotted_in_the_cache_is_got_again(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(4, 2)
    lay(layout, memory.put(data))
    with serving_blocks(layout, memory), opened(layout) as disk:
        assert disk.read(0, len(data)) == data
    for path in layout.block_cache.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\1rotten")
    with serving_blocks(layout, memory), opened(layout) as disk:
        assert disk.read(0, len(data)) == data
    assert all(
        path.read_bytes() != b"\1rotten" for path in layout.block_cache.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_bad_block_is_an_error_of_itself_alone_and_is_named(layout: Layout, damage: str) -> None:
    memory = Memory()
    data = b"".join(disk_bytes(seed, 1) for seed in range(3))
    lay(layout, memory.put(data))
    name = blocktrees.name_of(data[BLOCK_BYTES : 2 * BLOCK_BYTES])
    good = memory.kept.pop((ACCOUNT, name))
    if damage == "damaged":
        memory.kept[ACCOUNT, name] = bytes(reversed(good))
    with serving_blocks(layout, memory) as troubles:
        with opened(layout) as disk:
            assert disk.read(0, BLOCK_BYTES) == data[:BLOCK_BYTES]
            with pytest.raises(client.Refused, match="error 5"):
                disk.read(BLOCK_BYTES + 4096, 4096)
            assert disk.read(2 * BLOCK_BYTES, BLOCK_BYTES) == data[2 * BLOCK_BYTES :]
            wait_until(lambda: list(troubles().get(ID, {})) == [1])
            assert name.hex() in troubles()[ID][1]
            # It is put right, and said so.
            memory.kept[ACCOUNT, name] = good
            assert disk.read(BLOCK_BYTES, BLOCK_BYTES) == good
        wait_until(lambda: troubles() == {})


def test_readers_wait_for_a_store_that_is_away(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(5, 2)
    lay(layout, memory.put(data))
    memory.is_away.set()
    with serving_blocks(layout, memory), opened(layout) as disk:
        back = threading.Timer(0.2, memory.is_away.clear)
        back.start()
        assert disk.read(0, len(data)) == data
        back.join()


def test_they_do_not_wait_for_ever(layout: Layout) -> None:
    memory, data = Memory(), disk_bytes(6, 2)
    lay(layout, memory.put(data))
    memory.is_away.set()
    with serving_blocks(layout, memory, Patience(0.1, 0.02)), opened(layout) as disk:
        with pytest.raises(client.Refused, match="error 5"):
            disk.read(0, 4096)
        memory.is_away.clear()
        assert disk.read(0, len(data)) == data


def test_a_root_of_another_size_is_not_served(layout: Layout) -> None:
    memory = Memory()
    content = memory.put(disk_bytes(7, 2))
    wrong = Content(account=ACCOUNT, root=content.root, size_bytes=BLOCK_BYTES)
    lay(layout, wrong)
    refused = pytest.raises(client.Refused, match="error 5")
    with serving_blocks(layout, memory), opened(layout) as disk, refused:
        disk.read(0, 4096)


def test_only_volumes_that_lie_on_contents_are_served(layout: Layout) -> None:
    memory = Memory()
    lay(layout, memory.put(disk_bytes(8, 1)))
    with serving_blocks(layout, memory):
        for name in (OTHER, "", ".", f"../volumes/{ID}", f"{ID}/"):
            with pytest.raises(client.Refused):
                client.Client(layout.block_socket, name)
        contents.forget(layout.volumes / ID)
        with pytest.raises(client.Refused):
            client.Client(layout.block_socket, ID)


def test_the_server_is_next_to_nothing_until_it_is_asked_and_ends_when_told(
    layout: Layout,
) -> None:
    command = (sys.executable, "-m", "mallee.node.nbd.daemon", "--root", str(layout.root))
    layout.log.mkdir()
    with subprocess.Popen(command) as idle:
        wait_until(layout.block_socket.exists)
        loaded = Path(f"/proc/{idle.pid}/maps").read_text()
        assert "_ssl" not in loaded
        idle.terminate()
    assert idle.returncode == 0
    with subprocess.Popen(command) as busy:
        # Another process has the place of the first at once, and answers.
        wait_until(lambda: _answers(layout))
        busy.terminate()
    assert busy.returncode == 0


def test_the_server_ends_when_told_while_it_loads_what_it_serves_with(layout: Layout) -> None:
    command = (sys.executable, "-m", "mallee.node.nbd.daemon", "--root", str(layout.root))
    layout.log.mkdir()
    with subprocess.Popen(command) as waked, socket.socket(socket.AF_UNIX) as asking:
        try:
            wait_until(layout.block_socket.exists)
            asking.connect(str(layout.block_socket))
            wait_until(lambda: "_ssl" in Path(f"/proc/{waked.pid}/maps").read_text())
            waked.terminate()
            assert waked.wait(WITHIN_S) == 0
        finally:
            waked.kill()


def _answers(layout: Layout) -> bool:
    try:
        client.Client(layout.block_socket, ID)
    except client.Refused:
        return True
    except OSError:
        return False
    return False


def test_whoever_reads_in_order_finds_it_there(layout: Layout) -> None:
    memory = Memory()
    data = b"".join(disk_bytes(seed, 1) for seed in range(12))
    lay(layout, memory.put(data))
    with serving_blocks(layout, memory), opened(layout) as disk:
        disk.read(0, 4096)
        disk.read(4096, 4096)
        wait_until(lambda: len(memory.got) == len(memory.kept))
