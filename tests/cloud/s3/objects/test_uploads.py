"""Uploads in parts become the objects that their parts say, or nothing."""

import base64
import hashlib
from typing import Any

import pytest

from mallee.aws import checksums
from mallee.aws.checksums import Algorithm
from mallee.aws.errors import s3
from tests.cloud.s3.desk import Desk, Got

FIVE = 5 << 20
FIRST, SECOND, LAST = b"a" * FIVE, b"b" * FIVE, b"tail"


async def begin(desk: Desk, **more: Any) -> str:
    return (await desk.ask("CreateMultipartUpload", Bucket="bbb", Key="k", **more))["UploadId"]


async def part(desk: Desk, upload: str, number: int, data: bytes, **more: Any) -> dict[str, Any]:
    got = await desk.ask(
        "UploadPart", data, Bucket="bbb", Key="k", UploadId=upload, PartNumber=number, **more
    )
    return {"PartNumber": number, "ETag": got["ETag"]}


async def complete(desk: Desk, upload: str, parts: list[Any], **more: Any) -> Got:
    return await desk.ask(
        "CompleteMultipartUpload",
        Bucket="bbb",
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": parts},
        **more,
    )


async def test_parts_in_any_order_become_one_object(desk: Desk) -> None:
    upload = await begin(desk, ContentType="text/x", Metadata={"a": "b"})
    third = await part(desk, upload, 7, LAST)
    first = await part(desk, upload, 1, FIRST)
    second = await part(desk, upload, 3, SECOND)
    done = await complete(desk, upload, [first, second, third])
    whole = FIRST + SECOND + LAST
    md5 = b"".join(hashlib.md5(one).digest() for one in (FIRST, SECOND, LAST))
    assert done["ETag"] == f'"{hashlib.md5(md5).hexdigest()}-3"'
    got = await desk.get("k", ChecksumMode="ENABLED")
    assert got.body == whole
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == (
        "text/x",
        {"a": "b"},
        done["ETag"],
    )
    own = checksums.encode(checksums.of(Algorithm.CRC64NVME, whole))
    assert (got["ChecksumCRC64NVME"], got["ChecksumType"]) == (own, "FULL_OBJECT")
    middle = await desk.get("k", PartNumber=2)
    assert (middle.body, middle.status, middle["PartsCount"]) == (SECOND, 206, 3)
    with pytest.raises(s3.InvalidPartNumber):
        await desk.get("k", PartNumber=4)
    assert (await desk.get("k", Range=f"bytes={FIVE - 1}-{FIVE}")).body == b"ab"
    assert not desk.engine.check()


async def test_completing_twice_is_completing_once(desk: Desk) -> None:
    upload = await begin(desk)
    parts = [await part(desk, upload, 1, LAST)]
    done = await complete(desk, upload, parts)
    again = await complete(desk, upload, parts)
    assert again["ETag"] == done["ETag"]
    await desk.put("k", b"other")
    with pytest.raises(s3.NoSuchUpload):
        await complete(desk, upload, parts)


async def test_what_does_not_fit_makes_no_object(desk: Desk) -> None:
    upload = await begin(desk)
    small = await part(desk, upload, 1, b"small")
    other = await part(desk, upload, 2, LAST)
    with pytest.raises(s3.EntityTooSmall):
        await complete(desk, upload, [small, other])
    with pytest.raises(s3.InvalidPartOrder):
        await complete(desk, upload, [other, small])
    with pytest.raises(s3.InvalidPart):
        await complete(desk, upload, [{**other, "ETag": small["ETag"]}])
    with pytest.raises(s3.InvalidPart):
        await complete(desk, upload, [{**other, "PartNumber": 3}])
    with pytest.raises(s3.MalformedXML):
        await complete(desk, upload, [])
    with pytest.raises(s3.InvalidRequest):
        await complete(desk, upload, [small], MpuObjectSize=7)
    with pytest.raises(s3.NoSuchKey):
        await desk.get("k")


async def test_a_part_that_is_sent_again_replaces_the_first(desk: Desk) -> None:
    upload = await begin(desk)
    stale = await part(desk, upload, 1, b"one")
    fresh = await part(desk, upload, 1, b"two")
    with pytest.raises(s3.InvalidPart):
        await complete(desk, upload, [stale])
    await complete(desk, upload, [fresh])
    assert (await desk.get("k")).body == b"two"


