"""Volumes as EC2 has them: types and their bounds, states, attachments, modifications, errors."""

from typing import Any

import pytest

from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

ZONE = "us-east-1a"


def make(ec2: Any, host: FakeHost, **wanted: Any) -> str:
    """A volume that its host has made."""
    asked = {"AvailabilityZone": ZONE, "Size": 1, "VolumeType": "standard"}
    id = ec2.create_volume(**asked | wanted)["VolumeId"]
    host.settle()
    return id


def launch(ec2: Any, host: FakeHost) -> str:
    made = ec2.run_instances(ImageId=IMAGE_ID, MinCount=1, MaxCount=1)
    host.settle()
    return made["Instances"][0]["InstanceId"]


def shown(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_volumes(VolumeIds=[id])["Volumes"][0]


def states(ec2: Any, id: str) -> list[str]:
    """The state of a volume, and of its attachments."""
    found = shown(ec2, id)
    return [found["State"], *(one["State"] for one in found["Attachments"])]


def test_the_life_of_a_volume(alice: Any, host: FakeHost) -> None:
    made = alice.create_volume(
        AvailabilityZone=ZONE,
        Size=5,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    id = made["VolumeId"]
    assert (made["State"], made["VolumeType"], made["Iops"]) == ("creating", "gp2", 100)
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert made["Attachments"] == []
    instance = launch(alice, host)
    assert states(alice, id) == ["available"]
    attached = alice.attach_volume(VolumeId=id, InstanceId=instance, Device="/dev/sdf")
    assert (attached["State"], attached["Device"]) == ("attaching", "/dev/sdf")
    assert states(alice, id) == ["in-use", "attaching"]
    host.settle()
    assert states(alice, id) == ["in-use", "attached"]
    assert refusal(alice.delete_volume, VolumeId=id) == "VolumeInUse"
    assert alice.detach_volume(VolumeId=id)["State"] == "detaching"
    assert states(alice, id) == ["in-use", "detaching"]
    host.settle()
    assert states(alice, id) == ["available"]
    alice.delete_volume(VolumeId=id)
    assert states(alice, id) == ["deleting"]
    assert refusal(alice.delete_volume, VolumeId=id) == "InvalidVolume.NotFound"
    host.settle()
    assert refusal(alice.describe_volumes, VolumeIds=[id]) == "InvalidVolume.NotFound"


def test_a_guest_that_keeps_a_volume_is_parted_from_it(alice: Any, host: FakeHost) -> None:
    id, other = make(alice, host), make(alice, host)
    instance = launch(alice, host)
    for volume, device in ((id, "/dev/sdf"), (other, "/dev/sdg")):
        alice.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    host.settle()
    assert host.forced(instance) == ()
    for _ in range(2):
        assert alice.detach_volume(VolumeId=id, Force=True)["State"] == "detaching"
    alice.detach_volume(VolumeId=other)
    assert host.forced(instance) == (id,)
    host.settle()
    assert states(alice, id) == ["available"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Size": 0}, "InvalidParameterValue"),
        ({"Size": 20000}, "InvalidParameterValue"),
        ({"Size": 1025, "VolumeType": "standard"}, "InvalidParameterValue"),
        ({"Size": 3, "VolumeType": "io1", "Iops": 100}, "InvalidParameterValue"),
        ({"Size": 4, "VolumeType": "io1"}, "MissingParameter"),
        ({"Size": 4, "VolumeType": "io1", "Iops": 99}, "InvalidParameterValue"),
        ({"Size": 4, "VolumeType": "io1", "Iops": 201}, "InvalidParameterCombination"),
        ({"Size": 400, "VolumeType": "io2", "Iops": 256001}, "InvalidParameterValue"),
        ({"Size": 1, "Iops": 100}, "InvalidParameterCombination"),
        ({"Size": 1, "Throughput": 125}, "InvalidParameterCombination"),
        ({"Size": 1, "VolumeType": "gp3", "Iops": 2999}, "InvalidParameterValue"),
        ({"Size": 1, "VolumeType": "gp3", "Throughput": 124}, "InvalidParameterValue"),
        ({"Size": 9, "VolumeType": "gp3", "Throughput": 751}, "InvalidParameterValue"),
        ({"Size": 1, "VolumeType": "gp3", "MultiAttachEnabled": True},
         "InvalidParameterCombination"),
        ({"Size": 1, "VolumeType": "gp9"}, "InvalidParameterValue"),
        ({"Size": 1, "KmsKeyId": "alias/x"}, "InvalidParameterDependency"),
        ({"Size": 1, "AvailabilityZone": "us-east-1z"}, "InvalidZone.NotFound"),
        ({"Size": 1, "AvailabilityZoneId": "use1-az1"}, "MissingParameter"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({}, "MissingParameter"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    alice: Any, host: FakeHost, asked: dict[str, Any], code: str
) -> None:
    assert refusal(alice.create_volume, **{"AvailabilityZone": ZONE} | asked) == code
    assert alice.describe_volumes()["Volumes"] == []


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"VolumeType": "standard"}, (None, None)),
        ({"VolumeType": "gp2", "Size": 1000}, (3000, None)),
        ({"VolumeType": "gp2", "Size": 10}, (100, None)),
        ({"VolumeType": "gp3"}, (3000, 125)),
        ({"VolumeType": "gp3", "Size": 10, "Iops": 4000, "Throughput": 1000}, (4000, 1000)),
        ({"VolumeType": "io2", "Size": 4, "Iops": 4000}, (4000, None)),
        ({"VolumeType": "st1", "Size": 125}, (None, None)),
    ],
)
def test_each_type_has_its_numbers(
    alice: Any, host: FakeHost, asked: dict[str, Any], numbers: tuple[int | None, int | None]
) -> None:
    found = shown(alice, make(alice, host, **asked))
    assert (found.get("Iops"), found.get("Throughput")) == numbers


