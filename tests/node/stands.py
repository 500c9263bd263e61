"""A host under test: an agent's reconciler over a hypervisor and a network, with real files."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mallee.kit import clock, process
from mallee.model.compute.instances import InstanceSeen, Phase
from mallee.model.configuration.settings import Settings, Volumes
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.images.images import Blob, DirectBoot
from mallee.model.layout import Layout
from mallee.node import host, ledger, reconcile
from mallee.node.do.storage import images
from mallee.node.plan.guests import domain, instances
from mallee.node.volumes import volumekeys, volumeplace
from tests.fakes.hypervisor import FakeHypervisor
from tests.fakes.keys import Keys
from tests.fakes.network import FakeNetwork
from tests.node import wants
from tests.node.libvirtd import Libvirtd

WITHIN_S = 180.0


def blob_of(content: bytes, form: str) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), len(content), form)


@dataclass(slots=True)
class Blobs:
    """A cloud's blobs."""

    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    fetches: list[str] = field(default_factory=list[str])
    hangs: bool = False
    is_away: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def read_blob(self, sha256: str, offset: int) -> AsyncIterator[bytes]:
        self.fetches.append(sha256)
        self.asked.set()
        if self.is_away:
            raise images.SourceAway("nobody answers")
        if self.hangs:
            await asyncio.Event().wait()
        try:
            yield self.contents[sha256][offset:]
        except KeyError:
            raise images.FetchFailed(f"no blob {sha256}") from None


@dataclass(slots=True)
class Stand:
    """A host under test; `agent` runs an agent over it, one after another."""

    layout: Layout
    hypervisor: Any
    """A `FakeHypervisor`, or the real one."""
    network: FakeNetwork
    blobs: Blobs
    disk: Blob
    boot: DirectBoot
    reconciler: reconcile.Reconciler | None = None
    generation: int = 0
    daemon: Libvirtd | None = None
    keys: Keys = field(default_factory=Keys)
    settings: Settings = field(default_factory=Settings)
    host_id: str = "host-1"

    def place(self) -> volumeplace.VolumePlace:
        """Where volumes lie."""
        layout = dataclasses.replace(self.layout, placed=None)
        return volumeplace.VolumePlace(layout, self.settings, self.host_id, clock.SYSTEM)

    def put_volumes_into(self, directory: Path, host_id: str) -> None:
        """Have volumes lie in a directory, before there is any agent."""
        self.settings = Settings(volumes=Volumes(directory=str(directory), mount=False))
        self.host_id = host_id
        place = self.place()
        assert place.look(), place.problem
        self.layout = place.layout

    def instance(self, number: int = 1, **changes: object) -> InstanceWanted:
        return wants.make_instance(number, disk=self.disk, boot=self.boot, **changes)

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[reconcile.Reconciler]:
        """An agent that is killed in the end: nothing but what is on disk outlives it."""
        here = host.Host(
            name="host-a",
            layout=self.layout,
            hypervisor=self.hypervisor,
            network=self.network,
            images=images.ImageCache(self.layout, self.blobs),
            keys=volumekeys.VolumeKeys(self.keys),
            place=self.place(),
            rules=instances.Rules(self.layout, stop_s=60.0, terminate_s=10.0),
            traits=domain.HostTraits(self.layout, "tcg"),
            clock=clock.SYSTEM,
        )
        self.reconciler = reconcile.Reconciler(here, ledger.Ledger(self.layout))
        running = asyncio.create_task(self.reconciler.run())
        try:
            yield self.reconciler
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await here.images.close()

    async def want(self, *wanted: InstanceWanted) -> None:
        assert self.reconciler is not None
        self.generation += 1
        assert await self.reconciler.want(wants.make_host(self.generation, *wanted))

    async def wait(self, number: int, is_so: Callable[[InstanceSeen], bool]) -> InstanceSeen:
        assert self.reconciler is not None
        instance_id = wants.make_instance(number).id
        async with asyncio.timeout(WITHIN_S):
            while True:
                version = self.reconciler.version
                seen = self.reconciler.seen().get(instance_id)
                if seen is not None and is_so(seen):
                    return seen
                await self.reconciler.wait_changed(version)

    async def wait_phase(self, phase: Phase, number: int = 1) -> InstanceSeen:
        return await self.wait(number, lambda seen: seen.phase is phase)


def made(root: Path, kernel: bytes, ramdisk: bytes) -> Stand:
    """A host of fakes, and a cloud with an image that boots by that kernel and ramdisk."""
    layout = Layout(root)
    layout.node.mkdir()
    base = root / "base.qcow2"
    process.run(("qemu-img", "create", "-q", "-f", "qcow2", str(base), "1M"))
    disk = blob_of(base.read_bytes(), "qcow2")
    begins, then = blob_of(kernel, "kernel"), blob_of(ramdisk, "ramdisk")
    contents = {disk.sha256: base.read_bytes(), begins.sha256: kernel, then.sha256: ramdisk}
    return Stand(
        layout,
        FakeHypervisor(layout.tag),
        FakeNetwork(layout),
        Blobs(contents),
        disk,
        DirectBoot(begins, then, "console=ttyS0"),
    )
