"""Access control lists: what requests say of them, what is kept, how they are shown.

A list is lines of who may what (`Grant`): an account, or a group of everybody or of everybody who
signs. A request names a *canned* list, or lines in headers, or, where it sets nothing else, a
document. Also: how S3 names accounts (*canonical ids*). Called where requests may carry a list.
Not its business: what a line allows (`granting`), whether a bucket has lists at all (`ownership`).
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import records, store
from mallee.model.storage.buckets import ENFORCED, AccessBlock, Bucket, Grant

PERMISSIONS = {
    "GrantFullControl": "FULL_CONTROL",
    "GrantRead": "READ",
    "GrantReadACP": "READ_ACP",
    "GrantWrite": "WRITE",
    "GrantWriteACP": "WRITE_ACP",
}
"""By the member that is the header `x-amz-grant-…`."""
OBJECT = ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP")
"""What requests that make an object have of ACLs."""
BUCKET = (*OBJECT, "GrantWrite")

ALL_USERS = "AllUsers"
AUTHENTICATED = "AuthenticatedUsers"
LOG_DELIVERY = "LogDelivery"
PUBLIC = frozenset({ALL_USERS, AUTHENTICATED})
"""The groups of which anybody can be a member."""
_URIS = {
    ALL_USERS: "http://acs.amazonaws.com/groups/global/AllUsers",
    AUTHENTICATED: "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
    LOG_DELIVERY: "http://acs.amazonaws.com/groups/s3/LogDelivery",
}
_GROUPS = {uri: name for name, uri in _URIS.items()}

FULL = "FULL_CONTROL"
HANDED_OVER = "bucket-owner-full-control"
_OF_GROUPS: Mapping[str, tuple[Grant, ...]] = {
    "private": (),
    "public-read": (Grant(ALL_USERS, "READ"),),
    "public-read-write": (Grant(ALL_USERS, "READ"), Grant(ALL_USERS, "WRITE")),
    "authenticated-read": (Grant(AUTHENTICATED, "READ"),),
    "log-delivery-write": (Grant(LOG_DELIVERY, "WRITE"), Grant(LOG_DELIVERY, "READ_ACP")),
}
"""What a canned list gives beside the owner's own."""
_TO_BUCKET_OWNER = {"bucket-owner-read": "READ", HANDED_OVER: FULL}
_OF_EC2 = "aws-exec-read"

GRANTS_MAX = 100
NOBODY_ID = "65a011a29cdf8ec533ec3d1ccaae921c"
"""S3's name for the owner of what nobody signed for."""
_ENTRY = re.compile(r'\s*(id|uri|emailaddress)\s*=\s*(?:"([^"]*)"|([^",\s]+))\s*', re.IGNORECASE)


# --- accounts ---


@functools.lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """Return the name that S3 has for an account: 64 hexadecimal digits."""
    if not account:
        return NOBODY_ID
    return hashlib.sha256(f"canonical user of {account}".encode()).hexdigest()


def account_of(view: store.View, canonical: str) -> str | None:
    """Return the account of a canonical id; None: there is none of that name."""
    wanted = canonical.lower()
    found = (one.id for one in view.list(records.ACCOUNT) if canonical_id(one.id) == wanted)
    return next(found, None)


def owner(view: store.View, account: str) -> dict[str, str]:
    """Return an owner as answers show one."""
    record = view.get(records.ACCOUNT, account) if account else None
    return {"DisplayName": record.doc.name if record else "", "ID": canonical_id(account)}


# --- what requests say ---


def is_in_headers(asked: Asked) -> bool:
    """Tell whether the head of a request says anything of a list."""
    return any(asked.get(member) for member in BUCKET)


def of_headers(view: store.View, asked: Asked, owners: tuple[str, str]) -> tuple[Grant, ...] | None:
    """Return the list that a request's head asks for; None: nobody but the owner has anything.

    `owners`: of the thing, and of the bucket that it is in. Raises what S3 answers to a list that
    cannot be.
    """
    canned: str | None = asked.get("ACL")
    lines = [(asked[member], member) for member in PERMISSIONS if asked.get(member)]
    if canned is not None and lines:
        raise errors.s3.InvalidRequest(
            "Specifying both Canned ACLs and Header Grants is not allowed"
        )
    if not lines:
        return of_canned(canned or "private", owners)
    found = (
        Grant(grantee, PERMISSIONS[member])
        for text, member in lines
        for grantee in _grantees(view, text, member)
    )
    return _limited(found)


def of_canned(name: str, owners: tuple[str, str]) -> tuple[Grant, ...] | None:
    """Return the list of a canned name; raise when there is no such name."""
    own, of_bucket = owners
    if name == _OF_EC2:
        raise errors.s3.NotImplemented(
            f"{_OF_EC2} is not supported by this cloud: its EC2 reads no images as somebody else."
        )
    more = _OF_GROUPS.get(name)
    if name in _TO_BUCKET_OWNER:
        more = () if own == of_bucket else (Grant(of_bucket, _TO_BUCKET_OWNER[name]),)
    if more is None:
        raise errors.s3.InvalidArgument(argument="x-amz-acl", value=name[:100])
    return (Grant(own, FULL), *more) if more else None


