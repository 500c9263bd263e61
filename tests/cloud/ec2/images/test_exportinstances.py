"""Instances that become files: cut by the host, carried out, and nothing left of it."""

from typing import Any

import pytest

from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import transferring
from mallee.cloud.state import records
from mallee.kit import secretbox
from mallee.model.storage.transfers import Phase, TransferSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.images.test_imports import settle, told
from tests.cloud.ec2.storage.test_roots import launch
from tests.cloud.ec2.storage.test_snapshots import GIB, Cutting
from tests.cloud.ec2.storage.test_volumes import make
from tests.cloud.ec2.world import KERNEL_ID, ROOT_ID, FakeHost, Front, World

PLACE = {"S3Bucket": "disks", "S3Prefix": "out/"}


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def asked(instance: str, **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": instance,
        "TargetEnvironment": "vmware",
        "ExportToS3Task": {**PLACE, **more},
    }


def export(ec2: Any, cutting: Cutting, instance: str, **more: Any) -> dict[str, Any]:
    cutting.next()
    return ec2.create_instance_export_task(**asked(instance, **more))["ExportTask"]


def described(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_export_tasks(ExportTaskIds=[id])["ExportTasks"][0]


def snapshots_of(ec2: Any) -> list[str]:
    return [one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]]


def test_an_instance_becomes_a_file(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, root = launch(alice, host, VolumeSize=3)
    task = export(alice, cutting, instance, ContainerFormat="ova")
    id = task["ExportTaskId"]
    assert cutting.asked[0].snapshots.keys() == {root}
    assert cutting.asked[0].reboot == ""
    assert task["State"] == "active"
    assert task["InstanceExportDetails"] == {
        "InstanceId": instance,
        "TargetEnvironment": "vmware",
    }
    assert task["ExportToS3Task"] == {
        "ContainerFormat": "ova",
        "DiskImageFormat": "VMDK",
        "S3Bucket": "disks",
        "S3Key": f"out/{id}.ova",
    }
    # Nothing can be carried before the object store has all of it.
    assert transferring.wanted_of(world.store.view, host.id) == ()
    assert "snapshot is being completed" in described(alice, id)["StatusMessage"]
    (snapshot,) = snapshots_of(alice)
    cutting.brings(snapshot, root="ab" * 32, size_bytes=3 * GIB)
    settle(world, id)
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.out is not None
    assert wanted.out.content is not None
    assert wanted.out.content.size_bytes == 3 * GIB
    assert (wanted.out.container, wanted.out.name) == ("ova", instance)
    assert transferring.may_read(world.store.view, host.id, world.accounts["alice"])
    told(world, host, id, TransferSeen(phase=Phase.DONE, percent=100))
    alice.get_waiter("export_task_completed").wait(ExportTaskIds=[id])
    assert described(alice, id)["State"] == "completed"
    assert snapshots_of(alice) == []
    assert refusal(alice.cancel_export_task, ExportTaskId=id) == "IncorrectState"


def test_one_that_is_off_is_exported_as_its_environment_has_it(
    alice: Any, host: FakeHost, cutting: Cutting
) -> None:
    instance, _ = launch(alice, host)
    alice.stop_instances(InstanceIds=[instance])
    host.settle()
    cutting.next()
    task = alice.create_instance_export_task(
        **asked(instance) | {"TargetEnvironment": "citrix", "Description": "away"},
        TagSpecifications=[
            {"ResourceType": "export-instance-task", "Tags": [{"Key": "a", "Value": "b"}]}
        ],
    )["ExportTask"]
    assert task["ExportToS3Task"]["DiskImageFormat"] == "VHD"
    assert task["ExportToS3Task"]["S3Key"].endswith(".vhd")
    assert (task["Description"], task["Tags"]) == ("away", [{"Key": "a", "Value": "b"}])


def test_what_is_called_off_or_fails_leaves_nothing(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, _ = launch(alice, host)
    off = export(alice, cutting, instance)["ExportTaskId"]
    alice.cancel_export_task(ExportTaskId=off)
    assert described(alice, off)["State"] == "cancelling"
    settle(world, off)
    alice.get_waiter("export_task_cancelled").wait(ExportTaskIds=[off])
    assert described(alice, off)["State"] == "cancelled"
    assert snapshots_of(alice) == []
    failed = export(alice, cutting, instance)["ExportTaskId"]
    cutting.brings(snapshots_of(alice)[0], root="ab" * 32, size_bytes=GIB)
    settle(world, failed)
    told(world, host, failed, TransferSeen(phase=Phase.FAILED, words="NoSuchBucket"))
    # EC2 has no state for what failed.
    assert described(alice, failed)["State"] == "cancelled"
    assert "NoSuchBucket" in described(alice, failed)["StatusMessage"]
    assert snapshots_of(alice) == []


def test_a_snapshot_that_is_lost_ends_the_task(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, _ = launch(alice, host)
    id = export(alice, cutting, instance)["ExportTaskId"]
    cutting.brings(snapshots_of(alice)[0], is_failed=True)
    settle(world, id)
    assert "gone, or broken" in described(alice, id)["StatusMessage"]


def test_what_somebody_uses_by_now_stays(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, _ = launch(alice, host)
    id = export(alice, cutting, instance)["ExportTaskId"]
    (snapshot,) = snapshots_of(alice)
    root = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}
    alice.register_image(Name="of it", RootDeviceName="/dev/sda1", BlockDeviceMappings=[root])
    alice.cancel_export_task(ExportTaskId=id)
    settle(world, id)
    assert snapshots_of(alice) == [snapshot]


def test_what_is_not_exported_is_said(alice: Any, host: FakeHost, world: World) -> None:
    instance, _ = launch(alice, host)
    call = alice.create_instance_export_task
    wrong = asked(instance, ContainerFormat="ova", DiskImageFormat="RAW")
    assert refusal(call, **wrong) == "InvalidParameterCombination"
    nowhere = asked(instance) | {"ExportToS3Task": {"S3Prefix": "out/"}}
    assert refusal(call, **nowhere) == "MissingParameter"
    assert refusal(call, **asked(instance, S3Bucket="No")) == "InvalidParameterValue"
    data = make(alice, host, Size=1)
    alice.attach_volume(VolumeId=data, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    assert refusal(call, **asked(instance)) == "NotExportable"
    (other,) = alice.run_instances(ImageId=ROOT_ID, KernelId=KERNEL_ID, MinCount=1, MaxCount=1)[
        "Instances"
    ]
    host.settle()
    assert refusal(call, **asked(other["InstanceId"])) == "NotExportable"
    assert world.store.view.list(records.EXPORT_INSTANCE_TASK) == []
    assert snapshots_of(alice) == []


def test_others_neither_export_nor_see_nor_call_off(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, _ = launch(alice, host)
    call = bob.create_instance_export_task
    assert refusal(call, **asked(instance)) == "InvalidInstanceID.NotFound"
    id = export(alice, cutting, instance)["ExportTaskId"]
    assert refusal(bob.describe_export_tasks, ExportTaskIds=[id]) == "InvalidExportTaskID.NotFound"
    assert bob.describe_export_tasks()["ExportTasks"] == []
    assert refusal(bob.cancel_export_task, ExportTaskId=id) == "InvalidExportTaskID.NotFound"
    record = world.store.view.get(records.EXPORT_INSTANCE_TASK, id)
    assert record is not None
    # Credentials are for its one object, and for the host that carries it alone.
    answers = transferring.Transfers(
        world.store, secretbox.SecretBox(bytes(32)), "us-east-1", lambda: 1, _NONE
    )
    with pytest.raises(refusals.Refused):
        answers.give("host-other", id)


_NONE: Any = None
"""No bundle is asked for."""
