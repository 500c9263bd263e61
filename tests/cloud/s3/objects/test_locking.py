"""Locks only grow; attributes, lists and settings that are not there are told as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.objects import locks, versions
from mallee.cloud.s3.objects.about import Lock
from mallee.cloud.s3.objects.versions import Place
from mallee.walrus.records import NULL, Version
from tests.cloud.s3.desk import Desk

NOW = 1_000.0


@pytest.mark.parametrize(
    ("held", "wanted", "bypass", "allowed"),
    [
        (Lock(), Lock(mode="COMPLIANCE", until_ms=5), False, True),
        (Lock(mode="GOVERNANCE", until_ms=2_000_000), Lock(), False, False),
        (Lock(mode="GOVERNANCE", until_ms=2_000_000), Lock(), True, True),
        (Lock(mode="COMPLIANCE", until_ms=2_000_000), Lock(), True, False),
        (
            Lock(mode="COMPLIANCE", until_ms=2_000_000),
            Lock(mode="COMPLIANCE", until_ms=3_000_000),
            False,
            True,
        ),
        (
            Lock(mode="COMPLIANCE", until_ms=2_000_000),
            Lock(mode="GOVERNANCE", until_ms=3_000_000),
            True,
            False,
        ),
        (
            Lock(mode="GOVERNANCE", until_ms=2_000_000),
            Lock(mode="COMPLIANCE", until_ms=2_000_000),
            False,
            True,
        ),
        (Lock(mode="COMPLIANCE", until_ms=500_000), Lock(), False, True),
    ],
)
def test_a_lock_that_holds_only_grows(
    held: Lock, wanted: Lock, bypass: bool, allowed: bool
) -> None:
    if allowed:
        changed = locks.changed(held, wanted, NOW, may_bypass=bypass)
        assert (changed.mode, changed.until_ms) == (wanted.mode, wanted.until_ms)
    else:
        with pytest.raises(s3.AccessDenied):
            locks.changed(held, wanted, NOW, may_bypass=bypass)


async def test_new_versions_are_locked_as_the_bucket_says(desk: Desk) -> None:
    asked: dict[str, Any] = {"Bucket": "versions"}
    with pytest.raises(s3.ObjectLockConfigurationNotFoundError):
        await desk.ask("GetObjectLockConfiguration", **asked)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 2}}
    config = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    with pytest.raises(s3.InvalidBucketState):
        await desk.ask("PutObjectLockConfiguration", Bucket="bbb", ObjectLockConfiguration=config)
    await desk.ask("PutObjectLockConfiguration", **asked, ObjectLockConfiguration=config)
    shown = await desk.ask("GetObjectLockConfiguration", **asked)
    assert shown["ObjectLockConfiguration"] == config
    with pytest.raises(s3.InvalidBucketState):
        await desk.ask(
            "PutBucketVersioning", **asked, VersioningConfiguration={"Status": "Suspended"}
        )
    asked["Key"] = "k"
    asked["VersionId"] = (await desk.put("k", b"1", "versions"))["VersionId"]
    held = await desk.ask("GetObjectRetention", **asked)
    until = datetime.fromtimestamp(desk.clock.now(), UTC) + timedelta(days=2)
    assert held["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    with pytest.raises(s3.AccessDenied):
        await desk.ask("DeleteObject", **asked)
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": until + timedelta(days=1)}
    await desk.ask("PutObjectRetention", **asked, Retention=later)
    earlier = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    with pytest.raises(s3.AccessDenied):
        await desk.ask("PutObjectRetention", **asked, Retention=earlier)
    await desk.ask("PutObjectLegalHold", **asked, LegalHold={"Status": "ON"})
    assert (await desk.ask("GetObjectLegalHold", **asked))["LegalHold"] == {"Status": "ON"}
    desk.clock.time += 4 * 86_400
    with pytest.raises(s3.AccessDenied):
        await desk.ask("DeleteObject", **asked)
    await desk.ask("PutObjectLegalHold", **asked, LegalHold={"Status": "OFF"})
    await desk.ask("DeleteObject", **asked)


async def test_attributes_are_told_that_were_asked_for(desk: Desk) -> None:
    await desk.put("k", b"123456789")
    names = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    asked = {"Bucket": "bbb", "Key": "k"}
    got = await desk.ask("GetObjectAttributes", **asked, ObjectAttributes=names)
    assert (got["ObjectSize"], got["StorageClass"]) == (9, "STANDARD")
    assert got["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert got.get("ObjectParts") is None
    only = await desk.ask("GetObjectAttributes", **asked, ObjectAttributes=["ObjectSize"])
    assert set(only.result) == {"ObjectSize", "LastModified"}
    with pytest.raises(s3.InvalidArgument):
        await desk.ask("GetObjectAttributes", **asked, ObjectAttributes=["Colour"])


async def test_a_write_that_began_before_the_lock_does_not_replace_what_is_locked(
    desk: Desk,
) -> None:
    await desk.put("k", b"1")
    stale = buckets.find(desk.store.view, "bbb")
    assert stale is not None
    enabled = {"Status": "Enabled"}
    await desk.ask("PutBucketVersioning", Bucket="bbb", VersioningConfiguration=enabled)
    config = {"ObjectLockEnabled": "Enabled"}
    await desk.ask("PutObjectLockConfiguration", Bucket="bbb", ObjectLockConfiguration=config)
    asked = {"Bucket": "bbb", "Key": "k"}
    await desk.ask("PutObjectLegalHold", **asked, LegalHold={"Status": "ON"})
    where = Place(stale.doc, stale.account, b"k")
    late = Version(id=NULL, modified_ms=0)
    with pytest.raises(s3.AccessDenied):
        desk.engine.commit(lambda tx, _: versions.add(tx, where, late)).result()
    assert (await desk.get("k")).body == b"1"
