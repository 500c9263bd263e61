"""A renamed object has its bytes and all that is known of it under the new key, and no other."""

from typing import Any

import pytest

from mallee.aws.errors import s3
from tests.cloud.s3.desk import Desk, Got

KEY = "a b/ü"


async def rename(desk: Desk, source: str, key: str, bucket: str = "bbb", **more: Any) -> Got:
    asked = {"Bucket": bucket, "Key": key, "RenameSource": source, **more}
    return await desk.ask("RenameObject", **asked)


@pytest.mark.parametrize("way", [{}, {"ServerSideEncryption": "AES256"}], ids=["plain", "sealed"])
@pytest.mark.parametrize("source", ["/bbb/a%20b/%C3%BC", "bbb/a%20b%2F%C3%BC"])
async def test_an_object_goes_to_its_new_key_whole(desk: Desk, way: Any, source: str) -> None:
    put = await desk.put(KEY, b"data", Metadata={"a": "b"}, Tagging="x=y", **way)
    await rename(desk, source, "new")
    got = await desk.get("new")
    assert (got.body, got["ETag"], got["Metadata"]) == (b"data", put["ETag"], {"a": "b"})
    assert got["TagCount"] == 1
    with pytest.raises(s3.NoSuchKey):
        await desk.get(KEY)
    desk.engine.collect()
    assert (await desk.get("new")).body == b"data"
    assert not desk.engine.check()


async def test_where_versions_are_kept_the_old_key_gets_a_marker(desk: Desk) -> None:
    id = (await desk.put("old", b"1", "versions"))["VersionId"]
    await rename(desk, "versions/old", "new", "versions")
    assert (await desk.get("new", "versions")).body == b"1"
    with pytest.raises(s3.NoSuchKey):
        await desk.get("old", "versions")
    assert (await desk.get("old", "versions", VersionId=id)).body == b"1"
    with pytest.raises(s3.NoSuchKey):
        await rename(desk, "versions/new", "old", "versions", DestinationIfMatch="*")
    await rename(desk, "versions/new", "old", "versions", DestinationIfNoneMatch="*")
    assert (await desk.get("old", "versions")).body == b"1"


async def test_conditions_on_both_sides_hold(desk: Desk) -> None:
    put = await desk.put("old", b"1")
    await desk.put("there", b"2")
    for refused in (
        {"DestinationIfNoneMatch": "*"},
        {"DestinationIfMatch": '"x"'},
        {"SourceIfMatch": '"x"'},
        {"SourceIfNoneMatch": put["ETag"]},
    ):
        with pytest.raises(s3.PreconditionFailed):
            await rename(desk, "bbb/old", "there", **refused)
    assert (await desk.get("old")).body == b"1"
    await rename(desk, "bbb/old", "there", SourceIfMatch=put["ETag"])
    assert (await desk.get("there")).body == b"1"


async def test_it_is_done_once_for_one_token(desk: Desk) -> None:
    await desk.put("old", b"1")
    await rename(desk, "bbb/old", "new", ClientToken="t")
    await rename(desk, "bbb/old", "new", ClientToken="t")
    for token in ({}, {"ClientToken": "u"}):
        with pytest.raises(s3.NoSuchKey):
            await rename(desk, "bbb/old", "new", **token)


async def test_who_may_not_read_or_delete_the_old_key_may_not_rename_it(desk: Desk) -> None:
    await desk.put("old", b"1")
    for permission in ("s3:GetObject", "s3:DeleteObject"):
        desk.forbidden = {permission}
        with pytest.raises(s3.AccessDenied):
            await rename(desk, "bbb/old", "new")
    desk.forbidden = set()
    with pytest.raises(s3.InvalidRequest):
        await rename(desk, "bbb/old", "old")
    for elsewhere in ("versions/old", "bbb/", "old"):
        with pytest.raises(s3.InvalidArgument):
            await rename(desk, elsewhere, "new")


async def test_nothing_is_restored_that_is_in_no_archive(desk: Desk) -> None:
    await desk.put("k", b"1", StorageClass="STANDARD_IA")
    with pytest.raises(s3.InvalidObjectState) as caught:
        await desk.ask("RestoreObject", Bucket="bbb", Key="k", RestoreRequest={"Days": 1})
    assert caught.value.elements["StorageClass"] == "STANDARD_IA"
    with pytest.raises(s3.NoSuchKey):
        await desk.ask("RestoreObject", Bucket="bbb", Key="none")
