"""What a bucket, an account's buckets or a user's may hold is never overrun, however many write."""

import asyncio
import json
from collections.abc import Generator
from concurrent import futures
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from mallee.aws.errors import s3 as errors
from mallee.box import steps
from mallee.cli import client
from mallee.cli.objects import buckets as cli
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.state import records
from mallee.model.storage.buckets import Quota
from tests.cloud.s3 import running
from tests.cloud.s3.desk import Desk

MIB = 1 << 20
PART = 5 * MIB
WRITERS = 12


async def limit(desk: Desk, bucket: str = "bbb", **most: int) -> None:
    """Set a bucket's quota."""

    def write(tx: Any) -> None:
        record = tx.get(records.BUCKET, bucket)
        tx.write(record, replace(record.doc, quota=Quota(**most)))

    await desk.store.run(write)


def held(desk: Desk, bucket: str = "bbb") -> tuple[int, int]:
    record = buckets.find(desk.store.view, bucket)
    assert record is not None
    usage = desk.engine.reader.usage(record.doc.number)
    return usage.versions, usage.stored


async def outcomes(*asked: Any) -> list[str]:
    """Do all at once; return what was answered."""
    ends = await asyncio.gather(*asked, return_exceptions=True)
    for end in ends:
        assert not isinstance(end, BaseException) or isinstance(end, errors.QuotaExceeded), end
    return ["refused" if isinstance(end, BaseException) else "done" for end in ends]


async def test_of_many_writers_as_many_succeed_as_fit(desk: Desk) -> None:
    await limit(desk, bytes=50)
    ends = await outcomes(*(desk.put(f"k{n}", b"x" * 10) for n in range(20)))
    assert ends.count("done") == 5
    assert held(desk) == (5, 50)
    await limit(desk, objects=7)
    ends = await outcomes(*(desk.put(f"l{n}", b"") for n in range(20)))
    assert ends.count("done") == 2
    assert not desk.engine.check()


async def test_former_versions_and_copies_count(desk: Desk) -> None:
    await limit(desk, "versions", bytes=20)
    await desk.put("k", b"x" * 10, "versions")
    await desk.put("k", b"x" * 10, "versions")
    with pytest.raises(errors.QuotaExceeded):
        await desk.put("k", b"x", "versions")
    with pytest.raises(errors.QuotaExceeded):
        await desk.ask("CopyObject", Bucket="versions", Key="l", CopySource="versions/k")
    assert held(desk, "versions") == (2, 20)


async def test_what_adds_nothing_is_never_refused(desk: Desk) -> None:
    await desk.put("k", b"x" * 100)
    await desk.put("k", b"x" * 100, "versions")
    await limit(desk, bytes=10, objects=0)
    await limit(desk, "versions", bytes=10, objects=0)
    await desk.put("k", b"x" * 90)
    await desk.ask(
        "PutObjectTagging", Bucket="bbb", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]}
    )
    await desk.ask("DeleteObject", Bucket="versions", Key="k")
    await desk.ask("DeleteObject", Bucket="bbb", Key="k")
    with pytest.raises(errors.QuotaExceeded):
        await desk.put("k", b"x")


async def test_parts_count_while_they_are_under_way_and_once(desk: Desk) -> None:
    await limit(desk, bytes=2 * PART)
    begun = await desk.ask("CreateMultipartUpload", Bucket="bbb", Key="k")
    upload: dict[str, Any] = {"Bucket": "bbb", "Key": "k", "UploadId": begun["UploadId"]}
    parts: list[dict[str, Any]] = []
    for number in (1, 2):
        made = await desk.ask("UploadPart", b"x" * PART, **upload, PartNumber=number)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    with pytest.raises(errors.QuotaExceeded):
        await desk.ask("UploadPart", b"x", **upload, PartNumber=3)
    upload["MultipartUpload"] = {"Parts": parts}
    await desk.ask("CompleteMultipartUpload", **upload)
    assert held(desk) == (1, 2 * PART)
    with pytest.raises(errors.QuotaExceeded):
        await desk.put("l", b"x")


