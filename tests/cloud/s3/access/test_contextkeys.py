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
        client.put_object(Bucket="bucket", Key="red", Body=b"x", Tagging="colour=red")
        yield cloud


Ask = Callable[[Any], Any]


def _put(**more: Any) -> Ask:
    return lambda client: client.put_object(Bucket="bucket", Key="k", Body=b"x", **more)


def _list(**more: Any) -> Ask:
    return lambda client: client.list_objects_v2(Bucket="bucket", **more)


def _soon(days: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(days=days, hours=1)


SOON = datetime.now(UTC) + timedelta(hours=12)
LOCK = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": SOON}
CASES: dict[str, tuple[Ask, Ask | None, str]] = {
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
    "s3:ExistingObjectTag/Colour": (
        lambda client: client.get_object(Bucket="bucket", Key="red"),
        lambda client: client.get_object(Bucket="bucket", Key="k"),
        "red",
    ),
    "s3:VersionId": (
        lambda client: client.get_object(Bucket="bucket", Key="k", VersionId="0" * 32),
        lambda client: client.get_object(Bucket="bucket", Key="k"),
        "0" * 32,
    ),
    "s3:if-none-match": (
        lambda client: client.put_object(Bucket="bucket", Key="new", Body=b"", IfNoneMatch="*"),
        _put(),
        "*",
    ),
    "s3:authType": (_put(), None, "REST-HEADER"),
    "s3:signatureversion": (_put(), None, "AWS4-HMAC-SHA256"),
}
DOCUMENTS: dict[str, tuple[Callable[[Any, str], Any], str, str]] = {
    "s3:RequestObjectTag/Colour": (
        lambda client, value: client.put_object_tagging(
            Bucket="bucket", Key="k", Tagging={"TagSet": [{"Key": "Colour", "Value": value}]}
        ),
        "red",
        "blue",
    ),
    "s3:RequestObjectTagKeys": (
        lambda client, value: client.put_object_tagging(
            Bucket="bucket", Key="k", Tagging={"TagSet": [{"Key": value, "Value": ""}]}
        ),
        "Colour",
        "Size",
    ),
    "s3:object-lock-legal-hold": (
        lambda client, value: client.put_object_legal_hold(
            Bucket="bucket", Key="k", LegalHold={"Status": value}
        ),
        "ON",
        "OFF",
    ),
    "s3:object-lock-mode": (
        lambda client, value: client.put_object_retention(
            Bucket="bucket", Key="k", Retention={"Mode": value, "RetainUntilDate": _soon()}
        ),
        "COMPLIANCE",
        "GOVERNANCE",
    ),
    "s3:object-lock-remaining-retention-days": (
        lambda client, value: client.put_object_retention(
            Bucket="bucket",
            Key="k",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": _soon(float(value))},
            BypassGovernanceRetention=True,
        ),
        "0",
        "1.5",
    ),
}
"""What stands in a document: how it is sent, a value that is denied, and one that is not."""


@pytest.mark.parametrize("key", CASES)
def test_a_denial_with_a_condition_holds_where_it_is_met(served: RunningS3, key: str) -> None:
    met, unmet, value = CASES[key]
    with _policy(served, key, value) as client:
        with pytest.raises(ClientError, match="AccessDenied"):
            met(client)
        if unmet:
            unmet(client)


@pytest.mark.parametrize("key", DOCUMENTS)
@pytest.mark.parametrize("where", ["bucket", "user"])
def test_documents_are_asked_about_before_anything_is_done(
    served: RunningS3, key: str, where: str
) -> None:
    send, denied, other = DOCUMENTS[key]
    served.s3().put_object(Bucket="bucket", Key="k", Body=b"not locked yet")
    holder = _policy(served, key, denied) if where == "bucket" else _own_policy(served, key, denied)
    with holder as client:
        with pytest.raises(ClientError, match="AccessDenied"):
            send(client, denied)
        send(client, other)


def test_where_a_bucket_is_made_is_asked_about(served: RunningS3) -> None:
    tagged = {"Tags": [{"Key": "Team", "Value": "red"}]}
    for key, value, wanted in (
        ("s3:LocationConstraint", "us-east-1", {"LocationConstraint": "us-east-1"}),
        ("aws:RequestTag/Team", "red", tagged),
    ):
        with _own_policy(served, key, value) as client:
            with pytest.raises(ClientError, match="AccessDenied"):
                client.create_bucket(Bucket="made", CreateBucketConfiguration=wanted)
            client.create_bucket(Bucket="made")
            client.delete_bucket(Bucket="made")


def test_of_many_each_version_is_asked_about_by_itself(served: RunningS3) -> None:
    client = served.s3()
    ids = [client.put_object(Bucket="bucket", Key="many", Body=b"x")["VersionId"] for _ in range(2)]
    objects = [{"Key": "many", "VersionId": id} for id in ids]
    with _policy(served, "s3:VersionId", ids[0]) as client:
        done = client.delete_objects(Bucket="bucket", Delete={"Objects": objects})
        assert [one["VersionId"] for one in done["Deleted"]] == [ids[1]]
        assert [one["VersionId"] for one in done["Errors"]] == [ids[0]]
        source = {"Bucket": "bucket", "Key": "many", "VersionId": ids[0]}
        with pytest.raises(ClientError, match="AccessDenied"):
            client.copy_object(Bucket="bucket", Key="c", CopySource=source)


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
            "Action": [
                "s3:*Object",
                "s3:*ObjectVersion",
                "s3:ListBucket",
                "s3:PutObjectTagging",
                "s3:PutObjectRetention",
                "s3:PutObjectLegalHold",
            ],
            "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
            "Condition": {f"{several}StringEquals": {key: value}},
        }

    def __enter__(self) -> Any:
        document = {"Version": "2012-10-17", "Statement": [self.statement]}
        self.client.put_bucket_policy(Bucket="bucket", Policy=json.dumps(document))
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.delete_bucket_policy(Bucket="bucket")


class _own_policy:
    """A user who may everything, and whose own policy denies it where a key has a value."""

    def __init__(self, served: RunningS3, key: str, value: str) -> None:
        several = "ForAnyValue:" if key.endswith("TagKeys") else ""
        condition = {f"{several}StringEquals": {key: value}}
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        self.served = served
        self.statements = [everything, {**everything, "Effect": "Deny", "Condition": condition}]

    def __enter__(self) -> Any:
        iam = self.served.client("iam")
        iam.create_user(UserName="held")
        document = {"Version": "2012-10-17", "Statement": self.statements}
        iam.put_user_policy(UserName="held", PolicyName="own", PolicyDocument=json.dumps(document))
        made = iam.create_access_key(UserName="held")["AccessKey"]
        self.key_id = made["AccessKeyId"]
        return self.served.s3(
            {"access_key_id": self.key_id, "secret_access_key": made["SecretAccessKey"]}
        )

    def __exit__(self, *_: object) -> None:
        iam = self.served.client("iam")
        iam.delete_access_key(UserName="held", AccessKeyId=self.key_id)
        iam.delete_user_policy(UserName="held", PolicyName="own")
        iam.delete_user(UserName="held")
