"""Errors of CloudTrail."""

from mallee.aws.errors.answer import AwsError


class TrailNotFound(AwsError):
    """Arguments: the trail's ARN and the caller's account."""

    code = "TrailNotFoundException"
    template = "Unknown trail: {} for the user: {}"


class InvalidTimeRange(AwsError):
    code = "InvalidTimeRangeException"
    template = "The start time must be before the end time."


class InvalidLookupAttributes(AwsError):
    """Argument: a sentence."""

    code = "InvalidLookupAttributesException"
