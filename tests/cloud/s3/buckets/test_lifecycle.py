"""What a rule ends goes at the midnight after its days, and nothing else goes."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from mallee.aws.errors import s3
from mallee.cloud.s3.buckets import buckets, expiring
from tests.cloud.s3.desk import Desk

DAY_S = 86_400


async def rule(desk: Desk, bucket: str = "bbb", **actions: Any) -> None:
    one = {"Status": "Enabled", **actions}
    if "Prefix" not in one:
        one.setdefault("Filter", {})
    await desk.ask(
        "PutBucketLifecycleConfiguration",
        Bucket=bucket,
        LifecycleConfiguration={"Rules": [one]},
    )


def expire(desk: Desk, bucket: str = "bbb") -> int:
    record = buckets.find(desk.store.view, bucket)
    assert record is not None
    return expiring.expire(desk.engine, record, desk.clock.now())


async def keys(desk: Desk, bucket: str = "bbb") -> list[str]:
    listed = await desk.ask("ListObjectsV2", Bucket=bucket)
    return [one["Key"] for one in listed["Contents"]]


async def versions(desk: Desk) -> list[str]:
    listed = await desk.ask("ListObjectVersions", Bucket="versions")
    return [one["VersionId"] for one in (*listed["Versions"], *listed["DeleteMarkers"])]


async def test_an_object_lives_its_days_and_until_midnight(desk: Desk) -> None:
    desk.clock.time = datetime(2027, 1, 1, 15, tzinfo=UTC).timestamp()
    await desk.put("k", b"1")
    await rule(desk, Expiration={"Days": 2})
    desk.clock.time = datetime(2027, 1, 3, 23, 59, tzinfo=UTC).timestamp()
    assert expire(desk) == 0
    desk.clock.time = datetime(2027, 1, 4, tzinfo=UTC).timestamp()
    assert expire(desk) == 1
    assert expire(desk) == 0
    assert await keys(desk) == []
    assert not desk.engine.check()


@pytest.mark.parametrize(
    ("narrowed", "left"),
    [
        ({"Filter": {"Prefix": "a/"}}, ["b/big", "b/tagged"]),
        ({"Prefix": "b/"}, ["a/small"]),
        ({"Filter": {"Tag": {"Key": "t", "Value": "1"}}}, ["a/small", "b/big"]),
        ({"Filter": {"ObjectSizeGreaterThan": 1}}, ["a/small", "b/tagged"]),
        ({"Filter": {"ObjectSizeLessThan": 100}}, ["b/big"]),
        (
            {"Filter": {"And": {"Prefix": "b/", "ObjectSizeGreaterThan": 1}}},
            ["a/small", "b/tagged"],
        ),
        ({"Status": "Disabled"}, ["a/small", "b/big", "b/tagged"]),
    ],
)
async def test_a_rule_is_about_what_it_says(
    desk: Desk, narrowed: dict[str, Any], left: list[str]
) -> None:
    await desk.put("a/small", b"1")
    await desk.put("b/big", b"1" * 100)
    await desk.put("b/tagged", b"1", Tagging="t=1")
    await rule(desk, Expiration={"Days": 1}, **narrowed)
    desk.clock.time += 3 * DAY_S
    expire(desk)
    assert await keys(desk) == left


async def test_where_versions_are_kept_the_current_one_is_hidden(desk: Desk) -> None:
    first = (await desk.put("k", b"1", "versions"))["VersionId"]
    await rule(desk, "versions", Expiration={"Days": 1})
    desk.clock.time += 3 * DAY_S
    assert expire(desk, "versions") == 1
    assert expire(desk, "versions") == 0
    assert await keys(desk, "versions") == []
    assert (await desk.get("k", "versions", VersionId=first)).body == b"1"


async def test_former_versions_end_but_so_many_are_spared(desk: Desk) -> None:
    ids = [(await desk.put("k", b"1", "versions"))["VersionId"] for _ in range(5)]
    wanted = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    await rule(desk, "versions", NoncurrentVersionExpiration=wanted)
    desk.clock.time += 3 * DAY_S
    assert expire(desk, "versions") == 2
    assert await versions(desk) == [ids[4], ids[3], ids[2]]


async def test_a_marker_over_nothing_goes(desk: Desk) -> None:
    await desk.put("k", b"1", "versions")
    await desk.ask("DeleteObject", Bucket="versions", Key="k")
    await rule(desk, "versions", Expiration={"ExpiredObjectDeleteMarker": True})
    assert expire(desk, "versions") == 0
    first = (await versions(desk))[0]
    await desk.ask("DeleteObject", Bucket="versions", Key="k", VersionId=first)
    assert expire(desk, "versions") == 1
    assert await versions(desk) == []


async def test_what_is_locked_outlives_a_rule(desk: Desk) -> None:
    await desk.ask("CreateBucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    held = await desk.put("k", b"1", "locked", ObjectLockLegalHoldStatus="ON")
    await desk.put("k", b"2", "locked")
    await rule(desk, "locked", NoncurrentVersionExpiration={"NoncurrentDays": 1})
    desk.clock.time += 3 * DAY_S
    assert expire(desk, "locked") == 0
    assert (await desk.get("k", "locked", VersionId=held["VersionId"])).body == b"1"


async def test_uploads_that_nobody_completes_are_given_up(desk: Desk) -> None:
    for key in ("a/1", "a/2", "b/1"):
        await desk.ask("CreateMultipartUpload", Bucket="bbb", Key=key)
    wanted = {"DaysAfterInitiation": 1}
    await rule(desk, AbortIncompleteMultipartUpload=wanted, Filter={"Prefix": "a/"})
    assert expire(desk) == 0
    desk.clock.time += 3 * DAY_S
    assert expire(desk) == 2
    left = await desk.ask("ListMultipartUploads", Bucket="bbb")
    assert [one["Key"] for one in left["Uploads"]] == ["b/1"]


async def test_rules_are_shown_as_they_were_set(desk: Desk) -> None:
    with pytest.raises(s3.NoSuchLifecycleConfiguration):
        await desk.ask("GetBucketLifecycleConfiguration", Bucket="bbb")
    date = datetime(2030, 1, 1, tzinfo=UTC)
    await rule(desk, ID="x", Expiration={"Date": date})
    shown = await desk.ask("GetBucketLifecycleConfiguration", Bucket="bbb")
    expected = {"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Date": date}}
    assert shown["Rules"] == [expected]
    await desk.put("k", b"")
    assert expire(desk) == 0
    desk.clock.time = date.timestamp()
    assert expire(desk) == 1
    await desk.ask("DeleteBucketLifecycle", Bucket="bbb")
    assert expire(desk) == 0


@pytest.mark.parametrize(
    "actions",
    [
        {},
        {"Expiration": {}},
        {"Expiration": {"Days": 0}},
        {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}},
        {"Expiration": {"Date": datetime(2030, 1, 1, 1, tzinfo=UTC)}},
        {"Expiration": {"Days": 1}, "Prefix": "", "Filter": {}},
        {"Expiration": {"Days": 1}, "Status": "On"},
        {"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 2}},
        {
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            "Filter": {"Tag": {"Key": "a", "Value": "b"}},
        },
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(desk: Desk, actions: dict[str, Any]) -> None:
    with pytest.raises((s3.MalformedXML, s3.InvalidArgument, s3.InvalidRequest)):
        await rule(desk, **actions)


async def test_a_round_that_fails_is_followed_by_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.put("k", b"1")
    await rule(desk, Expiration={"Days": 1})
    desk.clock.time += 3 * DAY_S
    monkeypatch.setattr(expiring, "EVERY_S", 0.001)
    rounds: list[int] = []
    real = expiring.expire

    def failing(*given: Any) -> int:
        rounds.append(1)
        if len(rounds) < 3:
            raise OSError("the disk stumbles")
        return real(*given)

    monkeypatch.setattr(expiring, "expire", failing)
    keeping = asyncio.create_task(expiring.keep_expiring(desk.store, desk.engine, desk.clock))
    async with asyncio.timeout(60):
        while await keys(desk):
            await asyncio.sleep(0.001)
    keeping.cancel()
    assert len(rounds) >= 3


async def test_when_an_object_will_end_is_told_with_it(desk: Desk) -> None:
    desk.clock.time = datetime(2027, 1, 1, 15, tzinfo=UTC).timestamp()
    ends = (
        ("a rule", "in/", 9, "Enabled"),
        ("sooner", "in/a", 2, "Enabled"),
        ("off", "", 1, "Disabled"),
    )
    rules = [
        {"ID": id, "Status": status, "Filter": {"Prefix": prefix}, "Expiration": {"Days": days}}
        for id, prefix, days, status in ends
    ]
    for bucket in ("bbb", "versions"):
        await desk.ask(
            "PutBucketLifecycleConfiguration",
            Bucket=bucket,
            LifecycleConfiguration={"Rules": rules},
        )
    later = 'expiry-date="Mon, 11 Jan 2027 00:00:00 GMT", rule-id="a%20rule"'
    soon = 'expiry-date="Mon, 04 Jan 2027 00:00:00 GMT", rule-id="sooner"'
    assert (await desk.put("in/b", b"1"))["Expiration"] == later
    assert (await desk.put("in/a", b"1"))["Expiration"] == soon
    assert (await desk.put("out", b"1")).get("Expiration") is None
    for operation in ("GetObject", "HeadObject"):
        assert (await desk.ask(operation, Bucket="bbb", Key="in/b"))["Expiration"] == later
    copied = await desk.ask("CopyObject", Bucket="bbb", Key="in/c", CopySource="bbb/out")
    assert copied["Expiration"] == later
    former = (await desk.put("in/a", b"1", "versions"))["VersionId"]
    named = await desk.get("in/a", "versions", VersionId=former)
    assert named.get("Expiration") is None


async def test_when_an_upload_will_be_given_up_is_told_with_it(desk: Desk) -> None:
    desk.clock.time = datetime(2027, 1, 1, 15, tzinfo=UTC).timestamp()
    await rule(desk, ID="tidy", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    begun = await desk.ask("CreateMultipartUpload", Bucket="bbb", Key="k")
    listed = await desk.ask("ListParts", Bucket="bbb", Key="k", UploadId=begun["UploadId"])
    for told in (begun, listed):
        assert told["AbortDate"] == datetime(2027, 1, 3, tzinfo=UTC)
        assert told["AbortRuleId"] == "tidy"


async def test_what_ends_beyond_all_dates_can_be_read_until_then(desk: Desk) -> None:
    days = 2**31 - 1
    await rule(desk, ID="never", Expiration={"Days": days})
    last = 'expiry-date="Fri, 31 Dec 9999 00:00:00 GMT", rule-id="never"'
    assert (await desk.put("k", b"1"))["Expiration"] == last
    assert (await desk.get("k")).body == b"1"
    await rule(desk, ID="never", AbortIncompleteMultipartUpload={"DaysAfterInitiation": days})
    begun = await desk.ask("CreateMultipartUpload", Bucket="bbb", Key="k")
    assert begun["AbortDate"] == datetime(9999, 12, 31, tzinfo=UTC)
