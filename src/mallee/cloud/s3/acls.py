"""Access control lists in requests: a bucket of this cloud has none, so only what says so is taken.

Every bucket is its owner's with everything in it (`BucketOwnerEnforced`, as S3 makes them since
2023), and policies alone say who else may. Also: how S3 names owners. Called where requests may
carry an ACL. Not its business: how a list is shown (`ownership`).
"""

import functools
import hashlib

from mallee.aws import errors
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import records, store
from mallee.model.buckets import Bucket

HEADERS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
OBJECT = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
"""What requests that make an object have of ACLs."""
BUCKET = (*OBJECT, "GrantWrite")

ENFORCED = "BucketOwnerEnforced"
SAME = frozenset({None, "private", "bucket-owner-read", "bucket-owner-full-control"})
"""Canned ACLs that say what is so anyway."""
WITHOUT = (
    "Access control lists are not supported by this cloud: ObjectOwnership is always "
    f"{ENFORCED}, and policies say who may do what."
)


@functools.lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """Return the name that S3 has for an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def owner(view: store.View, account: str) -> dict[str, str]:
    """Return an owner as answers show one."""
    record = view.get(records.ACCOUNT, account)
    return {"DisplayName": record.doc.name if record else "", "ID": canonical_id(account)}


def check_new_bucket(doc: Bucket, asked: Asked) -> None:
    """Raise when a bucket that is being made shall have a list."""
    if doc.ownership != ENFORCED:
        raise errors.s3.NotImplemented(WITHOUT)
    if asked.get("ACL") not in (None, "private") or any(asked.get(name) for name in HEADERS):
        raise errors.s3.InvalidBucketAclWithObjectOwnership()


def check_new_object(asked: Asked) -> None:
    """Raise when an object that is being made shall have a list."""
    if asked.get("ACL") not in SAME or any(asked.get(name) for name in HEADERS):
        raise errors.s3.AccessControlListNotSupported()
