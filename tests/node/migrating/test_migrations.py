"""Guests that go from host to host while they run: there is one, always, with all it wrote."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.kit import pki, process
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.compute.migrations import ComingWanted, GoingWanted, MigrationSeen
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from mallee.model.network.carried import PeerWanted
from mallee.model.storage.moves import ArrivingWanted, LeavingWanted
from mallee.model.storage.volumes import DiskWanted, VolumeWanted
from mallee.node.do import channel
from mallee.node.do.channel import ChannelFailed, Hello, Place
from mallee.node.do.guests import incoming, outgoing
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.guests.libvirt import Libvirt
from mallee.node.do.storage import volumes
from mallee.node.migrating import book, coming, going, keeper, messages
from mallee.node.migrating.messages import DiskTold, GuestTold
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.seen import DomainState
from mallee.node.volumes.departures import LayerTold
from tests import tinyimages
from tests.fakes.network import FakeNetwork
from tests.node import libvirtd, wants
from tests.node.stands import Blobs, Stand, blob_of

pytestmark = pytest.mark.host

WITHIN_S = 90.0
TYPED_AGAIN_S = 4.0
ID = wants.make_instance().id
UUID = domain.uuid_of(ID)
VOLUME = "vol-0123456789abcdef0"
MIGRATION, OTHER = "mig-0123456789abcdef0", "mig-0123456789abcdef1"
OLD, NEW, THIRD = (f"host-0123456789abcdef{n}" for n in range(3))
WORD = "5" * 32
SERIAL = b"vol0123456789abcdef0"
HELLO = Hello(what=messages.GUEST, id=ID, move_id=MIGRATION, word=WORD)


def certify(authority: pki.Authority, layout: Layout, host_id: str) -> None:
    layout.node_pki.mkdir(parents=True, exist_ok=True)
    request = pki.make_request(host_id)
    grant = pki.Grant(name=host_id, now=time.time(), life_s=600, hosts=(host_id,), is_both=True)
    issued = pki.issue(authority, request.csr_pem, grant)
    layout.host_certificate.write_bytes(issued + request.key_pem)
    layout.host_authority.write_bytes(authority.certificate_pem)


@dataclass(slots=True)
class Pair:
    """Two hosts with hypervisors, and the new one's door."""

    authority: pki.Authority
    old: Stand
    new: Stand
    listener: channel.Listener | None = None

    def guest(
        self, going: GoingWanted | None = None, coming: ComingWanted | None = None
    ) -> InstanceWanted:
        guest = self.old.instance(interface_ids=(), disks=(DiskWanted(VOLUME, 1),))
        return replace(guest, going=going, coming=coming)

    async def want(self, stand: Stand, guest: InstanceWanted | None, *those: VolumeWanted) -> None:
        assert stand.reconciler is not None
        stand.generation += 1
        peers = tuple(PeerWanted(id=id, name=id, address="127.0.0.1") for id in (OLD, NEW))
        host = wants.make_host(stand.generation, *([guest] if guest else []))
        assert await stand.reconciler.want(replace(host, volumes=those, peers=peers))

    async def go(self, migration_id: str = MIGRATION, **changes: object) -> None:
        """Have the guest go, as the cloud tells both hosts."""
        assert self.listener is not None
        wish = GoingWanted(
            migration_id=migration_id, to_host_id=NEW, port=self.listener.port, word=WORD
        )
        leaving = LeavingWanted(move_id=migration_id, to_host_id=NEW, word=WORD)
        coming = ComingWanted(migration_id=migration_id, from_host_id=OLD, word=WORD)
        arriving = ArrivingWanted(move_id=migration_id, from_host_id=OLD, port=0, word=WORD)
        there = volume(is_made=True, arriving=arriving)
        await self.want(self.new, self.guest(coming=coming), there)
        guest = self.guest(going=replace(wish, **changes))
        await self.want(self.old, guest, volume(is_made=True, leaving=leaving))

    async def hand_over(self) -> None:
        """Have it be the new host's, as the cloud says when it has heard of it."""
        await self.want(self.old, None, volume(is_deleted=True))
        await self.want(self.new, self.guest(), volume(is_made=True, moved_as=MIGRATION))

    def state(self, stand: Stand) -> DomainState | None:
        seen = stand.hypervisor.read(UUID)
        return None if seen is None else seen.state


