"""Errors of transit gateways, their attachments and their route tables; a class per code."""

from mallee.aws.errors.answer import AwsError


class InvalidTransitGatewayIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTransitGatewayID.Malformed"
    template = 'Invalid id: "{}" (expecting "tgw-...")'


class InvalidTransitGatewayIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidTransitGatewayID.NotFound"
    template = "Transit Gateway {} was deleted or does not exist."


class InvalidTransitGatewayAttachmentIDMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidTransitGatewayAttachmentID.Malformed"
    template = 'Invalid id: "{}" (expecting "tgw-attach-...")'


class InvalidTransitGatewayAttachmentIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidTransitGatewayAttachmentID.NotFound"
    template = "Transit Gateway Attachment {} was deleted or does not exist."


class InvalidTransitGatewayRouteTableIdMalformed(AwsError):
    """Argument: the id."""

    code = "InvalidRouteTableId.Malformed"
    template = 'Invalid id: "{}" (expecting "tgw-rtb-...")'


class InvalidTransitGatewayRouteTableIDNotFound(AwsError):
    """Argument: the id, or several joined by commas."""

    code = "InvalidRouteTableID.NotFound"
    template = "Transit Gateway Route Table {} was deleted or does not exist."


class DuplicateTransitGatewayAttachment(AwsError):
    """Arguments: the gateway's id, the VPC's or other gateway's."""

    code = "DuplicateTransitGatewayAttachment"
    template = "{} has non-deleted Transit Gateway Attachments with same {}."


class DuplicateSubnetsInSameZone(AwsError):
    """Argument: the zone."""

    code = "DuplicateSubnetsInSameZone"
    template = "Duplicate Subnets for same AZ {}."


class InvalidTransitGatewayAssociationNotFound(AwsError):
    """Arguments: the table's id, the attachment's."""

    code = "InvalidAssociation.NotFound"
    template = "Transit Gateway Route Table {} is not associated with {}."


class PropagationDuplicate(AwsError):
    """Arguments: the attachment's id, the table's."""

    code = "TransitGatewayRouteTablePropagation.Duplicate"
    template = "Propagation {}-{} is already enabled."


class PropagationNotFound(AwsError):
    """Arguments: the attachment's id, the table's."""

    code = "TransitGatewayRouteTablePropagation.NotFound"
    template = "Propagation {}-{} is not enabled."


class InvalidTransitGatewayRouteNotFound(AwsError):
    """Arguments: the destination, the table's id."""

    code = "InvalidRoute.NotFound"
    template = "The route with destination {} does not exist in route table {}."


class InvalidPrefixListReferenceNotFound(AwsError):
    """Arguments: the list's id, the table's."""

    code = "InvalidPrefixListId.NotFound"
    template = "The reference to prefix list {} does not exist in route table {}."


class TransitGatewayLimitExceeded(AwsError):
    """Argument: the most."""

    code = "TransitGatewayLimitExceeded"
    template = "The maximum number of transit gateways has been reached: {}."


class TransitGatewayRouteTableLimitExceeded(AwsError):
    """Argument: the most."""

    code = "TransitGatewayRouteTableLimitExceeded"
    template = "The maximum number of route tables of a transit gateway has been reached: {}."


class TransitGatewayRouteLimitExceeded(AwsError):
    """Argument: the most."""

    code = "TransitGatewayRouteLimitExceeded"
    template = "The maximum number of routes of a transit gateway's table has been reached: {}."


class TransitGatewayAttachmentLimitExceeded(AwsError):
    """Argument: the most."""

    code = "TransitGatewayAttachmentLimitExceeded"
    template = "The maximum number of attachments has been reached: {}."
