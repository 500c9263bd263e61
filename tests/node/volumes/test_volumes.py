"""Volumes on a host, with real files: made, plugged, limited, enlarged, let go, deleted, kept."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.compute.instances import InstanceSeen, Phase, Power
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.storage.volumes import DiskWanted, Limits, VolumeSeen, VolumeWanted
from mallee.model.storage.volumes import Phase as VolumePhase
from mallee.node import reconcile
from mallee.node.do.storage import disks, volumes
from mallee.node.plan.guests import domain
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.stands import WITHIN_S, Blobs, Stand, blob_of

ID = "vol-0123456789abcdef0"
OTHER = "vol-0123456789abcdef1"
UUID = domain.uuid_of(wants.make_instance().id)


@pytest.fixture
def stand(root_dir: Path) -> Stand:
    layout = Layout(root_dir)
    layout.node.mkdir()
    base = root_dir / "base.qcow2"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(base), "1M"))
    disk, kernel = blob_of(base.read_bytes(), "qcow2"), blob_of(b"a kernel", "kernel")
    blobs = Blobs({disk.sha256: base.read_bytes(), kernel.sha256: b"a kernel"})
    boot = DirectBoot(kernel, None, "console=ttyS0")
    return Stand(layout, FakeHypervisor(layout.tag), FakeNetwork(layout), blobs, disk, boot)


def volume(id: str = ID, **changes: object) -> VolumeWanted:
    return replace(VolumeWanted(id=id, size_gib=1, limits=Limits(100, 0, 10)), **changes)


async def want(stand: Stand, *wanted: VolumeWanted, slots: dict[str, int] | None = None) -> None:
    """Want these volumes, and of them those in `slots` in the one guest."""
    assert stand.reconciler is not None
    stand.generation += 1
    plugged = tuple(DiskWanted(id, slot) for id, slot in (slots or {}).items())
    host = wants.make_host(stand.generation, stand.instance(disks=plugged))
    assert await stand.reconciler.want(replace(host, volumes=wanted))


async def wait_volume(
    agent: reconcile.Reconciler, is_so: Callable[[VolumeSeen], bool], id: str = ID
) -> VolumeSeen:
    async with asyncio.timeout(WITHIN_S):
        while True:
            version = agent.version
            seen = agent.volumes.seen().get(id)
            if seen is not None and is_so(seen):
                return seen
            await agent.wait_changed(version)


def has(*ids: str) -> Callable[[InstanceSeen], bool]:
    return lambda seen: seen.phase is Phase.RUNNING and seen.volume_ids == ids


def path(stand: Stand, id: str = ID) -> Path:
    return volumes.path_of(stand.layout, id, is_shared=False)


def size(layout: Layout, *, is_shared: bool = False) -> int | None:
    return volumes.size_gib(layout, ID, is_shared=is_shared)


def is_ready(seen: VolumeSeen) -> bool:
    return seen.phase is VolumePhase.READY


async def test_the_life_of_a_volume(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        await wait_volume(agent, is_ready)
        await want(stand, volume())
        await stand.wait(1, has())
        assert path(stand).exists()
        await want(stand, volume(is_deleted=True))
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)
        assert volumes.there(stand.layout) == frozenset()


async def test_volumes_sit_where_the_cloud_says(stand: Stand) -> None:
    async with stand.agent():
        await want(stand, volume(), volume(OTHER), slots={ID: 7, OTHER: 1})
        await stand.wait(1, has(ID, OTHER))
    seen = stand.hypervisor.read(UUID)
    assert {disk.volume_id: disk.slot for disk in seen.disks} == {ID: 7, OTHER: 1}


async def test_it_grows_and_is_limited_in_use_and_out_of_it(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume())
        await wait_volume(agent, is_ready)
        await want(stand, volume(size_gib=2))
        await wait_volume(agent, lambda seen: seen.size_gib == 2)
        assert size(stand.layout) == 2
        await want(stand, volume(size_gib=2), slots={ID: 1})
        await stand.wait(1, has(ID))
        slow = volume(size_gib=3, limits=Limits(7, 0, 1))
        await want(stand, slow, slots={ID: 1})
        await wait_volume(agent, lambda seen: seen.size_gib == 3 and is_ready(seen))
        assert list(stand.hypervisor.read(UUID).disks.values()) == [Limits(7, 0, 1)]


async def test_what_a_guest_has_is_not_deleted(stand: Stand) -> None:
    stand.hypervisor.guests_listen = False
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        await want(stand, volume(is_deleted=True))
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.CHANGING)
        assert path(stand).exists()
        stand.hypervisor.guests_listen = True
        await wait_volume(agent, lambda seen: seen.phase is VolumePhase.GONE)


async def test_a_stopped_guest_starts_with_its_volumes(stand: Stand) -> None:
    async with stand.agent():
        await want(stand, volume(), slots={ID: 3})
        await stand.wait(1, has(ID))
        starts = len(stand.hypervisor.starts)
        for power, launch in ((Power.STOPPED, 1), (Power.RUNNING, 2)):
            stand.generation += 1
            guest = stand.instance(disks=(DiskWanted(ID, 3),), power=power, launch=launch)
            host = replace(wants.make_host(stand.generation, guest), volumes=(volume(),))
            assert stand.reconciler is not None
            assert await stand.reconciler.want(host)
            await stand.wait_phase(Phase.OFF if power is Power.STOPPED else Phase.RUNNING)
        assert len(stand.hypervisor.starts) == starts + 1
        # It came with the machine, and was not plugged in afterwards.
        await stand.wait(1, has(ID))


async def test_a_volume_outlives_its_agent(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), slots={ID: 1})
        await stand.wait(1, has(ID))
        was = path(stand).stat().st_ino
    async with stand.agent() as agent:
        await stand.wait(1, has(ID))
        await wait_volume(agent, is_ready)
    assert path(stand).stat().st_ino == was


async def test_a_volume_that_is_missing_is_not_made_anew(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(is_made=True))
        seen = await wait_volume(agent, lambda seen: seen.phase is VolumePhase.FAILED)
        assert seen.cause is not None
        assert "is missing: somebody removed it" in seen.cause.message
        assert not path(stand).exists()


async def test_a_volume_that_nobody_wants_is_kept_and_told(stand: Stand) -> None:
    async with stand.agent() as agent:
        await want(stand, volume(), volume(OTHER))
        await wait_volume(agent, is_ready)
        await want(stand, volume(OTHER))
        async with asyncio.timeout(WITHIN_S):
            while not any(ID in words for words in agent.leftovers):
                agent.poke()
                await asyncio.sleep(0.05)
    assert path(stand).exists()


async def test_no_room_is_said_and_tried_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "FREE_MIN_BYTES", 1 << 60)
    real = disks.check_room
    is_full = True

    def check_room(directory: Path, needed_bytes: int = 1 << 60) -> None:
        real(directory, needed_bytes if is_full else 0)

    monkeypatch.setattr(disks, "check_room", check_room)
    async with stand.agent() as agent:
        await want(stand, volume())
        seen = await wait_volume(agent, lambda seen: seen.phase is VolumePhase.FAILED)
        assert seen.cause is not None
        assert "make room there" in seen.cause.message
        is_full = False
        await wait_volume(agent, is_ready)


def test_a_volume_is_made_whole_or_not_at_all(root_dir: Path) -> None:
    layout = Layout(root_dir)
    directory = volumes.directory_of(layout, ID)
    directory.mkdir(parents=True)
    # Left by an agent that was killed while it made the volume.
    (directory / "layer.part").write_bytes(b"half a volume")
    volumes.make(layout, volume(size_gib=3))
    assert size(layout) == 3
    where = volumes.path_of(layout, ID, is_shared=False)
    inode = where.stat().st_ino
    volumes.make(layout, volume(size_gib=5))
    assert (where.stat().st_ino, size(layout)) == (inode, 3)
    assert [file.name for file in directory.iterdir()] == ["1.qcow2"]
    assert where.stat().st_mode & 0o777 == 0o600


def test_a_shared_volume_is_raw_and_takes_no_room_before_it_is_written(root_dir: Path) -> None:
    layout = Layout(root_dir)
    layout.node.mkdir()
    volumes.make(layout, volume(size_gib=2, is_shared=True))
    assert size(layout, is_shared=True) == 2
    where = volumes.path_of(layout, ID, is_shared=True)
    assert where.stat().st_blocks == 0
    volumes.enlarge(where, 4)
    assert size(layout, is_shared=True) == 4