def volume(**changes: object) -> VolumeWanted:
    return replace(VolumeWanted(id=VOLUME, size_gib=1), **changes)


@asynccontextmanager
async def host(root: Path, name: str) -> AsyncGenerator[Stand]:
    boot = catalogue.proof_boot(tinyimages.document())
    directory = root / name
    directory.mkdir()
    blank = directory / "blank.qcow2"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(blank), "8M"))
    disk = blob_of(blank.read_bytes(), "qcow2")
    with libvirtd.running(directory) as daemon:
        real = Libvirt(daemon.layout.libvirt_uri, daemon.layout.tag)
        contents = {
            blob.sha256: tinyimages.file_of(blob).read_bytes()
            for blob in (boot.kernel, boot.ramdisk)
            if blob is not None
        }
        contents[disk.sha256] = blank.read_bytes()
        layout = daemon.layout
        yield Stand(layout, real, FakeNetwork(layout), Blobs(contents), disk, boot, daemon=daemon)
        await asyncio.to_thread(real.close)


@asynccontextmanager
async def running(root: Path) -> AsyncGenerator[Pair]:
    """Two hosts, and a guest on the old one that ticks and has a volume of two layers."""
    root.chmod(0o755)
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(host(root, "old"))
        new = await stack.enter_async_context(host(root, "new"))
        both = Pair(pki.create_authority("a cloud", time.time()), old, new)
        certify(both.authority, old.layout, OLD)
        certify(both.authority, new.layout, NEW)
        await stack.enter_async_context(old.agent())
        await stack.enter_async_context(new.agent())
        both.listener = channel.Listener(new.layout, 0, handlers(new))
        stack.callback(both.listener.close)
        both.listener.listen(is_wanted=True)
        await both.want(old, both.guest(), volume())
        await old.wait(1, lambda seen: seen.volume_ids == (VOLUME,))
        await said(old, b"here is a shell")
        yield both


def handlers(stand: Stand) -> dict[str, channel.Handler]:
    def serve(connection: channel.Connection, hello: Hello) -> None:
        assert stand.reconciler is not None
        stand.reconciler.migrations.handlers[hello.what](connection, hello)

    return dict.fromkeys((messages.GUEST, messages.DISK, messages.MEMORY), serve)


def console(stand: Stand) -> bytes:
    path = domain.directory_of(stand.layout, ID) / domain.CONSOLE_LOG
    return path.read_bytes() if path.exists() else b""


async def said(stand: Stand, text: bytes, times: int = 1) -> None:
    async with asyncio.timeout(WITHIN_S):
        while console(stand).count(text) < times:
            await asyncio.sleep(0.05)


async def tell(stand: Stand, line: str, answer: bytes) -> None:
    """Type a line on the guest's console until it has answered."""
    path = domain.directory_of(stand.layout, ID) / domain.CONSOLE_SOCKET
    times = console(stand).count(answer) + 1
    async with asyncio.timeout(WITHIN_S):
        while console(stand).count(answer) < times:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as guest:
                guest.connect(str(path))
                guest.sendall(line.encode() + b"\n")
                # What is typed while the shell is not there yet is lost.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TYPED_AGAIN_S):
                        await said(stand, answer, times)


WRITE = "echo {0} | dd of=/dev/vdb bs=64k oflag=direct conv=sync 2>/dev/null; sync; echo d''one-{0}"
READ = "dd if=/dev/vdb bs=64k count=1 iflag=direct 2>/dev/null | head -n 1 | sed s/^/r-/"


async def learn(stand: Stand) -> None:
    """Have the guest's shell know a word, and say so: what is typed is seen also when it is lost,
    as it is while the shell takes the terminal back from a command."""
    await tell(stand, "secret=remembered; echo kn''ows", b"knows")


