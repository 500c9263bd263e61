"""Encrypted volumes of real guests: what they write is on no disk and in no store but sealed."""

import base64
import secrets
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.machines import guests, livefiles, test_boot
from tests.machines.test_roots import root_of
from tests.machines.test_snapshots import attach
from tests.machines.test_volumes import made, wait_state
from tests.wholecloud import Cloud

own_disk = test_boot.own_disk


def test_what_a_guest_writes_is_nowhere_but_sealed(cloud: Cloud) -> None:
    ec2: Any = cloud.ec2
    root = {"DeviceName": "/dev/vda", "Ebs": {"Encrypted": True}}
    with (
        guests.launched(cloud, BlockDeviceMappings=[root]) as instance,
        made(cloud, Encrypted=True) as sealed,
        made(cloud) as plain,
    ):
        cloud.wait_state(instance, "running")
        assert volume(cloud, root_of(cloud, instance))["Encrypted"]
        marks = {name: secrets.token_bytes(4096) for name in ("root", "sealed", "plain")}
        write(cloud, instance, "/root/mark", marks["root"])
        for device, name, id in (("/dev/sdf", "sealed", sealed), ("/dev/sdg", "plain", plain)):
            disk = attach(cloud, id, instance, device)
            write(cloud, instance, f"/dev/{disk}", marks[name])
        taken = {id: ec2.create_snapshot(VolumeId=id)["SnapshotId"] for id in (sealed, plain)}
        waiter = ec2.get_waiter("snapshot_completed")
        waiter.wait(SnapshotIds=list(taken.values()), WaiterConfig={"Delay": 1})
        # The search finds what is not encrypted, both on the host's disk and in the store.
        assert len(found(cloud, marks["plain"])) >= 2
        assert found(cloud, marks["sealed"]) == []
        assert found(cloud, marks["root"]) == []
        guests.stop(cloud, instance)
        ec2.detach_volume(VolumeId=sealed)
        wait_state(cloud, sealed, "available")
        with made(cloud, SnapshotId=taken[sealed]) as again:
            assert volume(cloud, again)["Encrypted"]
            guests.start(cloud, instance)
            assert read(cloud, instance, "/root/mark") == marks["root"]
            disk = attach(cloud, again, instance, "/dev/sdh")
            assert read(cloud, instance, f"/dev/{disk}") == marks["sealed"]
            ec2.detach_volume(VolumeId=again)
            assert found(cloud, marks["sealed"]) == []
        ec2.detach_volume(VolumeId=plain)
        for snapshot in taken.values():
            ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_guest_whose_key_is_off_goes_on_and_does_not_start_again(
    cloud: Cloud, own_disk: str
) -> None:
    ec2: Any = cloud.ec2
    kms: Any = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ebs = {"Encrypted": True, "KmsKeyId": key}
    root = {"DeviceName": "/dev/vda", "Ebs": ebs}
    with guests.launched(cloud, ImageId=own_disk, BlockDeviceMappings=[root]) as instance:
        # Its firmware found the disk, and the boot loader on it.
        assert "BOOT_IMAGE=/boot/vmlinuz" in cloud.ssh(instance, "cat /proc/cmdline")
        kms.disable_key(KeyId=key)
        cloud.ssh(instance, "echo still >/root/note; sync; cat /root/note")
        guests.stop(cloud, instance)
        with pytest.raises(ClientError, match="InvalidState"):
            ec2.start_instances(InstanceIds=[instance])
        kms.enable_key(KeyId=key)
        guests.start(cloud, instance)
        assert cloud.ssh(instance, "cat /root/note") == "still\n"


def volume(cloud: Cloud, id: str) -> dict[str, Any]:
    return cloud.ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]


def write(cloud: Cloud, instance: str, path: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    cloud.ssh(instance, f"echo {text} | base64 -d | dd of={path} conv=fsync 2>/dev/null")


def read(cloud: Cloud, instance: str, path: str) -> bytes:
    return base64.b64decode(cloud.ssh(instance, f"head -c 4096 {path} | base64"))


def found(cloud: Cloud, mark: bytes) -> list[Path]:
    """All files of the cloud, its object store and its host in which a part of a mark is."""
    part = mark[512:576]
    return [path for path, data in livefiles.contents(cloud.layout.root) if part in data]
