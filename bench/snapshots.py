"""Snapshots on their way to the object store: how long, and how much the second one sends.

A volume that no guest has is filled with bytes that do not get shorter. The rival puts a file of
the same bytes into the same object store by boto3, as anybody would back up a disk. Then one block
in a hundred is changed, all over it, and what the second snapshot adds to the store is held against
all that the volume has.
"""

# boto3 makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import cloud, report, sealed
from mallee.cloud.blocks import shelf
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.node.do.storage import layers, volumes
from mallee.walrus import usages

ZONE = "us-east-1a"
FILLED_MIB = 256
CHANGED = 100
"""One block of so many."""


def measure(runs: int) -> list[report.Finding]:
    """Take snapshots so often, each pair of a fresh volume."""
    with cloud.running() as running:
        taken = [_pair(running, number) for number in range(runs)]
    whole, rival, more, second = zip(*taken, strict=True)
    return [
        report.Finding(
            promise=f"a snapshot of {FILLED_MIB} MiB complete, against putting a file of them",
            unit="s",
            ours=whole,
            theirs=rival,
            bar_ratio_max=5.0,
        ),
        report.Finding(
            promise="what the second snapshot adds to the store after 1 % changed",
            unit="%",
            ours=more,
            bar_max=1.5,
        ),
        report.Finding(promise="the second snapshot complete", unit="s", ours=second, bar_max=5.0),
    ]


def _pair(running: cloud.Cloud, number: int) -> tuple[float, float, float, float]:
    ec2, s3 = running.ec2, running.whole.client("s3")
    volume = _volume(ec2)
    content = running.layout.node / "content"
    content.write_bytes(os.urandom(FILLED_MIB << 20))
    _write(running, volume, [f"write -s {content} 0 {FILLED_MIB}M"])
    bucket = f"rival-{number}"
    s3.create_bucket(Bucket=bucket)
    began = time.monotonic()
    s3.upload_file(str(content), bucket, "disk")
    rival_s = time.monotonic() - began
    whole_s = _complete(ec2, volume)
    held = _held(running)
    places = range(0, FILLED_MIB << 20, BLOCK_BYTES * CHANGED)
    _write(running, volume, [f"write -P 1 {place} 4k" for place in places])
    second_s = _complete(ec2, volume)
    more = 100 * (_held(running) - held) / (FILLED_MIB << 20)
    ec2.delete_volume(VolumeId=volume)
    return whole_s, rival_s, more, second_s


def _volume(ec2: Any) -> str:
    volume: str = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]

    def is_there() -> bool:
        found = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
        return found["State"] == "available"

    cloud.wait_until(is_there, f"{volume} is available")
    return volume


def _write(running: cloud.Cloud, volume: str, commands: Sequence[str]) -> None:
    """Write into a volume that no guest has."""
    directory: Path = volumes.directory_of(running.layout, volume)
    face = layers.face(directory)
    assert face is not None
    words = [word for command in commands for word in ("-c", command)]
    path = layers.path_of(directory, face)
    subprocess.run(["qemu-io", "-f", "qcow2", *words, str(path)], check=True, capture_output=True)


def _complete(ec2: Any, volume: str) -> float:
    """Take a snapshot; return how long it took until it was complete."""
    began = time.monotonic()
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]

    def is_complete() -> bool:
        found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
        return found["State"] == "completed"

    cloud.wait_until(is_complete, f"{snapshot} is complete", timeout_s=600)
    return time.monotonic() - began


def _held(running: cloud.Cloud) -> int:
    """How many bytes the store has of blocks."""
    return usages.read(running.layout.objects)[shelf.NUMBER].bytes


if __name__ == "__main__":
    sealed.enter()
    report.main(measure, __doc__)
