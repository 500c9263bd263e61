"""Root volumes that are replaced while their instance runs."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.cloud.reconcile.storage import rootreplacements
from mallee.cloud.state import records, store
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.test_roots import launch, root_of, stopped
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.world import IMAGE_ID, ROOT_ID, FakeHost, Front, World


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def settle(host: FakeHost, world: World) -> None:
    """Let the host do what is wanted, twice: the guest goes down, then up."""
    for _ in range(2):
        host.settle()

    def look(tx: store.Tx) -> None:
        for task in tx.list(records.ROOT_REPLACEMENT):
            rootreplacements.settle_one(tx, task.id)

    world.store.transact(look)


def task_of(ec2: Any, id: str) -> dict[str, Any]:
    found = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=[id])
    return found["ReplaceRootVolumeTasks"][0]


def test_a_root_becomes_what_it_was_at_launch(alice: Any, host: FakeHost, world: World) -> None:
    instance, root = launch(alice, host, VolumeType="gp3", VolumeSize=8, Iops=3300)
    tags = [{"ResourceType": "replace-root-volume-task", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = alice.create_replace_root_volume_task(InstanceId=instance, TagSpecifications=tags)
    task = made["ReplaceRootVolumeTask"]
    assert (task["TaskState"], task["Tags"]) == ("in-progress", [{"Key": "a", "Value": "b"}])
    settle(host, world)
    assert task_of(alice, task["ReplaceRootVolumeTaskId"])["TaskState"] == "succeeded"
    new = root_of(alice, instance)
    assert new != root
    by_id = {it["VolumeId"]: it for it in alice.describe_volumes()["Volumes"]}
    assert (by_id[new]["Size"], by_id[new]["Iops"]) == (8, 3300)
    assert by_id[root]["State"] == "available"
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    assert {one.id: one.blob for one in told.volumes}[new] is not None


def test_a_root_becomes_what_a_snapshot_has_and_the_former_goes(
    alice: Any, host: FakeHost, world: World, cutting: Cutting
) -> None:
    instance, root = launch(alice, host)
    snapshot = cutting.snapshot(alice, root)
    made = alice.create_replace_root_volume_task(
        InstanceId=instance, SnapshotId=snapshot, DeleteReplacedRootVolume=True
    )["ReplaceRootVolumeTask"]
    assert (made["SnapshotId"], made["DeleteReplacedRootVolume"]) == (snapshot, True)
    settle(host, world)
    (volume,) = alice.describe_volumes(VolumeIds=[root_of(alice, instance)])["Volumes"]
    assert volume["SnapshotId"] == snapshot
    host.settle()
    assert refusal(alice.describe_volumes, VolumeIds=[root]) == "InvalidVolume.NotFound"


def test_a_root_becomes_an_images(alice: Any, host: FakeHost, world: World) -> None:
    instance, _ = launch(alice, host)
    made = alice.create_replace_root_volume_task(InstanceId=instance, ImageId=IMAGE_ID)
    settle(host, world)
    id = made["ReplaceRootVolumeTask"]["ReplaceRootVolumeTaskId"]
    assert task_of(alice, id)["TaskState"] == "succeeded"


def test_an_instance_that_ends_first_gets_none(alice: Any, host: FakeHost, world: World) -> None:
    instance, _ = launch(alice, host)
    made = alice.create_replace_root_volume_task(InstanceId=instance)
    id = made["ReplaceRootVolumeTask"]["ReplaceRootVolumeTaskId"]
    alice.terminate_instances(InstanceIds=[instance])
    settle(host, world)
    assert task_of(alice, id)["TaskState"] == "failed"


def test_what_cannot_be_replaced_is_refused(alice: Any, bob: Any, host: FakeHost) -> None:
    ask = alice.create_replace_root_volume_task
    instance, _ = launch(alice, host)
    both = {"SnapshotId": "snap-0123456789abcdef0", "ImageId": IMAGE_ID}
    assert refusal(ask, InstanceId=instance, **both) == "InvalidParameterCombination"
    assert refusal(ask, InstanceId=instance, ImageId=ROOT_ID) == "InvalidParameterValue"
    foreign = refusal(bob.create_replace_root_volume_task, InstanceId=instance)
    assert foreign == "InvalidInstanceID.NotFound"
    off, _ = stopped(alice, host)
    assert refusal(ask, InstanceId=off) == "IncorrectInstanceState"