def test_one_volume_is_never_with_two(alice: Any, host: FakeHost) -> None:
    id, one, other = make(alice, host), launch(alice, host), launch(alice, host)
    alice.attach_volume(VolumeId=id, InstanceId=one, Device="/dev/sdf")
    for instance in (one, other):
        to = {"VolumeId": id, "InstanceId": instance, "Device": "/dev/sdg"}
        assert refusal(alice.attach_volume, **to) == "VolumeInUse"
    alice.detach_volume(VolumeId=id, InstanceId=one)
    # Its guest has not let it go yet.
    to = {"VolumeId": id, "InstanceId": other, "Device": "/dev/sdg"}
    assert refusal(alice.attach_volume, **to) == "VolumeInUse"
    host.settle()
    alice.attach_volume(**to)


def test_a_shared_volume_is_with_several(alice: Any, host: FakeHost) -> None:
    id = make(alice, host, VolumeType="io2", Size=4, Iops=100, MultiAttachEnabled=True)
    pair = [launch(alice, host), launch(alice, host)]
    for instance in pair:
        alice.attach_volume(VolumeId=id, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    assert states(alice, id) == ["in-use", "attached", "attached"]
    assert refusal(alice.detach_volume, VolumeId=id) == "MissingParameter"
    alice.detach_volume(VolumeId=id, InstanceId=pair[0])
    host.settle()
    assert [one["InstanceId"] for one in shown(alice, id)["Attachments"]] == [pair[1]]


@pytest.mark.parametrize("device", ["/dev/sda1", "/dev/sda", "xvda"])
def test_the_root_disks_name_is_taken(alice: Any, host: FakeHost, device: str) -> None:
    to = {"VolumeId": make(alice, host), "InstanceId": launch(alice, host), "Device": device}
    assert refusal(alice.attach_volume, **to) == "InvalidParameterValue"


@pytest.mark.parametrize("device", ["", "sdf/..", "/dev/nvme0n1", "/dev/sdf123", "c:"])
def test_what_is_no_device_name_is_refused(alice: Any, host: FakeHost, device: str) -> None:
    to = {"VolumeId": make(alice, host), "InstanceId": launch(alice, host), "Device": device}
    assert refusal(alice.attach_volume, **to) == "InvalidParameterValue"


def test_an_instance_has_fifteen_volumes_at_most(alice: Any, host: FakeHost) -> None:
    instance = launch(alice, host)
    for letter in "bcdefghijklmnop":
        volume = make(alice, host)
        alice.attach_volume(VolumeId=volume, InstanceId=instance, Device=f"/dev/sd{letter}")
    to = {"VolumeId": make(alice, host), "InstanceId": instance}
    assert refusal(alice.attach_volume, **to, Device="/dev/sdp") == "InvalidParameterValue"
    assert refusal(alice.attach_volume, **to, Device="/dev/sdq") == "AttachmentLimitExceeded"


def test_what_is_not_attached_is_not_detached(alice: Any, host: FakeHost) -> None:
    id, instance = make(alice, host), launch(alice, host)
    assert refusal(alice.detach_volume, VolumeId=id) == "IncorrectState"
    alice.attach_volume(VolumeId=id, InstanceId=instance, Device="/dev/sdf")
    other = launch(alice, host)
    wrong = {"VolumeId": id, "InstanceId": other}
    assert refusal(alice.detach_volume, **wrong) == "InvalidAttachment.NotFound"
    wrong = {"VolumeId": id, "Device": "/dev/sdg"}
    assert refusal(alice.detach_volume, **wrong) == "InvalidAttachment.NotFound"


def test_a_volume_outlives_its_instance(alice: Any, host: FakeHost) -> None:
    id, instance = make(alice, host), launch(alice, host)
    alice.attach_volume(VolumeId=id, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    alice.terminate_instances(InstanceIds=[instance])
    assert states(alice, id) == ["in-use", "attached"]
    host.settle()
    assert states(alice, id) == ["available"]


def test_with_an_instance_that_is_off_it_is_attached_at_once(alice: Any, host: FakeHost) -> None:
    id, instance = make(alice, host), launch(alice, host)
    alice.stop_instances(InstanceIds=[instance])
    host.settle()
    to = {"VolumeId": id, "InstanceId": instance, "Device": "/dev/sdf"}
    assert alice.attach_volume(**to)["State"] == "attached"
    alice.detach_volume(VolumeId=id)
    host.settle()
    assert states(alice, id) == ["available"]
    alice.terminate_instances(InstanceIds=[instance])
    assert refusal(alice.attach_volume, **to) == "IncorrectInstanceState"


def test_it_grows_and_does_not_shrink(alice: Any, host: FakeHost) -> None:
    id = make(alice, host, Size=2)
    assert refusal(alice.modify_volume, VolumeId=id, Size=1) == "InvalidParameterValue"
    shown_now = alice.modify_volume(VolumeId=id, Size=9, VolumeType="gp3")["VolumeModification"]
    assert shown_now["ModificationState"] == "modifying"
    assert (shown_now["OriginalSize"], shown_now["TargetSize"]) == (2, 9)
    assert (shown_now["TargetIops"], shown_now["TargetThroughput"]) == (3000, 125)
    assert refusal(alice.modify_volume, VolumeId=id, Size=10) == "IncorrectModificationState"
    host.settle()
    found = alice.describe_volumes_modifications(VolumeIds=[id])["VolumesModifications"][0]
    assert (found["ModificationState"], found["Progress"]) == ("completed", 100)
    assert found["EndTime"] >= found["StartTime"]
    now = shown(alice, id)
    assert (now["Size"], now["VolumeType"], now["Iops"]) == (9, "gp3", 3000)
    alice.modify_volume(VolumeId=id, VolumeType="gp2")
    assert shown(alice, id)["Iops"] == 100
    other = make(alice, host)
    code = refusal(alice.describe_volumes_modifications, VolumeIds=[other])
    assert code == "InvalidVolumeModification.NotFound"


def test_room_is_counted(alice: Any, host: FakeHost) -> None:
    big = {"AvailabilityZone": ZONE, "VolumeType": "gp3"}
    assert refusal(alice.create_volume, **big, Size=1001) == "InsufficientVolumeCapacity"
    id = make(alice, host, VolumeType="gp3", Size=600)
    assert refusal(alice.create_volume, **big, Size=401) == "InsufficientVolumeCapacity"
    assert refusal(alice.modify_volume, VolumeId=id, Size=1001) == "InsufficientVolumeCapacity"
    alice.modify_volume(VolumeId=id, Size=1000)
    host.settle()
    assert refusal(alice.create_volume, **big, Size=1) == "InsufficientVolumeCapacity"
    alice.delete_volume(VolumeId=id)
    # Its bytes are still there.
    assert refusal(alice.create_volume, **big, Size=1) == "InsufficientVolumeCapacity"
    host.settle()
    make(alice, host, VolumeType="gp3", Size=1000)


def test_a_zone_whose_hosts_are_silent_has_no_room(alice: Any, host: FakeHost) -> None:
    host.fall_silent()
    wanted = {"AvailabilityZone": ZONE, "Size": 1}
    assert refusal(alice.create_volume, **wanted) == "InsufficientVolumeCapacity"


def test_quotas_hold(alice: Any, bob: Any, host: FakeHost, administration: Administration) -> None:
    administration.limit("ec2:quota-volumenumber", 2)
    administration.limit("ec2:quota-volumetotalsize", 10)
    make(bob, host, Size=4)
    wanted = {"AvailabilityZone": ZONE, "VolumeType": "standard"}
    assert refusal(bob.create_volume, **wanted, Size=7) == "VolumeLimitExceeded"
    id = make(bob, host, Size=5)
    assert refusal(bob.create_volume, **wanted, Size=1) == "VolumeLimitExceeded"
    assert refusal(bob.modify_volume, VolumeId=id, Size=7) == "VolumeLimitExceeded"
    make(alice, host, Size=400)


def test_another_accounts_volume_is_not_there(alice: Any, bob: Any, host: FakeHost) -> None:
    id, instance = make(alice, host), launch(bob, host)
    for ask, asked in (
        (bob.attach_volume, {"InstanceId": instance, "Device": "/dev/sdf"}),
        (bob.detach_volume, {}),
        (bob.delete_volume, {}),
        (bob.modify_volume, {"Size": 2}),
    ):
        assert refusal(ask, VolumeId=id, **asked) == "InvalidVolume.NotFound"
    assert id not in {one["VolumeId"] for one in bob.describe_volumes()["Volumes"]}
    own = make(bob, host)
    to = {"VolumeId": own, "InstanceId": launch(alice, host), "Device": "/dev/sdf"}
    assert refusal(bob.attach_volume, **to) == "InvalidInstanceID.NotFound"


def test_status_and_attributes(alice: Any, host: FakeHost, world: World) -> None:
    id = alice.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]

    def status() -> str:
        found = alice.describe_volume_status(VolumeIds=[id])["VolumeStatuses"]
        return found[0]["VolumeStatus"]["Status"]

    assert status() == "insufficient-data"
    host.settle()
    assert status() == "ok"
    host.fall_silent()
    assert status() == "insufficient-data"
    alice.modify_volume_attribute(VolumeId=id, AutoEnableIO={"Value": True})
    found = alice.describe_volume_attribute(VolumeId=id, Attribute="autoEnableIO")
    assert found["AutoEnableIO"] == {"Value": True}
    assert refusal(alice.modify_volume_attribute, VolumeId=id) == "InvalidParameterCombination"
    alice.enable_volume_io(VolumeId=id)


def test_instances_show_what_they_have(alice: Any, host: FakeHost) -> None:
    id, instance = make(alice, host), launch(alice, host)

    def mappings() -> list[tuple[str, str]]:
        found = alice.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return [(it["DeviceName"], it["Ebs"]["Status"]) for it in found["BlockDeviceMappings"]]

    root = ("/dev/vda", "attached")
    assert mappings() == [root]
    alice.attach_volume(VolumeId=id, InstanceId=instance, Device="/dev/sdf")
    assert mappings() == [("/dev/sdf", "attaching"), root]
    host.settle()
    assert mappings() == [("/dev/sdf", "attached"), root]
    alice.detach_volume(VolumeId=id)
    host.settle()
    assert mappings() == [root]
