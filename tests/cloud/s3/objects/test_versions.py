"""Versions stay until they are deleted by their ids; copies, locks and tags are of one version."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.buckets import buckets
from tests.cloud.s3.desk import Desk, Got

V = "versions"


async def ids(desk: Desk, key: str = "k", bucket: str = V) -> list[tuple[str, bool]]:
    listed = await desk.ask("ListObjectVersions", Bucket=bucket, Prefix=key)
    found = [*listed["Versions"], *listed["DeleteMarkers"]]
    return [(one["VersionId"], one["IsLatest"]) for one in found]


async def delete(desk: Desk, bucket: str = V, **asked: Any) -> Got:
    return await desk.ask("DeleteObject", Bucket=bucket, Key="k", **asked)


async def test_every_write_is_a_version(desk: Desk) -> None:
    first = (await desk.put("k", b"1", V))["VersionId"]
    second = (await desk.put("k", b"2", V))["VersionId"]
    assert await ids(desk) == [(second, True), (first, False)]
    assert (await desk.get("k", V)).body == b"2"
    assert (await desk.get("k", V, VersionId=first)).body == b"1"
    with pytest.raises(s3.NoSuchVersion):
        await desk.get("k", V, VersionId="o" * 32)


async def test_no_marker_stands_for_a_key_that_cannot_be(desk: Desk) -> None:
    keys = ["k" * 1024, "k" * 1025, "\u00e9" * 513]
    wanted = {"Objects": [{"Key": key} for key in keys]}
    done = await desk.ask("DeleteObjects", Bucket=V, Delete=wanted)
    assert [one["Key"] for one in done["Deleted"]] == keys[:1]
    assert [one["Code"] for one in done["Errors"]] == ["KeyTooLongError"] * 2
    assert len(await ids(desk)) == 1


async def test_a_marker_hides_and_goes_again(desk: Desk) -> None:
    first = (await desk.put("k", b"1", V))["VersionId"]
    gone = await delete(desk)
    assert gone["DeleteMarker"]
    marker = gone["VersionId"]
    with pytest.raises(s3.NoSuchKey) as hidden:
        await desk.get("k", V)
    assert hidden.value.headers["x-amz-delete-marker"] == "true"
    with pytest.raises(s3.MethodNotAllowed):
        await desk.get("k", V, VersionId=marker)
    assert (await desk.ask("ListObjectsV2", Bucket=V))["Contents"] == []
    back = await delete(desk, VersionId=marker)
    assert (back["VersionId"], back["DeleteMarker"]) == (marker, True)
    assert (await desk.get("k", V)).body == b"1"
    await delete(desk, VersionId=first)
    assert await ids(desk) == []


async def test_suspended_writes_replace_only_the_null_version(desk: Desk) -> None:
    kept = (await desk.put("k", b"1", V))["VersionId"]
    suspended = {"Status": "Suspended"}
    await desk.ask("PutBucketVersioning", Bucket=V, VersioningConfiguration=suspended)
    assert (await desk.ask("GetBucketVersioning", Bucket=V))["Status"] == "Suspended"
    await desk.put("k", b"2", V)
    put = await desk.put("k", b"3", V)
    assert put["VersionId"] == "null"
    assert await ids(desk) == [("null", True), (kept, False)]
    gone = await delete(desk)
    assert (gone["VersionId"], gone["DeleteMarker"]) == ("null", True)
    assert (await desk.get("k", V, VersionId=kept)).body == b"1"


async def test_without_versions_a_delete_is_for_good(desk: Desk) -> None:
    await desk.put("k", b"1")
    assert (await delete(desk, "bbb")).result == {}
    assert (await delete(desk, "bbb")).result == {}
    assert desk.engine.reader.usage(1).versions == 0
    assert await ids(desk, bucket="bbb") == []


async def test_a_delete_on_condition_deletes_nothing_else(desk: Desk) -> None:
    etag = (await desk.put("k", b"1"))["ETag"]
    with pytest.raises(s3.PreconditionFailed):
        await delete(desk, "bbb", IfMatch='"other"')
    await delete(desk, "bbb", IfMatch=etag)


async def test_many_are_deleted_and_each_is_told(desk: Desk) -> None:
    for n in range(3):
        await desk.put(f"k{n}", b"x")
    objects = [{"Key": f"k{n}"} for n in range(4)]
    done = await desk.ask("DeleteObjects", Bucket="bbb", Delete={"Objects": objects})
    assert [one["Key"] for one in done["Deleted"]] == ["k0", "k1", "k2", "k3"]
    assert done["Errors"] == []
    quiet = {"Objects": objects, "Quiet": True}
    assert (await desk.ask("DeleteObjects", Bucket="bbb", Delete=quiet))["Deleted"] == []
    desk.forbidden.add("s3:DeleteObject")
    await desk.put("k", b"x")
    refused = await desk.ask("DeleteObjects", Bucket="bbb", Delete={"Objects": [{"Key": "k"}]})
    assert [(one["Key"], one["Code"]) for one in refused["Errors"]] == [("k", "AccessDenied")]
    assert (await desk.get("k")).body == b"x"


async def test_only_an_empty_bucket_goes_and_nothing_comes_into_it_then(desk: Desk) -> None:
    await desk.put("k", b"1", V)
    await delete(desk)
    with pytest.raises(s3.BucketNotEmpty):
        await desk.ask("DeleteBucket", Bucket=V)
    for id, _ in await ids(desk):
        await delete(desk, VersionId=id)
    await desk.ask("DeleteBucket", Bucket=V)
    with pytest.raises(s3.NoSuchBucket):
        await desk.put("k", b"1", V)
    await desk.ask("CreateBucket", Bucket=V)
    await desk.put("k", b"1", V)


async def test_a_put_that_crosses_the_end_of_its_bucket_is_kept_or_refused(desk: Desk) -> None:
    for n in range(10):
        name = f"crossed-{n}"
        await desk.ask("CreateBucket", Bucket=name)
        put, end = await asyncio.gather(
            desk.put("k", b"1", name),
            desk.ask("DeleteBucket", Bucket=name),
            return_exceptions=True,
        )
        if isinstance(put, Got):
            assert isinstance(end, s3.BucketNotEmpty)
            assert (await desk.get("k", name)).body == b"1"
        else:
            assert isinstance(put, s3.NoSuchBucket)
            assert isinstance(end, Got)
    assert not desk.engine.check()


async def test_a_deletion_that_was_cut_off_is_finished(desk: Desk) -> None:
    record = buckets.find(desk.store.view, "bbb")
    assert record is not None
    desk.engine.commit(lambda tx, _: tx.close_bucket(record.doc.number)).result()
    with pytest.raises(s3.NoSuchBucket):
        await desk.put("k", b"1")
    await buckets.finish_deletions(desk.store, desk.engine)
    assert buckets.find(desk.store.view, "bbb") is None
    assert buckets.find(desk.store.view, V) is not None


async def test_an_upload_is_completed_or_given_up_and_never_both(desk: Desk) -> None:
    for n in range(10):
        asked: dict[str, Any] = {"Bucket": "bbb", "Key": f"k{n}"}
        asked["UploadId"] = (await desk.ask("CreateMultipartUpload", **asked))["UploadId"]
        part = await desk.ask("UploadPart", b"x" * 200_000, PartNumber=1, **asked)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        done = await asyncio.gather(
            desk.ask("CompleteMultipartUpload", MultipartUpload=parts, **asked),
            desk.ask("AbortMultipartUpload", **asked),
            return_exceptions=True,
        )
        is_made = isinstance(done[0], Got)
        assert is_made or isinstance(done[0], s3.NoSuchUpload)
        if is_made:
            assert (await desk.get(f"k{n}")).body == b"x" * 200_000
    desk.engine.collect()
    assert not desk.engine.check()


async def test_a_copy_is_the_same_bytes_and_its_own_object(desk: Desk) -> None:
    put = await desk.put("k", b"1", Metadata={"a": "b"}, Tagging="x=y", ContentType="text/x")
    done = await desk.ask("CopyObject", Bucket=V, Key="c", CopySource="bbb/k")
    assert done["CopyObjectResult"]["ETag"] == put["ETag"]
    await delete(desk, "bbb")
    desk.engine.collect()
    got = await desk.get("c", V)
    assert (got.body, got["Metadata"], got["ContentType"]) == (b"1", {"a": "b"}, "text/x")
    assert got["TagCount"] == 1
    assert not desk.engine.check()


async def test_a_copy_has_what_the_request_says_instead(desk: Desk) -> None:
    await desk.put("a b/ü", b"1", Metadata={"a": "b"}, Tagging="x=y")
    source = {"Bucket": "bbb", "Key": "a b/ü", "CopySource": "/bbb/a%20b%2F%C3%BC"}
    with pytest.raises(s3.InvalidRequest):
        await desk.ask("CopyObject", **source)
    await desk.ask("CopyObject", **source, MetadataDirective="REPLACE", Metadata={"c": "d"})
    assert (await desk.get("a b/ü"))["Metadata"] == {"c": "d"}
    with pytest.raises(s3.PreconditionFailed):
        await desk.ask("CopyObject", **{**source, "Key": "c"}, CopySourceIfMatch='"x"')
    desk.forbidden.add("s3:GetObject")
    with pytest.raises(s3.AccessDenied):
        await desk.ask("CopyObject", **{**source, "Key": "c"})


async def test_tags_are_of_one_version(desk: Desk) -> None:
    first = (await desk.put("k", b"1", V, Tagging="a=1&b=%C3%BC"))["VersionId"]
    await desk.put("k", b"2", V)
    asked = {"Bucket": V, "Key": "k"}
    assert (await desk.ask("GetObjectTagging", **asked))["TagSet"] == []
    shown = await desk.ask("GetObjectTagging", **asked, VersionId=first)
    assert shown["TagSet"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ü"}]
    new = {"TagSet": [{"Key": "c", "Value": ""}]}
    await desk.ask("PutObjectTagging", **asked, Tagging=new)
    assert (await desk.ask("GetObjectTagging", **asked))["TagSet"] == new["TagSet"]
    await desk.ask("DeleteObjectTagging", **asked)
    assert (await desk.ask("GetObjectTagging", **asked))["TagSet"] == []
    for bad in ([{"Key": "a"}, {"Key": "a"}], [{"Key": ""}], [{"Key": "aws:x", "Value": ""}]):
        with pytest.raises(s3.InvalidTag):
            await desk.ask("PutObjectTagging", **asked, Tagging={"TagSet": bad})


async def test_a_locked_version_stays(desk: Desk) -> None:
    await desk.ask("CreateBucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    until = datetime.fromtimestamp(desk.clock.now(), UTC) + timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    id = (await desk.put("k", b"1", "locked", **lock))["VersionId"]
    await delete(desk, "locked")
    with pytest.raises(s3.AccessDenied):
        await delete(desk, "locked", VersionId=id)
    desk.forbidden.add("s3:BypassGovernanceRetention")
    with pytest.raises(s3.AccessDenied):
        await delete(desk, "locked", VersionId=id, BypassGovernanceRetention=True)
    desk.forbidden.clear()
    await delete(desk, "locked", VersionId=id, BypassGovernanceRetention=True)
    lock["ObjectLockMode"] = "COMPLIANCE"
    id = (await desk.put("k", b"1", "locked", **lock))["VersionId"]
    with pytest.raises(s3.AccessDenied):
        await delete(desk, "locked", VersionId=id, BypassGovernanceRetention=True)
    desk.clock.time += 86_401
    await delete(desk, "locked", VersionId=id)
    held = await desk.put("k", b"1", "locked", ObjectLockLegalHoldStatus="ON")
    with pytest.raises(s3.AccessDenied):
        await delete(desk, "locked", VersionId=held["VersionId"])
    with pytest.raises(s3.InvalidRequest):
        await desk.put("k", b"1", **{**lock, "ObjectLockRetainUntilDate": until})
