"""A guest's credentials on bad days: it has them as long as its host stands."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests import wholecloud
from tests.baddays import traces
from tests.wholecloud import Cloud

pytestmark = [pytest.mark.host, pytest.mark.machine]

ROLE = "baddays"
BACK_S = 240.0
PATH = f"meta-data/iam/security-credentials/{ROLE}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


def told(cloud: Cloud, guest: str) -> str:
    """What the guest is told of its role."""
    return cloud.ssh_to(_address(cloud, guest), f"/etc/mallee/imds {PATH} || echo absent")


_addresses: dict[str, str] = {}


def _address(cloud: Cloud, guest: str) -> str:
    """The guest's address, which is asked for once: the cloud may be away later."""
    if guest not in _addresses:
        _addresses[guest] = cloud.instance(guest)["PublicIpAddress"]
    return _addresses[guest]


@pytest.fixture
def iam(cloud: Cloud, guest: str) -> Iterator[Any]:
    """The guest has a role meanwhile."""
    iam = cloud.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    made = cloud.ec2.associate_iam_instance_profile(
        InstanceId=guest, IamInstanceProfile={"Name": ROLE}
    )["IamInstanceProfileAssociation"]
    wholecloud.wait_until(lambda: "ASIA" in told(cloud, guest), BACK_S, "the role's credentials")
    yield iam
    cloud.ec2.disassociate_iam_instance_profile(AssociationId=made["AssociationId"])
    iam.remove_role_from_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    iam.delete_instance_profile(InstanceProfileName=ROLE)
    iam.delete_role(RoleName=ROLE)


def test_credentials_outlive_the_agent_while_the_cloud_is_away(
    cloud: Cloud, guest: str, iam: Any
) -> None:
    before = told(cloud, guest)
    away = cloud.daemon("cloud")
    away.signal(signal.SIGSTOP)
    try:
        killed = traces.kill(cloud, "node")
        wholecloud.wait_until(lambda: cloud.daemon("node").pid != killed.pid, BACK_S, "another")
        wholecloud.wait_until(lambda: told(cloud, guest) == before, BACK_S, "the credentials")
    finally:
        away.signal(signal.SIGCONT)
    traces.wait_works(cloud, guest)
    assert told(cloud, guest) == before


def test_a_profile_that_changes_while_the_agent_is_dead_is_told_when_it_is_back(
    cloud: Cloud, guest: str, iam: Any
) -> None:
    traces.kill(cloud, "node")
    iam.remove_role_from_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    traces.wait_works(cloud, guest)
    wholecloud.wait_until(lambda: told(cloud, guest) == "absent\n", BACK_S, "their end")
    iam.add_role_to_instance_profile(InstanceProfileName=ROLE, RoleName=ROLE)
    wholecloud.wait_until(lambda: "ASIA" in told(cloud, guest), BACK_S, "fresh ones")
