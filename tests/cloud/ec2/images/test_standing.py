"""Images that are disabled, deprecated and protected; how they go, with their snapshots or not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.model.storage.snapshots import Content
from tests.cloud.ec2.asking import launch_one, refusal, refused
from tests.cloud.ec2.images.conftest import Make
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World

GONE = "InvalidAMIID.NotFound"
OfSnapshot = Callable[..., tuple[str, str]]


def seen(ec2: Any, **asked: Any) -> set[str]:
    return {image["ImageId"] for image in ec2.describe_images(**asked)["Images"]}


def change(world: World, id: str, **more: Any) -> None:
    def write(tx: Any) -> None:
        record = tx.get(records.IMAGE, id)
        tx.write(record, replace(record.doc, **more))

    world.store.transact(write)


def test_a_disabled_image_is_launched_by_nobody(
    alice: Any, bob: Any, world: World, own: Make, host: FakeHost
) -> None:
    id = own(is_public=True, launch_accounts=(world.accounts["alice"],))
    assert bob.disable_image(ImageId=id)["Return"]
    assert bob.disable_image(ImageId=id)["Return"]
    assert refusal(launch_one, client=bob, ImageId=id) == "InvalidAMIID.Unavailable"
    assert refusal(launch_one, client=alice, ImageId=id) == GONE
    assert id not in seen(bob)
    (image,) = bob.describe_images(ImageIds=[id], IncludeDisabled=True)["Images"]
    assert (image["State"], image["Public"]) == ("disabled", False)
    add = {"Add": [{"Group": "all"}]}
    asked = {"ImageId": id, "LaunchPermission": add}
    assert refusal(bob.modify_image_attribute, **asked) == "InvalidAMIID.Unavailable"
    bob.enable_image(ImageId=id)
    assert launch_one(bob, ImageId=id)["ImageId"] == id
    assert refusal(launch_one, client=alice, ImageId=id) == GONE
    assert bob.deregister_image(ImageId=id)["Return"]
    assert refusal(bob.enable_image, ImageId=id) == "InvalidAMIID.Unavailable"


def test_a_deprecated_image_is_shown_to_who_asks_for_it(
    alice: Any, bob: Any, world: World, own: Make, host: FakeHost
) -> None:
    id = own(is_public=True)
    at = datetime.now(UTC) + timedelta(days=2)
    bob.enable_image_deprecation(ImageId=id, DeprecateAt=at)
    (image,) = alice.describe_images(ImageIds=[id])["Images"]
    assert image["DeprecationTime"] == f"{at:%Y-%m-%dT%H:%M}:00.000Z"
    assert id in seen(alice)
    change(world, id, deprecated_at=1.0)
    assert id not in seen(alice)
    assert id in seen(alice, IncludeDeprecated=True)
    assert seen(alice, ImageIds=[id]) == {id}
    assert id in seen(bob)
    assert launch_one(alice, ImageId=id)["ImageId"] == id
    bob.disable_image_deprecation(ImageId=id)
    assert id in seen(alice)


@pytest.mark.parametrize("days", [-1, 11 * 366])
def test_a_time_that_no_image_is_deprecated_at_is_refused(bob: Any, own: Make, days: int) -> None:
    asked = {"ImageId": own(), "DeprecateAt": datetime.now(UTC) + timedelta(days=days)}
    assert refusal(bob.enable_image_deprecation, **asked) == "InvalidParameterValue"


def test_a_protected_image_stays(bob: Any, own: Make) -> None:
    id = own()

    def protection() -> str:
        return bob.describe_images(ImageIds=[id])["Images"][0]["DeregistrationProtection"]

    assert protection() == "disabled"
    assert bob.enable_image_deregistration_protection(ImageId=id)["Return"] == "true"
    assert protection() == "enabled-without-cooldown"
    assert refusal(bob.deregister_image, ImageId=id) == "OperationNotPermitted"
    bob.disable_image_deregistration_protection(ImageId=id)
    assert protection() == "disabled"
    assert bob.deregister_image(ImageId=id)["Return"]


def test_protection_with_a_cooldown_ends_a_day_later(bob: Any, world: World, own: Make) -> None:
    id = own()
    bob.enable_image_deregistration_protection(ImageId=id, WithCooldown=True)
    bob.disable_image_deregistration_protection(ImageId=id)
    bob.disable_image_deregistration_protection(ImageId=id)
    code, words = refused(bob.deregister_image, ImageId=id)
    assert (code, "from 20" in words) == ("OperationNotPermitted", True)
    (image,) = bob.describe_images(ImageIds=[id])["Images"]
    assert image["DeregistrationProtection"] == "enabled-with-cooldown"
    record = world.store.view.get(records.IMAGE, id)
    assert record is not None
    assert record.doc.protected_until is not None
    change(world, id, protected_until=record.doc.protected_until - 86_400)
    assert bob.deregister_image(ImageId=id)["Return"]


# --- and its snapshots ---


def test_a_snapshot_of_an_image_stays_as_long_as_that(bob: Any, of_snapshot: OfSnapshot) -> None:
    image, snapshot = of_snapshot()
    code, words = refused(bob.delete_snapshot, SnapshotId=snapshot)
    assert (code, image in words) == ("InvalidSnapshot.InUse", True)
    assert bob.deregister_image(ImageId=image)["Return"]
    bob.delete_snapshot(SnapshotId=snapshot)


def test_an_image_takes_its_snapshots_along_if_that_is_wanted(
    bob: Any, of_snapshot: OfSnapshot, world: World
) -> None:
    image, snapshot = of_snapshot()
    told = bob.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert told["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "success"}]
    assert world.store.view.get(records.SNAPSHOT, snapshot) is None


def test_snapshots_that_others_need_stay(
    bob: Any, of_snapshot: OfSnapshot, own: Make, world: World
) -> None:
    image, snapshot = of_snapshot()
    mapped = world.store.view.get(records.IMAGE, image)
    assert mapped is not None
    other = own(blob=None, mappings=mapped.doc.mappings)
    told = bob.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert told["DeleteSnapshotResults"] == [{"SnapshotId": snapshot, "ReturnCode": "skipped"}]
    bob.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    told = bob.deregister_image(ImageId=other, DeleteAssociatedSnapshots=True)
    result = {"SnapshotId": snapshot, "ReturnCode": "client-error"}
    assert told["DeleteSnapshotResults"] == [result]
    assert bob.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]


def test_who_may_not_delete_snapshots_takes_none_along(
    bob: Any, carol: Any, of_snapshot: OfSnapshot
) -> None:
    image, snapshot = of_snapshot()
    user = carol({"Action": "ec2:DeleteSnapshot", "Resource": "*"})
    asked = {"ImageId": image, "DeleteAssociatedSnapshots": True}
    assert refusal(user.deregister_image, **asked) == "UnauthorizedOperation"
    assert user.deregister_image(ImageId=image)["Return"]
    assert bob.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]


# --- copies ---


def copy(ec2: Any, source: str, **more: Any) -> str:
    asked = {"Name": "a copy", "SourceImageId": source, "SourceRegion": "us-east-1", **more}
    return ec2.copy_image(**asked)["ImageId"]


def test_a_copy_is_ones_own_and_there_at_once(alice: Any, bob: Any, host: FakeHost) -> None:
    made = copy(bob, IMAGE_ID, Description="ours")
    (image,) = bob.describe_images(ImageIds=[made])["Images"]
    assert (image["State"], image["Public"], image["Description"]) == ("available", False, "ours")
    assert (image["SourceImageId"], image["SourceImageRegion"]) == (IMAGE_ID, "us-east-1")
    assert refusal(alice.describe_images, ImageIds=[made]) == GONE
    alice.deregister_image(ImageId=IMAGE_ID)
    assert launch_one(bob, ImageId=made)["ImageId"] == made


def test_a_copy_has_snapshots_of_its_own_with_the_same_content(
    bob: Any, of_snapshot: OfSnapshot, world: World
) -> None:
    image, snapshot = of_snapshot()
    tags = [{"ResourceType": kind, "Tags": [{"Key": "k", "Value": kind}]} for kind in KINDS]
    made = copy(bob, image, TagSpecifications=tags)
    (shown,) = bob.describe_images(ImageIds=[made])["Images"]
    (mapping,) = shown["BlockDeviceMappings"]
    copied = mapping["Ebs"]["SnapshotId"]
    assert copied != snapshot
    views = [world.store.view.get(records.SNAPSHOT, id) for id in (snapshot, copied)]
    assert len({record.doc.content for record in views if record}) == 1
    (of_copy,) = bob.describe_snapshots(SnapshotIds=[copied])["Snapshots"]
    assert of_copy["Tags"] == [{"Key": "k", "Value": "snapshot"}]
    assert shown["Tags"] == [{"Key": "k", "Value": "image"}]
    bob.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert bob.describe_snapshots(SnapshotIds=[copied])["Snapshots"]


KINDS = ("image", "snapshot")


def test_tags_come_along_from_ones_own(alice: Any, bob: Any, own: Make) -> None:
    id = own(tags={"a": "1", "b": "2"}, is_public=True)
    given = [{"ResourceType": "image", "Tags": [{"Key": "b", "Value": "3"}]}]

    def tags(ec2: Any, made: str) -> dict[str, str]:
        (image,) = ec2.describe_images(ImageIds=[made])["Images"]
        return {tag["Key"]: tag["Value"] for tag in image.get("Tags", ())}

    copied = copy(bob, id, CopyImageTags=True, TagSpecifications=given)
    assert tags(bob, copied) == {"a": "1", "b": "3"}
    assert tags(alice, copy(alice, id, CopyImageTags=True)) == {}


def test_what_was_said_of_the_source_alone_does_not_come_along(
    bob: Any, own: Make, world: World
) -> None:
    id = own(is_public=True, deprecated_at=1.0, deregistration_protection="enabled-with-cooldown")
    made = copy(bob, id)
    (image,) = bob.describe_images(ImageIds=[made])["Images"]
    assert "DeprecationTime" not in image
    assert (image["Public"], image["DeregistrationProtection"]) == (False, "disabled")


def test_a_shared_image_is_copied_by_who_may_use_its_snapshots(
    alice: Any, bob: Any, of_snapshot: OfSnapshot, world: World
) -> None:
    image, snapshot = of_snapshot()
    other = world.accounts["alice"]
    bob.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": other}]})
    code, words = refused(copy, ec2=alice, source=image)
    assert (code, "storage of this ami" in words) == ("InvalidRequest", True)
    bob.modify_snapshot_attribute(SnapshotId=snapshot, OperationType="add", UserIds=[other])
    assert copy(alice, image).startswith("ami-")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"SourceRegion": "eu-west-1"}, "InvalidParameterValue"),
        ({"SourceImageId": "ami-0123456789abcdef0"}, GONE),
        ({"SourceImageId": "x"}, "InvalidAMIID.Malformed"),
        ({"Name": "an * name"}, "InvalidAMIName.Malformed"),
        ({"Name": "own 1"}, "InvalidAMIName.Duplicate"),
    ],
)
def test_what_cannot_be_copied_is_refused(
    bob: Any, own: Make, asked: dict[str, Any], code: str
) -> None:
    source = own()
    wanted = {"Name": "copy", "SourceImageId": source, "SourceRegion": "us-east-1", **asked}
    assert refusal(bob.copy_image, **wanted) == code


def test_copies_count_as_images(bob: Any, administration: Any) -> None:
    administration.limit("ec2:quota-imagenumber", 1)
    made = copy(bob, IMAGE_ID)
    code, _ = refused(copy, ec2=bob, source=IMAGE_ID, Name="another")
    assert code == "ResourceLimitExceeded"
    bob.deregister_image(ImageId=made)
    copy(bob, IMAGE_ID)


def test_a_copy_of_an_encrypted_image_is_under_ones_own_key(
    bob: Any, front: Front, of_snapshot: OfSnapshot, world: World, host: FakeHost
) -> None:
    zone = world.settings.zone
    made = bob.create_volume(AvailabilityZone=zone, Size=2, Encrypted=True)["VolumeId"]
    volume = world.store.view.get(records.VOLUME, made)
    assert volume is not None
    key = volume.doc.key
    assert key is not None
    sealed = Content(account=volume.account, root="cd" * 32, size_bytes=2 << 30, key_id=key.id)
    image, snapshot = of_snapshot(key=key, content=sealed)
    other = front.client("bob", "kms").create_key()["KeyMetadata"]["Arn"]
    copied = copy(bob, image, Encrypted=True, KmsKeyId=other)
    (shown,) = bob.describe_images(ImageIds=[copied])["Images"]
    (mapping,) = shown["BlockDeviceMappings"]
    assert mapping["Ebs"]["Encrypted"]
    (of_copy,) = bob.describe_snapshots(SnapshotIds=[mapping["Ebs"]["SnapshotId"]])["Snapshots"]
    assert (of_copy["Encrypted"], of_copy["KmsKeyId"]) == (True, other)
    assert of_copy["SnapshotId"] != snapshot
    asked = {"Name": "sealed", "SourceImageId": IMAGE_ID, "SourceRegion": "us-east-1"}
    assert refusal(bob.copy_image, **asked, Encrypted=True) == "UnsupportedOperation"


def test_an_image_is_made_of_ones_own_snapshots(
    alice: Any, bob: Any, world: World, of_snapshot: OfSnapshot
) -> None:
    """Who may make volumes of a snapshot may not hand it on, nor keep its owner from deleting."""
    _, snapshot = of_snapshot("bob")
    add = {"Add": [{"UserId": world.accounts["alice"]}]}
    bob.modify_snapshot_attribute(SnapshotId=snapshot, CreateVolumePermission=add)
    ebs = {"SnapshotId": snapshot}
    root = {"DeviceName": "/dev/sda1", "Ebs": ebs}
    asked = {"Name": "theirs", "RootDeviceName": "/dev/sda1", "BlockDeviceMappings": [root]}
    assert refusal(alice.register_image, **asked) == "OperationNotPermitted"
    assert bob.register_image(**asked)["ImageId"]
    own = alice.copy_snapshot(SourceSnapshotId=snapshot, SourceRegion="us-east-1")["SnapshotId"]
    ebs["SnapshotId"] = own
    assert alice.register_image(**asked)["ImageId"]
