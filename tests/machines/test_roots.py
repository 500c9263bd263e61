"""Root volumes of real guests: kept over stop and start, snapshotted, moved, and booted again."""

from typing import Any

from tests import wholecloud
from tests.machines import guests
from tests.machines.test_volumes import made, wait_attached, wait_disk, wait_state
from tests.wholecloud import Cloud

ROOT = "/dev/vda"
PARTED = "until [ -b /dev/{}1 ]; do usleep 50000; done"
"""A guest reads a disk's partitions after it has said that the disk is there."""


def root_of(cloud: Cloud, instance: str) -> str:
    shown = cloud.instance(instance)["BlockDeviceMappings"]
    (root,) = (one for one in shown if one["DeviceName"] == ROOT)
    return root["Ebs"]["VolumeId"]


def wait_free(cloud: Cloud, volume: str) -> None:
    wait_state(cloud, volume, "available")


def test_a_root_is_a_volume_that_another_guest_repairs(cloud: Cloud) -> None:
    ec2: Any = cloud.ec2
    with guests.launched(cloud) as instance, guests.launched(cloud) as other:
        for one in (instance, other):
            cloud.wait_state(one, "running")
        cloud.ssh(instance, "echo first >/root/note; sync")
        root = root_of(cloud, instance)
        snapshot = ec2.create_snapshot(VolumeId=root)["SnapshotId"]
        cloud.ssh(instance, "echo second >/root/note; sync")
        with made(cloud, SnapshotId=snapshot, Size=5) as copy:
            ec2.attach_volume(VolumeId=copy, InstanceId=other, Device="/dev/sdf")
            wait_attached(cloud, copy)
            disk = wait_disk(cloud, other, copy, bool)
            look = f"mkdir -p /look; mount -o ro,noload /dev/{disk}1 /look && cat /look/root/note"
            look = f"{PARTED.format(disk)}; {look}"
            assert cloud.ssh(other, f"{look}; umount /look") == "first\n"
            ec2.detach_volume(VolumeId=copy)
        guests.stop(cloud, instance)
        ec2.detach_volume(VolumeId=root)
        wait_free(cloud, root)
        ec2.attach_volume(VolumeId=root, InstanceId=other, Device="/dev/sdf")
        wait_attached(cloud, root)
        disk = wait_disk(cloud, other, root, bool)
        mend = f"mkdir -p /mend; mount /dev/{disk}1 /mend && echo third >/mend/root/note"
        cloud.ssh(other, f"{PARTED.format(disk)}; {mend}; umount /mend; sync")
        ec2.detach_volume(VolumeId=root)
        wait_free(cloud, root)
        ec2.attach_volume(VolumeId=root, InstanceId=instance, Device=ROOT)
        guests.start(cloud, instance)
        assert cloud.ssh(instance, "cat /root/note") == "third\n"
        ec2.delete_snapshot(SnapshotId=snapshot)


def test_an_image_of_a_running_guest_boots(cloud: Cloud) -> None:
    """What it had written and not synced is in it: it shut down to be cut, and is back."""
    ec2: Any = cloud.ec2
    with guests.launched(cloud) as instance:
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "echo unsynced >/root/note")
        booted = cloud.ssh(instance, "cat /proc/sys/kernel/random/boot_id")
        image = ec2.create_image(InstanceId=instance, Name="golden")["ImageId"]
        (found,) = ec2.describe_images(ImageIds=[image])["Images"]
        assert found["State"] == "available"
        with guests.launched(cloud, ImageId=image) as other:
            cloud.wait_state(other, "running")
            assert cloud.ssh(other, "cat /root/note") == "unsynced\n"
        assert cloud.ssh(instance, "cat /proc/sys/kernel/random/boot_id") != booted
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])


def test_a_root_is_replaced_under_a_running_instance(cloud: Cloud) -> None:
    ec2: Any = cloud.ec2
    with guests.launched(cloud) as instance:
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "echo spoilt >/root/note; sync")
        former = root_of(cloud, instance)
        made = ec2.create_replace_root_volume_task(
            InstanceId=instance, DeleteReplacedRootVolume=True
        )
        id = made["ReplaceRootVolumeTask"]["ReplaceRootVolumeTaskId"]

        def is_done() -> bool:
            found = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=[id])
            return found["ReplaceRootVolumeTasks"][0]["TaskState"] == "succeeded"

        wholecloud.wait_until(is_done, wholecloud.GUEST_S, "the new root")
        assert cloud.ssh(instance, "ls /root/note 2>/dev/null | wc -l") == "0\n"
        assert root_of(cloud, instance) != former
