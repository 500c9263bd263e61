"""Requests are for the operation, bucket and key that their address says, or are refused."""

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.aws import errors
from mallee.aws.codec import s3
from tests.aws.codec.oracle import refusal
from tests.aws.codec.s3.heads import Head, head

keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b/?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/b?versions", "ListObjectVersions"),
        ("GET", "/b?location=", "GetBucketLocation"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?lifecycle", "GetBucketLifecycleConfiguration"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b?notification", "PutBucketNotificationConfiguration"),
        ("HEAD", "/b", "HeadBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("OPTIONS", "/b/k", s3.PREFLIGHT),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("PUT", "/b/k?x-amz-copy-source=%2Fb%2Fk", "CopyObject"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
        ("GET", "/b/k?versionId=1&partNumber=2&x-id=GetObject", "GetObject"),
        ("GET", "/b/k?v=20261121", "GetObject"),
        ("GET", "/b/k?attributes", "GetObjectAttributes"),
        ("HEAD", "/b/k", "HeadObject"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE", "/b/k?tagging", "DeleteObjectTagging"),
        ("GET", "/services/objectstorage/b/k", "GetObject"),
        ("GET", "/services/Walrus/", "ListBuckets"),
        ("GET", "/services/Walrus", "ListBuckets"),
        ("GET", "/services/walruses", "GetObject"),
    ],
)
def test_operations_are_told_apart(method: str, target: str, operation: str) -> None:
    assert s3.route(head(method, target)).operation == operation


def test_copies_are_told_by_their_header() -> None:
    copy = head("PUT", "/b/k", x_amz_copy_source="/b/other")
    assert s3.route(copy).operation == "CopyObject"
    part = head("PUT", "/b/k?uploadId=u&partNumber=1", x_amz_copy_source="/b/other")
    assert s3.route(part).operation == "UploadPartCopy"


def test_forms_are_told_by_their_type() -> None:
    form = head("POST", "/b", content_type="Multipart/form-data; boundary=x")
    assert s3.route(form).operation == s3.POST_OBJECT
    assert refusal(lambda: s3.route(head("POST", "/b"))).code == "RequestIsNotMultiPartContent"


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("DELETE", "/b?versioning", "MethodNotAllowed"),
        ("DELETE", "/b?acl", "MethodNotAllowed"),
        ("DELETE", "/b?delete", "MethodNotAllowed"),
        ("DELETE", "/b/k?versions", "MethodNotAllowed"),
        ("DELETE", "/b/k?acl", "MethodNotAllowed"),
        ("PUT", "/b/k?uploads", "MethodNotAllowed"),
        ("PUT", "/b/k?uploadId=u", "MethodNotAllowed"),
        ("PUT", "/b?tagging&policy", "InvalidArgument"),
        ("GET", "/b/k?acl&tagging", "InvalidArgument"),
        ("GET", "/b?list-type=3", "InvalidArgument"),
        ("PUT", "/", "MethodNotAllowed"),
        ("PATCH", "/b/k", "MethodNotAllowed"),
        ("POST", "/b/k", "MethodNotAllowed"),
        ("GET", "//k", "InvalidURI"),
        ("GET", "/b%2Fc/k", "InvalidBucketName"),
        ("GET", "/b/%ff", "InvalidURI"),
        ("GET", "/%ff/k", "InvalidURI"),
        ("GET", "/b/" + "k" * 1025, "KeyTooLongError"),
        ("GET", "/b/" + "%C3%A9" * 513, "KeyTooLongError"),
    ],
)
def test_what_no_operation_accounts_for_is_refused(method: str, target: str, code: str) -> None:
    assert refusal(lambda: s3.route(head(method, target))).code == code


@settings(deadline=None)
@given(key=keys, safe=st.sampled_from(["", "/", "/-_.~", "/!$&'()*+,;=:@"]))
def test_keys_are_what_was_sent_character_for_character(key: str, safe: str) -> None:
    path = quote(key, safe=safe)
    assert s3.route(head("GET", f"/bucket/{path}")).key == key
    by_host = Head("GET", f"/{path}", "", {"host": "bucket.s3.example.org:8773"})
    assert s3.route(by_host).key == key
    assert s3.route(by_host).bucket == "bucket"


@pytest.mark.parametrize("key", ["a//b", "/a", "a/../b", "..", ".", "a/", "//", "a%2Fb", "+", " "])
def test_keys_are_not_made_neat(key: str) -> None:
    assert s3.route(head("GET", "/bucket/" + quote(key, safe="/"))).key == key


@pytest.mark.parametrize("key", ["services/walrus/a", "a/services/objectstorage/b", "services"])
def test_the_old_path_is_taken_off_once_and_from_no_key(key: str) -> None:
    for old in ("", "/services/Walrus", "/services/objectstorage"):
        assert s3.route(head("GET", f"{old}/bucket/{key}")).key == key
    by_host = Head("GET", f"/{key}", "", {"host": "bucket.s3.example.org"})
    assert s3.route(by_host).key == key


@pytest.mark.parametrize(
    ("host", "domains", "bucket"),
    [
        ("127.0.0.1:8773", (), ""),
        ("[::1]:8773", (), ""),
        ("s3.example.org", (), ""),
        ("s3", (), ""),
        ("photos.s3.example.org", (), "photos"),
        ("My.Photos.S3.example.org.", (), "my.photos"),
        ("s3.s3.example.org", (), "s3"),
        ("cloud.example.org", ("cloud.example.org",), ""),
        ("photos.cloud.example.org", ("cloud.example.org",), "photos"),
        ("photos.other.org", ("cloud.example.org",), ""),
        ("", (), ""),
    ],
)
def test_hosts_name_buckets(host: str, domains: tuple[str, ...], bucket: str) -> None:
    address = s3.address(Head("GET", "/first/second", "", {"host": host}), domains)
    assert address.host_bucket == bucket
    assert (address.bucket, address.key) == (
        (bucket, "first/second") if bucket else ("first", "second")
    )


@settings(deadline=None, max_examples=300)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "X"]),
    path=st.text("/bk%2Ff.é\x00", max_size=12),
    query=st.text("aclversionsuploadIdlist-type=2&%+é", max_size=30),
)
def test_garbage_is_routed_or_refused(method: str, path: str, query: str) -> None:
    given_head = Head(method, path, query, {"host": "x"})
    try:
        routed = s3.route(given_head)
        if s3.body_kind(routed.operation) is not s3.BodyKind.NONE:
            s3.decode(routed, given_head, b"<a/>")
        s3.decode(routed, given_head) if routed.operation != s3.PREFLIGHT else None
    except errors.s3.S3Error:
        pass
