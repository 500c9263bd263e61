"""Bad days of snapshots: the cloud is killed while one is brought to the object store."""

from typing import Any

from tests import wholecloud
from tests.baddays import traces
from tests.machines.test_snapshots import SUM, attach, complete
from tests.machines.test_volumes import FELT_S, made, wait_state
from tests.wholecloud import Cloud


def test_it_is_whole_though_the_cloud_is_killed_while_it_is_brought(
    cloud: Cloud, guest: str
) -> None:
    ec2: Any = cloud.ec2
    with made(cloud) as volume:
        disk = attach(cloud, volume, guest, "/dev/sdf")
        fill = f"dd if=/dev/urandom of=/dev/{disk} bs=1M count=48 conv=fsync 2>/dev/null"
        cloud.ssh(guest, fill)
        expected = cloud.ssh(guest, SUM.format(disk))
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]

        def progress() -> str:
            return ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Progress"]

        for before in ("", "0%"):
            # At once, and when some of it is there.
            wholecloud.wait_until(lambda before=before: progress() != before, FELT_S, "some of it")
            traces.kill(cloud, "cloud")
            wholecloud.wait_until(lambda: traces.is_whole(cloud), FELT_S, "the cloud")
        ec2.detach_volume(VolumeId=volume)
        wait_state(cloud, volume, "available")
    complete(cloud, snapshot)
    with made(cloud, SnapshotId=snapshot) as copy:
        disk = attach(cloud, copy, guest, "/dev/sdg")
        assert cloud.ssh(guest, SUM.format(disk)) == expected
        ec2.detach_volume(VolumeId=copy)
        wait_state(cloud, copy, "available")
    ec2.delete_snapshot(SnapshotId=snapshot)