async def write(stand: Stand, word: str) -> None:
    """Have the guest write a word on its volume, and be told that it is there."""
    await tell(stand, WRITE.format(word), f"done-{word}".encode())


async def read(stand: Stand, word: str) -> None:
    await tell(stand, READ, f"r-{word}".encode())


async def wait_migration(stand: Stand, is_so: Callable[[MigrationSeen], bool]) -> InstanceSeen:
    return await stand.wait(1, lambda seen: seen.migration is not None and is_so(seen.migration))


async def test_a_guest_goes_with_its_memory_and_disks(root_dir: Path) -> None:
    async with running(root_dir) as both:
        await write(both.old, "first")
        await learn(both.old)
        directory = volumes.directory_of(both.old.layout, VOLUME)
        await both.go()
        await wait_migration(both.old, lambda said: said.is_given)
        await wait_migration(both.new, lambda said: bool(said.proof))
        assert both.state(both.old) is DomainState.PAUSED
        await tell(both.new, "echo it-$secret", b"it-remembered")
        await read(both.new, "first")
        await write(both.new, "second")
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        await read(both.new, "second")
        async with asyncio.timeout(WITHIN_S):
            while both.state(both.old) is not None or directory.exists():
                await asyncio.sleep(0.05)
        assert not domain.directory_of(both.old.layout, ID).exists()
        assert book.read(both.old.layout, ID) is None


