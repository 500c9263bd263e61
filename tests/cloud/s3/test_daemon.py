"""S3 as a process beside the cloud's: each may end and come back without harm to the other."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.cloud.s3 import processes as running
from tests.cloud.s3.processes import Processes
from tests.cloud.s3.wire import Wire
from tests.wholecloud import wait_until

PAUSE_S = 0.02
"""So long writers wait between two writes while a process starts."""


@pytest.fixture
def processes(root_dir: Path) -> Iterator[Processes]:
    with running.started(root_dir) as made:
        yield made


def test_both_end_cleanly_when_told_to(processes: Processes) -> None:
    s3 = processes.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 3_000_000)
    assert processes.end("s3") == 0
    assert not processes.layout.s3_door.exists()
    assert processes.end("cloud") == 0
    assert not processes.layout.cloud_door.exists()
    assert not processes.layout.trail_inbox.exists()


def test_clients_are_told_while_s3_is_away_and_others_go_on(processes: Processes) -> None:
    s3 = processes.client("s3")
    s3.create_bucket(Bucket="bucket")
    processes.end("s3", signal.SIGKILL)
    assert processes.client("sts").get_caller_identity()["Account"]
    with pytest.raises((ClientError, BotoCoreError)):
        s3.list_buckets()
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        s3.list_buckets()
    processes.start("s3")
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["bucket"]


def test_s3_goes_on_with_its_connections_while_the_cloud_is_away(processes: Processes) -> None:
    s3 = processes.client("s3")
    s3.create_bucket(Bucket="bucket")
    processes.end("cloud", signal.SIGKILL)
    s3.put_object(Bucket="bucket", Key="key", Body=b"data")
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"data"
    processes.start("cloud")
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 1
    assert processes.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 1


def test_key_that_is_gone_is_gone_in_s3_at_once(processes: Processes) -> None:
    iam, s3 = processes.client("iam"), processes.client("s3")
    s3.create_bucket(Bucket="bucket")
    iam.create_user(UserName="u")
    allowed = (
        '{"Version": "2012-10-17", "Statement": '
        '{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'
    )
    for _ in range(5):
        key = iam.create_access_key(UserName="u")["AccessKey"]
        user = processes.client("s3")
        user._request_signer._credentials.access_key = key["AccessKeyId"]
        user._request_signer._credentials.secret_key = key["SecretAccessKey"]
        with pytest.raises(ClientError, match="AccessDenied"):
            user.list_objects_v2(Bucket="bucket")
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=allowed)
        assert user.list_objects_v2(Bucket="bucket")["KeyCount"] == 0
        iam.delete_user_policy(UserName="u", PolicyName="p")
        with pytest.raises(ClientError, match="AccessDenied"):
            user.list_objects_v2(Bucket="bucket")
        iam.delete_access_key(UserName="u", AccessKeyId=key["AccessKeyId"])
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            user.list_objects_v2(Bucket="bucket")


def test_quick_client_may_mix_services_on_one_connection(processes: Processes) -> None:
    processes.client("s3").create_bucket(Bucket="bucket")
    key = json.loads(processes.layout.admin_credentials.read_text())
    with Wire(processes.port, key) as wire:
        listing = wire.head("GET", "/bucket?list-type=2")
        for _ in range(1000):
            wire.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert wire.reply().body == b"mallee\n"
            wire.send(listing)
            assert wire.reply().status == 200


def test_what_was_acknowledged_outlives_any_kill(processes: Processes) -> None:
    processes.client("s3").create_bucket(Bucket="bucket")
    acknowledged: dict[str, bytes] = {}
    over, hurry = threading.Event(), threading.Event()
    writers = [
        threading.Thread(
            target=_write, args=(processes.client("s3"), number, acknowledged, over, hurry)
        )
        for number in range(4)
    ]
    for writer in writers:
        writer.start()
    for name in ("s3", "cloud", "s3", "s3"):
        before = len(acknowledged)
        hurry.set()
        while len(acknowledged) < before + 20:
            over.wait(0.005)
        processes.end(name, signal.SIGKILL)
        # What starts shall not wait for four that write as fast as they can.
        hurry.clear()
        processes.start(name)
    over.set()
    for writer in writers:
        writer.join()
    s3 = processes.client("s3")
    for key, body in acknowledged.items():
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body


def _write(
    s3: Any,
    number: int,
    acknowledged: dict[str, bytes],
    over: threading.Event,
    hurry: threading.Event,
) -> None:
    count = 0
    while not over.is_set():
        count += 1
        key = f"{number}-{count}"
        body = key.encode() * (30_000 if count % 7 == 0 else 10)
        with suppress(ClientError, BotoCoreError):
            s3.put_object(Bucket="bucket", Key=key, Body=body)
            acknowledged[key] = body
        if not hurry.is_set():
            over.wait(PAUSE_S)


def test_changes_of_buckets_are_in_the_trail_and_objects_are_not(processes: Processes) -> None:
    s3 = processes.client("s3")
    s3.create_bucket(Bucket="told")
    s3.put_object(Bucket="told", Key="key", Body=b"x")
    s3.delete_bucket_tagging(Bucket="told")
    trail, names = processes.client("cloudtrail"), list[str]()

    def is_last_told() -> bool:
        found = trail.lookup_events()["Events"]
        names[:] = [one["EventName"] for one in found if one["EventSource"] == "s3.amazonaws.com"]
        return "DeleteBucketTagging" in names

    # Lines go to the trail in their order; on a busy machine no call waits for its own for long.
    wait_until(is_last_told, 120.0, "what was done last to be told")
    assert names == ["DeleteBucketTagging", "CreateBucket"]
