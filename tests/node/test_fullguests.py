"""A guest whose host's disk is full stands still, which is told, and goes on when there is room.

A real guest under the real libvirt, with its disk in a small file system of its own.
"""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallee.model.compute.instances import Halt, Phase
from mallee.model.layout import Layout
from mallee.node.plan.guests import progress
from tests.node.migrating import pairs

pytestmark = pytest.mark.host

ROOM_MIB, MORE_MIB = 96, 384
WRITE = "dd if=/dev/zero of=/dev/vda bs=1M count=128 conv=fsync && echo wr''itten"


@pytest.fixture
def small(root_dir: Path) -> Iterator[Path]:
    """The root of a host whose instances have a small file system of their own."""
    root_dir.chmod(0o755)
    layout = Layout(root_dir / "small")
    layout.instances.mkdir(parents=True)
    layout.node.chmod(0o711)
    layout.root.chmod(0o755)
    size = f"size={ROOM_MIB}m,mode=711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", layout.instances], check=True)
    yield layout.instances
    subprocess.run(["umount", "--lazy", layout.instances], check=True)


async def test_it_is_told_and_goes_on_when_there_is_room(small: Path, root_dir: Path) -> None:
    async with pairs.host(root_dir, "small") as stand, stand.agent() as agent:
        await stand.want(stand.instance(interface_ids=()))
        await pairs.said(stand, b"here is a shell")
        writing = asyncio.create_task(pairs.tell(stand, WRITE, b"written"))
        seen = await stand.wait(1, lambda seen: seen.halted is not None)
        assert seen.halted is not None
        assert (seen.phase, seen.halted.by) == (Phase.RUNNING, Halt.NO_ROOM)
        assert [it for it in agent.problems if f"no room below {small}" in it]
        # It is resumed meanwhile, and stands again: that is one and the same standstill.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * progress.GOES_ON_AFTER_S):
                await stand.wait(1, lambda now: now.halted != seen.halted)
        assert not writing.done()
        more = f"remount,size={MORE_MIB}m"
        subprocess.run(["mount", "-o", more, small], check=True)
        await writing
        await stand.wait(1, lambda now: now.halted is None)
        assert agent.problems == ()
        assert (await stand.wait_phase(Phase.RUNNING)).restarts == 0
