"""What happens in a bucket is told to its webhooks as AWS tells it, once at least and in order."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Generator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from mallee.cli import client
from mallee.cloud.s3.buckets import buckets, expiring
from mallee.cloud.s3.events import delivering
from mallee.cloud.state import records
from mallee.model.configuration.settings import Settings, Webhooks
from mallee.model.storage.buckets import NOTIFICATION
from mallee.model.storage.webhooks import Webhook
from tests.cloud.s3 import listener as listeners
from tests.cloud.s3 import running
from tests.cloud.s3.desk import Desk
from tests.cloud.s3.listener import Listener

TAGS = {"TagSet": [{"Key": "t", "Value": "1"}]}


@pytest.fixture(scope="module")
def cloud() -> Generator[running.RunningS3]:
    """A cloud whose webhooks may be on this machine."""
    with running.fresh(webhooks=Webhooks(local=True)) as made:
        yield made


@pytest.fixture
def listener() -> Generator[Listener]:
    """A webhook's server."""
    with listeners.listening() as made:
        yield made


def hook(cloud: running.RunningS3, name: str, url: str) -> tuple[str, str]:
    """Register a webhook; return its ARN and its secret."""
    made = client.call(cloud.layout, "mallee", "CreateWebhook", {"Name": name, "Url": url})
    return made["Webhook"]["Arn"], made["Secret"]


def topic(arn: str, *events: str, **affixes: str) -> dict[str, Any]:
    """A configuration that tells a webhook."""
    rules = [{"Name": name, "Value": value} for name, value in affixes.items()]
    inside: dict[str, Any] = {"TopicArn": arn, "Events": list(events)}
    return {**inside, "Filter": {"Key": {"FilterRules": rules}}} if rules else inside


def configure(s3: Any, bucket: str, *topics: dict[str, Any], **more: Any) -> None:
    """Set a bucket's configuration, without a test event."""
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"TopicConfigurations": list(topics), **more},
        SkipDestinationValidation=True,
    )


def test_a_webhook_is_tested_and_its_messages_are_signed(
    cloud: running.RunningS3, listener: Listener
) -> None:
    arn, secret = hook(cloud, "signed", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="signed")
    wanted = {"TopicConfigurations": [{"Id": "one", **topic(arn, "s3:ObjectCreated:*")}]}
    s3.put_bucket_notification_configuration(Bucket="signed", NotificationConfiguration=wanted)
    got = s3.get_bucket_notification_configuration(Bucket="signed")
    assert got["TopicConfigurations"] == wanted["TopicConfigurations"]
    listener.wait(lambda: bool(listener.messages))
    test = json.loads(listener.messages[0][1])
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", "signed")
    s3.put_object(Bucket="signed", Key="a b/ü+~*", Body=b"12345")
    [told] = listener.wait_names("ObjectCreated:Put")
    headers, body = listener.messages[-1]
    at, mac = (part.partition("=")[2] for part in headers["X-Mallee-Signature"].split(","))
    expected = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    assert mac == expected.hexdigest()
    assert told["eventVersion"] == "2.1"
    assert told["awsRegion"] == "us-east-1"
    assert told["userIdentity"]["principalId"].startswith("AWS:AIDA")
    assert told["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    assert len(told["responseElements"]["x-amz-request-id"]) == 16
    about = told["s3"]
    assert (about["configurationId"], about["bucket"]["arn"]) == ("one", "arn:aws:s3:::signed")
    thing = about["object"]
    assert thing["key"] == "a+b/%C3%BC%2B%7E*"
    assert thing["size"] == 5
    assert thing["eTag"] == hashlib.md5(b"12345").hexdigest()
    assert "versionId" not in thing


def test_every_way_to_change_an_object_is_told(
    cloud: running.RunningS3, listener: Listener
) -> None:
    arn, _ = hook(cloud, "ways", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="ways")
    versioned = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="ways", VersioningConfiguration=versioned)
    every = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*")
    configure(s3, "ways", topic(arn, *every))
    put = s3.put_object(Bucket="ways", Key="k", Body=b"1")
    s3.copy_object(Bucket="ways", Key="l", CopySource="ways/k")
    upload = s3.create_multipart_upload(Bucket="ways", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="ways", Key="m", UploadId=upload, PartNumber=1, Body=b"p")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="ways", Key="m", UploadId=upload, MultipartUpload=parts)
    s3.put_object_tagging(Bucket="ways", Key="k", Tagging=TAGS)
    s3.delete_object_tagging(Bucket="ways", Key="k")
    marker = s3.delete_object(Bucket="ways", Key="k")["VersionId"]
    gone = [{"Key": "k", "VersionId": put["VersionId"]}, {"Key": "nothing", "VersionId": "x"}]
    s3.delete_objects(Bucket="ways", Delete={"Objects": gone})
    told = listener.wait_names(
        "ObjectCreated:Put",
        "ObjectCreated:Copy",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectRemoved:Delete",
    )
    things = [one["s3"]["object"] for one in told]
    assert things[0]["versionId"] == things[-1]["versionId"] == put["VersionId"]
    assert things[5]["versionId"] == marker
    assert "size" not in things[-1]
    assert "eTag" not in things[-1]
    sequence = [one["sequencer"] for one in things]
    assert sequence == sorted(set(sequence))


