"""A real QEMU that reads a volume through the block server, and fills it beside its guest."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.kit import process
from mallee.model.storage.volumes import Limits, VolumeWanted
from mallee.node.do.storage import grounds, layers, volumes
from mallee.node.plan.guests.disks import Disk
from mallee.node.plan.guests.seen import DomainState
from tests.node.do.guests import test_hypervisor
from tests.node.do.guests.test_hypervisor import UUID, Stand
from tests.node.nbd.blocks import Memory, disk_bytes, serving_blocks

pytestmark = pytest.mark.host

ID = "vol-0123456789abcdef0"
WITHIN_S = 240.0
SLOW, FAST = 1, 1000


@pytest.fixture
def stand(root_dir: Path) -> Iterator[Stand]:
    yield from test_hypervisor.make_real(root_dir)


def wait_until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_a_guests_volume_is_filled_gives_way_to_all_else_and_survives_a_kill(
    stand: Stand,
) -> None:
    memory, data = Memory(), disk_bytes(1, 400)
    wanted = VolumeWanted(id=ID, size_gib=1, content=memory.put(data))
    volumes.make(stand.layout, wanted)
    directory = volumes.directory_of(stand.layout, ID)
    disk = Disk(ID, layers.path_of(directory, 1), 1)
    stand.run_guest()

    def fill(disk: Disk, mib_per_s: int, *, may_begin: bool = True) -> bool:
        return stand.hypervisor.fill_disk(UUID, disk, mib_per_s, may_begin=may_begin)

    with serving_blocks(stand.layout, memory):
        stand.hypervisor.attach_disk(UUID, disk, Limits())
        assert not fill(disk, SLOW, may_begin=False)
        assert not fill(disk, SLOW, may_begin=False)
        assert not fill(disk, SLOW)
        assert fill(disk, SLOW)
        wait_until(lambda: len(memory.got) > 8)
        # Each of these is refused by QEMU while it fills.
        stand.hypervisor.resize_disk(UUID, disk.target, 2 << 30)
        assert not fill(disk, SLOW)
        second = layers.prepare_cut(directory, 1)
        stand.hypervisor.cut_disks(UUID, {disk: second}, {})
    # The server is away, and QEMU waits for it.
    above = Disk(ID, second, 1)
    assert not fill(above, FAST)
    with serving_blocks(stand.layout, memory):
        wait_until(lambda: fill(above, FAST) and grounds.is_whole(directory, 2))
    assert [layer.number for layer in layers.chain(directory, 2)] == [2]
    # Its guest has never synced: what QEMU itself holds in its memory is gone with it.
    stand.crash()
    stand.wait(DomainState.OFF)
    copy = stand.layout.root / "copy"
    process.run(("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(second), str(copy)))
    assert copy.stat().st_size == 2 << 30
    with copy.open("rb") as file:
        assert file.read(len(data)) == data
