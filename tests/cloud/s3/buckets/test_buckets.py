"""Buckets: one of a name in the whole cloud, listed in order, with policies that are theirs."""

import json
from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.access import policies, publicity
from mallee.cloud.s3.buckets import buckets
from tests.cloud.clouds import ACCOUNT
from tests.cloud.s3.desk import Desk, user

OTHER = "000000000002"


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "A-bucket",
        "a" * 64,
        "-ab",
        "ab-",
        "a..b",
        "a.-b",
        "1.2.3.4",
        "xn--a",
        "a-s3alias",
        "ü",
    ],
)
def test_some_names_are_no_buckets(name: str) -> None:
    with pytest.raises(s3.InvalidBucketName):
        buckets.check_name(name)


@pytest.mark.parametrize("name", ["abc", "a.b-c", "1abc", "a" * 63, "1.2.3.4.5"])
def test_others_are(name: str) -> None:
    buckets.check_name(name)


async def test_there_is_one_bucket_of_a_name(desk: Desk) -> None:
    with pytest.raises(s3.BucketAlreadyOwnedByYou):
        await desk.ask("CreateBucket", Bucket="bbb")
    desk.who = user(OTHER)
    with pytest.raises(s3.BucketAlreadyExists):
        await desk.ask("CreateBucket", Bucket="bbb")
    assert (await desk.ask("ListBuckets"))["Buckets"] == []


async def test_buckets_are_listed_in_pages(desk: Desk) -> None:
    for n in range(5):
        await desk.ask("CreateBucket", Bucket=f"page-{n}")
    names: list[str] = []
    token: dict[str, Any] = {}
    while True:
        page = await desk.ask("ListBuckets", MaxBuckets=2, Prefix="page-", **token)
        names += [one["Name"] for one in page["Buckets"]]
        if page.get("ContinuationToken") is None:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert names == [f"page-{n}" for n in range(5)]
    assert len((await desk.ask("ListBuckets"))["Buckets"]) == 7


async def test_lists_roll_up_and_go_on(desk: Desk) -> None:
    for key in ("a", "b/1", "b/2", "c", "d/1"):
        await desk.put(key, b"")
    first = await desk.ask("ListObjectsV2", Bucket="bbb", Delimiter="/", MaxKeys=2)
    assert [one["Key"] for one in first["Contents"]] == ["a"]
    assert first["CommonPrefixes"] == [{"Prefix": "b/"}]
    assert (first["KeyCount"], first["IsTruncated"]) == (2, True)
    token = first["NextContinuationToken"]
    asked = {"Bucket": "bbb", "Delimiter": "/"}
    rest = await desk.ask("ListObjectsV2", **asked, ContinuationToken=token)
    assert [one["Key"] for one in rest["Contents"]] == ["c"]
    assert rest["CommonPrefixes"] == [{"Prefix": "d/"}]
    after = await desk.ask("ListObjectsV2", Bucket="bbb", StartAfter="b/1")
    assert [one["Key"] for one in after["Contents"]] == ["b/2", "c", "d/1"]
    old = await desk.ask("ListObjects", **asked, MaxKeys=2)
    assert old["NextMarker"] == "b/"
    rest = await desk.ask("ListObjects", **asked, Marker="b/")
    assert rest["CommonPrefixes"] == [{"Prefix": "d/"}]
    none = await desk.ask("ListObjectsV2", Bucket="bbb", MaxKeys=0)
    assert (none["IsTruncated"], none["Contents"]) == (False, [])


async def test_keys_are_written_as_the_request_wants(desk: Desk) -> None:
    await desk.put("a b/ü\x01", b"")
    listed = await desk.ask("ListObjectsV2", Bucket="bbb", EncodingType="url", Prefix="a b")
    assert [one["Key"] for one in listed["Contents"]] == ["a%20b/%C3%BC%01"]
    assert listed["Prefix"] == "a%20b"
    with pytest.raises(s3.InvalidArgument):
        await desk.ask("ListObjectsV2", Bucket="bbb", EncodingType="html")
    with pytest.raises(s3.InvalidArgument):
        await desk.ask("ListObjectsV2", Bucket="bbb", ContinuationToken="§")


def statement(**more: Any) -> str:
    one = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bbb/*",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": one})


async def test_a_bucket_has_the_policy_that_it_was_given(desk: Desk) -> None:
    asks = {"StringLike": {"s3:signatureversion": "AWS*", "aws:PrincipalOrgID": "o-1"}}
    own = statement(Principal={"AWS": ACCOUNT}, Condition=asks)
    with pytest.raises(s3.NoSuchBucketPolicy):
        await desk.ask("GetBucketPolicy", Bucket="bbb")
    await desk.ask("PutBucketPolicy", Bucket="bbb", Policy=own)
    assert (await desk.ask("GetBucketPolicy", Bucket="bbb"))["Policy"] == own
    found = policies.attached(desk.store.view, "bbb", ACCOUNT)
    assert found is not None
    await desk.ask("DeleteBucketPolicy", Bucket="bbb")
    assert policies.attached(desk.store.view, "bbb", ACCOUNT) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        statement(Resource="arn:aws:s3:::other/*"),
        statement(Resource="arn:aws:s3:::bbb*"),
        statement(Resource="*"),
        statement(Action="ec2:RunInstances"),
        statement(Principal={"AWS": "999999999999"}),
        statement(Effect="Limit"),
        statement(Condition={"StringEquals": {"s3:DataAccessPointArn": "yes"}}),
    ],
)
async def test_what_is_no_policy_of_the_bucket_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(s3.MalformedPolicy):
        await desk.ask("PutBucketPolicy", Bucket="bbb", Policy=text)


async def test_nothing_is_public_unless_somebody_says_so_twice(desk: Desk) -> None:
    with pytest.raises(s3.AccessDenied):
        await desk.ask("PutBucketPolicy", Bucket="bbb", Policy=statement())
    block = {"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": True}}
    await desk.ask("PutPublicAccessBlock", Bucket="bbb", **block)
    shown = await desk.ask("GetPublicAccessBlock", Bucket="bbb")
    assert not shown["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
    await desk.ask("PutBucketPolicy", Bucket="bbb", Policy=statement())
    assert (await desk.ask("GetBucketPolicyStatus", Bucket="bbb"))["PolicyStatus"]["IsPublic"]
    assert policies.attached(desk.store.view, "bbb", OTHER) is None
    assert policies.attached(desk.store.view, "bbb", "") is None
    assert policies.attached(desk.store.view, "bbb", ACCOUNT) is not None
    await desk.ask("DeletePublicAccessBlock", Bucket="bbb")
    assert policies.attached(desk.store.view, "bbb", "") is not None


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({}, True),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, False),
        ({"StringLike": {"aws:PrincipalAccount": "*"}}, True),
        ({"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}, True),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/x"}}, True),
        ({"StringEquals": {"s3:prefix": "x"}}, True),
    ],
)
def test_public_is_what_everybody_may(condition: dict[str, Any], public: bool) -> None:
    assert publicity.is_public(statement(Condition=condition)) is public
    assert not publicity.is_public(statement(Effect="Deny"))
    assert not publicity.is_public(statement(Principal={"AWS": ACCOUNT}))
