"""S3's errors of objects, their versions and parts."""

from mallee.aws.errors.s3.answer import S3Error


class AccessForbidden(S3Error):
    """A preflight of CORS that no rule allows."""

    code = "AccessForbidden"
    status = 403
    sentence = "CORSResponse: CORS is not enabled for this bucket."


class ConditionalRequestConflict(S3Error):
    code = "ConditionalRequestConflict"
    status = 409
    sentence = "The conditional request cannot succeed due to a conflicting operation."


class InvalidEncryptionAlgorithmError(S3Error):
    code = "InvalidEncryptionAlgorithmError"
    sentence = "The Encryption request you specified is not valid. Supported value: AES256."


class InvalidObjectState(S3Error):
    code = "InvalidObjectState"
    status = 403
    sentence = "The operation is not valid for the object's storage class"


class InvalidPart(S3Error):
    code = "InvalidPart"
    sentence = (
        "One or more of the specified parts could not be found. The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag."
    )


class InvalidPartNumber(S3Error):
    code = "InvalidPartNumber"
    status = 416
    sentence = "The requested partnumber is not satisfiable"


class InvalidPartOrder(S3Error):
    code = "InvalidPartOrder"
    sentence = "The list of parts was not in ascending order. Parts must be ordered by part number."


class InvalidRange(S3Error):
    code = "InvalidRange"
    status = 416
    sentence = "The requested range is not satisfiable"


class InvalidStorageClass(S3Error):
    code = "InvalidStorageClass"
    sentence = "The storage class you specified is not valid"


class InvalidTag(S3Error):
    code = "InvalidTag"
    sentence = "The tag provided was not a valid tag."


class NoSuchKey(S3Error):
    code = "NoSuchKey"
    status = 404
    sentence = "The specified key does not exist."


class NoSuchObjectLockConfiguration(S3Error):
    code = "NoSuchObjectLockConfiguration"
    status = 404
    sentence = "The specified object does not have a ObjectLock configuration"


class NoSuchUpload(S3Error):
    code = "NoSuchUpload"
    status = 404
    sentence = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
        "been aborted or completed."
    )


class NoSuchVersion(S3Error):
    code = "NoSuchVersion"
    status = 404
    sentence = "The specified version does not exist."


class OperationAborted(S3Error):
    code = "OperationAborted"
    status = 409
    sentence = (
        "A conflicting conditional operation is currently in progress against this resource. Try "
        "again."
    )


class PreconditionFailed(S3Error):
    code = "PreconditionFailed"
    status = 412
    sentence = "At least one of the pre-conditions you specified did not hold"


class TooManyParts(S3Error):
    code = "TooManyParts"
    sentence = "You have attempted to add more parts than the maximum number of parts"


class BadRequest(S3Error):
    code = "BadRequest"
    sentence = "Bad Request"


class InvalidRedirectLocation(S3Error):
    code = "InvalidRedirectLocation"
    sentence = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
