"""Notifications: which events of a bucket are told to which webhooks, and to the trail.

A topic of AWS is a webhook here, named by its ARN; EventBridge is the cloud's own trail; queues and
functions there are none, so a configuration that names one is refused as AWS refuses what does not
exist (design 020). Called by the pipeline. Not its business: events as they happen (`notices`).
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Serve
from mallee.cloud.call import Call, Result
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.buckets.buckets import BucketRecord
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import versions
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import records, store
from mallee.model.storage import webhooks
from mallee.model.storage.buckets import NOTIFICATION

CONFIGURATIONS_MAX = 100
VALUE_BYTES_MAX = 1024
_TOPICS = "TopicConfigurations"
_ELSEWHERE = ("QueueConfigurations", "LambdaFunctionConfigurations")
EVENTS = frozenset(
    {
        "s3:ObjectCreated:*",
        "s3:ObjectCreated:Put",
        "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "s3:LifecycleExpiration:*",
        "s3:LifecycleExpiration:Delete",
        "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectTagging:*",
        "s3:ObjectTagging:Put",
        "s3:ObjectTagging:Delete",
        "s3:ObjectAcl:Put",
    }
)
"""What happens in this cloud."""
_ONLY_ELSEWHERE = (
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectRestore:",
    "s3:Replication:",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAnnotation:",
    "s3:ObjectRetention:",
)
"""What AWS knows and never happens here: nothing moves between classes, or to other regions."""


async def put(call: ObjectCall, asked: Asked) -> Answer:
    """Replace a bucket's configuration, and tell each webhook in it that it is meant."""
    record = buckets.asked_for(call.view, asked)
    wanted: Asked = asked.get("NotificationConfiguration") or {}
    kept = _kept(call, record, wanted)
    name, number = record.id, record.doc.number
    await call.store.run(lambda tx: _write(tx, (name, number), kept))
    targets = {rule.target for rule in notices.rules(kept)} - {notices.TRAIL}
    if targets and not asked.get("SkipDestinationValidation"):
        body = _test_event(call, record)

        def work(tx: Any, _: Any) -> None:
            for target in sorted(targets):
                tx.note(target, number, body, notices.WAITING_MAX)

        await versions.commit(call, work)
    return Answer()


def get(call: Call, asked: Asked) -> Result:
    """Return a bucket's configuration."""
    return dict(buckets.asked_for(call.view, asked).doc.documents.get(NOTIFICATION) or {})


def _write(tx: store.Tx, bucket: tuple[str, int], kept: dict[str, Any]) -> None:
    name, number = bucket
    record = tx.get(records.BUCKET, name)
    if record is None or record.doc.number != number:
        raise errors.s3.NoSuchBucket(bucket=name)
    others = {key: one for key, one in record.doc.documents.items() if key != NOTIFICATION}
    documents = {**others, NOTIFICATION: kept} if kept else others
    tx.write(record, replace(record.doc, documents=documents))


def _test_event(call: ObjectCall, record: BucketRecord) -> bytes:
    return msgspec.json.encode(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": notices.time_text(int(call.now * 1000)),
            "Bucket": record.id,
            "RequestId": call.request_id,
            "HostId": call.request_id,
        }
    )


# --- what may be configured ---


def _kept(call: ObjectCall, record: BucketRecord, wanted: Asked) -> dict[str, Any]:
    """Return a configuration as it is kept; raise when it cannot be."""
    topics: list[Any] = wanted.get(_TOPICS) or []
    for number, one in enumerate(topics, start=1):
        _check(one)
        if not one.get("Id"):
            one["Id"] = f"{call.request_id}-{number}"
    for member in _ELSEWHERE:
        for one in wanted.get(member) or ():
            _check(one)
            raise _unreachable(next(str(one[name]) for name in one if name.endswith("Arn")))
    for one in topics:
        _check_target(call, record, one["TopicArn"])
    _check_together(topics)
    kept: dict[str, Any] = {_TOPICS: topics} if topics else {}
    if wanted.get("EventBridgeConfiguration") is not None:
        kept["EventBridgeConfiguration"] = {}
    return kept


