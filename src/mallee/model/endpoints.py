"""VPC endpoints: ways from a VPC to a service of the cloud without the internet."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway endpoint: route tables lead to its service's prefix list."""

    id: str
    vpc_id: str
    service: str
    """`com.amazonaws.REGION.s3`"""
    route_table_ids: tuple[str, ...] = ()
    policy: str
    """What may be asked of the service by this way."""
    created_at: float
    tags: dict[str, str] = {}
