"""Volumes of snapshots: how soon they are there, and how fast one reads what is not here yet.

A snapshot of 256 MiB is complete; of it a volume of 1 GiB and one of 40 GiB are made. Before the
host has filled the first, pieces all over it are read from the block server: as they come from the
object store, and again, as they come from the host's cache.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false

import os
import statistics
import time
from typing import Any

from bench import cloud, report, sealed, snapshots
from mallee.kit.nbd import client
from mallee.model.storage.blocktrees import BLOCK_BYTES

READS = 64
LARGE_GIB = 40


def measure(runs: int) -> list[report.Finding]:
    """Make volumes so often."""
    with cloud.running() as running:
        snapshot = _snapshot(running)
        taken = [_pair(running, snapshot) for _ in range(runs)]
    small, large, cold, warm = zip(*taken, strict=True)
    return [
        report.Finding(
            promise="CreateVolume of a snapshot, until available",
            unit="ms",
            ours=small,
            bar_max=200,
        ),
        report.Finding(
            promise=f"the same, of {LARGE_GIB} GiB",
            unit="ms",
            ours=large,
            theirs=small,
            bar_ratio_max=2.0,
        ),
        report.Finding(promise="4 KiB of what is not here yet", unit="ms", ours=cold, bar_max=20),
        report.Finding(promise="4 KiB of what was read before", unit="ms", ours=warm, bar_max=20),
    ]


def _snapshot(running: cloud.Cloud) -> str:
    ec2: Any = running.ec2
    volume = snapshots._volume(ec2)
    content = running.layout.node / "content"
    content.write_bytes(os.urandom(snapshots.FILLED_MIB << 20))
    snapshots._write(running, volume, [f"write -s {content} 0 {snapshots.FILLED_MIB}M"])
    snapshots._complete(ec2, volume)
    found = ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])
    return found["Snapshots"][0]["SnapshotId"]


def _pair(running: cloud.Cloud, snapshot: str) -> tuple[float, float, float, float]:
    ec2: Any = running.ec2
    large, large_ms = _made(ec2, snapshot, LARGE_GIB)
    ec2.delete_volume(VolumeId=large)
    small, small_ms = _made(ec2, snapshot, 1)
    step = (snapshots.FILLED_MIB << 20) // READS // BLOCK_BYTES * BLOCK_BYTES
    with client.Client(running.layout.block_socket, small) as disk:
        # From its end, where the filling comes last.
        places = range((READS - 1) * step, 0, -step)
        cold, warm = ([_read_ms(disk, place) for place in places] for _ in range(2))
        found = statistics.median(cold), statistics.median(warm)
    ec2.delete_volume(VolumeId=small)
    return small_ms, large_ms, *found


def _made(ec2: Any, snapshot: str, size_gib: int) -> tuple[str, float]:
    began = time.monotonic()
    wanted = {"AvailabilityZone": snapshots.ZONE, "SnapshotId": snapshot, "Size": size_gib}
    volume: str = ec2.create_volume(**wanted)["VolumeId"]

    def is_there() -> bool:
        found = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
        return found["State"] == "available"

    cloud.wait_until(is_there, f"{volume} is available")
    return volume, 1000 * (time.monotonic() - began)


def _read_ms(disk: client.Client, place: int) -> float:
    began = time.monotonic()
    disk.read(place, 4096)
    return 1000 * (time.monotonic() - began)


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
