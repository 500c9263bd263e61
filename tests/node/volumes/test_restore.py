"""Volumes on a host that lie on contents of the object store: there at once, filled, then alone."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.snapshots import Layered
from mallee.model.storage.volumes import Phase as VolumePhase
from mallee.model.storage.volumes import VolumeSeen
from mallee.node.do.storage import filling, layers, volumes
from mallee.node.nbd import contents
from mallee.node.nbd.blockreader import Patience
from mallee.node.volumes import volumeworks
from tests.node.nbd.blocks import ACCOUNT, Memory, disk_bytes, serving_blocks
from tests.node.stands import WITHIN_S, Stand
from tests.node.volumes import test_volumes
from tests.node.volumes.test_snapshots import SNAPS, cut, deleted, layered
from tests.node.volumes.test_volumes import ID, OTHER, has, is_ready, volume, wait_volume, want

stand = test_volumes.stand


@pytest.fixture(autouse=True)
def _opened(stand: Stand) -> None:
    stand.layout.root.chmod(0o755)
    stand.layout.node.chmod(0o711)


def is_whole(seen: VolumeSeen) -> bool:
    return is_ready(seen) and seen.is_whole


def has_bytes(stand: Stand, data: bytes, id: str = ID) -> bool:
    """Tell what a volume's face begins with, with all that it lies on."""
    face = volumes.path_of(stand.layout, id, is_shared=False)
    command = ("qemu-img", "dd", "-U", "-f", "qcow2", "-O", "raw", "bs=1M", "count=8")
    copy = stand.layout.root / "copy"
    process.run((*command, f"if={face}", f"of={copy}"))
    return copy.read_bytes()[: len(data)] == data


def write(stand: Stand, number: int, at: int, id: str = ID) -> bytes:
    path = layers.path_of(volumes.directory_of(stand.layout, id), number)
    process.run(("qemu-io", "-f", "qcow2", "-c", f"write -P 7 {at} 4k", str(path)))
    return bytes([7]) * 4096


def put_over(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


async def wait_until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("is_held", [False, True])
async def test_it_is_there_at_once_and_needs_nobody_in_the_end(stand: Stand, is_held: bool) -> None:
    memory, data = Memory(), disk_bytes(1, 24)
    wanted = volume(size_gib=2, content=memory.put(data))
    slots = {ID: 1} if is_held else {}
    async with stand.agent() as agent:
        memory.is_away.set()
        with serving_blocks(stand.layout, memory):
            # It is ready though the object store is away: nothing of it is read yet.
            await want(stand, wanted)
            seen = await wait_volume(agent, is_ready)
            assert not seen.is_whole
            assert seen.size_gib == 2
            memory.is_away.clear()
            await want(stand, wanted, slots=slots)
            await stand.wait(1, has(*slots))
            await wait_volume(agent, is_whole)
        assert has_bytes(stand, data)
        # Nor is it served any more.
        assert contents.read(volumes.directory_of(stand.layout, ID)) is None


async def test_a_cut_of_a_volume_that_is_not_filled(stand: Stand) -> None:
    memory, data = Memory(), disk_bytes(2, 24)
    content = memory.put(data)
    async with stand.agent() as agent:
        memory.is_away.set()
        with serving_blocks(stand.layout, memory):
            await want(stand, volume(content=content))
            await wait_volume(agent, is_ready)
            kept = await cut(agent, one=SNAPS[0])
            memory.is_away.clear()
            written = write(stand, 2, BLOCK_BYTES)
            await want(stand, volume(content=content, cuts=kept))
            await wait_volume(agent, lambda seen: not seen.loose_cuts)
            agent.volumes.poke()
            # While the snapshot is a layer of it, it is not filled: it would be there twice.
            await want(stand, volume(content=content, cuts=kept, size_gib=2))
            seen = await wait_volume(agent, lambda seen: seen.size_gib == 2)
            assert not seen.is_whole
            assert layered(stand) == [1, 2]
            await want(stand, volume(content=content, size_gib=2))
            await wait_volume(agent, is_whole)
        assert layered(stand) == [1]
        assert has_bytes(stand, put_over(data, BLOCK_BYTES, written))


async def test_a_volume_on_another_ones_layer_gets_its_own_too(stand: Stand) -> None:
    memory, data = Memory(), disk_bytes(3, 16)
    content = memory.put(data)
    async with stand.agent() as agent:
        with serving_blocks(stand.layout, memory):
            await want(stand, volume(content=content))
            await wait_volume(agent, is_ready)
            kept = await cut(agent, one=SNAPS[0])
            lying = volume(OTHER, size_gib=2, source=Layered(ID, kept[SNAPS[0]]))
            await want(stand, volume(content=content, cuts=kept), lying)
            await wait_volume(agent, is_whole, OTHER)
            assert has_bytes(stand, data, OTHER)
            # What it lay on may go now.
            await want(stand, deleted(), replace(lying, source=None))
            await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)
        assert has_bytes(stand, data, OTHER)


async def test_deleting_ends_what_goes_on(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(filling, "fill", never)
    content = Memory().put(disk_bytes(4, 4))
    async with stand.agent() as agent:
        await want(stand, volume(content=content))
        async with asyncio.timeout(WITHIN_S):
            await begun.wait()
        # Whatever else is wanted of it is done meanwhile.
        await want(stand, volume(content=content, size_gib=3))
        await wait_volume(agent, lambda seen: seen.size_gib == 3)
        await want(stand, deleted(content=content))
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)
        assert volumes.there(stand.layout) == frozenset()


async def test_what_cannot_be_read_is_told_and_forgotten_when_it_can(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volumeworks, "AGAIN_S", 0.1)
    memory = Memory()
    data = b"".join(disk_bytes(seed, 1) for seed in range(6))
    wanted = volume(content=memory.put(data))
    name = blocktrees.name_of(data[3 * BLOCK_BYTES : 4 * BLOCK_BYTES])
    good = memory.kept.pop((ACCOUNT, name))
    async with stand.agent() as agent:
        with serving_blocks(stand.layout, memory, Patience(0.1, 0.02)):
            await want(stand, wanted)
            seen = await wait_volume(agent, lambda seen: seen.cause is not None)
            assert seen.phase is VolumePhase.READY
            assert seen.cause is not None
            assert f"at byte {3 * BLOCK_BYTES}" in seen.cause.message
            assert name.hex() in seen.cause.message
            assert [line for line in agent.problems if ID in line]
            memory.kept[ACCOUNT, name] = good
            seen = await wait_volume(agent, is_whole)
            assert seen.cause is None
        assert has_bytes(stand, data)


async def test_it_goes_on_after_the_agent_was_killed(stand: Stand) -> None:
    memory, data = Memory(), disk_bytes(5, 24)
    wanted = volume(content=memory.put(data))
    with serving_blocks(stand.layout, memory):
        memory.is_away.set()
        async with stand.agent() as agent:
            await want(stand, wanted)
            await wait_volume(agent, is_ready)
        memory.is_away.clear()
        async with stand.agent() as agent:
            await wait_volume(agent, is_whole)
    assert has_bytes(stand, data)


async def test_a_kill_between_note_and_layer_is_made_good(stand: Stand) -> None:
    content = Memory().put(disk_bytes(6, 4))
    directory = volumes.directory_of(stand.layout, ID)
    directory.mkdir(parents=True)
    contents.note(directory, content)
    async with stand.agent() as agent:
        await want(stand, volume(content=content))
        await wait_volume(agent, is_ready)
    assert layered(stand) == [1]
