"""S3 by the one address that serves everything: boto3 puts, gets and is refused."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def s3(served: RunningS3) -> Any:
    client = served.s3()
    client.create_bucket(Bucket="bucket")
    return client


@pytest.mark.parametrize("size", [0, 1, 4096, 100_000, 131_072, 1_000_000, 20_000_001])
def test_what_was_put_is_got(s3: Any, size: int) -> None:
    data = os.urandom(size)
    put = s3.put_object(Bucket="bucket", Key="a/b//c é", Body=data)
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    got = s3.get_object(Bucket="bucket", Key="a/b//c é")
    assert got["Body"].read() == data
    assert got["ContentLength"] == size
    assert s3.head_object(Bucket="bucket", Key="a/b//c é")["ContentLength"] == size
    if size > 10:
        part = s3.get_object(Bucket="bucket", Key="a/b//c é", Range=f"bytes=5-{size - 3}")
        assert part["Body"].read() == data[5 : size - 2]


def test_other_services_answer_at_the_same_address(served: RunningS3, s3: Any) -> None:
    assert served.client("sts").get_caller_identity()["Account"]
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["bucket"]


def test_what_is_not_there_is_told(s3: Any) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="bucket", Key="nothing")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_object(Bucket="no-bucket", Key="nothing")
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="bucket", Key="nothing")
