"""The administration sees every bucket with what it holds, and has everything read again."""

import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from mallee.box import steps
from mallee.cli import client
from mallee.cli.objects import buckets
from mallee.walrus import disk, places
from tests.cloud.s3 import running

DATA = b"data" * 100_000


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud with S3 and a bucket that holds two objects."""
    with running.fresh() as made:
        s3 = made.s3()
        s3.create_bucket(Bucket="bbb")
        s3.put_object(Bucket="bbb", Key="small", Body=b"1234567")
        s3.put_object(Bucket="bbb", Key="large", Body=DATA)
        wait_for(lambda: bool(ask(made, "DescribeBuckets")["Buckets"]), "the bucket to be seen")
        yield made


def wait_for(is_true: Callable[[], bool], what: str) -> None:
    """Wait until something is so: what one process has done the other sees a little later."""
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def ask(cloud: running.RunningS3, operation: str, **asked: Any) -> dict[str, Any]:
    """Ask the administration, as the command line does."""
    return client.call(cloud.layout, "mallee", operation, asked)


def scrubbed(cloud: running.RunningS3) -> dict[str, Any]:
    """Have everything read, and return what was found."""
    id = ask(cloud, "StartScrub")["Scrub"]["ScrubId"]

    def newest() -> dict[str, Any]:
        found: dict[str, Any] = ask(cloud, "DescribeScrubs")["Scrubs"][0]
        assert found["ScrubId"] == id
        return found

    wait_for(lambda: newest()["State"] == "ended", "the scrub to end")
    return newest()


def test_buckets_are_shown_with_what_they_hold(cloud: running.RunningS3) -> None:
    [bucket] = ask(cloud, "DescribeBuckets")["Buckets"]
    assert bucket["BucketName"] == "bbb"
    assert bucket["AccountName"] == "admin"
    assert (bucket["Versions"], bucket["Bytes"]) == (2, len(DATA) + 7)
    assert bucket["IsEncrypted"] is False
    assert ask(cloud, "DescribeBuckets", AccountName="admin")["Buckets"] == [bucket]
    with pytest.raises(steps.Failed, match="nobody"):
        ask(cloud, "DescribeBuckets", AccountName="nobody")


def test_a_scrub_reads_everything_and_finds_nothing_where_all_is_well(
    cloud: running.RunningS3,
) -> None:
    found = scrubbed(cloud)
    assert found["Damaged"] == 0
    assert found["LostObjects"] == []
    assert found["Bytes"] == len(DATA) + 7


def test_a_scrub_names_the_objects_that_are_damaged(cloud: running.RunningS3) -> None:
    where = places.Places(cloud.layout.objects)
    [path] = [where.file(id) for id in disk.Disk().ids(where.files)]
    sound = path.read_bytes()
    path.write_bytes(b"X" + sound[1:])
    try:
        found = scrubbed(cloud)
        assert found["Damaged"] == 1
        assert found["LostObjects"] == [{"BucketName": "bbb", "Key": "large", "VersionId": "null"}]
    finally:
        path.write_bytes(sound)
    assert scrubbed(cloud)["Damaged"] == 0


def test_the_commands_say_so(cloud: running.RunningS3, capsys: pytest.CaptureFixture[str]) -> None:
    root = cloud.layout.root
    buckets.list_buckets(root=root)
    buckets.usage(root=root)
    buckets.scrub(root=root)
    scrubbed(cloud)
    buckets.status(root=root)
    said = capsys.readouterr().out
    for word in ("bbb", "admin", "390.6 KiB", "scrub-", "ended"):
        assert word in said


def test_a_quota_is_shown_without_being_changed(
    cloud: running.RunningS3, capsys: pytest.CaptureFixture[str]
) -> None:
    root = cloud.layout.root

    def said(**asked: Any) -> str:
        buckets.quota("bbb", root=root, **asked)
        return capsys.readouterr().out.strip()

    capsys.readouterr()
    assert said() == "none"
    assert said(bytes=10 << 30) == "10.0 GiB"
    assert said() == "10.0 GiB"
    assert said(objects=5) == "10.0 GiB, 5 objects"
    assert said(none=True, objects=6) == "6 objects"
    assert said(none=True) == "none"
    with pytest.raises(steps.Failed, match="no bucket ccc"):
        buckets.quota("ccc", root=root)
