"""Nonsense from somebody with every right, in any place of a request, is never our own fault."""

import http.client
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from mallee.aws import model
from mallee.aws.codec.s3 import names
from tests.aws.codec import oracle
from tests.aws.codec.s3 import heads
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3

SERVICE = model.load("s3")
OPERATIONS = sorted(set(SERVICE.operations) - names.UNREACHABLE - {"SelectObjectContent"})
TURNS = 20
HINDRANCES = {"ExpectedBucketOwner", "VersionId", "ContinuationToken"}
LIKELY: dict[str, list[Any]] = {
    "Bucket": ["bucket", "bucket", "locked", "locked", "nowhere"],
    "CopySource": ["bucket/k", "/locked/k?versionId=null", "k", "//"],
    "RenameSource": ["bucket/k", "/k"],
    "Expires": [datetime(2026, 11, 21, tzinfo=UTC)],
    "ResponseExpires": [datetime(2026, 11, 21, tzinfo=UTC)],
    "Key": ["k", "k"],
    "VersionId": ["null", "x"],
    "IfMatch": ["*", '"x"'],
}
NASTY = ["", "0", "-1", "99999999999999999999", "é", "%", "a\tb", "../..", "*", "null", "x" * 5000]


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        client = cloud.s3()
        for bucket in ("bucket", "locked"):
            client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == "locked")
            client.put_object(Bucket=bucket, Key="k", Body=b"x" * 1000)
        yield cloud


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nonsense_is_answered(served: RunningS3, operation: str) -> None:
    shape = SERVICE.operations[operation].input
    assert shape is not None
    chance = random.Random(operation)
    for turn in range(TURNS):
        request = oracle.Values(SERVICE, operation, turn).request(shape)
        request = _likely(request, shape, chance)
        head, body = heads.sent_by_botocore(operation, _in_ascii(request, shape))
        changed = _spoilt(head, chance) if turn % 3 == 2 else head
        status, answer = _send(served, changed, body)
        assert status < 500 or status == 501, (changed, answer)


def _likely(request: dict[str, Any], shape: model.Shape, chance: random.Random) -> dict[str, Any]:
    """Return the request with less of what ends it early, so that more of it is looked at."""
    kept = {
        name: value
        for name, value in request.items()
        if name in shape.required
        or not (name in HINDRANCES or shape.members[name].location == "header")
        or chance.random() < 0.15
    }
    for name in sorted(kept.keys() & LIKELY.keys()):
        kept[name] = chance.choice([*LIKELY[name], *([kept[name]] if name == "Key" else ())])
    return kept


def _in_ascii(request: dict[str, Any], shape: model.Shape) -> dict[str, Any]:
    """Return the request as far as a client can send it at all: headers are single lines."""
    for name, value in request.items():
        if isinstance(value, str) and shape.members[name].location == "header":
            request[name] = " ".join(value.encode("ascii", "ignore").decode().split()) or "x"
        elif isinstance(value, dict) and shape.members[name].location == "headers":
            request[name] = {f"k{number}": "v" for number in range(len(value))}
    return request


def _spoilt(head: heads.Head, chance: random.Random) -> heads.Head:
    """Return the head with one header or parameter that means nothing."""
    value = chance.choice(NASTY)
    if chance.random() < 0.5 and head.headers:
        name = chance.choice(sorted(head.headers))
        text = value.encode("ascii", "ignore").decode()
        return heads.Head(head.method, head.path, head.query, {**head.headers, name: text})
    parts = head.query.split("&") if head.query else ["prefix="]
    place = chance.randrange(len(parts))
    parts[place] = parts[place].partition("=")[0] + "=" + quote(value, safe="")
    return heads.Head(head.method, head.path, "&".join(parts), head.headers)


def _send(served: RunningS3, head: heads.Head, body: bytes) -> tuple[int, bytes]:
    where = urlsplit(served.url)
    target = f"{head.path}?{head.query}" if head.query else head.path
    own = {
        name: value
        for name, value in head.headers.items()
        if name not in ("host", "content-length", "transfer-encoding", "expect")
    }
    request = AWSRequest(head.method, served.url + target, own, body)
    who = Credentials(served.admin["access_key_id"], served.admin["secret_access_key"])
    botocore.auth.S3SigV4Auth(who, "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    try:
        connection.request(head.method, target, body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
