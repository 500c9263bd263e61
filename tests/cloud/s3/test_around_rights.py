"""Who may set what happens around objects: his policies say so, in his own account alone."""

import json
from collections.abc import Callable, Generator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from mallee.cli import client
from tests.cloud.s3 import running

PLACE = {"S3BucketDestination": {"Bucket": "arn:aws:s3:::guarded", "Format": "CSV"}}
INVENTORY: dict[str, Any] = {
    "Id": "i",
    "IsEnabled": False,
    "IncludedObjectVersions": "All",
    "Schedule": {"Frequency": "Daily"},
    "Destination": PLACE,
}
LOGGED = {"LoggingEnabled": {"TargetBucket": "guarded", "TargetPrefix": ""}}
Ask = Callable[[Any], Any]
BUCKET: dict[str, Any] = {"Bucket": "guarded"}

ASKED: list[tuple[str, Ask]] = [
    (
        "s3:PutBucketNotification",
        lambda s3: s3.put_bucket_notification_configuration(
            **BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
        ),
    ),
    (
        "s3:GetBucketNotification",
        lambda s3: s3.get_bucket_notification_configuration(**BUCKET),
    ),
    (
        "s3:PutBucketLogging",
        lambda s3: s3.put_bucket_logging(**BUCKET, BucketLoggingStatus=LOGGED),
    ),
    ("s3:GetBucketLogging", lambda s3: s3.get_bucket_logging(**BUCKET)),
    (
        "s3:PutInventoryConfiguration",
        lambda s3: s3.put_bucket_inventory_configuration(
            **BUCKET, Id="i", InventoryConfiguration=INVENTORY
        ),
    ),
    (
        "s3:GetInventoryConfiguration",
        lambda s3: s3.get_bucket_inventory_configuration(**BUCKET, Id="i"),
    ),
    (
        "s3:GetInventoryConfiguration",
        lambda s3: s3.list_bucket_inventory_configurations(**BUCKET),
    ),
    (
        "s3:PutInventoryConfiguration",
        lambda s3: s3.delete_bucket_inventory_configuration(**BUCKET, Id="i"),
    ),
]


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with a bucket, a user without rights, and another account."""
    with running.fresh() as made:
        made.s3().create_bucket(**BUCKET)
        made.client("iam").create_user(UserName="ann")
        yield made


@pytest.fixture(scope="module")
def ann(cloud: running.RunningS3) -> Any:
    key = cloud.client("iam").create_access_key(UserName="ann")["AccessKey"]
    return cloud.s3(named(key))


@pytest.fixture(scope="module")
def foreigner(cloud: running.RunningS3) -> Any:
    asked = {"AccountName": "physics"}
    return cloud.s3(named(client.call(cloud.layout, "mallee", "CreateAccount", asked)["AccessKey"]))


def named(key: dict[str, str]) -> dict[str, str]:
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}


@pytest.mark.parametrize(("permission", "ask"), ASKED)
def test_only_who_is_allowed_may(
    cloud: running.RunningS3, ann: Any, foreigner: Any, permission: str, ask: Ask
) -> None:
    make: Any = boto3.client
    stranger = make(
        "s3",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    for caller in (stranger, foreigner, ann):
        with pytest.raises(ClientError, match="AccessDenied"):
            ask(caller)
    forged = {**cloud.admin, "secret_access_key": "x" * 40}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        ask(cloud.s3(forged))
    statement = {"Effect": "Allow", "Action": permission, "Resource": "arn:aws:s3:::guarded"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = cloud.client("iam")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    assert ask(ann)["ResponseMetadata"]["HTTPStatusCode"] in (200, 204)
    iam.delete_user_policy(UserName="ann", PolicyName="p")
