"""Deleting objects: hidden by a marker where versions are kept, gone for good where not.

Many at once are one transaction: all of them are durable when the answer goes. Each key is allowed
or refused by itself. Called by the pipeline. Not its business: buckets (`buckets`), expiry.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mallee.aws import errors
from mallee.cloud.action import Action, Serve
from mallee.cloud.call import Call
from mallee.cloud.s3 import rows
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import about, conditions, locks, versions
from mallee.cloud.s3.objects.conditions import Conditions
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import Versioning
from mallee.walrus.records import NULL, Blob, Version
from mallee.walrus.seam import Tx

KEYS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One key, or one of its versions, to be deleted."""

    place: Place
    id: str | None
    """The version; None: whatever is there now."""
    marker: str
    """The id of the marker, should one be made."""
    conditions: Conditions = conditions.NONE
    may_bypass: bool = False
    """Whether a lock in governance mode is got around."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a deletion."""

    is_marker: bool
    """Whether a marker was made, or one was deleted."""
    id: str | None
    """The version that was deleted, or the marker that was made."""


async def delete(call: ObjectCall, asked: Asked) -> Answer:
    """Delete an object, or one version of it; one that is not there is deleted already."""
    where = versions.place(call, asked)
    if asked.get("VersionId") is not None:
        versions.check_id(asked["VersionId"])
    bypasses = bool(asked.get("BypassGovernanceRetention"))
    deletion = Deletion(
        place=where,
        id=asked.get("VersionId"),
        marker=versions.id_for(where.bucket),
        conditions=conditions.of_deletion(asked),
        may_bypass=bypasses and call.may(locks.BYPASS, rows.object_arn(asked)),
    )
    now = call.now
    done = await versions.commit(call, lambda tx, _: perform(tx, deletion, now))
    result: dict[str, object] = {}
    if done.is_marker:
        result["DeleteMarker"] = True
    if done.id is not None:
        result["VersionId"] = done.id
    return Answer(result=result)


def perform(tx: Tx, deletion: Deletion, now: float) -> Done:
    """Do one deletion inside a transaction; doing it twice is doing it once, but for markers."""
    where, id = deletion.place, deletion.id
    number, key = where.number, where.key
    current = tx.current(number, key)
    if deletion.conditions != conditions.NONE:
        meant = current if id is None else tx.version(number, key, id)
        conditions.check_write(deletion.conditions, meant)
    if id is None and where.bucket.versioning is not Versioning.NEVER:
        marker = Version(id=deletion.marker, is_marker=True, modified_ms=tx.now_ms)
        versions.add(tx, where, marker)
        return Done(is_marker=True, id=marker.id)
    found = tx.version(number, key, NULL if id is None else id)
    if found is not None:
        if not found.is_marker:
            lock = about.of(found).lock
            locks.check_removable(lock, now, may_bypass=deletion.may_bypass)
        tx.remove(number, key, found.id)
        if where.watch is not None:
            notices.tell(tx, where.watch, where.watch.removed, (where.bucket, key, found))
    return Done(is_marker=found is not None and found.is_marker, id=id)


# --- many ---


async def delete_many(call: ObjectCall, asked: Asked) -> Answer:
    """Delete up to a thousand objects; tell for each what became of it."""
    wanted: list[Asked] = asked["Delete"].get("Objects") or []
    if not 0 < len(wanted) <= KEYS_MAX:
        raise errors.s3.MalformedXML()
    where = versions.place(call, asked)
    refused: list[dict[str, object]] = []
    deletions: list[tuple[Asked, Deletion]] = []
    for one in wanted:
        refusal = _refusal(call, where, one)
        if refusal is None:
            deletions.append((one, _deletion(call, where, asked, one)))
        else:
            refused.append(_error(one, refusal))
    now = call.now

    def work(tx: Tx, _: Sequence[Blob]) -> list[Done | errors.s3.S3Error]:
        return [_attempt(tx, deletion, now) for _, deletion in deletions]

    outcomes = await versions.commit(call, work) if deletions else []
    deleted: list[dict[str, object]] = []
    for (one, _), outcome in zip(deletions, outcomes, strict=True):
        if isinstance(outcome, Done):
            deleted.append(_told(one, outcome))
        else:
            refused.append(_error(one, outcome))
    is_quiet = bool(asked["Delete"].get("Quiet"))
    return Answer(result={"Deleted": [] if is_quiet else deleted, "Errors": refused})


def _attempt(tx: Tx, deletion: Deletion, now: float) -> Done | errors.s3.S3Error:
    """Do one of many; one that must not be has changed nothing when it is refused."""
    try:
        return perform(tx, deletion, now)
    except errors.s3.S3Error as error:
        return error


def _deletion(call: ObjectCall, where: Place, asked: Asked, one: Asked) -> Deletion:
    arn = _arn(where, one)
    bypasses = bool(asked.get("BypassGovernanceRetention"))
    return Deletion(
        place=replace(where, key=one["Key"].encode()),
        id=one.get("VersionId"),
        marker=versions.id_for(where.bucket),
        conditions=conditions.of_listed(one),
        may_bypass=bypasses and call.may(locks.BYPASS, arn),
    )


def _refusal(call: ObjectCall, where: Place, one: Asked) -> errors.s3.S3Error | None:
    """Return why one of many is not deleted; None: it is."""
    size = len(one["Key"].encode())
    if size > versions.KEY_MAX:
        # A marker would stand for what no object can be called.
        return errors.s3.KeyTooLongError(size=size, most=versions.KEY_MAX)
    is_version = one.get("VersionId") is not None
    permission = "s3:DeleteObjectVersion" if is_version else "s3:DeleteObject"
    if call.may(permission, _arn(where, one), one.get("VersionId")):
        return None
    return errors.s3.AccessDenied()


def _arn(where: Place, one: Asked) -> str:
    return f"arn:aws:s3:::{where.bucket.name}/{one['Key']}"


def _told(one: Asked, done: Done) -> dict[str, object]:
    result: dict[str, object] = {"Key": one["Key"]}
    if one.get("VersionId") is not None:
        result["VersionId"] = one["VersionId"]
    if done.is_marker:
        result["DeleteMarker"] = True
        result["DeleteMarkerVersionId"] = done.id
    return result


def _error(one: Asked, error: errors.s3.S3Error) -> dict[str, object]:
    result: dict[str, object] = {"Key": one["Key"], "Code": error.code, "Message": error.message}
    if one.get("VersionId") is not None:
        result["VersionId"] = one["VersionId"]
    return result


def _needs_of_many(_call: Call, asked: Asked) -> Iterable[tuple[str, str]]:
    """Return nothing: which keys is in the body, and each is asked about by itself."""
    return ()


ACTIONS = (
    rows.of_object(
        "DeleteObject",
        Serve(handle=delete, changes=True),
        rows.on_version("s3:DeleteObject", "s3:DeleteObjectVersion"),
        ("VersionId", "BypassGovernanceRetention", *conditions.DELETE),
    ),
    Action(
        service="s3",
        name="DeleteObjects",
        does=Serve(handle=delete_many, changes=True),
        honours=frozenset(
            {
                "Bucket",
                "Delete",
                "RequestPayer",
                "BypassGovernanceRetention",
                "ExpectedBucketOwner",
                "ChecksumAlgorithm",
            }
        ),
        needs=_needs_of_many,
        is_everyones=True,
    ),
)
