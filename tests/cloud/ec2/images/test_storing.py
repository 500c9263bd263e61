"""Images become objects, and objects images: who may, what is told, and what forged ones become."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts.moves import transferring
from mallee.cloud.reconcile.images.transfers import STORED_KEPT_S
from mallee.cloud.state import records
from mallee.model.images import storedimages
from mallee.model.images.storedimages import Disk, Header
from mallee.model.storage.partitions import Found
from mallee.model.storage.passes import BlockSpace
from mallee.model.storage.snapshots import Content, Sharing
from mallee.model.storage.transfers import WORDS_MAX, DiskSeen, Phase, TransferSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.images.test_imports import BOOTS, settle
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

GIB = 1 << 30
PLACE = {"Bucket": "disks", "ObjectKey": "ami-1.bin"}
HEADER = Header(
    image_id="ami-0123456789abcdef0",
    name="from elsewhere",
    description="it",
    root_device="/dev/vda",
    disks=(
        Disk(device="/dev/vda", size_bytes=2 * GIB, size_gib=3),
        Disk(device="/dev/sdf", size_gib=5, type="gp3", delete_on_termination=False),
    ),
    tags={"stage": "1", "owner": "old"},
)
OfSnapshot = Callable[..., tuple[str, str]]


def task_of(world: World, kind: Any) -> str:
    (found,) = world.store.view.list(kind)
    return found.id


def said(world: World, id: str, seen: TransferSeen) -> None:
    world.store.transact(lambda tx: tx.observe(tasks.find(tx, id), seen))  # type: ignore[arg-type]
    settle(world, id)


def restored(world: World, header: Header = HEADER, found: Found = BOOTS, gib: int = 2) -> str:
    """Have the one host say that all of the only task's object has come in."""
    id = task_of(world, records.RESTORE_TASK)
    account = world.accounts["bob"]
    disk = DiskSeen(
        format="image",
        size_bytes=gib * GIB,
        percent=100,
        content=Content(account=account, root="a" * 64, size_bytes=gib * GIB),
        found=found,
        told=storedimages.told_header(storedimages.encode_header(header), WORDS_MAX),
    )

    def space(tx: Any) -> None:
        if tx.get(records.BLOCK_SPACE, account) is None:
            tx.insert(records.BLOCK_SPACE, "", account, BlockSpace(id=account))

    world.store.transact(space)
    said(world, id, TransferSeen(phase=Phase.DONE, disks=(disk,), percent=100))
    return id


