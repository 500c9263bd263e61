"""The ways in which a guest comes to its kernel, and what it says on its serial console."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace
from PIL import Image

from mallee.images import catalogue as publishing
from mallee.model.images import catalogue
from tests import tinyimages, wholecloud
from tests.machines import guests
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

UPLOADED = "uploaded"
"""A disk of which the cloud knows nothing but that it is one."""


@pytest.fixture
def own_disk(cloud: Cloud) -> Iterator[str]:
    """The image of a disk that boots by its own boot loader."""
    whole = catalogue.image(tinyimages.document(), catalogue.TINY_DISK)
    bare = replace(whole, key=UPLOADED, name=UPLOADED, direct_boot=None)
    document = catalogue.Catalogue(name=UPLOADED, description="a test's", images=(bare,))
    publishing.publish(cloud.layout, document)
    wanted = [{"Name": "name", "Values": [UPLOADED]}]
    wholecloud.wait_until(
        lambda: bool(cloud.ec2.describe_images(Filters=wanted)["Images"]),
        wholecloud.GUEST_S,
        "the image",
    )
    yield cloud.image(UPLOADED)
    catalogue.document_path(cloud.layout, UPLOADED).unlink()


def shown_console(cloud: Cloud, instance: str) -> str:
    """The console's log as a client of the API gets it."""
    answer: dict[str, Any] = cloud.ec2.get_console_output(InstanceId=instance)
    return answer["Output"]


def test_a_kernel_a_ramdisk_and_a_root_file_system_make_a_guest(cloud: Cloud) -> None:
    root, kernel, ramdisk = (
        cloud.image(f"{wholecloud.TINY}-{part}") for part in ("root", "kernel", "ramdisk")
    )
    # As Eucalyptus wrote them: the same things under its own prefixes.
    asked = {
        "ImageId": root.replace("ami-", "emi-"),
        "KernelId": kernel.replace("aki-", "eki-"),
        "RamdiskId": ramdisk.replace("ari-", "eri-"),
    }
    disk = [{"DeviceName": "/dev/vda", "Ebs": {"VolumeSize": 3}}]
    with guests.launched(cloud, BlockDeviceMappings=disk, **asked) as instance:
        said = cloud.ssh(instance, "cat /proc/cmdline; grep ' / ' /proc/mounts")
        assert "root=/dev/vda " in said
        assert "/dev/vda / ext4" in said
        shown = cloud.instance(instance)
        assert (shown["ImageId"], shown["KernelId"], shown["RamdiskId"]) == (root, kernel, ramdisk)
        told = guests.read(
            cloud, guests.described(cloud, instance), "meta-data/kernel-id", "meta-data/ramdisk-id"
        )
        assert told == [kernel, ramdisk]
        sectors = cloud.ssh(instance, "cat /sys/block/vda/size")
        assert int(sectors) * 512 == 3 << 30


def test_a_disk_boots_by_its_own_boot_loader(cloud: Cloud, own_disk: str) -> None:
    with guests.launched(cloud, ImageId=own_disk) as instance:
        said = cloud.ssh(instance, "cat /proc/cmdline")
        assert "BOOT_IMAGE=/boot/vmlinuz" in said
        assert "KernelId" not in cloud.instance(instance)


def test_the_built_in_disk_boots_without_a_boot_loader(cloud: Cloud) -> None:
    with guests.launched(cloud) as instance:
        assert "BOOT_IMAGE" not in cloud.ssh(instance, "cat /proc/cmdline")
        assert "/dev/vda1 / ext4" in cloud.ssh(instance, "cat /proc/mounts")

        cloud.ssh(instance, "echo said while it runs >/dev/console")
        # It may serve SSH before it has said so.
        for words in ("said while it runs", "mallee-tiny: ssh ready"):
            wholecloud.wait_line(
                lambda: shown_console(cloud, instance), words, wholecloud.GUEST_S, instance
            )
        shown = cloud.ec2.get_console_screenshot(InstanceId=instance, WakeUp=True)
        with Image.open(io.BytesIO(base64.b64decode(shown["ImageData"]))) as screen:
            assert screen.format == "JPEG"
            assert screen.width >= 640
            # The firmware has written on it: it is not one colour all over.
            assert len(screen.convert("L").getcolors() or ()) > 1
        guests.stop(cloud, instance)
        after = shown_console(cloud, instance)
        assert "said while it runs" in after
        assert "mallee-tiny: powering off" in after
        with pytest.raises(ClientError) as dark:
            cloud.ec2.get_console_screenshot(InstanceId=instance)
        assert guests.code_of(dark) == "IncorrectInstanceState"
        text = cloud.aws("ec2", "get-console-output", "--instance-id", instance, "--latest")
        assert "mallee-tiny: powering off" in text
    # What it said last can be read for a while after it is gone.
    assert cloud.state(instance) == "terminated"
    assert "mallee-tiny: powering off" in shown_console(cloud, instance)
