"""A running guest becomes a bundle by AWS's own tool; its image is registered, runs, and is taken
apart again."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import buckets, guests
from tests.wholecloud import Cloud

BUNDLE_S = 420.0
BUCKET = "bundled-instances"
DISK = [{"DeviceName": "/dev/vda", "Ebs": {"VolumeSize": 1}}]
"""A root as small as its image: each byte of it is packed, and unpacked twice."""


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[Any]:
    """A bucket that is gone afterwards; gives its client."""
    with buckets.made(cloud, BUCKET) as s3:
        yield s3


def mallee(cloud: Cloud, *line: str | Path) -> str:
    """What the command gives."""
    program = [sys.executable, "-m", "mallee.cli.main", "images", *map(str, line)]
    program += ["--root", str(cloud.layout.root)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bundled(cloud: Cloud, instance: str) -> None:
    """Have AWS's tool sign a policy, and wait until the bundle is there."""
    who = cloud.access
    id = cloud.aws(
        *("ec2", "bundle-instance", "--instance-id", instance, "--bucket", BUCKET),
        *("--prefix", "b/guest", "--owner-akid", who.access_key_id),
        *("--owner-sak", who.secret_access_key, "--query", "BundleTask.BundleId"),
    )

    def shown() -> dict[str, Any]:
        return cloud.ec2.describe_bundle_tasks(BundleIds=[id])["BundleTasks"][0]

    ended = ("complete", "failed")
    wholecloud.wait_until(lambda: shown()["State"] in ended, BUNDLE_S, f"{id} to end")
    assert shown()["State"] == "complete", shown()


def test_a_guest_runs_from_the_bundle_of_another(cloud: Cloud, bucket: Any, tmp_path: Path) -> None:
    with guests.launched(cloud, BlockDeviceMappings=DISK) as instance:
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "echo bundled >/root/note; sync")
        bundled(cloud, instance)
    location = f"{BUCKET}/b/guest.manifest.xml"
    image = cloud.ec2.register_image(Name="guest", ImageLocation=location)["ImageId"]

    def shown() -> dict[str, Any]:
        return cloud.ec2.describe_images(ImageIds=[image])["Images"][0]

    wholecloud.wait_until(lambda: shown()["State"] != "pending", BUNDLE_S, f"{image} to be there")
    assert shown()["State"] == "available", shown()
    with guests.launched(cloud, ImageId=image) as twin:
        cloud.wait_state(twin, "running")
        assert cloud.ssh(twin, "cat /root/note") == "bundled\n"
    fetched = mallee(cloud, "download-bundle", location, "--to", tmp_path)
    disk = Path(mallee(cloud, "unbundle", fetched, "--to", tmp_path))
    assert disk.stat().st_size == 1 << 30
    with disk.open("rb") as file:
        assert file.read(512)[510:] == b"\x55\xaa"
    cloud.ec2.deregister_image(ImageId=image)
