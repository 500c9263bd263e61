"""Files in parts become volumes and instances: what is asked for, told, made, and refused."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.ec2.images import conversions, tasks
from mallee.cloud.hosts.moves import transferring
from mallee.cloud.state import records
from mallee.model.storage.partitions import FileSystem, Found
from mallee.model.storage.snapshots import Content
from mallee.model.storage.transfers import DiskSeen, Phase, TransferSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.images.test_imports import BOOTS, done, settle, told
from tests.cloud.ec2.limiting import with_key
from tests.cloud.ec2.world import FakeHost, Front, World

URL = "https://s3.example.org/disks/in/disk.xml?X-Amz-Signature=secret"
IMAGE = {"Format": "RAW", "Bytes": 1 << 20, "ImportManifestUrl": URL}
DISK = {"Image": IMAGE, "Volume": {"Size": 2}}
ZONE = "us-east-1a"
GIB = 1 << 30


def import_volume(ec2: Any, **more: Any) -> dict[str, Any]:
    asked = {"AvailabilityZone": ZONE, **DISK, **more}
    return ec2.import_volume(**asked)["ConversionTask"]


def import_instance(ec2: Any, *disks: dict[str, Any], **launch: Any) -> dict[str, Any]:
    asked = {"Platform": "Linux", "DiskImages": list(disks or (DISK,))}
    launch = {"InstanceType": "m1.small", **launch}
    return ec2.import_instance(**asked, LaunchSpecification=launch)["ConversionTask"]


def described(ec2: Any, id: str) -> dict[str, Any]:
    return ec2.describe_conversion_tasks(ConversionTaskIds=[id])["ConversionTasks"][0]


def came(world: World, gib: int = 1, found: Found = BOOTS) -> DiskSeen:
    content = Content(account=world.accounts["alice"], root="a" * 64, size_bytes=gib * GIB)
    return DiskSeen(format="raw", percent=100, size_bytes=gib * GIB, content=content, found=found)


def snapshots_of(ec2: Any) -> list[Any]:
    return ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]


def images_of(ec2: Any) -> list[Any]:
    return ec2.describe_images(Filters=[{"Name": "name", "Values": ["import-*"]}])["Images"]


def test_a_file_becomes_a_volume(world: World, alice: Any, host: FakeHost) -> None:
    began = import_volume(alice, Description="it")
    id = began["ConversionTaskId"]
    assert id.startswith("import-vol-")
    assert (began["State"], began["ImportVolume"]["Volume"]) == ("active", {"Size": 2})
    assert began["ImportVolume"]["Image"]["ImportManifestUrl"] == URL.partition("?")[0]
    half = DiskSeen(percent=75, words="converting")
    told(world, host, id, TransferSeen(phase=Phase.WORKING, words="converting", disks=(half,)))
    assert described(alice, id)["ImportVolume"]["BytesConverted"] == 1 << 19
    assert alice.describe_volumes()["Volumes"] == []
    told(world, host, id, done(came(world)))
    alice.get_waiter("conversion_task_completed").wait(ConversionTaskIds=[id])
    shown = described(alice, id)["ImportVolume"]
    assert shown["BytesConverted"] == 1 << 20
    (volume,) = alice.describe_volumes()["Volumes"]
    assert shown["Volume"] == {"Id": volume["VolumeId"], "Size": 2}
    assert (volume["Size"], volume["SnapshotId"]) == (2, "")
    assert snapshots_of(alice) == []
    kept = world.store.view.get(records.VOLUME, volume["VolumeId"])
    assert kept is not None
    assert kept.doc.content is not None


def test_files_become_an_instance(world: World, alice: Any, host: FakeHost) -> None:
    second = {**DISK, "Volume": {"Size": 3}, "Description": "data"}
    began = import_instance(alice, DISK, second)
    id, instance = began["ConversionTaskId"], began["ImportInstance"]["InstanceId"]
    assert id.startswith("import-i-")
    assert refusal(alice.describe_instances, InstanceIds=[instance]) == "InvalidInstanceID.NotFound"
    told(world, host, id, done(came(world), came(world, found=Found())))
    task = described(alice, id)
    assert task["State"] == "completed", task
    (made,) = alice.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert made["State"]["Name"] == "stopping"
    assert made["InstanceType"] == "m1.small"
    worn = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in made["BlockDeviceMappings"]}
    items = task["ImportInstance"]["Volumes"]
    assert [one["Volume"]["Id"] for one in items] == [worn["/dev/vda"], worn["/dev/sdb"]]
    assert [one["Status"] for one in items] == ["completed", "completed"]
    host.reconcile()
    assert snapshots_of(alice) == []
    assert images_of(alice) == []


def test_what_cannot_be_made_is_told_and_nothing_is(
    world: World, alice: Any, host: FakeHost
) -> None:
    small = import_volume(alice)["ConversionTaskId"]
    told(world, host, small, done(came(world, gib=3)))
    assert "does not fit a volume of 2 GiB" in described(alice, small)["StatusMessage"]
    unbootable = import_instance(alice)["ConversionTaskId"]
    told(world, host, unbootable, done(came(world, found=Found(table="mbr"))))
    assert "no boot loader" in described(alice, unbootable)["StatusMessage"]
    subnet = alice.describe_subnets()["Subnets"][0]["SubnetId"]
    homeless = import_instance(alice, SubnetId=subnet)["ConversionTaskId"]
    alice.delete_subnet(SubnetId=subnet)
    told(world, host, homeless, done(came(world)))
    assert "InvalidSubnetID.NotFound" in described(alice, homeless)["StatusMessage"]
    asked = [small, unbootable, homeless]
    alice.get_waiter("conversion_task_cancelled").wait(ConversionTaskIds=asked)
    assert alice.describe_volumes()["Volumes"] == []
    assert alice.describe_instances()["Reservations"] == []
    assert snapshots_of(alice) == []
    assert images_of(alice) == []


def test_a_lone_root_file_system_gets_the_clouds_kernel(
    world: World, alice: Any, host: FakeHost
) -> None:
    lone = Found(file_systems=(FileSystem(partition=0, kind="ext4", size_bytes=GIB),))
    began = import_instance(alice)
    told(world, host, began["ConversionTaskId"], done(came(world, found=lone)))
    instance = began["ImportInstance"]["InstanceId"]
    (made,) = alice.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
    assert made["KernelId"].startswith("aki-")


def test_a_conversion_is_called_off_once(world: World, alice: Any, host: FakeHost) -> None:
    id = import_volume(alice)["ConversionTaskId"]
    alice.cancel_conversion_task(ConversionTaskId=id, ReasonMessage="a mistake")
    assert described(alice, id)["State"] == "cancelling"
    settle(world, id)
    assert described(alice, id)["StatusMessage"] == "user cancelled the task: a mistake"
    alice.get_waiter("conversion_task_cancelled").wait(ConversionTaskIds=[id])
    assert refusal(alice.cancel_conversion_task, ConversionTaskId=id) == "IncorrectState"


def test_what_is_never_uploaded_expires(world: World, alice: Any, host: FakeHost) -> None:
    id = import_volume(alice)["ConversionTaskId"]

    def long_ago(tx: Any) -> None:
        record = tasks.find(tx, id)
        assert record is not None
        tx.write(record, replace(record.doc, began_at=tx.now - conversions.LIFE_S - 1))

    world.store.transact(long_ago)
    settle(world, id)
    assert "not all there" in described(alice, id)["StatusMessage"]
    assert described(alice, id)["State"] == "cancelled"


def test_what_a_task_will_make_counts_until_it_is_there(
    world: World, alice: Any, host: FakeHost
) -> None:
    account = world.accounts["alice"]

    def used() -> int:
        shares = world.store.view.usage(account)
        return max((it.get("ec2:quota-volumenumber", 0) for it in shares.values()), default=0)

    id = import_volume(alice)["ConversionTaskId"]
    before = used()
    told(world, host, id, done(came(world)))
    assert used() == before


def test_what_is_imported_is_encrypted_where_all_new_volumes_are(
    world: World, alice: Any, host: FakeHost
) -> None:
    alice.enable_ebs_encryption_by_default()
    id = import_volume(alice)["ConversionTaskId"]
    (wanted,) = transferring.wanted_of(world.store.view, host.id)
    assert wanted.key_id
    disk = came(world)
    assert disk.content is not None
    sealed = replace(disk, content=replace(disk.content, key_id=wanted.key_id))
    record = tasks.find(world.store.view, id)
    assert record is not None
    assert not transferring.is_sound(record, done(disk))
    assert transferring.is_sound(record, done(sealed))
    told(world, host, id, done(sealed))
    (volume,) = alice.describe_volumes()["Volumes"]
    assert volume["Encrypted"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"AvailabilityZone": "mars-1a"}, "InvalidZone.NotFound"),
        ({"Volume": {"Size": 0}}, "InvalidParameterValue"),
        ({"Image": {**IMAGE, "Bytes": 0}}, "InvalidParameterValue"),
        ({"Image": {**IMAGE, "ImportManifestUrl": "file:///etc/shadow"}}, "InvalidParameter"),
        (
            {"Image": {**IMAGE, "ImportManifestUrl": "https://me:secret@s3.example.org/a/b"}},
            "InvalidParameter",
        ),
        (
            {"Image": {**IMAGE, "ImportManifestUrl": "http://169.254.169.254/"}},
            "InvalidParameter",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    alice: Any, host: FakeHost, more: dict[str, Any], code: str
) -> None:
    assert refusal(lambda: import_volume(alice, **more)) == code


@pytest.mark.parametrize(
    ("launch", "code"),
    [
        ({"InstanceType": "none.such"}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"Architecture": "arm64"}, "InvalidParameterValue"),
        ({"GroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"AdditionalInfo": "no"}, "UnsupportedOperation"),
    ],
)
def test_a_launch_that_cannot_be_is_refused_at_once(
    alice: Any, host: FakeHost, launch: dict[str, Any], code: str
) -> None:
    assert refusal(lambda: import_instance(alice, **launch)) == code
    assert alice.describe_conversion_tasks()["ConversionTasks"] == []


def test_a_session_that_a_policy_restricts_imports_nothing_in_parts(
    front: Front, alice: Any, host: FakeHost
) -> None:
    sts = front.client("alice", "sts")
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/disk.part.3"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed, denied]})
    key = sts.get_federation_token(Name="guest", Policy=policy)["Credentials"]
    guest = with_key(front, "ec2", key)
    assert refusal(lambda: import_volume(guest)) == "UnsupportedOperation"
    assert refusal(lambda: import_instance(guest)) == "UnsupportedOperation"
    assert alice.describe_conversion_tasks()["ConversionTasks"] == []


def test_a_conversion_is_its_accounts_alone(
    world: World, alice: Any, bob: Any, host: FakeHost
) -> None:
    id = import_volume(alice)["ConversionTaskId"]
    missing = "InvalidConversionTaskId"
    assert refusal(bob.describe_conversion_tasks, ConversionTaskIds=[id]) == missing
    assert refusal(bob.cancel_conversion_task, ConversionTaskId=id) == missing
    assert bob.describe_conversion_tasks()["ConversionTasks"] == []


def test_a_host_believes_and_is_believed_no_more_than_it_must(
    world: World, alice: Any, host: FakeHost
) -> None:
    began = import_instance(alice)
    record = tasks.find(world.store.view, began["ConversionTaskId"])
    assert record is not None
    two = done(came(world), came(world))
    assert transferring.is_sound(record, done(came(world)))
    assert not transferring.is_sound(record, two)
    assert not transferring.is_sound(record, done())