# --- over the wire ---


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with a tenant, and its administrator's key in `tenant`."""
    with running.fresh() as made:
        yield made


def ask(cloud: running.RunningS3, operation: str, **asked: Any) -> dict[str, Any]:
    return client.call(cloud.layout, "mallee", operation, asked)


def tenant(cloud: running.RunningS3, name: str) -> dict[str, str]:
    """Make an account; return its administrator's key."""
    key = ask(cloud, "CreateAccount", AccountName=name)["AccessKey"]
    return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}


def put_many(s3: Any, names: list[str], size: int) -> int:
    """Put objects into buckets, all at once; return how many were taken."""

    def put(number: int) -> bool:
        try:
            bucket = names[number % len(names)]
            s3.put_object(Bucket=bucket, Key=f"k{number}", Body=b"x" * size)
        except ClientError as error:
            if "QuotaExceeded" not in str(error):
                raise
            return False
        return True

    with futures.ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(put, range(WRITERS)))


def test_an_accounts_buckets_together(cloud: running.RunningS3) -> None:
    key = tenant(cloud, "together")
    ask(cloud, "PutQuota", AccountName="together", Key="s3:quota-buckettotalsize", Limit=3)
    s3 = cloud.s3(key)
    names = [f"together{n}" for n in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name)
    assert put_many(s3, names, MIB // 2) == 6
    shown = ask(cloud, "DescribeQuotas", AccountName="together")["Quotas"]
    [total] = [one for one in shown if one["Key"] == "s3:quota-buckettotalsize"]
    assert (total["Limit"], total["Usage"]) == (3, 3)
    s3.delete_object(Bucket=names[0], Key="k0")
    cloud.s3(cloud.admin).list_buckets()


@pytest.mark.parametrize(
    ("key", "most", "size", "taken"),
    [("s3:quota-bucketobjectnumber", 4, 1, 4), ("s3:quota-bucketsize", 1, MIB // 4, 4)],
)
def test_one_bucket_of_an_account(
    cloud: running.RunningS3, key: str, most: int, size: int, taken: int
) -> None:
    account = f"one{size}"
    s3 = cloud.s3(tenant(cloud, account))
    s3.create_bucket(Bucket=account)
    s3.create_bucket(Bucket=f"{account}b")
    ask(cloud, "PutQuota", AccountName=account, Key=key, Limit=most)
    assert put_many(s3, [account], size) == taken
    assert put_many(s3, [f"{account}b"], size) == taken


def test_what_a_user_made(cloud: running.RunningS3) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    statements = [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {
            "Effect": "Limit",
            "Action": "*",
            "Resource": "*",
            "Condition": {"NumericLessThanEquals": {"s3:quota-bucketobjectnumber": "2"}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    ann = cloud.s3(
        {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}
    )
    ann.create_bucket(Bucket="anns")
    cloud.s3().create_bucket(Bucket="admins")
    assert put_many(ann, ["anns"], 1) == 2
    assert put_many(cloud.s3(), ["anns"], 1) == 2
    assert put_many(ann, ["admins"], 1) == WRITERS


def test_a_buckets_quota_by_the_command_line(
    cloud: running.RunningS3, capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = cloud.s3()
    s3.create_bucket(Bucket="bounded")
    at = cloud.layout.root
    cli.quota("bounded", bytes=10, objects=3, root=at)
    s3.put_object(Bucket="bounded", Key="k", Body=b"x" * 10)
    with pytest.raises(ClientError, match=r"QuotaExceeded.*10 bytes in bounded"):
        s3.put_object(Bucket="bounded", Key="l", Body=b"x")
    cli.list_buckets(root=at)
    assert "10 B, 3 objects" in capsys.readouterr().out
    cli.quota("bounded", none=True, root=at)
    s3.put_object(Bucket="bounded", Key="l", Body=b"x" * 100)
    with pytest.raises(steps.Failed, match="there is no bucket nowhere"):
        cli.quota("nowhere", bytes=1, root=at)
