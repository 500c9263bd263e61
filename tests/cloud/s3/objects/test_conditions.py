"""Conditions of deletions and resumed downloads, and numbers that are none, through boto3."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.s3 import running

K = {"Bucket": "bucket", "Key": "k"}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client with a bucket `bucket`."""
    with running.fresh() as cloud:
        client = cloud.s3()
        client.create_bucket(Bucket="bucket")
        yield client


def code(operation: Any, **asked: Any) -> tuple[str, int]:
    """The code and status of a refusal."""
    with pytest.raises(ClientError) as caught:
        operation(**asked)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def with_header(client: Any, operation: str, name: str, value: str) -> Any:
    """Add a header to the next requests of an operation; return what takes it off again."""

    def add(request: Any, **_: Any) -> None:
        request.headers[name] = value

    event = f"before-sign.s3.{operation}"
    client.meta.events.register(event, add, unique_id=name)
    return lambda: client.meta.events.unregister(event, unique_id=name)


def modified(s3: Any) -> datetime:
    s3.put_object(**K, Body=b"12345")
    return s3.head_object(**K)["LastModified"]


def test_an_object_is_deleted_only_as_the_request_knows_it(s3: Any) -> None:
    at = modified(s3)
    for refused in ({"IfMatch": '"x"'}, {"IfMatchSize": 4}):
        assert code(s3.delete_object, **K, **refused) == ("PreconditionFailed", 412)
    later = {"IfMatchLastModifiedTime": at + timedelta(seconds=1)}
    assert code(s3.delete_object, **K, **later) == ("PreconditionFailed", 412)
    s3.delete_object(**K, IfMatchSize=5, IfMatchLastModifiedTime=at)
    assert code(s3.head_object, **K)[1] == 404
    s3.delete_object(**K, IfMatchSize=5)


def test_each_of_many_has_its_own_conditions(s3: Any) -> None:
    at = modified(s3)
    other = {"Key": "other", "Size": 5, "LastModifiedTime": at}
    wrong = {"Key": "k", "Size": 4}
    done = s3.delete_objects(Bucket="bucket", Delete={"Objects": [wrong, other]})
    assert [one["Code"] for one in done["Errors"]] == ["PreconditionFailed"]
    right = {"Key": "k", "Size": 5, "LastModifiedTime": at}
    done = s3.delete_objects(Bucket="bucket", Delete={"Objects": [right]})
    assert [one["Key"] for one in done["Deleted"]] == ["k"]


def test_a_download_is_resumed_only_of_what_it_began_with(s3: Any) -> None:
    etag = s3.put_object(**K, Body=b"12345")["ETag"]
    at = s3.head_object(**K)["LastModified"].strftime("%a, %d %b %Y %H:%M:%S GMT")
    for validator, whole in ((etag, False), (at, False), ('"other"', True), ("never", True)):
        undo = with_header(s3, "GetObject", "If-Range", validator)
        got = s3.get_object(**K, Range="bytes=3-")
        undo()
        assert got["Body"].read() == (b"12345" if whole else b"45")
        assert got["ResponseMetadata"]["HTTPStatusCode"] == (200 if whole else 206)


@pytest.mark.parametrize("range", ["bytes=0-1,3-4", "bytes=4-2", "lines=1-2", "bytes=-", "bytes"])
def test_ranges_that_are_not_one_are_not_looked_at(s3: Any, range: str) -> None:
    s3.put_object(**K, Body=b"12345")
    assert s3.get_object(**K, Range=range)["Body"].read() == b"12345"


def test_numbers_of_parts_that_there_cannot_be_are_refused(s3: Any) -> None:
    s3.put_object(**K, Body=b"12345")
    for number in (0, -1, 10_001):
        assert code(s3.get_object, **K, PartNumber=number) == ("InvalidArgument", 400)
    assert code(s3.get_object, **K, PartNumber=2) == ("InvalidPartNumber", 416)
    upload = s3.create_multipart_upload(**K)["UploadId"]
    for number in (0, 10_001):
        refused = code(s3.upload_part, **K, UploadId=upload, PartNumber=number, Body=b"x")
        assert refused == ("InvalidArgument", 400)
    for marker in ("abc", "-1", "1.5", "99999999999"):
        refused = code(s3.list_parts, **K, UploadId=upload, PartNumberMarker=marker)
        assert refused == ("InvalidArgument", 400), marker
        asked = {"ObjectAttributes": ["ObjectParts"], "PartNumberMarker": marker}
        s3.put_object(**K, Body=b"12345")
        if marker == "abc":
            made = s3.create_multipart_upload(**K)["UploadId"]
            part = s3.upload_part(**K, UploadId=made, PartNumber=1, Body=b"x")
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            s3.complete_multipart_upload(**K, UploadId=made, MultipartUpload=parts)
            refused = code(s3.get_object_attributes, **K, **asked)
            assert refused == ("InvalidArgument", 400)


def test_an_upload_is_given_up_only_if_it_is_the_one_that_is_meant(s3: Any) -> None:
    upload = s3.create_multipart_upload(**K)["UploadId"]
    listed = s3.list_multipart_uploads(Bucket="bucket")["Uploads"]
    (at,) = (one["Initiated"] for one in listed if one["UploadId"] == upload)
    asked = {**K, "UploadId": upload}
    later = at + timedelta(seconds=1)
    refused = code(s3.abort_multipart_upload, **asked, IfMatchInitiatedTime=later)
    assert refused == ("PreconditionFailed", 412)
    s3.abort_multipart_upload(**asked, IfMatchInitiatedTime=at)
    assert code(s3.list_parts, **asked) == ("NoSuchUpload", 404)
