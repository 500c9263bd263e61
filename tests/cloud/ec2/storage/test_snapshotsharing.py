"""Snapshots that others may use: by name, or everybody; what they see, and what they may not."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.state import records, store
from mallee.model.storage.snapshots import NO_VOLUME
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.storage.test_volumes import ZONE
from tests.cloud.ec2.world import FakeHost, World


def ids(ec2: Any, **asked: Any) -> list[str]:
    """The snapshots that are described."""
    return [one["SnapshotId"] for one in ec2.describe_snapshots(**asked)["Snapshots"]]


def give(ec2: Any, id: str, *users: str) -> None:
    """Share a snapshot, with `all` or accounts."""
    wanted = [{"Group": one} if one == "all" else {"UserId": one} for one in users]
    ec2.modify_snapshot_attribute(SnapshotId=id, CreateVolumePermission={"Add": wanted})


def permissions(ec2: Any, id: str) -> list[dict[str, str]]:
    """With whom a snapshot is shared."""
    asked = {"SnapshotId": id, "Attribute": "createVolumePermission"}
    found: list[dict[str, str]] = ec2.describe_snapshot_attribute(**asked)[
        "CreateVolumePermissions"
    ]
    return found


def test_a_shared_snapshot_is_seen_by_those_it_is_shared_with(
    alice: Any, bob: Any, add: Add, world: World
) -> None:
    shared, public, kept = add(tags={"a": "b"}), add(), add()
    give(alice, shared, world.accounts["bob"])
    give(alice, public, "all")
    assert permissions(alice, shared) == [{"UserId": world.accounts["bob"]}]
    assert permissions(alice, public) == [{"Group": "all"}]
    own = add("bob")
    assert set(ids(bob)) == {shared, public, own}
    assert ids(bob, OwnerIds=["self"]) == [own]
    assert ids(bob, OwnerIds=[world.accounts["alice"]]) == [shared, public]
    assert ids(bob, RestorableByUserIds=["self"]) == [shared, own]
    assert ids(bob, RestorableByUserIds=["all"]) == [public]
    assert ids(bob, SnapshotIds=[shared]) == [shared]
    assert refusal(bob.describe_snapshots, SnapshotIds=[kept]) == "InvalidSnapshot.NotFound"
    alice.reset_snapshot_attribute(SnapshotId=shared, Attribute="createVolumePermission")
    assert permissions(alice, shared) == []
    assert set(ids(bob)) == {public, own}


def test_pages_go_through_own_and_others_snapshots(
    alice: Any, bob: Any, add: Add, world: World
) -> None:
    made = [add("alice" if number % 3 else "bob") for number in range(12)]
    for id in ids(alice, OwnerIds=["self"]):
        give(alice, id, world.accounts["bob"])
    pages = bob.get_paginator("describe_snapshots").paginate(PaginationConfig={"PageSize": 5})
    assert [one["SnapshotId"] for page in pages for one in page["Snapshots"]] == made


def test_who_may_use_a_snapshot_may_not_change_it(
    alice: Any, bob: Any, add: Add, world: World
) -> None:
    id = add()
    give(alice, id, world.accounts["bob"], "all")
    asked = {"SnapshotId": id}
    attribute = {**asked, "Attribute": "createVolumePermission"}
    for ask, more in (
        (bob.delete_snapshot, asked),
        (bob.describe_snapshot_attribute, attribute),
        (bob.reset_snapshot_attribute, attribute),
        (bob.lock_snapshot, {**asked, "LockMode": "governance", "LockDuration": 1}),
        (bob.unlock_snapshot, asked),
        (
            bob.modify_snapshot_attribute,
            {**asked, "OperationType": "add", "UserIds": [world.accounts["bob"]]},
        ),
    ):
        assert refusal(ask, **more) == "InvalidSnapshot.NotFound"
    tag = {"Resources": [id], "Tags": [{"Key": "a", "Value": "b"}]}
    assert refusal(bob.create_tags, **tag) == "InvalidSnapshot.NotFound"


def test_volumes_are_made_of_a_shared_snapshot(
    alice: Any, bob: Any, add: Add, host: FakeHost, world: World
) -> None:
    id = add(size_gib=2)
    asked = {"AvailabilityZone": ZONE, "SnapshotId": id}
    assert refusal(bob.create_volume, **asked) == "InvalidSnapshot.NotFound"
    give(alice, id, world.accounts["bob"])
    made = bob.create_volume(**asked)
    assert (made["SnapshotId"], made["Size"]) == (id, 2)
    (kept,) = volumeslices.kept(world.store.view, host.id)
    assert kept.content is not None
    assert kept.content.account == world.accounts["alice"]
    alice.reset_snapshot_attribute(SnapshotId=id, Attribute="createVolumePermission")
    assert refusal(bob.create_volume, **asked) == "InvalidSnapshot.NotFound"


def test_tags_of_a_shared_snapshot_are_its_owners(
    alice: Any, bob: Any, add: Add, world: World
) -> None:
    id = add(tags={"secret": "name"})
    give(alice, id, world.accounts["bob"])
    (shown,) = bob.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    assert not shown.get("Tags")
    assert ids(bob, Filters=[{"Name": "tag:secret", "Values": ["*"]}]) == []
    assert ids(alice, Filters=[{"Name": "tag:secret", "Values": ["*"]}]) == [id]


def test_the_old_way_of_sharing(alice: Any, bob: Any, add: Add, world: World) -> None:
    id, account = add(), world.accounts["bob"]
    asked = {"SnapshotId": id, "Attribute": "createVolumePermission"}
    alice.modify_snapshot_attribute(
        **asked, OperationType="add", UserIds=[account], GroupNames=["all"]
    )
    assert permissions(alice, id) == [{"Group": "all"}, {"UserId": account}]
    alice.modify_snapshot_attribute(**asked, OperationType="remove", GroupNames=["all"])
    assert permissions(alice, id) == [{"UserId": account}]
    alice.modify_snapshot_attribute(**asked, OperationType="remove", UserIds=[account])
    assert ids(bob) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "MissingParameter"),
        ({"UserIds": ["123456789012"]}, "MissingParameter"),
        ({"OperationType": "add", "UserIds": ["somebody"]}, "InvalidUserID.Malformed"),
        ({"OperationType": "add", "UserIds": ["１２３"]}, "InvalidUserID.Malformed"),
        ({"OperationType": "add", "GroupNames": ["none"]}, "InvalidUserID.Malformed"),
        ({"CreateVolumePermission": {"Add": [{"Group": "most"}]}}, "InvalidParameterValue"),
        (
            {"CreateVolumePermission": {"Add": [{"Group": "all", "UserId": "123456789012"}]}},
            "InvalidParameterCombination",
        ),
        (
            {"OperationType": "add", "CreateVolumePermission": {"Add": [{"Group": "all"}]}},
            "InvalidParameterCombination",
        ),
        ({"Attribute": "productCodes", "OperationType": "add"}, "UnsupportedOperation"),
    ],
    ids=str,
)
def test_what_cannot_be_shared_so_is_refused(
    alice: Any, add: Add, more: dict[str, Any], code: str
) -> None:
    id = add()
    assert refusal(alice.modify_snapshot_attribute, SnapshotId=id, **more) == code
    assert permissions(alice, id) == []


def test_an_account_blocks_that_its_snapshots_are_everybodys(
    alice: Any, bob: Any, add: Add, world: World
) -> None:
    public, named, later = add(), add(), add()
    give(alice, public, "all")
    give(alice, named, world.accounts["bob"])
    ask = alice.enable_snapshot_block_public_access
    assert alice.get_snapshot_block_public_access_state()["State"] == "unblocked"
    assert ask(State="block-new-sharing")["State"] == "block-new-sharing"
    everybody = {"SnapshotId": later, "CreateVolumePermission": {"Add": [{"Group": "all"}]}}
    assert refusal(alice.modify_snapshot_attribute, **everybody) == "OperationNotPermitted"
    assert ids(bob) == [public, named]
    ask(State="block-all-sharing")
    assert alice.get_snapshot_block_public_access_state()["State"] == "block-all-sharing"
    assert ids(bob) == [named]
    asked = {"SourceRegion": "us-east-1", "SourceSnapshotId": public}
    assert refusal(bob.copy_snapshot, **asked) == "InvalidSnapshot.NotFound"
    assert bob.get_snapshot_block_public_access_state()["State"] == "unblocked"
    assert alice.disable_snapshot_block_public_access()["State"] == "unblocked"
    assert ids(bob) == [public, named]
    assert refusal(ask, State="unblocked") == "InvalidParameterValue"


def test_a_copy_is_complete_at_once_and_stays(alice: Any, bob: Any, add: Add, world: World) -> None:
    id = add(size_gib=3)
    give(alice, id, world.accounts["bob"])
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    asked = {"SourceRegion": "us-east-1", "SourceSnapshotId": id}
    made = bob.copy_snapshot(**asked, Description="mine", TagSpecifications=tags)
    assert made["Tags"] == tags[0]["Tags"]
    alice.delete_snapshot(SnapshotId=id)
    (shown,) = bob.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert (shown["SnapshotId"], shown["State"]) == (made["SnapshotId"], "completed")
    assert (shown["VolumeSize"], shown["VolumeId"]) == (3, NO_VOLUME)
    assert (shown["Description"], shown["OwnerId"]) == ("mine", world.accounts["bob"])
    assert shown["Tags"] == tags[0]["Tags"]
    kept = world.store.view.get(records.SNAPSHOT, made["SnapshotId"])
    assert kept is not None
    assert kept.doc.content is not None
    assert kept.doc.content.account == world.accounts["alice"]


def test_what_cannot_be_copied_is_refused(alice: Any, bob: Any, add: Add, world: World) -> None:
    id, bare = add(), add(content=None, cut=1)
    asked = {"SourceRegion": "us-east-1", "SourceSnapshotId": id}
    assert refusal(bob.copy_snapshot, **asked) == "InvalidSnapshot.NotFound"
    elsewhere = {**asked, "SourceRegion": "eu-west-1"}
    assert refusal(alice.copy_snapshot, **elsewhere) == "InvalidParameterValue"
    other = {**asked, "PresignedUrl": "http://x/?SourceSnapshotId=snap-1"}
    assert refusal(alice.copy_snapshot, **other) == "InvalidParameterValue"
    assert refusal(alice.copy_snapshot, **{**asked, "SourceSnapshotId": bare}) == "IncorrectState"
    reserved = [{"ResourceType": "snapshot", "Tags": [{"Key": "aws:x", "Value": "y"}]}]
    ask = alice.copy_snapshot
    assert refusal(ask, **asked, TagSpecifications=reserved) == "InvalidParameterValue"
    assert len(ids(alice)) == 2


def test_a_gone_account_shares_nothing(alice: Any, add: Add, world: World) -> None:
    id = add()
    give(alice, id, "999999999999")
    assert permissions(alice, id) == [{"UserId": "999999999999"}]

    def forget(tx: store.Tx) -> None:
        record = tx.get(records.SNAPSHOT, id)
        assert record is not None
        tx.delete(record)

    world.store.transact(forget)
    assert world.store.view.by(records.SNAPSHOT, "shared", "999999999999") == []
