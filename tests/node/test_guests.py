"""Real guests under the real libvirt, kept by a real agent: they outlive everything but their end.

The network is the fake one: these guests have no interface.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mallee.model.compute.instances import Phase, Power
from mallee.model.hosts.hosts import InstanceWanted
from mallee.model.images import catalogue
from mallee.node.do.guests import hypervisor
from mallee.node.do.guests.libvirt import Libvirt
from mallee.node.plan.guests import domain
from tests import tinyimages
from tests.fakes.network import FakeNetwork
from tests.node import libvirtd, stands, wants

pytestmark = pytest.mark.host

WITHIN_S = 240.0


@pytest.fixture
async def stand(root_dir: Path) -> AsyncIterator[stands.Stand]:
    """A host with a real hypervisor; `stand.daemon` is its libvirtd."""
    boot = catalogue.proof_boot(tinyimages.document())
    disk = catalogue.image(tinyimages.document(), catalogue.TINY_DISK).blob
    with libvirtd.running(root_dir) as daemon:
        layout = daemon.layout
        real = Libvirt(layout.libvirt_uri, layout.tag)
        contents = {
            blob.sha256: tinyimages.file_of(blob).read_bytes()
            for blob in (disk, boot.kernel, boot.ramdisk)
            if blob is not None
        }
        yield stands.Stand(
            layout, real, FakeNetwork(layout), stands.Blobs(contents), disk, boot, daemon=daemon
        )
        await asyncio.to_thread(real.close)


def instance(stand: stands.Stand, **changes: object) -> InstanceWanted:
    return stand.instance(interface_ids=(), **changes)


ID = wants.make_instance().id


async def wait_said(stand: stands.Stand, line: bytes, times: int = 1) -> None:
    console = domain.directory_of(stand.layout, ID) / domain.CONSOLE_LOG
    async with asyncio.timeout(WITHIN_S):
        while not console.exists() or console.read_bytes().count(line) < times:
            await asyncio.sleep(0.02)


async def test_a_guest_outlives_agent_and_libvirtd(stand: stands.Stand) -> None:
    assert stand.daemon is not None
    async with stand.agent():
        await stand.want(instance(stand))
        await stand.wait_phase(Phase.RUNNING)
    pid = stand.daemon.pid_of_guest(ID)
    async with stand.agent() as reconciler:
        await stand.wait_phase(Phase.RUNNING)
        stand.daemon.kill()
        async with asyncio.timeout(WITHIN_S):
            while await sees_guest(stand):
                await asyncio.sleep(0.02)
        await asyncio.to_thread(stand.daemon.start)
        async with asyncio.timeout(WITHIN_S):
            while not await sees_guest(stand):
                await asyncio.sleep(0.02)
        reconciler.poke(ID)
        assert (await stand.wait_phase(Phase.RUNNING)).restarts == 0
    assert stand.daemon.pid_of_guest(ID) == pid
    os.kill(pid, 0)


async def sees_guest(stand: stands.Stand) -> bool:
    try:
        seen = await asyncio.to_thread(stand.hypervisor.read, domain.uuid_of(ID))
    except hypervisor.HypervisorAway:
        return False
    return seen is not None and seen.is_active


async def test_a_killed_qemu_is_started_again(stand: stands.Stand) -> None:
    assert stand.daemon is not None
    async with stand.agent():
        await stand.want(instance(stand))
        await stand.wait_phase(Phase.RUNNING)
        # A signal that QEMU takes as an order to end looks like the guest's own power-off.
        for restarts, number in enumerate((signal.SIGKILL, signal.SIGTERM), 1):
            os.kill(stand.daemon.pid_of_guest(ID), number)
            seen = await stand.wait(
                1,
                lambda seen, want=restarts: seen.restarts == want and seen.phase is Phase.RUNNING,
            )
            assert seen.cause is not None
        await wait_said(stand, b"mallee-tiny: userspace")


async def test_a_guest_stops_when_asked_and_keeps_its_disk(stand: stands.Stand) -> None:
    async with stand.agent():
        await stand.want(instance(stand))
        await stand.wait_phase(Phase.RUNNING)
        await wait_said(stand, b"mallee-tiny: host key")
        await stand.want(instance(stand, power=Power.STOPPED))
        seen = await stand.wait_phase(Phase.OFF)
        assert not seen.ended_by_guest
        await wait_said(stand, b"mallee-tiny: powering off")
        await stand.want(instance(stand, launch=2))
        await stand.wait_phase(Phase.RUNNING)
        await wait_said(stand, b"mallee-tiny: userspace", 2)
        await stand.want(instance(stand, launch=2, power=Power.TERMINATED, force_stop=True))
        await stand.wait_phase(Phase.GONE)
    assert not any(stand.layout.instances.iterdir())


async def test_a_guest_is_rebooted_in_order(stand: stands.Stand) -> None:
    async with stand.agent():
        await stand.want(instance(stand))
        await stand.wait_phase(Phase.RUNNING)
        await wait_said(stand, b"mallee-tiny: host key")
        await stand.want(instance(stand, reboots=1))
        seen = await stand.wait(1, lambda seen: seen.reboots_done == 1)
        assert seen.restarts == 0
        await wait_said(stand, b"mallee-tiny: userspace", 2)
        await wait_said(stand, b"mallee-tiny: powering off")
