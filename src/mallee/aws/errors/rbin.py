"""Errors of the recycle bin's rules, in the words of AWS."""

from collections.abc import Mapping
from typing import ClassVar

from mallee.aws.errors.answer import AwsError


class ValidationException(AwsError):
    """Argument: a sentence."""

    code = "ValidationException"
    members: ClassVar[Mapping[str, str]] = {"Reason": "INVALID_PARAMETER_VALUE"}


class ResourceNotFoundException(AwsError):
    """Argument: the rule's identifier."""

    code = "ResourceNotFoundException"
    status = 404
    template = "The retention rule {} does not exist."
    members: ClassVar[Mapping[str, str]] = {"Reason": "RULE_NOT_FOUND"}


class ConflictException(AwsError):
    """Argument: a sentence."""

    code = "ConflictException"
    status = 409
    members: ClassVar[Mapping[str, str]] = {"Reason": "INVALID_RULE_STATE"}


class ServiceQuotaExceededException(AwsError):
    """Argument: a sentence."""

    code = "ServiceQuotaExceededException"
    status = 402
    members: ClassVar[Mapping[str, str]] = {"Reason": "SERVICE_QUOTA_EXCEEDED"}
