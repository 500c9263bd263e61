"""Buckets for what goes into a cloud and out of it by the object store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.wholecloud import Cloud


@contextmanager
def made(cloud: Cloud, name: str) -> Iterator[Any]:
    """A bucket, which is gone afterwards with what is in it; gives a client of the store."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    yield s3
    for one in s3.list_objects_v2(Bucket=name).get("Contents", ()):
        s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)
