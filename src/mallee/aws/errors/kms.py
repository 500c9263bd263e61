"""Errors of the key store, in the words of AWS KMS."""

from mallee.aws.errors.answer import AwsError


class NotFoundException(AwsError):
    """Argument: a sentence; `key_not_found` and `alias_not_found` make the usual ones."""

    code = "NotFoundException"


class DisabledException(AwsError):
    """Argument: the key's ARN."""

    code = "DisabledException"
    template = "{} is disabled."


class KMSInvalidStateException(AwsError):
    """Argument: a sentence."""

    code = "KMSInvalidStateException"


class PendingDeletion(KMSInvalidStateException):
    """Argument: the key's ARN."""

    template = "{} is pending deletion."


class PendingImport(KMSInvalidStateException):
    """Argument: the key's ARN."""

    template = "{} is pending import."


class InvalidImportTokenException(AwsError):
    code = "InvalidImportTokenException"
    template = "The import token is invalid, or of another key."


class ExpiredImportTokenException(AwsError):
    code = "ExpiredImportTokenException"
    template = "The import token has expired. Get the parameters for import anew."


class IncorrectKeyMaterialException(AwsError):
    """Argument: a sentence."""

    code = "IncorrectKeyMaterialException"


class InvalidKeyUsageException(AwsError):
    """Argument: a sentence."""

    code = "InvalidKeyUsageException"


class InvalidCiphertextException(AwsError):
    """It was not made here, it was altered, or it belongs to another encryption context."""

    code = "InvalidCiphertextException"
    template = ""


class IncorrectKeyException(AwsError):
    code = "IncorrectKeyException"
    template = "The key ID in the request does not identify a CMK that can perform this operation."


class KMSInvalidSignatureException(AwsError):
    code = "KMSInvalidSignatureException"
    template = ""


class KMSInvalidMacException(AwsError):
    code = "KMSInvalidMacException"
    template = ""


class AlreadyExistsException(AwsError):
    """Argument: the alias's ARN."""

    code = "AlreadyExistsException"
    template = "An alias with the name {} already exists"


class InvalidAliasNameException(AwsError):
    """Argument: a sentence."""

    code = "InvalidAliasNameException"


class InvalidArnException(AwsError):
    """Argument: a sentence."""

    code = "InvalidArnException"


class InvalidGrantIdException(AwsError):
    code = "InvalidGrantIdException"
    template = "The grant ID is invalid."


class InvalidGrantTokenException(AwsError):
    code = "InvalidGrantTokenException"
    template = "The grant token is invalid."


class InvalidMarkerException(AwsError):
    code = "InvalidMarkerException"
    template = "The marker is invalid."


class LimitExceededException(AwsError):
    """Argument: a sentence."""

    code = "LimitExceededException"


class MalformedPolicyDocumentException(AwsError):
    """Argument: a sentence."""

    code = "MalformedPolicyDocumentException"


class TagException(AwsError):
    """Argument: a sentence."""

    code = "TagException"


class UnsupportedOperationException(AwsError):
    """Argument: a sentence."""

    code = "UnsupportedOperationException"


class ConflictException(AwsError):
    """Argument: a sentence."""

    code = "ConflictException"


class KMSInternalException(AwsError):
    code = "KMSInternalException"
    status = 500
    template = "The key store failed in a way that it should not; its log says more."


class DependencyTimeoutException(AwsError):
    """Argument: a sentence."""

    code = "DependencyTimeoutException"
    status = 503


class NotAuthorized(AwsError):
    code = "NotAuthorizedException"
    template = "Names that begin with alias/aws/ are given by services alone."
