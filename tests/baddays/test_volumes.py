"""Bad days with volumes: whoever is killed, what was synced is there, and attachments end."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import wholecloud
from tests.baddays import traces
from tests.machines import test_volumes as volumes
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

ENOUGH = 40
"""Blocks that a guest has synced before it is killed."""
WRITER = """
n=1
while :; do
    printf '%08d' $n | dd of=/dev/DISK bs=512 seek=$n count=1 conv=fsync,notrunc 2>/dev/null
    echo $n
    n=$((n + 1))
done
"""


@contextmanager
def attached(cloud: Cloud, instance: str) -> Generator[str]:
    """A volume that the guest has; what it calls it."""
    with volumes.made(cloud) as volume:
        cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        try:
            yield volume
        finally:
            cloud.ec2.detach_volume(VolumeId=volume)


def synced(cloud: Cloud, instance: str, disk: str) -> tuple[subprocess.Popen[str], int]:
    """Have the guest write and sync blocks; return the connection, and how many it told of."""
    address = cloud.instance(instance)["PublicIpAddress"]
    line = [
        *("ssh", "-i", str(cloud.key_pair("tests")), "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", "LogLevel=ERROR", f"root@{address}", WRITER.replace("DISK", disk)),
    ]
    writer = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = 0
    while told < ENOUGH:
        told = int(writer.stdout.readline())
    return writer, told


def test_what_a_guest_has_synced_outlives_its_qemu(cloud: Cloud, guest: str) -> None:
    with attached(cloud, guest) as volume:
        disk = volumes.wait_disk(cloud, guest, volume, bool)
        writer, told = synced(cloud, guest, disk)
        process = cloud.guest_process(guest)
        assert process is not None
        os.kill(process, signal.SIGKILL)
        writer.kill()
        writer.wait()
        wholecloud.wait_until(
            lambda: cloud.guest_process(guest) not in (None, process),
            wholecloud.GUEST_S,
            "another QEMU",
        )
        disk = volumes.wait_disk(cloud, guest, volume, bool)
        found = cloud.ssh(guest, f"dd if=/dev/{disk} bs=512 skip=1 count={told} 2>/dev/null")
        assert found.replace("\0", "") == "".join(f"{n:08}" for n in range(1, told + 1))
        volumes.wait_attached(cloud, volume)


@pytest.mark.parametrize("name", ["cloud", "node", "libvirtd"])
def test_attachments_come_and_go_though_daemons_are_killed(
    cloud: Cloud, guest: str, name: str
) -> None:
    before = traces.life_of(cloud, guest)
    with volumes.made(cloud) as volume:
        cloud.ec2.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
        traces.kill(cloud, name)
        traces.wait_works(cloud, guest)
        volumes.wait_attached(cloud, volume)
        disk = volumes.wait_disk(cloud, guest, volume, bool)
        cloud.ssh(guest, f"echo {name} | dd of=/dev/{disk} conv=fsync 2>/dev/null")
        cloud.ec2.detach_volume(VolumeId=volume)
        traces.kill(cloud, name)
        traces.wait_works(cloud, guest)
        volumes.wait_state(cloud, volume, "available")
        volumes.wait_disk(cloud, guest, volume, lambda found: not found)
    assert traces.life_of(cloud, guest) == before


def test_a_volume_whose_guest_will_not_let_go_stays_its_guests(cloud: Cloud, guest: str) -> None:
    """A guest that stands still obeys nobody: the volume is nobody else's until it does."""
    ec2: Any = cloud.ec2
    with volumes.made(cloud) as volume:
        ec2.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
        volumes.wait_disk(cloud, guest, volume, bool)
        volumes.wait_attached(cloud, volume)
        process = cloud.guest_process(guest)
        assert process is not None
        os.kill(process, signal.SIGSTOP)
        try:
            ec2.detach_volume(VolumeId=volume)
            traces.kill(cloud, "node")
            state = volumes.described(cloud, volume)["Attachments"][0]["State"]
            assert state == "detaching"
        finally:
            os.kill(process, signal.SIGCONT)
        volumes.wait_state(cloud, volume, "available")
        traces.wait_works(cloud, guest)
