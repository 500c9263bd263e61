"""Versions: which one a request means, and what a write or a deletion makes of those there are.

Called by everything that reads or changes objects. Not its business: bytes, headers, permissions.
"""

import asyncio
import base64
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mallee.aws import errors
from mallee.cloud.s3.buckets import allowances, buckets
from mallee.cloud.s3.events import notices
from mallee.cloud.s3.events.notices import Watch
from mallee.cloud.s3.exchange import ObjectCall
from mallee.cloud.s3.objects import about, locks
from mallee.cloud.s3.objects.about import Found
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import Bucket, Versioning
from mallee.walrus.errors import BucketClosed, Closed, NoSpace
from mallee.walrus.records import NULL, Blob, Content, Version
from mallee.walrus.seam import Tx

T = TypeVar("T")

KEY_MAX = 1024
_ID_BYTES = 24
_ID = re.compile(r"[A-Za-z0-9_-]{32}")
_LOOKS = frozenset({"GET", "HEAD"})
_DELETIONS = frozenset({"DeleteObject", "DeleteObjects"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is: its bucket, and its key."""

    bucket: Bucket
    owner: str
    """The account that owns the bucket."""
    key: bytes
    watch: Watch | None = None
    """Who is told of what happens here; None: nobody."""

    @property
    def number(self) -> int:
        """The bucket's number in the engine."""
        return self.bucket.number


def place(call: ObjectCall, asked: Asked) -> Place:
    """Return the place that a request names; raise when its bucket is not there."""
    record = buckets.asked_for(call.view, asked)
    if len(call.key) > KEY_MAX:
        raise errors.s3.KeyTooLongError(size=len(call.key), most=KEY_MAX)
    method = call.head.method
    if method in _LOOKS:
        return Place(record.doc, record.account, call.key)
    is_form = call.action == "PutObject" and method == "POST"
    watch = notices.of_call(call, record.account, record.doc, is_form=is_form)
    return Place(record.doc, record.account, call.key, watch)


def new_id() -> str:
    """Return the id of a version or upload: nobody can guess one, and none is given twice."""
    return base64.urlsafe_b64encode(os.urandom(_ID_BYTES)).decode()


def check_id(id: str) -> None:
    """Raise for what no version was ever called."""
    if id != NULL and not _ID.fullmatch(id):
        raise errors.s3.InvalidArgument(
            "Invalid version id specified", argument="versionId", value=id[:100]
        )


def id_for(bucket: Bucket) -> str:
    """Return the id for a version that is written into the bucket now."""
    return new_id() if bucket.versioning is Versioning.ENABLED else NULL


def shown_id(bucket: Bucket, version: Version) -> dict[str, str]:
    """Return the version's id as answers have it: a bucket that never kept versions tells none."""
    return {} if bucket.versioning is Versioning.NEVER else {"VersionId": version.id}


async def look(call: ObjectCall, where: Place, id: str | None) -> Found:
    """Return the object that is there now, or one version of it; raise when it is not there."""
    try:
        seen = call.look(lambda: call.sight.version(where.number, where.key, id))
        return found(where, seen, id)
    except (errors.s3.NoSuchKey, errors.s3.NoSuchVersion) as error:
        # Who may not list a bucket shall not find out either what is not in it.
        if not call.may("s3:ListBucket", f"arn:aws:s3:::{where.bucket.name}"):
            raise errors.s3.AccessDenied() from error
        raise


def found(where: Place, version: Version | None, id: str | None) -> Found:
    """Return a version as an object; raise what S3 answers when there is none, or a marker."""
    key = where.key.decode(errors="replace")
    if version is None and id is not None:
        check_id(id)
        raise errors.s3.NoSuchVersion(key=key, version=id)
    if version is None:
        raise errors.s3.NoSuchKey(key=key)
    if version.is_marker:
        raise _marker(version, id, key)
    return Found(version, about.of(version))


def _marker(version: Version, id: str | None, key: str) -> errors.s3.S3Error:
    if id is None:
        error: errors.s3.S3Error = errors.s3.NoSuchKey(key=key)
    else:
        error = errors.s3.MethodNotAllowed(method="GET", resource_type="DeleteMarker")
    error.headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version.id}
    return error


def add(tx: Tx, where: Place, version: Version) -> None:
    """Make a version the current one; raise when it would replace one that is locked.

    Only the version `null` is ever replaced, and a bucket with locks makes none; a write that began
    before its bucket had locks still would.
    """
    if version.id == NULL:
        there = tx.version(where.number, where.key, NULL)
        if there is not None and not there.is_marker:
            locks.check_removable(about.of(there).lock, tx.now_ms / 1000, may_bypass=False)
    tx.add(where.number, where.key, version)
    if where.watch is not None:
        event = where.watch.marked if version.is_marker else where.watch.made
        notices.tell(tx, where.watch, event, (where.bucket, where.key, version))


async def commit(
    call: ObjectCall, work: Callable[[Tx, Sequence[Blob]], T], contents: Sequence[Content] = ()
) -> T:
    """Do something in one transaction of the engine; return when it is durable.

    What it adds is held to what there may be (`allowances`); a deletion may always be made, though
    the marker that it makes counts.
    """
    record = buckets.find(call.view, call.bucket)
    if record is not None and call.action not in _DELETIONS:
        work = allowances.kept(allowances.of(call.view, record), work)
    try:
        return await asyncio.wrap_future(call.engine.commit(work, contents))
    except NoSpace as error:
        raise errors.s3.InsufficientStorage() from error
    except BucketClosed as error:
        raise errors.s3.NoSuchBucket(bucket=call.bucket) from error
    except Closed as error:
        raise errors.s3.ServiceUnavailable() from error
