"""Laws of server-side encryption: sealed as they lie, the same as ever for whoever may read."""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.identity import sealed
from mallee.cloud.s3.objects import about
from mallee.cloud.state import records
from mallee.walrus.records import Version
from tests.cloud import written
from tests.cloud.s3 import desk as desks
from tests.cloud.s3.desk import Desk

SECRET = b"A secret that nobody should find on the disk. " * 8
BIG = os.urandom(3_200_000)
PART = os.urandom(5 << 20)
S3: dict[str, Any] = {"ServerSideEncryption": "AES256"}


def customer(key: bytes, prefix: str = "") -> dict[str, Any]:
    """Return the members that name a customer's key."""
    md5 = hashlib.md5(key).digest()
    return {
        f"{prefix}SSECustomerAlgorithm": "AES256",
        f"{prefix}SSECustomerKey": base64.b64encode(key).decode(),
        f"{prefix}SSECustomerKeyMD5": base64.b64encode(md5).decode(),
    }


OWN = customer(b"o" * 32)
OTHER = customer(b"x" * 32)
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "none": ({}, {}),
    "s3": (S3, {}),
    "own": (OWN, OWN),
    "other": (OTHER, OTHER),
}
"""What a request that makes an object says, and one that reads it."""


def as_source(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same said of a copy's source."""
    return {f"CopySource{name}": value for name, value in members.items()}


def on_disk(folder: Path) -> bytes:
    """Return everything that the engine has written."""
    return b"".join(written.contents(folder).values())


async def current(desk: Desk, key: str, bucket: str = "bbb") -> Version:
    """Return the object's version as the engine has it."""
    record = desk.store.view.get(records.BUCKET, bucket)
    assert record is not None
    version = desk.engine.reader.current(record.doc.number, key.encode())
    assert version is not None
    return version


@pytest.mark.parametrize("way", ["s3", "own"])
@pytest.mark.parametrize("data", [b"", b"x", SECRET, BIG])
async def test_what_was_put_comes_back_and_lies_sealed(
    desk: Desk, tmp_path: Path, way: str, data: bytes
) -> None:
    making, reading = WAYS[way]
    await desk.put("key", data, **making)
    assert (await desk.get("key", **reading)).body == data
    if len(data) > 100:
        assert data[:100] not in on_disk(tmp_path)


@pytest.mark.parametrize("way", ["s3", "own"])
@pytest.mark.parametrize(("first", "last"), [(0, 0), (1_048_570, 1_048_580), (5, 3_199_999)])
async def test_ranges_are_those_of_the_plain_bytes(
    desk: Desk, way: str, first: int, last: int
) -> None:
    making, reading = WAYS[way]
    await desk.put("key", BIG, **making)
    got = await desk.get("key", Range=f"bytes={first}-{last}", **reading)
    assert got.body == BIG[first : last + 1]
    assert got["ContentRange"] == f"bytes {first}-{last}/{len(BIG)}"
    assert got["ContentLength"] == last + 1 - first


async def test_answers_tell_the_method_and_size_of_the_plain_object(desk: Desk) -> None:
    made = await desk.put("key", SECRET, **S3)
    head = await desk.ask("HeadObject", Bucket="bbb", Key="key")
    for answer in (made, head, await desk.get("key")):
        assert answer["ServerSideEncryption"] == "AES256"
    assert head["ContentLength"] == len(SECRET)
    listed = await desk.ask("ListObjectsV2", Bucket="bbb")
    assert listed["Contents"][0]["Size"] == len(SECRET)


async def test_a_customers_key_is_told_by_its_md5_and_not_as_the_clouds_method(desk: Desk) -> None:
    made = await desk.put("key", SECRET, **OWN)
    for answer in (made, await desk.get("key", **OWN)):
        assert answer["SSECustomerAlgorithm"] == "AES256"
        assert answer["SSECustomerKeyMD5"] == OWN["SSECustomerKeyMD5"]
        assert answer.get("ServerSideEncryption") is None


async def test_etags_are_md5_save_where_the_customer_has_the_key(desk: Desk) -> None:
    md5 = f'"{hashlib.md5(SECRET).hexdigest()}"'
    assert (await desk.put("a", SECRET, **S3))["ETag"] == md5
    etag = (await desk.put("b", SECRET, **OWN))["ETag"]
    assert etag != md5
    assert len(etag) == len(md5)


@pytest.mark.parametrize("way", ["none", "s3", "own"])
async def test_checksums_are_those_of_the_plain_bytes(desk: Desk, way: str) -> None:
    making, reading = WAYS[way]
    made = await desk.put("key", SECRET, **making)
    plain = await desk.put("plain", SECRET)
    assert made["ChecksumCRC64NVME"] == plain["ChecksumCRC64NVME"]
    got = await desk.get("key", ChecksumMode="ENABLED", **reading)
    assert got["ChecksumCRC64NVME"] == plain["ChecksumCRC64NVME"]


# --- whose key ---


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject", "GetObjectAttributes"])
async def test_without_the_customers_key_nothing_is_told(desk: Desk, operation: str) -> None:
    await desk.put("key", SECRET, **OWN)
    asked: dict[str, Any] = {"Bucket": "bbb", "Key": "key"}
    if operation == "GetObjectAttributes":
        asked["ObjectAttributes"] = ["ETag"]
    with pytest.raises(errors.s3.InvalidRequest, match="correct parameters"):
        await desk.ask(operation, **asked)
    with pytest.raises(errors.s3.AccessDenied):
        await desk.ask(operation, **asked, **OTHER)
    assert (await desk.ask(operation, **asked, **OWN)).result


@pytest.mark.parametrize("way", ["none", "s3"])
async def test_a_key_for_what_is_not_under_one_is_refused(desk: Desk, way: str) -> None:
    await desk.put("key", SECRET, **WAYS[way][0])
    with pytest.raises(errors.s3.InvalidRequest, match="not applicable"):
        await desk.get("key", **OWN)


async def test_nothing_of_a_customers_key_is_kept(desk: Desk, tmp_path: Path) -> None:
    key = os.urandom(32)
    await desk.put("key", SECRET, **customer(key))
    kept = on_disk(tmp_path)
    md5 = hashlib.md5(key)
    for trace in (key, base64.b64encode(key), md5.digest(), md5.hexdigest().encode()):
        assert trace not in kept


@pytest.mark.parametrize(
    "wrong",
    [
        {"SSECustomerAlgorithm": "AES128"},
        {"SSECustomerKey": base64.b64encode(b"short").decode()},
        {"SSECustomerKey": base64.b64encode(b"y" * 32).decode()},
        {"SSECustomerKey": "no base64!"},
        {"SSECustomerKeyMD5": ""},
        {"SSECustomerKey": ""},
        {"SSECustomerAlgorithm": ""},
        {"ServerSideEncryption": "AES256"},
        {"SSECustomerKeyMD5": "ä"},
    ],
)
async def test_what_is_no_key_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    refusals = (errors.s3.InvalidArgument, errors.s3.InvalidEncryptionAlgorithmError)
    with pytest.raises(refusals):
        await desk.put("key", SECRET, **{**OWN, **wrong})


@pytest.mark.parametrize("method", ["aws:kms:dsse", "aws:other"])
async def test_methods_that_are_not_here_are_refused(desk: Desk, method: str) -> None:
    with pytest.raises(errors.s3.NotImplemented):
        await desk.put("key", SECRET, ServerSideEncryption=method)
    with pytest.raises(errors.s3.InvalidArgument):
        await desk.put("key", SECRET, ServerSideEncryption="ROT13")


async def test_what_is_known_of_one_object_does_not_open_another(desk: Desk) -> None:
    await desk.put("one", SECRET, **S3)
    await desk.put("other", b"other", **S3)
    one = await current(desk, "one")
    record = desk.store.view.get(records.BUCKET, "bbb")
    assert record is not None
    number = record.doc.number
    moved = replace(one, parts=one.parts)
    desk.engine.commit(lambda tx, _: tx.add(number, b"other", moved)).result()
    with pytest.raises(Exception, match="another"):
        await desk.get("other")


# --- buckets ---


async def test_a_bucket_encrypts_what_a_request_says_nothing_of(desk: Desk) -> None:
    await _encrypt(desk, "bbb")
    made = await desk.put("key", SECRET)
    assert made["ServerSideEncryption"] == "AES256"
    assert (await desk.get("key")).body == SECRET
    own = await desk.put("own", SECRET, **OWN)
    assert own["SSECustomerAlgorithm"] == "AES256"
    await desk.ask("DeleteBucketEncryption", Bucket="bbb")
    assert (await desk.put("plain", SECRET)).get("ServerSideEncryption") is None
    assert (await desk.get("key")).body == SECRET


async def test_what_a_bucket_wants_is_told_until_it_is_deleted(desk: Desk) -> None:
    gone = errors.s3.ServerSideEncryptionConfigurationNotFoundError
    with pytest.raises(gone):
        await desk.ask("GetBucketEncryption", Bucket="bbb")
    await _encrypt(desk, "bbb")
    got = await desk.ask("GetBucketEncryption", Bucket="bbb")
    rule = got["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    await desk.ask("DeleteBucketEncryption", Bucket="bbb")
    with pytest.raises(gone):
        await desk.ask("GetBucketEncryption", Bucket="bbb")


_OF_KMS = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}
_WITH_KEY = {
    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "alias/mine"}
}
_REFUSED: list[tuple[list[dict[str, Any]], type[errors.AwsError]]] = [
    ([], errors.s3.MalformedXML),
    ([{}], errors.s3.MalformedXML),
    ([_OF_KMS], errors.s3.NotImplemented),
    ([_WITH_KEY], errors.s3.InvalidArgument),
]


