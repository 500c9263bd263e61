"""What a request says beyond its address: read exactly, or refused in S3's words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.codec import s3
from tests.aws.codec.oracle import refusal
from tests.aws.codec.s3.heads import head


def decode(method: str, target: str, body: bytes | None = None, **headers: str) -> Any:
    given_head = head(method, target, **headers)
    return s3.decode(s3.route(given_head), given_head, body)


def code(method: str, target: str, body: bytes | None = None, **headers: str) -> str:
    return refusal(lambda: decode(method, target, body, **headers)).code


def test_members_come_from_everywhere() -> None:
    assert decode(
        "PUT",
        "/b/k%20",
        content_type="text/plain",
        **{"x-amz-meta-a": " red ", "expires": "tomorrow", "content-encoding": "aws-chunked,gzip"},
        x_amz_object_lock_retain_until_date="2026-11-21T08:00:00Z",
    ) == {
        "Bucket": "b",
        "Key": "k ",
        "ContentType": "text/plain",
        "ContentEncoding": "gzip",
        "Expires": "tomorrow",
        "Metadata": {"a": "red"},
        "ObjectLockRetainUntilDate": datetime(2026, 11, 21, 8, tzinfo=UTC),
    }


def test_headers_in_a_links_query_are_headers() -> None:
    values = decode("PUT", "/b/k?x-amz-acl=public-read&x-amz-meta-a=b&X-Amz-Date=1")
    assert values == {"Bucket": "b", "Key": "k", "ACL": "public-read", "Metadata": {"a": "b"}}
    two = {"x-amz-acl": "private"}
    assert code("PUT", "/b/k?x-amz-acl=public-read", **two) == "InvalidArgument"
    assert decode("PUT", "/b/k?x-amz-acl=private", **two)["ACL"] == "private"


def test_the_wrapping_of_one_request_is_not_kept() -> None:
    assert "ContentEncoding" not in decode("PUT", "/b/k", content_encoding="aws-chunked")


def test_dates_of_conditions_that_are_none_are_passed_over() -> None:
    assert decode("GET", "/b/k", if_modified_since="yesterday") == {"Bucket": "b", "Key": "k"}
    moment = decode("GET", "/b/k", if_modified_since="Sat, 21 Nov 2026 08:00:00 GMT")
    assert moment["IfModifiedSince"] == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("PUT", "/b?colour=red", {}, "InvalidArgument"),
        ("GET", "/b?max-keys=many", {}, "InvalidArgument"),
        ("GET", "/b?max-keys=1&max-keys=2", {}, "InvalidArgument"),
        ("GET", "/b?prefix=%ff", {}, "InvalidArgument"),
        ("GET", "/b?encoding-type=base64", {}, "InvalidArgument"),
        ("GET", "/b/k?response-content-type=a%0D%0ASet-Cookie:%20b", {}, "InvalidArgument"),
        ("GET", "/b/k?partNumber=1.5", {}, "InvalidArgument"),
        ("PUT", "/b/k", {"x-amz-storage-class": "SHELF"}, "InvalidStorageClass"),
        (
            "PUT",
            "/b/k",
            {"x-amz-server-side-encryption": "rot13"},
            "InvalidEncryptionAlgorithmError",
        ),
        ("PUT", "/b/k", {"x-amz-object-lock-retain-until-date": "soon"}, "InvalidArgument"),
        ("GET", "/b/k?attributes", {}, "InvalidArgument"),
        ("GET", "/b/k?attributes", {"x-amz-object-attributes": "Colour"}, "InvalidArgument"),
    ],
)
def test_values_that_mean_nothing_are_refused(
    method: str, target: str, headers: dict[str, str], expected: str
) -> None:
    assert code(method, target, **headers) == expected


TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"


def test_documents_are_read_with_and_without_a_namespace() -> None:
    wanted = {"TagSet": [{"Key": "a", "Value": "b"}]}
    named = TAGS.replace(b"<Tagging>", b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
    for body in (TAGS, named, b"\n " + TAGS, b'<?xml version="1.0"?>' + TAGS):
        assert decode("PUT", "/b?tagging", body)["Tagging"] == wanted


def test_a_body_that_was_not_read_yet_is_not_missed() -> None:
    assert decode("PUT", "/b?tagging") == {"Bucket": "b"}
    for target in ("/b?tagging", "/b?lifecycle", "/b/k?legal-hold"):
        assert code("PUT", target, b"") == "MissingRequestBodyError"
    assert decode("PUT", "/b", b"") == {"Bucket": "b"}


def test_any_region_may_be_named() -> None:
    body = (
        b"<CreateBucketConfiguration><LocationConstraint>my-region</LocationConstraint>"
        b"</CreateBucketConfiguration>"
    )
    assert decode("PUT", "/b", body)["CreateBucketConfiguration"] == {
        "LocationConstraint": "my-region"
    }


def test_policies_are_texts() -> None:
    assert decode("PUT", "/b?policy", b'{"a": 1}')["Policy"] == '{"a": 1}'
    assert code("PUT", "/b?policy", b"\xff") == "MalformedPolicy"


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"<Tagging>",
        TAGS.replace(b"Tagging", b"Tags"),
        TAGS.replace(b"<Key>a</Key>", b""),
        TAGS.replace(b"<Key>a</Key>", b"<Key>a</Key><Key>b</Key>"),
        TAGS.replace(b"<Key>a</Key>", b"<Key><a/></Key>"),
        TAGS.replace(b"<Value>", b"<Colour>red</Colour><Value>"),
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + TAGS,
        b"<a>" * 10_000,
        b"\xff\xfe",
    ],
)
def test_documents_that_do_not_fit_are_malformed(body: bytes) -> None:
    assert code("PUT", "/b?tagging", body) == "MalformedXML"


def test_bodies_are_told_apart_before_they_are_read() -> None:
    assert s3.body_kind("PutObject") is s3.BodyKind.STREAM
    assert s3.body_kind("UploadPart") is s3.BodyKind.STREAM
    assert s3.body_kind("DeleteObjects") is s3.BodyKind.DOCUMENT
    assert s3.body_kind("PutBucketPolicy") is s3.BodyKind.DOCUMENT
    assert s3.body_kind("GetObject") is s3.BodyKind.NONE
    assert s3.body_kind(s3.POST_OBJECT) is s3.BodyKind.NONE


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_garbage_is_never_a_document(body: bytes) -> None:
    for target in ("/b?tagging", "/b?cors", "/b?lifecycle", "/b?policy"):
        try:
            decode("PUT", target, body)
        except errors.s3.S3Error:
            continue
        assert target.endswith("policy")
