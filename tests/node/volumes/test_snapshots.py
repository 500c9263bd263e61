"""Snapshots on a host: cuts with a guest and without, merges, what is left of deleted volumes."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mallee.kit import process
from mallee.model.storage.snapshots import CutAsked, CutsMade, Layered
from mallee.model.storage.volumes import Phase as VolumePhase
from mallee.model.storage.volumes import VolumeSeen, VolumeWanted
from mallee.node import reconcile
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.storage import cuts, layers, volumes
from mallee.node.volumes import giving, layeredvolumes, volumeworks
from tests.node.stands import WITHIN_S, Stand
from tests.node.volumes import test_volumes
from tests.node.volumes.test_volumes import ID, OTHER, has, is_ready, volume, wait_volume, want

ASKED_AT = 1000.0
SNAPS = [f"snap-{n:017x}" for n in range(3)]
stand = test_volumes.stand


async def cut(agent: reconcile.Reconciler, **snapshots: str) -> dict[str, int]:
    """Have volumes cut, named `one` and `other`; return the layers by snapshot."""
    named = {{"one": ID, "other": OTHER}[name]: id for name, id in snapshots.items()}
    detail = msgspec.json.encode(CutAsked(named, ASKED_AT)).decode()
    made = msgspec.json.decode(await agent.volumes.cut(detail), type=CutsMade)
    return {cut.snapshot_id: cut.number for cut in made.cuts.values()}


def layered(stand: Stand, id: str = ID) -> list[int]:
    return layers.numbers(volumes.directory_of(stand.layout, id))


def write(stand: Stand, number: int, pattern: int, id: str = ID) -> None:
    path = layers.path_of(volumes.directory_of(stand.layout, id), number)
    process.run(("qemu-io", "-f", "qcow2", "-c", f"write -P {pattern} {pattern}M 4k", str(path)))


def reads(stand: Stand, number: int, pattern: int, id: str = ID) -> bool:
    """Whether a layer, with those below it, has what `write` wrote."""
    path = layers.path_of(volumes.directory_of(stand.layout, id), number)
    command = f"read -P {pattern} {pattern}M 4k"
    words = ("qemu-io", "-U", "-r", "-f", "qcow2", "-c", command, str(path))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Pattern verification failed" in done.stdout
    return done.returncode == 0


async def wait_layers(agent: reconcile.Reconciler, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not is_so():
            agent.volumes.poke()
            await asyncio.sleep(0.02)


def deleted(**changes: object) -> VolumeWanted:
    """A volume that was there and shall be gone."""
    return msgspec.structs.replace(volume(is_deleted=True, is_made=True), **changes)


def is_loose(*ids: str) -> Callable[[VolumeSeen], bool]:
    return lambda seen: seen.loose_cuts == dict.fromkeys(ids, ASKED_AT)


async def test_a_volume_that_no_guest_has_is_cut(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        write(stand, 1, 1)
        assert await cut(agent, one=SNAPS[0]) == {SNAPS[0]: 1}
        write(stand, 2, 2)
        assert reads(stand, 2, 1)
        assert not reads(stand, 1, 2)


async def test_a_guests_volumes_are_cut_at_once_and_it_writes_on(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), volume(OTHER), slots={ID: 1, OTHER: 2})
        await stand.wait(1, has(ID, OTHER))
        assert await cut(agent, one=SNAPS[0], other=SNAPS[1]) == {SNAPS[0]: 1, SNAPS[1]: 1}
        seen = stand.hypervisor.read(test_volumes.UUID)
        assert {disk.path.name for disk in seen.disks} == {"2.qcow2"}
        # It is asked for the same volumes still, and is given none of them a second time.
        await want(stand, volume(), volume(OTHER), slots={ID: 1, OTHER: 2})
        await stand.wait(1, has(ID, OTHER))


async def test_a_volume_that_a_guest_is_given_is_cut_when_the_guest_has_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its guest would go on writing what has become the snapshot's."""
    begins, may_begin = asyncio.Event(), threading.Event()
    loop, attach = asyncio.get_running_loop(), stand.hypervisor.attach_disk

    def attach_late(*given: Any) -> None:
        loop.call_soon_threadsafe(begins.set)
        may_begin.wait()
        attach(*given)

    monkeypatch.setattr(stand.hypervisor, "attach_disk", attach_late)
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        await stand.wait(1, has())
        try:
            await want(stand, volume(), slots={ID: 1})
            await begins.wait()
            with monkeypatch.context() as hurried:
                hurried.setattr(giving, "CUT_WAITS_S", 0.0)
                with pytest.raises(HypervisorFailed, match="a guest is being given it"):
                    await cut(agent, one=SNAPS[1])
            cutting = asyncio.ensure_future(cut(agent, one=SNAPS[0]))
        finally:
            may_begin.set()
        assert await cutting == {SNAPS[0]: 1}
        assert [disk.path.name for disk in stand.hypervisor.read(test_volumes.UUID).disks] == [
            "2.qcow2"
        ]