@pytest.mark.parametrize(("rules", "refusal"), _REFUSED)
async def test_a_bucket_wants_nothing_that_it_cannot_have(
    desk: Desk, rules: list[Any], refusal: type[errors.AwsError]
) -> None:
    with pytest.raises(refusal):
        await desk.ask(
            "PutBucketEncryption",
            Bucket="bbb",
            ServerSideEncryptionConfiguration={"Rules": rules},
        )


async def _encrypt(desk: Desk, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    await desk.ask(
        "PutBucketEncryption",
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [rule]},
    )


async def test_a_rotation_of_the_master_key_seals_buckets_anew_and_objects_stay_readable(
    desk: Desk,
) -> None:
    await desk.put("key", SECRET, **S3)
    before = await current(desk, "key")
    box, old = desks.BOX, b"k" * 32
    box.replace_keys(os.urandom(32), old)
    try:
        found = sealed.older(sealed.sealing(desk.store.view), box)
        assert {"bbb", "versions"} <= {record.id for record in found}
        await desk.store.run(lambda tx: sealed.reseal(tx, box, found))
        assert not sealed.older(sealed.sealing(desk.store.view), box)
        assert (await desk.get("key")).body == SECRET
        assert await current(desk, "key") == before
    finally:
        box.replace_keys(old)


