"""Imports and exports: what is asked for, by whose rights, and what comes of what hosts say."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.aws import errors
from mallee.aws.bundles import Locked
from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import bundlefiles, transferring, volumekeys
from mallee.cloud.reconcile import makers
from mallee.cloud.reconcile.images import transfers as reconciling
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.images.images import Blob
from mallee.model.layout import Layout
from mallee.model.storage.partitions import FileSystem, Found
from mallee.model.storage.passes import BlockSpace, PassRequest
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import DiskSeen, KeyAsked, Phase, TransferSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, FakeHost, World

FILE = {"S3Bucket": "disks", "S3Key": "disk.vmdk"}
GIB = 1 << 30
BOOTS = Found(table="mbr", has_bios_loader=True)
TRUST = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"vmie.amazonaws.com"}}}'
)


def told(world: World, host: FakeHost, id: str, seen: TransferSeen) -> None:
    """Have the host say something of a task, and the reconciler follow it."""

    def look(tx: Any) -> None:
        record = tasks.find(tx, id)
        assert record is not None
        if tx.get(records.BLOCK_SPACE, record.account) is None:
            tx.insert(records.BLOCK_SPACE, "", record.account, BlockSpace(id=record.account))
        tx.observe(record, seen)

    world.store.transact(look)
    settle(world, id)


def settle(world: World, id: str) -> None:
    """Have the reconciler follow what was said."""
    means = reconciling.Means(os.urandom, makers.Means(world.settings, world.cloud.box))
    try:
        world.store.transact(lambda tx: reconciling.settle_one(tx, id, means))
    except errors.AwsError as error:
        words = reconciling.words_of(error)
        world.store.transact(lambda tx: reconciling.fail_one(tx, id, words))


def brought(world: World, gib: int = 2, found: Found = BOOTS) -> DiskSeen:
    content = Content(account=world.accounts["alice"], root="a" * 64, size_bytes=gib * GIB)
    return DiskSeen(format="vmdk", file_bytes=7, percent=100, content=content, found=found)


def done(*disks: DiskSeen) -> TransferSeen:
    return TransferSeen(phase=Phase.DONE, disks=disks, percent=100)


def snapshot_task(ec2: Any, id: str) -> dict[str, Any]:
    found = ec2.describe_import_snapshot_tasks(ImportTaskIds=[id])
    return found["ImportSnapshotTasks"][0]["SnapshotTaskDetail"]


def image_task(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_import_image_tasks(ImportTaskIds=[id])["ImportImageTasks"][0]


# --- what comes of it ---


def test_a_file_becomes_a_snapshot(world: World, alice: Any, host: FakeHost) -> None:
    began = alice.import_snapshot(Description="it", DiskContainer={"UserBucket": FILE})
    assert began["SnapshotTaskDetail"]["Status"] == "active"
    id = began["ImportTaskId"]
    told(world, host, id, TransferSeen(phase=Phase.WORKING, words="converting", percent=40))
    assert snapshot_task(alice, id)["Progress"] == "40"
    assert snapshot_task(alice, id)["StatusMessage"] == "converting"
    told(world, host, id, done(brought(world)))
    alice.get_waiter("snapshot_imported").wait(ImportTaskIds=[id])
    detail = snapshot_task(alice, id)
    assert (detail["Status"], detail["Format"]) == ("completed", "VMDK")
    assert "Progress" not in detail
    (snapshot,) = alice.describe_snapshots(SnapshotIds=[detail["SnapshotId"]])["Snapshots"]
    assert (snapshot["State"], snapshot["VolumeSize"]) == ("completed", 2)
    assert (snapshot["VolumeId"], snapshot["Description"]) == ("vol-ffffffff", "it")


def test_files_become_an_image(world: World, alice: Any, host: FakeHost) -> None:
    disks = [{"UserBucket": FILE}, {"UserBucket": FILE, "DeviceName": "/dev/sdf"}]
    id = alice.import_image(DiskContainers=disks, Description="two")["ImportTaskId"]
    told(world, host, id, done(brought(world), brought(world, 3, Found())))
    task = image_task(alice, id)
    assert task["Status"] == "completed"
    (image,) = alice.describe_images(ImageIds=[task["ImageId"]])["Images"]
    assert (image["Name"], image["BootMode"]) == (id, "legacy-bios")
    made = [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"]]
    assert made == [one["SnapshotId"] for one in task["SnapshotDetails"]]
    assert [one["DeviceName"] for one in image["BlockDeviceMappings"]] == ["/dev/vda", "/dev/sdf"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Found(), "neither partitions nor a file system"),
        (Found(table="gpt", has_uefi_loader=True), "by UEFI alone"),
        (Found(table="mbr"), "no boot loader"),
    ],
)
def test_what_cannot_boot_is_told_and_leaves_nothing(
    world: World, alice: Any, host: FakeHost, found: Found, words: str
) -> None:
    id = alice.import_image(DiskContainers=[{"UserBucket": FILE}])["ImportTaskId"]
    told(world, host, id, done(brought(world, found=found)))
    task = image_task(alice, id)
    assert task["Status"] == "deleted"
    assert words in task["StatusMessage"]
    assert alice.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_a_lone_root_file_system_gets_the_clouds_kernel(
    world: World, alice: Any, host: FakeHost
) -> None:
    lone = Found(file_systems=(FileSystem(partition=0, kind="ext4", size_bytes=GIB),))
    id = alice.import_image(DiskContainers=[{"UserBucket": FILE}])["ImportTaskId"]
    told(world, host, id, done(brought(world, found=lone)))
    (image,) = alice.describe_images(ImageIds=[image_task(alice, id)["ImageId"]])["Images"]
    assert image["KernelId"] == KERNEL_ID


def test_why_it_failed_is_said(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.import_image(DiskContainers=[{"UserBucket": FILE}])["ImportTaskId"]
    told(world, host, id, TransferSeen(phase=Phase.FAILED, words="it is cut off"))
    assert image_task(alice, id)["StatusMessage"] == "ClientError: it is cut off"
    assert image_task(alice, id)["Status"] == "deleted"


def test_a_task_is_called_off_once(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    answer = alice.cancel_import_task(ImportTaskId=id, CancelReason="a mistake")
    assert (answer["PreviousState"], answer["State"]) == ("active", "deleting")
    settle(world, id)
    assert snapshot_task(alice, id)["StatusMessage"] == "user cancelled the task: a mistake"
    assert refusal(lambda: alice.cancel_import_task(ImportTaskId=id)) == "IncorrectState"


def test_another_host_takes_over(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    told(world, host, id, TransferSeen(phase=Phase.WORKING, percent=40))
    host.fall_silent()
    other = FakeHost(world, "other", world_capacity(world, host), "us-east-1a")
    settle(world, id)
    record = tasks.find(world.store.view, id)
    assert record is not None
    assert (record.doc.host_id, record.doc.attempt) == (other.id, 1)
    # What the lost one says late is not believed.
    told(world, host, id, done(brought(world)))
    assert snapshot_task(alice, id)["Status"] == "active"


def world_capacity(world: World, host: FakeHost) -> Any:
    record = world.store.view.get(records.HOST, host.id)
    assert record is not None
    assert record.seen is not None
    return record.seen.facts.capacity


def test_what_was_swept_is_brought_again(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    told(world, host, id, TransferSeen(phase=Phase.WORKING))
    told(world, host, id, replace(done(brought(world)), epoch=7))
    record = tasks.find(world.store.view, id)
    assert record is not None
    assert record.doc.attempt == 1
    assert snapshot_task(alice, id)["Status"] == "active"


# --- what is asked for ---


@pytest.mark.parametrize(
    ("disk", "code"),
    [
        ({}, "MissingParameter"),
        ({"UserBucket": FILE, "Format": "floppy"}, "InvalidParameter"),
        ({"UserBucket": FILE, "Url": "s3://disks/disk.vmdk"}, "InvalidParameter"),
        ({"UserBucket": {"S3Bucket": "../etc", "S3Key": "x"}}, "InvalidParameterValue"),
        ({"UserBucket": {"S3Bucket": "disks"}}, "MissingParameter"),
        ({"Url": "file:///etc/shadow"}, "InvalidParameter"),
        ({"Url": "http://169.254.169.254/latest/?X-Amz-Signature=1"}, "InvalidParameter"),
        ({"UserBucket": FILE, "Format": "OVA"}, "InvalidParameter"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    alice: Any, host: FakeHost, disk: dict[str, Any], code: str
) -> None:
    assert refusal(lambda: alice.import_snapshot(DiskContainer=disk)) == code


@pytest.mark.parametrize(
    "url",
    [
        "s3://disks/a/disk.vmdk",
        "https://disks.s3.us-east-1.amazonaws.com/a/disk.vmdk",
        "https://s3.example.org/disks/a/disk.vmdk",
    ],
)
def test_a_url_names_an_object(world: World, alice: Any, host: FakeHost, url: str) -> None:
    id = alice.import_snapshot(DiskContainer={"Url": url})["ImportTaskId"]
    record = tasks.find(world.store.view, id)
    assert record is not None
    assert record.doc.disks[0].object is not None
    assert (record.doc.disks[0].object.bucket, record.doc.disks[0].object.key) == (
        "disks",
        "a/disk.vmdk",
    )


def test_a_role_is_the_accounts_and_trusts_the_service(
    world: World, alice: Any, host: FakeHost, front: Any
) -> None:
    disk = {"UserBucket": FILE}
    ask = lambda: alice.import_snapshot(DiskContainer=disk, RoleName="vmimport")  # noqa: E731
    assert refusal(ask) == "InvalidParameter"
    iam = front.client("alice", "iam")
    iam.create_role(RoleName="vmimport", AssumeRolePolicyDocument=TRUST)
    record = tasks.find(world.store.view, ask()["ImportTaskId"])
    assert record is not None
    assert record.doc.access.issuer_id.startswith("AROA")


# --- what hosts may ---


def answering(world: World, place: Path) -> transferring.Transfers:
    box, layout = secretbox.SecretBox(bytes(32)), Layout(place)
    layout.cloud_pki.mkdir(parents=True)
    brought = bundlefiles.BundleFiles(layout)
    return transferring.Transfers(world.store, box, "us-east-1", lambda: 1, brought)


def test_a_host_gets_credentials_for_its_task_alone(
    world: World, alice: Any, host: FakeHost, tmp_path: Path
) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    answers = answering(world, tmp_path)
    assert answers.give(host.id, id).access_key_id.startswith("ASIA")
    with pytest.raises(refusals.Refused):
        answers.give("host-other", id)
    view, account = world.store.view, world.accounts["alice"]
    asked = PassRequest(account=account, writes_for=id)
    assert transferring.may_write(view, host.id, asked)
    assert not transferring.may_write(view, "host-other", asked)
    foreign = PassRequest(account=world.accounts["bob"], writes_for=id)
    assert not transferring.may_write(view, host.id, foreign)
    alice.cancel_import_task(ImportTaskId=id)
    with pytest.raises(refusals.Refused):
        answers.give(host.id, id)


async def test_a_host_brings_no_more_for_a_transfer_than_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    layout.blobs.mkdir(parents=True)
    brought = bundlefiles.BundleFiles(layout)

    async def bring(id: str, content: bytes) -> int:
        async def body() -> AsyncIterator[bytes]:
            yield content

        try:
            await brought.keep(id, hashlib.sha256(content).hexdigest(), body())
        except refusals.Refused as refused:
            return refused.status
        return 204

    contents = [b"%d" % number for number in range(bundlefiles.FILES_MAX + 1)]
    for content in contents[:-1]:
        assert await bring("import-1", content) == 204
    assert await bring("import-1", contents[-1]) == 413
    # What it has brought already it may bring again, and another transfer is another.
    assert await bring("import-1", contents[0]) == 204
    assert await bring("import-2", contents[-1]) == 204
    monkeypatch.setattr(bundlefiles, "FREE_BYTES_MIN", 1 << 60)
    assert await bring("import-3", b"more") == 503
    assert not list(layout.blobs.glob("part-*"))


# --- out ---


def test_an_image_becomes_a_file(world: World, alice: Any, host: FakeHost) -> None:
    place = {"S3Bucket": "disks", "S3Prefix": "out/"}
    began = alice.export_image(ImageId=IMAGE_ID, DiskImageFormat="VHD", S3ExportLocation=place)
    id = began["ExportImageTaskId"]
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.out is not None
    assert wanted.out.object.key == f"out/{id}.vhd"
    assert transferring.may_read(world.store.view, host.id, world.accounts["alice"]) is False
    told(world, host, id, TransferSeen(phase=Phase.DONE, percent=100))
    (task,) = alice.describe_export_image_tasks(ExportImageTaskIds=[id])["ExportImageTasks"]
    assert task["Status"] == "completed"
    assert refusal(lambda: alice.cancel_export_task(ExportTaskId=id)) == "IncorrectState"


def test_only_who_owns_an_image_exports_it(
    alice: Any, host: FakeHost, of_snapshot: Any, world: World
) -> None:
    """Who may launch an image of another account's has no file of it for that."""
    shared, _ = of_snapshot(account="bob")

    def share(tx: Any) -> None:
        record = tx.get(records.IMAGE, shared)
        tx.write(record, replace(record.doc, launch_accounts=(world.accounts["alice"],)))

    world.store.transact(share)
    asked = {"DiskImageFormat": "RAW", "S3ExportLocation": {"S3Bucket": "disks"}}
    assert refusal(alice.export_image, ImageId=shared, **asked) == "NotExportable"


