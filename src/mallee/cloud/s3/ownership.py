"""Ownership and access control lists as they are shown: the owner has all, and nobody else.

A bucket of this cloud is its owner's with everything in it (`BucketOwnerEnforced`), and policies
alone say who else may. So lists are shown as S3 shows them then, and setting one is refused, save
one that says the same. Called by the pipeline.
"""

from mallee.aws import errors
from mallee.cloud.action import Read, Serve, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.s3 import acls, buckets, rows, versions
from mallee.cloud.s3.exchange import Answer, ObjectCall
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import store


def get_acl_of_bucket(call: Call, asked: Asked) -> Result:
    """Show a bucket's list."""
    return _shown(call.view, buckets.asked_for(call.view, asked).account)


async def get_acl(call: ObjectCall, asked: Asked) -> Answer:
    """Show an object's list."""
    where = versions.place(call, asked)
    found = await versions.look(call, where, asked.get("VersionId"))
    return Answer(result=_shown(call.view, found.about.owner))


def put_acl_of_bucket(call: WriteCall, asked: Asked) -> Result:
    """Take a list that says what is so anyway; refuse any other."""
    buckets.asked_for(call.view, asked)
    _check(asked)
    return {}


async def put_acl(call: ObjectCall, asked: Asked) -> Answer:
    """Take a list that says what is so anyway; refuse any other."""
    where = versions.place(call, asked)
    await versions.look(call, where, asked.get("VersionId"))
    _check(asked)
    return Answer()


def put_controls(call: WriteCall, asked: Asked) -> Result:
    """Take the ownership that every bucket has; refuse any other."""
    buckets.asked_for(call.view, asked)
    rules: list[Asked] = asked["OwnershipControls"].get("Rules") or []
    if len(rules) != 1:
        raise errors.s3.MalformedXML()
    if rules[0].get("ObjectOwnership") != acls.ENFORCED:
        raise errors.s3.NotImplemented(acls.WITHOUT)
    return {}


def get_controls(call: Call, asked: Asked) -> Result:
    """Show whose the objects of a bucket are."""
    doc = buckets.asked_for(call.view, asked).doc
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": doc.ownership}]}}


def _check(asked: Asked) -> None:
    if asked.get("ACL") not in acls.SAME or any(asked.get(name) for name in acls.HEADERS):
        raise errors.s3.AccessControlListNotSupported()


def _shown(view: store.View, account: str) -> dict[str, object]:
    owner = acls.owner(view, account)
    grant = {"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}
    return {"Owner": owner, "Grants": [grant]}


_BODY = ("ContentMD5", "ChecksumAlgorithm")

ACTIONS = (
    rows.of_bucket("GetBucketAcl", Read(handle=get_acl_of_bucket), "s3:GetBucketAcl"),
    rows.of_bucket(
        "PutBucketAcl",
        Write(handle=put_acl_of_bucket),
        "s3:PutBucketAcl",
        (*_BODY, *acls.BUCKET),
    ),
    rows.of_object(
        "GetObjectAcl",
        Serve(handle=get_acl, changes=False),
        rows.on_version("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
        ("VersionId",),
    ),
    rows.of_object(
        "PutObjectAcl",
        Serve(handle=put_acl, changes=True),
        rows.on_version("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
        (*_BODY, *acls.BUCKET, "VersionId"),
    ),
    rows.of_bucket(
        "PutBucketOwnershipControls",
        Write(handle=put_controls),
        "s3:PutBucketOwnershipControls",
        (*_BODY, "OwnershipControls"),
    ),
    rows.of_bucket(
        "GetBucketOwnershipControls",
        Read(handle=get_controls),
        "s3:GetBucketOwnershipControls",
    ),
)
