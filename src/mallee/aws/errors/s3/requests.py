"""S3's errors of a request: its form, its body, its pace, and what is our own fault."""

from mallee.aws.errors.s3.answer import S3Error


class NotModified(S3Error):
    """Not an error to clients: the object is what they have. Answered without a body."""

    code = "NotModified"
    status = 304
    sentence = "Not Modified"


class PermanentRedirect(S3Error):
    code = "PermanentRedirect"
    status = 301
    sentence = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )


class InvalidArgument(S3Error):
    code = "InvalidArgument"
    sentence = "Invalid Argument"


class InvalidRequest(S3Error):
    code = "InvalidRequest"
    sentence = "Invalid Request"


class InvalidURI(S3Error):
    code = "InvalidURI"
    sentence = "Couldn't parse the specified URI."


class InvalidHost(S3Error):
    code = "InvalidHost"
    sentence = "The host of the request names no endpoint of this cloud."


class MalformedXML(S3Error):
    code = "MalformedXML"
    sentence = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class MalformedPOSTRequest(S3Error):
    code = "MalformedPOSTRequest"
    sentence = "The body of your POST request is not well-formed multipart/form-data."


class MalformedPolicy(S3Error):
    code = "MalformedPolicy"
    sentence = "Policies must be valid JSON and the first byte must be '{'"


class MethodNotAllowed(S3Error):
    code = "MethodNotAllowed"
    status = 405
    sentence = "The specified method is not allowed against this resource."


class MissingContentLength(S3Error):
    code = "MissingContentLength"
    status = 411
    sentence = "You must provide the Content-Length HTTP header."


class MissingRequestBodyError(S3Error):
    code = "MissingRequestBodyError"
    sentence = "Request body is empty."


class NotImplemented(S3Error):
    code = "NotImplemented"
    status = 501
    sentence = "A header you provided implies functionality that is not implemented."

    @property
    def is_ours(self) -> bool:
        """False: no second try finds more here."""
        return False


class RequestHeaderSectionTooLarge(S3Error):
    code = "RequestHeaderSectionTooLarge"
    sentence = "Your request header section exceeds the maximum allowed size."


class MetadataTooLarge(S3Error):
    code = "MetadataTooLarge"
    sentence = "Your metadata headers exceed the maximum allowed metadata size"


class KeyTooLongError(S3Error):
    code = "KeyTooLongError"
    sentence = "Your key is too long"


class MaxMessageLengthExceeded(S3Error):
    code = "MaxMessageLengthExceeded"
    sentence = "Your request was too big."


class MaxPostPreDataLengthExceededError(S3Error):
    code = "MaxPostPreDataLengthExceededError"
    sentence = "Your POST request fields preceding the upload file were too large."


class IncorrectNumberOfFilesInPostRequest(S3Error):
    code = "IncorrectNumberOfFilesInPOSTRequest"
    sentence = "POST requires exactly one file upload per request."


class RequestTimeout(S3Error):
    code = "RequestTimeout"
    sentence = (
        "Your socket connection to the server was not read from or written to within the timeout "
        "period. Idle connections will be closed."
    )


class RequestIsNotMultiPartContent(S3Error):
    code = "RequestIsNotMultiPartContent"
    sentence = "Bucket POST must be of the enclosure-type multipart/form-data."


class BadDigest(S3Error):
    code = "BadDigest"
    sentence = "The Content-MD5 you specified did not match what we received."


class InvalidDigest(S3Error):
    code = "InvalidDigest"
    sentence = "The Content-MD5 you specified was invalid."


class EntityTooLarge(S3Error):
    code = "EntityTooLarge"
    sentence = "Your proposed upload exceeds the maximum allowed size"


class EntityTooSmall(S3Error):
    code = "EntityTooSmall"
    sentence = "Your proposed upload is smaller than the minimum allowed size"


class IncompleteBody(S3Error):
    code = "IncompleteBody"
    sentence = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class MalformedTrailerError(S3Error):
    code = "MalformedTrailerError"
    sentence = (
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema."
    )


class XAmzContentSHA256Mismatch(S3Error):
    code = "XAmzContentSHA256Mismatch"
    sentence = "The provided 'x-amz-content-sha256' header does not match what was computed."


class UnexpectedContent(S3Error):
    code = "UnexpectedContent"
    sentence = "This request does not support content"


class InternalError(S3Error):
    code = "InternalError"
    status = 500
    sentence = "We encountered an internal error. Please try again."


class ServiceUnavailable(S3Error):
    code = "ServiceUnavailable"
    status = 503
    sentence = "Service is unable to handle request."


class SlowDown(S3Error):
    code = "SlowDown"
    status = 503
    sentence = "Please reduce your request rate."


class InsufficientStorage(S3Error):
    """The disk is full: not a code of S3, which has no end of disks."""

    code = "InsufficientStorage"
    status = 507
    sentence = "The store has no room for this. Nothing was stored."


class QuotaExceeded(S3Error):
    """A quota of the account or bucket: not a code of S3, whose accounts have none of bytes."""

    code = "QuotaExceeded"
    status = 403
    sentence = "The quota of the account or bucket does not allow this. Nothing was stored."
