"""Rows ask for permissions that AWS has, on things that they are about; members are real."""

from typing import Any

import pytest

from mallee.aws import model
from mallee.cloud.action import Action
from mallee.cloud.s3 import table
from tests.cloud import published

NAMED = {"Bucket": "bucket", "Key": "a/key"}
EVERYTHING = {
    **NAMED,
    "VersionId": "v",
    "Tagging": "a=b",
    "ACL": "private",
    "ObjectLockMode": "GOVERNANCE",
    "ObjectLockLegalHoldStatus": "ON",
}

every = pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)


@every
@pytest.mark.skipif(not published.is_there(), reason="the reference could not be fetched")
def test_permissions_are_those_of_aws(row: Action) -> None:
    assert row.needs is not None
    call: Any = None
    for asked in (NAMED, EVERYTHING):
        for permission, arn in row.needs(call, asked):
            service, _, name = permission.partition(":")
            found = published.find(service, name)
            assert found is not None, permission
            patterns = found.arns.values()
            assert not patterns or any(one.fullmatch(arn) for one in patterns), (permission, arn)


@every
def test_a_row_honours_members_that_there_are(row: Action) -> None:
    shape = model.load("s3").operations[row.name].input
    members = set(shape.members) if shape else set[str]()
    own = {name.partition(".")[0] for name in row.honours}
    assert own - members <= {"RequestPayer", "ExpectedBucketOwner", "GrantWrite"}


def test_only_what_asks_for_each_thing_by_itself_needs_nothing_before() -> None:
    call: Any = None
    free = {row.name for row in table.ROWS if row.needs is None or not row.needs(call, NAMED)}
    assert free == {"DeleteObjects"}
