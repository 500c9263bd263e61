"""What is put is got, byte for byte, under its conditions."""

import asyncio
import base64
import hashlib
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mallee.aws.errors import s3
from tests.cloud.s3.desk import Desk

BIG = bytes(range(256)) * 4096


@pytest.mark.parametrize("data", [b"", b"small", BIG], ids=["empty", "packed", "file"])
async def test_what_is_put_is_got(desk: Desk, data: bytes) -> None:
    put = await desk.put("k", data, ContentType="text/x", Metadata={"Colour": "red"})
    got = await desk.get("k")
    assert got.body == data
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert got["ContentType"] == "text/x"
    assert got["Metadata"] == {"colour": "red"}
    assert got["ContentLength"] == len(data)
    head = await desk.ask("HeadObject", Bucket="bbb", Key="k")
    assert head.result == got.result


@pytest.mark.parametrize("key", ["a//b", "../up", "a/./b", "ü€😀", "x" * 1024, " ", "a%2Fb", "+&?"])
async def test_a_key_is_what_bytes_it_is(desk: Desk, key: str) -> None:
    await desk.put(key, key.encode())
    assert (await desk.get(key)).body == key.encode()
    listed = await desk.ask("ListObjectsV2", Bucket="bbb")
    assert [one["Key"] for one in listed["Contents"]] == [key]


async def test_a_key_has_an_end(desk: Desk) -> None:
    with pytest.raises(s3.KeyTooLongError):
        await desk.put("x" * 1025, b"")


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1048000-", 1048000, len(BIG)),
        ("bytes=-7", len(BIG) - 7, len(BIG)),
        ("bytes=10-999999999", 10, len(BIG)),
    ],
)
async def test_a_range_is_these_bytes_and_no_others(
    desk: Desk, header: str, start: int, end: int
) -> None:
    await desk.put("k", BIG)
    got = await desk.get("k", Range=header)
    assert got.status == 206
    assert got.body == BIG[start:end]
    assert got["ContentRange"] == f"bytes {start}-{end - 1}/{len(BIG)}"
    assert got["ContentLength"] == end - start


@pytest.mark.parametrize(
    "header", ["bytes=3-1", "bytes=a-b", "rows=1-2", "bytes=0-1,4-5", "bytes=-"]
)
async def test_what_is_no_range_is_ignored(desk: Desk, header: str) -> None:
    await desk.put("k", b"abc")
    got = await desk.get("k", Range=header)
    assert (got.status, got.body) == (0, b"abc")


@pytest.mark.parametrize(
    ("data", "header"), [(b"abc", "bytes=3-"), (b"", "bytes=0-"), (b"a", "bytes=-0")]
)
async def test_a_range_of_nothing_is_refused(desk: Desk, data: bytes, header: str) -> None:
    await desk.put("k", data)
    with pytest.raises(s3.InvalidRange):
        await desk.get("k", Range=header)


def moment(desk: Desk, seconds: int) -> datetime:
    return datetime.fromtimestamp(int(desk.clock.now()), UTC) + timedelta(seconds=seconds)


async def test_reads_keep_to_conditions(desk: Desk) -> None:
    etag = (await desk.put("k", b"abc"))["ETag"]
    later, earlier, now = moment(desk, 5), moment(desk, -5), moment(desk, 0)
    for passes in (
        {"IfMatch": etag},
        {"IfMatch": "*"},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": earlier},
        {"IfUnmodifiedSince": now},
        {"IfMatch": etag, "IfUnmodifiedSince": earlier},
        {"IfNoneMatch": '"other"', "IfModifiedSince": later},
    ):
        assert (await desk.get("k", **passes)).body == b"abc"
    for fails in ({"IfMatch": '"other"'}, {"IfUnmodifiedSince": earlier}):
        with pytest.raises(s3.PreconditionFailed):
            await desk.get("k", **fails)
    unchanged: list[dict[str, Any]] = [{"IfNoneMatch": etag}, {"IfModifiedSince": now}]
    for same in unchanged:
        with pytest.raises(s3.NotModified) as caught:
            await desk.get("k", **same)
        assert caught.value.headers["ETag"] == etag


async def test_of_many_writers_that_want_to_be_first_one_is(desk: Desk) -> None:
    puts = [desk.put("k", str(n).encode(), IfNoneMatch="*") for n in range(20)]
    done = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in done) == 1
    assert {type(one) for one in done if isinstance(one, Exception)} == {s3.PreconditionFailed}


async def test_a_write_replaces_only_what_it_believes_to_replace(desk: Desk) -> None:
    with pytest.raises(s3.NoSuchKey):
        await desk.put("k", b"1", IfMatch='"x"')
    etag = (await desk.put("k", b"1"))["ETag"]
    await desk.put("k", b"2", IfMatch=etag)
    with pytest.raises(s3.PreconditionFailed):
        await desk.put("k", b"3", IfMatch=etag)
    assert (await desk.get("k")).body == b"2"


async def test_a_wrong_checksum_stores_nothing(desk: Desk) -> None:
    right = base64.b64encode(zlib.crc32(b"abc").to_bytes(4, "big")).decode()
    put = await desk.put("k", b"abc", ChecksumCRC32=right)
    assert put["ChecksumCRC32"] == right
    got = await desk.get("k", ChecksumMode="ENABLED")
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (right, "FULL_OBJECT")
    with pytest.raises(s3.BadDigest):
        await desk.put("other", b"abd", ChecksumCRC32=right)
    with pytest.raises(s3.NoSuchKey):
        await desk.get("other")
    assert not desk.engine.check()


async def test_s3_s_own_checksum_is_there_when_nobody_gave_one(desk: Desk) -> None:
    await desk.put("k", b"123456789")
    got = await desk.get("k", ChecksumMode="ENABLED")
    assert base64.b64decode(got["ChecksumCRC64NVME"]).hex() == "ae8b14860a799888"


async def test_metadata_has_bounds(desk: Desk) -> None:
    with pytest.raises(s3.MetadataTooLarge):
        await desk.put("k", b"", Metadata={"a": "x" * 2048})


async def test_there_is_nothing_in_a_bucket_that_is_not_there(desk: Desk) -> None:
    with pytest.raises(s3.NoSuchBucket):
        await desk.put("k", b"", bucket="none")
    with pytest.raises(s3.AccessDenied):
        await desk.put("k", b"", ExpectedBucketOwner="999999999999")