def of_new_bucket(view: store.View, account: str, doc: Bucket, asked: Asked) -> Bucket:
    """Return a bucket that is being made with its list; raise when it cannot have it."""
    has_lines = any(asked.get(member) for member in PERMISSIONS)
    if not has_lines and asked.get("ACL") in (None, "private"):
        return doc
    if doc.ownership == ENFORCED:
        raise errors.s3.InvalidBucketAclWithObjectOwnership(bucket=doc.name)
    grants = of_headers(view, asked, (account, account))
    if is_public(grants):
        # A bucket blocks everything public from its making on.
        raise errors.s3.InvalidBucketAclWithBlockPublicAccessError(bucket=doc.name)
    return replace(doc, grants=grants)


def of_document(view: store.View, document: Asked, own: str) -> tuple[Grant, ...] | None:
    """Return the list in a document; raise when it cannot be, or is said to be another's."""
    told: Mapping[str, Any] | None = document.get("Owner")
    if told is None or not told.get("ID"):
        raise errors.s3.MalformedACLError()
    if told["ID"].lower() != canonical_id(own):
        raise errors.s3.AccessDenied()
    lines: Sequence[Mapping[str, Any]] = document.get("Grants") or ()
    found = _limited(_of_line(view, line, own) for line in lines)
    return None if found == (Grant(own, FULL),) else found


def _of_line(view: store.View, line: Mapping[str, Any], own: str) -> Grant:
    grantee: Mapping[str, str] = line.get("Grantee") or {}
    permission: str = line.get("Permission") or ""
    if permission not in PERMISSIONS.values():
        raise errors.s3.MalformedACLError()
    kind = grantee.get("Type")
    member = {"CanonicalUser": "ID", "AmazonCustomerByEmail": "EmailAddress", "Group": "URI"}
    value = grantee.get(member.get(kind or "", ""))
    if value is None:
        raise errors.s3.MalformedACLError()
    if kind == "CanonicalUser" and value.lower() == canonical_id(own):
        return Grant(own, permission)
    return Grant(_grantee(view, member[kind or ""].lower(), value), permission)


def _limited(found: Iterable[Grant]) -> tuple[Grant, ...]:
    grants = tuple(dict.fromkeys(found))
    if len(grants) > GRANTS_MAX:
        raise errors.s3.MalformedACLError(f"A list has no more than {GRANTS_MAX} grants.")
    return grants


def _grantees(view: store.View, text: str, member: str) -> Iterable[str]:
    """Yield who is named in a header: `id="…", uri="…", emailAddress="…"`."""
    at = 0
    while at <= len(text):
        entry = _ENTRY.match(text, at)
        if entry is None or text[entry.end() : entry.end() + 1] not in ("", ","):
            header = f"x-amz-grant-{PERMISSIONS[member].lower().replace('_', '-')}"
            raise errors.s3.InvalidArgument(
                "Argument format not recognized", argument=header, value=text[:100]
            )
        value = entry[3] if entry[2] is None else entry[2]
        yield _grantee(view, entry[1].lower(), value)
        at = entry.end() + 1


def _grantee(view: store.View, kind: str, value: str) -> str:
    """Return an account or a group by what names it; raise when nobody is named so."""
    if kind == "uri":
        if value not in _GROUPS:
            raise errors.s3.InvalidArgument("Invalid group uri", argument="uri", value=value[:100])
        return _GROUPS[value]
    if kind == "emailaddress":
        return _by_email(view, value)
    account = account_of(view, value)
    if account is None:
        raise errors.s3.InvalidArgument(
            "Invalid id", argument="CanonicalUser/ID", value=value[:100]
        )
    return account


def _by_email(view: store.View, email: str) -> str:
    folded = email.strip().lower()
    found = [
        one.id for one in view.list(records.ACCOUNT) if (one.doc.email or "").lower() == folded
    ]
    if not found or not folded:
        raise errors.s3.UnresolvableGrantByEmailAddress()
    if len(found) > 1:
        raise errors.s3.AmbiguousGrantByEmailAddress()
    return found[0]


# --- what it comes to ---


def is_public(grants: Iterable[Grant] | None) -> bool:
    """Tell whether a list gives anything to groups of which anybody can be a member."""
    return any(grant.grantee in PUBLIC for grant in grants or ())


def check_block(block: AccessBlock | None, grants: Iterable[Grant] | None) -> None:
    """Raise when a list would make public what shall not be made public."""
    if block is not None and block.BlockPublicAcls and is_public(grants):
        raise errors.s3.AccessDenied(
            "Access Denied because public access control lists are prevented by the "
            "BlockPublicAcls setting in S3 Block Public Access."
        )


def may_deliver_logs(bucket: Bucket) -> bool:
    """Tell whether a bucket's list lets S3's log delivery write into it."""
    fitting = ("WRITE", FULL)
    return any(
        one.grantee == LOG_DELIVERY and one.permission in fitting for one in bucket.grants or ()
    )


def shown(view: store.View, own: str, grants: Iterable[Grant] | None) -> dict[str, object]:
    """Return a list as answers have it."""
    lines = (Grant(own, FULL),) if grants is None else grants
    return {"Owner": owner(view, own), "Grants": [_shown(view, one) for one in lines]}


def _shown(view: store.View, grant: Grant) -> dict[str, object]:
    uri = _URIS.get(grant.grantee)
    if uri is not None:
        return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": grant.permission}
    grantee = {"Type": "CanonicalUser", **owner(view, grant.grantee)}
    return {"Grantee": grantee, "Permission": grant.permission}
