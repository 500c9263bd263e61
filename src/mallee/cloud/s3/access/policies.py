"""Bucket policies: who may do what in a bucket, said at the bucket, also of other accounts.

Called by the pipeline; `attached` by its stage that decides. Not its business: deciding
(`aws.policy`), what is public (`publicity`).
"""

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud.action import Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.identity import context
from mallee.cloud.s3 import rows
from mallee.cloud.s3.access import acls, applying, publicity
from mallee.cloud.s3.buckets import buckets
from mallee.cloud.s3.rows import Asked
from mallee.cloud.state import records, store
from mallee.model.storage.buckets import Bucket

LENGTH_MAX = 20 << 10
"""Bytes of a policy's text."""
_ACCOUNT_DIGITS = 12


def attached(view: store.View, name: str, account: str) -> policy.Attached | None:
    """Return the policy that a bucket has for callers of an account (empty: nobody's).

    A public one that is restricted (`RestrictPublicBuckets`) gives strangers nothing.
    """
    record = buckets.find(view, name)
    if record is None or not record.doc.policy:
        return None
    block = record.doc.access_block
    is_restricted = block is not None and block.RestrictPublicBuckets
    if is_restricted and account != record.account and publicity.is_public(record.doc.policy):
        return None
    compiled = policy.compiled(record.doc.policy, policy.Kind.RESOURCE)
    return policy.Attached(f"arn:aws:s3:::{name}", compiled)


def put(call: WriteCall, asked: Asked) -> Result:
    """Give a bucket a policy."""
    record = _of_own(call, asked, "PUT")
    given: str | bytes = asked["Policy"]
    text = given if isinstance(given, str) else given.decode(errors="replace")
    _check(call.view, record.id, text)
    block = record.doc.access_block
    if block is not None and block.BlockPublicPolicy and publicity.is_public(text):
        raise errors.s3.AccessDenied(
            f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on "
            f'resource: "arn:aws:s3:::{record.id}" because public policies are prevented by the '
            "BlockPublicPolicy setting in S3 Block Public Access."
        )
    call.tx.write(record, replace(record.doc, policy=text))
    return {}


def get(call: Call, asked: Asked) -> Result:
    """Return a bucket's policy as it was given."""
    return {"Policy": _of(_of_own(call, asked, "GET").doc)}


def delete(call: WriteCall, asked: Asked) -> Result:
    """Take a bucket's policy away; doing it twice is doing it once."""
    record = _of_own(call, asked, "DELETE")
    call.tx.write(record, replace(record.doc, policy=""))
    return {}


def status(call: Call, asked: Asked) -> Result:
    """Tell whether a bucket's policy is public."""
    text = _of(buckets.asked_for(call.view, asked).doc)
    return {"PolicyStatus": {"IsPublic": publicity.is_public(text)}}


def _of_own(call: Call, asked: Asked, method: str) -> buckets.BucketRecord:
    """Return the bucket, if it is of the caller's account: to no other a policy can give itself."""
    record = buckets.asked_for(call.view, asked)
    if call.account != record.account:
        raise errors.s3.MethodNotAllowed(method=method, resource_type="BUCKETPOLICY")
    return record


def _of(bucket: Bucket) -> str:
    if not bucket.policy:
        raise errors.s3.NoSuchBucketPolicy(bucket=bucket.name)
    return bucket.policy


def _check(view: store.View, name: str, text: str) -> None:
    """Raise `MalformedPolicy` unless the text is a policy of this bucket."""
    if len(text.encode()) > LENGTH_MAX:
        raise errors.s3.MalformedPolicy(
            f"Policies must be smaller than or equal to {LENGTH_MAX} bytes."
        )
    if not text.lstrip().startswith("{"):
        raise errors.s3.MalformedPolicy()
    try:
        document = policy.parse(text, policy.Kind.RESOURCE)
        asked = policy.compiled(text, policy.Kind.RESOURCE).keys
    except errors.AwsError as error:
        raise errors.s3.MalformedPolicy(error.message) from error
    for key in sorted(asked):
        # A denial that waits for what no request says would deny nothing, and nobody would know.
        if key.startswith("s3:") and key.partition("/")[0] not in context.KEYS:
            raise errors.s3.MalformedPolicy(
                f"Policy has an invalid condition key: {key} has no value in this cloud"
            )
    for statement in document.statements:
        if statement.effect is policy.Effect.LIMIT:
            raise errors.s3.MalformedPolicy("Invalid effect: Limit")
        if not all(one == "*" or one.lower().startswith("s3:") for one in statement.actions):
            raise errors.s3.MalformedPolicy("Policy has invalid action")
        if not all(_is_within(one, name) for one in statement.resources):
            raise errors.s3.MalformedPolicy("Policy has invalid resource")
        applying.check(statement, f"arn:aws:s3:::{name}")
        for entry in statement.principals:
            if not _is_known(view, entry.type, entry.value):
                raise errors.s3.MalformedPolicy("Invalid principal in policy")


def _is_within(resource: str, name: str) -> bool:
    own = f"arn:aws:s3:::{name}"
    return resource == own or resource.startswith(f"{own}/")


def _is_known(view: store.View, type: str, value: str) -> bool:
    """Tell whether there is an account as a principal names one; who is in it, it must know."""
    if type == "CanonicalUser":
        return acls.account_of(view, value) is not None
    if type != "AWS" or value == "*":
        return True
    account = value.split(":")[4] if value.startswith("arn:") and value.count(":") >= 5 else value
    is_account = len(account) == _ACCOUNT_DIGITS and account.isdigit()
    return not is_account or view.get(records.ACCOUNT, account) is not None


ACTIONS = (
    rows.of_bucket(
        "PutBucketPolicy",
        Write(handle=put),
        "s3:PutBucketPolicy",
        ("Policy", "ContentMD5", "ChecksumAlgorithm", "ConfirmRemoveSelfBucketAccess"),
    ),
    rows.of_bucket("GetBucketPolicy", Read(handle=get), "s3:GetBucketPolicy"),
    rows.of_bucket("DeleteBucketPolicy", Write(handle=delete), "s3:DeleteBucketPolicy"),
    rows.of_bucket("GetBucketPolicyStatus", Read(handle=status), "s3:GetBucketPolicyStatus"),
)
