"""Errors of EC2: a class per code, in the order of the manual's nouns."""

from mallee.aws.errors.answer import AwsError, IdsNotFound

# --- Ids in general ---


class InvalidID(AwsError):
    """Argument: the id."""

    code = "InvalidID"
    template = "The ID '{}' is not valid"


# --- Images ---


class InvalidAMIIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidAMIID.NotFound"
    template = "The image id '[{}]' does not exist"


class InvalidAMIIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidAMIID.Malformed"
    template = 'Invalid id: "{}" (expecting "ami-...")'


class InvalidAMIIDUnavailable(AwsError):
    """Argument: the id."""

    code = "InvalidAMIID.Unavailable"
    template = "The image ID '{}' is not available"


class InvalidAMINameDuplicate(AwsError):
    """Arguments: the name and the id of the image that has it."""

    code = "InvalidAMIName.Duplicate"
    template = "AMI name {} is already in use by AMI {}"


class InvalidAMINameMalformed(AwsError):
    """Argument: a sentence."""

    code = "InvalidAMIName.Malformed"


class ResourceLimitExceeded(AwsError):
    code = "ResourceLimitExceeded"


class InvalidAMIAttributeItemValue(AwsError):
    """Arguments: the value, and what it should be."""

    code = "InvalidAMIAttributeItemValue"
    template = 'Invalid attribute item value "{}" for {} item type.'


# --- Instances ---


class InvalidInstanceIDNotFound(IdsNotFound):
    code = "InvalidInstanceID.NotFound"
    noun = "instance"


class InvalidInstanceID(AwsError):
    """Argument: a sentence with the instance and what is wrong with it."""

    code = "InvalidInstanceID"


class InvalidInstanceIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidInstanceID.Malformed"
    template = 'Invalid id: "{}"'


class InvalidInstanceType(AwsError):
    """Argument: the type."""

    code = "InvalidInstanceType"
    template = "The following supplied instance types do not exist: [{}]"


class IncorrectInstanceState(AwsError):
    """Arguments: the instance's id and what its state does not allow."""

    code = "IncorrectInstanceState"
    template = "The instance '{}' is not in a state from which it can be {}."


class IncorrectInstanceStateNotStopped(AwsError):
    """Argument: the instance's id."""

    code = "IncorrectInstanceState"
    template = "The instance '{}' is not in the 'stopped' state."


class IncorrectInstanceStateNoRoot(AwsError):
    """Arguments: the instance's id, and its root device."""

    code = "IncorrectInstanceState"
    template = (
        "Invalid value '{}' for instanceId. Instance does not have a volume attached at root ({})"
    )


class IncorrectState(AwsError):
    code = "IncorrectState"


class InsufficientInstanceCapacity(AwsError):
    """Argument: a sentence that names what was short, where."""

    code = "InsufficientInstanceCapacity"
    status = 500


class InstanceLimitExceeded(AwsError):
    code = "InstanceLimitExceeded"


class VcpuLimitExceeded(AwsError):
    code = "VcpuLimitExceeded"


class InvalidUserDataMalformed(AwsError):
    code = "InvalidUserData.Malformed"


class InvalidInstanceAttributeValue(AwsError):
    code = "InvalidInstanceAttributeValue"


class InvalidBlockDeviceMapping(AwsError):
    code = "InvalidBlockDeviceMapping"


class InvalidLaunchTemplateIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidLaunchTemplateId.NotFound"
    template = "The specified launch template, with template ID {}, does not exist."


# --- Key pairs ---


class InvalidKeyPairNotFound(AwsError):
    """Argument: the name or id."""

    code = "InvalidKeyPair.NotFound"
    template = "The key pair '{}' does not exist"


class InvalidKeyPairDuplicate(AwsError):
    """Argument: the name."""

    code = "InvalidKeyPair.Duplicate"
    template = "The keypair '{}' already exists."


class KeyPairLimitExceeded(AwsError):
    code = "KeyPairLimitExceeded"


class InvalidKeyFormat(AwsError):
    code = "InvalidKey.Format"
    template = "Key is not in valid OpenSSH public key format"


# --- Security groups ---


class InvalidGroupNotFound(AwsError):
    """Argument: the name or id."""

    code = "InvalidGroup.NotFound"
    template = "The security group '{}' does not exist"


class InvalidGroupNotFoundInVpc(AwsError):
    """Arguments: the name and the VPC's id."""

    code = "InvalidGroup.NotFound"
    template = "The security group '{}' does not exist in VPC '{}'"


class SecurityGroupsPerInterfaceLimitExceeded(AwsError):
    code = "SecurityGroupsPerInterfaceLimitExceeded"
    template = "The maximum number of security groups per interface has been reached."


class InvalidGroupDuplicate(AwsError):
    """Arguments: the name and the VPC's id."""

    code = "InvalidGroup.Duplicate"
    template = "The security group '{}' already exists for VPC '{}'"


class InvalidGroupIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidGroupId.Malformed"
    template = 'Invalid id: "{}" (expecting "sg-...")'


class CannotDelete(AwsError):
    code = "CannotDelete"


class DependencyViolation(AwsError):
    """Argument: a sentence with what depends on what."""

    code = "DependencyViolation"


class InvalidPermissionDuplicate(AwsError):
    """Argument: the rule in words (`peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW`)."""

    code = "InvalidPermission.Duplicate"
    template = 'the specified rule "{}" already exists'


class InvalidPermissionNotFound(AwsError):
    code = "InvalidPermission.NotFound"
    template = "The specified rule does not exist in this security group."


class InvalidSecurityGroupRuleIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidSecurityGroupRuleId.Malformed"
    template = 'Invalid id: "{}" (expecting "sgr-...")'


class InvalidSecurityGroupRuleIdNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidSecurityGroupRuleId.NotFound"
    template = "The security group rule ID '{}' does not exist"


class RulesPerSecurityGroupLimitExceeded(AwsError):
    code = "RulesPerSecurityGroupLimitExceeded"
    template = "The maximum number of rules per security group has been reached."


class SecurityGroupLimitExceeded(AwsError):
    code = "SecurityGroupLimitExceeded"


# --- Addresses ---


class InvalidAllocationIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidAllocationID.NotFound"
    template = "The allocation ID '{}' does not exist"


class InvalidAddressNotFound(AwsError):
    """Argument: the address."""

    code = "InvalidAddress.NotFound"
    template = "Address '{}' not found."


class InvalidAddressMalformed(AwsError):
    """Argument: the address."""

    code = "InvalidAddress.Malformed"
    template = "The address '{}' is not a valid IPv4 address."


class InvalidAssociationIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidAssociationID.NotFound"
    template = "The association ID '{}' does not exist"


class InvalidIPAddressInUse(AwsError):
    """Argument: the address."""

    code = "InvalidIPAddress.InUse"
    template = "The address {} is in use."


class AddressLimitExceeded(AwsError):
    code = "AddressLimitExceeded"


class InsufficientAddressCapacity(AwsError):
    """Argument: a sentence that names the range that is used up."""

    code = "InsufficientAddressCapacity"
    status = 500


class InsufficientFreeAddressesInSubnet(AwsError):
    """Argument: the subnet's id."""

    code = "InsufficientFreeAddressesInSubnet"
    template = (
        "There are not enough free addresses in subnet '{}' to satisfy the requested number of "
        "instances."
    )


class ResourceAlreadyAssociated(AwsError):
    """Arguments: the noun with its id, and what has it."""

    code = "Resource.AlreadyAssociated"
    template = "resource {} is already associated with {}"


# --- Networks and zones ---


class InvalidSubnetIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidSubnetId.Malformed"
    template = 'Invalid id: "{}" (expecting "subnet-...")'


class InvalidVpcIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidVpcId.Malformed"
    template = 'Invalid id: "{}" (expecting "vpc-...")'


class InvalidNetworkInterfaceIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkInterfaceId.Malformed"
    template = 'Invalid id: "{}" (expecting "eni-...")'


class InvalidSubnetConflict(AwsError):
    """Argument: a sentence."""

    code = "InvalidSubnet.Conflict"


class InvalidSubnetRange(AwsError):
    """Argument: the range."""

    code = "InvalidSubnet.Range"
    template = "The CIDR '{}' is invalid."


class InvalidVpcRange(AwsError):
    """Argument: the range."""

    code = "InvalidVpc.Range"
    template = "The CIDR '{}' is invalid."


class VpcLimitExceeded(AwsError):
    code = "VpcLimitExceeded"


class DefaultVpcAlreadyExists(AwsError):
    code = "DefaultVpcAlreadyExists"
    template = "A Default VPC already exists for this account in this region."


class DefaultVpcDoesNotExist(AwsError):
    code = "DefaultVpcDoesNotExist"
    template = "There is no default VPC in this account. Create one with CreateDefaultVpc."


class DefaultSubnetAlreadyExistsInAvailabilityZone(AwsError):
    """Arguments: the subnet's id and its zone."""

    code = "DefaultSubnetAlreadyExistsInAvailabilityZone"
    template = "'{}' is already the default subnet in {}."


class MissingInput(AwsError):
    """Argument: a sentence."""

    code = "MissingInput"


class InvalidSubnetIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidSubnetID.NotFound"
    template = "The subnet ID '{}' does not exist"


class InvalidVpcIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidVpcID.NotFound"
    template = "The vpc ID '{}' does not exist"


class VPCIdNotSpecified(AwsError):
    code = "VPCIdNotSpecified"
    template = "No default VPC for this user"


class InvalidNetworkInterfaceIDNotFound(IdsNotFound):
    code = "InvalidNetworkInterfaceID.NotFound"
    noun = "networkInterface"


class InvalidInternetGatewayIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidInternetGatewayID.NotFound"
    template = "The internetGateway ID '{}' does not exist"


class InvalidRouteTableIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidRouteTableID.NotFound"
    template = "The routeTable ID '{}' does not exist"


class InvalidZoneNotFound(AwsError):
    """Argument: the zone, or several joined by commas."""

    code = "InvalidParameterValue"
    template = "Invalid availability zone: [{}]"


class InvalidZoneIdNotFound(AwsError):
    """Argument: the zone, as actions outside Describe name it."""

    code = "InvalidZone.NotFound"
    template = "The zone '{}' does not exist."


# --- Consoles ---


class SerialConsoleAccessDisabled(AwsError):
    code = "SerialConsoleAccessDisabled"
    status = 403
    template = (
        "Your account is not authorized to use the serial console. To authorize your account, "
        "call EnableSerialConsoleAccess."
    )


class SerialConsoleSessionLimitExceeded(AwsError):
    """Argument: the instance's id."""

    code = "SerialConsoleSessionLimitExceeded"
    template = "The instance '{}' already has one active console session of this kind."


# --- Tags and filters ---


class TagLimitExceeded(AwsError):
    code = "TagLimitExceeded"
    template = "The maximum number of Tags for this resource has been reached."


class InvalidFilter(AwsError):
    """Argument: the filter's name."""

    code = "InvalidParameterValue"
    template = "The filter '{}' is invalid"
