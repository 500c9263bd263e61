"""Versioning: whether a bucket keeps what is overwritten and deleted.

Once it was enabled it can be suspended, never taken back. Called by the pipeline. Not its business:
what that means for a write or a deletion (`versions`, `deleting`).
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import rows
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.model.storage.buckets import Versioning

_SETTABLE = {one.value: one for one in (Versioning.ENABLED, Versioning.SUSPENDED)}


def put(call: WriteCall, asked: Asked) -> Result:
    """Enable or suspend versioning."""
    record = buckets.asked_for(call.view, asked)
    wanted: Asked = asked["VersioningConfiguration"]
    status: str = wanted.get("Status") or ""
    if status not in _SETTABLE:
        raise errors.s3.MalformedXML()
    if wanted.get("MFADelete") == "Enabled":
        raise errors.s3.NotImplemented("MFA delete is not supported by this cloud.")
    if record.doc.has_object_lock and _SETTABLE[status] is not Versioning.ENABLED:
        raise errors.s3.InvalidBucketState(
            "An Object Lock configuration is present on this bucket, so the versioning state "
            "cannot be changed."
        )
    call.tx.write(record, replace(record.doc, versioning=_SETTABLE[status]))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Tell how a bucket keeps versions; nothing when it never did."""
    versioning = buckets.asked_for(call.view, asked).doc.versioning
    return {} if versioning is Versioning.NEVER else {"Status": versioning.value}


ACTIONS = (
    rows.of_bucket(
        "PutBucketVersioning",
        Write(handle=put),
        "s3:PutBucketVersioning",
        ("VersioningConfiguration", "ContentMD5", "ChecksumAlgorithm"),
    ),
    rows.of_bucket("GetBucketVersioning", Read(handle=get), "s3:GetBucketVersioning"),
)
