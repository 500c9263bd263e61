"""Reading, here and in moto: where moto is right, both say the same of the same objects.

Names, dates and ids are no part of it; what moto is known to tell otherwise than AWS is left out.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cloud.s3 import running

BUCKET = "differential"
KEYS = (
    *(f"a/{number}" for number in range(4)),
    "a/deep/1",
    "a/deep/2",
    "b",
    "b/",
    "b/1",
    "c d/ü",
    "c d/ü+&%20=",
    "z",
)
LEFT_OUT = frozenset(
    {
        "ResponseMetadata",
        "LastModified",
        "Owner",
        "NextContinuationToken",
        "ContinuationToken",
        "NextVersionIdMarker",
        "VersionId",
        "ChecksumAlgorithm",
        "ChecksumType",
        "ChecksumCRC32",
        "ChecksumCRC64NVME",
        "StartAfter",
        "RequestCharged",
        "AcceptRanges",
        "ServerSideEncryption",
        "StorageClass",
    }
)


@dataclass(frozen=True)
class Pair:
    """The same objects, here and there."""

    ours: Any
    theirs: Any

    def ask(self, operation: str, **asked: Any) -> tuple[Any, Any]:
        """What both answer."""
        return said(self.ours, operation, asked), said(self.theirs, operation, asked)


def said(client: Any, operation: str, asked: dict[str, Any]) -> Any:
    """An answer, or the code and status of a refusal, as far as they can be compared."""
    try:
        return plain(getattr(client, operation)(Bucket=BUCKET, **asked))
    except ClientError as error:
        answer: Any = error.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        return answer["Error"]["Code"], status


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        found = {name: plain(one) for name, one in value.items() if name not in LEFT_OUT}
        return {name: one for name, one in found.items() if one not in (None, "", [], {})}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.read() if hasattr(value, "read") else value


def fill(client: Any) -> None:
    client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=key.encode() * 10,
            Metadata={"of": "both"},
            ContentType="text/x",
            CacheControl="no-store",
            Tagging="a=b&c=d%20e",
        )


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running.fresh() as cloud, moto.mock_aws():
        make: Any = boto3.client
        config = Config(retries={"max_attempts": 0})
        fake = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        theirs = make("s3", region_name="us-east-1", config=config, **fake)
        ours = cloud.s3()
        for client in (ours, theirs):
            fill(client)
        yield Pair(ours, theirs)


PREFIXES = (None, "", "a/", "a/d", "b", "c d/", "none")
DELIMITERS = (None, "/", "ü")
LIMITS = (None, 1, 3, 1000)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_lists_are_the_same_page_by_page(
    pair: Pair, operation: str, prefix: str | None, delimiter: str | None
) -> None:
    given = {"Prefix": prefix, "Delimiter": delimiter}
    asked = {name: value for name, value in given.items() if value is not None}
    # Moto's first way of listing tells a prefix once more on each page.
    is_wrong = operation == "list_objects" and delimiter is not None
    for limit in (None, 1000) if is_wrong else LIMITS:
        size = {} if limit is None else {"PageSize": limit}
        found = [
            entries(client, operation, {**asked, "PaginationConfig": size})
            for client in (pair.ours, pair.theirs)
        ]
        assert found[0] == found[1], (asked, limit)


def entries(client: Any, operation: str, asked: dict[str, Any]) -> list[Any]:
    """All that a list shows, in the order of its pages."""
    pages = client.get_paginator(operation).paginate(Bucket=BUCKET, **asked)
    found: list[Any] = []
    for page in pages:
        found += [plain(one) for one in page.get("Contents", page.get("Versions", []))]
        found += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    return sorted(found, key=str)


@pytest.mark.parametrize("after", ["a", "a/2", "b", "b/", "c d/ü", "zz"])
def test_lists_begin_after_the_same_key(pair: Pair, after: str) -> None:
    for operation, name in (("list_objects", "Marker"), ("list_objects_v2", "StartAfter")):
        found = [
            [
                one["Key"]
                for one in getattr(client, operation)(Bucket=BUCKET, **{name: after}).get(
                    "Contents", []
                )
            ]
            for client in (pair.ours, pair.theirs)
        ]
        assert found[0] == found[1]


RANGES = (None, "bytes=0-0", "bytes=3-7", "bytes=5-", "bytes=-4", "bytes=0-99999")


@pytest.mark.parametrize("key", ["b", "c d/ü", "a/deep/1"])
@pytest.mark.parametrize("range", RANGES)
def test_objects_and_their_heads_are_the_same(pair: Pair, key: str, range: str | None) -> None:
    asked = {"Key": key, **({"Range": range} if range else {})}
    for operation in ("get_object", "head_object"):
        ours, theirs = pair.ask(operation, **asked)
        assert ours == theirs, operation


def test_conditions_are_the_same(pair: Pair) -> None:
    head = pair.ours.head_object(Bucket=BUCKET, Key="b")
    matches = (None, head["ETag"], '"other"')
    for match, none in itertools.product(matches, matches):
        given = {"IfMatch": match, "IfNoneMatch": none}
        asked = {name: value for name, value in given.items() if value}
        ours, theirs = pair.ask("get_object", Key="b", **asked)
        assert ours == theirs, asked


def test_what_is_known_beside_the_bytes_is_the_same(pair: Pair) -> None:
    for operation in ("get_object_tagging", "get_object_attributes"):
        more = {"ObjectAttributes": ["ETag", "ObjectSize"]} if "attributes" in operation else {}
        ours, theirs = pair.ask(operation, Key="c d/ü", **more)
        assert ours == theirs, operation


@pytest.mark.parametrize(
    "operation",
    [
        "get_bucket_policy",
        "get_bucket_cors",
        "get_bucket_tagging",
        "get_bucket_lifecycle_configuration",
        "get_bucket_website",
        "get_bucket_versioning",
        "get_bucket_location",
        "get_bucket_logging",
        "get_bucket_notification_configuration",
        "get_bucket_replication",
        "get_object_lock_configuration",
        "get_bucket_accelerate_configuration",
        "get_bucket_request_payment",
        "head_bucket",
    ],
)
def test_settings_of_a_new_bucket_are_the_same(pair: Pair, operation: str) -> None:
    ours, theirs = pair.ask(operation)
    if operation == "head_bucket":
        assert ours["BucketRegion"] == theirs["BucketRegion"]
    elif operation == "get_bucket_request_payment":
        assert ours == {"Payer": "BucketOwner"}
    else:
        assert ours == theirs


def test_what_is_not_there_is_told_alike(pair: Pair) -> None:
    for operation in ("get_object", "head_object", "get_object_tagging"):
        ours, theirs = pair.ask(operation, Key="none")
        assert ours == theirs, operation
    upload = {"Key": "b", "UploadId": "none"}
    ours, theirs = pair.ask("list_parts", **upload)
    assert ours == theirs
    bad = {"Key": "b", "Range": "bytes=99999-"}
    ours, theirs = pair.ask("get_object", **bad)
    assert ours == theirs
