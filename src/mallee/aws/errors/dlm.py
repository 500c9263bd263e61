"""Errors of lifecycle policies, in the words of AWS."""

from mallee.aws.errors.answer import AwsError


class InvalidRequestException(AwsError):
    """Argument: a sentence."""

    code = "InvalidRequestException"


class ResourceNotFoundException(AwsError):
    """Argument: the policy's id or ARN."""

    code = "ResourceNotFoundException"
    status = 404
    template = "Policy {} does not exist."


class LimitExceededException(AwsError):
    """Argument: a sentence."""

    code = "LimitExceededException"
    status = 429
