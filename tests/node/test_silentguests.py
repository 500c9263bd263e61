"""A QEMU that stands still holds up nobody else: who asks is told so, and its guest can be ended.

Real guests under the real libvirt, whose QEMU is stopped by a signal.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from mallee.model.compute.instances import Halt, Phase, Power
from mallee.model.hosts.hosts import Capacity
from mallee.model.storage.snapshots import CutAsked
from mallee.node import facts
from mallee.node.do.guests import asking
from mallee.node.do.guests.hypervisor import HypervisorFailed, QemuSilent
from mallee.node.do.storage import layers, volumes
from mallee.node.plan.guests import domain
from mallee.node.plan.guests.seen import SeenDomain
from mallee.node.reconcile import Reconciler
from tests import standstills
from tests.node import stands, test_guests
from tests.node.migrating import pairs
from tests.node.test_guests import ID, instance

pytestmark = pytest.mark.host
stand = test_guests.stand

UUID = domain.uuid_of(ID)
WITHIN_S = 180.0
SNAPSHOT = "snap-0123456789abcdef0"


@contextmanager
def still(stand: stands.Stand) -> Generator[pytest.MonkeyPatch]:
    """Meanwhile the guest's QEMU stands still, and who asks it waits a short while; one that only
    is slow is waited for again afterwards."""
    assert stand.daemon is not None
    with (
        pytest.MonkeyPatch.context() as hurried,
        standstills.standing_still(stand.daemon.pid_of_guest(ID)),
    ):
        hurried.setattr(asking, "ANSWERS_WITHIN_S", 1.0)
        hurried.setattr(asking, "PRESSED_WITHIN_S", 1.0)
        yield hurried


@asynccontextmanager
async def running(stand: stands.Stand) -> AsyncGenerator[Reconciler]:
    """An agent with a guest that runs."""
    async with stand.agent() as agent:
        await stand.want(instance(stand))
        await stand.wait_phase(Phase.RUNNING)
        yield agent


async def wait_answers(stand: stands.Stand) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await asyncio.to_thread(stand.hypervisor.silent):
            await asyncio.sleep(0.05)


async def test_who_asks_is_told_and_it_is_done_when_it_goes_on(stand: stands.Stand) -> None:
    real = stand.hypervisor
    async with running(stand):
        with still(stand) as hurried:
            with pytest.raises(QemuSilent, match="has not answered for 1 s"):
                await asyncio.to_thread(real.press_key, UUID)
            assert real.silent() == (ID,)
            # Nobody waits a second time, and what does not need it is told.
            began_at = time.monotonic()
            hurried.setattr(asking, "ANSWERS_WITHIN_S", WITHIN_S)
            with pytest.raises(QemuSilent, match="asked before"):
                await asyncio.to_thread(real.ask_monitor, UUID, "query-status", {})
            assert time.monotonic() - began_at < WITHIN_S
            seen = await asyncio.to_thread(real.read, UUID)
            assert isinstance(seen, SeenDomain)
            assert seen.is_active
            said = await asyncio.to_thread(facts.fetch, standing(stand), ())
            assert [problem for problem in said.problems if f"The QEMU of {ID} does" in problem]
            told = await stand.wait(1, lambda seen: seen.halted is not None)
            assert told.halted is not None
            assert (told.phase, told.halted.by) == (Phase.RUNNING, Halt.QEMU_SILENT)
        await wait_answers(stand)
        await stand.wait(1, lambda seen: seen.halted is None)
        await asyncio.to_thread(real.check_done, UUID)
        await asyncio.to_thread(real.press_key, UUID)
        assert (await asyncio.to_thread(facts.fetch, standing(stand), ())).problems == ()


def standing(stand: stands.Stand) -> facts.Standing:
    """Of a host whose facts are asked for."""
    return facts.Standing(
        layout=stand.layout,
        capacity=Capacity(vcpus=1, memory_mib=1024, disk_gib=1),
        acceleration=facts.Acceleration("tcg", "for a test"),
        hypervisor=stand.hypervisor,
        place=stand.place(),
    )


async def test_its_guest_is_ended_all_the_same(stand: stands.Stand) -> None:
    async with running(stand):
        assert stand.daemon is not None
        pid = stand.daemon.pid_of_guest(ID)
        with still(stand):
            await stand.want(instance(stand, power=Power.TERMINATED))
            async with asyncio.timeout(WITHIN_S):
                while await asyncio.to_thread(is_active, stand):
                    await asyncio.sleep(0.05)
            await wait_answers(stand)
            async with asyncio.timeout(WITHIN_S):
                while Path(f"/proc/{pid}").exists():
                    await asyncio.sleep(0.05)


def is_active(stand: stands.Stand) -> bool:
    seen = stand.hypervisor.read(UUID)
    return seen is not None and seen.is_active


async def test_a_cut_that_is_late_keeps_its_layer(root_dir: Path) -> None:
    """Whoever cuts again, or looks after the volume, does not take away what QEMU will write."""
    async with pairs.running(root_dir) as both:
        stand, volumes_of = both.old, pairs.agent_of(both.old).volumes
        directory = volumes.directory_of(stand.layout, pairs.VOLUME)
        asked = msgspec.json.encode(CutAsked({pairs.VOLUME: SNAPSHOT}, asked_at=1.0)).decode()
        with still(stand):
            with pytest.raises(HypervisorFailed, match="not answered"):
                await volumes_of.cut(asked)
            made = layers.path_of(directory, 2).open("rb")
            with pytest.raises(HypervisorFailed, match="asked before"):
                await volumes_of.cut(asked)
            volumes_of.poke()
        await wait_answers(stand)
        with made:
            await pairs.write(stand, "late")
            kept = os.fstat(made.fileno())
        assert kept.st_nlink == 1
        assert kept.st_blocks > 0
