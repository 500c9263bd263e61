"""S3 whose bytes lie in another S3: everything that objects promise holds, whatever that one can.

The other store here keeps no versions and knows no locks and no conditions of ours.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mallee.model.configuration.settings import Objects
from mallee.walrus.errors import Unreachable
from mallee.walrus.foreign import Bucket
from tests.cloud.s3 import running
from tests.walrus import otherstore
from tests.walrus.otherstore import Other

PART = 5 << 20


@pytest.fixture(scope="module")
def other() -> Generator[Other]:
    """The other store."""
    with otherstore.running() as made:
        yield made


@pytest.fixture(scope="module")
def cloud(other: Other, tmp_path_factory: pytest.TempPathFactory) -> Generator[running.RunningS3]:
    """A cloud whose objects' bytes go there."""
    key = tmp_path_factory.mktemp("key") / "key.json"
    key.write_text('{"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret"}')
    chosen = Objects(
        processes=1,
        engine="s3",
        endpoint=other.access.endpoint,
        bucket=otherstore.NAME,
        credentials=str(key),
    )
    with running.fresh(objects=chosen) as made:
        yield made


@pytest.fixture
def s3(cloud: running.RunningS3, request: pytest.FixtureRequest) -> Any:
    """A client, and a bucket named after the test."""
    client = cloud.s3()
    client.create_bucket(Bucket=bucket_of(request))
    return client


def bucket_of(request: pytest.FixtureRequest) -> str:
    """Return a name for the test's bucket."""
    return request.node.name.replace("_", "-")[:60]


def test_large_objects_lie_there_and_come_back(
    s3: Any, other: Other, request: pytest.FixtureRequest
) -> None:
    bucket, data = bucket_of(request), os.urandom(3_000_000)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    assert [name for name in other.names() if name.startswith("files/")]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data
    ranged = s3.get_object(Bucket=bucket, Key="k", Range="bytes=1000000-2500000")
    assert ranged["Body"].read() == data[1_000_000:2_500_001]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == data


def test_parts_versions_and_encryption_hold(s3: Any, request: pytest.FixtureRequest) -> None:
    bucket, data = bucket_of(request), os.urandom(PART + 100)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ServerSideEncryption="AES256")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, piece in enumerate((data[:PART], data[PART:]), 1):
        where = {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": number}
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**where, Body=piece)["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data
    former = s3.get_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert former["Body"].read() == b"1"
    assert former["ServerSideEncryption"] == "AES256"


def test_conditions_and_locks_hold(s3: Any, cloud: running.RunningS3) -> None:
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    made = s3.put_object(Bucket="locked", Key="k", Body=bytes(300_000), IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="locked", Key="k", Body=b"2", IfNoneMatch="*")
    which = {"Bucket": "locked", "Key": "k", "VersionId": made["VersionId"]}
    s3.put_object_legal_hold(**which, LegalHold={"Status": "ON"})
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**which)
    s3.put_object_legal_hold(**which, LegalHold={"Status": "OFF"})
    s3.delete_object(**which)


def test_while_it_is_away_clients_are_told_to_try_again(
    s3: Any, other: Other, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = bucket_of(request)
    s3.put_object(Bucket=bucket, Key="k", Body=bytes(300_000))

    def refuse(*_: object) -> None:
        raise Unreachable("away")

    with monkeypatch.context() as away:
        for name in ("put", "get", "size"):
            away.setattr(Bucket, name, refuse)
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            s3.put_object(Bucket=bucket, Key="k2", Body=bytes(300_000))
        with pytest.raises(ClientError, match="ServiceUnavailable"):
            s3.get_object(Bucket=bucket, Key="k")
    assert len(s3.get_object(Bucket=bucket, Key="k")["Body"].read()) == 300_000
