"""What the access log calls operations: `REST.GET.OBJECT` for GetObject.

AWS names a method and a kind of thing, and not the operation. Names that follow from the operation
are made of it; the others are in a table. Pure. Called by `accesslog`.
"""

import re

_THINGS = {
    "AbortMultipartUpload": "UPLOAD",
    "CompleteMultipartUpload": "UPLOAD",
    "CopyObject": "OBJECT",
    "CreateBucket": "BUCKET",
    "CreateMultipartUpload": "UPLOADS",
    "DeleteBucket": "BUCKET",
    "DeleteBucketLifecycle": "LIFECYCLE",
    "DeleteObjects": "MULTI_OBJECT_DELETE",
    "DeletePublicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "GetBucketLifecycleConfiguration": "LIFECYCLE",
    "GetBucketLogging": "LOGGING_STATUS",
    "GetBucketNotificationConfiguration": "NOTIFICATION",
    "GetBucketPolicy": "BUCKETPOLICY",
    "DeleteBucketPolicy": "BUCKETPOLICY",
    "GetBucketPolicyStatus": "BUCKETPOLICYSTATUS",
    "GetObjectLegalHold": "OBJECT_LOCK_LEGALHOLD",
    "GetObjectLockConfiguration": "OBJECT_LOCK_CONFIGURATION",
    "GetObjectRetention": "OBJECT_LOCK_RETENTION",
    "HeadBucket": "BUCKET",
    "HeadObject": "OBJECT",
    "ListMultipartUploads": "UPLOADS",
    "ListObjectVersions": "BUCKETVERSIONS",
    "ListObjects": "BUCKET",
    "ListObjectsV2": "BUCKET",
    "ListParts": "UPLOAD",
    "UploadPart": "PART",
    "UploadPartCopy": "PART",
    "PostObject": "OBJECT",
}
"""By operation; one that puts has the name of the one that gets."""
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
_VERB = re.compile(r"(?:Get|Put|Delete|List|Create)(?:Bucket(?=[A-Z]))?")
_CONFIGURATION = re.compile(r"Configurations?$")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PREFLIGHT = "OPTIONS"


def of(operation: str, method: str, *, is_of_key: bool, is_page: bool = False) -> str:
    """Return what the log calls an operation that came by a method, or a page of a website."""
    if method == _PREFLIGHT:
        return "REST.OPTIONS.PREFLIGHT"
    if is_page:
        return f"WEBSITE.{method}.OBJECT"
    verb = "COPY" if operation in _COPIES else method
    thing = _THINGS.get(operation) or _THINGS.get(re.sub("^Put", "Get", operation))
    if thing is None:
        thing = _made(operation) if operation else ("OBJECT" if is_of_key else "BUCKET")
    return f"REST.{verb}.{thing}"


def _made(operation: str) -> str:
    """Return the thing in an operation's name: `TAGGING` of GetBucketTagging."""
    noun = _CONFIGURATION.sub("", _VERB.sub("", operation, count=1))
    if noun == "ObjectAcl":
        noun = "Acl"
    return _WORD.sub("_", noun).upper() or "BUCKET"
