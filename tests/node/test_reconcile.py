"""The reconciler on a fake hypervisor and network, with real files: it makes what is wanted."""

import asyncio
import errno
import threading
from concurrent import futures
from pathlib import Path

import pytest

from mallee.kit import files
from mallee.model.compute.instances import Halt, Phase, Power
from mallee.node import apply, fetch, host, ledger, reachability, reconcile
from mallee.node.do.guests.hypervisor import HypervisorFailed
from mallee.node.do.network.network import Tap
from mallee.node.do.storage import disks
from mallee.node.plan.guests import domain, instances, progress, steps
from mallee.node.plan.guests.seen import DomainState
from mallee.node.plan.network import reachability as plan
from tests.node import stands, wants
from tests.node.stands import WITHIN_S, Stand

KERNEL, RAMDISK = b"a kernel", b"a ramdisk"


@pytest.fixture
def stand(root_dir: Path) -> Stand:
    return stands.made(root_dir, KERNEL, RAMDISK)


UUID = domain.uuid_of(wants.make_instance().id)
SLOW_S = 90.0
"""By then whoever waits for a thread would have waited for a slow guest."""


async def test_a_life(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        assert stand.network.plugs == 1
        await stand.want(stand.instance(power=Power.STOPPED))
        await stand.wait_phase(Phase.OFF)
        await stand.want(stand.instance(launch=2))
        assert (await stand.wait_phase(Phase.RUNNING)).launch == 2
        await stand.want(stand.instance(launch=2, power=Power.TERMINATED))
        await stand.wait_phase(Phase.GONE)
        assert not any(stand.layout.instances.iterdir())
        assert stand.network.taps() == ()
        assert stand.hypervisor.list() == ()
        await stand.want()
        while reconciler.seen():
            await reconciler.wait_changed(reconciler.version)
    assert ledger.Ledger(stand.layout).progress == {}


async def test_tap_that_is_made_during_a_look_at_all_is_not_forgotten(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who ends its instance then would be told that nothing is left of it."""
    looked, may_end = threading.Event(), threading.Event()
    look = stand.network.taps

    def slow_look() -> tuple[Tap, ...]:
        found = look()
        looked.set()
        assert may_end.wait(WITHIN_S)
        return found

    async with stand.agent() as reconciler:
        monkeypatch.setattr(stand.network, "taps", slow_look)
        await stand.want()
        reconciler.poke()
        assert await asyncio.to_thread(looked.wait, WITHIN_S)
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        monkeypatch.setattr(stand.network, "taps", look)
        may_end.set()
        await stand.want(stand.instance(power=Power.TERMINATED))
        await stand.wait_phase(Phase.GONE)
        assert stand.network.taps() == ()


async def test_many_launches_at_once_share_one_fetch(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(*(stand.instance(number) for number in range(1, 9)))
        for number in range(1, 9):
            await stand.wait_phase(Phase.RUNNING, number)
    assert len(stand.blobs.fetches) == 3


async def test_without_the_cloud_guests_are_kept_from_the_ledger(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
    stand.hypervisor.restart_machine()
    stand.network.restart_machine()
    async with stand.agent():
        seen = await stand.wait_phase(Phase.RUNNING)
        assert seen.restarts == 1
    assert stand.hypervisor.starts == [stand.instance().id] * 2


async def test_an_agent_that_comes_back_adopts_what_runs(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
    async with stand.agent():
        seen = await stand.wait_phase(Phase.RUNNING)
    assert (seen.restarts, len(stand.hypervisor.starts)) == (0, 1)


async def test_a_guest_that_powered_off_while_nobody_looked_is_not_started(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
    stand.hypervisor.guest_powers_off(UUID)
    async with stand.agent():
        assert (await stand.wait_phase(Phase.OFF)).ended_by_guest
    # And that is remembered when the hypervisor has forgotten it.
    stand.hypervisor.forget_ends()
    async with stand.agent():
        assert (await stand.wait_phase(Phase.OFF)).ended_by_guest


async def test_a_killed_guest_is_started_again_at_once(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        stand.hypervisor.crash(UUID)
        seen = await stand.wait(1, lambda seen: seen.restarts == 1 and seen.phase is Phase.RUNNING)
        assert seen.cause is not None
        assert "QEMU process" in seen.cause.message


async def test_a_guest_that_finds_no_room_is_told_and_resumed_until_there_is_some(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "RESUME_AGAIN_S", 0.1)
    monkeypatch.setattr(progress, "GOES_ON_AFTER_S", 0.5)
    monkeypatch.setattr(reconcile, "SWEEP_S", 0.1)
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        stand.hypervisor.fill_disk_up(UUID)
        seen = await stand.wait(1, lambda seen: seen.halted is not None)
        assert seen.halted is not None
        assert (seen.phase, seen.halted.by) == (Phase.RUNNING, Halt.NO_ROOM)
        (problem,) = reconciler.problems
        assert "what they write finds no room" in problem
        assert problem.endswith(f"There are 1: {wants.make_instance().id}.")
        # An agent that begins anew knows since when.
    async with stand.agent() as reconciler:
        assert (await stand.wait(1, lambda seen: True)).halted == seen.halted
        stand.hypervisor.has_room = True
        await stand.wait(1, lambda seen: seen.halted is None)
        assert reconciler.problems == ()


async def test_guests_that_are_slow_leave_threads_for_what_is_no_guests(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a host whose QEMUs do not answer would be silent, and lead nobody to the world."""
    monkeypatch.setattr(reconcile, "STEPS_AT_ONCE", 2)
    guests = 4
    asyncio.get_running_loop().set_default_executor(futures.ThreadPoolExecutor(guests))
    goes_on, begun = threading.Event(), threading.Semaphore(0)
    start = stand.hypervisor.start_paused

    def slow(uuid: str) -> None:
        begun.release()
        assert goes_on.wait(WITHIN_S)
        start(uuid)

    monkeypatch.setattr(stand.hypervisor, "start_paused", slow)
    async with stand.agent():
        await stand.want(*(stand.instance(number) for number in range(1, guests + 1)))
        try:
            async with asyncio.timeout(SLOW_S):
                for _ in range(2):
                    while not begun.acquire(blocking=False):
                        await asyncio.sleep(0.01)
                for _ in range(10 * guests):
                    await asyncio.to_thread(stand.hypervisor.list)
        finally:
            goes_on.set()
        for number in range(1, guests + 1):
            await stand.wait_phase(Phase.RUNNING, number)


async def test_a_hypervisor_that_comes_back_finds_its_guests_adopted(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        stand.hypervisor.is_away = True
        reconciler.poke(stand.instance().id)
        await stand.want(stand.instance(), stand.instance(2))
        stand.hypervisor.is_away = False
        reconciler.poke()
        await stand.wait_phase(Phase.RUNNING, 2)
        assert reconciler.seen()[stand.instance().id].restarts == 0


async def test_what_no_one_claims_is_cleared_away_and_its_disk_kept(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        await stand.want()
        async with asyncio.timeout(WITHIN_S):
            while not reconciler.leftovers or stand.network.taps():
                await asyncio.sleep(0.01)
    assert stand.hypervisor.list() == ()
    kept = stand.layout.lost / stand.instance().id / domain.DISK_FILE
    assert kept.exists()
    assert str(kept.parent) in reconciler.leftovers[0]


async def test_nothing_is_cleared_away_before_the_cloud_has_spoken(stand: Stand) -> None:
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
    stand.layout.ledger.unlink()
    async with stand.agent() as reconciler:
        reconciler.poke()
        await asyncio.sleep(0)
    assert [seen.state for seen in stand.hypervisor.list()] == [DomainState.RUNNING]


async def test_an_older_generation_is_refused(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        assert not await reconciler.want(wants.make_host(stand.generation))
    assert ledger.Ledger(stand.layout).generation == stand.generation


async def test_an_older_generation_is_not_written_over_a_newer_one_that_comes_with_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, newer_is_written = files.write_atomically, threading.Event()

    def write_older_last(path: Path, data: bytes, mode: int = files.PRIVATE) -> None:
        is_older = path == stand.layout.ledger and b'"generation":1,' in data
        if is_older:
            newer_is_written.wait(1.0)
        write(path, data, mode)
        if path == stand.layout.ledger and not is_older:
            newer_is_written.set()

    monkeypatch.setattr(files, "write_atomically", write_older_last)
    async with stand.agent() as reconciler:
        older = asyncio.create_task(reconciler.want(wants.make_host(1)))
        newer = asyncio.create_task(reconciler.want(wants.make_host(2, stand.instance())))
        await asyncio.gather(older, newer)
    assert ledger.Ledger(stand.layout).generation == 2


async def test_a_generation_that_cannot_be_written_down_is_not_taken_and_that_is_said(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(path: Path, _data: bytes, _mode: int = 0) -> None:
        raise OSError(errno.ENOSPC, "no space left on the disk", str(path))

    async with stand.agent() as reconciler:
        with monkeypatch.context() as full:
            full.setattr(files, "write_atomically", no_room)
            with pytest.raises(OSError, match="no space left"):
                await stand.want(stand.instance())
            assert any("no space left" in problem for problem in reconciler.problems)
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        assert reconciler.problems == ()


async def test_trouble_with_an_instance_ends_when_nothing_is_left_of_it(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, fails = fetch.fetch_leftovers, [True]

    def fail_once(here: host.Host) -> tuple[str, ...]:
        if fails:
            raise OSError(fails.pop(), "no look at what is left")
        return look(here)

    async with stand.agent() as reconciler:
        await stand.want(stand.instance(power=Power.STOPPED))
        await stand.wait_phase(Phase.OFF)
        monkeypatch.setattr(fetch, "fetch_leftovers", fail_once)
        await stand.want()
        async with asyncio.timeout(WITHIN_S):
            while fails or reconciler.problems or reconciler.seen():
                reconciler.poke()
                await asyncio.sleep(0)


async def test_a_blob_that_is_missing_fails_the_launch_with_words(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "RETRY_S", 0.01)
    del stand.blobs.contents[stand.disk.sha256]
    async with stand.agent():
        await stand.want(stand.instance())
        seen = await stand.wait_phase(Phase.FAILED)
        assert seen.cause is not None
        assert seen.cause.code == "Server.InternalError"
        assert "host-a" in seen.cause.message
        assert "fetching the image" in seen.cause.message
        await stand.want(stand.instance(power=Power.TERMINATED))
        await stand.wait_phase(Phase.GONE)


async def test_a_cloud_that_is_away_during_a_fetch_costs_the_launch_no_try(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "RETRY_S", 0.01)
    stand.blobs.is_away = True
    async with stand.agent():
        await stand.want(stand.instance())
        async with asyncio.timeout(WITHIN_S):
            while len(stand.blobs.fetches) < 4 * progress.TRIES_MAX:
                await asyncio.sleep(0.01)
        seen = await stand.wait_phase(Phase.PREPARING)
        assert seen.cause is not None
        assert "nobody answers" in seen.cause.message
        stand.blobs.is_away = False
        assert (await stand.wait_phase(Phase.RUNNING)).cause is None


async def test_a_full_disk_fails_the_launch_at_once_and_leaves_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "FREE_MIN_BYTES", 1 << 60)
    monkeypatch.setattr(disks.check_room, "__defaults__", (1 << 60,))
    async with stand.agent():
        await stand.want(stand.instance())
        seen = await stand.wait_phase(Phase.FAILED)
    assert seen.cause is not None
    assert seen.cause.code == "Server.InsufficientInstanceCapacity"
    assert "MiB" in seen.cause.message
    directory = domain.directory_of(stand.layout, stand.instance().id)
    assert [path.name for path in directory.iterdir()] == [domain.QEMU_DIRECTORY]


async def test_terminate_ends_a_fetch_that_hangs(stand: Stand) -> None:
    stand.blobs.hangs = True
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.blobs.asked.wait()
        await stand.want(stand.instance(power=Power.TERMINATED))
        await stand.wait_phase(Phase.GONE)


LAUNCH_STEPS = [
    steps.FetchImage,
    steps.MakeDirectory,
    steps.CloneDisk,
    steps.CreateTap,
    steps.DefineDomain,
    steps.StartPaused,
    steps.Plug,
    steps.Resume,
]


@pytest.mark.parametrize("kind", LAUNCH_STEPS)
async def test_a_step_that_fails_once_is_tried_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, kind: type[steps.Step]
) -> None:
    monkeypatch.setattr(progress, "RETRY_S", 0.01)
    apply_step = apply.apply_step
    failed: list[steps.Step] = []

    async def fail_once(here: host.Host, step: steps.Step) -> None:
        if isinstance(step, kind) and not failed:
            failed.append(step)
            raise HypervisorFailed("injected")
        await apply_step(here, step)

    monkeypatch.setattr(apply, "apply_step", fail_once)
    async with stand.agent():
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
    assert failed


@pytest.mark.parametrize("kind", LAUNCH_STEPS)
async def test_an_agent_killed_in_any_step_of_a_launch_carries_on(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, kind: type[steps.Step]
) -> None:
    apply_step = apply.apply_step
    reached = asyncio.Event()

    async def do_and_hang(here: host.Host, step: steps.Step) -> None:
        await apply_step(here, step)
        if isinstance(step, kind):
            reached.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(apply, "apply_step", do_and_hang)
    async with stand.agent():
        await stand.want(stand.instance())
        await reached.wait()
    monkeypatch.setattr(apply, "apply_step", apply_step)
    async with stand.agent():
        await stand.wait_phase(Phase.RUNNING)
    assert len(stand.hypervisor.starts) == 1


async def test_stray_taps_are_removed(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        stand.network.create_tap(wants.make_interface(7))
        reconciler.poke()
        async with asyncio.timeout(WITHIN_S):
            while len(stand.network.taps()) > 1:
                await asyncio.sleep(0.01)


async def test_a_card_comes_and_goes_and_its_tap_goes_after_it(stand: Stand) -> None:
    own = wants.make_interface().id
    tap = stand.layout.tap(own)
    async with stand.agent() as reconciler:
        await stand.want(stand.instance(interface_ids=()))
        await stand.wait_phase(Phase.RUNNING)
        await stand.want(stand.instance())
        await stand.wait(1, lambda seen: seen.interface_ids == (own,))
        assert stand.network.taps()[0].namespace == stand.layout.vpc_namespace(
            wants.make_interface().vpc_id
        )
        stand.hypervisor.guests_listen = False
        await stand.want(stand.instance(interface_ids=()))
        reconciler.poke()
        await stand.wait(1, lambda seen: seen.interface_ids == ())
        # The guest holds its card: the tap stays until it lets go.
        await reconciler._sweep()
        assert [one.name for one in stand.network.taps()] == [tap]
        stand.hypervisor.guests_listen = True
        async with asyncio.timeout(WITHIN_S):
            while stand.network.taps():
                reconciler.poke()
                await asyncio.sleep(0.01)


async def test_a_running_guest_is_asked_whether_it_answers(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "LOOK_EVERY_S", 0.01)
    async with stand.agent():
        await stand.want(stand.instance())
        answering = await stand.wait(1, lambda seen: seen.reach is not None)
        assert answering.reach is not None
        assert answering.reach.answers
        monkeypatch.setattr(plan, "PATIENCE_S", 0.0)
        stand.network.silent.update(stand.instance().interface_ids)
        await stand.wait(1, lambda seen: seen.reach is not None and not seen.reach.answers)
        await stand.want(stand.instance(power=Power.STOPPED))
        off = await stand.wait_phase(Phase.OFF)
        assert off.reach is None
