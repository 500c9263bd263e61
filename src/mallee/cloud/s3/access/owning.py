"""Whose an object is, and which list one gets that is being made.

In a bucket with *enforced* ownership everything is the bucket's owner's and has no list; elsewhere
an object is his who puts it, save where he hands it over (`ownership`). Called by whatever makes
objects, and by whoever wants to know whose one is. Not its business: what lists say
(`acls`).
"""

from collections.abc import Callable

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.s3.access import acls
from mallee.cloud.s3.objects import about
from mallee.cloud.s3.objects.about import About
from mallee.cloud.s3.objects.versions import Place
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import store
from mallee.model.storage.buckets import ENFORCED, PREFERRED, Bucket, Grant
from mallee.walrus.records import Version


def of_object(bucket: Bucket, bucket_owner: str, kept: About) -> str:
    """Return the account whose an object is; empty: nobody's who signs."""
    return bucket_owner if bucket.ownership == ENFORCED else kept.owner


def shower(view: store.View, bucket: Bucket, owner: str) -> Callable[[Version], dict[str, str]]:
    """Return what shows the owners of a bucket's objects: where it is one, without looking."""
    if bucket.ownership == ENFORCED:
        shown = acls.owner(view, owner)
        return lambda _: shown
    return lambda version: acls.owner(view, about.of(version).owner)


def of_new_object(call: Call, where: Place, asked: Asked) -> tuple[str, tuple[Grant, ...] | None]:
    """Return the owner and the list of an object that a request makes; raise when it cannot be."""
    ownership, owner = where.bucket.ownership, where.owner
    if not acls.is_in_headers(asked):
        return (owner if ownership == ENFORCED else call.account), None
    if ownership == ENFORCED:
        if not _is_handed_over(call.view, asked, owner):
            raise errors.s3.AccessControlListNotSupported()
        return owner, None
    if ownership == PREFERRED and asked.get("ACL") == acls.HANDED_OVER:
        return owner, None
    grants = acls.of_headers(call.view, asked, (call.account, owner))
    acls.check_block(where.bucket.access_block, grants)
    return call.account, grants


def _is_handed_over(view: store.View, asked: Asked, owner: str) -> bool:
    """Tell whether a list says what is so anyway: that all is the bucket's owner's."""
    if asked.get("ACL") is not None:
        # Many programs say `private` of everything, and mean nothing else by it.
        return asked["ACL"] in (acls.HANDED_OVER, "private")
    if [member for member in acls.PERMISSIONS if asked.get(member)] != ["GrantFullControl"]:
        return False
    return acls.of_headers(view, asked, (owner, owner)) == (Grant(owner, acls.FULL),)