# --- bundles ---

ROOT_FILE = FileSystem(partition=0, kind="ext4", size_bytes=GIB)


def registration(world: World, image: str) -> str:
    """The task behind an image that is pending."""
    found = world.store.view.list(records.REGISTRATION_TASK, world.accounts["alice"])
    return next(one.id for one in found if one.doc.image_id == image)


def bundled(kind: str = "machine", **said: str) -> TransferSeen:
    format = {"machine": "qcow2"}.get(kind, kind)
    found = Found(file_systems=(ROOT_FILE,)) if kind == "machine" else None
    disk = DiskSeen(
        format=kind,
        size_bytes=GIB + 1,
        percent=100,
        blob=Blob("c" * 64, 9, format),
        found=found,
        told=said,
    )
    return TransferSeen(phase=Phase.DONE, disks=(disk,), percent=100)


def image_of(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_images(ImageIds=[id])["Images"][0]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("root.img", "ami-"),
        ("vmlinuz-6.1.0", "aki-"),
        ("kernel", "aki-"),
        ("initrd.img-6.1.0", "ari-"),
        ("kernelised.img", "ami-"),
    ],
)
def test_a_manifests_name_tells_what_it_is_of(
    alice: Any, host: FakeHost, name: str, prefix: str
) -> None:
    place = f"disks/in/{name}.manifest.xml"
    id = alice.register_image(Name=name, ImageLocation=place)["ImageId"]
    assert id.startswith(prefix)
    assert image_of(alice, id)["State"] == "pending"
    assert image_of(alice, id)["ImageLocation"] == place


