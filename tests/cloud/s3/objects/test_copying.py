"""A copy is one piece, whatever its source came in, with the ETag and checksum of its bytes."""

import hashlib
from typing import Any

import pytest

from mallee.aws import checksums
from mallee.aws.checksums import Algorithm
from mallee.aws.errors import s3
from tests.cloud.s3.desk import Desk, Got
from tests.cloud.s3.objects.test_uploads import FIRST, LAST, begin, complete, part
from tests.cloud.s3.sealing.test_encryption import current

WHOLE = FIRST + LAST
ETAG = f'"{hashlib.md5(WHOLE).hexdigest()}"'


async def upload(desk: Desk, **more: Any) -> Got:
    """Make `bbb/k` of two parts."""
    id = await begin(desk, **more)
    parts = [await part(desk, id, number, data) for number, data in ((1, FIRST), (2, LAST))]
    return await complete(desk, id, parts)


async def copy(desk: Desk, **more: Any) -> Got:
    asked = {"Bucket": "bbb", "Key": "copy", "CopySource": "bbb/k", **more}
    return await desk.ask("CopyObject", **asked)


def of_whole(algorithm: Algorithm) -> str:
    return checksums.encode(checksums.of(algorithm, WHOLE))


@pytest.mark.parametrize(
    "method", [{}, {"ServerSideEncryption": "AES256"}], ids=["plain", "sealed"]
)
async def test_a_copy_of_parts_has_the_etag_of_its_bytes(desk: Desk, method: Any) -> None:
    assert (await upload(desk, **method))["ETag"].endswith('-2"')
    copied = (await copy(desk, **method))["CopyObjectResult"]
    assert (copied["ETag"], copied["ChecksumType"]) == (ETAG, "FULL_OBJECT")
    assert copied["ChecksumCRC64NVME"] == of_whole(Algorithm.CRC64NVME)
    got = await desk.get("copy", ChecksumMode="ENABLED")
    assert (got.body, got["ETag"]) == (WHOLE, ETAG)
    stretch = await desk.get("copy", Range=f"bytes={len(FIRST) - 2}-{len(FIRST) + 1}")
    assert stretch.body == FIRST[-2:] + LAST[:2]
    first = await desk.get("copy", PartNumber=1)
    assert (first.body, first.get("PartsCount")) == (WHOLE, None)
    asked = {"Bucket": "bbb", "Key": "copy", "ObjectAttributes": ["ObjectParts"]}
    assert (await desk.ask("GetObjectAttributes", **asked)).get("ObjectParts") is None
    again = await copy(desk, Key="again", CopySource="bbb/copy", **method)
    assert again["CopyObjectResult"]["ETag"] == ETAG
    assert (await desk.get("again")).body == WHOLE
    parts = [(await current(desk, key)).parts for key in ("k", "copy", "again")]
    assert parts[0] == parts[1] == parts[2]
    await desk.ask("DeleteObject", Bucket="bbb", Key="k")
    desk.engine.collect()
    assert (await desk.get("again")).body == WHOLE
    assert not desk.engine.check()


async def test_a_copy_of_a_composite_checksum_has_one_of_the_whole(desk: Desk) -> None:
    await upload(desk, ChecksumAlgorithm="SHA256")
    source = await desk.get("k", ChecksumMode="ENABLED")
    assert source["ChecksumSHA256"].endswith("-2")
    copied = (await copy(desk))["CopyObjectResult"]
    assert copied["ChecksumSHA256"] == of_whole(Algorithm.SHA256)
    assert copied["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize("wanted", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
async def test_a_copy_has_the_checksum_that_the_request_names(desk: Desk, wanted: str) -> None:
    put = await desk.put(
        "k", WHOLE, ChecksumAlgorithm="CRC32", ChecksumCRC32=of_whole(Algorithm.CRC32)
    )
    copied = (await copy(desk, ChecksumAlgorithm=wanted))["CopyObjectResult"]
    algorithm = Algorithm(wanted)
    assert copied[algorithm.member] == of_whole(algorithm)
    assert {name for name in copied if name.startswith("Checksum")} == {
        algorithm.member,
        "ChecksumType",
    }
    assert copied["ETag"] == put["ETag"]


async def test_a_copy_of_tags_needs_to_read_them(desk: Desk) -> None:
    await desk.put("k", b"1", Tagging="a=b")
    desk.forbidden.add("s3:GetObjectTagging")
    with pytest.raises(s3.AccessDenied):
        await copy(desk)
    await copy(desk, TaggingDirective="REPLACE")
    assert (await desk.get("copy")).get("TagCount") is None


@pytest.mark.parametrize("source", ["bbb", "/", "", "bbb/", "bbb/k?versionId="])
async def test_a_source_that_names_no_object_is_refused(desk: Desk, source: str) -> None:
    with pytest.raises(s3.InvalidArgument):
        await copy(desk, CopySource=source)
