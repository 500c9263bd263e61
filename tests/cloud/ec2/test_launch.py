"""RunInstances: what it makes, what it refuses, and that a refusal leaves nothing behind."""

from typing import Any

from tests.cloud.ec2.asking import described, launch_one
from tests.cloud.ec2.world import FakeHost


def test_an_instance_is_pending_until_its_host_says_otherwise(alice: Any, host: FakeHost) -> None:
    made = launch_one(alice)
    assert made["State"] == {"Code": 0, "Name": "pending"}
    host.settle()
    assert described(alice, made["InstanceId"])["State"] == {"Code": 16, "Name": "running"}
