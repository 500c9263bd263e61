"""Every way in which S3's clients sign and wrap, over real sockets."""

import hashlib
import hmac
import http.client
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.auth
import pytest
import urllib3.util.connection
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from mallee.aws import checksums
from mallee.aws.signature import check
from tests.cloud.s3 import running
from tests.cloud.s3.running import RunningS3

KEY = "a b/../%2F+é//c"
DATA = os.urandom(300_000)
SIZES = [0, 1, 65_536, 300_000]
CRC = checksums.Algorithm.CRC32C


@pytest.fixture(scope="module")
def served() -> Iterator[RunningS3]:
    with running.fresh() as cloud:
        cloud.s3().create_bucket(Bucket="bucket")
        yield cloud


@pytest.fixture(autouse=True)
def hosts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every name lead to the loopback; return the names that were asked for."""
    asked: list[str] = []
    connect = urllib3.util.connection.create_connection

    def to_loopback(address: tuple[str, int], *others: Any, **named: Any) -> Any:
        asked.append(address[0])
        return connect(("127.0.0.1", address[1]), *others, **named)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", to_loopback)
    return asked


@pytest.mark.parametrize("version", ["s3", "s3v4", "s3v4a"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_all_versions_put_list_and_get(
    served: RunningS3, hosts: list[str], version: str, style: str
) -> None:
    client = _client(served, version, style)
    client.put_object(Bucket="bucket", Key=KEY, Body=DATA, Metadata={"a": "b"})
    got = client.get_object(Bucket="bucket", Key=KEY)
    assert (got["Body"].read(), got["Metadata"]) == (DATA, {"a": "b"})
    listed = client.list_objects_v2(Bucket="bucket", Prefix="a b/..", StartAfter="a")
    assert [item["Key"] for item in listed["Contents"]] == [KEY]
    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": KEY}]})
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket="bucket", Key=KEY)
    name = "s3.cloud.example" if style == "path" else "bucket.s3.cloud.example"
    assert set(hosts) == {name}


@pytest.mark.parametrize("version", ["s3", "s3v4", "s3v4a"])
def test_links_of_all_versions_work_until_they_are_altered(served: RunningS3, version: str) -> None:
    client = _client(served, version, "path")
    put = client.generate_presigned_url(
        "put_object", {"Bucket": "bucket", "Key": KEY, "ContentType": "text/plain"}, ExpiresIn=60
    )
    assert ("AWSAccessKeyId" in put) is (version == "s3")
    sent = _open("PUT", put, b"linked", {"Content-Type": "text/plain"})
    assert sent.status == 200
    get = client.generate_presigned_url(
        "get_object",
        {"Bucket": "bucket", "Key": KEY, "ResponseContentDisposition": "inline"},
        ExpiresIn=60,
    )
    answer = _open("GET", get)
    assert answer.body == b"linked"
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Disposition"] == "inline"
    for altered in (get.replace("inline", "attachment"), get + "&acl", get.replace("%C3", "%C4")):
        assert _open("GET", altered).status in (400, 403)
    assert _open("DELETE", get).status == 403


@pytest.mark.parametrize("version", ["s3v4", "s3v4a"])
def test_nobody_adds_to_a_link_what_its_maker_did_not_sign(served: RunningS3, version: str) -> None:
    client = _client(served, version, "path")
    link = client.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "linked"})
    for added in (
        {"x-amz-acl": "bucket-owner-full-control"},
        {"x-amz-meta-a": "b"},
        {"X-Amz-Copy-Source": "bucket/other"},
        {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
    ):
        answer = _open("PUT", link, b"linked", added)
        (name,) = added
        assert answer.status == 403, (name, answer.body)
        assert f"<HeadersNotSigned>{name.lower()}</HeadersNotSigned>".encode() in answer.body
    assert _open("PUT", link, b"linked", {"Cache-Control": "no-store"}).status == 200


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["signed", "signed trailer", "unsigned trailer"])
def test_bodies_in_chunks_are_stored_without_their_wrapping(
    served: RunningS3, mode: str, size: int
) -> None:
    data = DATA[:size]
    assert _put_chunks(served, mode, data)[0] == 200
    got = served.s3().get_object(Bucket="bucket", Key="chunks")
    assert got["Body"].read() == data
    assert "ContentEncoding" not in got


@pytest.mark.parametrize(
    ("mode", "old", "code"),
    [
        ("signed", b"chunk-signature=", b"SignatureDoesNotMatch"),
        ("signed trailer", b"trailer-signature:", b"SignatureDoesNotMatch"),
        ("signed trailer", b"checksum-crc32c:", b"SignatureDoesNotMatch"),
        ("unsigned trailer", b"checksum-crc32c:", b"BadDigest"),
    ],
)
def test_chunks_that_were_altered_leave_what_was_there(
    served: RunningS3, mode: str, old: bytes, code: bytes
) -> None:
    _put_chunks(served, "signed", b"before")
    place = {b"0": b"1", b"1": b"2"}

    def alter(body: bytes) -> bytes:
        at = body.rindex(old) + len(old)
        return body[:at] + place.get(body[at : at + 1], b"0") + body[at + 1 :]

    status, answer = _put_chunks(served, mode, DATA, alter)
    assert (status, code in answer) == (400 if code == b"BadDigest" else 403, True)
    assert served.s3().get_object(Bucket="bucket", Key="chunks")["Body"].read() == b"before"


def test_a_body_that_is_not_the_signed_one_is_refused(served: RunningS3) -> None:
    headers = _sign(served, "PUT", "/bucket/hashed", {}, b"mine")
    status, answer = _send(served, "PUT", "/bucket/hashed", headers, b"your")
    assert (status, b"XAmzContentSHA256Mismatch" in answer) == (400, True)
    assert _send(served, "PUT", "/bucket/hashed", headers, b"mine")[0] == 200


def test_a_request_for_another_service_or_time_is_no_request_for_s3(served: RunningS3) -> None:
    headers = _sign(served, "GET", "/bucket/hashed", {}, b"", service="ec2")
    assert _send(served, "GET", "/bucket/hashed", headers, b"")[0] in (400, 403, 404)


def _client(served: RunningS3, version: str, style: str) -> Any:
    make: Any = boto3.client
    return make(
        "s3",
        endpoint_url=f"http://s3.cloud.example:{urlsplit(served.url).port}",
        region_name="us-east-1",
        aws_access_key_id=served.admin["access_key_id"],
        aws_secret_access_key=served.admin["secret_access_key"],
        config=Config(signature_version=version, s3={"addressing_style": style}),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _open(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """Ask exactly for this URL: paths stay as they are."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=120)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, target, body, {"Host": parts.netloc, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def _send(
    served: RunningS3, method: str, target: str, headers: dict[str, str], body: bytes
) -> tuple[int, bytes]:
    answer = _open(method, served.url + target, body, headers)
    return answer.status, answer.body


