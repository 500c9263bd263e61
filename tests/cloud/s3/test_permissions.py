"""Every row of S3 needs permissions that AWS publishes, on things of their kind."""

from typing import Any, cast

import pytest

from mallee.cloud.action import Action
from mallee.cloud.call import Call
from mallee.cloud.s3 import table
from tests.cloud import published

ASKED = {"Bucket": "bucket", "Key": "a/key", "CopySource": "other/key", "UploadId": "upload"}
OF_ALL_BUCKETS = "arn:aws:s3:::*"
"""What policies name for `s3:ListAllMyBuckets`, whether they say so or `*`."""


@pytest.mark.skipif(not published.is_there(), reason="AWS's data could not be fetched")
@pytest.mark.parametrize("row", table.ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("more", [{}, {"VersionId": "null"}], ids=["newest", "version"])
def test_rows_need_what_aws_publishes(row: Action, more: dict[str, Any]) -> None:
    assert row.needs is not None
    needs = list(row.needs(cast(Call, None), {**ASKED, **more}))
    assert needs or row.is_everyones
    for permission, arn in needs:
        service, _, action = permission.partition(":")
        found = published.find(service, action)
        assert found is not None, permission
        fitting = [kind for kind, pattern in found.arns.items() if pattern.fullmatch(arn)]
        assert fitting or (arn == OF_ALL_BUCKETS and not found.arns), (permission, arn)
        assert not ("/" in arn and fitting == ["bucket"]), (permission, arn)
