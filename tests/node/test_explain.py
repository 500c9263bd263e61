"""What the agent says that it would do is what it would do, and saying it does nothing."""

from pathlib import Path

import pytest

from mallee.model.compute.instances import Phase, Power
from mallee.model.hosts.plans import INSTANCES_MAX
from mallee.node.do.guests.hypervisor import HypervisorFailed
from tests.node import stands, wants
from tests.node.stands import Stand

KERNEL, RAMDISK = b"a kernel", b"a ramdisk"


@pytest.fixture
def stand(root_dir: Path) -> Stand:
    return stands.made(root_dir, KERNEL, RAMDISK)


async def test_the_plan_of_a_launch_is_told_step_by_step(stand: Stand) -> None:
    stand.blobs.hangs = True
    wanted = stand.instance()
    async with stand.agent() as reconciler:
        await stand.want(wanted)
        await stand.blobs.asked.wait()
        told = await reconciler.explain(wanted.id)
        assert (told.generation, len(told.instances)) == (stand.generation, 1)
        (plan,) = told.instances
        assert (plan.instance_id, plan.stage, plan.problem) == (wanted.id, "new", "")
        assert [step.name for step in plan.steps] == [
            *("FetchImage", "FetchImage", "FetchImage", "MakeDirectory", "CloneDisk"),
            *("CreateTap", "DefineDomain", "StartPaused", "Plug", "Resume"),
        ]
        by_name = {step.name: step for step in plan.steps}
        assert by_name["CloneDisk"].words == "cloning the disk"
        assert by_name["CloneDisk"].about == wanted.id
        assert by_name["Plug"].about == wanted.interface_ids[0]
        assert plan.steps[0].about == wanted.disk.sha256
        assert stand.hypervisor.starts == []


async def test_nothing_is_to_be_done_for_what_runs(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        (plan,) = (await reconciler.explain(stand.instance().id)).instances
        assert (plan.stage, plan.steps, plan.tries) == ("ran", (), 0)
        whole = await reconciler.explain("")
        assert whole.instances == ()
        assert whole.network_generation == stand.generation
        assert whole.network_problems == ()


async def test_a_stop_is_told_as_the_button_that_is_pressed(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)
        stand.hypervisor.guests_listen = False
        await stand.want(stand.instance(power=Power.STOPPED))
        await stand.wait_phase(Phase.STOPPING)
        (plan,) = (await reconciler.explain(stand.instance().id)).instances
        # Between two presses there is nothing to do but wait.
        assert plan.looks_again_at is not None or [it.name for it in plan.steps] == ["ShutDown"]


async def test_an_instance_that_this_host_never_heard_of_is_not_looked_for(stand: Stand) -> None:
    async with stand.agent() as reconciler:
        for id in ("i-99999999999999999", "../../etc", "x" * 9999):
            (plan,) = (await reconciler.explain(id)).instances
            assert (plan.steps, plan.problem) == ((), "this host has not heard of it")


async def test_what_cannot_be_looked_at_is_said(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stand.agent() as reconciler:
        await stand.want(stand.instance())
        await stand.wait_phase(Phase.RUNNING)

        def fail(_: str) -> None:
            raise HypervisorFailed("libvirt is away")

        monkeypatch.setattr(stand.hypervisor, "read", fail)
        (plan,) = (await reconciler.explain(stand.instance().id)).instances
        assert plan.problem == "it cannot be looked at: libvirt is away"


async def test_of_a_whole_host_only_so_many_are_told(stand: Stand) -> None:
    stand.blobs.hangs = True
    count = INSTANCES_MAX + 3
    async with stand.agent() as reconciler:
        await stand.want(*(stand.instance(number) for number in range(1, count + 1)))
        told = await reconciler.explain("")
        assert (len(told.instances), told.instances_left_out) == (INSTANCES_MAX, 3)
        assert told.instances[0].instance_id == wants.make_instance(1).id
