"""Images that are made: of an instance as it is, and of snapshots; what cannot be is refused."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import slices
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from mallee.model.storage.snapshots import Layered
from tests.cloud.ec2.asking import refusal, state
from tests.cloud.ec2.storage.test_roots import ROOT, launch, root_of, stopped
from tests.cloud.ec2.storage.test_snapshots import GIB, Cutting
from tests.cloud.ec2.storage.test_volumes import make
from tests.cloud.ec2.world import KERNEL_ID, RAMDISK_ID, ROOT_ID, FakeHost, Front, World


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def create(ec2: Any, cutting: Cutting, instance: str, **more: Any) -> str:
    cutting.next()
    return ec2.create_image(**{"InstanceId": instance, "Name": "golden", **more})["ImageId"]


def described(ec2: Any, image: str) -> dict[str, Any]:
    return ec2.describe_images(ImageIds=[image])["Images"][0]


def mapped(ec2: Any, image: str) -> dict[str, dict[str, Any]]:
    return {it["DeviceName"]: it["Ebs"] for it in described(ec2, image)["BlockDeviceMappings"]}


def run(ec2: Any, host: FakeHost, image: str, **more: Any) -> str:
    (made,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, **more)["Instances"]
    host.settle()
    return made["InstanceId"]


def test_an_image_is_what_an_instance_has(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, root = launch(alice, host, VolumeSize=9)
    data = make(alice, host, Size=2, VolumeType="gp3")
    alice.attach_volume(VolumeId=data, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    tags = [
        {"ResourceType": kind, "Tags": [{"Key": "of", "Value": kind}]}
        for kind in ("image", "snapshot")
    ]
    id = create(alice, cutting, instance, Description="all of it", TagSpecifications=tags)
    assert [asked.snapshots.keys() for asked in cutting.asked] == [{root, data}]
    assert cutting.asked[0].reboot == instance
    found = described(alice, id)
    assert (found["State"], found["Description"]) == ("available", "all of it")
    assert (found["RootDeviceType"], found["RootDeviceName"]) == ("ebs", ROOT)
    assert found["SourceInstanceId"] == instance
    assert (found["Public"], found["Tags"]) == (False, [{"Key": "of", "Value": "image"}])
    volumes = mapped(alice, id)
    assert [(it["VolumeSize"], it["VolumeType"]) for it in volumes.values()] == [
        (9, "standard"),
        (2, "gp3"),
    ]
    assert volumes["/dev/sdf"]["DeleteOnTermination"] is False
    shown = alice.describe_snapshots()["Snapshots"]
    assert {it["VolumeId"] for it in shown} == {root, data}
    assert all(it["Tags"] == [{"Key": "of", "Value": "snapshot"}] for it in shown)
    other = run(alice, host, id)
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    kept = {one.id: one for one in told.volumes}
    assert kept[root_of(alice, other)].source == Layered(root, 1)


def test_a_guest_that_shall_not_reboot_or_is_off_does_not(
    alice: Any, host: FakeHost, cutting: Cutting
) -> None:
    running, _ = launch(alice, host)
    create(alice, cutting, running, NoReboot=True)
    off, _ = stopped(alice, host)
    create(alice, cutting, off, Name="another")
    assert [asked.reboot for asked in cutting.asked] == ["", ""]
    assert state(alice, off) == "stopped"


def test_mappings_change_what_launches_make(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    instance, root = launch(alice, host)
    data = make(alice, host)
    alice.attach_volume(VolumeId=data, InstanceId=instance, Device="/dev/sdf")
    host.settle()
    changes = [
        {"DeviceName": ROOT, "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Iops": 3500}},
        {"DeviceName": "/dev/sdf", "NoDevice": ""},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 3, "DeleteOnTermination": False}},
    ]
    id = create(alice, cutting, instance, BlockDeviceMappings=changes)
    assert cutting.asked[0].snapshots.keys() == {root}
    found = mapped(alice, id)
    assert found.keys() == {ROOT, "/dev/sdg"}
    assert (found[ROOT]["VolumeSize"], found[ROOT]["Iops"]) == (20, 3500)
    made = run(alice, host, id)
    shown = alice.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [made]}])[
        "Volumes"
    ]
    assert sorted((it["Size"], it["VolumeType"]) for it in shown) == [(3, "gp2"), (20, "gp3")]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Name": "a|b|c"}, "InvalidAMIName.Malformed"),
        ({"InstanceId": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"BlockDeviceMappings": [{"DeviceName": ROOT, "NoDevice": ""}]}, "InvalidBlockDevice"),
        (
            {"BlockDeviceMappings": [{"DeviceName": ROOT, "Ebs": {"VolumeSize": 1}}]},
            "InvalidBlockDevice",
        ),
        ({"BlockDeviceMappings": [{"DeviceName": "hda", "Ebs": {}}]}, "InvalidBlockDevice"),
        ({"SnapshotLocation": "local"}, "UnsupportedOperation"),
        ({"BootModeOverride": "uefi"}, "UnsupportedOperation"),
    ],
)
def test_what_no_image_can_be_made_of_is_refused(
    alice: Any, host: FakeHost, more: dict[str, Any], code: str
) -> None:
    instance, _ = launch(alice, host)
    asked = {"InstanceId": instance, "Name": "golden", **more}
    assert refusal(alice.create_image, **asked).startswith(code)
    assert alice.describe_images(Owners=["self"], Filters=_named("golden"))["Images"] == []


def test_a_name_is_of_one_image(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    instance, _ = launch(alice, host)
    create(alice, cutting, instance)
    asked = {"InstanceId": instance, "Name": "golden"}
    assert refusal(alice.create_image, **asked) == "InvalidAMIName.Duplicate"


def test_an_instance_without_a_root_volume_makes_none(alice: Any, host: FakeHost) -> None:
    made = run(alice, host, ROOT_ID, KernelId=KERNEL_ID)
    asked = {"InstanceId": made, "Name": "golden"}
    assert refusal(alice.create_image, **asked) == "UnsupportedOperation"


def test_another_accounts_instance_makes_none(alice: Any, bob: Any, host: FakeHost) -> None:
    instance, _ = launch(alice, host)
    asked = {"InstanceId": instance, "Name": "golden"}
    assert refusal(bob.create_image, **asked) == "InvalidInstanceID.NotFound"


def test_a_snapshot_of_a_root_is_registered_and_launched(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    _, root = launch(alice, host)
    snapshot = cutting.snapshot(alice, root)
    id = alice.register_image(
        Name="mine",
        TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}],
        Architecture="x86_64",
        RootDeviceName="/dev/sda1",
        VirtualizationType="hvm",
        EnaSupport=True,
        BootMode="legacy-bios",
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}},
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 2}},
        ],
    )["ImageId"]
    found = described(alice, id)
    assert (found["RootDeviceName"], found["BootMode"]) == ("/dev/sda1", "legacy-bios")
    assert found["EnaSupport"] is True
    assert found["Tags"] == [{"Key": "a", "Value": "b"}]
    assert mapped(alice, id)["/dev/sda1"]["SnapshotId"] == snapshot
    instance = run(alice, host, id)
    shown = alice.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert [it["DeviceName"] for it in shown["BlockDeviceMappings"]] == ["/dev/sda1", "/dev/sdf"]
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    by_id = {one.id: one for one in told.instances}
    assert [disk.slot for disk in by_id[instance].disks] == [0, 1]


def test_a_registered_image_may_bring_a_kernel(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    _, root = launch(alice, host)
    disk = {"DeviceName": ROOT, "Ebs": {"SnapshotId": cutting.snapshot(alice, root)}}
    asked = {"Name": "with kernel", "BlockDeviceMappings": [disk]}
    code = refusal(alice.register_image, **asked, RamdiskId=RAMDISK_ID)
    assert code == "InvalidParameterCombination"
    id = alice.register_image(**asked, KernelId=KERNEL_ID, RamdiskId=RAMDISK_ID)["ImageId"]
    instance = run(alice, host, id)
    told = slices.host_wanted(world.store.view, host.id, world.settings)
    (boot,) = (one.boot for one in told.instances if one.id == instance)
    assert boot is not None
    assert boot.kernel.format == "kernel"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "MissingParameter"),
        ({"RootDeviceName": ROOT}, "InvalidBlockDeviceMapping"),
        ({"BlockDeviceMappings": [{"DeviceName": ROOT, "Ebs": {"VolumeSize": 1}}]}, "InvalidBlock"),
        ({"Architecture": "arm64"}, "UnsupportedOperation"),
        ({"BootMode": "uefi"}, "UnsupportedOperation"),
        ({"VirtualizationType": "paravirtual"}, "UnsupportedOperation"),
        ({"Name": "a|b|c"}, "InvalidAMIName.Malformed"),
        (
            {
                "BlockDeviceMappings": [
                    {"DeviceName": ROOT, "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}
                ]
            },
            "InvalidSnapshot.NotFound",
        ),
    ],
)
def test_what_cannot_be_registered_is_refused(alice: Any, more: dict[str, Any], code: str) -> None:
    assert refusal(alice.register_image, **{"Name": "mine", **more}).startswith(code)


def test_another_accounts_snapshot_is_not_registered(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting
) -> None:
    _, root = launch(alice, host)
    disk = {"DeviceName": ROOT, "Ebs": {"SnapshotId": cutting.snapshot(alice, root)}}
    code = refusal(bob.register_image, Name="mine", BlockDeviceMappings=[disk])
    assert code == "InvalidSnapshot.NotFound"


def test_an_image_whose_content_is_everywhere_launches_on_any_host(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    instance, root = launch(alice, host)
    image = create(alice, cutting, instance)
    other = FakeHost(
        world,
        "inn",
        hosts.Capacity(vcpus=640, memory_mib=655360, disk_gib=10000),
        world.settings.zone,
    )
    pending = run(alice, host, image)
    assert host_of(world, pending) == host.id
    (snapshot,) = (it["SnapshotId"] for it in alice.describe_snapshots()["Snapshots"])
    size_bytes = described(alice, image)["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] * GIB
    cutting.brings(snapshot, root="ab" * 32, size_bytes=size_bytes, full_bytes=GIB)
    complete = run(alice, other, image)
    assert host_of(world, complete) == other.id
    told = slices.host_wanted(world.store.view, other.id, world.settings)
    assert told.volumes[0].content is not None
    assert root != root_of(alice, complete)


def host_of(world: World, instance: str) -> str:
    record = world.store.view.get(records.INSTANCE, instance)
    assert record is not None
    return record.doc.host_id


def _named(name: str) -> list[dict[str, Any]]:
    return [{"Name": "name", "Values": [name]}]
