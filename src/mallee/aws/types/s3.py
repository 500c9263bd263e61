"""Requests and results of s3's actions, by shape.

Written by `tools/generate_types.py` from the action table and the service model; edit neither this
file nor the members' names, run the tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from mallee.aws.codec.fragment import Fragment


class AbacStatus(TypedDict):
    Status: NotRequired[str]


class AbortIncompleteMultipartUpload(TypedDict):
    DaysAfterInitiation: NotRequired[int]


class AbortMultipartUploadOutput(TypedDict):
    RequestCharged: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class AbortMultipartUploadRequest(TypedDict):
    Bucket: str
    Key: str
    UploadId: str
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    IfMatchInitiatedTime: NotRequired[datetime]


class AccelerateConfiguration(TypedDict):
    Status: NotRequired[str]


class AccessControlPolicy(TypedDict):
    Grants: NotRequired[list[Grant]]
    Owner: NotRequired[Owner]


class AccessControlTranslation(TypedDict):
    Owner: str


class AnalyticsAndOperator(TypedDict):
    Prefix: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class AnalyticsConfiguration(TypedDict):
    Id: str
    Filter: NotRequired[AnalyticsFilter | Fragment | None]
    StorageClassAnalysis: StorageClassAnalysis | Fragment


class AnalyticsExportDestination(TypedDict):
    S3BucketDestination: AnalyticsS3BucketDestination | Fragment


class AnalyticsFilter(TypedDict):
    Prefix: NotRequired[str | None]
    Tag: NotRequired[Tag | Fragment | None]
    And: NotRequired[AnalyticsAndOperator | Fragment | None]


class AnalyticsS3BucketDestination(TypedDict):
    Format: str
    BucketAccountId: NotRequired[str | None]
    Bucket: str
    Prefix: NotRequired[str | None]


class BlockedEncryptionTypes(TypedDict):
    EncryptionType: NotRequired[list[str]]


class Bucket(TypedDict):
    Name: NotRequired[str | None]
    CreationDate: NotRequired[datetime | float | None]
    BucketRegion: NotRequired[str | None]
    BucketArn: NotRequired[str | None]


class BucketInfo(TypedDict):
    DataRedundancy: NotRequired[str]
    Type: NotRequired[str]


class BucketLifecycleConfiguration(TypedDict):
    Rules: list[LifecycleRule]


class BucketLoggingStatus(TypedDict):
    LoggingEnabled: NotRequired[LoggingEnabled]


class CORSConfiguration(TypedDict):
    CORSRules: list[CORSRule]


class CORSRule(TypedDict):
    ID: NotRequired[str]
    AllowedHeaders: NotRequired[list[str]]
    AllowedMethods: list[str]
    AllowedOrigins: list[str]
    ExposeHeaders: NotRequired[list[str]]
    MaxAgeSeconds: NotRequired[int]


class CSVInput(TypedDict):
    FileHeaderInfo: NotRequired[str]
    Comments: NotRequired[str]
    QuoteEscapeCharacter: NotRequired[str]
    RecordDelimiter: NotRequired[str]
    FieldDelimiter: NotRequired[str]
    QuoteCharacter: NotRequired[str]
    AllowQuotedRecordDelimiter: NotRequired[bool]


class CSVOutput(TypedDict):
    QuoteFields: NotRequired[str]
    QuoteEscapeCharacter: NotRequired[str]
    RecordDelimiter: NotRequired[str]
    FieldDelimiter: NotRequired[str]
    QuoteCharacter: NotRequired[str]


class Checksum(TypedDict):
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]


class CommonPrefix(TypedDict):
    Prefix: NotRequired[str | None]


class CompleteMultipartUploadOutput(TypedDict):
    Location: NotRequired[str | None]
    Bucket: NotRequired[str | None]
    Key: NotRequired[str | None]
    Expiration: NotRequired[str | None]
    ETag: NotRequired[str | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    RequestCharged: NotRequired[str | None]


class CompleteMultipartUploadRequest(TypedDict):
    Bucket: str
    Key: str
    MultipartUpload: NotRequired[CompletedMultipartUpload]
    UploadId: str
    ChecksumCRC32: NotRequired[str]
    ChecksumCRC32C: NotRequired[str]
    ChecksumCRC64NVME: NotRequired[str]
    ChecksumSHA1: NotRequired[str]
    ChecksumSHA256: NotRequired[str]
    ChecksumSHA512: NotRequired[str]
    ChecksumMD5: NotRequired[str]
    ChecksumXXHASH64: NotRequired[str]
    ChecksumXXHASH3: NotRequired[str]
    ChecksumXXHASH128: NotRequired[str]
    ChecksumType: NotRequired[str]
    MpuObjectSize: NotRequired[int]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    IfMatch: NotRequired[str]
    IfNoneMatch: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]


class CompletedMultipartUpload(TypedDict):
    Parts: NotRequired[list[CompletedPart]]


class CompletedPart(TypedDict):
    ETag: NotRequired[str]
    ChecksumCRC32: NotRequired[str]
    ChecksumCRC32C: NotRequired[str]
    ChecksumCRC64NVME: NotRequired[str]
    ChecksumSHA1: NotRequired[str]
    ChecksumSHA256: NotRequired[str]
    ChecksumSHA512: NotRequired[str]
    ChecksumMD5: NotRequired[str]
    ChecksumXXHASH64: NotRequired[str]
    ChecksumXXHASH3: NotRequired[str]
    ChecksumXXHASH128: NotRequired[str]
    PartNumber: NotRequired[int]


class Condition(TypedDict):
    HttpErrorCodeReturnedEquals: NotRequired[str]
    KeyPrefixEquals: NotRequired[str]


class CopyObjectOutput(TypedDict):
    CopyObjectResult: NotRequired[CopyObjectResult | Fragment | None]
    Expiration: NotRequired[str | None]
    CopySourceVersionId: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    SSEKMSEncryptionContext: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    RequestCharged: NotRequired[str | None]


class CopyObjectRequest(TypedDict):
    ACL: NotRequired[str]
    Bucket: str
    CacheControl: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ContentDisposition: NotRequired[str]
    ContentEncoding: NotRequired[str]
    ContentLanguage: NotRequired[str]
    ContentType: NotRequired[str]
    CopySource: str
    CopySourceIfMatch: NotRequired[str]
    CopySourceIfModifiedSince: NotRequired[datetime]
    CopySourceIfNoneMatch: NotRequired[str]
    CopySourceIfUnmodifiedSince: NotRequired[datetime]
    Expires: NotRequired[str]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    IfMatch: NotRequired[str]
    IfNoneMatch: NotRequired[str]
    Key: str
    Metadata: NotRequired[dict[str, str]]
    MetadataDirective: NotRequired[str]
    TaggingDirective: NotRequired[str]
    AnnotationDirective: NotRequired[str]
    ServerSideEncryption: NotRequired[str]
    StorageClass: NotRequired[str]
    WebsiteRedirectLocation: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    SSEKMSKeyId: NotRequired[str]
    SSEKMSEncryptionContext: NotRequired[str]
    BucketKeyEnabled: NotRequired[bool]
    CopySourceSSECustomerAlgorithm: NotRequired[str]
    CopySourceSSECustomerKey: NotRequired[str]
    CopySourceSSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    Tagging: NotRequired[str]
    ObjectLockMode: NotRequired[str]
    ObjectLockRetainUntilDate: NotRequired[datetime]
    ObjectLockLegalHoldStatus: NotRequired[str]
    ObjectLockEventHold: NotRequired[str]
    ObjectLockEventHoldDurationDays: NotRequired[int]
    ObjectLockEventHoldDurationYears: NotRequired[int]
    ExpectedBucketOwner: NotRequired[str]
    ExpectedSourceBucketOwner: NotRequired[str]


class CopyObjectResult(TypedDict):
    ETag: NotRequired[str | None]
    LastModified: NotRequired[datetime | float | None]
    ChecksumType: NotRequired[str | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]


class CopyPartResult(TypedDict):
    ETag: NotRequired[str | None]
    LastModified: NotRequired[datetime | float | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]


class CreateBucketConfiguration(TypedDict):
    LocationConstraint: NotRequired[str]
    Location: NotRequired[LocationInfo]
    Bucket: NotRequired[BucketInfo]
    Tags: NotRequired[list[Tag]]


class CreateBucketOutput(TypedDict):
    Location: NotRequired[str | None]
    BucketArn: NotRequired[str | None]


class CreateBucketRequest(TypedDict):
    ACL: NotRequired[str]
    Bucket: str
    CreateBucketConfiguration: NotRequired[CreateBucketConfiguration]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWrite: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    ObjectLockEnabledForBucket: NotRequired[bool]
    ObjectOwnership: NotRequired[str]
    BucketNamespace: NotRequired[str]


class CreateMultipartUploadOutput(TypedDict):
    AbortDate: NotRequired[datetime | float | None]
    AbortRuleId: NotRequired[str | None]
    Bucket: NotRequired[str | None]
    Key: NotRequired[str | None]
    UploadId: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    SSEKMSEncryptionContext: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    RequestCharged: NotRequired[str | None]
    ChecksumAlgorithm: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class CreateMultipartUploadRequest(TypedDict):
    ACL: NotRequired[str]
    Bucket: str
    CacheControl: NotRequired[str]
    ContentDisposition: NotRequired[str]
    ContentEncoding: NotRequired[str]
    ContentLanguage: NotRequired[str]
    ContentType: NotRequired[str]
    Expires: NotRequired[str]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    Key: str
    Metadata: NotRequired[dict[str, str]]
    ServerSideEncryption: NotRequired[str]
    StorageClass: NotRequired[str]
    WebsiteRedirectLocation: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    SSEKMSKeyId: NotRequired[str]
    SSEKMSEncryptionContext: NotRequired[str]
    BucketKeyEnabled: NotRequired[bool]
    RequestPayer: NotRequired[str]
    Tagging: NotRequired[str]
    ObjectLockMode: NotRequired[str]
    ObjectLockRetainUntilDate: NotRequired[datetime]
    ObjectLockLegalHoldStatus: NotRequired[str]
    ObjectLockEventHold: NotRequired[str]
    ObjectLockEventHoldDurationDays: NotRequired[int]
    ObjectLockEventHoldDurationYears: NotRequired[int]
    ExpectedBucketOwner: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ChecksumType: NotRequired[str]


class DefaultRetention(TypedDict):
    Mode: NotRequired[str]
    Days: NotRequired[int]
    Years: NotRequired[int]
    DefaultEventHold: NotRequired[EventHoldDuration]


class Delete(TypedDict):
    Objects: list[ObjectIdentifier]
    Quiet: NotRequired[bool]


class DeleteBucketAnalyticsConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketCorsRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketEncryptionRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketIntelligentTieringConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketInventoryConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketLifecycleRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketMetricsConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketOwnershipControlsRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketPolicyRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketReplicationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketTaggingRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteBucketWebsiteRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeleteMarkerEntry(TypedDict):
    Owner: NotRequired[Owner | Fragment | None]
    Key: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    IsLatest: NotRequired[bool | None]
    LastModified: NotRequired[datetime | float | None]


class DeleteMarkerReplication(TypedDict):
    Status: NotRequired[str | None]


class DeleteObjectOutput(TypedDict):
    DeleteMarker: NotRequired[bool | None]
    VersionId: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class DeleteObjectRequest(TypedDict):
    Bucket: str
    Key: str
    MFA: NotRequired[str]
    VersionId: NotRequired[str]
    RequestPayer: NotRequired[str]
    BypassGovernanceRetention: NotRequired[bool]
    ExpectedBucketOwner: NotRequired[str]
    IfMatch: NotRequired[str]
    IfMatchLastModifiedTime: NotRequired[datetime]
    IfMatchSize: NotRequired[int]


class DeleteObjectTaggingOutput(TypedDict):
    VersionId: NotRequired[str | None]


class DeleteObjectTaggingRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class DeleteObjectsOutput(TypedDict):
    Deleted: NotRequired[Sequence[DeletedObject | Fragment] | Fragment | None]
    RequestCharged: NotRequired[str | None]
    Errors: NotRequired[Sequence[Error | Fragment] | Fragment | None]


class DeleteObjectsRequest(TypedDict):
    Bucket: str
    Delete: Delete
    MFA: NotRequired[str]
    RequestPayer: NotRequired[str]
    BypassGovernanceRetention: NotRequired[bool]
    ExpectedBucketOwner: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]


class DeletePublicAccessBlockRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class DeletedObject(TypedDict):
    Key: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    DeleteMarker: NotRequired[bool | None]
    DeleteMarkerVersionId: NotRequired[str | None]


class Destination(TypedDict):
    Bucket: str
    Account: NotRequired[str | None]
    StorageClass: NotRequired[str | None]
    AccessControlTranslation: NotRequired[AccessControlTranslation | Fragment | None]
    EncryptionConfiguration: NotRequired[EncryptionConfiguration | Fragment | None]
    ReplicationTime: NotRequired[ReplicationTime | Fragment | None]
    Metrics: NotRequired[Metrics | Fragment | None]


class Encryption(TypedDict):
    EncryptionType: str
    KMSKeyId: NotRequired[str]
    KMSContext: NotRequired[str]


class EncryptionConfiguration(TypedDict):
    ReplicaKmsKeyID: NotRequired[str | None]


class Error(TypedDict):
    Key: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    Code: NotRequired[str | None]
    Message: NotRequired[str | None]


class ErrorDocument(TypedDict):
    Key: str


class EventBridgeConfiguration(TypedDict):
    pass


class EventHoldDuration(TypedDict):
    Days: NotRequired[int]
    Years: NotRequired[int]


class ExistingObjectReplication(TypedDict):
    Status: str


class FilterRule(TypedDict):
    Name: NotRequired[str]
    Value: NotRequired[str]


class GetBucketAbacOutput(TypedDict):
    AbacStatus: NotRequired[AbacStatus | Fragment | None]


class GetBucketAbacRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketAccelerateConfigurationOutput(TypedDict):
    Status: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class GetBucketAccelerateConfigurationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]
    RequestPayer: NotRequired[str]


class GetBucketAclOutput(TypedDict):
    Owner: NotRequired[Owner | Fragment | None]
    Grants: NotRequired[Sequence[Grant | Fragment] | Fragment | None]


class GetBucketAclRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketAnalyticsConfigurationOutput(TypedDict):
    AnalyticsConfiguration: NotRequired[AnalyticsConfiguration | Fragment | None]


class GetBucketAnalyticsConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketCorsOutput(TypedDict):
    CORSRules: NotRequired[Sequence[CORSRule | Fragment] | Fragment | None]


class GetBucketCorsRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketEncryptionOutput(TypedDict):
    ServerSideEncryptionConfiguration: NotRequired[
        ServerSideEncryptionConfiguration | Fragment | None
    ]


class GetBucketEncryptionRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketIntelligentTieringConfigurationOutput(TypedDict):
    IntelligentTieringConfiguration: NotRequired[IntelligentTieringConfiguration | Fragment | None]


class GetBucketIntelligentTieringConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketInventoryConfigurationOutput(TypedDict):
    InventoryConfiguration: NotRequired[InventoryConfiguration | Fragment | None]


class GetBucketInventoryConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketLifecycleConfigurationOutput(TypedDict):
    Rules: NotRequired[Sequence[LifecycleRule | Fragment] | Fragment | None]
    TransitionDefaultMinimumObjectSize: NotRequired[str | None]


class GetBucketLifecycleConfigurationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketLocationOutput(TypedDict):
    LocationConstraint: NotRequired[str | None]


class GetBucketLocationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketLoggingOutput(TypedDict):
    LoggingEnabled: NotRequired[LoggingEnabled | Fragment | None]


class GetBucketLoggingRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketMetricsConfigurationOutput(TypedDict):
    MetricsConfiguration: NotRequired[MetricsConfiguration | Fragment | None]


class GetBucketMetricsConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketNotificationConfigurationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketOwnershipControlsOutput(TypedDict):
    OwnershipControls: NotRequired[OwnershipControls | Fragment | None]


class GetBucketOwnershipControlsRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketPolicyOutput(TypedDict):
    Policy: NotRequired[str | None]


class GetBucketPolicyRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketPolicyStatusOutput(TypedDict):
    PolicyStatus: NotRequired[PolicyStatus | Fragment | None]


class GetBucketPolicyStatusRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketReplicationOutput(TypedDict):
    ReplicationConfiguration: NotRequired[ReplicationConfiguration | Fragment | None]


class GetBucketReplicationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketRequestPaymentOutput(TypedDict):
    Payer: NotRequired[str | None]


class GetBucketRequestPaymentRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketTaggingOutput(TypedDict):
    TagSet: Sequence[Tag | Fragment] | Fragment


class GetBucketTaggingRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketVersioningOutput(TypedDict):
    Status: NotRequired[str | None]
    MFADelete: NotRequired[str | None]


class GetBucketVersioningRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetBucketWebsiteOutput(TypedDict):
    RedirectAllRequestsTo: NotRequired[RedirectAllRequestsTo | Fragment | None]
    IndexDocument: NotRequired[IndexDocument | Fragment | None]
    ErrorDocument: NotRequired[ErrorDocument | Fragment | None]
    RoutingRules: NotRequired[Sequence[RoutingRule | Fragment] | Fragment | None]


class GetBucketWebsiteRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetObjectAclOutput(TypedDict):
    Owner: NotRequired[Owner | Fragment | None]
    Grants: NotRequired[Sequence[Grant | Fragment] | Fragment | None]
    RequestCharged: NotRequired[str | None]


class GetObjectAclRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class GetObjectAttributesOutput(TypedDict):
    DeleteMarker: NotRequired[bool | None]
    LastModified: NotRequired[datetime | float | None]
    VersionId: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]
    ETag: NotRequired[str | None]
    Checksum: NotRequired[Checksum | Fragment | None]
    ObjectParts: NotRequired[GetObjectAttributesParts | Fragment | None]
    StorageClass: NotRequired[str | None]
    ObjectSize: NotRequired[int | None]


class GetObjectAttributesParts(TypedDict):
    TotalPartsCount: NotRequired[int | None]
    PartNumberMarker: NotRequired[int | None]
    NextPartNumberMarker: NotRequired[int | None]
    MaxParts: NotRequired[int | None]
    IsTruncated: NotRequired[bool | None]
    Parts: NotRequired[Sequence[ObjectPart | Fragment] | Fragment | None]


class GetObjectAttributesRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    MaxParts: NotRequired[int]
    PartNumberMarker: NotRequired[int]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    ObjectAttributes: list[str]


class GetObjectLegalHoldOutput(TypedDict):
    LegalHold: NotRequired[ObjectLockLegalHold | Fragment | None]


class GetObjectLegalHoldRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class GetObjectLockConfigurationOutput(TypedDict):
    ObjectLockConfiguration: NotRequired[ObjectLockConfiguration | Fragment | None]


class GetObjectLockConfigurationRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GetObjectOutput(TypedDict):
    DeleteMarker: NotRequired[bool | None]
    AcceptRanges: NotRequired[str | None]
    Expiration: NotRequired[str | None]
    Restore: NotRequired[str | None]
    LastModified: NotRequired[datetime | float | None]
    ContentLength: NotRequired[int | None]
    ETag: NotRequired[str | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    MissingMeta: NotRequired[int | None]
    VersionId: NotRequired[str | None]
    CacheControl: NotRequired[str | None]
    ContentDisposition: NotRequired[str | None]
    ContentEncoding: NotRequired[str | None]
    ContentLanguage: NotRequired[str | None]
    ContentRange: NotRequired[str | None]
    ContentType: NotRequired[str | None]
    Expires: NotRequired[str | None]
    WebsiteRedirectLocation: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    Metadata: NotRequired[Mapping[str, str] | Fragment | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    StorageClass: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]
    ReplicationStatus: NotRequired[str | None]
    PartsCount: NotRequired[int | None]
    TagCount: NotRequired[int | None]
    ObjectLockMode: NotRequired[str | None]
    ObjectLockRetainUntilDate: NotRequired[datetime | float | None]
    ObjectLockLegalHoldStatus: NotRequired[str | None]
    ObjectLockEventHold: NotRequired[str | None]
    ObjectLockEventHoldDurationDays: NotRequired[int | None]
    ObjectLockEventHoldDurationYears: NotRequired[int | None]


class GetObjectRequest(TypedDict):
    Bucket: str
    IfMatch: NotRequired[str]
    IfModifiedSince: NotRequired[datetime]
    IfNoneMatch: NotRequired[str]
    IfUnmodifiedSince: NotRequired[datetime]
    Key: str
    Range: NotRequired[str]
    ResponseCacheControl: NotRequired[str]
    ResponseContentDisposition: NotRequired[str]
    ResponseContentEncoding: NotRequired[str]
    ResponseContentLanguage: NotRequired[str]
    ResponseContentType: NotRequired[str]
    ResponseExpires: NotRequired[str]
    VersionId: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    PartNumber: NotRequired[int]
    ExpectedBucketOwner: NotRequired[str]
    ChecksumMode: NotRequired[str]


class GetObjectRetentionOutput(TypedDict):
    Retention: NotRequired[ObjectLockRetention | Fragment | None]


class GetObjectRetentionRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class GetObjectTaggingOutput(TypedDict):
    VersionId: NotRequired[str | None]
    TagSet: Sequence[Tag | Fragment] | Fragment


class GetObjectTaggingRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    RequestPayer: NotRequired[str]


class GetPublicAccessBlockOutput(TypedDict):
    PublicAccessBlockConfiguration: NotRequired[PublicAccessBlockConfiguration | Fragment | None]


class GetPublicAccessBlockRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class GlacierJobParameters(TypedDict):
    Tier: str


class Grant(TypedDict):
    Grantee: NotRequired[Grantee]
    Permission: NotRequired[str]


class Grantee(TypedDict):
    DisplayName: NotRequired[str]
    EmailAddress: NotRequired[str]
    ID: NotRequired[str]
    Type: str
    URI: NotRequired[str]


class HeadBucketOutput(TypedDict):
    BucketArn: NotRequired[str | None]
    BucketLocationType: NotRequired[str | None]
    BucketLocationName: NotRequired[str | None]
    BucketRegion: NotRequired[str | None]
    AccessPointAlias: NotRequired[bool | None]


class HeadBucketRequest(TypedDict):
    Bucket: str
    ExpectedBucketOwner: NotRequired[str]


class HeadObjectOutput(TypedDict):
    DeleteMarker: NotRequired[bool | None]
    AcceptRanges: NotRequired[str | None]
    Expiration: NotRequired[str | None]
    Restore: NotRequired[str | None]
    ArchiveStatus: NotRequired[str | None]
    LastModified: NotRequired[datetime | float | None]
    ContentLength: NotRequired[int | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    ETag: NotRequired[str | None]
    MissingMeta: NotRequired[int | None]
    VersionId: NotRequired[str | None]
    CacheControl: NotRequired[str | None]
    ContentDisposition: NotRequired[str | None]
    ContentEncoding: NotRequired[str | None]
    ContentLanguage: NotRequired[str | None]
    ContentType: NotRequired[str | None]
    ContentRange: NotRequired[str | None]
    Expires: NotRequired[str | None]
    WebsiteRedirectLocation: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    Metadata: NotRequired[Mapping[str, str] | Fragment | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    StorageClass: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]
    ReplicationStatus: NotRequired[str | None]
    PartsCount: NotRequired[int | None]
    TagCount: NotRequired[int | None]
    ObjectLockMode: NotRequired[str | None]
    ObjectLockRetainUntilDate: NotRequired[datetime | float | None]
    ObjectLockLegalHoldStatus: NotRequired[str | None]
    ObjectLockEventHold: NotRequired[str | None]
    ObjectLockEventHoldDurationDays: NotRequired[int | None]
    ObjectLockEventHoldDurationYears: NotRequired[int | None]


class HeadObjectRequest(TypedDict):
    Bucket: str
    IfMatch: NotRequired[str]
    IfModifiedSince: NotRequired[datetime]
    IfNoneMatch: NotRequired[str]
    IfUnmodifiedSince: NotRequired[datetime]
    Key: str
    Range: NotRequired[str]
    ResponseCacheControl: NotRequired[str]
    ResponseContentDisposition: NotRequired[str]
    ResponseContentEncoding: NotRequired[str]
    ResponseContentLanguage: NotRequired[str]
    ResponseContentType: NotRequired[str]
    ResponseExpires: NotRequired[str]
    VersionId: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    PartNumber: NotRequired[int]
    ExpectedBucketOwner: NotRequired[str]
    ChecksumMode: NotRequired[str]


class IndexDocument(TypedDict):
    Suffix: str


class Initiator(TypedDict):
    ID: NotRequired[str | None]
    DisplayName: NotRequired[str | None]


class InputSerialization(TypedDict):
    CSV: NotRequired[CSVInput]
    CompressionType: NotRequired[str]
    JSON: NotRequired[JSONInput]
    Parquet: NotRequired[ParquetInput]


class IntelligentTieringAndOperator(TypedDict):
    Prefix: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class IntelligentTieringConfiguration(TypedDict):
    Id: str
    Filter: NotRequired[IntelligentTieringFilter | Fragment | None]
    Status: str
    Tierings: Sequence[Tiering | Fragment] | Fragment


class IntelligentTieringFilter(TypedDict):
    Prefix: NotRequired[str | None]
    Tag: NotRequired[Tag | Fragment | None]
    And: NotRequired[IntelligentTieringAndOperator | Fragment | None]


class InventoryConfiguration(TypedDict):
    Destination: InventoryDestination
    IsEnabled: bool
    Filter: NotRequired[InventoryFilter]
    Id: str
    IncludedObjectVersions: str
    OptionalFields: NotRequired[list[str]]
    Schedule: InventorySchedule


class InventoryDestination(TypedDict):
    S3BucketDestination: InventoryS3BucketDestination


class InventoryEncryption(TypedDict):
    SSES3: NotRequired[SSES3]
    SSEKMS: NotRequired[SSEKMS]


class InventoryFilter(TypedDict):
    Prefix: str


class InventoryS3BucketDestination(TypedDict):
    AccountId: NotRequired[str]
    Bucket: str
    Format: str
    Prefix: NotRequired[str]
    Encryption: NotRequired[InventoryEncryption]


class InventorySchedule(TypedDict):
    Frequency: str


class JSONInput(TypedDict):
    Type: NotRequired[str]


class JSONOutput(TypedDict):
    RecordDelimiter: NotRequired[str]


class LambdaFunctionConfiguration(TypedDict):
    Id: NotRequired[str]
    LambdaFunctionArn: str
    Events: list[str]
    Filter: NotRequired[NotificationConfigurationFilter]


class LifecycleExpiration(TypedDict):
    Date: NotRequired[datetime]
    Days: NotRequired[int]
    ExpiredObjectDeleteMarker: NotRequired[bool]


class LifecycleRule(TypedDict):
    Expiration: NotRequired[LifecycleExpiration]
    ID: NotRequired[str]
    Prefix: NotRequired[str]
    Filter: NotRequired[LifecycleRuleFilter]
    Status: str
    Transitions: NotRequired[list[Transition]]
    NoncurrentVersionTransitions: NotRequired[list[NoncurrentVersionTransition]]
    NoncurrentVersionExpiration: NotRequired[NoncurrentVersionExpiration]
    AbortIncompleteMultipartUpload: NotRequired[AbortIncompleteMultipartUpload]


class LifecycleRuleAndOperator(TypedDict):
    Prefix: NotRequired[str]
    Tags: NotRequired[list[Tag]]
    ObjectSizeGreaterThan: NotRequired[int]
    ObjectSizeLessThan: NotRequired[int]


class LifecycleRuleFilter(TypedDict):
    Prefix: NotRequired[str]
    Tag: NotRequired[Tag]
    ObjectSizeGreaterThan: NotRequired[int]
    ObjectSizeLessThan: NotRequired[int]
    And: NotRequired[LifecycleRuleAndOperator]


class ListBucketAnalyticsConfigurationsOutput(TypedDict):
    IsTruncated: NotRequired[bool | None]
    ContinuationToken: NotRequired[str | None]
    NextContinuationToken: NotRequired[str | None]
    AnalyticsConfigurationList: NotRequired[
        Sequence[AnalyticsConfiguration | Fragment] | Fragment | None
    ]


class ListBucketAnalyticsConfigurationsRequest(TypedDict):
    Bucket: str
    ContinuationToken: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class ListBucketIntelligentTieringConfigurationsOutput(TypedDict):
    IsTruncated: NotRequired[bool | None]
    ContinuationToken: NotRequired[str | None]
    NextContinuationToken: NotRequired[str | None]
    IntelligentTieringConfigurationList: NotRequired[
        Sequence[IntelligentTieringConfiguration | Fragment] | Fragment | None
    ]


class ListBucketIntelligentTieringConfigurationsRequest(TypedDict):
    Bucket: str
    ContinuationToken: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class ListBucketInventoryConfigurationsOutput(TypedDict):
    ContinuationToken: NotRequired[str | None]
    InventoryConfigurationList: NotRequired[
        Sequence[InventoryConfiguration | Fragment] | Fragment | None
    ]
    IsTruncated: NotRequired[bool | None]
    NextContinuationToken: NotRequired[str | None]


class ListBucketInventoryConfigurationsRequest(TypedDict):
    Bucket: str
    ContinuationToken: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class ListBucketMetricsConfigurationsOutput(TypedDict):
    IsTruncated: NotRequired[bool | None]
    ContinuationToken: NotRequired[str | None]
    NextContinuationToken: NotRequired[str | None]
    MetricsConfigurationList: NotRequired[
        Sequence[MetricsConfiguration | Fragment] | Fragment | None
    ]


class ListBucketMetricsConfigurationsRequest(TypedDict):
    Bucket: str
    ContinuationToken: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class ListBucketsOutput(TypedDict):
    Buckets: NotRequired[Sequence[Bucket | Fragment] | Fragment | None]
    Owner: NotRequired[Owner | Fragment | None]
    ContinuationToken: NotRequired[str | None]
    Prefix: NotRequired[str | None]


class ListBucketsRequest(TypedDict):
    MaxBuckets: NotRequired[int]
    ContinuationToken: NotRequired[str]
    Prefix: NotRequired[str]
    BucketRegion: NotRequired[str]


class ListMultipartUploadsOutput(TypedDict):
    Bucket: NotRequired[str | None]
    KeyMarker: NotRequired[str | None]
    UploadIdMarker: NotRequired[str | None]
    NextKeyMarker: NotRequired[str | None]
    Prefix: NotRequired[str | None]
    Delimiter: NotRequired[str | None]
    NextUploadIdMarker: NotRequired[str | None]
    MaxUploads: NotRequired[int | None]
    IsTruncated: NotRequired[bool | None]
    Uploads: NotRequired[Sequence[MultipartUpload | Fragment] | Fragment | None]
    CommonPrefixes: NotRequired[Sequence[CommonPrefix | Fragment] | Fragment | None]
    EncodingType: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class ListMultipartUploadsRequest(TypedDict):
    Bucket: str
    Delimiter: NotRequired[str]
    EncodingType: NotRequired[str]
    KeyMarker: NotRequired[str]
    MaxUploads: NotRequired[int]
    Prefix: NotRequired[str]
    UploadIdMarker: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    RequestPayer: NotRequired[str]


class ListObjectVersionsOutput(TypedDict):
    IsTruncated: NotRequired[bool | None]
    KeyMarker: NotRequired[str | None]
    VersionIdMarker: NotRequired[str | None]
    NextKeyMarker: NotRequired[str | None]
    NextVersionIdMarker: NotRequired[str | None]
    Versions: NotRequired[Sequence[ObjectVersion | Fragment] | Fragment | None]
    DeleteMarkers: NotRequired[Sequence[DeleteMarkerEntry | Fragment] | Fragment | None]
    Name: NotRequired[str | None]
    Prefix: NotRequired[str | None]
    Delimiter: NotRequired[str | None]
    MaxKeys: NotRequired[int | None]
    CommonPrefixes: NotRequired[Sequence[CommonPrefix | Fragment] | Fragment | None]
    EncodingType: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class ListObjectVersionsRequest(TypedDict):
    Bucket: str
    Delimiter: NotRequired[str]
    EncodingType: NotRequired[str]
    KeyMarker: NotRequired[str]
    MaxKeys: NotRequired[int]
    Prefix: NotRequired[str]
    VersionIdMarker: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    RequestPayer: NotRequired[str]
    OptionalObjectAttributes: NotRequired[list[str]]


class ListObjectsOutput(TypedDict):
    IsTruncated: NotRequired[bool | None]
    Marker: NotRequired[str | None]
    NextMarker: NotRequired[str | None]
    Contents: NotRequired[Sequence[Object | Fragment] | Fragment | None]
    Name: NotRequired[str | None]
    Prefix: NotRequired[str | None]
    Delimiter: NotRequired[str | None]
    MaxKeys: NotRequired[int | None]
    CommonPrefixes: NotRequired[Sequence[CommonPrefix | Fragment] | Fragment | None]
    EncodingType: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class ListObjectsRequest(TypedDict):
    Bucket: str
    Delimiter: NotRequired[str]
    EncodingType: NotRequired[str]
    Marker: NotRequired[str]
    MaxKeys: NotRequired[int]
    Prefix: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    OptionalObjectAttributes: NotRequired[list[str]]


class ListObjectsV2Output(TypedDict):
    IsTruncated: NotRequired[bool | None]
    Contents: NotRequired[Sequence[Object | Fragment] | Fragment | None]
    Name: NotRequired[str | None]
    Prefix: NotRequired[str | None]
    Delimiter: NotRequired[str | None]
    MaxKeys: NotRequired[int | None]
    CommonPrefixes: NotRequired[Sequence[CommonPrefix | Fragment] | Fragment | None]
    EncodingType: NotRequired[str | None]
    KeyCount: NotRequired[int | None]
    ContinuationToken: NotRequired[str | None]
    NextContinuationToken: NotRequired[str | None]
    StartAfter: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]


class ListObjectsV2Request(TypedDict):
    Bucket: str
    Delimiter: NotRequired[str]
    EncodingType: NotRequired[str]
    MaxKeys: NotRequired[int]
    Prefix: NotRequired[str]
    ContinuationToken: NotRequired[str]
    FetchOwner: NotRequired[bool]
    StartAfter: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    OptionalObjectAttributes: NotRequired[list[str]]


class ListPartsOutput(TypedDict):
    AbortDate: NotRequired[datetime | float | None]
    AbortRuleId: NotRequired[str | None]
    Bucket: NotRequired[str | None]
    Key: NotRequired[str | None]
    UploadId: NotRequired[str | None]
    PartNumberMarker: NotRequired[int | None]
    NextPartNumberMarker: NotRequired[int | None]
    MaxParts: NotRequired[int | None]
    IsTruncated: NotRequired[bool | None]
    Parts: NotRequired[Sequence[Part | Fragment] | Fragment | None]
    Initiator: NotRequired[Initiator | Fragment | None]
    Owner: NotRequired[Owner | Fragment | None]
    StorageClass: NotRequired[str | None]
    RequestCharged: NotRequired[str | None]
    ChecksumAlgorithm: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class ListPartsRequest(TypedDict):
    Bucket: str
    Key: str
    MaxParts: NotRequired[int]
    PartNumberMarker: NotRequired[int]
    UploadId: str
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]


class LocationInfo(TypedDict):
    Type: NotRequired[str]
    Name: NotRequired[str]


class LoggingEnabled(TypedDict):
    TargetBucket: str
    TargetGrants: NotRequired[list[TargetGrant]]
    TargetPrefix: str
    TargetObjectKeyFormat: NotRequired[TargetObjectKeyFormat]


class MetadataEntry(TypedDict):
    Name: NotRequired[str]
    Value: NotRequired[str]


class Metrics(TypedDict):
    Status: str
    EventThreshold: NotRequired[ReplicationTimeValue | Fragment | None]


class MetricsAndOperator(TypedDict):
    Prefix: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]
    AccessPointArn: NotRequired[str | None]


class MetricsConfiguration(TypedDict):
    Id: str
    Filter: NotRequired[MetricsFilter | Fragment | None]


class MetricsFilter(TypedDict):
    Prefix: NotRequired[str | None]
    Tag: NotRequired[Tag | Fragment | None]
    AccessPointArn: NotRequired[str | None]
    And: NotRequired[MetricsAndOperator | Fragment | None]


class MultipartUpload(TypedDict):
    UploadId: NotRequired[str | None]
    Key: NotRequired[str | None]
    Initiated: NotRequired[datetime | float | None]
    StorageClass: NotRequired[str | None]
    Owner: NotRequired[Owner | Fragment | None]
    Initiator: NotRequired[Initiator | Fragment | None]
    ChecksumAlgorithm: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class NoncurrentVersionExpiration(TypedDict):
    NoncurrentDays: NotRequired[int]
    NewerNoncurrentVersions: NotRequired[int]


class NoncurrentVersionTransition(TypedDict):
    NoncurrentDays: NotRequired[int]
    StorageClass: NotRequired[str]
    NewerNoncurrentVersions: NotRequired[int]


class NotificationConfiguration(TypedDict):
    TopicConfigurations: NotRequired[list[TopicConfiguration]]
    QueueConfigurations: NotRequired[list[QueueConfiguration]]
    LambdaFunctionConfigurations: NotRequired[list[LambdaFunctionConfiguration]]
    EventBridgeConfiguration: NotRequired[EventBridgeConfiguration]


class NotificationConfigurationFilter(TypedDict):
    Key: NotRequired[S3KeyFilter]


class Object(TypedDict):
    Key: NotRequired[str | None]
    LastModified: NotRequired[datetime | float | None]
    ETag: NotRequired[str | None]
    ChecksumAlgorithm: NotRequired[Sequence[str] | Fragment | None]
    ChecksumType: NotRequired[str | None]
    Size: NotRequired[int | None]
    StorageClass: NotRequired[str | None]
    Owner: NotRequired[Owner | Fragment | None]
    RestoreStatus: NotRequired[RestoreStatus | Fragment | None]


class ObjectIdentifier(TypedDict):
    Key: str
    VersionId: NotRequired[str]
    ETag: NotRequired[str]
    LastModifiedTime: NotRequired[datetime]
    Size: NotRequired[int]


class ObjectLockConfiguration(TypedDict):
    ObjectLockEnabled: NotRequired[str]
    Rule: NotRequired[ObjectLockRule]


class ObjectLockLegalHold(TypedDict):
    Status: NotRequired[str]


class ObjectLockRetention(TypedDict):
    Mode: NotRequired[str]
    RetainUntilDate: NotRequired[datetime]
    EventHold: NotRequired[str]
    EventHoldDuration: NotRequired[EventHoldDuration]


class ObjectLockRule(TypedDict):
    DefaultRetention: NotRequired[DefaultRetention]


class ObjectPart(TypedDict):
    PartNumber: NotRequired[int | None]
    Size: NotRequired[int | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]


class ObjectVersion(TypedDict):
    ETag: NotRequired[str | None]
    ChecksumAlgorithm: NotRequired[Sequence[str] | Fragment | None]
    ChecksumType: NotRequired[str | None]
    Size: NotRequired[int | None]
    StorageClass: NotRequired[str | None]
    Key: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    IsLatest: NotRequired[bool | None]
    LastModified: NotRequired[datetime | float | None]
    Owner: NotRequired[Owner | Fragment | None]
    RestoreStatus: NotRequired[RestoreStatus | Fragment | None]


class OutputLocation(TypedDict):
    S3: NotRequired[S3Location]


class OutputSerialization(TypedDict):
    CSV: NotRequired[CSVOutput]
    JSON: NotRequired[JSONOutput]


class Owner(TypedDict):
    DisplayName: NotRequired[str]
    ID: NotRequired[str]


class OwnershipControls(TypedDict):
    Rules: list[OwnershipControlsRule]


class OwnershipControlsRule(TypedDict):
    ObjectOwnership: str


class ParquetInput(TypedDict):
    pass


class Part(TypedDict):
    PartNumber: NotRequired[int | None]
    LastModified: NotRequired[datetime | float | None]
    ETag: NotRequired[str | None]
    Size: NotRequired[int | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]


class PartitionedPrefix(TypedDict):
    PartitionDateSource: NotRequired[str]


class PolicyStatus(TypedDict):
    IsPublic: NotRequired[bool | None]


class PublicAccessBlockConfiguration(TypedDict):
    BlockPublicAcls: NotRequired[bool]
    IgnorePublicAcls: NotRequired[bool]
    BlockPublicPolicy: NotRequired[bool]
    RestrictPublicBuckets: NotRequired[bool]


class PutBucketAbacRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    AbacStatus: AbacStatus


class PutBucketAccelerateConfigurationRequest(TypedDict):
    Bucket: str
    AccelerateConfiguration: AccelerateConfiguration
    ExpectedBucketOwner: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]


class PutBucketAclRequest(TypedDict):
    ACL: NotRequired[str]
    AccessControlPolicy: NotRequired[AccessControlPolicy]
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWrite: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutBucketCorsRequest(TypedDict):
    Bucket: str
    CORSConfiguration: CORSConfiguration
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutBucketEncryptionRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ServerSideEncryptionConfiguration: ServerSideEncryptionConfiguration
    ExpectedBucketOwner: NotRequired[str]


class PutBucketInventoryConfigurationRequest(TypedDict):
    Bucket: str
    Id: str
    InventoryConfiguration: InventoryConfiguration
    ExpectedBucketOwner: NotRequired[str]


class PutBucketLifecycleConfigurationOutput(TypedDict):
    TransitionDefaultMinimumObjectSize: NotRequired[str | None]


class PutBucketLifecycleConfigurationRequest(TypedDict):
    Bucket: str
    ChecksumAlgorithm: NotRequired[str]
    LifecycleConfiguration: NotRequired[BucketLifecycleConfiguration]
    ExpectedBucketOwner: NotRequired[str]
    TransitionDefaultMinimumObjectSize: NotRequired[str]


class PutBucketLoggingRequest(TypedDict):
    Bucket: str
    BucketLoggingStatus: BucketLoggingStatus
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutBucketNotificationConfigurationRequest(TypedDict):
    Bucket: str
    NotificationConfiguration: NotificationConfiguration
    ExpectedBucketOwner: NotRequired[str]
    SkipDestinationValidation: NotRequired[bool]


class PutBucketOwnershipControlsRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    OwnershipControls: OwnershipControls
    ChecksumAlgorithm: NotRequired[str]


class PutBucketPolicyRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ConfirmRemoveSelfBucketAccess: NotRequired[bool]
    Policy: str
    ExpectedBucketOwner: NotRequired[str]


class PutBucketRequestPaymentRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    RequestPaymentConfiguration: RequestPaymentConfiguration
    ExpectedBucketOwner: NotRequired[str]


class PutBucketTaggingRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    Tagging: Tagging
    ExpectedBucketOwner: NotRequired[str]


class PutBucketVersioningRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    MFA: NotRequired[str]
    VersioningConfiguration: VersioningConfiguration
    ExpectedBucketOwner: NotRequired[str]


class PutBucketWebsiteRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    WebsiteConfiguration: WebsiteConfiguration
    ExpectedBucketOwner: NotRequired[str]


class PutObjectAclOutput(TypedDict):
    RequestCharged: NotRequired[str | None]


class PutObjectAclRequest(TypedDict):
    ACL: NotRequired[str]
    AccessControlPolicy: NotRequired[AccessControlPolicy]
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWrite: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    Key: str
    RequestPayer: NotRequired[str]
    VersionId: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutObjectLegalHoldOutput(TypedDict):
    RequestCharged: NotRequired[str | None]


class PutObjectLegalHoldRequest(TypedDict):
    Bucket: str
    Key: str
    LegalHold: NotRequired[ObjectLockLegalHold]
    RequestPayer: NotRequired[str]
    VersionId: NotRequired[str]
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutObjectLockConfigurationOutput(TypedDict):
    RequestCharged: NotRequired[str | None]


class PutObjectLockConfigurationRequest(TypedDict):
    Bucket: str
    ObjectLockConfiguration: NotRequired[ObjectLockConfiguration]
    RequestPayer: NotRequired[str]
    Token: NotRequired[str]
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutObjectOutput(TypedDict):
    Expiration: NotRequired[str | None]
    ETag: NotRequired[str | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    ChecksumType: NotRequired[str | None]
    ServerSideEncryption: NotRequired[str | None]
    VersionId: NotRequired[str | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    SSEKMSEncryptionContext: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    Size: NotRequired[int | None]
    RequestCharged: NotRequired[str | None]


class PutObjectRequest(TypedDict):
    ACL: NotRequired[str]
    Bucket: str
    CacheControl: NotRequired[str]
    ContentDisposition: NotRequired[str]
    ContentEncoding: NotRequired[str]
    ContentLanguage: NotRequired[str]
    ContentLength: NotRequired[int]
    ContentMD5: NotRequired[str]
    ContentType: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ChecksumCRC32: NotRequired[str]
    ChecksumCRC32C: NotRequired[str]
    ChecksumCRC64NVME: NotRequired[str]
    ChecksumSHA1: NotRequired[str]
    ChecksumSHA256: NotRequired[str]
    ChecksumSHA512: NotRequired[str]
    ChecksumMD5: NotRequired[str]
    ChecksumXXHASH64: NotRequired[str]
    ChecksumXXHASH3: NotRequired[str]
    ChecksumXXHASH128: NotRequired[str]
    Expires: NotRequired[str]
    IfMatch: NotRequired[str]
    IfNoneMatch: NotRequired[str]
    GrantFullControl: NotRequired[str]
    GrantRead: NotRequired[str]
    GrantReadACP: NotRequired[str]
    GrantWriteACP: NotRequired[str]
    Key: str
    WriteOffsetBytes: NotRequired[int]
    Metadata: NotRequired[dict[str, str]]
    ServerSideEncryption: NotRequired[str]
    StorageClass: NotRequired[str]
    WebsiteRedirectLocation: NotRequired[str]
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    SSEKMSKeyId: NotRequired[str]
    SSEKMSEncryptionContext: NotRequired[str]
    BucketKeyEnabled: NotRequired[bool]
    RequestPayer: NotRequired[str]
    Tagging: NotRequired[str]
    ObjectLockMode: NotRequired[str]
    ObjectLockRetainUntilDate: NotRequired[datetime]
    ObjectLockLegalHoldStatus: NotRequired[str]
    ObjectLockEventHold: NotRequired[str]
    ObjectLockEventHoldDurationDays: NotRequired[int]
    ObjectLockEventHoldDurationYears: NotRequired[int]
    ExpectedBucketOwner: NotRequired[str]


class PutObjectRetentionOutput(TypedDict):
    RequestCharged: NotRequired[str | None]


class PutObjectRetentionRequest(TypedDict):
    Bucket: str
    Key: str
    Retention: NotRequired[ObjectLockRetention]
    RequestPayer: NotRequired[str]
    VersionId: NotRequired[str]
    BypassGovernanceRetention: NotRequired[bool]
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class PutObjectTaggingOutput(TypedDict):
    VersionId: NotRequired[str | None]


class PutObjectTaggingRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    Tagging: Tagging
    ExpectedBucketOwner: NotRequired[str]
    RequestPayer: NotRequired[str]


class PutPublicAccessBlockRequest(TypedDict):
    Bucket: str
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    PublicAccessBlockConfiguration: PublicAccessBlockConfiguration
    ExpectedBucketOwner: NotRequired[str]


class QueueConfiguration(TypedDict):
    Id: NotRequired[str]
    QueueArn: str
    Events: list[str]
    Filter: NotRequired[NotificationConfigurationFilter]


class Redirect(TypedDict):
    HostName: NotRequired[str]
    HttpRedirectCode: NotRequired[str]
    Protocol: NotRequired[str]
    ReplaceKeyPrefixWith: NotRequired[str]
    ReplaceKeyWith: NotRequired[str]


class RedirectAllRequestsTo(TypedDict):
    HostName: str
    Protocol: NotRequired[str]


class RenameObjectOutput(TypedDict):
    pass


class RenameObjectRequest(TypedDict):
    Bucket: str
    Key: str
    RenameSource: str
    DestinationIfMatch: NotRequired[str]
    DestinationIfNoneMatch: NotRequired[str]
    DestinationIfModifiedSince: NotRequired[datetime]
    DestinationIfUnmodifiedSince: NotRequired[datetime]
    SourceIfMatch: NotRequired[str]
    SourceIfNoneMatch: NotRequired[str]
    SourceIfModifiedSince: NotRequired[datetime]
    SourceIfUnmodifiedSince: NotRequired[datetime]
    ClientToken: NotRequired[str]


class ReplicaModifications(TypedDict):
    Status: str


class ReplicationConfiguration(TypedDict):
    Role: str
    Rules: Sequence[ReplicationRule | Fragment] | Fragment


class ReplicationRule(TypedDict):
    ID: NotRequired[str | None]
    Priority: NotRequired[int | None]
    Prefix: NotRequired[str | None]
    Filter: NotRequired[ReplicationRuleFilter | Fragment | None]
    Status: str
    SourceSelectionCriteria: NotRequired[SourceSelectionCriteria | Fragment | None]
    ExistingObjectReplication: NotRequired[ExistingObjectReplication | Fragment | None]
    Destination: Destination | Fragment
    DeleteMarkerReplication: NotRequired[DeleteMarkerReplication | Fragment | None]


class ReplicationRuleAndOperator(TypedDict):
    Prefix: NotRequired[str | None]
    Tags: NotRequired[Sequence[Tag | Fragment] | Fragment | None]


class ReplicationRuleFilter(TypedDict):
    Prefix: NotRequired[str | None]
    Tag: NotRequired[Tag | Fragment | None]
    And: NotRequired[ReplicationRuleAndOperator | Fragment | None]


class ReplicationTime(TypedDict):
    Status: str
    Time: ReplicationTimeValue | Fragment


class ReplicationTimeValue(TypedDict):
    Minutes: NotRequired[int | None]


class RequestPaymentConfiguration(TypedDict):
    Payer: str


class RestoreObjectOutput(TypedDict):
    RequestCharged: NotRequired[str | None]
    RestoreOutputPath: NotRequired[str | None]


class RestoreObjectRequest(TypedDict):
    Bucket: str
    Key: str
    VersionId: NotRequired[str]
    RestoreRequest: NotRequired[RestoreRequest]
    RequestPayer: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class RestoreRequest(TypedDict):
    Days: NotRequired[int]
    GlacierJobParameters: NotRequired[GlacierJobParameters]
    Type: NotRequired[str]
    Tier: NotRequired[str]
    Description: NotRequired[str]
    SelectParameters: NotRequired[SelectParameters]
    OutputLocation: NotRequired[OutputLocation]


class RestoreStatus(TypedDict):
    IsRestoreInProgress: NotRequired[bool | None]
    RestoreExpiryDate: NotRequired[datetime | float | None]


class RoutingRule(TypedDict):
    Condition: NotRequired[Condition]
    Redirect: Redirect


class S3KeyFilter(TypedDict):
    FilterRules: NotRequired[list[FilterRule]]


class S3Location(TypedDict):
    BucketName: str
    Prefix: str
    Encryption: NotRequired[Encryption]
    CannedACL: NotRequired[str]
    AccessControlList: NotRequired[list[Grant]]
    Tagging: NotRequired[Tagging]
    UserMetadata: NotRequired[list[MetadataEntry]]
    StorageClass: NotRequired[str]


class SSEKMS(TypedDict):
    KeyId: str


class SSES3(TypedDict):
    pass


class SelectParameters(TypedDict):
    InputSerialization: InputSerialization
    ExpressionType: str
    Expression: str
    OutputSerialization: OutputSerialization


class ServerSideEncryptionByDefault(TypedDict):
    SSEAlgorithm: str
    KMSMasterKeyID: NotRequired[str]


class ServerSideEncryptionConfiguration(TypedDict):
    Rules: list[ServerSideEncryptionRule]


class ServerSideEncryptionRule(TypedDict):
    ApplyServerSideEncryptionByDefault: NotRequired[ServerSideEncryptionByDefault]
    BucketKeyEnabled: NotRequired[bool]
    BlockedEncryptionTypes: NotRequired[BlockedEncryptionTypes]


class SimplePrefix(TypedDict):
    pass


class SourceSelectionCriteria(TypedDict):
    SseKmsEncryptedObjects: NotRequired[SseKmsEncryptedObjects | Fragment | None]
    ReplicaModifications: NotRequired[ReplicaModifications | Fragment | None]


class SseKmsEncryptedObjects(TypedDict):
    Status: str


class StorageClassAnalysis(TypedDict):
    DataExport: NotRequired[StorageClassAnalysisDataExport | Fragment | None]


class StorageClassAnalysisDataExport(TypedDict):
    OutputSchemaVersion: str
    Destination: AnalyticsExportDestination | Fragment


class Tag(TypedDict):
    Key: str
    Value: str


class Tagging(TypedDict):
    TagSet: list[Tag]


class TargetGrant(TypedDict):
    Grantee: NotRequired[Grantee]
    Permission: NotRequired[str]


class TargetObjectKeyFormat(TypedDict):
    SimplePrefix: NotRequired[SimplePrefix]
    PartitionedPrefix: NotRequired[PartitionedPrefix]


class Tiering(TypedDict):
    Days: int
    AccessTier: str


class TopicConfiguration(TypedDict):
    Id: NotRequired[str]
    TopicArn: str
    Events: list[str]
    Filter: NotRequired[NotificationConfigurationFilter]


class Transition(TypedDict):
    Date: NotRequired[datetime]
    Days: NotRequired[int]
    StorageClass: NotRequired[str]


class UploadPartCopyOutput(TypedDict):
    CopySourceVersionId: NotRequired[str | None]
    CopyPartResult: NotRequired[CopyPartResult | Fragment | None]
    ServerSideEncryption: NotRequired[str | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    RequestCharged: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class UploadPartCopyRequest(TypedDict):
    Bucket: str
    CopySource: str
    CopySourceIfMatch: NotRequired[str]
    CopySourceIfModifiedSince: NotRequired[datetime]
    CopySourceIfNoneMatch: NotRequired[str]
    CopySourceIfUnmodifiedSince: NotRequired[datetime]
    CopySourceRange: NotRequired[str]
    Key: str
    PartNumber: int
    UploadId: str
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    CopySourceSSECustomerAlgorithm: NotRequired[str]
    CopySourceSSECustomerKey: NotRequired[str]
    CopySourceSSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]
    ExpectedSourceBucketOwner: NotRequired[str]


class UploadPartOutput(TypedDict):
    ServerSideEncryption: NotRequired[str | None]
    ETag: NotRequired[str | None]
    ChecksumCRC32: NotRequired[str | None]
    ChecksumCRC32C: NotRequired[str | None]
    ChecksumCRC64NVME: NotRequired[str | None]
    ChecksumSHA1: NotRequired[str | None]
    ChecksumSHA256: NotRequired[str | None]
    ChecksumSHA512: NotRequired[str | None]
    ChecksumMD5: NotRequired[str | None]
    ChecksumXXHASH64: NotRequired[str | None]
    ChecksumXXHASH3: NotRequired[str | None]
    ChecksumXXHASH128: NotRequired[str | None]
    SSECustomerAlgorithm: NotRequired[str | None]
    SSECustomerKeyMD5: NotRequired[str | None]
    SSEKMSKeyId: NotRequired[str | None]
    BucketKeyEnabled: NotRequired[bool | None]
    RequestCharged: NotRequired[str | None]
    VersionId: NotRequired[str | None]


class UploadPartRequest(TypedDict):
    Bucket: str
    ContentLength: NotRequired[int]
    ContentMD5: NotRequired[str]
    ChecksumAlgorithm: NotRequired[str]
    ChecksumCRC32: NotRequired[str]
    ChecksumCRC32C: NotRequired[str]
    ChecksumCRC64NVME: NotRequired[str]
    ChecksumSHA1: NotRequired[str]
    ChecksumSHA256: NotRequired[str]
    ChecksumSHA512: NotRequired[str]
    ChecksumMD5: NotRequired[str]
    ChecksumXXHASH64: NotRequired[str]
    ChecksumXXHASH3: NotRequired[str]
    ChecksumXXHASH128: NotRequired[str]
    Key: str
    PartNumber: int
    UploadId: str
    SSECustomerAlgorithm: NotRequired[str]
    SSECustomerKey: NotRequired[str]
    SSECustomerKeyMD5: NotRequired[str]
    RequestPayer: NotRequired[str]
    ExpectedBucketOwner: NotRequired[str]


class VersioningConfiguration(TypedDict):
    MFADelete: NotRequired[str]
    Status: NotRequired[str]


class WebsiteConfiguration(TypedDict):
    ErrorDocument: NotRequired[ErrorDocument]
    IndexDocument: NotRequired[IndexDocument]
    RedirectAllRequestsTo: NotRequired[RedirectAllRequestsTo]
    RoutingRules: NotRequired[list[RoutingRule]]