def test_a_bundle_becomes_an_image(world: World, alice: Any, host: FakeHost) -> None:
    place = "disks/root.img.manifest.xml"
    id = alice.register_image(Name="trio", ImageLocation=place, KernelId=KERNEL_ID)["ImageId"]
    launch = {"ImageId": id, "MinCount": 1, "MaxCount": 1}
    assert refusal(alice.run_instances, **launch) == "InvalidAMIID.Unavailable"
    told(world, host, registration(world, id), bundled())
    image = image_of(alice, id)
    assert (image["State"], image["KernelId"]) == ("available", KERNEL_ID)
    assert image["RootDeviceType"] == "instance-store"
    assert alice.run_instances(**launch)["Instances"]


def test_what_a_manifest_wants_must_be_there(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.register_image(Name="one", ImageLocation="disks/a.manifest.xml")["ImageId"]
    told(world, host, registration(world, id), bundled(kernel_id="eki-12345678"))
    image = image_of(alice, id)
    assert image["State"] == "failed"
    assert image["StateReason"]["Code"] == "Client.InvalidManifest"
    assert "eki-12345678, which is not there" in image["StateReason"]["Message"]


def test_a_manifest_says_what_its_name_says(world: World, alice: Any, host: FakeHost) -> None:
    id = alice.register_image(Name="one", ImageLocation="disks/a.manifest.xml")["ImageId"]
    told(world, host, registration(world, id), bundled("kernel"))
    assert "name it after what it is" in image_of(alice, id)["StateReason"]["Message"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ImageLocation": "disks/root.img"}, "InvalidManifest"),
        ({"ImageLocation": "../etc/x.manifest.xml"}, "InvalidParameterValue"),
        ({"ImageLocation": "disks/x.manifest.xml", "KernelId": IMAGE_ID}, "InvalidParameterValue"),
        (
            {"ImageLocation": "disks/x.manifest.xml", "RootDeviceName": "/dev/sda1"},
            "InvalidParameterCombination",
        ),
    ],
)
def test_no_image_is_registered_of_anything_else(
    alice: Any, host: FakeHost, more: dict[str, Any], code: str
) -> None:
    assert refusal(lambda: alice.register_image(Name="wrong", **more)) == code


