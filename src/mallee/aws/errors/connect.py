"""Errors of EC2 Instance Connect, in its own words."""

from mallee.aws.errors.answer import AwsError, IdsNotFound


class EC2InstanceNotFoundException(AwsError):
    code = "EC2InstanceNotFoundException"
    template = "The specified instance was not found."


class EC2InstanceStateInvalidException(AwsError):
    code = "EC2InstanceStateInvalidException"
    template = (
        "Unable to connect because the instance is not in a valid state. Connecting to a stopped "
        "or terminated instance is not supported. If the instance is stopped, start your instance, "
        "and try to connect again."
    )


class InvalidArgsException(AwsError):
    """Argument: a sentence."""

    code = "InvalidArgsException"


class ServiceException(AwsError):
    code = "ServiceException"
    status = 500
    template = (
        "The service encountered an error. Follow the instructions in the error message and try "
        "again."
    )


class InvalidInstanceConnectEndpointIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidInstanceConnectEndpointId.Malformed"
    template = 'Invalid id: "{}" (expecting "eice-...")'


class InvalidInstanceConnectEndpointIdNotFound(IdsNotFound):
    code = "InvalidInstanceConnectEndpointId.NotFound"
    noun = "instance connect endpoint"


class InstanceConnectEndpointLimitExceeded(AwsError):
    """Arguments: how many there may be, and where."""

    code = "InstanceConnectEndpointLimitExceeded"
    template = "There may be {} EC2 Instance Connect Endpoints {}."


class TooManyTunnels(AwsError):
    """Argument: how many there may be at once."""

    code = "ThrottlingException"
    template = "There may be {} connections through an EC2 Instance Connect Endpoint at once."