async def test_an_upload_that_is_given_up_leaves_nothing(desk: Desk) -> None:
    upload = await begin(desk)
    one = await part(desk, upload, 1, FIRST)
    await desk.ask("AbortMultipartUpload", Bucket="bbb", Key="k", UploadId=upload)
    with pytest.raises(s3.NoSuchUpload):
        await part(desk, upload, 2, LAST)
    with pytest.raises(s3.NoSuchUpload):
        await complete(desk, upload, [one])
    desk.engine.collect()
    assert not desk.engine.check()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
async def test_a_composite_checksum_is_that_of_the_parts_checksums(
    desk: Desk, algorithm: str
) -> None:
    upload = await begin(desk, ChecksumAlgorithm=algorithm)
    parts = [await part(desk, upload, 1, FIRST), await part(desk, upload, 2, LAST)]
    done = await complete(desk, upload, parts)
    which = Algorithm(algorithm)
    each = [checksums.of(which, data) for data in (FIRST, LAST)]
    assert done[which.member] == checksums.composite(which, each)
    assert done["ChecksumType"] == "COMPOSITE"
    got = await desk.get("k", ChecksumMode="ENABLED")
    assert got[which.member] == done[which.member]
    second = await desk.get("k", ChecksumMode="ENABLED", PartNumber=2)
    assert (second.body, second[which.member]) == (LAST, checksums.encode(each[1]))
    assert (await desk.get("k", ChecksumMode="ENABLED", Range="bytes=0-9")).get(
        which.member
    ) is None


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
async def test_a_full_checksum_is_that_of_all_bytes(desk: Desk, algorithm: str) -> None:
    upload = await begin(desk, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    parts = [await part(desk, upload, 1, FIRST), await part(desk, upload, 2, LAST)]
    which = Algorithm(algorithm)
    right = checksums.encode(checksums.of(which, FIRST + LAST))
    wrong = base64.b64encode(bytes(len(base64.b64decode(right)))).decode()
    with pytest.raises(s3.BadDigest):
        await complete(desk, upload, parts, **{which.member: wrong})
    done = await complete(desk, upload, parts, **{which.member: right})
    assert done[which.member] == right


async def test_no_algorithm_is_used_in_a_way_that_it_cannot(desk: Desk) -> None:
    for algorithm, kind in (("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")):
        with pytest.raises(s3.InvalidRequest):
            await begin(desk, ChecksumAlgorithm=algorithm, ChecksumType=kind)


async def test_lists_tell_what_is_on_its_way(desk: Desk) -> None:
    upload = await begin(desk)
    for number in (1, 2, 5):
        await part(desk, upload, number, b"x" * number)
    asked = {"Bucket": "bbb", "Key": "k", "UploadId": upload}
    page = await desk.ask("ListParts", **asked, MaxParts=2)
    assert [one["PartNumber"] for one in page["Parts"]] == [1, 2]
    assert page["IsTruncated"]
    rest = await desk.ask("ListParts", **asked, PartNumberMarker=page["NextPartNumberMarker"])
    assert [(one["PartNumber"], one["Size"]) for one in rest["Parts"]] == [(5, 5)]
    listed = await desk.ask("ListMultipartUploads", Bucket="bbb")
    assert [(one["Key"], one["UploadId"]) for one in listed["Uploads"]] == [("k", upload)]


async def test_a_part_can_be_bytes_of_another_object(desk: Desk) -> None:
    await desk.put("source", FIRST + SECOND)
    upload = await begin(desk)
    parts: list[Any] = []
    for number, stretch in enumerate((f"0-{FIVE + 9}", f"{FIVE - 3}-{FIVE + 2}"), start=1):
        got = await desk.ask(
            "UploadPartCopy",
            Bucket="bbb",
            Key="k",
            UploadId=upload,
            PartNumber=number,
            CopySource="bbb/source",
            CopySourceRange=f"bytes={stretch}",
        )
        parts.append({"PartNumber": number, "ETag": got["CopyPartResult"]["ETag"]})
    await complete(desk, upload, parts)
    assert (await desk.get("k")).body == FIRST + b"b" * 10 + b"aaabbb"
