"""Two hosts of a cloud, and a used volume that goes from the one to the other, for tests."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mallee.kit import files, pki, process
from mallee.model.hosts.hosts import HostWanted
from mallee.model.images.images import DirectBoot
from mallee.model.layout import Layout
from mallee.model.network.carried import PeerWanted
from mallee.model.storage.moves import ArrivingWanted, LeavingWanted
from mallee.model.storage.volumes import Phase, VolumeSeen, VolumeWanted
from mallee.node.do import channel
from mallee.node.do.channel import Hello, Place
from mallee.node.do.storage import disks, imagelocks, layers, volumes
from mallee.node.ledger import Ledger
from mallee.node.volumes import departures
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
        grant = pki.Grant(
            name=host_id, now=time.time(), life_s=pki.DAY_S, hosts=(host_id,), is_both=True
        )
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
async def hosts(root: Path, shares: tuple[Path, Path] | None = None) -> AsyncGenerator[Pair]:
    """`shares` are the directories in which the hosts keep their volumes, maybe the same one."""
    cloud, old, new = authority(), stand_at(root, "old"), stand_at(root, "new")
    if shares is not None:
        old.put_volumes_into(shares[0], OLD)
        new.put_volumes_into(shares[1], NEW)
    cloud.certify(old.layout, OLD)
    cloud.certify(new.layout, NEW)
    async with AsyncExitStack() as stack:
        keeper = (await stack.enter_async_context(old.agent())).volumes
        await stack.enter_async_context(new.agent())
        leaving = departures.Departures(old.layout, lambda: slice_of(old), keeper.is_idle)
        served: dict[str, channel.Handler] = {
            departures.WHAT: leaving.serve,
            departures.SHARE: leaving.serve,
        }
        listener = channel.Listener(old.layout, 0, served)
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


async def wait_let_go(stand: Stand) -> None:
    """Wait until nobody else has the volume not be written: a host that has it be copied sees a
    moment later that a connection has ended."""
    with files.open_own(face(stand)) as file:
        async with asyncio.timeout(WITHIN_S):
            while imagelocks.is_held(file.fileno()):
                await asyncio.sleep(0.02)


async def wait_written(stand: Stand) -> None:
    """Wait until somebody has the volume open who may write it."""
    with files.open_own(face(stand)) as file:
        async with asyncio.timeout(WITHIN_S):
            while not imagelocks.is_written(file.fileno()):
                await asyncio.sleep(0.02)


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
