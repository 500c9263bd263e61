"""S3's errors of signatures and permission."""

from mallee.aws.errors.s3.answer import S3Error


class AccessDenied(S3Error):
    code = "AccessDenied"
    status = 403
    sentence = "Access Denied"


class AccountProblem(S3Error):
    code = "AccountProblem"
    status = 403
    sentence = "There is a problem with your account that prevents the operation from completing."


class AuthorizationHeaderMalformed(S3Error):
    code = "AuthorizationHeaderMalformed"
    sentence = "The authorization header you provided is invalid."


class AuthorizationQueryParametersError(S3Error):
    code = "AuthorizationQueryParametersError"
    sentence = "The authorization query parameters that you provided are not valid."


class ExpiredToken(S3Error):
    code = "ExpiredToken"
    sentence = "The provided token has expired."


class InvalidAccessKeyId(S3Error):
    code = "InvalidAccessKeyId"
    status = 403
    sentence = "The AWS Access Key Id you provided does not exist in our records."


class InvalidToken(S3Error):
    code = "InvalidToken"
    sentence = "The provided token is malformed or otherwise invalid."


class MissingSecurityHeader(S3Error):
    code = "MissingSecurityHeader"
    sentence = "Your request was missing a required header."


class RequestTimeTooSkewed(S3Error):
    code = "RequestTimeTooSkewed"
    status = 403
    sentence = "The difference between the request time and the current time is too large."


class SignatureDoesNotMatch(S3Error):
    code = "SignatureDoesNotMatch"
    status = 403
    sentence = (
        "The request signature we calculated does not match the signature you provided. Check your "
        "key and signing method."
    )


class InvalidPolicyDocument(S3Error):
    code = "InvalidPolicyDocument"
    sentence = "Invalid Policy: the document of the form does not parse."
