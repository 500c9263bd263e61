"""Used volumes that go from one host to another: whole or not at all, and to nobody else."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import process
from mallee.model.layout import Layout
from mallee.model.storage.volumes import Phase
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Hello, Place
from mallee.node.do.storage import layers, volumes
from mallee.node.volumes import arrivals, departures
from tests.node.volumes.pairs import (
    HELLO,
    ID,
    MOVE,
    NEW,
    OTHER_MOVE,
    THIRD,
    authority,
    cause_of,
    face,
    fill,
    has,
    has_come,
    hosts,
    slice_of,
    volume,
    wait_let_go,
    wait_volume,
    wait_written,
    write,
)


async def test_a_used_volume_goes_with_its_layers(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        fill(both.old)
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        # It is no volume of the new host before the cloud says so.
        assert ID not in volumes.there(both.new.layout)
        await both.own()
        assert has(both.new, 11, "0", "1M")
        assert has(both.new, 13, "1M", "1M")
        assert has(both.new, 12, "512M", "1M")
        assert layers.numbers(volumes.directory_of(both.new.layout, ID)) == [1, 2]
        # What was empty is so still, and takes no room.
        assert layers.taken_bytes(layers.chain(face(both.new).parent, 2)) < 16 << 20
        await both.want(both.old, volume(is_deleted=True))
        await wait_volume(both.old, lambda seen: seen.phase is Phase.GONE)


async def test_whoever_is_killed_goes_on(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        fill(both.old)
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        fresh = arrivals.Arrivals(both.new.layout, lambda: None)
        fresh.settle(slice_of(both.new))
        seen = fresh.seen(ID)
        assert seen is not None
        assert seen.is_whole
    async with both.new.agent():
        await both.own()
        assert has(both.new, 13, "1M", "1M")


async def test_a_copy_for_another_move_is_thrown_away(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        fill(both.old)
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        # Taken back, written, and begun anew.
        await both.want(both.old, volume(is_made=True))
        await wait_let_go(both.old)
        write(both.old, "write -P 14 1M 1M")
        await both.leave(move_id=OTHER_MOVE)
        await both.come(move_id=OTHER_MOVE)
        await wait_volume(both.new, lambda seen: has_come(seen, OTHER_MOVE))
        # The first move's copy is none of the second's, whatever the cloud's slice was before.
        await both.want(both.new, volume(is_made=True, moved_as=MOVE))
        failed = await wait_volume(both.new, lambda seen: seen.cause is not None)
        assert "is missing" in cause_of(failed)
        await both.want(both.new, volume(is_made=True, moved_as=OTHER_MOVE))
        await wait_volume(both.new, lambda seen: seen.phase is Phase.READY)
        assert has(both.new, 14, "1M", "1M")


async def test_what_was_taken_back_is_deleted(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        await both.want(both.new, volume(is_deleted=True))
        await wait_volume(both.new, lambda seen: seen.phase is Phase.GONE)
        assert not list(both.new.layout.volumes.glob(".arriving/*"))
        await both.want(both.old, volume(is_made=True))
        await wait_let_go(both.old)
        write(both.old, "write -P 15 0 1M")
        assert has(both.old, 15, "0", "1M")


async def test_nobody_writes_what_is_copied(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        refused = pytest.raises(process.Failed, match='Failed to get "write" lock')
        with connected(both.new.layout, both.place), refused:
            write(both.old, "write 0 1M")
        await wait_let_go(both.old)
        write(both.old, "write 0 1M")


async def test_what_somebody_writes_is_not_copied(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        # A QEMU that the agent lost sight of.
        argv = ("qemu-io", "-f", "qcow2", "-c", "sleep 60000", str(face(both.old)))
        guest = await asyncio.create_subprocess_exec(*argv)
        try:
            await wait_written(both.old)
            with pytest.raises(ChannelFailed, match="somebody writes it"):
                await asyncio.to_thread(channel.connect, both.new.layout, both.place, HELLO)
        finally:
            guest.kill()
            await guest.wait()
        await both.come()
        await wait_volume(both.new, has_come)


@contextmanager
def connected(layout: Layout, place: Place) -> Generator[channel.Connection]:
    connection = channel.connect(layout, place, HELLO)
    connection.receive(departures.Manifest)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "hello",
    [
        replace(HELLO, word="6" * 32),
        replace(HELLO, move_id=OTHER_MOVE),
        replace(HELLO, id="vol-0123456789abcdef1"),
        replace(HELLO, id="../../etc"),
        replace(HELLO, what="anything"),
    ],
)
async def test_a_forged_pass_gets_nothing(root_dir: Path, hello: Hello) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        with pytest.raises(ChannelFailed, match="refuses"):
            await asyncio.to_thread(channel.connect, both.new.layout, both.place, hello)


async def test_a_pass_is_of_one_host(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        thief = Layout(root_dir / "third")
        both.cloud.certify(thief, THIRD)
        with pytest.raises(ChannelFailed, match="no such volume goes to this host"):
            await asyncio.to_thread(channel.connect, thief, both.place, HELLO)


async def test_what_does_not_leave_is_refused(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        with pytest.raises(ChannelFailed, match="no such volume goes to this host"):
            await asyncio.to_thread(channel.connect, both.new.layout, both.place, HELLO)


async def test_strangers_are_not_heard(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        # The right name, and another cloud's signature.
        stranger = Layout(root_dir / "stranger")
        authority().certify(stranger, NEW)
        stranger.host_authority.write_bytes(both.cloud.authority.certificate_pem)
        with pytest.raises(ChannelFailed):
            await asyncio.to_thread(channel.connect, stranger, both.place, HELLO)


async def test_nobody_poses_as_another_host(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        both.cloud.certify(both.old.layout, THIRD)
        await both.leave()
        with pytest.raises(ChannelFailed, match="Hostname mismatch"):
            await asyncio.to_thread(channel.connect, both.new.layout, both.place, HELLO)


async def test_a_layer_that_names_foreign_files_is_refused(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        order = ("qemu-img", "rebase", "-u", "-F", "raw", "-b", "/etc/shadow", str(face(both.old)))
        process.run(order)
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        # What the lowest layer lies on is for the new host to say, and it says: nothing.
        await both.want(both.new, volume(is_made=True, moved_as=MOVE))
        failed = await wait_volume(both.new, lambda seen: seen.cause is not None)
        assert "knows nothing of" in cause_of(failed)
        assert ID not in volumes.there(both.new.layout)


async def test_the_form_of_what_a_layer_lies_on_is_the_new_hosts_to_say(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        image = both.new.disk
        # A file whose inside its owner chose, and which other hosts call something else.
        lies = both.new.layout.node_images / image.sha256
        order = ("qemu-img", "rebase", "-u", "-F", "raw", "-b", str(lies), str(face(both.old)))
        process.run(order)
        await both.leave()
        await both.come()
        await wait_volume(both.new, has_come)
        lies.parent.mkdir(exist_ok=True)
        lies.write_bytes(b"")
        owned = volume(is_made=True, moved_as=MOVE, blob=image)
        arrivals.adopt(both.new.layout, owned, None)
        below = layers.read(volumes.directory_of(both.new.layout, ID), 1)
        assert (below.ground, below.ground_form) == (str(lies), image.format)
