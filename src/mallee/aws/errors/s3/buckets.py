"""S3's errors of buckets."""

from mallee.aws.errors.s3.answer import S3Error


class BucketAlreadyExists(S3Error):
    code = "BucketAlreadyExists"
    status = 409
    sentence = (
        "The requested bucket name is not available. The bucket namespace is shared by all users "
        "of the system. Please select a different name and try again."
    )


class BucketAlreadyOwnedByYou(S3Error):
    code = "BucketAlreadyOwnedByYou"
    status = 409
    sentence = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(S3Error):
    code = "BucketNotEmpty"
    status = 409
    sentence = "The bucket you tried to delete is not empty"


class IllegalLocationConstraintException(S3Error):
    code = "IllegalLocationConstraintException"
    sentence = (
        "The specified location constraint is incompatible for the region specific endpoint this "
        "request was sent to."
    )


class InvalidBucketName(S3Error):
    code = "InvalidBucketName"
    sentence = "The specified bucket is not valid."


class InvalidBucketOwnerAWSAccountID(S3Error):
    code = "InvalidBucketOwnerAWSAccountID"
    sentence = "The value of the expected bucket owner parameter must be an AWS Account ID"


class InvalidBucketState(S3Error):
    code = "InvalidBucketState"
    status = 409
    sentence = "The request is not valid for the current state of the bucket."


class InvalidBucketAclWithObjectOwnership(S3Error):
    code = "InvalidBucketAclWithObjectOwnership"
    sentence = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"


class InvalidBucketAclWithBlockPublicAccessError(S3Error):
    code = "InvalidBucketAclWithBlockPublicAccessError"
    sentence = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"


class InvalidLocationConstraint(S3Error):
    code = "InvalidLocationConstraint"
    sentence = "The specified location-constraint is not valid"


class AccessControlListNotSupported(S3Error):
    code = "AccessControlListNotSupported"
    sentence = "The bucket does not allow ACLs"


class AmbiguousGrantByEmailAddress(S3Error):
    code = "AmbiguousGrantByEmailAddress"
    sentence = "The e-mail address you provided is associated with more than one account."


class MalformedACLError(S3Error):
    code = "MalformedACLError"
    sentence = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class UnresolvableGrantByEmailAddress(S3Error):
    code = "UnresolvableGrantByEmailAddress"
    sentence = "The e-mail address you provided does not match any account on record."


class NoSuchBucket(S3Error):
    code = "NoSuchBucket"
    status = 404
    sentence = "The specified bucket does not exist"


class NoSuchBucketPolicy(S3Error):
    code = "NoSuchBucketPolicy"
    status = 404
    sentence = "The bucket policy does not exist"


class NoSuchConfiguration(S3Error):
    code = "NoSuchConfiguration"
    status = 404
    sentence = "The specified configuration does not exist."


class NoSuchCORSConfiguration(S3Error):
    code = "NoSuchCORSConfiguration"
    status = 404
    sentence = "The CORS configuration does not exist"


class NoSuchLifecycleConfiguration(S3Error):
    code = "NoSuchLifecycleConfiguration"
    status = 404
    sentence = "The lifecycle configuration does not exist"


class NoSuchPublicAccessBlockConfiguration(S3Error):
    code = "NoSuchPublicAccessBlockConfiguration"
    status = 404
    sentence = "The public access block configuration was not found"


class NoSuchTagSet(S3Error):
    code = "NoSuchTagSet"
    status = 404
    sentence = "The TagSet does not exist"


class NoSuchWebsiteConfiguration(S3Error):
    code = "NoSuchWebsiteConfiguration"
    status = 404
    sentence = "The specified bucket does not have a website configuration"


class ObjectLockConfigurationNotFoundError(S3Error):
    code = "ObjectLockConfigurationNotFoundError"
    status = 404
    sentence = "Object Lock configuration does not exist for this bucket"


class OwnershipControlsNotFoundError(S3Error):
    code = "OwnershipControlsNotFoundError"
    status = 404
    sentence = "The bucket ownership controls were not found"


class InvalidConfigurationId(S3Error):
    code = "InvalidConfigurationId"
    sentence = "The specified configuration id is invalid."


class InvalidS3DestinationBucket(S3Error):
    code = "InvalidS3DestinationBucket"
    sentence = "Invalid bucket name or invalid destination bucket ARN."


class InvalidTargetBucketForLogging(S3Error):
    code = "InvalidTargetBucketForLogging"
    sentence = (
        "The target bucket for logging does not exist, is not owned by you, or does not have the "
        "appropriate grants for the log-delivery group."
    )


class QuotaExceeded(S3Error):
    """More than a bucket, an account's buckets, or those that a user made, may hold."""

    code = "QuotaExceeded"
    status = 403


class ReplicationConfigurationNotFoundError(S3Error):
    code = "ReplicationConfigurationNotFoundError"
    status = 404
    sentence = "The replication configuration was not found"


class ServerSideEncryptionConfigurationNotFoundError(S3Error):
    code = "ServerSideEncryptionConfigurationNotFoundError"
    status = 404
    sentence = "The server side encryption configuration was not found"


class TooManyConfigurations(S3Error):
    code = "TooManyConfigurations"
    sentence = (
        "You are attempting to create a new configuration but have already reached the "
        "1,000-configuration limit."
    )


class TooManyBuckets(S3Error):
    code = "TooManyBuckets"
    sentence = "You have attempted to create more buckets than allowed"
