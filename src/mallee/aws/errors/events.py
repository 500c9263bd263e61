"""Errors of EC2 about scheduled events and the windows that bound them."""

from mallee.aws.errors.answer import AwsError


class InvalidInstanceEventIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidInstanceEventIDNotFound"
    template = "The instance event ID '{}' does not exist."


class InvalidInstanceEventStartTime(AwsError):
    """Argument: what stands against the time, a sentence."""

    code = "InvalidInstanceEventStartTime"


class InvalidInstanceEventWindowIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidInstanceEventWindowId.Malformed"
    template = "The instance event window ID '{}' is malformed."


class InvalidInstanceEventWindowIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidInstanceEventWindowId.NotFound"
    template = "The instance event window ID '{}' does not exist."


class InstanceEventWindowLimitExceeded(AwsError):
    """Argument: the most that there may be."""

    code = "InstanceEventWindowLimitExceeded"
    template = "An account has at most {} event windows."
