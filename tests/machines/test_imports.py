"""Disks in files become snapshots, volumes and images; a real guest boots from an imported one."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import tinyimages, wholecloud
from tests.machines import buckets, guests
from tests.wholecloud import Cloud

IMPORT_S = 420.0
BUCKET = "disks-to-import"


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> Iterator[str]:
    """A bucket that is gone afterwards."""
    with buckets.made(cloud, BUCKET):
        yield BUCKET


def tiny_disk(tmp_path: Path) -> Path:
    """The tiny guest's whole disk, as it would be brought from elsewhere."""
    offered = next(one for one in tinyimages.document().images if one.key == "tiny")
    source = tinyimages.layout().blobs / offered.blob.sha256
    out = tmp_path / "tiny.qcow2"
    form = ["-f", offered.blob.format, "-O", "qcow2"]
    subprocess.run(["qemu-img", "convert", *form, str(source), str(out)], check=True)
    return out


def ended(cloud: Cloud, task: str) -> dict[str, Any]:
    """The task, once nothing is to come of it any more."""

    def shown() -> dict[str, Any]:
        found = cloud.ec2.describe_import_image_tasks(ImportTaskIds=[task])
        return found["ImportImageTasks"][0]

    wholecloud.wait_until(
        lambda: shown()["Status"] in ("completed", "deleted"), IMPORT_S, f"{task} to end"
    )
    return shown()


def exported(cloud: Cloud, bucket: str, image: str, format: str, to: Path) -> Path:
    """The file that is made of an image."""
    place = {"S3Bucket": bucket, "S3Prefix": "out/"}
    task = cloud.ec2.export_image(ImageId=image, DiskImageFormat=format, S3ExportLocation=place)
    id = task["ExportImageTaskId"]

    def shown() -> dict[str, Any]:
        found = cloud.ec2.describe_export_image_tasks(ExportImageTaskIds=[id])
        return found["ExportImageTasks"][0]

    wholecloud.wait_until(lambda: shown()["Status"] != "active", IMPORT_S, f"{id} to end")
    assert shown()["Status"] == "completed", shown()
    made = to / f"{id}.{format.lower()}"
    cloud.client("s3").download_file(bucket, f"out/{made.name}", str(made))
    return made


def test_a_guest_boots_from_an_imported_disk(cloud: Cloud, bucket: str, tmp_path: Path) -> None:
    disk = tiny_disk(tmp_path)
    cloud.client("s3").upload_file(str(disk), bucket, "brought/tiny.qcow2")
    place = {"S3Bucket": bucket, "S3Key": "brought/tiny.qcow2"}
    began = cloud.ec2.import_image(
        Description="a guest from elsewhere", DiskContainers=[{"UserBucket": place}]
    )
    task = ended(cloud, began["ImportTaskId"])
    assert task["Status"] == "completed", task
    (detail,) = task["SnapshotDetails"]
    assert detail["Format"] == "QCOW2"
    image = cloud.ec2.describe_images(ImageIds=[task["ImageId"]])["Images"][0]
    assert image["BootMode"] == "legacy-bios"
    (mapping,) = image["BlockDeviceMappings"]
    assert mapping["Ebs"]["SnapshotId"] == detail["SnapshotId"]
    with guests.launched(cloud, ImageId=task["ImageId"]) as instance:
        cloud.wait_state(instance, "running")
        assert cloud.ssh(instance, "echo it runs") == "it runs\n"
    # And it goes out as it came in.
    again = exported(cloud, bucket, task["ImageId"], "RAW", tmp_path)
    same = ["qemu-img", "compare", "-F", "raw", "-f", "qcow2", str(disk), str(again)]
    assert subprocess.run(same, check=False).returncode == 0


def test_a_file_that_is_no_disk_is_refused_in_words(cloud: Cloud, bucket: str) -> None:
    ec2: Any = cloud.ec2
    cloud.client("s3").put_object(
        Bucket=bucket, Key="text", Body=b"no disk at all.".ljust(512) * 100
    )
    place = {"S3Bucket": bucket, "S3Key": "text"}
    began = ec2.import_image(DiskContainers=[{"UserBucket": place, "Format": "RAW"}])
    task = ended(cloud, began["ImportTaskId"])
    assert task["Status"] == "deleted"
    assert "neither partitions nor a file system" in task["StatusMessage"]
    missing = {"S3Bucket": bucket, "S3Key": "nothing"}
    began = ec2.import_snapshot(DiskContainer={"UserBucket": missing})
    id = began["ImportTaskId"]

    def shown() -> dict[str, Any]:
        found = ec2.describe_import_snapshot_tasks(ImportTaskIds=[id])["ImportSnapshotTasks"][0]
        return found["SnapshotTaskDetail"]

    wholecloud.wait_until(lambda: shown()["Status"] == "deleted", IMPORT_S, f"{id} to end")
    assert "there is no such object" in shown()["StatusMessage"]


