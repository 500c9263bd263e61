"""Volumes in real guests: plugged in while they run, found by their serial, kept, grown, let go."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import guests
from tests.wholecloud import Cloud

FELT_S = 240.0


@contextmanager
def made(cloud: Cloud, **parameters: Any) -> Generator[str]:
    """A volume that is gone afterwards whatever happens."""
    ec2: Any = cloud.ec2
    wanted = {"AvailabilityZone": zone_of(cloud), "Size": 1, "VolumeType": "standard"}
    volume = ec2.create_volume(**wanted | parameters)["VolumeId"]
    try:
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
        yield volume
    finally:
        wait_state(cloud, volume, "available")
        ec2.delete_volume(VolumeId=volume)
        ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})


def zone_of(cloud: Cloud) -> str:
    return cloud.ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]


def described(cloud: Cloud, volume: str) -> dict[str, Any]:
    return cloud.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]


def wait_state(cloud: Cloud, volume: str, state: str) -> None:
    wholecloud.wait_until(lambda: described(cloud, volume)["State"] == state, FELT_S, state)


def wait_attached(cloud: Cloud, volume: str, count: int = 1) -> None:
    def is_so() -> bool:
        found = described(cloud, volume)["Attachments"]
        return [one["State"] for one in found] == ["attached"] * count

    wholecloud.wait_until(is_so, FELT_S, f"{volume} to be attached")


@pytest.fixture(scope="module")
def instance(cloud: Cloud) -> Generator[str]:
    with guests.launched(cloud) as one:
        cloud.wait_state(one, "running")
        yield one


def disk_of(cloud: Cloud, instance: str, volume: str) -> str:
    """What the guest calls the volume, which it knows by its serial number; empty: it has none."""
    serial = volume.replace("-", "")
    found = cloud.ssh(instance, f"grep -l {serial} /sys/block/*/serial 2>/dev/null; true")
    return found.split("/")[3] if found else ""


def wait_disk(cloud: Cloud, instance: str, volume: str, is_there: Callable[[str], bool]) -> str:
    wholecloud.wait_until(
        lambda: is_there(disk_of(cloud, instance, volume)), FELT_S, f"{volume} in the guest"
    )
    return disk_of(cloud, instance, volume)


def test_what_is_written_to_a_volume_stays(cloud: Cloud, instance: str) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        for text in ("first", "second"):
            ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
            ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
            wait_attached(cloud, volume)
            disk = wait_disk(cloud, instance, volume, bool)
            if text == "first":
                cloud.ssh(instance, f"mke2fs -q /dev/{disk} 2>&1")
            mount = f"mkdir -p /mnt; mount -t ext4 /dev/{disk} /mnt"
            cloud.ssh(instance, f"{mount} && echo {text} >>/mnt/text && sync")
            assert cloud.ssh(instance, "cat /mnt/text").split()[-1] == text
            cloud.ssh(instance, "umount /mnt")
            ec2.detach_volume(VolumeId=volume)
            wait_state(cloud, volume, "available")
            wait_disk(cloud, instance, volume, lambda name: not name)
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
        disk = wait_disk(cloud, instance, volume, bool)
        words = cloud.ssh(instance, f"mount -t ext4 /dev/{disk} /mnt && cat /mnt/text; umount /mnt")
        assert words.split() == ["first", "second"]
        ec2.detach_volume(VolumeId=volume, InstanceId=instance)


def test_it_grows_while_the_guest_has_it(cloud: Cloud, instance: str) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        disk = wait_disk(cloud, instance, volume, bool)
        size = f"cat /sys/block/{disk}/size"
        assert cloud.ssh(instance, size).strip() == str(1 << 21)
        ec2.modify_volume(VolumeId=volume, Size=4, VolumeType="io1", Iops=100)
        wholecloud.wait_until(
            lambda: cloud.ssh(instance, size).strip() == str(4 << 21), FELT_S, "the guest to see it"
        )

        def is_done() -> bool:
            found = ec2.describe_volumes_modifications(VolumeIds=[volume])
            return found["VolumesModifications"][0]["ModificationState"] == "completed"

        wholecloud.wait_until(is_done, FELT_S, "the modification to be done")
        ec2.detach_volume(VolumeId=volume)


def test_a_slow_volume_is_slow(cloud: Cloud, instance: str) -> None:
    ec2: Any = cloud.ec2
    with made(cloud, VolumeType="io1", Size=4, Iops=100) as volume:
        ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
        disk = wait_disk(cloud, instance, volume, bool)
        # 400 direct writes at 100 in a second: nobody's clock makes them faster than 3 s.
        write = f"dd if=/dev/zero of=/dev/{disk} bs=4096 count=400 oflag=direct 2>/dev/null"
        took = cloud.ssh(
            instance, f"read a b </proc/uptime; {write}; read c b </proc/uptime; echo $a $c"
        ).split()
        assert float(took[1]) - float(took[0]) > 2.0
        ec2.detach_volume(VolumeId=volume)


def test_volumes_named_at_launch_come_with_the_machine(cloud: Cloud) -> None:
    ec2: Any = cloud.ec2
    mapping = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "standard"}}
    with guests.launched(cloud, BlockDeviceMappings=[mapping]) as other:
        cloud.wait_state(other, "running")
        shown = cloud.instance(other)["BlockDeviceMappings"]
        volume = shown[0]["Ebs"]["VolumeId"]
        assert wait_disk(cloud, other, volume, bool) == "vdb"
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})


def test_a_guest_that_hangs_is_parted_from_its_volume(cloud: Cloud, instance: str) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        with guests.launched(cloud) as hung:
            cloud.wait_state(hung, "running")
            ec2.attach_volume(VolumeId=volume, InstanceId=hung, Device="/dev/sdf")
            disk = wait_disk(cloud, hung, volume, bool)
            cloud.ssh(hung, f"echo kept | dd of=/dev/{disk} conv=fsync 2>/dev/null")
            panic = "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger"
            cloud.ssh(hung, guests.when_alone(panic))
            cloud.wait_console(hung, "Kernel panic")
            ec2.detach_volume(VolumeId=volume)
            assert described(cloud, volume)["Attachments"][0]["State"] == "detaching"
            ec2.detach_volume(VolumeId=volume, Force=True)
            wait_state(cloud, volume, "available")
            ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")
            disk = wait_disk(cloud, instance, volume, bool)
            assert cloud.ssh(instance, f"head -n 1 /dev/{disk}").strip() == "kept"
        ec2.detach_volume(VolumeId=volume)


def test_stop_and_start_keep_it_and_termination_frees_it(cloud: Cloud) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        with guests.launched(cloud) as other:
            cloud.wait_state(other, "running")
            ec2.attach_volume(VolumeId=volume, InstanceId=other, Device="/dev/sdf")
            disk = wait_disk(cloud, other, volume, bool)
            cloud.ssh(other, f"echo kept | dd of=/dev/{disk} conv=fsync 2>/dev/null")
            ec2.stop_instances(InstanceIds=[other])
            cloud.wait_state(other, "stopped")
            assert described(cloud, volume)["State"] == "in-use"
            ec2.start_instances(InstanceIds=[other])
            cloud.wait_state(other, "running")
            disk = wait_disk(cloud, other, volume, bool)
            assert cloud.ssh(other, f"head -n 1 /dev/{disk}").strip() == "kept"
            shown = cloud.instance(other)["BlockDeviceMappings"]
            assert {one["DeviceName"] for one in shown} == {"/dev/sdf", "/dev/vda"}
        wait_state(cloud, volume, "available")
