"""What S3 does with keys for its callers is in the trail, as the key store's own calls are."""

import json
import time
from collections.abc import Generator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.kms.people import stranger
from tests.cloud.s3 import running
from tests.cloud.s3.test_kms import allow, under, user

WAIT_S = 120


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bbb")
        yield cloud


@pytest.fixture
def key(cloud: running.RunningS3) -> str:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


def told(cloud: running.RunningS3, key: str, count: int) -> list[dict[str, Any]]:
    """The uses of a key, once so many are written: the newest first."""
    trail = cloud.client("cloudtrail")
    named = [{"AttributeKey": "ResourceName", "AttributeValue": key}]
    deadline = time.monotonic() + WAIT_S
    while True:
        found = trail.lookup_events(LookupAttributes=named)["Events"]
        records = [json.loads(one["CloudTrailEvent"]) for one in found]
        uses = [one for one in records if one["sourceIPAddress"] == "AWS Internal"]
        if len(uses) >= count or time.monotonic() > deadline:
            return uses
        time.sleep(0.05)


def test_each_use_is_told_with_who_and_which_object(cloud: running.RunningS3, key: str) -> None:
    s3 = cloud.s3()
    s3.put_object(Bucket="bbb", Key="one", Body=b"data", **under(key))
    s3.get_object(Bucket="bbb", Key="one")["Body"].read()
    s3.head_object(Bucket="bbb", Key="one")
    uses = told(cloud, key, 2)
    assert sorted(one["eventName"] for one in uses) == ["Decrypt", "GenerateDataKey"]
    for one in uses:
        assert one["eventSource"] == "kms.amazonaws.com"
        assert one["userIdentity"]["accessKeyId"] == cloud.admin["access_key_id"]
        assert one["userIdentity"]["invokedBy"] == one["userAgent"] == "AWS Internal"
        context = {"aws:s3:arn": "arn:aws:s3:::bbb/one"}
        assert one["requestParameters"]["encryptionContext"] == context
        assert "ciphertextBlob" not in one["requestParameters"]
    assert len({one["eventID"] for one in uses}) == 2


def test_a_use_that_is_refused_or_fails_is_told(cloud: running.RunningS3, key: str) -> None:
    s3 = cloud.s3()
    s3.put_object(Bucket="bbb", Key="two", Body=b"data", **under(key))
    reader = cloud.s3(user(cloud, "reader", allow("s3:*")))
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.get_object(Bucket="bbb", Key="two")
    cloud.client("kms").disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMS\.DisabledException"):
        s3.get_object(Bucket="bbb", Key="two")
    codes = [one.get("errorCode") for one in told(cloud, key, 3)]
    assert sorted(map(str, codes)) == ["AccessDenied", "DisabledException", "None"]


def test_uses_of_a_bucket_key_are_told_once_for_each(cloud: running.RunningS3, key: str) -> None:
    s3 = cloud.s3()
    for number in range(3):
        put = under(key, BucketKeyEnabled=True)
        s3.put_object(Bucket="bbb", Key=f"three{number}", Body=b"data", **put)
        s3.get_object(Bucket="bbb", Key=f"three{number}")
    other = cloud.s3(user(cloud, "other", allow("s3:*", "kms:*")))
    other.get_object(Bucket="bbb", Key="three0")
    told(cloud, key, 3)
    s3.put_object(Bucket="bbb", Key="last", Body=b"data", **under(key))
    uses = told(cloud, key, 4)
    assert len(uses) == 4
    contexts = [one["requestParameters"]["encryptionContext"]["aws:s3:arn"] for one in uses]
    assert contexts.count("arn:aws:s3:::bbb") == 3


def test_the_keys_owner_sees_who_else_has_it_used(cloud: running.RunningS3, key: str) -> None:
    other = stranger(cloud)
    kms = cloud.client("kms")
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    document["Statement"].append({**allow("kms:*"), "Principal": {"AWS": other.account}})
    kms.put_key_policy(KeyId=key, Policy=json.dumps(document))
    s3 = cloud.s3(other.key)
    s3.create_bucket(Bucket="others")
    s3.put_object(Bucket="others", Key="one", Body=b"data", **under(key))
    (one,) = told(cloud, key, 1)
    assert one["userIdentity"]["accountId"] == other.account
