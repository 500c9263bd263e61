"""Tagging: the tags of a bucket, and those of a version of an object.

A set of tags is replaced whole. Called by the pipeline. Not its business: which tags there may be
(`tags`), what policies and lifecycles make of them.
"""

from collections.abc import Callable

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Serve, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows, tags
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import changing, versions
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.rows import Asked

# --- buckets ---


def put_of_bucket(call: WriteCall, asked: Asked) -> Result:
    """Replace a bucket's tags."""
    record = buckets.asked_for(call.view, asked)
    found = tags.read(asked["Tagging"].get("TagSet") or ())
    call.tx.write(record, replace(record.doc, tags=found))
    return {}


def get_of_bucket(call: Call, asked: Asked) -> Result:
    """Return a bucket's tags."""
    record = buckets.asked_for(call.view, asked)
    if not record.doc.tags:
        raise errors.s3.NoSuchTagSet(bucket=record.id)
    return {"TagSet": tags.shown(record.doc.tags)}


def delete_of_bucket(call: WriteCall, asked: Asked) -> Result:
    """Take a bucket's tags away."""
    record = buckets.asked_for(call.view, asked)
    call.tx.write(record, replace(record.doc, tags={}))
    return {}


# --- objects ---


async def put(call: ObjectCall, asked: Asked) -> Answer:
    """Replace an object's tags."""
    found = tags.read(asked["Tagging"].get("TagSet") or (), tags.OF_OBJECT_MAX)
    return await _set(call, asked, lambda kept: replace(kept, tags=found), "Put")


async def delete(call: ObjectCall, asked: Asked) -> Answer:
    """Take an object's tags away."""
    return await _set(call, asked, lambda kept: replace(kept, tags={}), "Delete")


async def _set(
    call: ObjectCall, asked: Asked, change: Callable[[About], About], how: str
) -> Answer:
    where = versions.place(call, asked)
    which = (where, asked.get("VersionId"))
    version = await changing.describe(call, which, change, f"ObjectTagging:{how}")
    return Answer(result=versions.shown_id(where.bucket, version))


async def get(call: ObjectCall, asked: Asked) -> Answer:
    """Return an object's tags."""
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    shown = versions.shown_id(where.bucket, found.version)
    return Answer(result={"TagSet": tags.shown(found.about.tags), **shown})


_DOCUMENT = ("Tagging", "ContentMD5", "ChecksumAlgorithm")

ACTIONS = (
    rows.of_bucket(
        "PutBucketTagging", Write(handle=put_of_bucket), "s3:PutBucketTagging", _DOCUMENT
    ),
    rows.of_bucket("GetBucketTagging", Read(handle=get_of_bucket), "s3:GetBucketTagging"),
    rows.of_bucket("DeleteBucketTagging", Write(handle=delete_of_bucket), "s3:PutBucketTagging"),
    rows.of_object(
        "PutObjectTagging",
        Serve(handle=put, changes=True),
        rows.on_version("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
        (*_DOCUMENT, "VersionId"),
    ),
    rows.of_object(
        "GetObjectTagging",
        Serve(handle=get, changes=False),
        rows.on_version("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
        ("VersionId",),
    ),
    rows.of_object(
        "DeleteObjectTagging",
        Serve(handle=delete, changes=True),
        rows.on_version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
        ("VersionId",),
    ),
)
