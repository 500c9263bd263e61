"""What a first user does: an instance that boots, takes its key, and answers SSH."""

import pytest

from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine


def test_an_instance_boots_takes_its_key_and_answers_ssh(cloud: Cloud) -> None:
    instance = cloud.run()
    try:
        said = cloud.ssh(instance, "hostname; cat /proc/uptime")
        shown = cloud.instance(instance)
        assert shown["State"]["Name"] == "running"
        assert said.split()[0] == shown["PrivateDnsName"].partition(".")[0]
    finally:
        cloud.terminate(instance)
    assert not (cloud.layout.instances / instance).exists()
    assert cloud.guest_process(instance) is None
