"""Errors of the EBS direct APIs: a code, and one of the reasons that the service's model has."""

from collections.abc import Mapping
from types import MappingProxyType

from mallee.aws.errors.answer import AwsError


def _because(reason: str) -> Mapping[str, str]:
    return MappingProxyType({"Reason": reason})


class AccessDeniedException(AwsError):
    """Argument: the policy engine's sentence."""

    code = "AccessDeniedException"
    status = 403
    members = _because("UNAUTHORIZED_ACCOUNT")


class ResourceNotFoundException(AwsError):
    """Argument: the snapshot's id."""

    code = "ResourceNotFoundException"
    status = 404
    template = "The snapshot '{}' does not exist."
    members = _because("SNAPSHOT_NOT_FOUND")


class InvalidParameter(AwsError):
    """Argument: a sentence."""

    code = "ValidationException"
    members = _because("INVALID_PARAMETER_VALUE")


class InvalidBlockToken(InvalidParameter):
    template = "The block token is not valid for this block, or has expired. List the blocks anew."
    members = _because("INVALID_BLOCK_TOKEN")


class InvalidPageToken(InvalidParameter):
    template = "The page token is not valid for this request."
    members = _because("INVALID_PAGE_TOKEN")


class InvalidBlock(InvalidParameter):
    """Argument: a sentence."""

    members = _because("INVALID_BLOCK")


class InvalidSnapshot(InvalidParameter):
    """Argument: a sentence."""

    members = _because("INVALID_SNAPSHOT_ID")


class UnrelatedSnapshots(InvalidParameter):
    template = "The two snapshots are not of one volume."
    members = _because("UNRELATED_SNAPSHOTS")


class InvalidVolumeSize(InvalidParameter):
    """Argument: a sentence."""

    members = _because("INVALID_VOLUME_SIZE")


class InvalidTag(InvalidParameter):
    """Argument: a sentence."""

    members = _because("INVALID_TAG")


class InvalidCustomerKey(InvalidParameter):
    """Argument: a sentence."""

    members = _because("INVALID_CUSTOMER_KEY")


class WriteRequestTimeout(InvalidParameter):
    template = "Nothing was written to the snapshot for longer than its timeout. Start another."
    members = _because("WRITE_REQUEST_TIMEOUT")


class ConcurrentLimitExceededException(AwsError):
    code = "ConcurrentLimitExceededException"
    template = "You have reached the limit of snapshots that are being written: {}."


class ConflictException(AwsError):
    code = "ConflictException"
    status = 409
    template = "The client token was used with other parameters before."


class RequestThrottledException(AwsError):
    code = "RequestThrottledException"
    template = "Rate exceeded"
    members = _because("ACCOUNT_THROTTLED")


class ServiceQuotaExceededException(AwsError):
    """Argument: a sentence."""

    code = "ServiceQuotaExceededException"
    status = 402
    members = _because("DEPENDENCY_SERVICE_QUOTA_EXCEEDED")


class InternalServerException(AwsError):
    code = "InternalServerException"
    status = 500
    template = "An internal error occurred. For more information, contact the administration."


class ServiceUnavailableException(InternalServerException):
    """Whatever SDKs know as a reason to try again."""

    status = 503
    template = "The cloud cannot remember anything at the moment. Try again."
