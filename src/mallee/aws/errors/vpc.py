"""Errors of EC2's network: VPCs, their gateways, tables, lists and peerings; a class per code."""

from mallee.aws.errors.answer import AwsError, IdsNotFound

# --- Ids: not there, or none ---


class InvalidRouteTableIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidRouteTableId.Malformed"
    template = 'Invalid id: "{}" (expecting "rtb-...")'


class InvalidInternetGatewayIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidInternetGatewayId.Malformed"
    template = 'Invalid id: "{}" (expecting "igw-...")'


class InvalidEgressOnlyInternetGatewayIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidEgressOnlyInternetGatewayId.Malformed"
    template = 'Invalid id: "{}" (expecting "eigw-...")'


class InvalidEgressOnlyInternetGatewayIdNotFound(IdsNotFound):
    code = "InvalidEgressOnlyInternetGatewayId.NotFound"
    noun = "egressOnlyInternetGateway"


class NatGatewayMalformed(AwsError):
    """Argument: the id."""

    code = "NatGatewayMalformed"
    template = "The NatGateway ID '{}' is malformed"


class NatGatewayNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "NatGatewayNotFound"
    template = "NatGateway {} was not found"


class InvalidNatGatewayIDNotFound(AwsError):
    """Argument: the id, as a route names it."""

    code = "InvalidNatGatewayID.NotFound"
    template = "The natGateway ID '{}' does not exist"


class InvalidGatewayIDNotFound(AwsError):
    """Argument: the id of a gateway of no kind that is here."""

    code = "InvalidGatewayID.NotFound"
    template = "The gateway ID '{}' does not exist"


class InvalidNetworkAclIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidNetworkAclId.Malformed"
    template = 'Invalid id: "{}" (expecting "acl-...")'


class InvalidNetworkAclIDNotFound(IdsNotFound):
    code = "InvalidNetworkAclID.NotFound"
    noun = "networkAcl"


class InvalidDhcpOptionsIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidDhcpOptionsId.Malformed"
    template = 'Invalid id: "{}" (expecting "dopt-...")'


class InvalidDhcpOptionIDNotFound(IdsNotFound):
    code = "InvalidDhcpOptionID.NotFound"
    noun = "dhcpOption"


class InvalidPrefixListIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidPrefixListId.Malformed"
    template = 'Invalid id: "{}" (expecting "pl-...")'


class InvalidPrefixListIDNotFound(IdsNotFound):
    code = "InvalidPrefixListID.NotFound"
    noun = "prefix list"


class InvalidVpcPeeringConnectionIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidVpcPeeringConnectionId.Malformed"
    template = 'Invalid id: "{}" (expecting "pcx-...")'


class InvalidVpcPeeringConnectionIDNotFound(IdsNotFound):
    code = "InvalidVpcPeeringConnectionID.NotFound"
    noun = "vpcPeeringConnection"


class InvalidVpcEndpointIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidVpcEndpointId.Malformed"
    template = 'Invalid id: "{}" (expecting "vpce-...")'


class InvalidVpcEndpointIdNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidVpcEndpointId.NotFound"
    template = "The Vpc Endpoint Id '{}' does not exist"


class InvalidVpcEndpointServiceNotFound(AwsError):
    """Argument: the service's name."""

    code = "InvalidServiceName"
    template = "The Vpc Endpoint Service '{}' does not exist"


class InvalidAttachmentIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidAttachmentID.NotFound"
    template = "The attachment ID '{}' does not exist"


class InvalidVpcCidrBlockAssociationIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidVpcCidrBlockAssociationID.NotFound"
    template = "The vpc CIDR block association ID '{}' does not exist"


class InvalidSubnetCidrBlockAssociationIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidSubnetCidrBlockAssociationID.NotFound"
    template = "The subnet CIDR block association ID '{}' does not exist"


class InvalidSubnetCidrReservationIDNotFound(AwsError):
    """Argument: the id."""

    code = "InvalidSubnetCidrReservationId.NotFound"
    template = "The subnet CIDR reservation ID '{}' does not exist"


# --- Ranges ---


class CidrConflict(AwsError):
    """Argument: the range."""

    code = "CidrConflict"
    template = "The CIDR '{}' conflicts with another CIDR"


class CidrLimitExceeded(AwsError):
    """Arguments: the noun with its id, and the most that it may have."""

    code = "CidrLimitExceeded"
    template = "This {} has met its maximum number of allowed CIDRs: {}"


class SubnetConflict(AwsError):
    """Argument: the range."""

    code = "InvalidSubnet.Conflict"
    template = "The CIDR '{}' conflicts with another subnet"


class InvalidCidrReservation(AwsError):
    """Argument: a sentence."""

    code = "InvalidSubnetCidrReservation.Conflict"


# --- Routes ---


class RouteAlreadyExists(AwsError):
    """Argument: the destination."""

    code = "RouteAlreadyExists"
    template = "The route identified by {} already exists."


class InvalidRouteNotFound(AwsError):
    """Arguments: the destination and the table's id."""

    code = "InvalidRoute.NotFound"
    template = "no route with destination-cidr-block {} in route table {}"


class RouteLimitExceeded(AwsError):
    """Argument: the most."""

    code = "RouteLimitExceeded"
    template = "The maximum number of routes has been reached: {}."