def _sign(
    served: RunningS3,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    service: str = "s3",
) -> dict[str, str]:
    request = AWSRequest(method, served.url + target, headers, body)
    who = Credentials(served.admin["access_key_id"], served.admin["secret_access_key"])
    botocore.auth.S3SigV4Auth(who, service, "us-east-1").add_auth(request)
    return dict(request.headers)


def _put_chunks(
    served: RunningS3, mode: str, data: bytes, alter: Any = lambda body: body
) -> tuple[int, bytes]:
    """Put an object in chunks of 64 KiB; `alter` changes what is sent."""
    value = checksums.encode(checksums.of(CRC, data))
    said = {
        "signed": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "signed trailer": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "unsigned trailer": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }[mode]
    headers = {
        "X-Amz-Content-SHA256": said,
        "x-amz-decoded-content-length": str(len(data)),
        "Content-Encoding": "aws-chunked",
    }
    if "trailer" in mode:
        headers["x-amz-trailer"] = CRC.header
    signed = _sign_chunked(served, headers)
    blocks = [data[start : start + 65_536] for start in range(0, len(data), 65_536)]
    trailer = f"{CRC.header}:{value}" if "trailer" in mode else ""
    if mode == "unsigned trailer":
        body = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks)
        body += f"0\r\n{trailer}\r\n\r\n".encode()
    else:
        body = _signed_body(served, signed, blocks, trailer)
    return _send(served, "PUT", "/bucket/chunks", signed, alter(body))


def _sign_chunked(served: RunningS3, headers: dict[str, str]) -> dict[str, str]:
    request = AWSRequest("PUT", served.url + "/bucket/chunks", headers, b"")
    who = Credentials(served.admin["access_key_id"], served.admin["secret_access_key"])
    signer = botocore.auth.S3SigV4Auth(who, "s3", "us-east-1")
    signer.payload = lambda _: headers["X-Amz-Content-SHA256"]
    signer.add_auth(request)
    return dict(request.headers)


def _signed_body(
    served: RunningS3, headers: dict[str, str], blocks: Sequence[bytes], trailer: str
) -> bytes:
    timestamp = headers["X-Amz-Date"]
    scope = f"{timestamp[:8]}/us-east-1/s3/aws4_request"
    secret = served.admin["secret_access_key"]
    key = check.signing_key(secret, timestamp[:8], "us-east-1", "s3")
    previous = headers["Authorization"].rpartition("Signature=")[2]
    body = b""
    empty = hashlib.sha256(b"").hexdigest()
    for block in (*blocks, b""):
        lines = ("AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, previous, empty)
        text = "\n".join((*lines, hashlib.sha256(block).hexdigest()))
        previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        end = b"" if trailer and not block else b"\r\n"
        body += f"{len(block):x};chunk-signature={previous}\r\n".encode() + block + end
    if trailer:
        digest = hashlib.sha256(f"{trailer}\n".encode()).hexdigest()
        text = "\n".join(("AWS4-HMAC-SHA256-TRAILER", timestamp, scope, previous, digest))
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        body += f"{trailer}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
    return body