def test_only_what_fits_a_filter_is_told(cloud: running.RunningS3, listener: Listener) -> None:
    arn, _ = hook(cloud, "filtered", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="filtered")
    configure(
        s3,
        "filtered",
        topic(arn, "s3:ObjectCreated:Put", prefix="in/", suffix=".jpg"),
        topic(arn, "s3:ObjectRemoved:Delete", prefix="in/"),
    )
    for key in ("in/a.txt", "out/a.jpg", "in/a.jpg", "in/"):
        s3.put_object(Bucket="filtered", Key=key)
        s3.delete_object(Bucket="filtered", Key=key)
    told = listener.wait_names(
        *("ObjectRemoved:Delete", "ObjectCreated:Put", "ObjectRemoved:Delete"),
        "ObjectRemoved:Delete",
    )
    keys = [one["s3"]["object"]["key"] for one in told]
    assert keys == ["in/a.txt", "in/a.jpg", "in/a.jpg", "in/"]


def test_what_is_not_taken_is_sent_again_and_nothing_overtakes(
    cloud: running.RunningS3, listener: Listener
) -> None:
    arn, _ = hook(cloud, "failing", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="failing")
    configure(s3, "failing", topic(arn, "s3:ObjectCreated:*"))
    statuses = iter((500, 302, 200))
    listener.answer = lambda: next(statuses, 200)
    for number in range(5):
        s3.put_object(Bucket="failing", Key=f"k{number}")
    told = listener.wait_names(*["ObjectCreated:Put"] * 5)
    assert [one["s3"]["object"]["key"] for one in told] == [f"k{n}" for n in range(5)]


def test_the_trail_is_told_for_event_bridge(cloud: running.RunningS3, listener: Listener) -> None:
    s3 = cloud.s3()
    s3.create_bucket(Bucket="trailed")
    configure(s3, "trailed", EventBridgeConfiguration={})
    got = s3.get_bucket_notification_configuration(Bucket="trailed")
    assert got["EventBridgeConfiguration"] == {}
    s3.put_object(Bucket="trailed", Key="k", Body=b"1")

    def is_told(asked: dict[str, str]) -> bool:
        calls = client.call(cloud.layout, "mallee", "LookupCalls", asked)["Calls"]
        return any("trailed" in call.get("Parameters", "") for call in calls)

    for name in ("s3:ObjectCreated:Put", "ObjectCreated:Put"):
        asked = {"ActionName": name}
        listener.wait(partial(is_told, asked), "a line of the trail")
    assert not is_told({"ActionName": "s3:Put"})


