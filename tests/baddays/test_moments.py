"""Wishes that come at the wrong moment: in the middle of a launch, at any of its steps."""

import pytest

from tests import wholecloud
from tests.baddays import traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

MOMENTS = ("root", "domain", "console.log")


def wait_moment(cloud: Cloud, instance: str, moment: str) -> None:
    """Wait until the launch has come so far as to have made this."""
    directory = cloud.layout.instances / instance
    wanted = [{"Name": "attachment.instance-id", "Values": [instance]}]
    (root,) = cloud.ec2.describe_volumes(Filters=wanted)["Volumes"]

    def has_come() -> bool:
        if moment == "root":
            return (cloud.layout.volumes / root["VolumeId"] / "1.qcow2").exists()
        if moment == "domain":
            return instance in traces.domains(cloud)
        return (directory / moment).exists()

    wholecloud.wait_until(has_come, 240.0, f"{moment} of {instance}")


@pytest.mark.parametrize("moment", MOMENTS)
def test_terminated_at_any_moment_of_a_launch_it_leaves_nothing(cloud: Cloud, moment: str) -> None:
    instance, interface = traces.launch(cloud)
    wait_moment(cloud, instance, moment)
    cloud.terminate(instance)
    traces.wait_nothing_left(cloud, instance, interface)


@pytest.mark.parametrize("moment", ["root", "console.log"])
def test_stopped_at_any_moment_of_a_launch_it_starts_again(cloud: Cloud, moment: str) -> None:
    instance = cloud.run()
    try:
        wait_moment(cloud, instance, moment)
        cloud.ec2.stop_instances(InstanceIds=[instance], Force=True)
        cloud.wait_state(instance, "stopped")
        assert cloud.guest_process(instance) is None
        cloud.ec2.start_instances(InstanceIds=[instance])
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "true")
    finally:
        cloud.terminate(instance)
