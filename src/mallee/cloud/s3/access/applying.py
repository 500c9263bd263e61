"""What S3's permissions apply to, as AWS publishes it: buckets or objects, and which conditions.

A statement of a bucket's policy that could never apply is refused, as AWS does, since whoever wrote
it means something else. Pure. Called by `policies` when one is set. Not its business: what holds
when a request comes (`deciding`, `contextkeys`).
"""

import functools
from collections.abc import Iterable

from mallee.aws import errors, policy
from mallee.aws.policy import wildcards

_OF_BUCKETS = """
    AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration
    DeleteBucket DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite
    GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl
    GetBucketCORS GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration
    GetBucketNotification GetBucketObjectLockConfiguration GetBucketOwnershipControls
    GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
    GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
    GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
    GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads
    ListBucketVersions ListTagsForResource PauseReplication PutAccelerateConfiguration
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging
    PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls
    PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging
    PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
    PutMetricsConfiguration PutReplicationConfiguration TagResource UntagResource
    UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration
    UpdateBucketMetadataJournalTableConfiguration
"""
_OF_OBJECTS = """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation
    DeleteObjectTagging DeleteObjectVersion DeleteObjectVersionAnnotation
    DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAnnotation GetObjectAttributes
    GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion
    GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAnnotationForReplication
    GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging
    GetObjectVersionTorrent InitiateReplication ListMultipartUploadParts ListObjectAnnotations
    ListObjectVersionAnnotations ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl
    PutObjectAnnotation PutObjectLegalHold PutObjectRetention PutObjectTagging
    PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging ReplicateDelete
    ReplicateObject ReplicateObjectAnnotation ReplicateTags RestoreObject
    UpdateObjectEncryption
"""
OF_BUCKETS = frozenset(_OF_BUCKETS.split())
OF_OBJECTS = frozenset(_OF_OBJECTS.split())
"""Names of permissions by what they are about; what is about neither no bucket's policy gives."""

_MADE = "BypassGovernanceRetention PutObject"
_LISTS = f"{_MADE} CreateBucket PutBucketAcl PutObjectAcl PutObjectVersionAcl"
_VERSIONS = (
    "DeleteObjectVersion DeleteObjectVersionTagging GetObjectVersion GetObjectVersionAcl "
    "GetObjectVersionAttributes GetObjectVersionTagging GetObjectVersionTorrent "
    "PutObjectVersionAcl PutObjectVersionTagging"
)
_TAGGED = (
    "DeleteObjectTagging DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes "
    "GetObjectTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes "
    "GetObjectVersionTagging PutObjectAcl PutObjectTagging PutObjectVersionAcl "
    "PutObjectVersionTagging"
)
_KEYS = {
    "s3:delimiter": "ListBucket ListBucketVersions",
    "s3:existingobjecttag": _TAGGED,
    "s3:if-match": "DeleteObject PutObject",
    "s3:if-none-match": "PutObject",
    "s3:locationconstraint": "CreateBucket",
    "s3:max-keys": "ListBucket ListBucketVersions",
    "s3:object-lock-legal-hold": "PutObject PutObjectLegalHold",
    "s3:object-lock-mode": "PutObject PutObjectRetention",
    "s3:object-lock-remaining-retention-days": "PutObject PutObjectRetention",
    "s3:object-lock-retain-until-date": "PutObject PutObjectRetention",
    "s3:prefix": "ListBucket ListBucketVersions",
    "s3:requestobjecttag": f"{_MADE} PutObjectTagging PutObjectVersionTagging",
    "s3:requestobjecttagkeys": f"{_MADE} PutObjectTagging PutObjectVersionTagging",
    "s3:versionid": _VERSIONS,
    "s3:x-amz-acl": _LISTS,
    "s3:x-amz-copy-source": _MADE,
    "s3:x-amz-grant-full-control": _LISTS,
    "s3:x-amz-grant-read": _LISTS,
    "s3:x-amz-grant-read-acp": _LISTS,
    "s3:x-amz-grant-write": _LISTS,
    "s3:x-amz-grant-write-acp": _LISTS,
    "s3:x-amz-metadata-directive": _MADE,
    "s3:x-amz-object-ownership": "CreateBucket",
    "s3:x-amz-server-side-encryption": f"{_MADE} ReplicateObject",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": f"{_MADE} ReplicateObject",
    "s3:x-amz-server-side-encryption-customer-algorithm": f"{_MADE} ReplicateObject",
    "s3:x-amz-storage-class": f"{_MADE} PutObjectAcl PutObjectVersionAcl",
    "s3:x-amz-website-redirect-location": _MADE,
}
KEYS = {key: frozenset(names.split()) for key, names in _KEYS.items()}
"""Permissions that know a condition key; keys that are not here all of them know."""


def check(statement: policy.Statement, own: str) -> None:
    """Raise `MalformedPolicy` when a statement of a bucket's policy could never apply.

    `own`: the ARN of the bucket.
    """
    if statement.but_actions:
        return
    meant: set[str] = set()
    for pattern in statement.actions:
        found = named(pattern)
        if not found:
            raise errors.s3.MalformedPolicy("Policy has invalid action")
        if not statement.but_resources and not _applies(found, statement.resources, own):
            raise errors.s3.MalformedPolicy("Action does not apply to any resource(s) in statement")
        meant |= found
    for condition in statement.conditions:
        knowing = KEYS.get(condition.key.lower().partition("/")[0])
        if knowing is not None and not knowing & meant:
            raise errors.s3.MalformedPolicy(
                "Conditions do not apply to combination of actions and resources in statement"
            )


def _applies(names: Iterable[str], resources: Iterable[str], own: str) -> bool:
    for resource in resources:
        kind = OF_BUCKETS if resource == own else OF_OBJECTS
        if not kind.isdisjoint(names):
            return True
    return False


@functools.lru_cache(maxsize=256)
def named(pattern: str) -> frozenset[str]:
    """Return the permissions of buckets and objects that a pattern names (`s3:Get*`)."""
    name = pattern if pattern == "*" else pattern.partition(":")[2]
    matches = wildcards.matcher(wildcards.parse_glob(name.lower()))
    return frozenset(one for one in OF_BUCKETS | OF_OBJECTS if matches(one.lower()))
