"""Errors of a request in any service: its form, its signature, its permission, its pace."""

from mallee.aws.errors.answer import AwsError

# --- The form of a request ---


class InvalidAction(AwsError):
    """Arguments: the action and the API version asked for."""

    code = "InvalidAction"
    template = "The action {} is not valid for this web service (version {})."


class MissingAction(AwsError):
    code = "MissingAction"
    template = "The request is missing an action or a required parameter."


class NoSuchVersion(AwsError):
    """Arguments: the version and the service."""

    code = "NoSuchVersion"
    template = "The requested version ({}) of service {} does not exist"


class UnsupportedOperation(AwsError):
    """Argument: a sentence that says what is not supported."""

    code = "UnsupportedOperation"


class UnsupportedProtocol(AwsError):
    code = "UnsupportedProtocol"


class InvalidRequest(AwsError):
    code = "InvalidRequest"


class MalformedQueryString(AwsError):
    """Argument: what is wrong with it."""

    code = "MalformedQueryString"
    template = "The query string is malformed: {}"
    status = 404


class MalformedInput(AwsError):
    """A parameter of a query service is no number, list…: argument: a sentence."""

    code = "MalformedInput"


class InvalidQueryParameter(AwsError):
    """The query services' name for `UnknownParameter`."""

    code = "InvalidQueryParameter"
    template = "The parameter {} is not recognized"


class RequestEntityTooLarge(AwsError):
    """Argument: the most bytes that a request may have."""

    code = "RequestEntityTooLarge"
    status = 413
    template = "The request exceeds the limit of {} bytes."


class RequestTimeout(AwsError):
    """Argument: how many seconds the client may take to send its request."""

    code = "RequestTimeout"
    status = 408
    template = "The request was not sent within {} seconds."


class NoSuchPath(AwsError):
    """Argument: the path."""

    code = "InvalidRequest"
    status = 404
    template = "The path '{}' is no endpoint of this cloud; requests go to '/'"


class MethodNotAllowed(AwsError):
    """Argument: the HTTP method."""

    code = "MethodNotAllowed"
    status = 405
    template = "The method {} is not allowed; requests are sent by GET or POST"


class UnknownParameter(AwsError):
    """Argument: the parameter's full name."""

    code = "UnknownParameter"
    template = "The parameter {} is not recognized"


class MissingParameter(AwsError):
    """Argument: the parameter's full name."""

    code = "MissingParameter"
    template = "The request must contain the parameter {}"


class InvalidParameter(AwsError):
    code = "InvalidParameter"


class InvalidParameterValue(AwsError):
    """Argument: a sentence with the value and the parameter."""

    code = "InvalidParameterValue"


class InvalidParameterCombination(AwsError):
    code = "InvalidParameterCombination"


class ValidationError(AwsError):
    """The model's constraints, as the query services word them."""

    code = "ValidationError"


class ValidationException(AwsError):
    """The model's constraints, as the JSON and CBOR services word them."""

    code = "ValidationException"


class SerializationException(AwsError):
    """A JSON or CBOR body that is not what the model says. Argument: what is wrong where."""

    code = "SerializationException"


class MalformedXML(AwsError):
    """An XML body that is not what the model says. Argument: what is wrong where."""

    code = "MalformedXML"
    template = (
        "The XML you provided was not well-formed or did not validate against our published "
        "schema: {}"
    )


class InvalidNextToken(AwsError):
    code = "InvalidNextToken"
    template = "The token is not valid for this request"


class IdempotentParameterMismatch(AwsError):
    code = "IdempotentParameterMismatch"
    template = (
        "The client token was used before for a request with other parameters. "
        "Use another token, or the same parameters."
    )


class DryRunOperation(AwsError):
    code = "DryRunOperation"
    status = 412
    template = "Request would have succeeded, but DryRun flag is set."


# --- The signature ---


class AuthFailure(AwsError):
    code = "AuthFailure"
    status = 401
    template = "AWS was not able to validate the provided access credentials"


class MissingAuthenticationToken(AwsError):
    code = "MissingAuthenticationToken"
    status = 403
    template = "Request is missing Authentication Token"


class IncompleteSignature(AwsError):
    """Argument: what is missing or malformed."""

    code = "IncompleteSignature"


class SignatureDoesNotMatch(AwsError):
    code = "SignatureDoesNotMatch"
    status = 403
    template = (
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details."
    )


class SignatureExpired(AwsError):
    """Argument: which times do not agree, as IAM and STS say it."""

    code = "SignatureDoesNotMatch"
    status = 403


class InvalidClientTokenId(AwsError):
    code = "InvalidClientTokenId"
    status = 403
    template = "The security token included in the request is invalid."


class RequestExpired(AwsError):
    code = "RequestExpired"
    template = "Request has expired."


class ExpiredToken(AwsError):
    code = "ExpiredToken"
    status = 403
    template = "The security token included in the request is expired"


# --- Permission and pace ---


class UnauthorizedOperation(AwsError):
    """EC2's refusal. Argument: who may not do what, and the sealed reason."""

    code = "UnauthorizedOperation"
    status = 403
    template = "You are not authorized to perform this operation. {}"


class AccessDenied(AwsError):
    """Arguments: the caller's ARN, the IAM action and the resource's ARN."""

    code = "AccessDenied"
    status = 403
    template = "User: {} is not authorized to perform: {} on resource: {}"


class PolicyDenied(AwsError):
    """Every other service's refusal. Argument: the policy engine's sentence."""

    code = "AccessDenied"
    status = 403


class OperationNotPermitted(AwsError):
    code = "OperationNotPermitted"


class RequestLimitExceeded(AwsError):
    code = "RequestLimitExceeded"
    status = 503
    template = "Request limit exceeded."


class Throttling(AwsError):
    code = "Throttling"
    template = "Rate exceeded"


# --- Our own faults ---


class InternalError(AwsError):
    code = "InternalError"
    status = 500
    template = "An internal error has occurred"


class InternalFailure(AwsError):
    """The query services' name for `InternalError`."""

    code = "InternalFailure"
    status = 500
    template = "The request processing has failed because of an unknown error."


class Unavailable(AwsError):
    """Argument: what is not there at the moment, and when it will be."""

    code = "Unavailable"
    status = 503


class ServiceUnavailable(AwsError):
    """The query services' name for `Unavailable`."""

    code = "ServiceUnavailable"
    status = 503
