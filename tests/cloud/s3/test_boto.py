"""boto3's client, resource, waiters and transfers use S3 as they use AWS's."""

import http.client
import io
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from typing import Any

import boto3
import botocore.exceptions
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from msgspec.structs import replace

from mallee.cloud.s3.buckets import cors
from mallee.cloud.state import records
from mallee.cloud.state.tx import Tx
from tests.cloud.s3 import running

BIG = bytes(range(251)) * 80_000


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with S3, for this module."""
    with running.fresh() as made:
        yield made


@pytest.fixture
def s3(cloud: running.RunningS3) -> Any:
    """A client of its administrator."""
    return cloud.s3()


@pytest.fixture
def bucket(s3: Any) -> Generator[str]:
    """A bucket, emptied and deleted at the end."""
    name = f"bucket-{id(s3)}"
    s3.create_bucket(Bucket=name)
    yield name
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
    for page in pages:
        for one in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=name)


def test_a_transfer_in_parts_comes_back_whole(s3: Any, bucket: str) -> None:
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(BIG), bucket, "big", Config=config)
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-4"')
    back = io.BytesIO()
    s3.download_fileobj(bucket, "big", back, Config=config)
    assert back.getvalue() == BIG


@pytest.mark.parametrize("key", ["a//b", "../up/./x", "ü€😀/ +&?%2F", "a b"])
def test_any_key_goes_there_and_back(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"m": "v"})
    got = s3.get_object(Bucket=bucket, Key=key)
    assert (got["Body"].read(), got["Metadata"]) == (key.encode(), {"m": "v"})
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_pages_hold_every_key_once(s3: Any, bucket: str) -> None:
    keys = [f"{n:03}" for n in range(25)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for name in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
        assert [one["Key"] for page in pages for one in page["Contents"]] == keys
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(done["Deleted"]) == 25


def test_resources_and_waiters_work(cloud: running.RunningS3, s3: Any) -> None:
    resource: Any = boto3.resource
    things = resource(
        "s3",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id=cloud.admin["access_key_id"],
        aws_secret_access_key=cloud.admin["secret_access_key"],
    )
    bucket = things.create_bucket(Bucket="by-resource")
    bucket.wait_until_exists()
    bucket.put_object(Key="k", Body=b"v").wait_until_exists()
    assert bucket.Object("k").get()["Body"].read() == b"v"
    assert [one.key for one in bucket.objects.all()] == ["k"]
    bucket.objects.all().delete()
    bucket.delete()
    bucket.wait_until_not_exists()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_is_presigned_is_open_to_whoever_has_it(
    cloud: running.RunningS3, s3: Any, bucket: str, version: str
) -> None:
    session: Any = boto3.session.Session(
        cloud.admin["access_key_id"], cloud.admin["secret_access_key"], region_name="us-east-1"
    )
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    signer = session.client("s3", endpoint_url=cloud.url, config=config)
    params = {"Bucket": bucket, "Key": "p"}
    url = signer.generate_presigned_url("put_object", Params=params)
    assert ("X-Amz-Signature" in url) == (version == "s3v4")
    assert fetch("PUT", url, b"by url") == (200, b"")
    url = signer.generate_presigned_url("get_object", Params=params)
    assert fetch("GET", url) == (200, b"by url")
    assert fetch("GET", url.replace("/p?", "/q?"))[0] == 403


def fetch(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Ask with no header but those of the method; return status and body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request(method, f"{parts.path}?{parts.query}", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_nobody_gets_anything_unless_the_bucket_says_so(
    cloud: running.RunningS3, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="public", Body=b"x")
    url = f"{cloud.url}/{bucket}/public"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 403
    s3.delete_public_access_block(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert urllib.request.urlopen(url).read() == b"x"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{cloud.url}/{bucket}")


def test_errors_are_those_of_s3(s3: Any, bucket: str) -> None:
    def code(operation: str, **asked: Any) -> tuple[str, int]:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(s3, operation)(**asked)
        answer: Any = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    assert code("get_object", Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert code("head_object", Bucket=bucket, Key="none") == ("404", 404)
    assert code("head_bucket", Bucket="no-such-bucket") == ("404", 404)
    assert code("list_objects", Bucket="no-such-bucket") == ("NoSuchBucket", 404)
    assert code("create_bucket", Bucket=bucket) == ("BucketAlreadyOwnedByYou", 409)
    assert code("create_bucket", Bucket="No") == ("InvalidBucketName", 400)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code("delete_bucket", Bucket=bucket) == ("BucketNotEmpty", 409)
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert code("get_object", Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
    again = {"Bucket": bucket, "Key": "k", "Body": b"", "IfNoneMatch": "*"}
    assert code("put_object", **again) == ("PreconditionFailed", 412)
    assert code("get_object", Bucket=bucket, Key="k", Range="bytes=9-") == ("InvalidRange", 416)
    assert code("get_bucket_cors", Bucket=bucket)[0] in (
        "NoSuchCORSConfiguration",
        "NotImplemented",
    )


def test_a_browser_is_told_what_a_page_may_read(
    cloud: running.RunningS3, s3: Any, bucket: str
) -> None:
    rules = [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["http://page"], "ExposeHeaders": ["ETag"]}
    ]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(cloud.url).netloc)
    asking = {"Origin": "http://page", "Access-Control-Request-Method": "GET"}
    connection.request("OPTIONS", f"/{bucket}/k", headers=asking)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "http://page"
    connection.request("OPTIONS", f"/{bucket}/k", headers={**asking, "Origin": "http://other"})
    answer = connection.getresponse()
    assert b"AccessForbidden" in answer.read()
    connection.request("GET", f"/{bucket}/k", headers={"Origin": "http://page"})
    answer = connection.getresponse()
    assert answer.status == 403
    assert answer.headers["Access-Control-Expose-Headers"] == "ETag"


def test_a_browser_is_told_by_the_rules_that_another_process_just_took(
    cloud: running.RunningS3, s3: Any, bucket: str
) -> None:
    asking = {"Origin": "http://page", "Access-Control-Request-Method": "GET"}
    rules = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://page"]}]
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(cloud.url).netloc)
    for documents, status in (({cors.DOCUMENT: rules}, 200), ({}, 403)) * 10:

        def change(tx: Tx, documents: dict[str, Any] = documents) -> None:
            record = tx.get(records.BUCKET, bucket)
            assert record is not None
            tx.write(record, replace(record.doc, documents=documents))

        cloud.store.transact(change)
        connection.request("OPTIONS", f"/{bucket}/k", headers=asking)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
