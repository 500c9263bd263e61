"""Snapshots of volumes that real guests write: true to their instant, used at once, merged away."""

import signal
from collections.abc import Generator
from typing import Any

import pytest

from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.node.do.storage import layers, volumes
from tests import wholecloud
from tests.machines import guests
from tests.machines.test_volumes import FELT_S, made, wait_attached, wait_disk, wait_state
from tests.wholecloud import Cloud

SUM = "dd if=/dev/{} bs=1M count=48 2>/dev/null | sha256sum | cut -d' ' -f1"
"""Of what fills 48 MiB; `head -c` would take them byte by byte, and twice as long."""


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


def complete(cloud: Cloud, *snapshots: str) -> list[dict[str, Any]]:
    """Wait until snapshots are in the object store; return them."""

    def found() -> list[dict[str, Any]]:
        ec2: Any = cloud.ec2
        shown = ec2.describe_snapshots(SnapshotIds=list(snapshots))["Snapshots"]
        return sorted(shown, key=lambda one: snapshots.index(one["SnapshotId"]))

    wholecloud.wait_until(
        lambda: all(one["State"] == "completed" for one in found()),
        wholecloud.GUEST_S,
        "snapshots to be completed",
    )
    return found()


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
        shown = complete(cloud, *snapshots)
        assert [one["FullSnapshotSizeInBytes"] for one in shown] == [BLOCK_BYTES] * 3
        face = layers.face(directory)
        assert face is not None
        wholecloud.wait_until(
            lambda: layers.numbers(directory) == [1, face], FELT_S, "the base to be one layer"
        )
        assert blocks(cloud, instance, disk) == ["word0", "word1", "word2"]
        with made(cloud, SnapshotId=snapshots[1]) as other:
            copy = attach(cloud, other, instance, "/dev/sdg")
            assert blocks(cloud, instance, copy) == ["word0", "word1"]
            ec2.detach_volume(VolumeId=other)
        for snapshot in snapshots:
            ec2.delete_snapshot(SnapshotId=snapshot)
        ec2.detach_volume(VolumeId=volume)
        wait_state(cloud, volume, "available")
        wholecloud.wait_until(
            lambda: layers.numbers(directory) == [1], FELT_S, "one layer to be left"
        )
        disk = attach(cloud, volume, instance, "/dev/sdf")
        assert blocks(cloud, instance, disk) == ["word0", "word1", "word2"]
        ec2.detach_volume(VolumeId=volume)


def test_a_snapshot_gets_to_the_object_store_whoever_is_killed(cloud: Cloud, instance: str) -> None:
    """The guest goes on writing; agent and object store are killed, one after the other, while its
    volume is brought; and the volume is deleted, perhaps before that has ended."""
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        disk = attach(cloud, volume, instance, "/dev/sdf")
        fill = f"dd if=/dev/urandom of=/dev/{disk} bs=1M count=48 conv=fsync 2>/dev/null"
        cloud.ssh(instance, fill)
        expected = cloud.ssh(instance, SUM.format(disk))
        writer = f"while [ ! -e /tmp/full ]; do dd if=/dev/urandom of=/dev/{disk} bs=64k count=1 "
        writer += "seek=1000 conv=fsync,notrunc 2>/dev/null; done"
        cloud.ssh(instance, f"rm -f /tmp/full; ({writer}) >/dev/null 2>&1 </dev/null &")
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        for name in ("node", "s3", "node", "s3"):
            killed = cloud.daemon(name)
            killed.signal(signal.SIGKILL)
            wholecloud.wait_until(
                lambda name=name, pid=killed.pid: cloud.daemon(name).pid not in (0, pid),
                FELT_S,
                f"{name} to be there again",
            )
        wholecloud.wait_until(cloud.host_is_up, FELT_S, "the host to be heard")
        cloud.ssh(instance, "touch /tmp/full")
        ec2.detach_volume(VolumeId=volume)
        wait_state(cloud, volume, "available")
    complete(cloud, snapshot)
    directory = volumes.directory_of(cloud.layout, volume)
    wholecloud.wait_until(lambda: not directory.exists(), FELT_S, "nothing to be left on the host")
    with made(cloud, SnapshotId=snapshot) as copy:
        disk = attach(cloud, copy, instance, "/dev/sdg")
        assert cloud.ssh(instance, SUM.format(disk)) == expected
        ec2.detach_volume(VolumeId=copy)
    ec2.delete_snapshot(SnapshotId=snapshot)


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
