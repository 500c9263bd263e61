"""Volumes that a launch names: made with their instances, on their host, and gone with them."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

ROOT = "/dev/vda"


def launch(ec2: Any, *mappings: dict[str, Any], count: int = 1, **more: Any) -> list[str]:
    wanted = {"ImageId": IMAGE_ID, "MinCount": count, "MaxCount": count, **more}
    made = ec2.run_instances(**wanted, BlockDeviceMappings=list(mappings))
    return [one["InstanceId"] for one in made["Instances"]]


def disk(device: str, size: int = 1, **more: Any) -> dict[str, Any]:
    return {"DeviceName": device, "Ebs": {"VolumeSize": size, "VolumeType": "standard", **more}}


def shown(ec2: Any, instance: str) -> dict[str, Any]:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return {one["DeviceName"]: one["Ebs"] for one in found["BlockDeviceMappings"]}


def test_each_instance_gets_volumes_of_its_own(alice: Any, host: FakeHost) -> None:
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]
    pair = launch(alice, disk("/dev/sdf", 3), disk("/dev/sdg"), count=2, TagSpecifications=tags)
    volumes = alice.describe_volumes()["Volumes"]
    assert len(volumes) == 6
    assert {volume["Attachments"][0]["InstanceId"] for volume in volumes} == set(pair)
    assert all(volume["Tags"] == [{"Key": "a", "Value": "b"}] for volume in volumes)
    host.settle()
    for instance in pair:
        mappings = shown(alice, instance)
        assert {name: one["Status"] for name, one in mappings.items()} == {
            "/dev/sdf": "attached",
            "/dev/sdg": "attached",
            ROOT: "attached",
        }
        assert all(one["DeleteOnTermination"] for one in mappings.values())


def test_they_go_with_their_instance_unless_they_are_told_to_stay(
    alice: Any, host: FakeHost
) -> None:
    stays = disk("/dev/sdg", DeleteOnTermination=False)
    (instance,) = launch(alice, disk("/dev/sdf"), stays, disk("/dev/sdh"))
    host.settle()
    mapping = {"DeviceName": "/dev/sdh", "Ebs": {"DeleteOnTermination": False}}
    alice.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[mapping])
    told = alice.describe_instance_attribute(InstanceId=instance, Attribute="blockDeviceMapping")
    goes = {
        it["DeviceName"]: it["Ebs"]["DeleteOnTermination"] for it in told["BlockDeviceMappings"]
    }
    assert goes == {ROOT: True, "/dev/sdf": True, "/dev/sdg": False, "/dev/sdh": False}
    alice.terminate_instances(InstanceIds=[instance])
    for _ in range(2):
        host.settle()
    left = alice.describe_volumes()["Volumes"]
    assert [volume["State"] for volume in left] == ["available", "available"]


@pytest.mark.parametrize(
    ("mappings", "code"),
    [
        ([disk("/dev/sdf"), disk("/dev/sdf")], "InvalidBlockDeviceMapping"),
        ([disk("nonsense")], "InvalidBlockDeviceMapping"),
        ([{"DeviceName": "/dev/sdf"}], "InvalidBlockDeviceMapping"),
        ([{"DeviceName": "/dev/sdf", "VirtualName": "ephemeral0"}], "UnsupportedOperation"),
        ([{"DeviceName": "/dev/sdf", "Ebs": {"Iops": 100}}], "MissingParameter"),
        ([{"Ebs": {"VolumeSize": 1}}], "MissingParameter"),
        ([disk("/dev/sdf", SnapshotId="snap-0123456789abcdef0")], "InvalidSnapshot.NotFound"),
        ([disk(ROOT, SnapshotId="snap-0123456789abcdef0")], "InvalidBlockDeviceMapping"),
        ([disk(ROOT, 200, VolumeType="st1")], "InvalidBlockDeviceMapping"),
        ([{"DeviceName": ROOT, "NoDevice": ""}], "InvalidBlockDeviceMapping"),
        ([disk("/dev/sdf", KmsKeyId="alias/x")], "InvalidParameterDependency"),
        ([disk("/dev/sdf", Iops=100)], "InvalidParameterCombination"),
        ([disk(ROOT, Iops=100)], "InvalidParameterCombination"),
        ([disk(ROOT, 0)], "InvalidBlockDeviceMapping"),
        ([disk(f"/dev/sd{letter}") for letter in "bcdefghijklmnopq"], "AttachmentLimitExceeded"),
    ],
)
def test_what_cannot_be_mapped_is_refused(
    alice: Any, host: FakeHost, mappings: list[dict[str, Any]], code: str
) -> None:
    wanted = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    assert refusal(alice.run_instances, **wanted, BlockDeviceMappings=mappings) == code
    assert alice.describe_volumes()["Volumes"] == []
    assert alice.describe_instances()["Reservations"] == []


def test_what_an_image_maps_is_left_out_by_name(alice: Any, host: FakeHost) -> None:
    (instance,) = launch(alice, {"DeviceName": "/dev/sdf", "NoDevice": ""})
    assert list(shown(alice, instance)) == [ROOT]


def test_only_a_host_with_room_for_all_is_chosen(alice: Any, host: FakeHost) -> None:
    big = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    too_large = [disk("/dev/sdf", 600), disk("/dev/sdg", 600)]
    code = refusal(alice.run_instances, **big, BlockDeviceMappings=too_large)
    assert code == "InsufficientInstanceCapacity"
    launch(alice, disk("/dev/sdf", 600))
    code = refusal(alice.run_instances, **big, BlockDeviceMappings=[disk("/dev/sdf", 600)])
    assert code == "InsufficientInstanceCapacity"


def test_a_launch_template_may_name_volumes(alice: Any, host: FakeHost) -> None:
    data = {"ImageId": IMAGE_ID, "BlockDeviceMappings": [disk("/dev/sdf", 2)]}
    alice.create_launch_template(LaunchTemplateName="disks", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "disks"}
    made = alice.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template)
    host.settle()
    assert list(shown(alice, made["Instances"][0]["InstanceId"])) == ["/dev/sdf", ROOT]


def test_guests_are_told_their_devices(alice: Any, host: FakeHost, world: World) -> None:
    (instance,) = launch(alice, disk("/dev/sdg"), disk("/dev/sdf"))
    view = world.store.view
    (wanted,) = slices.host_wanted(view, host.id, world.settings).instances
    assert wanted.metadata["meta-data/block-device-mapping/ebs1"] == "sdg"
    assert wanted.metadata["meta-data/block-device-mapping/ebs2"] == "sdf"
    assert [one.slot for one in wanted.disks] == [0, 1, 2]
    assert {one.volume_id for one in wanted.disks} == {
        volume.id for volume in view.by(records.VOLUME, "instance", instance)
    }


def test_what_is_not_mapped_is_not_changed(alice: Any, host: FakeHost) -> None:
    (instance,) = launch(alice)
    mapping = {"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}
    asked = {"InstanceId": instance, "BlockDeviceMappings": [mapping]}
    assert refusal(alice.modify_instance_attribute, **asked) == "InvalidInstanceAttributeValue"