class RouteTableLimitExceeded(AwsError):
    """Argument: the most."""

    code = "RouteTableLimitExceeded"
    template = "The maximum number of route tables has been reached: {}."


class SubnetLimitExceeded(AwsError):
    """Argument: the most."""

    code = "SubnetLimitExceeded"
    template = "The maximum number of subnets has been reached: {}."


# --- Gateways ---


class GatewayNotAttached(AwsError):
    """Argument: a sentence."""

    code = "Gateway.NotAttached"


class InternetGatewayLimitExceeded(AwsError):
    code = "InternetGatewayLimitExceeded"


class EgressOnlyInternetGatewayLimitExceeded(AwsError):
    code = "EgressOnlyInternetGatewayLimitExceeded"


class NatGatewayLimitExceeded(AwsError):
    """Argument: the most."""

    code = "NatGatewayLimitExceeded"
    template = "The maximum number of NAT Gateways has been reached: {}."


# --- Network ACLs ---


class NetworkAclEntryAlreadyExists(AwsError):
    """Argument: the number."""

    code = "NetworkAclEntryAlreadyExists"
    template = "The network acl entry identified by {} already exists."


class InvalidNetworkAclEntryNotFound(AwsError):
    """Argument: the number."""

    code = "InvalidNetworkAclEntry.NotFound"
    template = "The network acl entry identified by {} does not exist."


class NetworkAclEntryLimitExceeded(AwsError):
    """Argument: the most."""

    code = "NetworkAclEntryLimitExceeded"
    template = "The maximum number of network acl entries has been reached: {}."


class NetworkAclLimitExceeded(AwsError):
    """Argument: the most."""

    code = "NetworkAclLimitExceeded"
    template = "The maximum number of network acls has been reached: {}."


# --- Prefix lists ---


class PrefixListVersionMismatch(AwsError):
    """Arguments: the version given, and the current one."""

    code = "PrefixListVersionMismatch"
    template = "The prefix list version {} is not the current version {}."


class InvalidPrefixListVersion(AwsError):
    """Arguments: the version and the list's id."""

    code = "InvalidPrefixListVersion"
    template = "The version {} of prefix list {} does not exist."


class PrefixListMaxEntriesExceeded(AwsError):
    """Argument: the most."""

    code = "PrefixListMaxEntriesExceeded"
    template = "The maximum number of entries of the prefix list has been reached: {}."


class PrefixListLimitExceeded(AwsError):
    """Argument: the most."""

    code = "PrefixListLimitExceeded"
    template = "The maximum number of prefix lists has been reached: {}."


class PrefixListInUse(AwsError):
    """Argument: the id."""

    code = "DependencyViolation"
    template = "The prefix list '{}' is in use by other resources and cannot be deleted."


# --- DHCP options ---


class DhcpOptionsLimitExceeded(AwsError):
    """Argument: the most."""

    code = "DhcpOptionsLimitExceeded"
    template = "The maximum number of DHCP option sets has been reached: {}."


# --- Peering ---


class InvalidStateTransition(AwsError):
    """Argument: a sentence."""

    code = "InvalidStateTransition"


class OperationNotPermittedOnPeering(AwsError):
    """Argument: a sentence."""

    code = "OperationNotPermitted"


class VpcPeeringConnectionAlreadyExists(AwsError):
    """Argument: the id of the one that is there."""

    code = "VpcPeeringConnectionAlreadyExists"
    template = "The VPC peering connection {} between these VPCs already exists."


class OutstandingVpcPeeringConnectionLimitExceeded(AwsError):
    """Argument: the most."""

    code = "OutstandingVpcPeeringConnectionLimitExceeded"
    template = "The maximum number of pending VPC peering connections has been reached: {}."


class ActiveVpcPeeringConnectionPerVpcLimitExceeded(AwsError):
    """Argument: the most."""

    code = "ActiveVpcPeeringConnectionPerVpcLimitExceeded"
    template = "The maximum number of active VPC peering connections of a VPC has been reached: {}."


# --- Interfaces ---


class InvalidNetworkInterfaceInUse(AwsError):
    """Argument: a sentence."""

    code = "InvalidNetworkInterface.InUse"


class NetworkInterfaceLimitExceeded(AwsError):
    code = "NetworkInterfaceLimitExceeded"


class AttachmentLimitExceeded(AwsError):
    """Arguments: the instance's type and how many interfaces it may have."""

    code = "AttachmentLimitExceeded"
    template = "Interface count exceeds the limit for {}: {}"


class PrivateIpAddressLimitExceeded(AwsError):
    """Argument: the interface's id."""

    code = "PrivateIpAddressLimitExceeded"
    template = "Number of private addresses will exceed limit of interface {}."


# --- Elastic addresses ---


class InvalidTransferNotFound(AwsError):
    """Argument: the address."""

    code = "InvalidTransfer.NotFound"
    template = "There is no transfer of the address {}."


class AddressTransferConflict(AwsError):
    """Argument: a sentence."""

    code = "InvalidAddress.InTransfer"


class InsufficientCidrBlocks(AwsError):
    """Argument: the subnet's id."""

    code = "InsufficientCidrBlocks"
    template = "There are not enough free prefixes in subnet '{}'."