def test_a_host_names_only_what_it_brought(
    world: World, alice: Any, host: FakeHost, tmp_path: Path
) -> None:
    """A host that lies gets nobody's else file into an image."""
    image = alice.register_image(Name="wrong", ImageLocation="disks/x.manifest.xml")["ImageId"]
    answers, id = answering(world, tmp_path), registration(world, image)

    async def piece() -> AsyncIterator[bytes]:
        yield b"brought"

    asyncio.run(refuse_foreign(answers, host, id))
    sha256 = hashlib.sha256(b"brought").hexdigest()
    asyncio.run(answers.files.keep(id, sha256, piece()))
    assert (answers.files.layout.blobs / sha256).read_bytes() == b"brought"
    assert answers.files.has_brought(id, Blob(sha256, len(b"brought"), "raw"))
    assert not answers.files.has_brought(id, Blob(sha256, 1 << 40, "raw"))
    with pytest.raises(refusals.Refused, match="another name"):
        asyncio.run(answers.files.keep(id, "d" * 64, piece()))
    asked = KeyAsked("00" * 256, "00" * 256)
    answers.read_key = lambda caller, place: Locked("00" * 256, "00" * 256)
    with pytest.raises(refusals.Refused, match="another cloud"):
        asyncio.run(answers.unlock(host.id, id, asked))
    # The key of any other bundle is not its business, whoever gave it to the host.
    answers.read_key = lambda caller, place: Locked("11" * 256, "11" * 256)
    with pytest.raises(refusals.Refused, match="not the key of this bundle"):
        asyncio.run(answers.unlock(host.id, id, asked))
    with pytest.raises(refusals.Refused):
        asyncio.run(answers.unlock("host-other", id, asked))


