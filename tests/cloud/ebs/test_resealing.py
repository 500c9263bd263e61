"""Copies with a data key of their own: of what is plain, and under another key of the key store."""

import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.ebs.writers import BLOCK, read, written
from tests.cloud.s3 import running
from tests.cloud.s3.processes import started

ONE, TWO = (bytes([number]) * BLOCK for number in (1, 2))
BLOCKS = {0: ONE, 700: TWO, 2047: bytes(BLOCK - 1) + b"x"}
HERE = {"SourceRegion": "us-east-1"}


def copied(ec2: Any, source: str, **more: Any) -> str:
    """A completed copy."""
    made = ec2.copy_snapshot(SourceSnapshotId=source, **HERE, **more)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    return made


def shown(ec2: Any, id: str) -> dict[str, Any]:
    (found,) = ec2.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    return found


@pytest.fixture
def kms(cloud: running.RunningS3) -> Any:
    return cloud.client("kms")


def test_a_plain_snapshot_is_copied_into_an_encrypted_one(
    ebs: Any, ec2: Any, cloud: running.RunningS3
) -> None:
    plain = written(ebs, BLOCKS)
    made = ec2.copy_snapshot(SourceSnapshotId=plain, **HERE, Encrypted=True)["SnapshotId"]
    ec2.delete_snapshot(SnapshotId=plain)
    ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    found = shown(ec2, made)
    assert (found["Encrypted"], found["Progress"]) == (True, "100%")
    assert found["FullSnapshotSizeInBytes"] == 9 * (BLOCK // 4)
    assert read(ebs, made) == BLOCKS


def test_a_copy_under_another_key_outlives_the_first_one(ebs: Any, ec2: Any, kms: Any) -> None:
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    source = written(ebs, BLOCKS, Encrypted=True, KmsKeyArn=first)
    same = ec2.copy_snapshot(SourceSnapshotId=source, **HERE)["SnapshotId"]
    assert shown(ec2, same)["State"] == "completed"
    other = copied(ec2, source, Encrypted=True, KmsKeyId=second)
    assert shown(ec2, other)["KmsKeyId"] == second
    kms.schedule_key_deletion(KeyId=first, PendingWindowInDays=7)
    assert read(ebs, other) == BLOCKS
    with pytest.raises(ClientError, match="is pending deletion"):
        read(ebs, same)


def test_a_copy_waits_for_a_key_that_is_off(ebs: Any, ec2: Any, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    source = written(ebs, BLOCKS)
    asked: dict[str, Any] = {"SourceSnapshotId": source, "Encrypted": True, "KmsKeyId": key}
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"InvalidKMSKey\.InvalidState"):
        ec2.copy_snapshot(**HERE, **asked)
    kms.enable_key(KeyId=key)
    assert read(ebs, copied(ec2, source, Encrypted=True, KmsKeyId=key)) == BLOCKS


def test_an_image_is_pending_until_its_snapshots_are_encrypted(ebs: Any, ec2: Any) -> None:
    source = written(ebs, BLOCKS)
    mapping = {"DeviceName": "/dev/vda", "Ebs": {"SnapshotId": source}}
    image = ec2.register_image(
        Name="plain", RootDeviceName="/dev/vda", BlockDeviceMappings=[mapping]
    )["ImageId"]
    made = ec2.copy_image(
        Name="sealed", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True
    )["ImageId"]
    ec2.get_waiter("image_available").wait(
        ImageIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    (found,) = ec2.describe_images(ImageIds=[made])["Images"]
    (ebs_of,) = [one["Ebs"] for one in found["BlockDeviceMappings"]]
    assert ebs_of["Encrypted"]
    assert ebs_of["SnapshotId"] != source
    assert read(ebs, ebs_of["SnapshotId"]) == BLOCKS


def test_a_copy_goes_on_when_its_process_is_killed(tmp_path: Path) -> None:
    with started(tmp_path) as processes:
        source = written(processes.client("ebs", attempts=5), BLOCKS)
        ec2 = processes.client("ec2", attempts=5)
        made = ec2.copy_snapshot(SourceSnapshotId=source, **HERE, Encrypted=True)["SnapshotId"]
        ec2.delete_snapshot(SnapshotId=source)
        processes.restart("s3", signal.SIGKILL)
        ec2 = processes.client("ec2", attempts=5)
        ec2.get_waiter("snapshot_completed").wait(
            SnapshotIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        assert read(processes.client("ebs", attempts=5), made) == BLOCKS
