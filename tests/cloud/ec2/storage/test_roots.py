"""Root volumes: what instances boot from, as volumes like any other, and what is different."""

from typing import Any

from msgspec.structs import replace

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from tests.cloud.ec2.asking import launch_one, refusal, state
from tests.cloud.ec2.world import IMAGE_ID, KERNEL_ID, ROOT_ID, FakeHost, World

ROOT = "/dev/vda"


def launch(ec2: Any, host: FakeHost, **root: Any) -> tuple[str, str]:
    """Launch an instance; return it and its root volume."""
    wanted: dict[str, Any] = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    if root:
        wanted["BlockDeviceMappings"] = [{"DeviceName": ROOT, "Ebs": root}]
    (made,) = ec2.run_instances(**wanted)["Instances"]
    host.settle()
    return made["InstanceId"], root_of(ec2, made["InstanceId"])


def root_of(ec2: Any, instance: str) -> str:
    (found,) = ec2.describe_volumes(
        Filters=[
            {"Name": "attachment.instance-id", "Values": [instance]},
            {"Name": "attachment.device", "Values": [ROOT]},
        ]
    )["Volumes"]
    return found["VolumeId"]


def stopped(ec2: Any, host: FakeHost) -> tuple[str, str]:
    instance, root = launch(ec2, host)
    ec2.stop_instances(InstanceIds=[instance])
    host.settle()
    return instance, root


def test_a_root_is_as_it_was_asked_for(alice: Any, host: FakeHost) -> None:
    instance, root = launch(
        alice, host, VolumeSize=30, VolumeType="gp3", Iops=4000, DeleteOnTermination=False
    )
    (volume,) = alice.describe_volumes(VolumeIds=[root])["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Iops"]) == (30, "gp3", 4000)
    assert volume["Attachments"][0]["DeleteOnTermination"] is False
    shown = alice.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert (shown["RootDeviceType"], shown["RootDeviceName"]) == ("ebs", ROOT)
    assert shown["BlockDeviceMappings"][0]["Ebs"]["VolumeId"] == root
    alice.terminate_instances(InstanceIds=[instance])
    for _ in range(2):
        host.settle()
    (volume,) = alice.describe_volumes(VolumeIds=[root])["Volumes"]
    assert volume["State"] == "available"


def test_a_root_goes_with_its_instance_and_gives_its_room_back(
    alice: Any, host: FakeHost, world: World
) -> None:
    before = world.store.view.total(f"host/{host.id}/disk_gib")
    instance, root = launch(alice, host)
    assert world.store.view.total(f"host/{host.id}/disk_gib") > before
    alice.terminate_instances(InstanceIds=[instance])
    for _ in range(3):
        host.settle()
    assert refusal(alice.describe_volumes, VolumeIds=[root]) == "InvalidVolume.NotFound"
    assert world.store.view.total(f"host/{host.id}/disk_gib") == before


def test_the_host_is_told_of_a_root_over_the_image(
    alice: Any, host: FakeHost, world: World
) -> None:
    _, root = launch(alice, host)
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    assert told.instances[0].disk is None
    assert [(one.volume_id, one.slot) for one in told.instances[0].disks] == [(root, 0)]
    assert told.volumes[0].blob is not None
    assert told.volumes[0].blob.sha256 == "a" * 64


def test_an_instance_store_image_has_no_root_volume(
    alice: Any, host: FakeHost, world: World
) -> None:
    made = launch_one(alice, ImageId=ROOT_ID, KernelId=KERNEL_ID)
    host.settle()
    assert alice.describe_volumes()["Volumes"] == []
    shown = alice.describe_instances()["Reservations"][0]["Instances"][0]
    assert (shown["RootDeviceType"], shown["BlockDeviceMappings"]) == ("instance-store", [])
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    assert told.instances[0].disk is not None
    keep = {"DeviceName": ROOT, "Ebs": {"DeleteOnTermination": False}}
    wanted = {"ImageId": ROOT_ID, "KernelId": KERNEL_ID, "MinCount": 1, "MaxCount": 1}
    code = refusal(alice.run_instances, **wanted, BlockDeviceMappings=[keep])
    assert code == "UnsupportedOperation"
    alice.stop_instances(InstanceIds=[made["InstanceId"]])
    host.settle()
    assert state(alice, made["InstanceId"]) == "stopped"


def test_a_root_leaves_no_instance_that_runs(alice: Any, host: FakeHost) -> None:
    _, root = launch(alice, host)
    for force in (False, True):
        code = refusal(alice.detach_volume, VolumeId=root, Force=force)
        assert code == "OperationNotPermitted"


def test_a_root_is_repaired_elsewhere_and_comes_back(
    alice: Any, host: FakeHost, world: World
) -> None:
    instance, root = stopped(alice, host)
    other, _ = launch(alice, host)
    alice.detach_volume(VolumeId=root)
    host.settle()
    assert refusal(alice.start_instances, InstanceIds=[instance]) == "IncorrectInstanceState"
    alice.attach_volume(VolumeId=root, InstanceId=other, Device="/dev/sdf")
    host.settle()
    alice.detach_volume(VolumeId=root)
    host.settle()
    to = {"VolumeId": root, "InstanceId": instance}
    assert refusal(alice.attach_volume, **to | {"InstanceId": other}, Device=ROOT) == (
        "InvalidParameterValue"
    )
    alice.attach_volume(**to, Device=ROOT)
    (volume,) = alice.describe_volumes(VolumeIds=[root])["Volumes"]
    assert volume["Attachments"][0]["DeleteOnTermination"] is False
    alice.start_instances(InstanceIds=[instance])
    host.settle()
    assert state(alice, instance) == "running"
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    disks = {one.id: one.disks for one in told.instances}
    assert [(one.volume_id, one.slot) for one in disks[instance]] == [(root, 0)]


def test_a_stopped_instance_keeps_its_room(alice: Any, host: FakeHost, world: World) -> None:
    instance, _ = launch(alice, host)
    claimed = world.store.view.total(f"host/{host.id}/disk_gib")
    for ask in (alice.stop_instances, alice.start_instances):
        ask(InstanceIds=[instance])
        host.settle()
        assert world.store.view.total(f"host/{host.id}/disk_gib") == claimed


def test_whether_a_root_stays_can_be_said_later(alice: Any, host: FakeHost) -> None:
    instance, root = launch(alice, host)
    mapping = {"DeviceName": ROOT, "Ebs": {"DeleteOnTermination": False}}
    alice.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[mapping])
    alice.terminate_instances(InstanceIds=[instance])
    for _ in range(2):
        host.settle()
    assert [one["VolumeId"] for one in alice.describe_volumes()["Volumes"]] == [root]


def test_an_instance_of_an_older_cloud_keeps_its_own_disk(
    alice: Any, host: FakeHost, world: World
) -> None:
    """Its record names no root device, and it has no volume."""
    instance, root = launch(alice, host)

    def age(tx: Any) -> None:
        record = tx.get(records.INSTANCE, instance)
        tx.write(record, replace(record.doc, root_device=""))
        tx.delete(tx.get(records.VOLUME, root))

    world.store.transact(age)
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    assert told.instances[0].disk is not None
    for ask, reached in ((alice.stop_instances, "stopped"), (alice.start_instances, "running")):
        ask(InstanceIds=[instance])
        host.settle()
        assert state(alice, instance) == reached
