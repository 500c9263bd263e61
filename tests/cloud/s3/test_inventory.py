"""Lists of a bucket's objects as AWS writes them: whole with their manifest, or not at all."""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import re
import time
from collections.abc import Generator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.inventory import inventorying
from mallee.cloud.state import records
from mallee.model.configuration.settings import Settings
from mallee.model.storage.buckets import INVENTORY
from mallee.walrus import contents
from mallee.walrus.errors import NoSpace
from tests.cloud.s3 import desk as desk_module
from tests.cloud.s3 import running
from tests.cloud.s3.desk import Desk

WAIT_S = 240
FIELDS = ["Size", "ETag", "EncryptionStatus", "LastModifiedDate", "IsMultipartUploaded"]


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with S3."""
    with running.fresh() as made:
        yield made


def allow(s3: Any, bucket: str) -> None:
    """Let S3 write inventories into a bucket."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def configuration(target: str, **more: Any) -> dict[str, Any]:
    """An inventory of everything, each day."""
    place = {"Bucket": f"arn:aws:s3:::{target}", "Format": "CSV", "Prefix": "lists"}
    return {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": place},
        "OptionalFields": FIELDS,
        **more,
    }


def wanted(s3: Any, source: str, target: str, **more: Any) -> None:
    """Have a list made."""
    s3.put_bucket_inventory_configuration(
        Bucket=source, Id="all", InventoryConfiguration=configuration(target, **more)
    )


def manifest(s3: Any, target: str) -> tuple[dict[str, Any], list[list[str]]]:
    """Wait for a manifest; return it and the lines of its files, held to every checksum."""
    deadline = time.monotonic() + WAIT_S
    while True:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=target).get("Contents", ())]
        found = [key for key in keys if key.endswith("/manifest.json")]
        if found:
            break
        assert time.monotonic() < deadline, f"no manifest: {keys}"
        time.sleep(0.2)
    assert re.fullmatch(r"lists/[a-z]+/all/\d{4}-\d\d-\d\dT\d\d-\d\dZ/manifest.json", found[0])
    body = s3.get_object(Bucket=target, Key=found[0])["Body"].read()
    checksum = s3.get_object(Bucket=target, Key=found[0].replace(".json", ".checksum"))
    assert checksum["Body"].read().decode() == hashlib.md5(body).hexdigest()
    told = json.loads(body)
    lines: list[list[str]] = []
    for file in told["files"]:
        data = s3.get_object(Bucket=target, Key=file["key"])["Body"].read()
        assert (len(data), hashlib.md5(data).hexdigest()) == (file["size"], file["MD5checksum"])
        lines += csv.reader(io.StringIO(gzip.decompress(data).decode()))
    return told, lines


