"""Errors of VPC endpoints, blocked public access and lent interfaces; a class per code."""

from mallee.aws.errors.answer import AwsError

# --- Endpoints ---


class VpcEndpointLimitExceeded(AwsError):
    """Argument: the most."""

    code = "VpcEndpointLimitExceeded"
    template = "The maximum number of VPC endpoints has been reached: {}."


class DuplicateSubnetsInSameZone(AwsError):
    """Argument: the id of the subnet that is one too many."""

    code = "DuplicateSubnetsInSameZone"
    template = "Found another VPC endpoint subnet in the availability zone of {}"


class InvalidPolicyDocument(AwsError):
    """Argument: a sentence."""

    code = "InvalidPolicyDocument"


# --- Block public access ---


class InvalidVpcBlockPublicAccessExclusionIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidVpcBlockPublicAccessExclusionId.Malformed"
    template = 'Invalid id: "{}" (expecting "vpcbpa-exclude-...")'


class InvalidVpcBlockPublicAccessExclusionIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidVpcBlockPublicAccessExclusionId.NotFound"
    template = "The VPC Block Public Access exclusion ID '{}' does not exist"


class VpcBlockPublicAccessExclusionLimitExceeded(AwsError):
    """Argument: how many there may be."""

    code = "VpcBlockPublicAccessExclusionLimitExceeded"
    template = "An account has at most {} VPC Block Public Access exclusions."


# --- Permissions on interfaces ---


class InvalidPermissionIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidPermissionID.NotFound"
    template = "The network interface permission '{}' does not exist"
