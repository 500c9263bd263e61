"""The recycle bin: what is deleted and fits a rule comes back as it was, or goes in its time."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.reconcile.storage import recycling
from mallee.cloud.state import records
from mallee.model.storage.recycling import DAY_S, Binned
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.storage.test_volumes import launch, make, states
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World

Tags = list[dict[str, str]]


@pytest.fixture
def rbin(front: Front, world: World) -> Any:
    return front.client("alice", "rbin")


def rule(rbin: Any, kind: str = "EBS_SNAPSHOT", days: int = 2, **more: Any) -> None:
    period = {"RetentionPeriodValue": days, "RetentionPeriodUnit": "DAYS"}
    rbin.create_rule(ResourceType=kind, RetentionPeriod=period, **more)


def binned(ec2: Any, **asked: Any) -> list[str]:
    found = ec2.list_snapshots_in_recycle_bin(**asked)["Snapshots"]
    return [snapshot["SnapshotId"] for snapshot in found]


def expire(world: World, kind: Any, id: str) -> None:
    """Let its time in the bin be over, and the reconciler look."""

    def wait(tx: Any) -> None:
        record = tx.get(kind, id)
        tx.write(record, replace(record.doc, binned=Binned(tx.now - 2, tx.now - 1)))

    world.store.transact(wait)
    for _ in range(2):
        world.store.transact(lambda tx: recycling.settle_one(tx, f"{kind.name}/{id}"))


def test_a_deleted_snapshot_comes_back_as_it_was(alice: Any, rbin: Any, add: Add) -> None:
    rule(rbin)
    id = add(description="dear", tags={"a": "b"})
    (before,) = alice.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    alice.delete_snapshot(SnapshotId=id)
    assert refusal(alice.describe_snapshots, SnapshotIds=[id]) == "InvalidSnapshot.NotFound"
    assert refusal(alice.delete_snapshot, SnapshotId=id) == "InvalidSnapshot.NotFound"
    assert alice.describe_snapshots()["Snapshots"] == []
    assert alice.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    assert alice.describe_tags()["Tags"] == []
    (info,) = alice.list_snapshots_in_recycle_bin()["Snapshots"]
    assert (info["SnapshotId"], info["Description"]) == (id, "dear")
    stays = info["RecycleBinExitTime"] - info["RecycleBinEnterTime"]
    assert stays.total_seconds() == 2 * DAY_S
    restored = alice.restore_snapshot_from_recycle_bin(SnapshotId=id)
    assert (restored["SnapshotId"], restored["State"]) == (id, before["State"])
    assert alice.describe_snapshots(SnapshotIds=[id])["Snapshots"] == [before]
    assert binned(alice) == []
    assert refusal(alice.restore_snapshot_from_recycle_bin, SnapshotId=id) == (
        "InvalidSnapshot.NotFound"
    )


def test_what_is_in_the_bin_makes_no_volume(
    alice: Any, rbin: Any, add: Add, host: FakeHost
) -> None:
    rule(rbin)
    id = add()
    alice.delete_snapshot(SnapshotId=id)
    asked = {"SnapshotId": id, "AvailabilityZone": "us-east-1a"}
    assert refusal(alice.create_volume, **asked) == "InvalidSnapshot.NotFound"


def test_without_a_rule_nothing_is_kept(alice: Any, world: World, add: Add) -> None:
    id = add()
    alice.delete_snapshot(SnapshotId=id)
    assert binned(alice) == []
    assert world.store.view.get(records.SNAPSHOT, id) is None


@pytest.mark.parametrize(
    ("with_tags", "without_tags", "tags", "is_kept"),
    [
        ([], [("a", "b")], {"a": "b"}, False),
        ([], [("a", "b")], {"a": "c"}, True),
        ([("a", "b")], [], {"a": "b", "c": ""}, True),
        ([("a", "b")], [], {"a": "c"}, False),
        ([("a", None)], [], {"a": "c"}, True),
        ([("a", None), ("b", "1")], [], {"b": "1"}, True),
    ],
)
def test_tags_say_what_is_kept(
    alice: Any,
    rbin: Any,
    add: Add,
    with_tags: list[tuple[str, str | None]],
    without_tags: list[tuple[str, str | None]],
    tags: dict[str, str],
    is_kept: bool,
) -> None:
    def asked(given: list[tuple[str, str | None]]) -> list[dict[str, str]]:
        return [
            {"ResourceTagKey": key} | ({} if value is None else {"ResourceTagValue": value})
            for key, value in given
        ]

    rule(rbin, ResourceTags=asked(with_tags), ExcludeResourceTags=asked(without_tags))
    id = add(tags=tags)
    alice.delete_snapshot(SnapshotId=id)
    assert binned(alice) == ([id] if is_kept else [])


def test_the_longest_rule_holds_and_later_ones_change_nothing(
    alice: Any, rbin: Any, add: Add
) -> None:
    for days in (3, 5, 4):
        rule(rbin, days=days)
    id = add()
    alice.delete_snapshot(SnapshotId=id)
    rule(rbin, days=9)
    (info,) = alice.list_snapshots_in_recycle_bin(SnapshotIds=[id])["Snapshots"]
    stays = info["RecycleBinExitTime"] - info["RecycleBinEnterTime"]
    assert stays.total_seconds() == 5 * DAY_S


def test_a_snapshot_goes_when_its_time_is_over(
    alice: Any, rbin: Any, world: World, add: Add
) -> None:
    rule(rbin)
    id, other = add(), add()
    for one in (id, other):
        alice.delete_snapshot(SnapshotId=one)
    world.store.transact(lambda tx: recycling.settle_one(tx, f"snapshot/{other}"))
    expire(world, records.SNAPSHOT, id)
    assert binned(alice) == [other]
    assert world.store.view.get(records.SNAPSHOT, id) is None


def test_what_is_over_does_not_come_back(alice: Any, rbin: Any, world: World, add: Add) -> None:
    rule(rbin)
    id = add()
    alice.delete_snapshot(SnapshotId=id)

    def wait(tx: Any) -> None:
        record = tx.get(records.SNAPSHOT, id)
        tx.write(record, replace(record.doc, binned=Binned(tx.now - 2, tx.now)))

    world.store.transact(wait)
    assert binned(alice) == []
    asked = {"SnapshotId": id}
    assert refusal(alice.restore_snapshot_from_recycle_bin, **asked) == "InvalidSnapshot.NotFound"


def test_the_bin_is_its_accounts_alone(alice: Any, bob: Any, rbin: Any, add: Add) -> None:
    rule(rbin)
    ids = (add(), add("bob"))
    alice.delete_snapshot(SnapshotId=ids[0])
    bob.delete_snapshot(SnapshotId=ids[1])
    assert binned(bob) == []
    for id in ids:
        asked = {"SnapshotId": id}
        assert refusal(bob.restore_snapshot_from_recycle_bin, **asked) == "InvalidSnapshot.NotFound"
    asked = {"SnapshotIds": [ids[0]]}
    assert refusal(bob.list_snapshots_in_recycle_bin, **asked) == "InvalidSnapshot.NotFound"


def test_what_was_shared_is_seen_by_nobody_in_the_bin(
    alice: Any, bob: Any, rbin: Any, add: Add
) -> None:
    rule(rbin)
    id = add()
    alice.modify_snapshot_attribute(SnapshotId=id, OperationType="add", GroupNames=["all"])
    assert bob.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    alice.delete_snapshot(SnapshotId=id)
    assert refusal(bob.describe_snapshots, SnapshotIds=[id]) == "InvalidSnapshot.NotFound"
    assert bob.describe_snapshots()["Snapshots"] == []


def test_a_deleted_volume_comes_back(alice: Any, rbin: Any, host: FakeHost, world: World) -> None:
    rule(rbin, "EBS_VOLUME")
    volume = make(alice, host)
    alice.delete_volume(VolumeId=volume)
    host.settle()
    assert alice.describe_volumes()["Volumes"] == []
    assert refusal(alice.delete_volume, VolumeId=volume) == "InvalidVolume.NotFound"
    (info,) = alice.list_volumes_in_recycle_bin()["Volumes"]
    assert (info["VolumeId"], info["State"]) == (volume, "available")
    assert alice.restore_volume_from_recycle_bin(VolumeId=volume)["Return"]
    assert states(alice, volume) == ["available"]
    alice.delete_volume(VolumeId=volume)
    expire(world, records.VOLUME, volume)
    asked = {"VolumeId": volume}
    assert refusal(alice.restore_volume_from_recycle_bin, **asked) == "InvalidVolume.NotFound"
    host.settle()
    assert world.store.view.get(records.VOLUME, volume) is None


def test_a_volume_that_ends_with_its_instance_comes_back(
    alice: Any, rbin: Any, host: FakeHost, world: World
) -> None:
    rule(rbin, "EBS_VOLUME")
    instance = launch(alice, host)
    (root,) = alice.describe_volumes()["Volumes"]
    alice.terminate_instances(InstanceIds=[instance])
    host.settle()
    assert alice.describe_volumes()["Volumes"] == []
    (info,) = alice.list_volumes_in_recycle_bin()["Volumes"]
    assert info["VolumeId"] == root["VolumeId"]
    alice.restore_volume_from_recycle_bin(VolumeId=root["VolumeId"])
    assert states(alice, root["VolumeId"]) == ["available"]


def test_a_deregistered_image_comes_back(
    alice: Any, bob: Any, rbin: Any, host: FakeHost, world: World
) -> None:
    rule(rbin, "EC2_IMAGE")
    alice.deregister_image(ImageId=IMAGE_ID)
    assert refusal(launch_one, client=bob) == "InvalidAMIID.NotFound"
    assert refusal(alice.describe_images, ImageIds=[IMAGE_ID]) == "InvalidAMIID.NotFound"
    (info,) = alice.list_images_in_recycle_bin()["Images"]
    assert (info["ImageId"], info["Name"]) == (IMAGE_ID, "tiny")
    assert refusal(bob.restore_image_from_recycle_bin, ImageId=IMAGE_ID) == "InvalidAMIID.NotFound"
    assert alice.restore_image_from_recycle_bin(ImageId=IMAGE_ID)["Return"]
    assert launch_one(bob)["ImageId"] == IMAGE_ID
    alice.deregister_image(ImageId=IMAGE_ID)
    expire(world, records.IMAGE, IMAGE_ID)
    assert alice.list_images_in_recycle_bin()["Images"] == []
    assert refusal(alice.deregister_image, ImageId=IMAGE_ID) == "InvalidAMIID.Unavailable"


def test_what_is_in_the_bin_is_explained(
    alice: Any, rbin: Any, add: Add, administration: Administration
) -> None:
    rule(rbin)
    id = add()
    alice.delete_snapshot(SnapshotId=id)
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=id)
    assert told.element("State") == "deleted"
    assert "recycle bin" in told.element("Why")
    alice.disable_image(ImageId=IMAGE_ID)
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=IMAGE_ID)
    assert (told.element("State"), "EnableImage" in told.element("Why")) == ("disabled", True)