# --- copies ---


@pytest.mark.parametrize("source", WAYS)
@pytest.mark.parametrize("target", WAYS)
async def test_a_copy_from_any_way_to_any_other_has_the_same_bytes(
    desk: Desk, source: str, target: str
) -> None:
    data = BIG[:1_500_000]
    making, reading = WAYS[source]
    await desk.put("from", data, **making)
    copied = await desk.ask(
        "CopyObject",
        Bucket="versions",
        Key="to",
        CopySource="bbb/from",
        **as_source(reading),
        **WAYS[target][0],
    )
    got = await desk.get("to", "versions", ChecksumMode="ENABLED", **WAYS[target][1])
    assert got.body == data
    assert got["ETag"] == copied["CopyObjectResult"]["ETag"]
    plain = await desk.put("plain", data)
    assert got["ChecksumCRC64NVME"] == plain["ChecksumCRC64NVME"]
    if target in ("none", "s3"):
        assert got["ETag"] == plain["ETag"]


async def test_a_copy_needs_the_key_of_its_source(desk: Desk) -> None:
    await desk.put("from", SECRET, **OWN)
    asked: dict[str, Any] = {"Bucket": "bbb", "Key": "to", "CopySource": "bbb/from"}
    with pytest.raises(errors.s3.InvalidRequest):
        await desk.ask("CopyObject", **asked)
    with pytest.raises(errors.s3.AccessDenied):
        await desk.ask("CopyObject", **asked, **as_source(OTHER))


