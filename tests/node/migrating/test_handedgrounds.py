"""A volume of a snapshot that is not filled yet is handed over with its guest.

Both hosts call their block server by one path, as hosts with one root do.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from mallee.model.compute.instances import Phase
from mallee.model.layout import Layout
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.snapshots import CutAsked
from mallee.node.do.storage import grounds, layers, volumes
from mallee.node.nbd import contents
from mallee.node.volumes import volumes as keeper
from tests.node.migrating import pairs
from tests.node.migrating.pairs import Pair
from tests.node.nbd.blocks import Memory, disk_bytes, serving_blocks
from tests.node.stands import Stand

pytestmark = pytest.mark.host

SNAPSHOT = "snap-0123456789abcdef0"


@dataclass(frozen=True, slots=True)
class Alike(Layout):
    """Of a host that calls its block server as another one calls its own."""

    socket: Path = Path()

    @property
    def block_socket(self) -> Path:
        return self.socket


def directory(stand: Stand) -> Path:
    return volumes.directory_of(stand.layout, pairs.VOLUME)


async def test_what_is_not_filled_is_handed_over_and_filled_there(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, share, served = Memory(), root_dir / "share", contextlib.ExitStack()
    share.mkdir()
    content = memory.put(b"first\n".ljust(BLOCK_BYTES, b".") + disk_bytes(3, 8))

    def begin(both: Pair) -> None:
        for stand in (both.old, both.new):
            before = stand.layout
            stand.layout = Alike(before.root, before.placed, root_dir / "blocks.sock")
            stand.layout.root.chmod(0o755)
            stand.layout.node.chmod(0o711)
        served.enter_context(serving_blocks(both.old.layout, memory))

    # It would be filled before anybody could have the guest go.
    monkeypatch.setattr(keeper, "FILLS_MAX", 0)
    async with pairs.running(root_dir, (share, share), begin, content=content) as both:
        with served:
            await pairs.learn(both.old)
            asked = CutAsked({pairs.VOLUME: SNAPSHOT}, asked_at=1.0)
            await pairs.agent_of(both.old).volumes.cut(msgspec.json.encode(asked).decode())
            both.made = both.volume(cuts={SNAPSHOT: 1})
            await pairs.read(both.old, "first")
            files = [path.stat().st_ino for path in sorted(directory(both.old).glob("*.qcow2"))]
            await both.go()
            await pairs.wait_migration(both.old, lambda said: said.is_given)
            await pairs.wait_migration(both.new, lambda said: bool(said.proof))
            there = sorted(directory(both.new).glob("*.qcow2"))
            assert [path.stat().st_ino for path in there] == files
            url = grounds.url_of(both.new.layout, pairs.VOLUME)
            assert layers.read_file(there[0]).ground == url
            assert contents.read(directory(both.new)) == content
            await pairs.tell(both.new, "echo it-$secret", b"it-remembered")
            await pairs.read(both.new, "first")
        monkeypatch.undo()
        with serving_blocks(both.new.layout, memory):
            both.made = both.volume(cuts={}, content=content)
            await both.hand_over()
            assert (await both.new.wait_phase(Phase.RUNNING)).restarts == 0
            async with asyncio.timeout(pairs.WITHIN_S):
                while not is_whole(both.new):
                    pairs.agent_of(both.new).volumes.poke()
                    await asyncio.sleep(0.05)
        # It needs nobody any more.
        await pairs.read(both.new, "first")
        await pairs.write(both.new, "second")
        await pairs.read(both.new, "second")


def is_whole(stand: Stand) -> bool:
    face = layers.face(directory(stand))
    return face is not None and grounds.is_whole(directory(stand), face)
