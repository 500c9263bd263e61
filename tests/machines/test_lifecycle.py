"""What a life of an instance keeps and what it changes, seen from the API and from inside."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cli import client
from mallee.node.plan.network import shaping
from tests import wholecloud
from tests.machines.guests import code_of, launched, start, stop, when_alone
from tests.wholecloud import Cloud

POWER_OFF = when_alone("poweroff")

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def one_guest(cloud: Cloud) -> Iterator[str]:
    """A guest whose life goes on from law to law."""
    with launched(cloud) as instance:
        cloud.ssh(instance, "echo kept >/root/kept; sync")
        yield instance


@pytest.fixture
def guest(cloud: Cloud, one_guest: str) -> str:
    """The same guest, running, whatever the law before made of it."""
    if cloud.state(one_guest) == "stopped":
        start(cloud, one_guest)
    return one_guest


def traces(cloud: Cloud, instance: str, interface: str) -> list[str]:
    """Whatever of an instance is left on the host, in words."""
    found = subprocess.run(
        ["virsh", "-c", cloud.layout.libvirt_uri, "list", "--all", "--name"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    left = [f"domain {name}" for name in found if name == instance]
    if (cloud.layout.instances / instance).exists():
        left.append(f"directory of {instance}")
    if cloud.guest_process(instance) is not None:
        left.append(f"process of {instance}")
    vpc = cloud.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    for name in (cloud.layout.hypervisor_namespace, cloud.layout.vpc_namespace(vpc)):
        shown = subprocess.run(
            ["ip", "-n", name, "link", "show", cloud.layout.tap(interface)],
            capture_output=True,
            check=False,
        )
        if shown.returncode == 0:
            left.append(f"tap in {name}")
    return left


def wait_nothing_left(cloud: Cloud, instance: str, interface: str) -> None:
    """Wait until nothing of an instance that has ended is on the host."""
    # A look at the network that began before may have made its link once more; the next takes it.
    wholecloud.wait_until(
        lambda: traces(cloud, instance, interface) == [], wholecloud.GUEST_S, "nothing left"
    )


def test_stop_and_start_keep_disk_interface_and_private_address(cloud: Cloud, guest: str) -> None:
    before = cloud.instance(guest)

    stop(cloud, guest)
    stopped = cloud.instance(guest)
    assert cloud.guest_process(guest) is None
    assert "PublicIpAddress" not in stopped
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].startswith("User initiated (")

    start(cloud, guest)
    after = cloud.instance(guest)
    assert cloud.ssh(guest, "cat /root/kept") == "kept\n"
    for same in ("PrivateIpAddress", "SubnetId", "PrivateDnsName"):
        assert after[same] == before[same]
    for same in ("NetworkInterfaceId", "MacAddress"):
        assert after["NetworkInterfaces"][0][same] == before["NetworkInterfaces"][0][same]
    assert after["LaunchTime"] > before["LaunchTime"]
    assert "StateReason" not in after
    assert after["StateTransitionReason"] == ""


def test_stop_gives_the_lent_public_address_back(cloud: Cloud, guest: str) -> None:
    lent = cloud.instance(guest)["PublicIpAddress"]
    stop(cloud, guest)
    taken = cloud.ec2.allocate_address(Domain="vpc", Address=lent)
    try:
        assert taken["PublicIp"] == lent
        start(cloud, guest)
        assert cloud.instance(guest)["PublicIpAddress"] != lent
        cloud.ssh(guest, "true")
    finally:
        cloud.ec2.release_address(AllocationId=taken["AllocationId"])


def rates(cloud: Cloud, instance: str) -> dict[str, int]:
    """Bytes per second to which the kernel holds the devices of the first interface."""
    shown = cloud.instance(instance)
    interface = shown["NetworkInterfaces"][0]["NetworkInterfaceId"]
    namespace = cloud.layout.vpc_namespace(shown["VpcId"])
    told = subprocess.run(
        ["ip", "netns", "exec", namespace, "tc", "-json", "qdisc", "show"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    own = (cloud.layout.tap(interface), cloud.layout.send_limiter(interface))
    return {name: rate for name, rate in shaping.parse_seen(told).rates.items() if name in own}


def test_type_changed_while_stopped_is_what_the_guest_gets(cloud: Cloud, guest: str) -> None:
    sizes = {"Vcpus": 2, "MemoryMib": 512, "NetworkMbps": 40}
    client.call(cloud.layout, "mallee", "CreateInstanceType", {"TypeName": "lab.large", **sizes})
    change = {"InstanceId": guest, "InstanceType": {"Value": "lab.large"}}
    with pytest.raises(ClientError) as refused:
        cloud.ec2.modify_instance_attribute(**change)
    assert code_of(refused) == "IncorrectInstanceState"
    before = int(cloud.ssh(guest, "awk '/MemTotal/ {print $2}' /proc/meminfo"))

    stop(cloud, guest)
    cloud.ec2.modify_instance_attribute(**change)
    start(cloud, guest)

    assert cloud.instance(guest)["InstanceType"] == "lab.large"
    after = int(cloud.ssh(guest, "awk '/MemTotal/ {print $2}' /proc/meminfo"))
    assert after > 1.8 * before
    assert cloud.ssh(guest, "nproc") == "2\n"
    assert cloud.ssh(guest, "/etc/mallee/imds meta-data/instance-type") == "lab.large"
    assert set(rates(cloud, guest).values()) == {40_000_000 // 8}
    assert len(rates(cloud, guest)) == 2


def test_reboot_starts_the_guest_afresh_and_keeps_its_addresses(cloud: Cloud, guest: str) -> None:
    before = cloud.instance(guest)
    process = cloud.guest_process(guest)
    first_boot = cloud.ssh(guest, "cat /proc/sys/kernel/random/boot_id")
    cloud.ec2.reboot_instances(InstanceIds=[guest])

    def is_another_boot() -> bool:
        return cloud.ssh(guest, "cat /proc/sys/kernel/random/boot_id") != first_boot

    wholecloud.wait_until(is_another_boot, wholecloud.GUEST_S, "the guest to boot again")
    after = cloud.instance(guest)
    assert after["State"]["Name"] == "running"
    for same in ("PublicIpAddress", "PrivateIpAddress", "LaunchTime"):
        assert after[same] == before[same]
    assert cloud.guest_process(guest) == process
    assert cloud.ssh(guest, "cat /root/kept") == "kept\n"


def test_a_guest_that_powers_itself_off_is_stopped_with_the_reason(
    cloud: Cloud, guest: str
) -> None:
    cloud.ssh(guest, POWER_OFF)
    cloud.wait_state(guest, "stopped")
    stopped = cloud.instance(guest)
    assert stopped["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert "PublicIpAddress" not in stopped
    start(cloud, guest)
    assert cloud.ssh(guest, "cat /root/kept") == "kept\n"


def test_a_guest_that_powers_itself_off_is_terminated_when_its_owner_chose_so(
    cloud: Cloud,
) -> None:
    with launched(cloud, InstanceInitiatedShutdownBehavior="terminate") as instance:
        cloud.ssh(instance, POWER_OFF)
        cloud.wait_state(instance, "terminated")
        reason = cloud.instance(instance)["StateReason"]
        assert reason["Code"] == "Client.InstanceInitiatedShutdown"


def test_force_switches_off_a_guest_that_ignores_the_power_button(cloud: Cloud, guest: str) -> None:
    cloud.ssh(guest, "sync; killall acpid agent")
    cloud.ec2.stop_instances(InstanceIds=[guest])
    assert cloud.state(guest) == "stopping"
    cloud.ec2.stop_instances(InstanceIds=[guest], Force=True)
    # Less than the patience that a guest is given to power itself off.
    cloud.wait_state(guest, "stopped", timeout_s=0.8 * wholecloud.SETTINGS.deadlines.stop_s)
    start(cloud, guest)


def test_protection_keeps_an_instance_from_being_ended_by_the_api(cloud: Cloud, guest: str) -> None:
    ec2 = cloud.ec2
    ec2.modify_instance_attribute(InstanceId=guest, DisableApiTermination={"Value": True})
    ec2.modify_instance_attribute(InstanceId=guest, DisableApiStop={"Value": True})
    with pytest.raises(ClientError) as not_terminated:
        ec2.terminate_instances(InstanceIds=[guest])
    with pytest.raises(ClientError) as not_stopped:
        ec2.stop_instances(InstanceIds=[guest])
    ec2.modify_instance_attribute(InstanceId=guest, DisableApiTermination={"Value": False})
    ec2.modify_instance_attribute(InstanceId=guest, DisableApiStop={"Value": False})
    assert code_of(not_terminated) == code_of(not_stopped) == "OperationNotPermitted"
    assert cloud.state(guest) == "running"


def test_several_at_once_are_numbered_and_terminating_leaves_nothing(cloud: Cloud) -> None:
    made = cloud.ec2.run_instances(
        ImageId=cloud.image(),
        InstanceType="m1.small",
        KeyName="tests",
        SecurityGroupIds=[cloud.open_group()],
        MinCount=2,
        MaxCount=2,
    )
    instances = [one["InstanceId"] for one in made["Instances"]]
    interfaces = [one["NetworkInterfaces"][0]["NetworkInterfaceId"] for one in made["Instances"]]
    try:
        for index, instance in enumerate(instances):
            asked = cloud.ssh(instance, "/etc/mallee/imds meta-data/ami-launch-index")
            assert int(asked) == index == cloud.instance(instance)["AmiLaunchIndex"]
        assert all(cloud.instance(one)["State"]["Name"] == "running" for one in instances)
    finally:
        cloud.terminate(*instances)
    wholecloud.wait_until(
        lambda: not _known_interfaces(cloud, interfaces), wholecloud.GUEST_S, "interfaces to go"
    )
    for instance, interface in zip(instances, interfaces, strict=True):
        wait_nothing_left(cloud, instance, interface)
        gone = cloud.instance(instance)
        assert not {"PublicIpAddress", "PrivateIpAddress"} & set(gone)
        assert gone["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_terminate_during_the_launch_ends_terminated_and_leaves_nothing(cloud: Cloud) -> None:
    made = cloud.launch()
    instance = made["InstanceId"]
    interface = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
    assert made["State"]["Name"] == "pending"
    cloud.ec2.terminate_instances(InstanceIds=[instance])
    cloud.wait_state(instance, "terminated")
    wait_nothing_left(cloud, instance, interface)


def _known_interfaces(cloud: Cloud, interfaces: list[str]) -> list[Any]:
    wanted = [{"Name": "network-interface-id", "Values": interfaces}]
    return cloud.ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
