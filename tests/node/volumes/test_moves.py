"""Used volumes that go from one host to another: whole or not at all, and to nobody else."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import pki, process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.network.carried import PeerWanted
from mallee.model.storage.moves import ArrivingWanted, LeavingWanted
from mallee.model.storage.volumes import Phase, VolumeSeen, VolumeWanted
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Hello, Place
from mallee.node.do.storage import disks, layers, volumes
from mallee.node.ledger import Ledger
from mallee.node.volumes import arrivals, departures
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.stands import WITHIN_S, Blobs, Stand, blob_of

ID = "vol-0123456789abcdef0"
MOVE, OTHER_MOVE = "move-0123456789abcdef0", "move-0123456789abcdef1"
OLD, NEW, THIRD = (f"host-0123456789abcdef{n}" for n in range(3))
WORD = "5" * 32
HELLO = Hello(what=departures.WHAT, id=ID, move_id=MOVE, word=WORD)


@dataclass(frozen=True, slots=True)
class Cloud:
    """Who signs."""

    authority: pki.Authority

    def certify(self, layout: Layout, host_id: str) -> None:
        layout.node_pki.mkdir(parents=True, exist_ok=True)
        request = pki.make_request(host_id)
        grant = pki.Grant(name=host_id, now=time.time(), life_s=600, hosts=(host_id,), is_both=True)
        issued = pki.issue(self.authority, request.csr_pem, grant)
        layout.host_certificate.write_bytes(issued + request.key_pem)
        layout.host_authority.write_bytes(self.authority.certificate_pem)


def authority() -> Cloud:
    return Cloud(pki.create_authority("a cloud", time.time()))


def stand_at(root: Path, name: str) -> Stand:
    layout = Layout(root / name)
    layout.node.mkdir(parents=True)
    for one in (layout.root, layout.node):
        one.chmod(0o755)
    base = layout.root / "base.qcow2"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(base), "1M"))
    disk, kernel = blob_of(base.read_bytes(), "qcow2"), blob_of(b"a kernel", "kernel")
    blobs = Blobs({disk.sha256: base.read_bytes(), kernel.sha256: b"a kernel"})
    boot = DirectBoot(kernel, None, "console=ttyS0")
    return Stand(layout, FakeHypervisor(layout.tag), FakeNetwork(layout), blobs, disk, boot)


@dataclass(slots=True)
class Pair:
    """Two hosts of a cloud, and the old one's door."""

    cloud: Cloud
    old: Stand
    new: Stand
    listener: channel.Listener

    async def want(self, stand: Stand, *wanted: VolumeWanted) -> None:
        assert stand.reconciler is not None
        stand.generation += 1
        peers = tuple(PeerWanted(id=id, name=id, address="127.0.0.1") for id in (OLD, NEW))
        host = wants.make_host(stand.generation)
        assert await stand.reconciler.want(replace(host, volumes=wanted, peers=peers))

    async def leave(self, **changes: str) -> None:
        going = LeavingWanted(move_id=MOVE, to_host_id=NEW, word=WORD)
        await self.want(self.old, volume(is_made=True, leaving=replace(going, **changes)))

    async def come(self, **changes: object) -> None:
        coming = ArrivingWanted(move_id=MOVE, from_host_id=OLD, port=self.listener.port, word=WORD)
        await self.want(self.new, volume(is_made=True, arriving=replace(coming, **changes)))

    async def own(self) -> VolumeSeen:
        await self.want(self.new, volume(is_made=True, moved_as=MOVE))
        return await wait_volume(self.new, lambda seen: seen.phase is Phase.READY)

    @property
    def place(self) -> Place:
        return Place(OLD, "127.0.0.1", self.listener.port)


@asynccontextmanager
async def hosts(root: Path) -> AsyncGenerator[Pair]:
    cloud, old, new = authority(), stand_at(root, "old"), stand_at(root, "new")
    cloud.certify(old.layout, OLD)
    cloud.certify(new.layout, NEW)
    async with AsyncExitStack() as stack:
        keeper = (await stack.enter_async_context(old.agent())).volumes
        await stack.enter_async_context(new.agent())
        leaving = departures.Departures(old.layout, lambda: slice_of(old), keeper.is_idle)
        listener = channel.Listener(old.layout, 0, {departures.WHAT: leaving.serve})
        stack.callback(listener.close)
        listener.listen(is_wanted=True)
        both = Pair(cloud, old, new, listener)
        await both.want(old, volume())
        await wait_volume(old, lambda seen: seen.phase is Phase.READY)
        yield both


def slice_of(stand: Stand) -> HostWanted | None:
    return Ledger(stand.layout).wanted


def volume(**changes: object) -> VolumeWanted:
    return replace(VolumeWanted(id=ID, size_gib=1), **changes)


async def wait_volume(stand: Stand, is_so: Callable[[VolumeSeen], bool]) -> VolumeSeen:
    agent = stand.reconciler
    assert agent is not None
    async with asyncio.timeout(WITHIN_S):
        while True:
            version = agent.version
            seen = agent.volumes.seen().get(ID)
            if seen is not None and is_so(seen):
                return seen
            await agent.wait_changed(version)


def has_come(seen: VolumeSeen, move_id: str = MOVE) -> bool:
    found = seen.arrival
    return found is not None and found.is_whole and found.move_id == move_id


def cause_of(seen: VolumeSeen) -> str:
    return seen.cause.message if seen.cause else ""


def face(stand: Stand) -> Path:
    return volumes.path_of(stand.layout, ID, is_shared=False)


def write(stand: Stand, *orders: str) -> None:
    words = [word for order in orders for word in ("-c", order)]
    process.run(("qemu-io", "-f", "qcow2", *words, str(face(stand))), user=disks.QEMU_USER)


def has(stand: Stand, pattern: int, at: str, length: str) -> bool:
    order = f"read -P {pattern} {at} {length}"
    argv = ("qemu-io", "-r", "-f", "qcow2", "-c", order, str(face(stand)))
    return "verification failed" not in process.run(argv, user=disks.QEMU_USER).text


def fill(stand: Stand) -> None:
    """Have the volume be of two layers, with something in each."""
    write(stand, "write -P 11 0 3M", "write -P 12 512M 1M")
    layers.prepare_cut(volumes.directory_of(stand.layout, ID), 1)
    write(stand, "write -P 13 1M 1M")


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
        write(both.old, "write -P 15 0 1M")
        assert has(both.old, 15, "0", "1M")


async def test_nobody_writes_what_is_copied(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        refused = pytest.raises(process.Failed, match='Failed to get "write" lock')
        with connected(both.new.layout, both.place), refused:
            write(both.old, "write 0 1M")
        write(both.old, "write 0 1M")


async def test_what_somebody_writes_is_not_copied(root_dir: Path) -> None:
    async with hosts(root_dir) as both:
        await both.leave()
        # A QEMU that the agent lost sight of.
        argv = ("qemu-io", "-f", "qcow2", "-c", "sleep 60000", str(face(both.old)))
        guest = await asyncio.create_subprocess_exec(*argv)
        try:
            with pytest.raises(ChannelFailed, match="somebody writes it"):
                await asyncio.to_thread(until_refused, both)
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


def until_refused(both: Pair) -> None:
    while True:
        channel.connect(both.new.layout, both.place, HELLO).close()


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
