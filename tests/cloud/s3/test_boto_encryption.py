"""boto3 has objects encrypted, with the cloud's keys and with its own, as it has them at AWS."""

import io
import os
import time
from collections.abc import Generator
from typing import Any

import botocore.exceptions
import pytest
from boto3.s3.transfer import TransferConfig

from mallee.cli import client
from mallee.model.identity import masterkeys
from tests.cloud.s3 import running

BIG = bytes(range(251)) * 50_000
OWN = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
DEFAULT = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
IN_PARTS = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)


@pytest.fixture(scope="module")
def s3() -> Generator[Any]:
    """A client of the administrator of a cloud with S3, which has a bucket `bbb`."""
    with running.fresh() as cloud:
        client = cloud.s3()
        client.create_bucket(Bucket="bbb")
        yield client


@pytest.mark.parametrize(
    ("making", "reading"), [({"ServerSideEncryption": "AES256"}, {}), (OWN, OWN)]
)
def test_a_transfer_in_parts_comes_back_whole(
    s3: Any, making: dict[str, Any], reading: dict[str, Any]
) -> None:
    s3.upload_fileobj(io.BytesIO(BIG), "bbb", "big", ExtraArgs=making, Config=IN_PARTS)
    back = io.BytesIO()
    s3.download_fileobj("bbb", "big", back, ExtraArgs=reading, Config=IN_PARTS)
    assert back.getvalue() == BIG
    got = s3.get_object(Bucket="bbb", Key="big", Range="bytes=5242870-5242889", **reading)
    assert got["Body"].read() == BIG[5_242_870:5_242_890]
    assert got["ContentRange"] == f"bytes 5242870-5242889/{len(BIG)}"


def test_a_bucket_encrypts_by_itself(s3: Any) -> None:
    s3.create_bucket(Bucket="sealed")
    s3.put_bucket_encryption(Bucket="sealed", ServerSideEncryptionConfiguration=DEFAULT)
    rules = s3.get_bucket_encryption(Bucket="sealed")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    s3.put_object(Bucket="sealed", Key="key", Body=b"data")
    assert s3.head_object(Bucket="sealed", Key="key")["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket="sealed", Key="key")["Body"].read() == b"data"
    s3.delete_bucket_encryption(Bucket="sealed")
    with pytest.raises(botocore.exceptions.ClientError, match="EncryptionConfigurationNotFound"):
        s3.get_bucket_encryption(Bucket="sealed")


def test_another_key_than_the_customers_reads_nothing(s3: Any) -> None:
    s3.put_object(Bucket="bbb", Key="own", Body=b"data", **OWN)
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidRequest"):
        s3.get_object(Bucket="bbb", Key="own")
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        s3.get_object(Bucket="bbb", Key="own", **{**OWN, "SSECustomerKey": os.urandom(32)})


@pytest.mark.parametrize("method", ["AES256", "aws:kms"])
def test_objects_stay_readable_when_the_master_key_is_gone_that_they_were_put_under(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(masterkeys, "IN_FLIGHT_S", 0.0)
    making = {"ServerSideEncryption": method}
    with running.fresh() as cloud:
        s3 = cloud.s3()
        s3.create_bucket(Bucket="bbb")
        s3.put_object(Bucket="bbb", Key="before", Body=b"before", **making)
        old = cloud.layout.master_key.read_text()
        client.call(cloud.layout, "mallee", "RotateMasterKey", {"EndSessions": True})
        deadline = time.monotonic() + 120
        while set(old.split()) & set(cloud.layout.master_key.read_text().split()):
            assert time.monotonic() < deadline, "the old key was not forgotten"
            time.sleep(0.05)
        s3.put_object(Bucket="bbb", Key="after", Body=b"after", **making)
        for key in ("before", "after"):
            assert s3.get_object(Bucket="bbb", Key=key)["Body"].read() == key.encode()
        cloud.restart()
        assert cloud.s3().get_object(Bucket="bbb", Key="before")["Body"].read() == b"before"
