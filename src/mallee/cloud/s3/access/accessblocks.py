"""Public access block: what of a bucket nobody shall be able to make public.

A bucket has all of it from the beginning. Called by the pipeline. Not its business: what counts as
public (`publicity`), and who keeps to it (`policies`, `acls`).
"""

from msgspec.structs import asdict, replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import AccessBlock


def put(call: WriteCall, asked: Asked) -> Result:
    """Set what is blocked; what is not named is not blocked."""
    record = buckets.asked_for(call.view, asked)
    block = AccessBlock(**asked["PublicAccessBlockConfiguration"])
    call.tx.write(record, replace(record.doc, access_block=block))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return what is blocked."""
    block = buckets.asked_for(call.view, asked).doc.access_block
    if block is None:
        raise errors.s3.NoSuchPublicAccessBlockConfiguration()
    return {"PublicAccessBlockConfiguration": asdict(block)}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Block nothing any more."""
    record = buckets.asked_for(call.view, asked)
    call.tx.write(record, replace(record.doc, access_block=None))
    return {}


ACTIONS = (
    rows.of_bucket(
        "PutPublicAccessBlock",
        Write(handle=put),
        "s3:PutBucketPublicAccessBlock",
        ("PublicAccessBlockConfiguration", "ContentMD5", "ChecksumAlgorithm"),
    ),
    rows.of_bucket("GetPublicAccessBlock", Read(handle=get), "s3:GetBucketPublicAccessBlock"),
    rows.of_bucket(
        "DeletePublicAccessBlock", Write(handle=delete), "s3:PutBucketPublicAccessBlock"
    ),
)
