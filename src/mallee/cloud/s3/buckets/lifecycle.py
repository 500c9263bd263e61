"""Lifecycle: rules by which objects, former versions, markers and uploads end by themselves.

Settings, and the pure plan of what is over at a moment (`plan_key`, `is_stale`). Days are whole:
what is to live so many of them ends at the midnight (UTC) after. Prefixes, tags and sizes narrow
down what a rule is about. Called by the pipeline, and by `expiring`, which does what is planned.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.objects import about
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import Bucket
from mallee.walrus.pages import Listed
from mallee.walrus.records import Upload, Version

DOCUMENT = "lifecycle"
_LAST_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""Whatever ends later ends on the last day that a date can say."""
RULES_MAX = 1000
_DAY_MS = 86_400_000
_SIZES = "all_storage_classes_128K"
"""What S3 says of objects too small to move between classes; nothing moves here."""

# --- settings ---


def put(call: WriteCall, asked: Asked) -> Result:
    """Set a bucket's rules."""
    record = buckets.asked_for(call.view, asked)
    if asked.get("TransitionDefaultMinimumObjectSize") not in (None, _SIZES):
        raise errors.s3.NotImplemented("Objects do not move between storage classes in this cloud.")
    document: Any = asked.get("LifecycleConfiguration")
    rules: list[Any] = document.get("Rules") if document else []
    if not 0 < len(rules) <= RULES_MAX:
        raise errors.s3.MalformedXML()
    for rule in rules:
        _check(rule)
    ids = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(ids)) < len(ids):
        raise errors.s3.InvalidArgument(
            "Rule ID must be unique. Found same ID for more than one rule"
        )
    kept = [_kept(rule, number) for number, rule in enumerate(rules, start=1)]
    documents = {**record.doc.documents, DOCUMENT: kept}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {"TransitionDefaultMinimumObjectSize": _SIZES}


def get(call: Call, asked: Asked) -> Result:
    """Return a bucket's rules."""
    record = buckets.asked_for(call.view, asked)
    rules: list[Any] | None = record.doc.documents.get(DOCUMENT)
    if rules is None:
        raise errors.s3.NoSuchLifecycleConfiguration(bucket=record.id)
    return {
        "Rules": [_shown(rule) for rule in rules],
        "TransitionDefaultMinimumObjectSize": _SIZES,
    }


def delete(call: WriteCall, asked: Asked) -> Result:
    """Take a bucket's rules away."""
    record = buckets.asked_for(call.view, asked)
    documents = {name: one for name, one in record.doc.documents.items() if name != DOCUMENT}
    call.tx.write(record, replace(record.doc, documents=documents))
    return {}


