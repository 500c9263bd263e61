"""Snapshots of volumes that real guests write: true to their instant, used at once, merged away."""

from collections.abc import Generator
from typing import Any

import pytest

from mallee.node.do import layers, volumes
from tests import wholecloud
from tests.machines import guests
from tests.machines.test_volumes import FELT_S, disk_of, made, wait_attached, wait_disk, wait_state
from tests.wholecloud import Cloud


@pytest.fixture(scope="module")
def instance(cloud: Cloud) -> Generator[str]:
    with guests.launched(cloud) as one:
        cloud.wait_state(one, "running")
        yield one


def attach(cloud: Cloud, volume: str, instance: str, device: str) -> str:
    """Give the guest a volume; return what it calls it."""
    cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    wait_attached(cloud, volume)
    return wait_disk(cloud, instance, volume, bool)


def write(cloud: Cloud, instance: str, disk: str, block: int, text: str) -> None:
    command = f"echo {text} | dd of=/dev/{disk} bs=4096 seek={block} conv=fsync,notrunc"
    cloud.ssh(instance, f"{command} 2>/dev/null")


def blocks(cloud: Cloud, instance: str, disk: str) -> list[str]:
    """The words of a volume's first blocks, past the guest's cache."""
    drop = "echo 3 >/proc/sys/vm/drop_caches"
    found = cloud.ssh(instance, f"{drop}; dd if=/dev/{disk} bs=4096 count=8 2>/dev/null")
    return found.replace("\0", "").split()


def test_a_snapshot_is_true_to_its_instant_and_gives_volumes_at_once(
    cloud: Cloud, instance: str
) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        disk = attach(cloud, volume, instance, "/dev/sdf")
        write(cloud, instance, disk, 0, "before")
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        write(cloud, instance, disk, 1, "after")
        with made(cloud, SnapshotId=snapshot, Size=2) as other:
            copy = attach(cloud, other, instance, "/dev/sdg")
            assert blocks(cloud, instance, copy) == ["before"]
            write(cloud, instance, copy, 2, "copy")
            assert blocks(cloud, instance, disk) == ["before", "after"]
            assert blocks(cloud, instance, copy) == ["before", "copy"]
            ec2.detach_volume(VolumeId=other)
        ec2.delete_snapshot(SnapshotId=snapshot)
        ec2.detach_volume(VolumeId=volume)


def test_layers_of_deleted_snapshots_are_merged_beside_the_guest(
    cloud: Cloud, instance: str
) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        disk = attach(cloud, volume, instance, "/dev/sdf")
        directory = volumes.directory_of(cloud.layout, volume)
        snapshots: list[str] = []
        for number in range(3):
            write(cloud, instance, disk, number, f"word{number}")
            snapshots.append(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])
        assert layers.numbers(directory) == [1, 2, 3, 4]
        for snapshot in snapshots[:2]:
            ec2.delete_snapshot(SnapshotId=snapshot)
        wholecloud.wait_until(
            lambda: layers.numbers(directory) == [1, 3, 4], FELT_S, "two layers to be one"
        )
        assert blocks(cloud, instance, disk) == ["word0", "word1", "word2"]
        ec2.delete_snapshot(SnapshotId=snapshots[2])
        ec2.detach_volume(VolumeId=volume)
        wait_state(cloud, volume, "available")
        wholecloud.wait_until(
            lambda: layers.numbers(directory) == [1], FELT_S, "one layer to be left"
        )
        assert not disk_of(cloud, instance, volume)
        disk = attach(cloud, volume, instance, "/dev/sdf")
        assert blocks(cloud, instance, disk) == ["word0", "word1", "word2"]
        ec2.detach_volume(VolumeId=volume)


def test_volumes_of_an_instance_are_cut_at_one_instant(cloud: Cloud, instance: str) -> None:
    """The guest writes a number to one volume, syncs it, and then to the other: no snapshot of both
    has a higher one on the second than on the first."""
    ec2: Any = cloud.ec2
    writer = (
        "n=1; while [ ! -e /tmp/over ]; do for d in ONE OTHER; do "
        "printf '%08d' $n | dd of=/dev/$d bs=8 count=1 conv=fsync,notrunc 2>/dev/null; done; "
        "n=$((n + 1)); done"
    )
    data = {"InstanceId": instance, "ExcludeBootVolume": True}
    with made(cloud) as first, made(cloud) as second:
        one = attach(cloud, first, instance, "/dev/sdf")
        other = attach(cloud, second, instance, "/dev/sdg")
        script = writer.replace("ONE", one).replace("OTHER", other)
        cloud.ssh(instance, f"rm -f /tmp/over; ({script}) >/dev/null 2>&1 </dev/null &")
        taken = [ec2.create_snapshots(InstanceSpecification=data)["Snapshots"] for _ in range(3)]
        cloud.ssh(instance, "touch /tmp/over")
        for pair in taken:
            found: dict[str, int] = {}
            for snapshot in pair:
                with made(cloud, SnapshotId=snapshot["SnapshotId"]) as copy:
                    disk = attach(cloud, copy, instance, "/dev/sdh")
                    text = cloud.ssh(instance, f"head -c 8 /dev/{disk}")
                    found[snapshot["VolumeId"]] = int(text.replace("\0", "") or 0)
                    ec2.detach_volume(VolumeId=copy)
            assert found[first] - found[second] in (0, 1)
        for snapshot in (it["SnapshotId"] for pair in taken for it in pair):
            ec2.delete_snapshot(SnapshotId=snapshot)
        for volume in (first, second):
            ec2.detach_volume(VolumeId=volume)


def test_what_a_guest_has_not_synced_is_in_a_snapshot_too(cloud: Cloud, instance: str) -> None:
    """Its agent holds its file systems still for the cut, and they go on."""
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        disk = attach(cloud, volume, instance, "/dev/sdf")
        mount = f"mke2fs -q /dev/{disk} 2>&1; mkdir -p /mnt; mount -t ext4 /dev/{disk} /mnt"
        cloud.ssh(instance, f"{mount}; echo unsynced >/mnt/note")
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        assert cloud.ssh(instance, "echo on >>/mnt/note && cat /mnt/note") == "unsynced\non\n"
        with made(cloud, SnapshotId=snapshot) as other:
            copy = attach(cloud, other, instance, "/dev/sdg")
            look = f"mkdir -p /copy; mount -t ext4 -o ro /dev/{copy} /copy && cat /copy/note"
            assert cloud.ssh(instance, f"{look}; umount /copy") == "unsynced\n"
            ec2.detach_volume(VolumeId=other)
        cloud.ssh(instance, "umount /mnt")
        ec2.delete_snapshot(SnapshotId=snapshot)
        ec2.detach_volume(VolumeId=volume)
