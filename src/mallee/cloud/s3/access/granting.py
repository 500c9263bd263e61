"""What access control lists allow: which permission a line stands for, and whom it means.

A list only adds to what policies say, and never denies. A line to an account passes the decision on
to the account's own policies, as a bucket's policy would that names the account; a line to a group
means everybody in it himself. Pure. Called by `deciding`. Not its business: what lists look like
(`acls`), whether a bucket has any (`ownership`).
"""

from collections.abc import Iterable, Mapping

from mallee.aws.policy.principals import Closeness
from mallee.cloud.s3.access import acls
from mallee.model.storage.buckets import AccessBlock, Grant

OF_OBJECT: Mapping[str, str] = {
    "s3:GetObject": "READ",
    "s3:GetObjectVersion": "READ",
    "s3:GetObjectAcl": "READ_ACP",
    "s3:GetObjectVersionAcl": "READ_ACP",
    "s3:PutObjectAcl": "WRITE_ACP",
    "s3:PutObjectVersionAcl": "WRITE_ACP",
}
"""Permissions that an object's own list gives, by what a line of it says."""
OF_BUCKET: Mapping[str, str] = {
    "s3:ListBucket": "READ",
    "s3:ListBucketVersions": "READ",
    "s3:ListBucketMultipartUploads": "READ",
    "s3:PutObject": "WRITE",
    "s3:DeleteObject": "WRITE",
    "s3:GetBucketAcl": "READ_ACP",
    "s3:PutBucketAcl": "WRITE_ACP",
}
"""The same of a bucket's list."""


def closeness(
    line: str, account: str, grants: Iterable[Grant] | None, block: AccessBlock | None
) -> Closeness:
    """Return how closely a list means a caller with what a line says; nobody's account is empty.

    `block`: the bucket's Public Access Block, which may have lists give groups nothing.
    """
    if grants is None:
        return Closeness.NOT_AT_ALL
    is_blocked = block is not None and block.IgnorePublicAcls
    found = Closeness.NOT_AT_ALL
    for grant in grants:
        if grant.permission not in (line, acls.FULL):
            continue
        if grant.grantee in acls.PUBLIC:
            if not is_blocked and (account or grant.grantee == acls.ALL_USERS):
                return Closeness.HIMSELF
        elif grant.grantee == account and account:
            found = Closeness.ACCOUNT
        elif grant.grantee == account and not is_blocked:
            # Nobody has no policies that the decision could be passed on to.
            return Closeness.HIMSELF
    return found
