"""Encrypted volumes and snapshots as EC2 has them: which key, whose, and who may use it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import volumekeys
from mallee.cloud.state import records
from mallee.model.storage.datakeys import BYTES
from mallee.model.storage.snapshots import Content, Snapshot
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.limiting import with_key
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.storage.test_volumes import ZONE, launch, shown
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, Front, World


@pytest.fixture
def kms(front: Front, world: World) -> Any:
    return front.client("alice", "kms")


@pytest.fixture
def key(kms: Any) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


def make(ec2: Any, **wanted: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"AvailabilityZone": ZONE, "Encrypted": True}
    return ec2.create_volume(**asked | ({} if "SnapshotId" in wanted else {"Size": 1}) | wanted)


def snapshot(add: Add, world: World, volume_id: str, **more: Any) -> str:
    """A snapshot of a volume whose content is in the object store."""
    volume = world.store.view.get(records.VOLUME, volume_id)
    assert volume is not None
    key = volume.doc.key
    assert key is not None
    content = Content(account=volume.account, root="ab" * 32, size_bytes=1 << 30, key_id=key.id)
    return add(key=key, content=content, **more)


def opened(world: World, host: FakeHost, volume_id: str) -> bytes:
    keys = volumekeys.VolumeKeys(world.store, world.cloud.box)
    return keys.open(host.id, volume_id).secret


def test_a_volume_without_a_key_named_is_under_the_accounts_own(
    alice: Any, kms: Any, host: FakeHost
) -> None:
    made = make(alice)
    assert made["Encrypted"]
    own = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]
    assert made["KmsKeyId"] == own["Arn"]
    assert own["KeyManager"] == "AWS"
    plain = alice.create_volume(AvailabilityZone=ZONE, Size=1)
    assert not plain["Encrypted"]
    found = alice.describe_volumes(Filters=[{"Name": "encrypted", "Values": ["true"]}])["Volumes"]
    assert [one["VolumeId"] for one in found] == [made["VolumeId"]]


@pytest.mark.parametrize("how", ["id", "arn", "alias", "alias arn"])
def test_a_key_is_named_in_any_way(
    alice: Any, kms: Any, key: str, host: FakeHost, how: str
) -> None:
    kms.create_alias(AliasName="alias/disks", TargetKeyId=key)
    prefix = key.rpartition("key/")[0]
    named = {
        "id": key.rpartition("/")[2],
        "arn": key,
        "alias": "alias/disks",
        "alias arn": f"{prefix}alias/disks",
    }
    assert make(alice, KmsKeyId=named[how])["KmsKeyId"] == key


def test_a_key_that_cannot_be_used_makes_no_volume(
    alice: Any, bob: Any, front: Front, kms: Any, key: str, host: FakeHost
) -> None:
    missing = key.rpartition("/")[0] + "/11111111-2222-3333-4444-555555555555"
    for named in ("alias/nothing", "nonsense", missing):
        with pytest.raises(ClientError, match=r"InvalidKMSKey\.NotFound"):
            make(alice, KmsKeyId=named)
    asked: dict[str, Any] = {"AvailabilityZone": ZONE, "Size": 1, "Encrypted": True}
    assert refusal(bob.create_volume, **asked, KmsKeyId=key) == "UnauthorizedOperation"
    kms.disable_key(KeyId=key)
    assert refusal(alice.create_volume, **asked, KmsKeyId=key) == "InvalidKMSKey.InvalidState"
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert refusal(alice.create_volume, **asked, KmsKeyId=key) == "InvalidKMSKey.InvalidState"
    signs = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert refusal(alice.create_volume, **asked, KmsKeyId=signs) == "InvalidKMSKey.NotFound"
    assert alice.describe_volumes()["Volumes"] == []


def test_what_contradicts_itself_is_refused(
    alice: Any, key: str, host: FakeHost, add: Add, world: World
) -> None:
    asked: dict[str, Any] = {"AvailabilityZone": ZONE, "Size": 1}
    assert refusal(alice.create_volume, **asked, KmsKeyId=key) == "InvalidParameterDependency"
    both = {"Encrypted": False, "KmsKeyId": key}
    assert refusal(alice.create_volume, **asked, **both) == "InvalidParameterDependency"
    shared = {"VolumeType": "io2", "Iops": 100, "Size": 4, "MultiAttachEnabled": True}
    with pytest.raises(ClientError, match="UnsupportedOperation"):
        make(alice, **shared)
    of = snapshot(add, world, make(alice)["VolumeId"])
    wanted = {"AvailabilityZone": ZONE, "SnapshotId": of, "Encrypted": False}
    assert refusal(alice.create_volume, **wanted) == "InvalidParameterCombination"


def test_a_dry_run_asks_who_may_and_makes_no_key(
    alice: Any, bob: Any, kms: Any, key: str, host: FakeHost
) -> None:
    asked: dict[str, Any] = {"AvailabilityZone": ZONE, "Size": 1, "Encrypted": True, "DryRun": True}
    assert refusal(alice.create_volume, **asked) == "DryRunOperation"
    aliases = kms.list_aliases()["Aliases"]
    assert not any("TargetKeyId" in one for one in aliases)
    assert refusal(alice.create_volume, **asked, KmsKeyId=key) == "DryRunOperation"
    assert refusal(bob.create_volume, **asked, KmsKeyId=key) == "UnauthorizedOperation"


def test_a_copy_under_the_same_key_has_the_same_data_key_and_is_there_at_once(
    alice: Any, kms: Any, key: str, host: FakeHost, add: Add, world: World
) -> None:
    source = snapshot(add, world, make(alice, KmsKeyId=key)["VolumeId"])
    other = alice.copy_snapshot(SourceSnapshotId=source, SourceRegion="us-east-1")["SnapshotId"]
    found = alice.describe_snapshots(SnapshotIds=[other])["Snapshots"][0]
    assert (found["State"], found["KmsKeyId"]) == ("completed", key)
    first, second = (stored(world, one) for one in (source, other))
    assert first.key is not None
    assert second.key is not None
    assert first.content == second.content
    assert first.key.id == second.key.id
    assert first.key.wrapped != second.key.wrapped


def test_a_copy_under_another_key_has_a_data_key_of_its_own(
    alice: Any, kms: Any, key: str, host: FakeHost, add: Add, world: World
) -> None:
    source = snapshot(add, world, make(alice)["VolumeId"])
    asked = {"SourceSnapshotId": source, "SourceRegion": "us-east-1", "Encrypted": True}
    other = alice.copy_snapshot(**asked, KmsKeyId=key)["SnapshotId"]
    found = alice.describe_snapshots(SnapshotIds=[other])["Snapshots"][0]
    assert (found["State"], found["Progress"], found["KmsKeyId"]) == ("pending", "0%", key)
    first, second = (stored(world, one) for one in (source, other))
    assert first.key is not None
    assert second.key is not None
    assert second.resealing is not None
    assert second.resealing.source == first.content
    assert first.key.id != second.key.id
    # Nothing can be made of it before it is all there.
    volume = {"AvailabilityZone": ZONE, "SnapshotId": other}
    assert refusal(alice.create_volume, **volume) == "IncorrectState"
    again = {"SourceSnapshotId": other, "SourceRegion": "us-east-1"}
    assert refusal(alice.copy_snapshot, **again) == "IncorrectState"
    mapping = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": other}}
    image = {"Name": "early", "RootDeviceName": "/dev/sda1", "BlockDeviceMappings": [mapping]}
    assert refusal(alice.register_image, **image) == "IncorrectState"
    alice.delete_snapshot(SnapshotId=other)
    assert refusal(alice.describe_snapshots, SnapshotIds=[other]) == "InvalidSnapshot.NotFound"


def test_a_plain_snapshot_is_copied_into_an_encrypted_one(
    alice: Any, kms: Any, host: FakeHost, add: Add
) -> None:
    asked = {"SourceSnapshotId": add(), "SourceRegion": "us-east-1"}
    plain = alice.copy_snapshot(**asked)["SnapshotId"]
    alice.enable_ebs_encryption_by_default()
    sealed = [
        alice.copy_snapshot(**asked)["SnapshotId"],
        alice.copy_snapshot(**asked, Encrypted=True)["SnapshotId"],
    ]
    found = alice.describe_snapshots(SnapshotIds=[plain, *sealed])["Snapshots"]
    shown = {one["SnapshotId"]: (one["Encrypted"], one["State"]) for one in found}
    assert shown[plain] == (False, "completed")
    assert [shown[id] for id in sealed] == [(True, "pending")] * 2


def stored(world: World, id: str) -> Snapshot:
    record = world.store.view.get(records.SNAPSHOT, id)
    assert record is not None
    return record.doc


def test_the_default_holds_for_new_volumes_and_its_key_can_be_chosen(
    alice: Any, bob: Any, kms: Any, key: str, host: FakeHost
) -> None:
    assert not alice.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    assert alice.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    assert alice.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    assert not bob.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    assert alice.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert alice.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"] == key
    assert alice.get_ebs_default_kms_key_id()["KmsKeyId"] == key
    plain = {"AvailabilityZone": ZONE, "Size": 1}
    assert alice.create_volume(**plain)["KmsKeyId"] == key
    own = alice.reset_ebs_default_kms_key_id()["KmsKeyId"]
    assert own == kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    assert alice.create_volume(**plain)["KmsKeyId"] == own
    alice.disable_ebs_encryption_by_default()
    assert not alice.create_volume(**plain)["Encrypted"]
    assert refusal(bob.modify_ebs_default_kms_key_id, KmsKeyId=key) == "UnauthorizedOperation"
    missing = refusal(alice.modify_ebs_default_kms_key_id, KmsKeyId="alias/none")
    assert missing in ("InvalidKMSKey.NotFound", "UnauthorizedOperation")


def test_a_host_gets_the_keys_of_its_volumes_while_they_may_be_used(
    alice: Any, kms: Any, key: str, host: FakeHost, world: World
) -> None:
    volume = make(alice, KmsKeyId=key)["VolumeId"]
    plain = alice.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    secret = opened(world, host, volume)
    assert len(secret) == BYTES
    record = world.store.view.get(records.VOLUME, volume)
    assert secret not in repr(record).encode()
    keys = volumekeys.VolumeKeys(world.store, world.cloud.box)
    with pytest.raises(refusals.Refused, match="keeps no encrypted volume"):
        keys.open("host-other", volume)
    with pytest.raises(refusals.Refused, match="keeps no encrypted volume"):
        keys.open(host.id, plain)
    kms.rotate_key_on_demand(KeyId=key)
    assert opened(world, host, volume) == secret
    kms.disable_key(KeyId=key)
    with pytest.raises(refusals.Refused, match="is disabled"):
        opened(world, host, volume)
    kms.enable_key(KeyId=key)
    assert opened(world, host, volume) == secret
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(refusals.Refused, match="pending deletion"):
        opened(world, host, volume)


def test_a_volume_whose_key_is_off_is_neither_attached_nor_started_with(
    alice: Any, kms: Any, key: str, host: FakeHost
) -> None:
    volume = make(alice, KmsKeyId=key)["VolumeId"]
    instance = launch(alice, host)
    asked = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    kms.disable_key(KeyId=key)
    assert refusal(alice.attach_volume, **asked) == "InvalidKMSKey.InvalidState"
    kms.enable_key(KeyId=key)
    alice.attach_volume(**asked)
    host.settle()
    alice.stop_instances(InstanceIds=[instance])
    host.settle()
    kms.disable_key(KeyId=key)
    started = refusal(alice.start_instances, InstanceIds=[instance])
    assert started == "InvalidKMSKey.InvalidState"
    kms.enable_key(KeyId=key)
    alice.start_instances(InstanceIds=[instance])


def test_a_launch_encrypts_its_volumes_its_root_too(
    alice: Any, kms: Any, key: str, host: FakeHost, world: World
) -> None:
    mappings = [
        {"DeviceName": "/dev/vda", "Ebs": {"Encrypted": True, "KmsKeyId": key}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True}},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1}},
    ]
    asked: dict[str, Any] = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    made = alice.run_instances(**asked, BlockDeviceMappings=mappings)["Instances"][0]
    host.settle()
    own = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    attached = [{"Name": "attachment.instance-id", "Values": [made["InstanceId"]]}]
    found = alice.describe_volumes(Filters=attached)["Volumes"]
    by_device = {one["Attachments"][0]["Device"]: one.get("KmsKeyId") for one in found}
    assert by_device == {"/dev/vda": key, "/dev/sdf": own, "/dev/sdg": None}
    kms.disable_key(KeyId=key)
    refused = refusal(alice.run_instances, **asked, BlockDeviceMappings=mappings)
    assert refused == "InvalidKMSKey.InvalidState"
    alice.enable_ebs_encryption_by_default()
    plain = alice.run_instances(**asked)["Instances"][0]["InstanceId"]
    attached[0]["Values"] = [plain]
    assert alice.describe_volumes(Filters=attached)["Volumes"][0]["KmsKeyId"] == own


def test_a_policy_sees_whether_all_volumes_of_a_launch_are_encrypted(
    alice: Any, front: Front, host: FakeHost
) -> None:
    iam = front.client("alice", "iam")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    plain = {"Bool": {"ec2:Encrypted": "false"}}
    volume = "arn:aws:ec2:*:*:volume/*"
    deny = {"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": volume, "Condition": plain}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything, deny]})
    iam.create_user(UserName="careful")
    iam.put_user_policy(UserName="careful", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="careful")["AccessKey"]
    careful = with_key(front, "ec2", key)
    asked: dict[str, Any] = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1}
    root = {"DeviceName": "/dev/vda", "Ebs": {"Encrypted": True}}
    data: dict[str, Any] = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}
    sealed = {**data, "Ebs": {**data["Ebs"], "Encrypted": True}}
    for mappings in ([], [root, data]):
        launching = {**asked, "BlockDeviceMappings": mappings}
        assert refusal(careful.run_instances, **launching) == "UnauthorizedOperation"
    assert careful.run_instances(**asked, BlockDeviceMappings=[root, sealed])["Instances"]
    alice.enable_ebs_encryption_by_default()
    assert careful.run_instances(**asked)["Instances"]


def test_a_key_policy_says_who_may_encrypt_and_attach(
    alice: Any, kms: Any, key: str, host: FakeHost, front: Front
) -> None:
    account = key.split(":")[4]
    allowed = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": ["kms:PutKeyPolicy", "kms:DescribeKey", "kms:GenerateDataKey*"],
        "Resource": "*",
    }

    def let(*actions: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": [allowed | {"Action": actions}]}
        text = json.dumps(policy)
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)

    let("kms:PutKeyPolicy", "kms:GenerateDataKeyWithoutPlaintext")
    volume = make(alice, KmsKeyId=key)["VolumeId"]
    instance = launch(alice, host)
    asked = {"VolumeId": volume, "InstanceId": instance, "Device": "/dev/sdf"}
    assert refusal(alice.attach_volume, **asked) == "UnauthorizedOperation"
    let("kms:PutKeyPolicy", "kms:CreateGrant")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        make(alice, KmsKeyId=key)
    alice.attach_volume(**asked)


def test_encrypted_snapshots_are_shared_with_accounts_that_may_use_their_key(
    alice: Any, bob: Any, kms: Any, key: str, host: FakeHost, add: Add, world: World
) -> None:
    own = snapshot(add, world, make(alice)["VolumeId"])
    permit = {"Attribute": "createVolumePermission", "OperationType": "add"}
    to_bob = permit | {"UserIds": [world.accounts["bob"]]}
    to_all = permit | {"GroupNames": ["all"]}
    assert refusal(alice.modify_snapshot_attribute, SnapshotId=own, **to_bob) == (
        "OperationNotPermitted"
    )
    shared = snapshot(add, world, make(alice, KmsKeyId=key)["VolumeId"])
    assert refusal(alice.modify_snapshot_attribute, SnapshotId=shared, **to_all) == (
        "OperationNotPermitted"
    )
    alice.modify_snapshot_attribute(SnapshotId=shared, **to_bob)
    for snapshot_id, name in ((own, "own"), (shared, "shared")):
        mapping = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot_id}}
        image = alice.register_image(
            Name=name, RootDeviceName="/dev/sda1", BlockDeviceMappings=[mapping]
        )["ImageId"]
        to_bob = {"ImageId": image, "OperationType": "add", "UserIds": [world.accounts["bob"]]}
        to_all = {"ImageId": image, "OperationType": "add", "UserGroups": ["all"]}
        assert refusal(alice.modify_image_attribute, **to_all) == "OperationNotPermitted"
        if snapshot_id == shared:
            alice.modify_image_attribute(**to_bob)
        else:
            assert refusal(alice.modify_image_attribute, **to_bob) == "OperationNotPermitted"
    asked = {"SourceSnapshotId": shared, "SourceRegion": "us-east-1"}
    assert refusal(bob.copy_snapshot, **asked) == "UnauthorizedOperation"
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{world.accounts['bob']}:root",
        Operations=["ReEncryptFrom", "DescribeKey"],
    )
    copied = bob.copy_snapshot(**asked)["SnapshotId"]
    found = bob.describe_snapshots(SnapshotIds=[copied])["Snapshots"][0]
    assert found["Encrypted"]
    assert world.accounts["bob"] in found["KmsKeyId"]


def test_a_snapshot_is_encrypted_as_its_volume_is(alice: Any, host: FakeHost) -> None:
    volume = make(alice)["VolumeId"]
    host.settle()
    assert shown(alice, volume)["Encrypted"]
