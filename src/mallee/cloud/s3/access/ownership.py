"""Ownership: whose the objects of a bucket are, and so whether lists have a say in it.

*Enforced*, as buckets are made: everything is the bucket's owner's, and lists neither count nor can
be set. *Writer*: an object is his who puts it. *Preferred*: the same, but what is handed over (by
the canned list `bucket-owner-full-control`) is the bucket's owner's. Called by the pipeline, and by
whatever makes buckets and objects. Not its business: what a list says (`acls`) and allows
(`granting`).
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import ENFORCED, PREFERRED, WRITER, Grant


def put(call: WriteCall, asked: Asked) -> Result:
    """Say whose the objects of a bucket are; those that are there too."""
    record = buckets.asked_for(call.view, asked)
    rules: list[Asked] = asked["OwnershipControls"].get("Rules") or []
    if len(rules) != 1 or rules[0].get("ObjectOwnership") not in (ENFORCED, PREFERRED, WRITER):
        raise errors.s3.MalformedXML()
    ownership: str = rules[0]["ObjectOwnership"]
    if ownership == ENFORCED and _is_shared(record.account, record.doc.grants):
        raise errors.s3.InvalidBucketAclWithObjectOwnership(bucket=record.id)
    call.tx.write(record, replace(record.doc, ownership=ownership))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Show whose the objects of a bucket are."""
    record = buckets.asked_for(call.view, asked)
    if not record.doc.ownership:
        raise errors.s3.OwnershipControlsNotFoundError(bucket=record.id)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": record.doc.ownership}]}}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Say nothing of it any more, which leaves objects to who puts them."""
    record = buckets.asked_for(call.view, asked)
    call.tx.write(record, replace(record.doc, ownership=""))
    return {}


def _is_shared(account: str, grants: tuple[Grant, ...] | None) -> bool:
    return any(grant.grantee != account for grant in grants or ())


_PERMISSION = "s3:PutBucketOwnershipControls"

ACTIONS = (
    rows.of_bucket(
        "PutBucketOwnershipControls",
        Write(handle=put),
        _PERMISSION,
        ("ContentMD5", "ChecksumAlgorithm", "OwnershipControls"),
    ),
    rows.of_bucket("GetBucketOwnershipControls", Read(handle=get), "s3:GetBucketOwnershipControls"),
    rows.of_bucket("DeleteBucketOwnershipControls", Write(handle=delete), _PERMISSION),
)