def mallee(cloud: Cloud, *line: str | Path) -> str:
    """What the command gives."""
    program = [sys.executable, "-m", "mallee.cli.main", "images", *map(str, line)]
    program += ["--root", str(cloud.layout.root)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def registered(cloud: Cloud, location: str, **more: str) -> str:
    """The image of a bundle, once it is available."""
    name = Path(location).name.removesuffix(".manifest.xml")
    id = cloud.ec2.register_image(Name=name, ImageLocation=location, **more)["ImageId"]

    def shown() -> dict[str, Any]:
        return cloud.ec2.describe_images(ImageIds=[id])["Images"][0]

    wholecloud.wait_until(lambda: shown()["State"] != "pending", IMPORT_S, f"{id} to be there")
    assert shown()["State"] == "available", shown()
    return id


def test_a_guest_boots_from_a_bundled_trio(cloud: Cloud, bucket: str, tmp_path: Path) -> None:
    """A kernel, a ramdisk and a lone root file system, each cut into parts."""
    offered = {one.key: one for one in tinyimages.document().images}
    names = {"kernel": "vmlinuz-tiny", "ramdisk": "initrd-tiny", "root": "root-tiny.img"}
    made: dict[str, str] = {}
    for key, name in names.items():
        file = tmp_path / name
        shutil.copy(tinyimages.file_of(offered[key].blob), file)
        kind = offered[key].kind
        parts = tmp_path / f"parts-{key}"
        manifest = mallee(cloud, "bundle", file, "--to", parts, "--kind", kind)
        location = mallee(cloud, "upload-bundle", manifest, bucket, "--folder", "bundles")
        more = {"KernelId": made["kernel"], "RamdiskId": made["ramdisk"]} if key == "root" else {}
        made[key] = registered(cloud, location, **more)
    assert [made[key][:4] for key in names] == ["aki-", "ari-", "ami-"]
    back = tmp_path / "back"
    fetched = mallee(
        cloud, "download-bundle", f"{bucket}/bundles/{names['root']}.manifest.xml", "--to", back
    )
    again = Path(mallee(cloud, "unbundle", fetched, "--to", back))
    assert again.read_bytes() == tinyimages.file_of(offered["root"].blob).read_bytes()
    with guests.launched(cloud, ImageId=made["root"]) as instance:
        cloud.wait_state(instance, "running")
        assert cloud.ssh(instance, "echo it runs") == "it runs\n"
    mallee(cloud, "delete-bundle", f"{bucket}/bundles/{names['kernel']}.manifest.xml")


def test_an_encrypted_import_is_nowhere_but_sealed(cloud: Cloud, bucket: str) -> None:
    ec2, ebs = cloud.ec2, cloud.client("ebs")
    secret = b"only who may open it reads this. " * 20_000
    cloud.client("s3").put_object(Bucket=bucket, Key="secret.raw", Body=secret[: 512 << 10])
    place = {"S3Bucket": bucket, "S3Key": "secret.raw"}
    began = ec2.import_snapshot(DiskContainer={"UserBucket": place}, Encrypted=True)
    id = began["ImportTaskId"]

    def shown() -> dict[str, Any]:
        found = ec2.describe_import_snapshot_tasks(ImportTaskIds=[id])["ImportSnapshotTasks"][0]
        return found["SnapshotTaskDetail"]

    wholecloud.wait_until(
        lambda: shown()["Status"] in ("completed", "deleted"), IMPORT_S, f"{id} to end"
    )
    assert shown()["Status"] == "completed", shown()
    made = shown()["SnapshotId"]
    (block,) = ebs.list_snapshot_blocks(SnapshotId=made)["Blocks"]
    got = ebs.get_snapshot_block(
        SnapshotId=made, BlockIndex=block["BlockIndex"], BlockToken=block["BlockToken"]
    )
    assert got["BlockData"].read() == secret[: 512 << 10]
    ec2.delete_snapshot(SnapshotId=made)