async def test_a_guest_that_was_given_runs_though_nobody_could_say_so(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(root_dir) as both:
        await learn(both.old)
        real = book.write

        def write_and_cut(layout: Layout, instance_id: str, entry: book.Entry) -> None:
            real(layout, instance_id, entry)
            # The cable is cut in this instant.
            assert both.listener is not None
            both.listener.close()

        monkeypatch.setattr(book, "write", write_and_cut)
        await both.go()
        await wait_migration(both.old, lambda said: said.is_given)
        assert both.state(both.old) is DomainState.PAUSED
        assert both.state(both.new) is DomainState.PAUSED
        # Neither runs it before the cloud has heard whose it is.
        await both.hand_over()
        seen = await both.new.wait_phase(Phase.RUNNING)
        assert seen.restarts == 0
        await tell(both.new, "echo it-$secret", b"it-remembered")


class Cut(HypervisorFailed):
    """What a test has go wrong."""


async def test_whatever_goes_wrong_leaves_the_guest_where_it_was(
    root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One guest, and a failure at each step after the other; it ticks all the while."""
    async with running(root_dir) as both:
        steps = (
            (coming.Comings, "_prepare"),
            (outgoing.Going, "mirror"),
            (coming.Comings, "_take_disk"),
            (outgoing.Going, "send_memory"),
            (coming.Comings, "_take_memory"),
            (outgoing.Going, "end_mirrors"),
            (coming.Comings, "_close_disks"),
            (outgoing.Going, "send_rest"),
            (incoming.Machine, "take"),
            (book, "write"),
        )
        word = ""
        for number, (where, name) in enumerate(steps):
            word = f"step{number}"
            with monkeypatch.context() as broken:
                once = Once(getattr(where, name))
                broken.setattr(where, name, once.called)
                broken.setattr(keeper, "TRIES_MAX", 1)
                await both.go(f"mig-{number:017x}")
                said = await wait_migration(both.old, lambda said: bool(said.failure))
                assert said.migration is not None
                assert said.migration.migration_id == f"mig-{number:017x}"
                assert not said.migration.is_given
            await both.want(both.old, both.guest(), volume(is_made=True))
            await both.want(both.new, None, volume(is_deleted=True))
            async with asyncio.timeout(WITHIN_S):
                while both.state(both.new) is not None:
                    await asyncio.sleep(0.05)
            assert both.state(both.old) is DomainState.RUNNING, name
            await write(both.old, word)
            await read(both.old, word)
        # After all that, it goes.
        await both.go(OTHER)
        await wait_migration(both.old, lambda said: said.is_given)
        await read(both.new, word)


class Once:
    """Fails the first time that it is called while a guest is on its way."""

    def __init__(self, real: Callable[..., object]) -> None:
        self._real = real
        self._has_failed = False

    @property
    def called(self) -> Callable[..., object]:
        """A plain function, which becomes a method where it is put."""

        def call(*args: object, **more: object) -> object:
            return self._call(*args, **more)

        return call

    def _call(self, *args: object, **more: object) -> object:
        if self._has_failed or more.get("force"):
            return self._real(*args, **more)
        self._has_failed = True
        raise Cut("cut by the test")


async def test_an_agent_that_was_killed_puts_its_guest_back(root_dir: Path) -> None:
    async with running(root_dir) as both:
        uuid, stand = UUID, both.old
        machine = outgoing.Going(stand.hypervisor, uuid)
        # As one leaves it that is killed while the guest stands.
        sink = domain.directory_of(stand.layout, ID) / "sink.sock"
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listening:
            listening.bind(str(sink))
            sink.chmod(0o666)
            listening.listen(1)
            await asyncio.to_thread(machine.send_memory, sink)
            swallow = asyncio.create_task(asyncio.to_thread(swallowed, listening))
            async with asyncio.timeout(WITHIN_S):
                while machine.memory().status != "pre-switchover":
                    await asyncio.sleep(0.01)
            assert both.state(stand) is DomainState.PAUSED
            await asyncio.to_thread(going.recover, stand.hypervisor, ID)
            assert both.state(stand) is DomainState.RUNNING
            await write(stand, "alive")
        await swallow


def swallowed(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with contextlib.closing(connection):
        while connection.recv(1 << 20):
            pass


async def test_strangers_get_no_guest(root_dir: Path) -> None:
    async with running(root_dir) as both:
        assert both.listener is not None
        place = Place(NEW, "127.0.0.1", both.listener.port)

        def call(layout: Layout, hello: Hello) -> None:
            channel.connect(layout, place, hello).close()

        old, thief = both.old.layout, Layout(root_dir / "third")
        certify(both.authority, thief, THIRD)
        with pytest.raises(ChannelFailed, match="no such guest comes from this host"):
            await asyncio.to_thread(call, old, HELLO)
        await both.go(port=0)
        for layout, hello in (
            (thief, HELLO),
            (old, replace(HELLO, word="6" * 32)),
            (old, replace(HELLO, move_id=OTHER)),
            (old, replace(HELLO, id="../../etc")),
        ):
            with pytest.raises(ChannelFailed, match="no such guest comes from this host"):
                await asyncio.to_thread(call, layout, hello)
        for what in (messages.DISK, messages.MEMORY):
            with pytest.raises(ChannelFailed, match="has not been announced"):
                await asyncio.to_thread(call, old, replace(HELLO, what=what))


DISK = DiskTold(volume_id=VOLUME, face=2, size_bytes=1 << 30)
OWN = DiskTold(size_bytes=8 << 20)


@pytest.mark.parametrize(
    "disks",
    [
        (OWN,),
        (OWN, DISK, DISK),
        (replace(OWN, size_bytes=1 << 40), DISK),
        (OWN, replace(DISK, volume_id="vol-0123456789abcdef1")),
        (OWN, replace(DISK, volume_id="../../../etc")),
        (OWN, replace(DISK, face=0)),
        (OWN, replace(DISK, size_bytes=1 << 60)),
        (OWN, replace(DISK, lower=(LayerTold(number=2, file_bytes=1),))),
        (OWN, replace(DISK, lower=(LayerTold(number=-1, file_bytes=1),))),
        (OWN, replace(DISK, lower=(LayerTold(number=1, file_bytes=1),) * 2)),
    ],
)
def test_a_guest_has_the_disks_that_the_cloud_gives_it(disks: tuple[DiskTold, ...]) -> None:
    wanted = wants.make_instance(disks=(DiskWanted(VOLUME, 1),))
    coming.check_told(GuestTold(disks=(OWN, DISK)), wanted)
    with pytest.raises(HypervisorFailed):
        coming.check_told(GuestTold(disks=disks), wanted)