def test_a_renamed_object_is_made_and_removed(cloud: running.RunningS3, listener: Listener) -> None:
    arn, _ = hook(cloud, "renamed", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="renamed")
    configure(s3, "renamed", topic(arn, "s3:ObjectCreated:*", "s3:ObjectRemoved:*"))
    s3.put_object(Bucket="renamed", Key="old", Body=b"1")
    s3.rename_object(Bucket="renamed", Key="new", RenameSource="/renamed/old")
    told = listener.wait_names("ObjectCreated:Put", "ObjectCreated:Put", "ObjectRemoved:Delete")
    assert [one["s3"]["object"]["key"] for one in told] == ["old", "new", "old"]


WRONG = [
    ({"TopicConfigurations": [topic("arn:aws:sns:us-east-1:1:t", "s3:ObjectCreated:*")]}, "Unable"),
    ({"TopicConfigurations": [topic("no-arn", "s3:ObjectCreated:*")]}, "parsed"),
    (
        {
            "QueueConfigurations": [
                {"QueueArn": "arn:aws:sqs:us-east-1:1:q", "Events": ["s3:ObjectCreated:*"]}
            ]
        },
        "Unable to validate the following destination configurations",
    ),
    ({"TopicConfigurations": [topic("HOOK", "s3:Nonsense:*")]}, "not supported"),
    (
        {"TopicConfigurations": [topic("HOOK", "s3:ObjectCreated:*", infix="a")]},
        "prefix or suffix",
    ),
    (
        {
            "TopicConfigurations": [
                topic("HOOK", "s3:ObjectCreated:*", prefix="a"),
                topic("HOOK", "s3:ObjectCreated:Put", prefix="ab", suffix=".x"),
            ]
        },
        "ambiguously",
    ),
    (
        {
            "TopicConfigurations": [
                {"Id": "i", **topic("HOOK", "s3:ObjectCreated:*", prefix="a")},
                {"Id": "i", **topic("HOOK", "s3:ObjectRemoved:*", prefix="a")},
            ]
        },
        "unique",
    ),
]


@pytest.mark.parametrize(("wanted", "words"), WRONG)
def test_what_cannot_be_told_is_refused(
    cloud: running.RunningS3, wanted: dict[str, Any], words: str
) -> None:
    s3 = cloud.s3()
    name = f"wrong-{hashlib.sha256(words.encode()).hexdigest()[:16]}"
    s3.create_bucket(Bucket=name)
    arn, _ = hook(cloud, name, "http://127.0.0.1/")
    text = json.dumps(wanted).replace("HOOK", arn)
    with pytest.raises(ClientError, match=f"InvalidArgument.*{words}"):
        s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=json.loads(text)
        )
    assert "TopicConfigurations" not in s3.get_bucket_notification_configuration(Bucket=name)


def test_what_never_happens_here_is_refused(cloud: running.RunningS3) -> None:
    s3 = cloud.s3()
    s3.create_bucket(Bucket="never")
    with pytest.raises(ClientError, match="does not occur"):
        configure(s3, "never", topic("arn:x", "s3:ObjectRestore:Post"))


def test_another_accounts_webhook_is_as_one_that_is_not_there(cloud: running.RunningS3) -> None:
    client.call(cloud.layout, "mallee", "CreateAccount", {"AccountName": "physics"})
    asked = {"Name": "theirs", "Url": "http://127.0.0.1/", "AccountName": "physics"}
    arn = client.call(cloud.layout, "mallee", "CreateWebhook", asked)["Webhook"]["Arn"]
    s3 = cloud.s3()
    s3.create_bucket(Bucket="mine")
    with pytest.raises(ClientError, match="Unable to validate"):
        configure(s3, "mine", topic(arn, "s3:ObjectCreated:*"))


def test_addresses_of_this_machine_are_not_asked_unless_that_is_allowed(listener: Listener) -> None:
    with running.fresh() as closed:
        arn, _ = hook(closed, "inside", listener.url)
        s3 = closed.s3()
        s3.create_bucket(Bucket="inside")
        configure(s3, "inside", topic(arn, "s3:ObjectCreated:*"))
        s3.put_object(Bucket="inside", Key="k")

        def shown() -> dict[str, Any]:
            found: dict[str, Any] = client.call(closed.layout, "mallee", "DescribeWebhooks")
            return found["Webhooks"][0]

        listener.wait(lambda: "Problem" in shown(), "a problem")
        assert "no address that may be asked" in shown()["Problem"]
        assert shown()["Waiting"] == 1
    assert listener.messages == []