async def test_a_cut_is_kept_until_the_cloud_has_spoken(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        await cut(agent, one=SNAPS[0])
        await wait_volume(agent, is_loose(SNAPS[0]))
    async with stand.agent() as agent:
        await wait_volume(agent, is_loose(SNAPS[0]))
        assert layered(stand) == [1, 2]
        await want(stand, volume(cuts={SNAPS[0]: 1}))
        await wait_volume(agent, is_loose())
        assert layered(stand) == [1, 2]
        assert cuts.read(volumes.directory_of(stand.layout, ID)) == {}


async def test_a_cut_that_nobody_wants_is_merged(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        write(stand, 1, 1)
        await cut(agent, one=SNAPS[0])
        write(stand, 2, 2)
        await want(stand, volume(dropped_cuts=(SNAPS[0],)))
        await wait_volume(agent, is_loose())
        await wait_layers(agent, lambda: layered(stand) == [1])
        assert reads(stand, 1, 1)
        assert reads(stand, 1, 2)


@pytest.mark.parametrize("is_held", [True, False])
async def test_what_a_deleted_snapshot_kept_is_merged(stand: Stand, is_held: bool) -> None:
    slots = {ID: 1} if is_held else {}
    async with stand.agent() as agent:
        await want(stand, volume(), slots=slots)
        await wait_volume(agent, is_ready)
        await stand.wait(1, has(*slots))
        kept: dict[str, int] = {}
        for number, name in enumerate((SNAPS[0], SNAPS[1], SNAPS[2]), 1):
            write(stand, number, number)
            kept |= await cut(agent, one=name)
        write(stand, 4, 4)
        await want(stand, volume(cuts=kept), slots=slots)
        await wait_volume(agent, is_loose())
        assert layered(stand) == [1, 2, 3, 4]
        await want(stand, volume(cuts={SNAPS[2]: 3}), slots=slots)
        await wait_layers(agent, lambda: layered(stand) == [1, 3, 4])
        assert all(reads(stand, 4, pattern) for pattern in range(1, 5))
        assert all(reads(stand, 3, pattern) for pattern in range(1, 4))
        assert not reads(stand, 3, 4)


async def test_a_volume_lies_on_a_snapshot_and_hides_what_it_writes(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        write(stand, 1, 1)
        await cut(agent, one=SNAPS[0])
        write(stand, 2, 2)
        lying = volume(OTHER, size_gib=2, source=Layered(ID, 1))
        await want(stand, volume(cuts={SNAPS[0]: 1}), lying)
        await wait_volume(agent, is_ready, OTHER)
        assert reads(stand, 1, 1, OTHER)
        assert not reads(stand, 1, 2, OTHER)
        write(stand, 1, 3, OTHER)
        assert not reads(stand, 2, 3)
        # The snapshot is gone, the volume not: what it lies on stays as it is.
        await want(stand, volume(), lying)
        await wait_volume(agent, is_loose())
        agent.volumes.poke()
        await wait_layers(agent, lambda: layered(stand) == [1, 2])
        assert reads(stand, 1, 1, OTHER)


async def test_a_deleted_volume_leaves_what_its_snapshots_lie_on(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        write(stand, 1, 1)
        await cut(agent, one=SNAPS[0])
        await want(stand, deleted(cuts={SNAPS[0]: 1}))
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)
        assert layered(stand) == [1]
        lying = volume(OTHER, source=Layered(ID, 1))
        await want(stand, deleted(cuts={SNAPS[0]: 1}), lying)
        await wait_volume(agent, is_ready, OTHER)
        assert reads(stand, 1, 1, OTHER)
        await want(stand, deleted(), lying)
        await wait_volume(agent, is_ready, OTHER)
        assert layered(stand) == [1]
        await want(stand, deleted())
        await wait_layers(agent, lambda: layered(stand) == [])


async def test_a_source_that_is_missing_is_said(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, VolumeWanted(id=OTHER, size_gib=1, source=Layered(ID, 1)))
        seen = await wait_volume(agent, lambda it: it.phase is VolumePhase.FAILED, OTHER)
        assert seen.cause is not None
        assert f"the volume {OTHER} lies on it" in seen.cause.message


async def test_a_cut_that_fails_changes_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))

        def fail(*_: object) -> None:
            raise HypervisorFailed("the guest's QEMU is busy")

        monkeypatch.setattr(stand.hypervisor, "cut_disks", fail)
        with pytest.raises(HypervisorFailed):
            await cut(agent, one=SNAPS[0])
        monkeypatch.undo()
        seen = stand.hypervisor.read(test_volumes.UUID)
        assert {disk.path.name for disk in seen.disks} == {"1.qcow2"}
        await want(stand, volume(dropped_cuts=(SNAPS[0],)), slots={ID: 1})
        await wait_volume(agent, is_loose())
        await wait_layers(agent, lambda: layered(stand) == [1])
        assert await cut(agent, one=SNAPS[1]) == {SNAPS[1]: 1}


async def test_a_long_merge_holds_up_nobody_and_ends_when_its_volume_is_wanted(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never(*_: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with stand.agent() as agent:
        await want(stand, volume(), volume(OTHER))
        await wait_volume(agent, is_ready)
        await cut(agent, one=SNAPS[0])
        monkeypatch.setattr(layeredvolumes, "merge_off", never)
        await want(stand, volume(dropped_cuts=(SNAPS[0],)), volume(OTHER))
        async with asyncio.timeout(WITHIN_S):
            await begun.wait()
            # Another volume is cut, and given to a guest, meanwhile.
            assert await cut(agent, other=SNAPS[1]) == {SNAPS[1]: 1}
            await want(stand, volume(), volume(OTHER), slots={OTHER: 1})
            await stand.wait(1, has(OTHER))
            assert not ended.is_set()
            await want(stand, volume(), volume(OTHER), slots={ID: 2, OTHER: 1})
            await ended.wait()
            await stand.wait(1, has(ID, OTHER))


async def test_a_merge_that_fails_is_tried_again_after_a_while(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full, trying it at every look would be all that the disk is busy with."""
    tries: list[int] = []

    again_s = 0.5
    monkeypatch.setattr(volumeworks, "AGAIN_S", again_s)

    async def fail(_directory: Path, number: int, _key: object) -> None:
        tries.append(number)
        raise OSError("no space left on device")

    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        await cut(agent, one=SNAPS[0])
        with monkeypatch.context() as patched:
            patched.setattr(layeredvolumes, "merge_off", fail)
            await want(stand, volume(dropped_cuts=(SNAPS[0],)))
            await wait_layers(agent, lambda: bool(tries))
            looks, began_at = agent.volumes.rounds, time.monotonic()
            await wait_layers(agent, lambda: agent.volumes.rounds > looks + 5)
            assert len(tries) <= 2 + (time.monotonic() - began_at) / again_s
        await wait_layers(agent, lambda: layered(stand) == [1])


async def test_a_volume_of_too_many_layers_is_not_cut(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layeredvolumes, "LAYERS_MAX", 1)
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        with pytest.raises(HypervisorFailed, match="layers"):
            await cut(agent, one="snap-0000000000000000a")
        assert layered(stand) == [1]