async def test_a_copy_out_of_a_customers_key_shares_no_key_with_it(desk: Desk) -> None:
    await desk.put("from", SECRET, **OWN)
    await desk.ask(
        "CopyObject", Bucket="bbb", Key="to", CopySource="bbb/from", **as_source(OWN), **S3
    )
    assert (await current(desk, "from")).parts != (await current(desk, "to")).parts


async def test_an_object_can_be_encrypted_where_it_is(desk: Desk) -> None:
    await desk.put("key", SECRET)
    await desk.ask("CopyObject", Bucket="bbb", Key="key", CopySource="bbb/key", **S3)
    got = await desk.get("key")
    assert got.body == SECRET
    assert got["ServerSideEncryption"] == "AES256"


# --- parts ---


async def _upload(desk: Desk, way: str) -> str:
    made = await desk.ask("CreateMultipartUpload", Bucket="bbb", Key="big", **WAYS[way][0])
    return made["UploadId"]


@pytest.mark.parametrize("way", ["s3", "own"])
async def test_parts_are_sealed_under_one_key_and_read_as_one(desk: Desk, way: str) -> None:
    reading = WAYS[way][1]
    await desk.put("source", BIG)
    id = await _upload(desk, way)
    asked: dict[str, Any] = {"Bucket": "bbb", "Key": "big", "UploadId": id}
    first = await desk.ask("UploadPart", PART, **asked, PartNumber=2, **reading)
    copied = await desk.ask(
        "UploadPartCopy",
        **asked,
        PartNumber=7,
        CopySource="bbb/source",
        CopySourceRange="bytes=10-2000009",
        **reading,
    )
    tags = [(2, first["ETag"]), (7, copied["CopyPartResult"]["ETag"])]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in tags]
    document = {"Parts": parts}
    made = await desk.ask("CompleteMultipartUpload", **asked, MultipartUpload=document, **reading)
    again = await desk.ask("CompleteMultipartUpload", **asked, MultipartUpload=document, **reading)
    assert made["ETag"] == again["ETag"]
    whole = PART + BIG[10:2_000_010]
    assert (await desk.get("big", **reading)).body == whole
    start, last = len(PART) - 7, len(PART) + 1_100_000
    got = await desk.get("big", Range=f"bytes={start}-{last}", **reading)
    assert got.body == whole[start : last + 1]
    assert (await desk.get("big", PartNumber=2, **reading)).body == BIG[10:2_000_010]


async def test_a_part_needs_the_key_of_its_upload(desk: Desk) -> None:
    id = await _upload(desk, "own")
    asked: dict[str, Any] = {"Bucket": "bbb", "Key": "big", "UploadId": id, "PartNumber": 1}
    with pytest.raises(errors.s3.InvalidRequest):
        await desk.ask("UploadPart", b"x", **asked)
    with pytest.raises(errors.s3.AccessDenied):
        await desk.ask("UploadPart", b"x", **asked, **OTHER)
    del asked["PartNumber"]
    parts = [{"PartNumber": 1, "ETag": "x"}]
    with pytest.raises(errors.s3.AccessDenied):
        await desk.ask(
            "CompleteMultipartUpload", **asked, MultipartUpload={"Parts": parts}, **OTHER
        )


async def test_parts_in_each_others_places_are_refused(desk: Desk) -> None:
    id = await _upload(desk, "s3")
    asked: dict[str, Any] = {"Bucket": "bbb", "Key": "big", "UploadId": id}
    parts: list[dict[str, Any]] = []
    for number in (1, 2):
        made = await desk.ask("UploadPart", PART, **asked, PartNumber=number)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    await desk.ask("CompleteMultipartUpload", **asked, MultipartUpload={"Parts": parts})
    version = await current(desk, "big")
    record = desk.store.view.get(records.BUCKET, "bbb")
    assert record is not None
    number = record.doc.number
    swapped = replace(version, parts=version.parts[::-1])
    assert about.of(swapped).sealing is not None
    desk.engine.commit(lambda tx, _: tx.add(number, b"big", swapped)).result()
    with pytest.raises(Exception, match="cannot be opened"):
        await desk.get("big")