def _check(rule: Any) -> None:
    """Raise unless a rule says what ends, and when."""
    expiration: Any = rule.get("Expiration")
    former: Any = rule.get("NoncurrentVersionExpiration")
    uploads: Any = rule.get("AbortIncompleteMultipartUpload")
    has_filter = rule.get("Filter") is not None
    if rule.get("Status") not in ("Enabled", "Disabled") or has_filter == ("Prefix" in rule):
        raise errors.s3.MalformedXML()
    if expiration is None and former is None and uploads is None:
        raise errors.s3.InvalidRequest("At least one action needs to be specified in a rule.")
    if expiration is not None and len(expiration) != 1:
        raise errors.s3.MalformedXML()
    days = [
        expiration.get("Days") if expiration else None,
        former.get("NoncurrentDays") if former else None,
        uploads.get("DaysAfterInitiation") if uploads else None,
    ]
    if any(one is not None and one <= 0 for one in days):
        raise errors.s3.InvalidArgument("'Days' for Expiration action must be a positive integer")
    if former is not None and former.get("NoncurrentDays") is None:
        raise errors.s3.MalformedXML()
    if uploads is not None and (uploads.get("DaysAfterInitiation") is None or _tags(rule)):
        raise errors.s3.InvalidRequest(
            "AbortIncompleteMultipartUpload cannot be specified with Tags."
        )
    date: datetime | None = expiration.get("Date") if expiration else None
    if date is not None and date.timestamp() % (_DAY_MS // 1000):
        raise errors.s3.InvalidArgument("'Date' must be at midnight GMT")


def _kept(rule: Any, number: int) -> dict[str, Any]:
    """Return a rule as it is kept: named, its date as text."""
    kept = {"ID": rule.get("ID") or f"rule-{number}", **rule}
    kept["ID"] = kept["ID"] or f"rule-{number}"
    expiration: Any = rule.get("Expiration")
    date: datetime | None = expiration.get("Date") if expiration else None
    if date is not None:
        kept["Expiration"] = {"Date": date.astimezone(UTC).isoformat()}
    return kept


def _shown(rule: Any) -> dict[str, Any]:
    expiration: Any = rule.get("Expiration")
    date: str | None = expiration.get("Date") if expiration else None
    return rule if date is None else {**rule, "Expiration": {"Date": datetime.fromisoformat(date)}}


# --- what is over ---


@dataclass(frozen=True, slots=True)
class Ending:
    """A version that is over."""

    key: bytes
    listed: Listed
    """As it was when that was found."""


def enabled(rules: Sequence[Any]) -> list[Any]:
    """Return those rules that do anything."""
    return [rule for rule in rules if rule["Status"] == "Enabled"]


def plan_key(
    rules: Sequence[Any], key: bytes, versions: Sequence[Listed], now_ms: int
) -> Iterator[Ending]:
    """Yield what is over of a key, of which these are all versions, from the newest on."""
    current = versions[0]
    for rule in rules:
        if not key.startswith(_prefix(rule)):
            continue
        if current.is_current and _is_over(rule, versions, now_ms):
            yield Ending(key, current)
            break
    over = {id for rule in rules for id in _former(rule, key, versions, now_ms)}
    yield from (Ending(key, one) for one in versions if one.version.id in over)


def shown_end(bucket: Bucket, key: bytes, version: Version) -> dict[str, str]:
    """Return what answers tell of when a current version will end, and by which rule."""
    ends = [
        (end_ms, rule["ID"])
        for rule in enabled(bucket.documents.get(DOCUMENT) or ())
        if key.startswith(_prefix(rule)) and (end_ms := _planned_ms(rule, version)) is not None
    ]
    if not ends or version.is_marker:
        return {}
    end_ms, id = min(ends)
    return {"Expiration": f'expiry-date="{_http_date(end_ms)}", rule-id="{quote(id, safe="")}"'}


def shown_abort(bucket: Bucket, upload: Upload) -> dict[str, object]:
    """Return what answers tell of when an upload will be given up, and by which rule."""
    ends = [
        (_end_ms(upload.started_ms, wanted["DaysAfterInitiation"]), rule["ID"])
        for rule in enabled(bucket.documents.get(DOCUMENT) or ())
        if (wanted := rule.get("AbortIncompleteMultipartUpload"))
        and upload.key.startswith(_prefix(rule))
    ]
    if not ends:
        return {}
    end_ms, id = min(ends)
    at = datetime.fromtimestamp(end_ms / 1000, UTC)
    return {"AbortDate": at, "AbortRuleId": quote(id, safe="")}


def _planned_ms(rule: Any, version: Version) -> int | None:
    """Return when a rule ends a version; None: it does not."""
    wanted: Any = rule.get("Expiration")
    if not wanted or not _is_meant(rule, Listed(version, True)):
        return None
    if wanted.get("Date"):
        return int(datetime.fromisoformat(wanted["Date"]).timestamp() * 1000)
    days: int | None = wanted.get("Days")
    return None if days is None else _end_ms(version.modified_ms, days)


def _http_date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def is_stale(rules: Sequence[Any], upload: Upload, now_ms: int) -> bool:
    """Tell whether an upload is to be given up."""
    for rule in rules:
        wanted: Any = rule.get("AbortIncompleteMultipartUpload")
        if not wanted or not upload.key.startswith(_prefix(rule)):
            continue
        if _end_ms(upload.started_ms, wanted["DaysAfterInitiation"]) <= now_ms:
            return True
    return False


def _is_over(rule: Any, versions: Sequence[Listed], now_ms: int) -> bool:
    """Tell whether a rule ends the current version."""
    wanted: Any = rule.get("Expiration")
    if not wanted:
        return False
    version = versions[0].version
    if version.is_marker:
        return bool(wanted.get("ExpiredObjectDeleteMarker")) and len(versions) == 1
    if not _is_meant(rule, versions[0]):
        return False
    if wanted.get("Date"):
        return datetime.fromisoformat(wanted["Date"]).timestamp() * 1000 <= now_ms
    days: int | None = wanted.get("Days")
    return days is not None and _end_ms(version.modified_ms, days) <= now_ms


def _former(rule: Any, key: bytes, versions: Sequence[Listed], now_ms: int) -> Iterator[str]:
    """Yield the ids of former versions that a rule ends."""
    wanted: Any = rule.get("NoncurrentVersionExpiration")
    if not wanted or not key.startswith(_prefix(rule)):
        return
    spared: int = wanted.get("NewerNoncurrentVersions") or 0
    for newer, one in itertools.pairwise(versions):
        if spared > 0:
            spared -= 1
        elif _end_ms(newer.version.modified_ms, wanted["NoncurrentDays"]) <= now_ms and (
            one.version.is_marker or _is_meant(rule, one)
        ):
            yield one.version.id


def _is_meant(rule: Any, listed: Listed) -> bool:
    """Tell whether a rule's tags and sizes are those of a version."""
    found = _parts(rule)
    size = listed.version.size
    if size <= found.get("ObjectSizeGreaterThan", -1):
        return False
    if size >= found.get("ObjectSizeLessThan", size + 1):
        return False
    tags = _tags(rule)
    if not tags:
        return True
    own = about.of(listed.version).tags
    return all(own.get(tag["Key"]) == tag["Value"] for tag in tags)


def _prefix(rule: Any) -> bytes:
    found: str = rule.get("Prefix") or _parts(rule).get("Prefix") or ""
    return found.encode()


def _tags(rule: Any) -> list[Any]:
    found = _parts(rule)
    return found.get("Tags") or ([found["Tag"]] if found.get("Tag") else [])


def _parts(rule: Any) -> dict[str, Any]:
    given: dict[str, Any] = rule.get("Filter") or {}
    return given.get("And") or given


def _end_ms(began_ms: int, days: int) -> int:
    """Return the midnight after so many days."""
    return min(-(-(began_ms + days * _DAY_MS) // _DAY_MS) * _DAY_MS, _LAST_MS)


_RULE = "LifecycleConfiguration.Rules"

ACTIONS = (
    rows.of_bucket(
        "PutBucketLifecycleConfiguration",
        Write(handle=put),
        "s3:PutLifecycleConfiguration",
        (
            "ChecksumAlgorithm",
            "TransitionDefaultMinimumObjectSize",
            *(
                f"{_RULE}.{member}"
                for member in (
                    *("ID", "Prefix", "Status", "Filter", "Expiration"),
                    *("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"),
                )
            ),
        ),
    ),
    rows.of_bucket(
        "GetBucketLifecycleConfiguration", Read(handle=get), "s3:GetLifecycleConfiguration"
    ),
    rows.of_bucket("DeleteBucketLifecycle", Write(handle=delete), "s3:PutLifecycleConfiguration"),
)