def test_a_bundles_manifest_is_read_beside_the_view_s_thread(
    world: World, alice: Any, host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = alice.register_image(Name="beside", ImageLocation="disks/x.manifest.xml")["ImageId"]
    answers, id = answering(world, tmp_path), registration(world, image)
    carried, threads = transferring.carried, dict[str, int]()

    def look(*asked: Any) -> tasks.TaskRecord:
        threads["view"] = threading.get_ident()
        return carried(*asked)

    def read(*_: object) -> Locked:
        threads["manifest"] = threading.get_ident()
        return Locked("00" * 256, "00" * 256)

    monkeypatch.setattr(transferring, "carried", look)
    answers.read_key = read
    with pytest.raises(refusals.Refused, match="another cloud"):
        asyncio.run(answers.unlock(host.id, id, KeyAsked("00" * 256, "00" * 256)))
    assert threads["view"] == threading.get_ident() != threads["manifest"]


async def refuse_foreign(answers: transferring.Transfers, host: FakeHost, id: str) -> None:
    with pytest.raises(refusals.Refused, match="not to be believed"):
        await answers.hear(host.id, id, bundled())


# --- encryption ---


def key_of(world: World, id: str) -> Any:
    record = tasks.find(world.store.view, id)
    assert record is not None
    return record.doc.key


def sealed(world: World, id: str) -> TransferSeen:
    """What a host says that has brought a disk in, sealed."""
    seen = brought(world)
    assert seen.content is not None
    return done(replace(seen, content=replace(seen.content, key_id=key_of(world, id).id)))


def test_an_import_can_be_encrypted_and_is_where_the_account_says_so(
    world: World, alice: Any, host: FakeHost, front: Any
) -> None:
    key = front.client("alice", "kms").create_key()["KeyMetadata"]["Arn"]
    container = {"UserBucket": FILE}
    began = alice.import_snapshot(DiskContainer=container, Encrypted=True, KmsKeyId=key)
    detail = began["SnapshotTaskDetail"]
    assert (detail["Encrypted"], detail["KmsKeyId"]) == (True, key)
    id = began["ImportTaskId"]
    told(world, host, id, sealed(world, id))
    made = snapshot_task(alice, id)["SnapshotId"]
    (found,) = alice.describe_snapshots(SnapshotIds=[made])["Snapshots"]
    assert (found["Encrypted"], found["KmsKeyId"]) == (True, key)
    assert not alice.import_snapshot(DiskContainer=container)["SnapshotTaskDetail"]["Encrypted"]
    alice.enable_ebs_encryption_by_default()
    id = alice.import_image(DiskContainers=[container])["ImportTaskId"]
    assert image_task(alice, id)["Encrypted"]
    told(world, host, id, sealed(world, id))
    (image,) = alice.describe_images(ImageIds=[image_task(alice, id)["ImageId"]])["Images"]
    assert [one["Ebs"]["Encrypted"] for one in image["BlockDeviceMappings"]] == [True]


def test_an_import_is_not_encrypted_with_what_one_may_not_use(
    world: World, alice: Any, bob: Any, host: FakeHost, front: Any
) -> None:
    kms = front.client("alice", "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    asked = {"DiskContainer": {"UserBucket": FILE}, "KmsKeyId": key}
    assert refusal(alice.import_snapshot, **asked) == "InvalidParameterDependency"
    assert refusal(bob.import_snapshot, **asked, Encrypted=True) == "UnauthorizedOperation"
    kms.disable_key(KeyId=key)
    off = refusal(alice.import_snapshot, **asked, Encrypted=True)
    assert off == "InvalidKMSKey.InvalidState"


def test_a_plain_snapshot_is_not_taken_into_an_encrypted_image(
    world: World, alice: Any, host: FakeHost
) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    told(world, host, id, done(brought(world)))
    there = [{"SnapshotId": snapshot_task(alice, id)["SnapshotId"]}]
    refused = refusal(alice.import_image, DiskContainers=there, Encrypted=True)
    assert refused == "UnsupportedOperation"


def test_the_key_of_an_import_is_for_its_host_alone_and_nothing_plain_is_taken(
    world: World, alice: Any, host: FakeHost
) -> None:
    asked = {"DiskContainer": {"UserBucket": FILE}, "Encrypted": True}
    id = alice.import_snapshot(**asked)["ImportTaskId"]
    plain = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    (wanted, _) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.key_id == key_of(world, id).id
    keys = volumekeys.VolumeKeys(world.store, world.cloud.box)
    assert keys.open(host.id, id).id == wanted.key_id
    with pytest.raises(refusals.Refused, match="has no transfer"):
        keys.open("host-other", id)
    with pytest.raises(refusals.Refused, match="has no key"):
        keys.open(host.id, plain)
    record = tasks.find(world.store.view, id)
    assert record is not None
    assert not transferring.is_sound(record, done(brought(world)))
    assert transferring.is_sound(record, sealed(world, id))
