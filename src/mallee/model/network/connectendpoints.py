"""Instance connect endpoints: where tunnels into a VPC come out."""

import msgspec


class ConnectEndpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint that stands in a subnet with an interface, and begins connections there."""

    id: str
    """`eice-…`"""
    vpc_id: str
    subnet_id: str
    zone: str
    interface_id: str
    """Which has its address and its security groups."""
    created_at: float
    tags: dict[str, str] = {}
