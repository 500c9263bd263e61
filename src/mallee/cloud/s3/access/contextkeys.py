"""The context keys of S3: what policies ask about a request to a bucket or an object.

Found in the request's members, which are the same for headers, links and forms. A permission is
asked for before the body is read, save that of the operations `IN_DOCUMENTS`. Tags that an object
has already are found by `deciding`, for the permissions that have them as a condition. Called by
`context`. Not its business: who asks (`callerkeys`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from mallee.aws import errors
from mallee.aws.policy.texts import Values
from mallee.aws.signature import hoisted
from mallee.aws.signature import s3 as signature
from mallee.aws.signature.claims import Claim, Scheme
from mallee.cloud.identity.question import Finder, Question, member
from mallee.cloud.state import records

_ARN = "arn:aws:s3:::"
V2, V4 = "AWS", "AWS4-HMAC-SHA256"
_DAY_S = 86400
_MEMBERS = {
    "s3:delimiter": "Delimiter",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
    "s3:max-keys": "MaxKeys",
    "s3:prefix": "Prefix",
    "s3:versionid": "VersionId",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-grant-full-control": "GrantFullControl",
    "s3:x-amz-grant-read": "GrantRead",
    "s3:x-amz-grant-read-acp": "GrantReadACP",
    "s3:x-amz-grant-write": "GrantWrite",
    "s3:x-amz-grant-write-acp": "GrantWriteACP",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-object-ownership": "ObjectOwnership",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
"""Member of the request by key."""

IN_DOCUMENTS = frozenset(
    {"CreateBucket", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging"}
)
"""Operations whose document policies ask about, so that it is read before they are asked."""


def owner(question: Question) -> str | None:
    """Return the account of the bucket that an ARN of S3 names; None for any other ARN."""
    if not question.resource.startswith(_ARN):
        return None
    name = question.resource.removeprefix(_ARN).partition("/")[0]
    record = question.call.view.get(records.BUCKET, name)
    return record.account if record else None


def _of_s3(find: Callable[[Question], Values | None]) -> Finder:
    """Return what finds a value in requests to S3 alone: other services have such members too."""
    return lambda question: find(question) if question.row.service == "s3" else None


# --- how it is signed ---


def _claim(question: Question) -> Claim | None:
    try:
        return signature.parse(question.http)
    except errors.s3.S3Error:
        return None


def _is_form(question: Question) -> bool:
    return question.http.method == "POST" and "policy" in question.http.headers


def _authentication(question: Question) -> str | None:
    if _is_form(question):
        return "POST"
    claim = _claim(question)
    if claim is None:
        return None
    is_header = "authorization" in question.http.headers
    return "REST-HEADER" if is_header else "REST-QUERY-STRING"


def signature_version(question: Question) -> str | None:
    """Return how a request is signed, in S3's words."""
    if _is_form(question):
        return V4 if "x-amz-signature" in question.http.headers else V2
    claim = _claim(question)
    if claim is None:
        return None
    return V2 if claim.scheme is Scheme.V2_OF_S3 else V4


def _age(question: Question) -> str | None:
    """Return for how many milliseconds the signature has been there."""
    claim = None if _is_form(question) else _claim(question)
    if claim is None or claim.signed_at is None:
        return None
    return str(max(int((question.call.now - claim.signed_at) * 1000), 0))


def _payload(question: Question) -> str | None:
    return hoisted.headers_of(question.http).get(signature.SHA256_HEADER)


# --- what is put ---


def _tags(question: Question) -> dict[str, str]:
    """Return the tags that a put has in a header, a form in a field, or a document lists."""
    said: Any = question.asked.get("Tagging")
    if isinstance(said, str):
        return dict(parse_qsl(said, keep_blank_values=True))
    listed: Any = said.get("TagSet") if said and question.row.name in IN_DOCUMENTS else None
    return {tag["Key"]: tag["Value"] for tag in listed or ()}


def _tag_keys(question: Question) -> Values | None:
    return tuple(_tags(question)) or None


def _tag(question: Question, name: str) -> str | None:
    if question.row.service != "s3":
        return None
    folded = name.lower()
    return next((value for key, value in _tags(question).items() if key.lower() == folded), None)


def _existing_tag(question: Question, name: str) -> str | None:
    """Return a tag that the object has already, whatever the request says of tags."""
    if question.existing_tags is None:
        return None
    folded = name.lower()
    tags = question.existing_tags()
    return next((value for key, value in tags.items() if key.lower() == folded), None)


def tags_of_bucket(question: Question) -> Sequence[Mapping[str, str]]:
    """Return the tags that a new bucket is to have."""
    wanted: Any = question.asked.get("CreateBucketConfiguration")
    return wanted.get("Tags") or () if wanted else ()


def _either(name: str, *path: str) -> Finder:
    """Return what finds a member of a put, or else the same in a document that is put alone."""
    in_head, in_document = _of_s3(member(name)), _of_s3(member(*path))
    return lambda question: in_head(question) or in_document(question)


def _retention_end(question: Question) -> datetime | None:
    retention: Any = question.asked.get("Retention") or {}
    return question.asked.get("ObjectLockRetainUntilDate") or retention.get("RetainUntilDate")


def _retained_until(question: Question) -> str | None:
    moment = _retention_end(question)
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _days_retained(question: Question) -> str | None:
    moment = _retention_end(question)
    if moment is None:
        return None
    return str(max(int((moment.timestamp() - question.call.now) / _DAY_S), 0))


FINDERS: Mapping[str, Finder] = {
    **{key: _of_s3(member(name)) for key, name in _MEMBERS.items()},
    "s3:authtype": _of_s3(_authentication),
    "s3:locationconstraint": _of_s3(member("CreateBucketConfiguration", "LocationConstraint")),
    "s3:object-lock-legal-hold": _either("ObjectLockLegalHoldStatus", "LegalHold", "Status"),
    "s3:object-lock-mode": _either("ObjectLockMode", "Retention", "Mode"),
    "s3:object-lock-remaining-retention-days": _of_s3(_days_retained),
    "s3:object-lock-retain-until-date": _of_s3(_retained_until),
    "s3:requestobjecttagkeys": _of_s3(_tag_keys),
    "s3:resourceaccount": owner,
    "s3:signatureage": _of_s3(_age),
    "s3:signatureversion": _of_s3(signature_version),
    "s3:x-amz-content-sha256": _of_s3(_payload),
}

FAMILIES: Mapping[str, Callable[[Question, str], str | None]] = {
    "s3:existingobjecttag": _existing_tag,
    "s3:requestobjecttag": _tag,
}
