"""Listing what is in a bucket: objects, in S3's first and second way, and all versions.

The engine walks (`walrus.listing`); here its pages get S3's words. Keys are what bytes they are:
in an answer that is to be URL-encoded they are so, else they are text. Called by the pipeline.
Not its business: uploads under way (`uploadlisting`).
"""

import base64
from collections.abc import Callable, Iterable
from urllib.parse import quote

from mallee.aws import errors
from mallee.cloud.action import Serve
from mallee.cloud.s3 import rows
from mallee.cloud.s3.access import acls, owning
from mallee.cloud.s3.buckets.buckets import BucketRecord, asked_for
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import about, conditions, objects
from mallee.cloud.s3.rows import Asked
from mallee.walrus.pages import Listed, Question
from mallee.walrus.records import Version

ENTRIES_MAX = 1000
_INTEGER_MAX = (1 << 31) - 1

Text = Callable[[bytes], str]


def text_of(asked: Asked) -> Text:
    """Return how keys are written in the answer to a request."""
    encoding: str | None = asked.get("EncodingType")
    if encoding is None:
        return lambda key: key.decode(errors="replace")
    if encoding != "url":
        raise errors.s3.InvalidArgument(
            "Invalid Encoding Method specified in Request",
            argument="encoding-type",
            value=encoding[:100],
        )
    return lambda key: quote(key, safe="/-_.~*")


def limit_of(asked: Asked, member: str, argument: str) -> int:
    """Return how many entries a request wants, so many at most."""
    wanted: int | None = asked.get(member)
    if wanted is None:
        return ENTRIES_MAX
    if wanted < 0:
        raise errors.s3.InvalidArgument(
            f"Argument {argument} must be an integer between 0 and {_INTEGER_MAX}",
            argument=argument,
            value=wanted,
        )
    return min(wanted, ENTRIES_MAX)


def after_part(asked: Asked) -> int:
    """Return the number of the part after which a list of parts goes on; 0: from the first."""
    said: int = asked.get("PartNumberMarker") or 0
    if said < 0:
        raise errors.s3.InvalidArgument(
            f"Argument part-number-marker must be an integer between 0 and {_INTEGER_MAX}",
            argument="part-number-marker",
            value=said,
        )
    return said


def question(asked: Asked, after: bytes | None, limit: int, after_id: str = "") -> Question:
    """Return what the engine is asked."""
    return Question(
        prefix=(asked.get("Prefix") or "").encode(),
        delimiter=(asked.get("Delimiter") or "").encode(),
        after=after,
        after_id=after_id,
        limit=limit,
    )


def echoed(asked: Asked, text: Text, *members: str) -> dict[str, object]:
    """Return what an answer repeats of its request."""
    result: dict[str, object] = {"Prefix": text((asked.get("Prefix") or "").encode())}
    for member in ("Delimiter", *members):
        if asked.get(member):
            result[member] = text(asked[member].encode())
    if asked.get("EncodingType"):
        result["EncodingType"] = asked["EncodingType"]
    return result


def prefixes(text: Text, entries: Iterable[tuple[bytes, object]]) -> list[dict[str, str]]:
    """Return the common prefixes among entries."""
    return [{"Prefix": text(key)} for key, item in entries if item is None]


# --- objects ---


async def list_objects(call: ObjectCall, asked: Asked) -> Answer:
    """List objects in the first way: a page goes on after a key."""
    record = asked_for(call.view, asked)
    text = text_of(asked)
    limit = limit_of(asked, "MaxKeys", "max-keys")
    marker = asked.get("Marker")
    asks = question(asked, marker.encode() if marker else None, limit)
    page = await call.in_thread(lambda: call.engine.reader.list_objects(record.doc.number, asks))
    result: dict[str, object] = {
        "Name": record.id,
        **echoed(asked, text),
        "Marker": text((marker or "").encode()),
        "MaxKeys": limit,
        "IsTruncated": page.is_truncated and bool(page.entries),
        "Contents": _contents(page.entries, text, _owner(call, record)),
        "CommonPrefixes": prefixes(text, page.entries),
    }
    if page.is_truncated and page.entries and asked.get("Delimiter"):
        result["NextMarker"] = text(page.entries[-1][0])
    return Answer(result=result)


async def list_objects_v2(call: ObjectCall, asked: Asked) -> Answer:
    """List objects in the second way: a page goes on by a token."""
    record = asked_for(call.view, asked)
    text = text_of(asked)
    limit = limit_of(asked, "MaxKeys", "max-keys")
    token: str | None = asked.get("ContinuationToken")
    start: str | None = asked.get("StartAfter")
    after = _opened(token) if token is not None else (start.encode() if start else None)
    asks = question(asked, after, limit)
    page = await call.in_thread(lambda: call.engine.reader.list_objects(record.doc.number, asks))
    owner = _owner(call, record) if asked.get("FetchOwner") else None
    result: dict[str, object] = {
        "Name": record.id,
        **echoed(asked, text, "StartAfter"),
        "MaxKeys": limit,
        "KeyCount": len(page.entries),
        "IsTruncated": page.is_truncated and bool(page.entries),
        "Contents": _contents(page.entries, text, owner),
        "CommonPrefixes": prefixes(text, page.entries),
    }
    if token is not None:
        result["ContinuationToken"] = token
    if page.is_truncated and page.entries:
        result["NextContinuationToken"] = _token(page.entries[-1][0])
    return Answer(result=result)


