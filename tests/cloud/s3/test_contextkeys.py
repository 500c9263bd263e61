"""Conditions of policies see what a request to S3 says, whichever way it says it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        client = cloud.s3()
        client.create_bucket(Bucket="bucket", ObjectLockEnabledForBucket=True)
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
        yield cloud


def _put(**more: Any) -> Callable[[Any], Any]:
    return lambda client: client.put_object(Bucket="bucket", Key="k", Body=b"x", **more)


def _list(**more: Any) -> Callable[[Any], Any]:
    return lambda client: client.list_objects_v2(Bucket="bucket", **more)


SOON = datetime.now(UTC) + timedelta(seconds=1)
LOCK = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": SOON}
CASES = {
    "s3:prefix": (_list(Prefix="a/"), _list(Prefix="b/"), "a/"),
    "s3:delimiter": (_list(Delimiter="/"), _list(), "/"),
    "s3:max-keys": (_list(MaxKeys=5), _list(MaxKeys=4), "5"),
    "s3:x-amz-storage-class": (_put(StorageClass="STANDARD"), _put(), "STANDARD"),
    "s3:x-amz-copy-source": (
        lambda client: client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/k"),
        lambda client: client.copy_object(Bucket="bucket", Key="c", CopySource="/bucket/k"),
        "bucket/k",
    ),
    "s3:object-lock-mode": (_put(**LOCK), _put(), "GOVERNANCE"),
    "s3:object-lock-remaining-retention-days": (_put(**LOCK), _put(), "0"),
    "s3:RequestObjectTag/Colour": (_put(Tagging="Colour=red"), _put(Tagging="Colour=b"), "red"),
    "s3:RequestObjectTagKeys": (_put(Tagging="Colour=red"), _put(Tagging="Size=b"), "Colour"),
    "s3:if-none-match": (
        lambda client: client.put_object(Bucket="bucket", Key="new", Body=b"", IfNoneMatch="*"),
        _put(),
        "*",
    ),
    "s3:authType": (_put(), None, "REST-HEADER"),
    "s3:signatureversion": (_put(), None, "AWS4-HMAC-SHA256"),
    "s3:VersionId": (
        lambda client: client.get_object(Bucket="bucket", Key="k", VersionId="0" * 32),
        lambda client: client.get_object(Bucket="bucket", Key="k"),
        "0" * 32,
    ),
}


@pytest.mark.parametrize("key", CASES)
def test_a_denial_with_a_condition_holds_where_it_is_met(served: RunningS3, key: str) -> None:
    met, unmet, value = CASES[key]
    with _policy(served, key, value) as client:
        with pytest.raises(ClientError, match="AccessDenied"):
            met(client)
        if unmet:
            unmet(client)


def test_accounts_of_buckets_are_their_owners(served: RunningS3) -> None:
    account = served.client("sts").get_caller_identity()["Account"]
    for key in ("s3:ResourceAccount", "aws:ResourceAccount"):
        with (
            _policy(served, key, account) as client,
            pytest.raises(ClientError, match="AccessDenied"),
        ):
            _put()(client)
        with _policy(served, key, "000000000000") as client:
            _put()(client)


class _policy:
    """A bucket's policy that denies everything to do with objects where a key has a value."""

    def __init__(self, served: RunningS3, key: str, value: str) -> None:
        self.client = served.s3()
        several = "ForAnyValue:" if key.endswith("TagKeys") else ""
        self.statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:*Object", "s3:GetObjectVersion", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
            "Condition": {f"{several}StringEquals": {key: value}},
        }

    def __enter__(self) -> Any:
        document = {"Version": "2012-10-17", "Statement": [self.statement]}
        self.client.put_bucket_policy(Bucket="bucket", Policy=json.dumps(document))
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.delete_bucket_policy(Bucket="bucket")
