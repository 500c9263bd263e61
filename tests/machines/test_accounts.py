"""The end of an account on a real host: guest, network and disk go, whatever is killed."""

import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.box import client as api
from tests import freeports, wholecloud
from tests.clients import programs
from tests.wholecloud import Cloud, wait_until

pytestmark = pytest.mark.machine


@pytest.fixture
def own_cloud() -> Iterator[Cloud]:
    """A cloud that can be killed, and comes back where agents and clients look for it."""
    with wholecloud.fresh(replace(wholecloud.SETTINGS, ports=freeports.ports())) as made:
        yield made


def _left_on_host(cloud: Cloud, instance: str, vpc: str) -> list[str]:
    """Whatever of the account's guest and network is on the host."""
    domains = subprocess.run(
        ["virsh", "-c", cloud.layout.libvirt_uri, "list", "--all", "--name"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    left = [f"domain {name}" for name in domains if name == instance]
    if (cloud.layout.instances / instance).exists():
        left.append("disk")
    if cloud.guest_process(instance) is not None:
        left.append("process")
    namespaces = subprocess.run(
        ["ip", "netns", "list"], capture_output=True, text=True, check=True
    ).stdout
    if cloud.layout.vpc_namespace(vpc) in namespaces:
        left.append("network")
    return left


def _used_addresses(cloud: Cloud) -> int:
    return api.call(cloud.access, "mallee", "DescribeCloud")["PublicAddressesUsed"]


def test_account_with_a_guest_ends_whole_though_the_cloud_is_killed(own_cloud: Cloud) -> None:
    cloud = own_cloud
    used = _used_addresses(cloud)
    who = cloud.account("leaving")
    ec2 = cloud.client("ec2", who)
    instance = ec2.run_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        MinCount=1,
        MaxCount=1,
        DisableApiTermination=True,
    )["Instances"][0]
    address = ec2.allocate_address()["AllocationId"]
    wait_until(
        lambda: _state(ec2, instance["InstanceId"]) == "running",
        wholecloud.GUEST_S,
        "the guest to run",
    )
    ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
    dry = programs.mallee(cloud, *_command("--dry-run"))
    assert instance["InstanceId"] in dry.out, dry.err

    asked = programs.mallee(cloud, *_command("--recursive", "--yes", "--no-wait"))
    assert asked.status == 0, asked.err
    cloud.daemon("cloud").signal(signal.SIGKILL)
    wait_until(lambda: _is_gone(cloud), wholecloud.GUEST_S, "the account to be gone")
    # Its host is told a moment later that the network is nobody's any more.
    wait_until(
        lambda: _left_on_host(cloud, instance["InstanceId"], instance["VpcId"]) == [],
        wholecloud.GUEST_S,
        "nothing to be left on the host",
    )
    assert _used_addresses(cloud) == used


def _command(*more: str) -> tuple[str, ...]:
    return ("accounts", "delete", "leaving", *more)


def _state(ec2: Any, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


def _is_gone(cloud: Cloud) -> bool:
    try:
        found = api.call(cloud.access, "mallee", "ListAccounts")["Accounts"]
    except api.Unreachable:
        return False
    return all(account["AccountName"] != "leaving" for account in found)
