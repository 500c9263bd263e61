"""Errors of IAM, STS and the cloud's own administration."""

from mallee.aws.errors.answer import AwsError


class NoSuchEntity(AwsError):
    """Arguments: the noun (`user`) and the name."""

    code = "NoSuchEntity"
    status = 404
    template = "The {} with name {} cannot be found."


class NoSuchPolicy(NoSuchEntity):
    """Argument: the policy's ARN."""

    template = "Policy {} does not exist or is not attachable."


class NoSuchPolicyVersion(NoSuchEntity):
    """Arguments: the policy's ARN and the version."""

    template = "Policy {} version {} does not exist or is not attachable."


class EntityAlreadyExists(AwsError):
    """Arguments: the noun with a capital (`User`) and the name."""

    code = "EntityAlreadyExists"
    status = 409
    template = "{} with name {} already exists."


class EntityTemporarilyUnmodifiable(AwsError):
    code = "EntityTemporarilyUnmodifiable"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflict"
    status = 409


class LimitExceeded(AwsError):
    """Arguments: the quota (`AccessKeysPerUser`) and its value."""

    code = "LimitExceeded"
    status = 409
    template = "Cannot exceed quota for {}: {}"


class InlinePolicyLimitExceeded(LimitExceeded):
    """Arguments: the noun (`user`), the name and the most bytes."""

    template = "Maximum policy size of {2} bytes exceeded for {0} {1}"


class InvalidInput(AwsError):
    code = "InvalidInput"


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocument"


class InvalidAuthorizationMessage(AwsError):
    code = "InvalidAuthorizationMessageException"
    template = "The encoded authorization message is invalid."


class PackedPolicyTooLarge(AwsError):
    code = "PackedPolicyTooLarge"


class NoSuchResource(AwsError):
    """Arguments: the noun and the id; from the administration service."""

    code = "NoSuchResource"
    status = 404
    template = "There is no {} {}"