_Owner = Callable[[Version], dict[str, str]]


def _owner(call: ObjectCall, record: BucketRecord) -> _Owner:
    """Return what shows whose an object of a bucket is."""
    return owning.shower(call.view, record.doc, record.account)


def _contents(
    entries: Iterable[tuple[bytes, Version | None]], text: Text, owner: _Owner | None
) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = []
    for key, version in entries:
        if version is None:
            continue
        one = _object(version, text(key))
        if owner is not None:
            one["Owner"] = owner(version)
        shown.append(one)
    return shown


def _object(version: Version, key: str) -> dict[str, object]:
    kept = about.of(version)
    result: dict[str, object] = {
        "Key": key,
        "LastModified": conditions.modified(version),
        "ETag": objects.quoted(version.etag),
        "Size": version.size,
        "StorageClass": kept.storage_class,
    }
    if kept.checksums:
        result["ChecksumAlgorithm"] = sorted(kept.checksums)
        result["ChecksumType"] = kept.checksum_type
    return result


def _token(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def _opened(token: str) -> bytes:
    try:
        key = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        key = b""
    if not key:
        raise errors.s3.InvalidArgument(
            "The continuation token provided is incorrect", argument="continuation-token"
        )
    return key


# --- versions ---


async def list_versions(call: ObjectCall, asked: Asked) -> Answer:
    """List all versions and markers."""
    record = asked_for(call.view, asked)
    text = text_of(asked)
    limit = limit_of(asked, "MaxKeys", "max-keys")
    key: str = asked.get("KeyMarker") or ""
    id: str = asked.get("VersionIdMarker") or ""
    if id and not key:
        raise errors.s3.InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            argument="version-id-marker",
        )
    asks = question(asked, key.encode() if key else None, limit, id)
    page = await call.in_thread(lambda: call.engine.reader.list_versions(record.doc.number, asks))
    is_truncated = page.is_truncated and bool(page.entries)
    result: dict[str, object] = {
        "Name": record.id,
        **echoed(asked, text),
        "KeyMarker": text(key.encode()),
        "VersionIdMarker": id,
        "MaxKeys": limit,
        "IsTruncated": is_truncated,
        "Versions": _versions(page.entries, text, _owner(call, record)),
        "DeleteMarkers": _markers(call, record, page.entries, text),
        "CommonPrefixes": prefixes(text, page.entries),
    }
    if is_truncated:
        last, item = page.entries[-1]
        result["NextKeyMarker"] = text(last)
        if item is not None:
            result["NextVersionIdMarker"] = item.version.id
    return Answer(result=result)


_Versions = Iterable[tuple[bytes, Listed | None]]


def _versions(entries: _Versions, text: Text, owner: _Owner) -> list[dict[str, object]]:
    return [
        {
            **_object(item.version, text(key)),
            "VersionId": item.version.id,
            "IsLatest": item.is_current,
            "Owner": owner(item.version),
        }
        for key, item in entries
        if item is not None and not item.version.is_marker
    ]


def _markers(
    call: ObjectCall, record: BucketRecord, entries: _Versions, text: Text
) -> list[dict[str, object]]:
    return [
        {
            "Key": text(key),
            "VersionId": item.version.id,
            "IsLatest": item.is_current,
            "LastModified": conditions.modified(item.version),
            "Owner": acls.owner(call.view, record.account),
        }
        for key, item in entries
        if item is not None and item.version.is_marker
    ]


_PAGE = ("Delimiter", "EncodingType", "MaxKeys", "Prefix", "OptionalObjectAttributes")
"""The optional attribute is whether an object comes back from an archive: none is ever in one."""

ACTIONS = (
    rows.of_bucket(
        "ListObjects",
        Serve(handle=list_objects, changes=False),
        "s3:ListBucket",
        (*_PAGE, "Marker"),
    ),
    rows.of_bucket(
        "ListObjectsV2",
        Serve(handle=list_objects_v2, changes=False),
        "s3:ListBucket",
        (*_PAGE, "ContinuationToken", "FetchOwner", "StartAfter"),
    ),
    rows.of_bucket(
        "ListObjectVersions",
        Serve(handle=list_versions, changes=False),
        "s3:ListBucketVersions",
        (*_PAGE, "KeyMarker", "VersionIdMarker"),
    ),
)