def test_every_version_is_a_line(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    for name in ("source", "target"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="source", Key='a "b", ü', Body=b"123")
    s3.put_object(Bucket="source", Key='a "b", ü', Body=b"4567", ServerSideEncryption="AES256")
    marker = s3.delete_object(Bucket="source", Key='a "b", ü')
    allow(s3, "target")
    place: dict[str, Any] = {"Encryption": {"SSES3": {}}}
    asked = configuration("target")["Destination"]["S3BucketDestination"]
    wanted(s3, "source", "target", Destination={"S3BucketDestination": {**asked, **place}})
    told, lines = manifest(s3, "target")
    assert told["sourceBucket"] == "source"
    assert told["destinationBucket"] == "arn:aws:s3:::target"
    assert told["fileSchema"] == (
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, "
        "IsMultipartUploaded, EncryptionStatus"
    )
    assert [line[:2] for line in lines] == [["source", "a%20%22b%22%2C%20%C3%BC"]] * 3
    assert [line[2] for line in lines][::2] == [marker["VersionId"], first["VersionId"]]
    assert [line[3:5] for line in lines] == [["true", "true"], ["false"] * 2, ["false"] * 2]
    assert [line[5] for line in lines] == ["", "4", "3"]
    assert lines[2][7:] == [hashlib.md5(b"123").hexdigest(), "false", "NOT-SSE"]
    assert lines[1][9] == "SSE-S3"
    key = told["files"][0]["key"]
    assert s3.head_object(Bucket="target", Key=key)["ServerSideEncryption"] == "AES256"


def test_only_current_objects_under_a_prefix(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    for name in ("narrow", "narrowlists"):
        s3.create_bucket(Bucket=name)
    for key in ("in/1", "in/2", "out/1"):
        s3.put_object(Bucket="narrow", Key=key)
    allow(s3, "narrowlists")
    narrowed = {"IncludedObjectVersions": "Current", "Filter": {"Prefix": "in/"}}
    wanted(s3, "narrow", "narrowlists", OptionalFields=[], **narrowed)
    told, lines = manifest(s3, "narrowlists")
    assert told["fileSchema"] == "Bucket, Key"
    assert lines == [["narrow", "in/1"], ["narrow", "in/2"]]


def test_without_leave_nothing_is_written(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    for name in ("denied", "deniedlists", "other", "otherlists"):
        s3.create_bucket(Bucket=name)
    wanted(s3, "denied", "deniedlists")
    allow(s3, "otherlists")
    wanted(s3, "other", "otherlists")
    manifest(s3, "otherlists")
    # Buckets are looked at by turns, so the one before had its turn as well.
    assert s3.list_objects_v2(Bucket="deniedlists")["KeyCount"] == 0


def test_configurations_are_kept_listed_and_deleted(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    s3.create_bucket(Bucket="kept")
    for number in range(3):
        asked = {**configuration("kept", IsEnabled=False), "Id": f"i{number}"}
        s3.put_bucket_inventory_configuration(
            Bucket="kept", Id=f"i{number}", InventoryConfiguration=asked
        )
    found = s3.list_bucket_inventory_configurations(Bucket="kept")
    assert [one["Id"] for one in found["InventoryConfigurationList"]] == ["i0", "i1", "i2"]
    one = s3.get_bucket_inventory_configuration(Bucket="kept", Id="i1")
    assert one["InventoryConfiguration"] == {
        **configuration("kept", IsEnabled=False),
        "Id": "i1",
    }
    s3.delete_bucket_inventory_configuration(Bucket="kept", Id="i1")
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        s3.get_bucket_inventory_configuration(Bucket="kept", Id="i1")


LONG = {"Bucket": "arn:aws:s3:::wrongs", "Format": "CSV", "Prefix": "é" * 257}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"OptionalFields": ["ObjectAccessControlList"]}, "NotImplemented"),
        ({"Destination": {"S3BucketDestination": {"Bucket": "x", "Format": "ORC"}}}, "NotImpl"),
        (
            {"Destination": {"S3BucketDestination": {"Bucket": "wrongs", "Format": "CSV"}}},
            "InvalidS3DestinationBucket",
        ),
        ({"Id": "another"}, "InvalidConfigurationId"),
        ({"Destination": {"S3BucketDestination": LONG}}, "InvalidArgument"),
    ],
)
def test_what_cannot_be_made_is_refused(
    cloud: running.RunningS3, more: dict[str, Any], code: str
) -> None:
    s3 = cloud.s3()
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="wrongs")
    with pytest.raises(ClientError, match=code):
        wanted(s3, "wrongs", "wrongs", **more)


def test_weeks_begin_on_sundays() -> None:
    saturday = datetime(2026, 11, 21, 23, tzinfo=UTC).timestamp()
    assert inventorying.period_of(saturday, "Daily") == "2026-11-21"
    assert inventorying.period_of(saturday, "Weekly") == "2026-11-15"
    assert inventorying.period_of(saturday + 7200, "Weekly") == "2026-11-22"


async def test_a_list_that_does_not_fit_leaves_nothing_behind(desk: Desk) -> None:
    """The second of its files finds no room: the first, whole by then, goes too."""

    def write(tx: Any) -> None:
        record = tx.get(records.BUCKET, "bbb")
        kept = {"all": configuration("bbb")}
        tx.write(record, replace(record.doc, documents={INVENTORY: kept}, policy=POLICY))

    await desk.store.run(write)
    await desk.put("k", b"1")
    means: Any = SimpleNamespace(
        store=desk.store,
        engine=desk.engine,
        clock=desk.clock,
        settings=Settings(),
        key_file=SimpleNamespace(box=desk_module.BOX),
    )
    record = buckets.find(desk.store.view, "bbb")
    assert record is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventorying, "_manifest", _raise_no_space)
        patch.setattr(contents, "SMALL_MAX", 1)
        with pytest.raises(NoSpace):
            inventorying.make_due(means, record, "all")
    assert not desk.engine.check()
    assert inventorying.make_due(means, record, "all")
    listed = await desk.ask("ListObjectsV2", Bucket="bbb")
    assert listed["KeyCount"] == 5
    assert inventorying.make_due(means, record, "all")
    assert (await desk.ask("ListObjectsV2", Bucket="bbb"))["KeyCount"] == 5


def _raise_no_space(*_given: object) -> bytes:
    raise NoSpace("no room")


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": "arn:aws:s3:::bbb/*",
            }
        ],
    }
)
