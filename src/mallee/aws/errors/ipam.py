"""Errors of address management (IPAM) and of pools of public addresses; a class per code."""

from typing import ClassVar

from mallee.aws.errors.answer import AwsError, IdsNotFound


class _NotThere(IdsNotFound):
    """Argument: the id, or several."""

    words: ClassVar[str] = "resource"

    def __init__(self, ids: str | list[str]) -> None:
        names = ids if isinstance(ids, str) else ", ".join(ids)
        AwsError.__init__(self, f"The {self.words} ({names}) does not exist.")


class _Malformed(AwsError):
    """Argument: the id."""

    template = 'Invalid id: "{}"'


class InvalidIpamIdNotFound(_NotThere):
    code = "InvalidIpamId.NotFound"
    words = "IPAM"


class InvalidIpamIdMalformed(_Malformed):
    code = "InvalidIpamId.Malformed"


class InvalidIpamScopeIdNotFound(_NotThere):
    code = "InvalidIpamScopeId.NotFound"
    words = "IPAM scope"


class InvalidIpamScopeIdMalformed(_Malformed):
    code = "InvalidIpamScopeId.Malformed"


class InvalidIpamPoolIdNotFound(_NotThere):
    code = "InvalidIpamPoolId.NotFound"
    words = "IPAM pool"


class InvalidIpamPoolIdMalformed(_Malformed):
    code = "InvalidIpamPoolId.Malformed"


class InvalidIpamPoolAllocationIdNotFound(_NotThere):
    code = "InvalidIpamPoolAllocationId.NotFound"
    words = "IPAM pool allocation"


class InvalidIpamPoolAllocationIdMalformed(_Malformed):
    code = "InvalidIpamPoolAllocationId.Malformed"


class InvalidIpamResourceDiscoveryIdNotFound(_NotThere):
    code = "InvalidIpamResourceDiscoveryId.NotFound"
    words = "IPAM resource discovery"


class InvalidIpamResourceDiscoveryIdMalformed(_Malformed):
    code = "InvalidIpamResourceDiscoveryId.Malformed"


class InvalidIpamResourceDiscoveryAssociationIdNotFound(_NotThere):
    code = "InvalidIpamResourceDiscoveryAssociationId.NotFound"
    words = "IPAM resource discovery association"


class InvalidIpamResourceDiscoveryAssociationIdMalformed(_Malformed):
    code = "InvalidIpamResourceDiscoveryAssociationId.Malformed"


class InvalidIpamPrefixListResolverIdNotFound(_NotThere):
    code = "InvalidIpamPrefixListResolverId.NotFound"
    words = "IPAM prefix list resolver"


class InvalidIpamPrefixListResolverIdMalformed(_Malformed):
    code = "InvalidIpamPrefixListResolverId.Malformed"


class InvalidIpamPrefixListResolverTargetIdNotFound(_NotThere):
    code = "InvalidIpamPrefixListResolverTargetId.NotFound"
    words = "IPAM prefix list resolver target"


class InvalidIpamPrefixListResolverTargetIdMalformed(_Malformed):
    code = "InvalidIpamPrefixListResolverTargetId.Malformed"


class InvalidPoolIDNotFound(IdsNotFound):
    code = "InvalidPoolID.NotFound"
    noun = "pool"


class InvalidPoolIDMalformed(_Malformed):
    code = "InvalidPoolID.Malformed"


class IpamLimitExceeded(AwsError):
    """Arguments: what is counted, and the most."""

    code = "ResourceLimitExceeded"
    template = "The maximum number of {} has been reached: {}."


class PoolUsedUp(AwsError):
    """Arguments: the length asked for, and the pool's id."""

    code = "InsufficientCidrBlocks"
    template = "No range of /{} is free in the IPAM pool {}."


class AllocationTooBig(AwsError):
    code = "InvalidParameterValue"
    template = "The allocation size is too big for the pool."


class AllocationTooSmall(AwsError):
    code = "InvalidParameterValue"
    template = "The allocation size is too small for the pool."


class InvalidIpamPolicyIdNotFound(_NotThere):
    code = "InvalidIpamPolicyId.NotFound"
    words = "IPAM policy"


class InvalidIpamPolicyIdMalformed(_Malformed):
    code = "InvalidIpamPolicyId.Malformed"
