"""boto3 has objects encrypted, with the cloud's keys and with its own, as it has them at AWS."""

import io
import os
from collections.abc import Generator
from typing import Any

import botocore.exceptions
import pytest
from boto3.s3.transfer import TransferConfig

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
