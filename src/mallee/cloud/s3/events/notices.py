"""Events: what happens to objects, written down for whom a bucket wants told, as it happens.

A *watch* is what a bucket's configuration and a request make together: who is told of which events
under which keys, and what they are told of who caused them. The event is a note in the transaction
of its change (`walrus.notes`): it is told exactly when the change is durable. Called by all that
changes objects. Not its business: settings (`notifications`), and telling (`delivering`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import msgspec

from mallee.cloud.call import Call
from mallee.cloud.s3.access import acls
from mallee.model.identity.sessions import CallerKind
from mallee.model.storage import buckets, webhooks
from mallee.model.storage.buckets import Bucket
from mallee.walrus.records import Version
from mallee.walrus.seam import Tx

TRAIL = "trail"
"""The target of events that the trail is told."""
WEBHOOK = "webhook:"
"""What a webhook's target begins with; its record's id follows."""
ACCOUNT = "account"
"""The member of a note that is not told to webhooks: whose the bucket is."""
WAITING_MAX = 100_000
"""Events of a bucket that may wait for a target."""
LIFECYCLE = "s3.amazonaws.com"
"""Who causes what lifecycle rules do."""

_MADE = {
    "PutObject": "ObjectCreated:Put",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
_POSTED = "ObjectCreated:Post"
_FORM, _LATER_FORM = "2.1", "2.3"
"""Versions of AWS's form: the later one is of events that came later, of lifecycles and tags."""
_OF_FIRST_FORM = ("ObjectCreated", "ObjectRemoved")
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
"""The ETag of nothing, which a marker is told to have."""


@dataclass(frozen=True, slots=True)
class Rule:
    """That a target is told of some events under some keys."""

    target: str
    id: str
    events: Sequence[str]
    """With `s3:` before them, or empty: every one."""
    prefix: bytes = b""
    suffix: bytes = b""

    def is_about(self, event: str, key: bytes) -> bool:
        """Tell whether the rule's target is to be told."""
        if not (key.startswith(self.prefix) and key.endswith(self.suffix)):
            return False
        return not self.events or any(covers(one, f"s3:{event}") for one in self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told of what happens in a bucket, and what of who causes it."""

    rules: Sequence[Rule]
    owner: str
    """The bucket's owner, by the name that S3 has for the account."""
    account: str
    """The same, by its number."""
    principal: str
    peer: str
    request_id: str
    made: str = ""
    """The event that a new version is."""
    marked: str = "ObjectRemoved:DeleteMarkerCreated"
    removed: str = "ObjectRemoved:Delete"


def of_call(call: Call, account: str, bucket: Bucket, *, is_form: bool = False) -> Watch | None:
    """Return who is told of what a request changes in a bucket; None: nobody."""
    document = bucket.documents.get(buckets.NOTIFICATION)
    if not document:
        return None
    who = call.principal
    return Watch(
        rules=rules(document),
        owner=acls.canonical_id(account),
        account=account,
        principal="Anonymous" if who.kind is CallerKind.NOBODY else f"AWS:{who.user_id}",
        peer=call.peer,
        request_id=call.request_id,
        made=_POSTED if is_form else _MADE.get(call.action, _MADE["PutObject"]),
    )


def of_service(account: str, bucket: Bucket) -> Watch | None:
    """Return who is told of what S3 itself does in a bucket: by its rules, or to keep its logs."""
    document = bucket.documents.get(buckets.NOTIFICATION)
    if not document:
        return None
    return Watch(
        rules=rules(document),
        owner=acls.canonical_id(account),
        account=account,
        principal=LIFECYCLE,
        peer=LIFECYCLE,
        request_id="",
        made=_MADE["PutObject"],
        marked="LifecycleExpiration:DeleteMarkerCreated",
        removed="LifecycleExpiration:Delete",
    )


def rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules that a bucket's configuration is."""
    found = [
        _rule(WEBHOOK + webhooks.id_in(one["TopicArn"]), one)
        for one in document.get("TopicConfigurations") or ()
    ]
    if document.get("EventBridgeConfiguration") is not None:
        found.append(Rule(TRAIL, "", ()))
    return tuple(found)


def _rule(target: str, document: Mapping[str, Any]) -> Rule:
    affixes = affixes_of(document)
    return Rule(
        target,
        document["Id"],
        tuple(document["Events"]),
        affixes.get("prefix", "").encode(),
        affixes.get("suffix", "").encode(),
    )


def affixes_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the prefix and the suffix that keys must have, as far as there are any."""
    return {str(line.get("Name")).lower(): line.get("Value") or "" for line in lines_of(document)}


def lines_of(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the lines of a configuration's filter."""
    inside: Any = document.get("Filter")
    inside = inside.get("Key") if inside else None
    found: Any = inside.get("FilterRules") if inside else None
    return found or ()


def covers(wanted: str, event: str) -> bool:
    """Tell whether an event is one of those that are wanted (`s3:ObjectCreated:*`)."""
    if wanted.endswith(":*"):
        return event.startswith(wanted[:-1]) or event == wanted
    return event == wanted


# --- in the transaction ---


def tell(tx: Tx, watch: Watch, event: str, where: tuple[Bucket, bytes, Version]) -> None:
    """Write down what has happened to a version, for each target that is to be told."""
    bucket, key = where[0], where[1]
    for rule in watch.rules:
        if rule.is_about(event, key):
            body = msgspec.json.encode(_record(tx, watch, (event, rule.id), where))
            tx.note(rule.target, bucket.number, body, WAITING_MAX)


def _record(
    tx: Tx, watch: Watch, told: tuple[str, str], where: tuple[Bucket, bytes, Version]
) -> dict[str, Any]:
    """Return an event as AWS tells it, without what is known when it is told: `delivering`."""
    event, rule_id = told
    bucket = where[0]
    return {
        ACCOUNT: watch.account,
        "eventVersion": _FORM if event.startswith(_OF_FIRST_FORM) else _LATER_FORM,
        "eventSource": "aws:s3",
        "eventTime": time_text(tx.now_ms),
        "eventName": event,
        "userIdentity": {"principalId": watch.principal},
        "requestParameters": {"sourceIPAddress": watch.peer},
        "responseElements": {
            "x-amz-request-id": watch.request_id,
            "x-amz-id-2": watch.request_id,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": watch.owner},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": _object(event, where),
        },
    }


def _object(event: str, where: tuple[Bucket, bytes, Version]) -> dict[str, Any]:
    bucket, key, version = where
    told: dict[str, Any] = {"key": quote_plus(key, safe="/*").replace("~", "%7E")}
    if event.startswith("ObjectCreated"):
        told["size"] = version.size
    if not event.endswith(":Delete") or event.startswith("ObjectTagging"):
        told["eTag"] = version.etag or _EMPTY
    if bucket.versioning is not buckets.Versioning.NEVER:
        told["versionId"] = version.id
    return told


def time_text(ms: int) -> str:
    """Return a time as events have it."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"
