"""Into a guest without key and public address: by EC2 Instance Connect, as people's programs do."""

import contextlib
import subprocess
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mallee.model.hosts.hosts import PUSHED_KEY_S
from tests import wholecloud
from tests.clients import programs
from tests.machines import guests
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

READY = "mallee-tiny: ssh ready"


@dataclass(frozen=True, slots=True)
class Inside:
    """A guest that nobody reaches but by its endpoint, and what lets it be reached."""

    id: str
    subnet: str
    group: str
    endpoint: str
    endpoint_group: str


@contextlib.contextmanager
def keyless(cloud: Cloud, group: str, *, is_public: bool) -> Generator[str]:
    """A running guest without a key pair."""
    with launched(cloud, card_of(group, is_public=is_public)) as instance:
        cloud.wait_console(instance, READY)
        yield instance


@contextlib.contextmanager
def launched(cloud: Cloud, card: dict[str, object]) -> Generator[str]:
    """A guest without a key pair, at the moment of its launch."""
    made = cloud.ec2.run_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[card],
    )
    instance = made["Instances"][0]["InstanceId"]
    try:
        yield instance
    finally:
        cloud.terminate(instance)


def card_of(group: str, *, is_public: bool) -> dict[str, object]:
    return {"DeviceIndex": 0, "Groups": [group], "AssociatePublicIpAddress": is_public}


@pytest.fixture(scope="module")
def inside(cloud: Cloud) -> Iterator[Inside]:
    ec2 = cloud.ec2
    with (
        guests.ssh_group(cloud, "endpoint") as own,
        guests.ssh_group(cloud, "inside") as group,
        keyless(cloud, group, is_public=False) as instance,
    ):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[guests.SSH])
        subnet = cloud.instance(instance)["SubnetId"]
        made = ec2.create_instance_connect_endpoint(SubnetId=subnet, SecurityGroupIds=[own])
        endpoint = made["InstanceConnectEndpoint"]["InstanceConnectEndpointId"]
        yield Inside(instance, subnet, group, endpoint, own)
        ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=endpoint)


def may_ssh(inside: Inside) -> list[dict[str, object]]:
    pair = {"GroupId": inside.endpoint_group}
    return [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [pair]}]


def test_ssh_needs_no_key_and_no_public_address(cloud: Cloud, inside: Inside) -> None:
    # The instance's group lets nobody in, and so not the endpoint.
    refused = programs.mallee(cloud, "ssh", inside.id, "true")
    assert (refused.status, "no ingress rule of the groups of eni-" in refused.err) == (1, True)
    cloud.ec2.authorize_security_group_ingress(GroupId=inside.group, IpPermissions=may_ssh(inside))
    said = programs.mallee(cloud, "ssh", inside.id, "hostname; exit 7")
    assert (said.out.startswith("ip-"), said.status) == (True, 7), said.err
    # The endpoint's own group lets nothing out any more.
    rules = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    cloud.ec2.revoke_security_group_egress(GroupId=inside.endpoint_group, IpPermissions=rules)
    refused = programs.mallee(cloud, "ssh", inside.id, "true")
    assert (refused.status, "no egress rule of the groups of eni-" in refused.err) == (1, True)
    cloud.ec2.authorize_security_group_egress(GroupId=inside.endpoint_group, IpPermissions=rules)
    assert programs.mallee(cloud, "ssh", inside.id, "true").status == 0


def test_nothing_answers_behind_the_endpoint(cloud: Cloud, inside: Inside) -> None:
    found = cloud.ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": [f"*{inside.endpoint}"]}]
    )
    [card] = found["NetworkInterfaces"]
    ask = f"nc -w 2 {card['PrivateIpAddress']} 8773 </dev/null; echo ended $?"
    assert programs.mallee(cloud, "ssh", inside.id, ask).out == "ended 1"


@pytest.fixture(scope="module")
def outside(cloud: Cloud) -> Iterator[str]:
    """A guest without a key at a public address."""
    with guests.ssh_group(cloud, "outside") as group, keyless(cloud, group, is_public=True) as id:
        yield id


def test_ssh_waits_for_a_guest_that_was_just_launched(cloud: Cloud) -> None:
    with (
        guests.ssh_group(cloud, "at-once") as group,
        launched(cloud, card_of(group, is_public=True)) as id,
    ):
        said = programs.mallee(cloud, "ssh", id, "hostname")
        assert (said.out.startswith("ip-"), said.status) == (True, 0), said.err
        assert f"waiting for SSH of {id}" in said.err
        cloud.ec2.stop_instances(InstanceIds=[id])
        refused = programs.mallee(cloud, "ssh", id, "hostname")
        assert (refused.status, "start-instances" in refused.err) == (1, True), refused.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.mark.parametrize("program", programs.CLIS)
def test_the_aws_cli_pushes_a_key(cloud: Cloud, outside: str, folder: Path, program: Path) -> None:
    key = key_for(folder, program)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    assert log_in(cloud, outside, key, "true").status == 255
    told = programs.aws(
        cloud,
        program,
        *("ec2-instance-connect", "send-ssh-public-key", "--instance-id", outside),
        *("--instance-os-user", "root", "--ssh-public-key", f"file://{key}.pub"),
        *("--availability-zone", cloud.instance(outside)["Placement"]["AvailabilityZone"]),
    )
    assert "True" in told.split()
    assert log_in(cloud, outside, key, "hostname").out.startswith("ip-")


def test_a_minute_later_it_is_gone(cloud: Cloud, outside: str, folder: Path) -> None:
    """Of the metadata, and of the guest's file of keys."""
    key = key_for(folder, programs.CLIS[0])
    # It was pushed after it was made. Each try before its end would cost the guest seconds.
    end = key.stat().st_mtime + PUSHED_KEY_S
    wholecloud.wait_until(
        lambda: time.time() > end, PUSHED_KEY_S + wholecloud.GUEST_S, "its minute to be over"
    )
    wholecloud.wait_until(
        lambda: log_in(cloud, outside, key, "true").status == 255,
        wholecloud.GUEST_S,
        "the key to be over",
    )


def key_for(folder: Path, program: Path) -> Path:
    return folder / f"key{programs.CLIS.index(program)}"


def log_in(cloud: Cloud, instance: str, key: Path, command: str) -> programs.Said:
    address = cloud.instance(instance)["PublicIpAddress"]
    return programs.run(cloud, "ssh", "-i", key, *OPTIONS, f"root@{address}", command)


OPTIONS = (
    *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
    *("-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes"),
)
