"""An image of a real guest is stored as an object, restored in another account, and runs there."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import wholecloud
from tests.machines import buckets, guests
from tests.wholecloud import Cloud

STORE_S = 420.0
BUCKET = "stored-images"


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[Any]:
    """A bucket that is gone afterwards; gives its client."""
    with buckets.made(cloud, BUCKET) as s3:
        yield s3


def stored(cloud: Cloud, image: str) -> str:
    """The key of the object that an image is stored as, once it is there."""
    key = cloud.ec2.create_store_image_task(ImageId=image, Bucket=BUCKET)["ObjectKey"]

    def shown() -> dict[str, Any]:
        return cloud.ec2.describe_store_image_tasks(ImageIds=[image])["StoreImageTaskResults"][0]

    wholecloud.wait_until(lambda: shown()["StoreTaskState"] != "InProgress", STORE_S, f"{key}")
    assert shown()["StoreTaskState"] == "Completed", shown()
    return key


def restored(ec2: Any, key: str, name: str) -> dict[str, Any]:
    """The image that is made of an object, once nothing is to come of it."""
    id = ec2.create_restore_image_task(Bucket=BUCKET, ObjectKey=key, Name=name)["ImageId"]

    def shown() -> dict[str, Any]:
        return ec2.describe_images(ImageIds=[id])["Images"][0]

    wholecloud.wait_until(lambda: shown()["State"] != "pending", STORE_S, f"{id} to be there")
    return shown()


def test_a_stored_image_runs_in_another_account(cloud: Cloud, bucket: Any) -> None:
    with guests.launched(cloud) as instance:
        cloud.wait_state(instance, "running")
        cloud.ssh(instance, "echo brought along >/root/note; sync")
        image = cloud.ec2.create_image(InstanceId=instance, Name="to store")["ImageId"]
        key = stored(cloud, image)
    other = cloud.account("elsewhere")
    ec2 = cloud.client("ec2", other)
    denied = restored(ec2, key, "denied")
    assert denied["State"] == "failed"
    assert "may not read it" in denied["StateReason"]["Message"]
    policy = (
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",'
        f'"Principal":{{"AWS":"{other.account_id}"}},"Resource":"arn:aws:s3:::{BUCKET}/*"}}}}'
    )
    bucket.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    there = restored(ec2, key, "brought")
    assert there["State"] == "available", there
    data = bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    forged = bytearray(data)
    forged[len(data) // 2] ^= 1
    bucket.put_object(Bucket=BUCKET, Key="forged.bin", Body=bytes(forged))
    damaged = restored(ec2, "forged.bin", "damaged")
    assert damaged["State"] == "failed"
    assert "damaged" in damaged["StateReason"]["Message"]
    mine = {"LaunchPermission": {"Add": [{"UserId": cloud.access.account_id}]}}
    ec2.modify_image_attribute(ImageId=there["ImageId"], **mine)
    with guests.launched(cloud, ImageId=there["ImageId"]) as twin:
        cloud.wait_state(twin, "running")
        assert cloud.ssh(twin, "cat /root/note") == "brought along\n"
