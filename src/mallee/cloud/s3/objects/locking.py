"""Object lock as it is set and shown: of a bucket's new versions, and of a version.

Called by the pipeline. Not its business: what a lock hinders (`locks`).
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Serve, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import changing, locks, versions
from mallee.cloud.s3.objects.about import About, Found
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import DefaultRetention, Versioning

_DAYS_OF_YEAR = 365
_DAYS_MAX = 36_500

# --- buckets ---


def put_of_bucket(call: WriteCall, asked: Asked) -> Result:
    """Switch object lock on, for good, and say how new versions are locked."""
    record = buckets.asked_for(call.view, asked)
    wanted: Any = asked.get("ObjectLockConfiguration")
    if not wanted or wanted.get("ObjectLockEnabled") != "Enabled":
        raise errors.s3.MalformedXML()
    if record.doc.versioning is not Versioning.ENABLED:
        raise errors.s3.InvalidBucketState(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    rule: Any = wanted.get("Rule")
    retention = _default(rule.get("DefaultRetention")) if rule else None
    call.tx.write(record, replace(record.doc, has_object_lock=True, retention=retention))
    return {}


def _default(wanted: Any) -> DefaultRetention | None:
    if not wanted:
        return None
    mode: str = wanted.get("Mode") or ""
    days: int | None = wanted.get("Days")
    years: int | None = wanted.get("Years")
    if mode not in locks.MODES or (days is None) == (years is None):
        raise errors.s3.MalformedXML()
    length = days if days is not None else (years or 0) * _DAYS_OF_YEAR
    if not 0 < length <= _DAYS_MAX:
        raise errors.s3.InvalidArgument("Default retention period must be a positive integer value")
    return DefaultRetention(mode=mode, days=length)


def get_of_bucket(call: Call, asked: Asked) -> Result:
    """Tell whether versions can be locked, and how new ones are."""
    doc = buckets.asked_for(call.view, asked).doc
    if not doc.has_object_lock:
        raise errors.s3.ObjectLockConfigurationNotFoundError(bucket=doc.name)
    shown: dict[str, object] = {"ObjectLockEnabled": "Enabled"}
    if doc.retention is not None:
        retention = {"Mode": doc.retention.mode, "Days": doc.retention.days}
        shown["Rule"] = {"DefaultRetention": retention}
    return {"ObjectLockConfiguration": shown}


# --- versions ---


async def put_retention(call: ObjectCall, asked: Asked) -> Answer:
    """Lock a version until a date, or longer, or, where it can be got around, shorter."""
    where = _place(call, asked)
    wanted: Any = asked.get("Retention")
    mode: str = (wanted.get("Mode") or "") if wanted else ""
    until: datetime | None = wanted.get("RetainUntilDate") if wanted else None
    if bool(mode) != (until is not None):
        raise errors.s3.MalformedXML()
    if until is not None:
        locks.check_mode(mode)
        locks.check_future(until, call.now)
    asks_bypass = bool(asked.get("BypassGovernanceRetention"))
    may_bypass = asks_bypass and call.may(locks.BYPASS, rows.object_arn(asked))
    new, now = locks.retention(mode, until), call.now

    def change(kept: About) -> About:
        lock = locks.changed(kept.lock, new, now, may_bypass=may_bypass)
        return replace(kept, lock=lock)

    await changing.describe(call, (where, asked.get("VersionId")), change)
    return Answer()


async def get_retention(call: ObjectCall, asked: Asked) -> Answer:
    """Tell until when a version is locked."""
    lock = (await _look(call, asked)).about.lock
    if not lock.mode:
        raise errors.s3.NoSuchObjectLockConfiguration()
    until = locks.moment(lock.until_ms)
    return Answer(result={"Retention": {"Mode": lock.mode, "RetainUntilDate": until}})


async def put_hold(call: ObjectCall, asked: Asked) -> Answer:
    """Hold on to a version, or let it go."""
    where = _place(call, asked)
    wanted: Any = asked.get("LegalHold")
    status: str = (wanted.get("Status") or "") if wanted else ""
    if status not in ("ON", "OFF"):
        raise errors.s3.MalformedXML()

    def change(kept: About) -> About:
        return replace(kept, lock=replace(kept.lock, has_legal_hold=status == "ON"))

    await changing.describe(call, (where, asked.get("VersionId")), change)
    return Answer()


async def get_hold(call: ObjectCall, asked: Asked) -> Answer:
    """Tell whether somebody holds on to a version."""
    has_hold = (await _look(call, asked)).about.lock.has_legal_hold
    return Answer(result={"LegalHold": {"Status": "ON" if has_hold else "OFF"}})


def _place(call: ObjectCall, asked: Asked) -> Place:
    """Return the place that a request names, in a bucket whose versions can be locked."""
    where = versions.place(call, asked)
    if not where.bucket.has_object_lock:
        raise errors.s3.InvalidRequest("Bucket is missing Object Lock Configuration")
    return where


async def _look(call: ObjectCall, asked: Asked) -> Found:
    return await versions.look(call, _place(call, asked), asked.get("VersionId"))


_BODY = ("ContentMD5", "ChecksumAlgorithm")
_RULE = "ObjectLockConfiguration.Rule.DefaultRetention"

ACTIONS = (
    rows.of_bucket(
        "PutObjectLockConfiguration",
        Write(handle=put_of_bucket),
        "s3:PutBucketObjectLockConfiguration",
        (
            *_BODY,
            "ObjectLockConfiguration.ObjectLockEnabled",
            *(f"{_RULE}.{member}" for member in ("Mode", "Days", "Years")),
        ),
    ),
    rows.of_bucket(
        "GetObjectLockConfiguration",
        Read(handle=get_of_bucket),
        "s3:GetBucketObjectLockConfiguration",
    ),
    rows.of_object(
        "PutObjectRetention",
        Serve(handle=put_retention, changes=True),
        rows.on_object("s3:PutObjectRetention"),
        (
            *_BODY,
            "VersionId",
            "BypassGovernanceRetention",
            "Retention.Mode",
            "Retention.RetainUntilDate",
        ),
    ),
    rows.of_object(
        "GetObjectRetention",
        Serve(handle=get_retention, changes=False),
        rows.on_object("s3:GetObjectRetention"),
        ("VersionId",),
    ),
    rows.of_object(
        "PutObjectLegalHold",
        Serve(handle=put_hold, changes=True),
        rows.on_object("s3:PutObjectLegalHold"),
        (*_BODY, "VersionId", "LegalHold"),
    ),
    rows.of_object(
        "GetObjectLegalHold",
        Serve(handle=get_hold, changes=False),
        rows.on_object("s3:GetObjectLegalHold"),
        ("VersionId",),
    ),
)