def image_of(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_images(ImageIds=[id])["Images"][0]


def stored(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_store_image_tasks(ImageIds=[id])["StoreImageTaskResults"][0]


def test_an_image_becomes_an_object(
    world: World, bob: Any, host: FakeHost, of_snapshot: OfSnapshot
) -> None:
    image, _ = of_snapshot(tags={})
    asked = {"ImageId": image, "Bucket": "disks"}
    tags = [{"Key": "course", "Value": "1 & 2"}]
    assert bob.create_store_image_task(**asked, S3ObjectTags=tags)["ObjectKey"] == f"{image}.bin"
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.out is not None
    assert wanted.out.tags == {"course": "1 & 2"}
    assert [one.size_bytes for one in wanted.out.contents] == [2 * GIB]
    header = storedimages.decode_header(wanted.out.header.encode())
    assert [(one.device, one.size_bytes) for one in header.disks] == [("/dev/vda", 2 * GIB)]
    assert transferring.may_read(world.store.view, host.id, world.accounts["bob"])
    shown = stored(bob, image)
    assert (shown["StoreTaskState"], shown["S3objectKey"]) == ("InProgress", f"{image}.bin")
    id = task_of(world, records.STORE_TASK)
    said(world, id, TransferSeen(phase=Phase.DONE, percent=100))
    bob.get_waiter("store_image_task_complete").wait(ImageIds=[image])
    assert stored(bob, image)["ProgressPercentage"] == 100
    by_state = [{"Name": "task-state", "Values": ["Failed"]}]
    assert bob.describe_store_image_tasks(Filters=by_state)["StoreImageTaskResults"] == []

    def long_ago(tx: Any) -> None:
        record = tasks.find(tx, id)
        assert record is not None
        tx.write(record, replace(record.doc, ended_at=tx.now - STORED_KEPT_S - 1))

    world.store.transact(long_ago)
    settle(world, id)
    assert bob.describe_store_image_tasks()["StoreImageTaskResults"] == []


def test_a_snapshot_that_is_not_complete_is_waited_for(
    world: World, bob: Any, host: FakeHost, of_snapshot: OfSnapshot
) -> None:
    image, snapshot = of_snapshot(content=None, host_id=host.id, cut=1, zone="us-east-1a")
    bob.create_store_image_task(ImageId=image, Bucket="disks")
    assert transferring.wanted_of(world.store.view, host.id) == ()

    def complete(tx: Any) -> None:
        record = tx.get(records.SNAPSHOT, snapshot)
        content = Content(account=record.account, root="ab" * 32, size_bytes=2 * GIB)
        tx.write(record, replace(record.doc, content=content))

    world.store.transact(complete)
    settle(world, task_of(world, records.STORE_TASK))
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.out is not None
    assert len(wanted.out.contents) == 1


def test_why_it_was_not_stored_is_said(
    world: World, bob: Any, host: FakeHost, of_snapshot: OfSnapshot
) -> None:
    image, _ = of_snapshot()
    bob.create_store_image_task(ImageId=image, Bucket="disks")
    id = task_of(world, records.STORE_TASK)
    said(world, id, TransferSeen(phase=Phase.FAILED, words="access is denied"))
    shown = stored(bob, image)
    assert shown["StoreTaskState"] == "Failed"
    assert "access is denied" in shown["StoreTaskFailureReason"]


def test_who_was_not_named_stores_nothing(
    world: World, alice: Any, bob: Any, host: FakeHost, of_snapshot: OfSnapshot
) -> None:
    """An image that everybody may launch is not everybody's to take along."""
    account = world.accounts["alice"]
    private, _ = of_snapshot()
    public, _ = of_snapshot(sharing=Sharing(is_public=True))
    named, _ = of_snapshot()
    whole, _ = of_snapshot(sharing=Sharing(accounts=(account,)))

    def share(tx: Any) -> None:
        tx.write(record := tx.get(records.IMAGE, public), replace(record.doc, is_public=True))
        for id in (named, whole):
            record = tx.get(records.IMAGE, id)
            tx.write(record, replace(record.doc, launch_accounts=(account,)))

    world.store.transact(share)
    store = alice.create_store_image_task
    assert refusal(store, ImageId=private, Bucket="disks") == "InvalidAMIID.NotFound"
    assert refusal(store, ImageId=public, Bucket="disks") == "InvalidRequest"
    assert refusal(store, ImageId=named, Bucket="disks") == "InvalidRequest"
    assert store(ImageId=whole, Bucket="disks")["ObjectKey"] == f"{whole}.bin"
    assert (
        refusal(bob.create_store_image_task, ImageId=IMAGE_ID, Bucket="disks") == "InvalidRequest"
    )
    assert refusal(bob.create_store_image_task, ImageId=private, Bucket="..") == (
        "InvalidParameterValue"
    )
    assert refusal(alice.describe_store_image_tasks, ImageIds=[private]) == "InvalidAMIID.NotFound"


def test_an_object_becomes_an_image(world: World, bob: Any, host: FakeHost) -> None:
    tags = [
        {"ResourceType": "image", "Tags": [{"Key": "owner", "Value": "new"}]},
        {"ResourceType": "snapshot", "Tags": [{"Key": "of", "Value": "it"}]},
    ]
    id = bob.create_restore_image_task(**PLACE, TagSpecifications=tags)["ImageId"]
    assert image_of(bob, id)["State"] == "pending"
    restored(world)
    image = image_of(bob, id)
    assert (image["State"], image["Name"]) == ("available", "from elsewhere")
    assert {one["Key"]: one["Value"] for one in image["Tags"]} == {"stage": "1", "owner": "new"}
    root, data = image["BlockDeviceMappings"]
    assert (root["Ebs"]["VolumeSize"], data["Ebs"]["VolumeSize"]) == (3, 5)
    assert (data["Ebs"]["VolumeType"], data["Ebs"]["DeleteOnTermination"]) == ("gp3", False)
    found = bob.describe_snapshots(SnapshotIds=[root["Ebs"]["SnapshotId"]])["Snapshots"][0]
    assert found["Tags"] == [{"Key": "of", "Value": "it"}]
    assert bob.run_instances(ImageId=id, MinCount=1, MaxCount=1)["Instances"]


def test_a_name_that_is_given_or_taken(world: World, bob: Any, host: FakeHost) -> None:
    named = bob.create_restore_image_task(**PLACE, Name="mine now")["ImageId"]
    restored(world)
    assert image_of(bob, named)["Name"] == "mine now"
    again = bob.create_restore_image_task
    assert refusal(again, **PLACE, Name="mine now") == "InvalidAMIName.Duplicate"
    world.store.transact(lambda tx: tx.delete(tx.list(records.RESTORE_TASK)[0]))
    second = again(**PLACE)["ImageId"]
    restored(world, replace(HEADER, name="mine now"))
    image = image_of(bob, second)
    assert image["State"] == "failed"
    assert image["StateReason"]["Message"].count("InvalidAMIName.Duplicate") == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"root_device": "/dev/sdf"}, "no root disk"),
        ({"disks": (HEADER.disks[0],) * 2}, "other disks"),
        ({"disks": (replace(HEADER.disks[0], device="/etc/passwd"),)}, "no instance can have"),
        ({"disks": (replace(HEADER.disks[0], size_gib=1),)}, "no instance can have"),
        ({"disks": (replace(HEADER.disks[0], type="sc1"),)}, "InvalidParameterValue"),
        ({"disks": (replace(HEADER.disks[0], size_bytes=5 * GIB, size_gib=9),)}, "other disks"),
        ({"architecture": "arm64"}, "do not run here"),
        ({"boot_mode": "uefi"}, "by UEFI alone"),
        ({"name": "no\nname"}, "InvalidAMIName.Malformed"),
        ({"description": "x" * 256}, "InvalidParameterValue"),
        ({"tags": {str(one): "" for one in range(51)}}, "TagLimitExceeded"),
    ],
)
def test_what_an_object_says_is_believed_no_more_than_a_request(
    world: World, bob: Any, host: FakeHost, more: dict[str, Any], words: str
) -> None:
    id = bob.create_restore_image_task(**PLACE)["ImageId"]
    restored(world, replace(HEADER, **more))
    image = image_of(bob, id)
    assert image["State"] == "failed"
    assert words in image["StateReason"]["Message"]
    assert bob.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_what_was_deregistered_meanwhile_does_not_come_back(
    world: World, bob: Any, host: FakeHost
) -> None:
    id = bob.create_restore_image_task(**PLACE)["ImageId"]
    bob.deregister_image(ImageId=id)
    restored(world)
    assert bob.describe_images(Owners=["self"])["Images"] == []
    assert bob.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_a_host_that_lies_of_a_stored_image_is_not_believed(
    world: World, bob: Any, host: FakeHost
) -> None:
    bob.create_restore_image_task(**PLACE)
    record = tasks.find(world.store.view, task_of(world, records.RESTORE_TASK))
    assert record is not None

    def done(**more: Any) -> TransferSeen:
        account = world.accounts["bob"]
        content = Content(account=account, root="a" * 64, size_bytes=GIB)
        disk = replace(DiskSeen(content=content), **more)
        return TransferSeen(phase=Phase.DONE, disks=(disk,))

    assert transferring.is_sound(record, done())
    assert not transferring.is_sound(record, done(content=None))
    assert not transferring.is_sound(record, done(told={str(one): "" for one in range(65)}))
    assert not transferring.is_sound(record, TransferSeen(phase=Phase.DONE))
