"""Browsers upload by forms that botocore signed: as the policy says, or not at all."""

import http.client
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.config import Config

from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3

BOUNDARY = "----form 1"
DATA = os.urandom(400_000)
KEY = "u/é/${filename}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bucket")
        yield cloud


def signed(served: RunningS3, conditions: list[Any] | None = None, version: str = "s3v4") -> Any:
    make: Any = boto3.client
    client = make(
        "s3",
        endpoint_url=served.url,
        region_name="us-east-1",
        aws_access_key_id=served.admin["access_key_id"],
        aws_secret_access_key=served.admin["secret_access_key"],
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )
    starts = ["starts-with", "$key", "u/"]
    return client.generate_presigned_post(
        "bucket", KEY, Conditions=[starts, *(conditions or [])], ExpiresIn=60
    )["fields"]


def post(
    served: RunningS3,
    fields: Mapping[str, str],
    data: bytes = DATA,
    end: bytes = b"",
    query: str = "",
) -> Answer:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a/cat.png"'
    parts += [file.encode() + b"\r\nContent-Type: image/png\r\n\r\n", data]
    body = b"".join(parts) + (end or f"\r\n--{BOUNDARY}--\r\n".encode())
    where = urlsplit(served.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    kind = f'multipart/form-data; boundary="{BOUNDARY}"'
    try:
        connection.request("POST", f"/bucket{query}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def stored(served: RunningS3) -> Any:
    return served.s3().get_object(Bucket="bucket", Key="u/é/cat.png")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("size", [0, 1, 400_000])
def test_a_signed_form_stores_its_file(served: RunningS3, version: str, size: int) -> None:
    conditions = [["starts-with", "$x-amz-meta-a", ""], {"content-type": "image/png"}]
    fields = signed(served, conditions, version)
    extra = {"x-amz-meta-a": "b", "Content-Type": "image/png"}
    answer = post(served, {**fields, **extra}, DATA[:size])
    assert (answer.status, answer.body) == (204, b"")
    got = stored(served)
    assert got["Body"].read() == DATA[:size]
    assert (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "image/png")
    assert answer.headers["ETag"] == got["ETag"]


def test_the_answer_is_as_the_form_wishes(served: RunningS3) -> None:
    fields = signed(served, [{"success_action_status": "201"}])
    answer = post(served, {**fields, "success_action_status": "201"})
    assert answer.status == 201
    told = {part.tag: part.text for part in ElementTree.fromstring(answer.body)}
    assert (told["Bucket"], told["Key"]) == ("bucket", "u/é/cat.png")
    assert told["Location"] == f"{served.url}/bucket/u/%C3%A9/cat.png"
    onward = {"success_action_redirect": "https://pages.example/done?a=b"}
    answer = post(served, {**signed(served, [onward]), **onward})
    assert answer.status == 303
    target = urlsplit(answer.headers["Location"])
    assert target.netloc == "pages.example"
    query = parse_qs(target.query)
    assert (query["a"], query["bucket"], query["key"]) == (["b"], ["bucket"], ["u/é/cat.png"])
    for address in ("javascript:alert(1)", "//pages.example", "no address"):
        onward = {"success_action_redirect": address}
        assert post(served, {**signed(served, [onward]), **onward}).status == 204


def test_nothing_beyond_the_policy_is_stored(served: RunningS3) -> None:
    assert post(served, signed(served), b"before").status == 204
    fields = signed(served, [["content-length-range", 10, 100_000]])
    for altered, data, code in (
        ({"acl": "public-read"}, b"", b"Extra input fields: acl"),
        ({"key": "other"}, b"", b"Policy Condition failed"),
        ({"policy": fields["policy"][:-8] + "AAAAAAA="}, b"", b"SignatureDoesNotMatch"),
        ({"x-amz-signature": "0" * 64}, b"", b"SignatureDoesNotMatch"),
        ({}, b"too small", b"EntityTooSmall"),
        ({}, DATA, b"EntityTooLarge"),
    ):
        answer = post(served, {**fields, **altered}, data)
        assert code in answer.body, answer
        assert answer.status in (400, 403)
    assert stored(served)["Body"].read() == b"before"


def test_a_form_that_is_cut_off_stores_nothing(served: RunningS3) -> None:
    assert post(served, signed(served), b"before").status == 204
    assert b"IncompleteBody" in post(served, signed(served), DATA, b"\r\n--other--").body
    assert stored(served)["Body"].read() == b"before"


def test_a_stranger_may_not_post(served: RunningS3) -> None:
    answer = post(served, {"key": "u/stranger"}, b"x")
    assert (answer.status, b"AccessDenied" in answer.body) == (403, True)


def test_a_form_is_a_put_to_policies(served: RunningS3) -> None:
    """What a bucket's policy denies of headers it denies of fields that stand for them."""
    denial = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", '
        '"Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*", '
        '"Condition": {"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}}]}'
    )
    client = served.s3()
    client.put_bucket_policy(Bucket="bucket", Policy=denial)
    try:
        field = {"x-amz-storage-class": "STANDARD_IA"}
        answer = post(served, {**signed(served, [field]), **field})
        assert answer.status == 403
        assert post(served, signed(served)).status == 204
    finally:
        client.delete_bucket_policy(Bucket="bucket")


def test_the_query_of_a_form_says_nothing_to_policies(served: RunningS3) -> None:
    """Its policy is all that was signed: whoever posts it writes what he likes into the query."""
    denial = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", '
        '"Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*", '
        '"Condition": {"StringNotEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}}]}'
    )
    client = served.s3()
    client.put_bucket_policy(Bucket="bucket", Policy=denial)
    try:
        for query in ("", "?x-amz-content-sha256=UNSIGNED-PAYLOAD"):
            assert post(served, signed(served), query=query).status == 403
    finally:
        client.delete_bucket_policy(Bucket="bucket")
