"""Access control lists: who besides the owner may read or write a bucket or an object.

A bucket made today has none (`BucketOwnerEnforced`): then only what says the same as having none is
taken, and policies decide alone. Called where ACLs are set, and by `authorize` for whom no policy
allows. Not its business: policies, and whether the caller may set an ACL.
"""

import functools
import hashlib
from collections.abc import Mapping

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import records, store
from mallee.model.buckets import Bucket, Grant

HEADERS: Mapping[str, str] = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
OBJECT = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
"""What requests that make an object have of ACLs."""
BUCKET = (*OBJECT, "GrantWrite")

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"
SIGNED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGGERS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GROUPS = frozenset({EVERYBODY, SIGNED, LOGGERS})

ENFORCED = "BucketOwnerEnforced"
_CANNED: Mapping[str, tuple[Grant, ...]] = {
    "private": (),
    "public-read": (Grant(permission="READ", group=EVERYBODY),),
    "public-read-write": (
        Grant(permission="READ", group=EVERYBODY),
        Grant(permission="WRITE", group=EVERYBODY),
    ),
    "authenticated-read": (Grant(permission="READ", group=SIGNED),),
    "log-delivery-write": (
        Grant(permission="WRITE", group=LOGGERS),
        Grant(permission="READ_ACP", group=LOGGERS),
    ),
    "aws-exec-read": (),
}
_OF_THE_BUCKETS_OWNER = {
    "bucket-owner-read": "READ",
    "bucket-owner-full-control": "FULL_CONTROL",
}


@functools.lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """Return the name that S3 has for an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner(view: store.View, account: str) -> dict[str, str]:
    """Return an owner as answers show one."""
    record = view.get(records.ACCOUNT, account)
    return {"DisplayName": record.doc.name if record else "", "ID": canonical_id(account)}


def of_new_bucket(_call: Call, doc: Bucket, asked: Asked) -> Bucket:
    """Return a bucket that is being made with the ACL that the request gives it."""
    if doc.ownership != ENFORCED:
        raise errors.s3.NotImplemented(
            "Access control lists are not supported by this cloud yet: ObjectOwnership must be "
            "BucketOwnerEnforced."
        )
    grants = _asked_grants(asked, "")
    if grants and doc.ownership == ENFORCED:
        raise errors.s3.InvalidBucketAclWithObjectOwnership()
    return replace(doc, grants=grants)


def of_new_object(bucket: Bucket, bucket_owner: str, asked: Asked) -> tuple[Grant, ...]:
    """Return the ACL that a request gives an object."""
    grants = _asked_grants(asked, bucket_owner)
    if bucket.ownership != ENFORCED:
        return grants
    is_the_same = asked.get("ACL") in (None, "private", *_OF_THE_BUCKETS_OWNER)
    if not is_the_same or any(asked.get(member) for member in HEADERS):
        raise errors.s3.AccessControlListNotSupported()
    return ()


def _asked_grants(asked: Asked, bucket_owner: str) -> tuple[Grant, ...]:
    """Return the grants in the headers of a request."""
    canned: str | None = asked.get("ACL")
    by_header = {permission: asked[name] for name, permission in HEADERS.items() if name in asked}
    if canned and by_header:
        raise errors.s3.InvalidRequest(
            "Specifying both Canned ACLs and Header Grants is not allowed"
        )
    if by_header:
        raise errors.s3.NotImplemented("Grants in headers are not supported by this cloud yet.")
    if canned in _OF_THE_BUCKETS_OWNER:
        return (Grant(permission=_OF_THE_BUCKETS_OWNER[canned], account=bucket_owner),)
    if canned and canned not in _CANNED:
        raise errors.s3.InvalidArgument(argument="x-amz-acl", value=canned[:100])
    return _CANNED[canned or "private"]
