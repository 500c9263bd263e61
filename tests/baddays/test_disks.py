"""Days on which the disk is full or the image does not come: said with what to do, nothing left."""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import wholecloud
from tests.baddays import places, traces
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine


WRITE = "dd if=/dev/urandom of=/root/work bs=1M count=40 conv=fsync"


@contextmanager
def disk_at(directory: Path, size_mib: int) -> Generator[None]:
    """A file system of that size at a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    options = f"size={size_mib}m,mode=711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def set_size(directory: Path, size_mib: int) -> None:
    """Make the file system larger or smaller."""
    options = f"remount,size={size_mib}m"
    subprocess.run(["mount", "-o", options, str(directory)], check=True)


def set_full(directory: Path) -> None:
    """Leave no room in the file system."""
    found = os.statvfs(directory)
    set_size(directory, 1 + ((found.f_blocks - found.f_bfree) * found.f_bsize >> 20))


def test_a_launch_on_a_full_disk_ends_with_what_is_full_and_leaves_nothing(cloud: Cloud) -> None:
    _end_all(cloud)
    with disk_at(cloud.layout.volumes, 20):
        instance, interface = traces.launch(cloud)
        cloud.wait_state(instance, "terminated")
        reason = cloud.instance(instance)["StateReason"]
        assert reason["Code"] == "Server.InsufficientInstanceCapacity"
        assert str(cloud.layout.volumes) in reason["Message"]
        assert re.search(r"has [12]\d MiB free and 64 MiB are needed", reason["Message"])
        assert "make room there" in reason["Message"]
        traces.wait_nothing_left(cloud, instance, interface)


def test_guests_outlive_a_full_disk_and_everything_works_when_there_is_room_again() -> None:
    root = Path(tempfile.mkdtemp(prefix="m-", dir="/tmp"))
    with disk_at(root, 8000):
        root.chmod(0o755)
        cloud = wholecloud.start(root, places.settings("192.0.2.0/25"))
        try:
            guest = cloud.run()
            cloud.ssh(guest, "true")
            before = traces.life_of(cloud, guest)
            with traces.open_shell(cloud, guest) as shell:
                address = cloud.instance(guest)["PublicIpAddress"]
                set_full(root)
                for name in ("cloud", "node"):
                    traces.kill(cloud, name)
                assert shell.echo("with a full disk") == "with a full disk"
                with traces.open_ssh(cloud, address, WRITE) as writing:
                    wholecloud.wait_until(
                        lambda: traces.virsh(cloud, "domstate", guest).strip() == "paused",
                        wholecloud.GUEST_S,
                        "the guest to wait for room",
                    )
                    set_size(root, 8000)
                    assert writing.wait(wholecloud.GUEST_S) == 0
                traces.wait_works(cloud, guest, timeout_s=wholecloud.GUEST_S)
            assert traces.life_of(cloud, guest) == before
            taken = cloud.ec2.allocate_address(Domain="vpc")
            cloud.ec2.release_address(AllocationId=taken["AllocationId"])
        finally:
            # The root itself stays, as what it is mounted on.
            with contextlib.suppress(OSError):
                cloud.close()
        assert not list(root.iterdir())
    root.rmdir()


def test_an_image_whose_fetch_is_broken_off_again_and_again_comes_in_the_end(cloud: Cloud) -> None:
    _end_all(cloud)
    for cached in cloud.layout.node_images.iterdir():
        cached.unlink()
    instance = cloud.run()
    try:
        for name in ("cloud", "node", "cloud"):
            wholecloud.wait_until(
                lambda: any(cloud.layout.node_images.iterdir()),
                wholecloud.GUEST_S,
                "a fetch to begin",
            )
            traces.kill(cloud, name)
        wholecloud.wait_until(lambda: traces.is_whole(cloud), wholecloud.GUEST_S, "all")
        cloud.ssh(instance, "true")
        assert "StateReason" not in cloud.instance(instance)
    finally:
        wholecloud.wait_until(lambda: traces.is_whole(cloud), wholecloud.GUEST_S, "all")
        cloud.terminate(instance)


def _end_all(cloud: Cloud) -> None:
    """Terminate every instance, the shared guest too."""
    for one in cloud.ec2.describe_instances()["Reservations"]:
        cloud.terminate(*(instance["InstanceId"] for instance in one["Instances"]))
