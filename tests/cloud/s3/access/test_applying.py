"""Statements of bucket policies that could never apply are refused, with AWS's words for it."""

from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.action import Action
from mallee.cloud.s3 import table
from mallee.cloud.s3.access import applying, contextkeys
from tests.cloud import published
from tests.cloud.s3.desk import Desk

BUCKET = "arn:aws:s3:::bbb"
OBJECTS = f"{BUCKET}/*"
NEVER = "Action does not apply to any resource(s) in statement"
CONDITIONS = "Conditions do not apply to combination of actions and resources in statement"

fetched = pytest.mark.skipif(not published.is_there(), reason="AWS's data could not be fetched")


@fetched
def test_permissions_are_about_what_aws_says() -> None:
    for names, kind in ((applying.OF_BUCKETS, "bucket"), (applying.OF_OBJECTS, "object")):
        for name in names:
            found = published.find("s3", name)
            assert found is not None, name
            assert kind in found.arns, name


@fetched
def test_permissions_know_the_keys_that_aws_says() -> None:
    for name in applying.OF_BUCKETS | applying.OF_OBJECTS:
        found = published.find("s3", name)
        assert found is not None
        known = set[str]().union(*found.keys.values())
        for key, names in applying.KEYS.items():
            ours = name in names
            assert ours <= (key in known), (name, key)
            if key in known and "Annotation" not in name and name != "UpdateObjectEncryption":
                assert ours, (name, key)


def test_keys_that_some_permissions_know_are_all_listed() -> None:
    of_all = {
        "s3:authtype",
        "s3:resourceaccount",
        "s3:signatureage",
        "s3:signatureversion",
        "s3:x-amz-content-sha256",
    }
    ours = {*contextkeys.FINDERS, *contextkeys.FAMILIES} - of_all
    assert {key for key in ours if key.startswith("s3:")} == set(applying.KEYS)


@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
def test_every_row_asks_for_what_policies_can_name(row: Action) -> None:
    call: Any = None
    asked = {"Bucket": "b", "Key": "k", "CopySource": "b/k", "UploadId": "u", "RenameSource": "k"}
    assert row.needs is not None
    for permission, arn in row.needs(call, asked):
        if arn == "arn:aws:s3:::*":
            continue
        kind = applying.OF_OBJECTS if "/" in arn else applying.OF_BUCKETS
        assert applying.named(permission) <= kind
        assert applying.named(permission)


@pytest.mark.parametrize(
    ("actions", "resources", "conditions", "message"),
    [
        (["s3:GetObject"], [BUCKET], {}, NEVER),
        (["s3:ListBucket"], [OBJECTS], {}, NEVER),
        (["s3:GetObject", "s3:ListBucket"], [OBJECTS], {}, NEVER),
        (["s3:List*"], [f"{BUCKET}/k"], {}, ""),
        (["s3:*"], [OBJECTS], {}, ""),
        (["*"], [BUCKET], {}, ""),
        (["s3:getobject", "S3:ListBucket"], [BUCKET, OBJECTS], {}, ""),
        (["s3:GetObjekt"], [OBJECTS], {}, "Policy has invalid action"),
        (["s3:GetObject"], [OBJECTS], {"s3:prefix": "a"}, CONDITIONS),
        (["s3:DeleteObject"], [OBJECTS], {"s3:ExistingObjectTag/a": "b"}, CONDITIONS),
        (["s3:GetObject"], [OBJECTS], {"s3:ExistingObjectTag/a": "b"}, ""),
        (["s3:GetObject"], [OBJECTS], {"s3:VersionId": "b"}, CONDITIONS),
        (["s3:*"], [OBJECTS], {"s3:x-amz-acl": "b"}, ""),
        (["s3:GetObject"], [OBJECTS], {"s3:authType": "POST", "aws:UserAgent": "a"}, ""),
    ],
)
async def test_what_could_never_apply_is_refused(
    desk: Desk,
    actions: list[str],
    resources: list[str],
    conditions: dict[str, str],
    message: str,
) -> None:
    statement: dict[str, Any] = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
    }
    if conditions:
        statement["Condition"] = {"StringEquals": conditions}
    if not message:
        await desk.policy("bbb", statement)
        return
    with pytest.raises(s3.MalformedPolicy) as raised:
        await desk.policy("bbb", statement)
    assert raised.value.message == message