def _check_target(call: ObjectCall, record: BucketRecord, arn: str) -> None:
    """Raise unless an ARN names a webhook of the bucket's account."""
    if not arn.startswith("arn:"):
        raise errors.s3.InvalidArgument("The ARN could not be parsed", argument="Topic", value=arn)
    found = call.view.get(records.WEBHOOK, webhooks.id_in(arn))
    is_right = found is not None and webhooks.arn(call.settings.region, found.id) == arn
    if found is None or not is_right or found.account != record.account:
        raise _unreachable(arn)


def _unreachable(arn: str) -> errors.s3.S3Error:
    return errors.s3.InvalidArgument(
        "Unable to validate the following destination configurations",
        argument=arn[:1024],
        value="The destination does not exist in this cloud, or belongs to another account",
    )


def _check(one: Asked) -> None:
    wanted: list[str] = one.get("Events") or []
    if not wanted:
        raise errors.s3.MalformedXML()
    for event in wanted:
        if event in EVENTS:
            continue
        if event.startswith(_ONLY_ELSEWHERE):
            raise errors.s3.NotImplemented(f"The event {event[:100]} does not occur in this cloud.")
        raise errors.s3.InvalidArgument(
            "The event is not supported for notifications", argument="Event", value=event[:100]
        )
    lines = notices.lines_of(one)
    names = [str(line.get("Name") or "").lower() for line in lines]
    for name, line in zip(names, lines, strict=True):
        _check_line(name, line, names)


def _check_line(name: str, line: Asked, names: Sequence[str]) -> None:
    if name not in ("prefix", "suffix"):
        raise errors.s3.InvalidArgument(
            "filter rule name must be either prefix or suffix",
            argument="FilterRule.Name",
            value=name[:100],
        )
    if names.count(name) > 1:
        raise errors.s3.InvalidArgument(f"Cannot specify more than one {name} rule in a filter.")
    if len((line.get("Value") or "").encode()) > VALUE_BYTES_MAX:
        raise errors.s3.InvalidArgument(
            "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"
        )


def _check_together(topics: Sequence[Asked]) -> None:
    """Raise when rules are too many, have one name, or would tell one event twice."""
    ids = [one["Id"] for one in topics]
    if len(ids) > CONFIGURATIONS_MAX:
        raise errors.s3.InvalidArgument("The number of configurations exceeds the allowed limit")
    if len(set(ids)) < len(ids):
        raise errors.s3.InvalidArgument(
            "Same ID used for multiple configurations. IDs must be unique"
        )
    for one, other in itertools.combinations(topics, 2):
        if _have_common(one["Events"], other["Events"]) and _overlap(one, other):
            raise errors.s3.InvalidArgument(
                "Configuration is ambiguously defined. Cannot have overlapping suffixes in two "
                "rules if the prefixes are overlapping for the same event type."
            )


def _have_common(some: Iterable[str], others: Iterable[str]) -> bool:
    return any(
        notices.covers(one, other) or notices.covers(other, one)
        for one, other in itertools.product(some, others)
    )


def _overlap(one: Asked, other: Asked) -> bool:
    """Tell whether there can be a key that both are about."""
    mine, theirs = notices.affixes_of(one), notices.affixes_of(other)
    prefixes = sorted((mine.get("prefix", ""), theirs.get("prefix", "")), key=len)
    suffixes = sorted((mine.get("suffix", ""), theirs.get("suffix", "")), key=len)
    return prefixes[1].startswith(prefixes[0]) and suffixes[1].endswith(suffixes[0])


ACTIONS = (
    rows.of_bucket(
        "PutBucketNotificationConfiguration",
        Serve(handle=put, changes=True),
        "s3:PutBucketNotification",
        ("NotificationConfiguration", "SkipDestinationValidation"),
    ),
    rows.of_bucket(
        "GetBucketNotificationConfiguration", Read(handle=get), "s3:GetBucketNotification"
    ),
)
