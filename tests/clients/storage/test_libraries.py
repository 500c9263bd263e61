"""Libraries of other makers keep files in S3."""

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import boto3
import minio
import pytest
import smart_open
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from minio import commonconfig, deleteobjects

from tests.clients.storage.conftest import User
from tests.cloud.s3.running import RunningS3

DATA = os.urandom(12 << 20)
KEYS = ("plain", "a b/ü+&=?%.txt", "deep/er/still")
SCRIPT = Path(__file__).with_name("sdk.mjs")
MODULES = Path(__file__).parents[3] / ".venv/sdk/node_modules"


@pytest.fixture
def bucket(storage: RunningS3) -> Iterator[str]:
    """A bucket, emptied and deleted at the end."""
    name = f"library-{os.urandom(4).hex()}"
    s3 = storage.s3()
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for one in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)


def test_sixteen_threads_of_boto3s_transfer_manager(storage: RunningS3, bucket: str) -> None:
    make: Any = boto3.client
    client = make(
        "s3",
        endpoint_url=storage.url,
        region_name="us-east-1",
        aws_access_key_id=storage.admin["access_key_id"],
        aws_secret_access_key=storage.admin["secret_access_key"],
        config=Config(max_pool_connections=32),
    )
    five = 5 << 20
    config = TransferConfig(multipart_threshold=five, multipart_chunksize=five, max_concurrency=16)

    def both(number: int) -> str:
        client.upload_fileobj(io.BytesIO(DATA), bucket, f"t/{number}", Config=config)
        back = io.BytesIO()
        client.download_fileobj(bucket, f"t/{number}", back, Config=config)
        return hashlib.sha256(back.getvalue()).hexdigest()

    with futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(both, range(8))) == {hashlib.sha256(DATA).hexdigest()}
    client.copy({"Bucket": bucket, "Key": "t/0"}, bucket, "copied", Config=config)
    got = client.get_object(Bucket=bucket, Key="copied")["Body"].read()
    assert got == DATA


def test_the_minio_library(storage: RunningS3, bucket: str) -> None:
    client = minio.Minio(
        storage.url.removeprefix("http://"),
        access_key=storage.admin["access_key_id"],
        secret_key=storage.admin["secret_access_key"],
        secure=False,
        region="us-east-1",
    )
    assert client.bucket_exists(bucket_name=bucket)
    for key in KEYS:
        client.put_object(
            bucket_name=bucket,
            object_name=key,
            data=io.BytesIO(DATA),
            length=len(DATA),
            part_size=5 << 20,
            metadata={"x-amz-meta-of": "minio"},
        )
        answer = client.get_object(bucket_name=bucket, object_name=key)
        assert answer.read() == DATA
        answer.close()
        stat = client.stat_object(bucket_name=bucket, object_name=key)
        assert (stat.size, stat.metadata["x-amz-meta-of"]) == (len(DATA), "minio")
    listed = client.list_objects(bucket_name=bucket, recursive=True)
    assert {one.object_name for one in listed} == set(KEYS)
    sources = [commonconfig.ComposeSource(bucket_name=bucket, object_name=key) for key in KEYS[:2]]
    client.compose_object(bucket_name=bucket, object_name="composed", sources=sources)
    assert client.stat_object(bucket_name=bucket, object_name="composed").size == 2 * len(DATA)
    url = client.presigned_get_object(bucket_name=bucket, object_name=KEYS[1])
    assert urllib3.request("GET", url).data == DATA
    gone = [deleteobjects.DeleteObject(key) for key in (*KEYS, "composed")]
    assert not list(client.remove_objects(bucket_name=bucket, delete_object_list=gone))


def test_smart_open_streams(storage: RunningS3, bucket: str) -> None:
    given = {"client": storage.s3(), "min_part_size": 5 << 20}
    url = f"s3://{bucket}/{KEYS[1]}"
    with smart_open.open(url, "wb", transport_params=given) as file:
        file.write(DATA)
    with smart_open.open(url, "rb", transport_params=given) as file:
        assert file.read() == DATA


@pytest.mark.skipif(
    shutil.which("node") is None or not MODULES.is_dir(), reason="needs what ./test installs by npm"
)
def test_the_sdk_for_javascript(user: User, bucket: str) -> None:
    say: Callable[..., str] = user.run
    said = say("node", SCRIPT, user.cloud.url, bucket, NODE_PATH=str(MODULES))
    assert said.splitlines()[-1] == "done"
