"""Conditions of requests: what must be so of an object before it is sent, replaced or deleted.

Pure: the version as it stands and the request decide. ETags are compared without quotes; dates by
the second, as HTTP writes them. Called by whatever reads or writes objects; for a write inside its
transaction, so that no other write comes between.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mallee.aws import errors
from mallee.cloud.s3.rows import Asked
from mallee.walrus.records import Version

READ = ("IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince")
WRITE = ("IfMatch", "IfNoneMatch")
DELETE = ("IfMatch", "IfMatchSize", "IfMatchLastModifiedTime")
_SOURCE = "CopySource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a request says must be so."""

    match: str | None = None
    none_match: str | None = None
    modified_since: datetime | None = None
    unmodified_since: datetime | None = None
    size: int | None = None
    """Bytes of what is to be deleted."""
    modified_at: datetime | None = None
    """When what is to be deleted was made, to the second."""


NONE = Conditions()


def read(asked: Asked) -> Conditions:
    """Return the conditions of a request."""
    return Conditions(
        match=asked.get("IfMatch"),
        none_match=asked.get("IfNoneMatch"),
        modified_since=asked.get("IfModifiedSince"),
        unmodified_since=asked.get("IfUnmodifiedSince"),
    )


def of_deletion(asked: Asked) -> Conditions:
    """Return the conditions of a request that deletes one object."""
    return Conditions(
        match=asked.get("IfMatch"),
        size=asked.get("IfMatchSize"),
        modified_at=asked.get("IfMatchLastModifiedTime"),
    )


def of_listed(one: Asked) -> Conditions:
    """Return the conditions of one of many objects to be deleted."""
    return Conditions(
        match=one.get("ETag"), size=one.get("Size"), modified_at=one.get("LastModifiedTime")
    )


def of_source(asked: Asked) -> Conditions:
    """Return the conditions on the source of a copy."""
    return Conditions(
        match=asked.get(f"{_SOURCE}IfMatch"),
        none_match=asked.get(f"{_SOURCE}IfNoneMatch"),
        modified_since=asked.get(f"{_SOURCE}IfModifiedSince"),
        unmodified_since=asked.get(f"{_SOURCE}IfUnmodifiedSince"),
    )


def modified(version: Version) -> datetime:
    """Return when a version was made, to the second."""
    return at(version.modified_ms)


def at(ms: int) -> datetime:
    """Return milliseconds since the epoch as S3 shows a moment: to the second."""
    return datetime.fromtimestamp(ms // 1000, UTC)


def check_read(conditions: Conditions, version: Version) -> None:
    """Raise `PreconditionFailed` or `NotModified`, in the order of HTTP's rules."""
    _check_unchanged(conditions, version)
    if conditions.none_match is not None:
        is_known = _names(conditions.none_match, version.etag)
    else:
        is_known = _is_not_after(version, conditions.modified_since)
    if is_known:
        raise errors.s3.NotModified()


def is_same(validator: str, version: Version) -> bool:
    """Tell whether an `If-Range` means this version: by its ETag, or else by its time."""
    if validator.startswith('"'):
        return _names(validator, version.etag)
    try:
        return parsedate_to_datetime(validator) == modified(version)
    except (ValueError, TypeError):
        return False


def check_source(conditions: Conditions, version: Version) -> None:
    """Raise `PreconditionFailed` unless the source of a copy is as the request says."""
    _check_unchanged(conditions, version)
    if conditions.none_match is not None:
        if _names(conditions.none_match, version.etag):
            raise _failed("x-amz-copy-source-If-None-Match")
    elif _is_not_after(version, conditions.modified_since):
        raise _failed("x-amz-copy-source-If-Modified-Since")


def check_write(conditions: Conditions, current: Version | None) -> None:
    """Raise unless what is there now is what the writer believes that it replaces."""
    if current is not None and current.is_marker:
        current = None
    if conditions.none_match is not None:
        if conditions.none_match.strip() != "*":
            raise errors.s3.NotImplemented(
                "A header you provided implies functionality that is not implemented",
                header="If-None-Match",
            )
        if current is not None:
            raise _failed("If-None-Match")
    if conditions.match is not None:
        if current is None:
            raise errors.s3.NoSuchKey()
        if not _names(conditions.match, current.etag):
            raise _failed("If-Match")
    if current is None:
        # Who deletes what is not there has what he wants.
        return
    if conditions.size not in (None, current.size):
        raise _failed("x-amz-if-match-size")
    if not is_of(conditions.modified_at, current.modified_ms):
        raise _failed("x-amz-if-match-last-modified-time")


def is_of(moment: datetime | None, ms: int) -> bool:
    """Tell whether a moment that a request names, if it does, is this one, to the second."""
    return moment is None or moment.replace(microsecond=0) == at(ms)


def _check_unchanged(conditions: Conditions, version: Version) -> None:
    if conditions.match is not None:
        if not _names(conditions.match, version.etag):
            raise _failed("If-Match")
    elif conditions.unmodified_since is not None and not _is_not_after(
        version, conditions.unmodified_since
    ):
        raise _failed("If-Unmodified-Since")


def _is_not_after(version: Version, moment: datetime | None) -> bool:
    return moment is not None and modified(version) <= moment


def _names(header: str, etag: str) -> bool:
    """Tell whether a list of ETags in a header names this one."""
    named = {one.strip().removeprefix("W/").strip('"') for one in header.split(",")}
    return "*" in named or etag in named


def _failed(condition: str) -> errors.s3.PreconditionFailed:
    return errors.s3.PreconditionFailed(condition=condition)
