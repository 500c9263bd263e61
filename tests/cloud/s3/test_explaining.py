"""ExplainAccess knows the policies of buckets, and shows them to their account alone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3
from tests.cloud.signing import Sender


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        yield cloud


def test_policies_of_buckets_are_part_of_the_explanation(served: RunningS3) -> None:
    admin = Sender(served.port, served.admin)
    made = admin.ask("mallee", "CreateAccount", AccountName="other")
    key = {
        "access_key_id": made.element("AccessKeyId"),
        "secret_access_key": made.element("SecretAccessKey"),
    }
    owner: Any = served.s3(key)
    owner.create_bucket(Bucket="theirs")
    arn = served.client("iam").create_user(UserName="ann")["User"]["Arn"]
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    served.client("iam").put_user_policy(
        UserName="ann",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    asked = {
        "PrincipalArn": arn,
        "ActionName": "s3:GetObject",
        "ResourceArn": "arn:aws:s3:::theirs/k",
    }
    assert admin.ask("mallee", "ExplainAccess", **asked).element("Verdict") == "implicitDeny"
    statement = {
        "Sid": "Shared",
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::theirs/*",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    owner.put_bucket_policy(Bucket="theirs", Policy=json.dumps(document))
    answer = admin.ask("mallee", "ExplainAccess", **asked)
    assert answer.element("Verdict") == "allowed", answer.text
    assert "Shared" in answer.text
    asked["ResourceArn"] = "arn:aws:s3:::none/k"
    assert admin.ask("mallee", "ExplainAccess", **asked).element("Verdict") == "allowed"
