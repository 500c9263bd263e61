"""An agent killed at every step, or doing every step twice, ends where a healthy one does."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mallee.box import status, steps, up
from mallee.model.images import catalogue
from tests import wholecloud
from tests.baddays import traces
from tests.machines import test_volumes as volumes
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

LAUNCH = (*("MakeDirectory", "CreateTap", "DefineDomain", "StartPaused", "Plug", "Resume"),)
SIDE_BY_SIDE = {"after CreateTap", "after DefineDomain"}
"""What these begin is finished by others (the kernel, libvirtd) though the agent dies in
a step beside them; the next agent finds it done and may never come past its end."""
DISK = ("AttachDisk", "DetachDisk")
END = ("ShutDown", "Undefine", "RemoveTap", "RemoveDirectory")


@contextmanager
def agent_that(cloud: Cloud, mode: str, marks: Path) -> Generator[None]:
    """Put agents that fail in the place of the cloud's own: another comes when one has died."""
    traces.kill(cloud, status.SUPERVISOR)
    traces.kill(cloud, "node")
    argv = [sys.executable, "-m", "tests.baddays.dying_agent", mode, str(marks)]
    with subprocess.Popen(
        [*argv, str(cloud.layout.root)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as agents:
        try:
            yield
        finally:
            agents.terminate()
            agents.wait()
            steps.run(up.plan(cloud.layout), wholecloud.Silent())


def test_an_agent_killed_before_and_after_every_step_finishes_a_life(
    cloud: Cloud, tmp_path: Path
) -> None:
    with agent_that(cloud, "die", tmp_path):
        instance, interface = traces.launch(cloud)
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "true")
        console = (cloud.layout.instances / instance / "console.log").read_text(errors="replace")
        assert console.count(catalogue.FIRST_LINE) == 1
        assert "StateReason" not in cloud.instance(instance)
        _lend_a_volume(cloud, instance)
        cloud.terminate(instance)
    every = (*LAUNCH, *DISK, *END)
    wanted = {f"{when} {step}" for when in ("before", "after") for step in every}
    assert wanted - SIDE_BY_SIDE <= {path.name for path in tmp_path.iterdir()}
    traces.wait_nothing_left(cloud, instance, interface)


def _lend_a_volume(cloud: Cloud, instance: str) -> None:
    """Have the guest get a volume and let it go."""
    with volumes.made(cloud) as volume:
        cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        volumes.wait_disk(cloud, instance, volume, bool)
        cloud.ec2.detach_volume(VolumeId=volume)
        volumes.wait_state(cloud, volume, "available")


def test_every_step_done_twice_is_done_once(cloud: Cloud, tmp_path: Path) -> None:
    with agent_that(cloud, "twice", tmp_path):
        instance, interface = traces.launch(cloud)
        cloud.ssh(instance, "true")
        console = (cloud.layout.instances / instance / "console.log").read_text(errors="replace")
        assert console.count(catalogue.FIRST_LINE) == 1
        assert cloud.ssh(instance, "ip -o link | grep -c eth") == "1\n"
        _lend_a_volume(cloud, instance)
        cloud.terminate(instance)
    wanted = {f"twice {step}" for step in (*LAUNCH, *DISK, *END)}
    assert wanted <= {path.name for path in tmp_path.iterdir()}
    traces.wait_nothing_left(cloud, instance, interface)
