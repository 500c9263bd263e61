"""The access control lists of buckets and objects: shown, and replaced whole.

Where ownership is enforced a list is shown as S3 shows it then, all the owner's, and none can be
set. Called by the pipeline. Not its business: what lists say (`acls`), and what they allow
(`granting`).
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Serve, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.access import acls, owning
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.objects import changing, versions
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import store
from mallee.model.storage.buckets import ENFORCED, Bucket, Grant, Versioning

_DOCUMENT = "AccessControlPolicy"
_OF_OBJECTS_ALONE = frozenset({"aws-exec-read", "bucket-owner-read", acls.HANDED_OVER})
_OF_BUCKETS_ALONE = frozenset({"log-delivery-write"})


def get_of_bucket(call: Call, asked: Asked) -> Result:
    """Show a bucket's list."""
    record = buckets.asked_for(call.view, asked)
    grants = None if record.doc.ownership == ENFORCED else record.doc.grants
    return acls.shown(call.view, record.account, grants)


def put_of_bucket(call: WriteCall, asked: Asked) -> Result:
    """Give a bucket another list."""
    record = buckets.asked_for(call.view, asked)
    owners = (record.account, record.account)
    if asked.get("ACL") in _OF_OBJECTS_ALONE - {"aws-exec-read"}:
        raise _no_such_list(asked)
    grants = _asked_for(call.view, record.doc, asked, owners)
    call.tx.write(record, replace(record.doc, grants=grants))
    return {}


async def get(call: ObjectCall, asked: Asked) -> Answer:
    """Show the list of an object, or of one of its versions."""
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    owner = owning.of_object(where.bucket, where.owner, found.about)
    grants = None if where.bucket.ownership == ENFORCED else found.about.grants
    result = acls.shown(call.view, owner, grants)
    return Answer(result=result, headers=_version(where, found.version.id))


async def put(call: ObjectCall, asked: Asked) -> Answer:
    """Give an object, or one of its versions, another list."""
    where = versions.place(call, asked)
    if asked.get("ACL") in _OF_BUCKETS_ALONE:
        raise _no_such_list(asked)

    id: str | None = asked.get("VersionId")
    # The document has come since it was decided, and another's object may be there now.
    call.sight.forget()
    found = await versions.look(call, where, id)
    permission = "s3:PutObjectAcl" if id is None else "s3:PutObjectVersionAcl"
    if not call.may(permission, rows.object_arn(asked), id):
        raise errors.s3.AccessDenied()
    owner = owning.of_object(where.bucket, where.owner, found.about)
    grants = _asked_for(call.view, where.bucket, asked, (owner, where.owner))

    def change(kept: About) -> About:
        if kept.owner != found.about.owner:
            raise errors.s3.OperationAborted()
        return replace(kept, grants=grants)

    version = await changing.describe(call, (where, id), change, "ObjectAcl:Put")
    return Answer(headers=_version(where, version.id))


def _asked_for(
    view: store.View, bucket: Bucket, asked: Asked, owners: tuple[str, str]
) -> tuple[Grant, ...] | None:
    """Return the list that a request asks for, in one way out of three."""
    document: Any = asked.get(_DOCUMENT)
    is_in_headers = acls.is_in_headers(asked)
    if document is not None and is_in_headers:
        raise errors.s3.UnexpectedContent()
    if document is None and not is_in_headers:
        raise errors.s3.MissingSecurityHeader(missing="x-amz-acl")
    if bucket.ownership == ENFORCED:
        # A list that is written back as it was read says nothing new: some programs copy it along.
        if document is not None and acls.of_document(view, document, owners[0]) is None:
            return None
        raise errors.s3.AccessControlListNotSupported(bucket=bucket.name)
    if document is None:
        grants = acls.of_headers(view, asked, owners)
    else:
        grants = acls.of_document(view, document, owners[0])
    acls.check_block(bucket.access_block, grants)
    return grants


def _no_such_list(asked: Asked) -> errors.s3.InvalidArgument:
    return errors.s3.InvalidArgument(argument="x-amz-acl", value=asked["ACL"])


def _version(where: Place, id: str) -> dict[str, str]:
    is_told = where.bucket.versioning is not Versioning.NEVER
    return {"x-amz-version-id": id} if is_told else {}


_BODY = ("ContentMD5", "ChecksumAlgorithm", _DOCUMENT)

ACTIONS = (
    rows.of_bucket("GetBucketAcl", Read(handle=get_of_bucket), "s3:GetBucketAcl"),
    rows.of_bucket(
        "PutBucketAcl", Write(handle=put_of_bucket), "s3:PutBucketAcl", (*_BODY, *acls.BUCKET)
    ),
    rows.of_object(
        "GetObjectAcl",
        Serve(handle=get, changes=False),
        rows.on_version("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
        ("VersionId",),
    ),
    rows.of_object(
        "PutObjectAcl",
        Serve(handle=put, changes=True),
        rows.on_version("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
        (*_BODY, *acls.BUCKET, "VersionId"),
    ),
)