def test_what_waits_for_a_webhook_that_is_gone_is_dropped(
    cloud: running.RunningS3, listener: Listener
) -> None:
    arn, _ = hook(cloud, "gone", listener.url)
    s3 = cloud.s3()
    s3.create_bucket(Bucket="gone")
    configure(s3, "gone", topic(arn, "s3:ObjectCreated:*"))
    listener.answer = lambda: 500
    s3.put_object(Bucket="gone", Key="k")
    client.call(cloud.layout, "mallee", "DeleteWebhook", {"Name": "gone"})
    with listeners.listening() as other:
        again, _ = hook(cloud, "another", other.url)
        configure(s3, "gone", topic(again, "s3:ObjectCreated:*"))
        s3.put_object(Bucket="gone", Key="after")
        [told] = other.wait_names("ObjectCreated:Put")
    assert told["s3"]["object"]["key"] == "after"
    assert listener.messages == []


async def test_what_rules_end_is_told(desk: Desk) -> None:
    arn = "arn:aws:mallee:us-east-1:000000000001:webhook/w"
    kept = {"TopicConfigurations": [{"Id": "i", **topic(arn, "s3:LifecycleExpiration:*")}]}

    def write(tx: Any) -> None:
        for name in ("bbb", "versions"):
            record = tx.get(records.BUCKET, name)
            documents = {**record.doc.documents, NOTIFICATION: kept}
            tx.write(record, replace(record.doc, documents=documents))

    await desk.store.run(write)
    for bucket in ("bbb", "versions"):
        await desk.put("k", b"1", bucket)
        rule = {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
        rules = {"Rules": [rule]}
        await desk.ask(
            "PutBucketLifecycleConfiguration", Bucket=bucket, LifecycleConfiguration=rules
        )
    desk.clock.time += 3 * 86_400
    for bucket in ("bbb", "versions"):
        record = buckets.find(desk.store.view, bucket)
        assert record is not None
        assert expiring.expire(desk.engine, record, desk.clock.now()) == 1
    notes = desk.engine.reader.notes("webhook:000000000001/w", 10)
    told = json.loads(delivering.message("here", notes))["Records"]
    assert [(one["eventName"], one["awsRegion"]) for one in told] == [
        ("LifecycleExpiration:Delete", "here"),
        ("LifecycleExpiration:DeleteMarkerCreated", "here"),
    ]
    assert told[0]["eventVersion"] == "2.3"
    assert told[0]["userIdentity"] == {"principalId": "s3.amazonaws.com"}


async def test_what_waited_for_a_day_is_dropped_and_counted(desk: Desk) -> None:
    number = 7

    def write(tx: Any, _: Any) -> None:
        for _n in range(3):
            tx.note("webhook:000000000001/w", number, b"{}", 100)

    desk.engine.commit(write).result()
    doc = Webhook(name="w", url="http://127.0.0.1:1/", created_at=0, sealed_secret=b"")

    def register(tx: Any) -> None:
        tx.insert(records.WEBHOOK, "000000000001", "000000000001/w", doc)

    await desk.store.run(register)
    desk.clock.time += 86_500
    means: Any = SimpleNamespace(
        store=desk.store,
        engine=desk.engine,
        clock=desk.clock,
        settings=Settings(),
        key_file=None,
        trail=None,
    )
    task = asyncio.create_task(delivering.keep_delivering(means))
    async with asyncio.timeout(30):
        while not (seen := desk.store.view.get(records.WEBHOOK, "000000000001/w").seen) or (
            seen.dropped != 3
        ):
            desk.clock.time += 1
            await asyncio.sleep(0.02)
    task.cancel()
    assert (seen.waiting, seen.delivered_at) == (0, 0.0)
    assert desk.engine.reader.queues()[0].dropped == 3
