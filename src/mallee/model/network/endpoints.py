"""VPC endpoints: ways from a VPC to a service of the cloud without the internet."""

from enum import Enum

import msgspec


class EndpointKind(Enum):
    """How an endpoint brings packets to its service; the values are AWS's."""

    GATEWAY = "Gateway"
    """Route tables lead to the service's prefix list."""
    INTERFACE = "Interface"
    """It stands in subnets, with addresses of its own."""


class Standing(msgspec.Struct, frozen=True, gc=False):
    """One subnet of an interface endpoint, and its interface there."""

    subnet_id: str
    interface_id: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint of either kind."""

    id: str
    vpc_id: str
    kind: EndpointKind = EndpointKind.GATEWAY
    service: str
    """`com.amazonaws.REGION.s3`"""
    route_table_ids: tuple[str, ...] = ()
    """Of a gateway endpoint."""
    standings: tuple[Standing, ...] = ()
    """Of an interface endpoint: at most one in a zone."""
    group_ids: tuple[str, ...] = ()
    label: str = ""
    """What its own names have after its id, as on AWS."""
    private_dns: bool = False
    """Whether the service's own names mean it for the VPC's guests."""
    ip_address_type: str = "ipv4"
    dns_record_ip_type: str = "ipv4"
    policy: str
    """What may be asked of the service by this way."""
    created_at: float
    tags: dict[str, str] = {}
