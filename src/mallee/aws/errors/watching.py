"""Errors of EC2 about flow logs and traffic mirroring: a class per code."""

from mallee.aws.errors.answer import AwsError, IdsNotFound

# --- Flow logs ---


class InvalidFlowLogIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidFlowLogId.NotFound"
    template = "These flow log ids in the input list are not found: {}"


class FlowLogAlreadyExists(AwsError):
    code = "FlowLogAlreadyExists"
    template = (
        "Error. There is an existing Flow Log with the same configuration and log destination."
    )


class FlowLogsLimitExceeded(AwsError):
    """Argument: the most that one resource may have."""

    code = "FlowLogsLimitExceeded"
    template = "A resource has at most {} flow logs."


class LogDestinationNotFound(AwsError):
    """Argument: the bucket."""

    code = "LogDestinationNotFound"
    template = "LogDestination: {} does not exist."


class LogDestinationPermissionIssue(AwsError):
    """Argument: the bucket."""

    code = "LogDestinationPermissionIssue"
    template = "Access Denied for LogDestination: {}. Please check LogDestination permission."


# --- Traffic mirroring ---


class InvalidTrafficMirrorFilterIdNotFound(IdsNotFound):
    code = "InvalidTrafficMirrorFilterId.NotFound"
    noun = "traffic mirror filter"


class InvalidTrafficMirrorFilterIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTrafficMirrorFilterId.Malformed"
    template = 'Invalid id: "{}" (expecting "tmf-...")'


class InvalidTrafficMirrorFilterRuleIdNotFound(IdsNotFound):
    code = "InvalidTrafficMirrorFilterRuleId.NotFound"
    noun = "traffic mirror filter rule"


class InvalidTrafficMirrorFilterRuleIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTrafficMirrorFilterRuleId.Malformed"
    template = 'Invalid id: "{}" (expecting "tmfr-...")'


class InvalidTrafficMirrorTargetIdNotFound(IdsNotFound):
    code = "InvalidTrafficMirrorTargetId.NotFound"
    noun = "traffic mirror target"


class InvalidTrafficMirrorTargetIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTrafficMirrorTargetId.Malformed"
    template = 'Invalid id: "{}" (expecting "tmt-...")'


class InvalidTrafficMirrorSessionIdNotFound(IdsNotFound):
    code = "InvalidTrafficMirrorSessionId.NotFound"
    noun = "traffic mirror session"


class InvalidTrafficMirrorSessionIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTrafficMirrorSessionId.Malformed"
    template = 'Invalid id: "{}" (expecting "tms-...")'


class TrafficMirrorFilterInUse(AwsError):
    """Argument: the filter's id."""

    code = "TrafficMirrorFilterInUse"
    template = "The traffic mirror filter '{}' is in use by a traffic mirror session."


class TrafficMirrorTargetInUse(AwsError):
    """Argument: the target's id."""

    code = "TrafficMirrorTargetInUse"
    template = "The traffic mirror target '{}' is in use by a traffic mirror session."


class TrafficMirrorFilterRuleAlreadyExists(AwsError):
    """Argument: the number."""

    code = "TrafficMirrorFilterRuleAlreadyExists"
    template = "The filter has a rule with the number {} for this direction already."


class TrafficMirrorSessionNumberInUse(AwsError):
    """Arguments: the number and the interface."""

    code = "TrafficMirrorSessionNumberAlreadyInUse"
    template = "The session number {} is in use for {} already."


class TrafficMirrorTargetAlreadyExists(AwsError):
    """Argument: the interface."""

    code = "TrafficMirrorTargetAlreadyExists"
    template = "There is a traffic mirror target for {} already."


class TrafficMirrorLimitExceeded(AwsError):
    """Arguments: what, and the most."""

    code = "TrafficMirrorLimitExceeded"
    template = "The maximum number of {} has been reached: {}."
