"""Requests that no client should send, and hosts of every form: S3's own answer to each."""

import contextlib
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.cloud.s3 import running, samples
from tests.cloud.s3.running import RunningS3
from tests.cloud.s3.test_conformance import raw


@pytest.fixture(scope="module")
def cloud() -> Iterator[RunningS3]:
    """A cloud with a bucket, and an object in it."""
    with running.fresh() as made:
        made.s3().create_bucket(Bucket=samples.BUCKET)
        made.s3().put_object(Bucket=samples.BUCKET, Key=samples.KEY, Body=b"x")
        yield made


def test_what_was_completed_is_where_it_is_said_to_be(cloud: RunningS3) -> None:
    s3, place = cloud.s3(), {"Bucket": samples.BUCKET, "Key": "a b/ü"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
    assert done["Location"] == f"{cloud.url}/{samples.BUCKET}/a%20b/%C3%BC"


HOSTS = (
    "{}.s3.us-east-1.amazonaws.com",
    "{}.S3.cloud.example:8773",
    "{}.s3.cloud.example.",
    "{}.s3-us-west-2.amazonaws.com",
    "{}.s3.dualstack.us-east-1.example",
    "{}.objectstorage.cloud.example",
    "{}.walrus.cloud.example",
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("bucket", [samples.BUCKET, "my.own.dotted.bucket", "s3.of.s3"])
def test_every_form_of_a_host_names_its_bucket(cloud: RunningS3, host: str, bucket: str) -> None:
    if bucket != samples.BUCKET:
        with contextlib.suppress(ClientError):
            cloud.s3().create_bucket(Bucket=bucket)
    found = raw(cloud, "GET", "/?list-type=2", Host=host.format(bucket))
    assert (found.status, f"<Name>{bucket}</Name>".encode() in found.body) == (200, True)


@pytest.mark.parametrize(
    ("method", "target", "headers", "code"),
    [
        ("GET", "?list-type=3", {}, "InvalidArgument"),
        ("GET", "?list-type=2&continuation-token=", {}, "InvalidArgument"),
        ("GET", "?list-type=2&continuation-token=garbage!", {}, "InvalidArgument"),
        ("GET", "?max-keys=-1", {}, "InvalidArgument"),
        ("GET", "?max-keys=99999999999", {}, "InvalidArgument"),
        ("GET", "?max-keys=1&max-keys=2", {}, "InvalidArgument"),
        ("GET", "?versions&version-id-marker=x", {}, "InvalidArgument"),
        ("GET", "/a/key?versionId=garbage", {}, "InvalidArgument"),
        ("GET", "/a/key?versionId=", {}, "InvalidArgument"),
        ("GET", f"/a/key?versionId={'A' * 32}", {}, "NoSuchVersion"),
        ("DELETE", "/a/key?versionId=garbage", {}, "InvalidArgument"),
        ("GET", "/a/key", {"x-amz-server-side-encryption": "AES256"}, "InvalidArgument"),
        ("GET", "/a/key", {"x-amz-expected-bucket-owner": "abc"}, "InvalidBucketOwnerAWSAccountID"),
        ("GET", "/a/key", {"Range": "bytes=99-"}, "InvalidRange"),
        ("PUT", "/k", {"Content-MD5": "abc"}, "InvalidDigest"),
        ("PUT", "/k", {"Content-MD5": "eHh4eHh4eHh4eHh4eHh4eA=="}, "BadDigest"),
        ("PUT", "/k", {"x-amz-checksum-crc32": "AAAAAQ=="}, "BadDigest"),
        ("PUT", "/k", {"x-amz-checksum-crc32": "abc"}, "InvalidRequest"),
        ("PUT", "/k", {"x-amz-storage-class": "NONE"}, "InvalidStorageClass"),
        ("PUT", "/k", {"x-amz-meta-a": "x" * 2048}, "MetadataTooLarge"),
        ("PUT", "/k", {"x-amz-tagging": "a=b&a=c"}, "InvalidTag"),
        ("PUT", "/k", {"x-amz-tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
        ("PUT", "/k", {"If-Match": '"none"'}, "NoSuchKey"),
        ("PUT", "/k", {"If-None-Match": '"some"'}, "NotImplemented"),
        ("PUT", "/k", {"x-amz-website-redirect-location": "x"}, "InvalidRedirectLocation"),
        ("PUT", "/k", {"x-amz-copy-source": "/"}, "InvalidArgument"),
        ("PATCH", "/k", {}, "MethodNotAllowed"),
        ("POST", "/k", {}, "MethodNotAllowed"),
        ("POST", "", {}, "RequestIsNotMultiPartContent"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_amazons_code(
    cloud: RunningS3, method: str, target: str, headers: dict[str, str], code: str
) -> None:
    found = raw(cloud, method, f"/{samples.BUCKET}{target}", **headers)
    assert found.code == code, found
