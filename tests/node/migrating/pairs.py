"""Two hosts with hypervisors and a guest that goes from the one to the other, for tests."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from mallee.kit import pki, process
from mallee.model.compute.instances import InstanceSeen
from mallee.model.compute.migrations import ComingWanted, GoingWanted, MigrationSeen
from mallee.model.hosts.hosts import InstanceWanted, InterfaceWanted
from mallee.model.images import catalogue
from mallee.model.layout import Layout
from mallee.model.network.carried import PeerWanted
from mallee.model.storage.moves import ArrivingWanted, LeavingWanted
from mallee.model.storage.volumes import ROOT_SLOT, DiskWanted, VolumeWanted
from mallee.node import reconcile
from mallee.node.do import channel
from mallee.node.do.channel import Hello
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.guests.libvirt import Libvirt
from mallee.node.migrating import messages
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.seen import DomainState
from tests import tinyimages
from tests.fakes.network import FakeNetwork
from tests.node import libvirtd, wants
from tests.node.stands import Blobs, Stand, blob_of

WITHIN_S = 300.0
TYPED_AGAIN_S = 15.0
ID = wants.make_instance().id
UUID = domain.uuid_of(ID)
VOLUME = "vol-0123456789abcdef0"
MIGRATION, OTHER = "mig-0123456789abcdef0", "mig-0123456789abcdef1"
OLD, NEW, THIRD = (f"host-0123456789abcdef{n}" for n in range(3))
WORD = "5" * 32
SERIAL = b"vol0123456789abcdef0"
HELLO = Hello(what=messages.GUEST, id=ID, move_id=MIGRATION, word=WORD)


class Cut(HypervisorFailed):
    """What a test has go wrong."""


def certify(authority: pki.Authority, layout: Layout, host_id: str) -> None:
    layout.node_pki.mkdir(parents=True, exist_ok=True)
    request = pki.make_request(host_id)
    grant = pki.Grant(
        name=host_id, now=time.time(), life_s=pki.DAY_S, hosts=(host_id,), is_both=True
    )
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
    made: VolumeWanted = field(default_factory=lambda: VolumeWanted(id=VOLUME, size_gib=1))
    """The guest's volume, as both are told of it."""
    cards: tuple[InterfaceWanted, ...] = ()
    """The guest's interfaces."""
    slot: int = 1
    """Where the volume is in the guest."""

    def volume(self, **changes: object) -> VolumeWanted:
        return replace(self.made, **changes)

    def guest(
        self, going: GoingWanted | None = None, coming: ComingWanted | None = None
    ) -> InstanceWanted:
        guest = self.old.instance(
            interface_ids=tuple(card.id for card in self.cards),
            disks=(DiskWanted(VOLUME, self.slot),),
        )
        own = guest.disk if self.slot != ROOT_SLOT else None
        return replace(guest, going=going, coming=coming, disk=own)

    async def want(self, stand: Stand, guest: InstanceWanted | None, *those: VolumeWanted) -> None:
        assert stand.reconciler is not None
        stand.generation += 1
        peers = tuple(PeerWanted(id=id, name=id, address="127.0.0.1") for id in (OLD, NEW))
        host = wants.make_host(stand.generation, *([guest] if guest else []))
        if self.cards:
            host = replace(host, vpcs=(replace(host.vpcs[0], interfaces=self.cards),))
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
        there = self.volume(is_made=True, arriving=arriving)
        await self.want(self.new, self.guest(coming=coming), there)
        guest = self.guest(going=replace(wish, **changes))
        await self.want(self.old, guest, self.volume(is_made=True, leaving=leaving))

    async def hand_over(self) -> None:
        """Have it be the new host's, as the cloud says when it has heard of it."""
        await self.want(self.old, None, self.volume(is_deleted=True))
        await self.want(self.new, self.guest(), self.volume(is_made=True, moved_as=MIGRATION))

    def state(self, stand: Stand) -> DomainState | None:
        seen = stand.hypervisor.read(UUID)
        return None if seen is None else seen.state


def as_it_is(both: Pair) -> None:
    """Change nothing of what the guest has."""


@asynccontextmanager
async def host(root: Path, name: str) -> AsyncGenerator[Stand]:
    boot = catalogue.proof_boot(tinyimages.document())
    directory = root / name
    directory.mkdir(exist_ok=True)
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
async def running(
    root: Path,
    shares: tuple[Path, Path] | None = None,
    begin: Callable[[Pair], None] = as_it_is,
    **made: object,
) -> AsyncGenerator[Pair]:
    """Two hosts, and a guest on the old one that ticks and has a volume of two layers; `shares` are
    the directories in which they keep their volumes, maybe the same one."""
    root.chmod(0o755)
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(host(root, "old"))
        new = await stack.enter_async_context(host(root, "new"))
        if shares is not None:
            old.put_volumes_into(shares[0], OLD)
            new.put_volumes_into(shares[1], NEW)
        both = Pair(pki.create_authority("a cloud", time.time()), old, new)
        both.made = both.volume(**made)
        begin(both)
        certify(both.authority, old.layout, OLD)
        certify(both.authority, new.layout, NEW)
        await stack.enter_async_context(old.agent())
        await stack.enter_async_context(new.agent())
        both.listener = channel.Listener(new.layout, 0, handlers(new))
        stack.callback(both.listener.close)
        both.listener.listen(is_wanted=True)
        await both.want(old, both.guest(), both.made)
        await old.wait(1, lambda seen: seen.volume_ids == (VOLUME,))
        await said(old, b"here is a shell")
        yield both


def agent_of(stand: Stand) -> reconcile.Reconciler:
    assert stand.reconciler is not None
    return stand.reconciler


def handlers(stand: Stand) -> dict[str, channel.Handler]:
    def serve(connection: channel.Connection, hello: Hello) -> None:
        assert stand.reconciler is not None
        # It ends the connection, as a cut cable does.
        with contextlib.suppress(Cut):
            stand.reconciler.migrations.handlers[hello.what](connection, hello)

    names = (messages.GUEST, messages.DISK, messages.MEMORY, messages.SHARE, messages.LET_GO)
    return dict.fromkeys(names, serve)


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
