"""What leads out of a subnet: route tables, and the gateways that their routes name.

Local routes are in no document: they follow from the ranges of the VPC. A *target* is the kind of
what a route leads to and its id; whether that can carry packets now is decided when a route is
shown or told to a host, never kept.
"""

from enum import Enum

import msgspec


class TargetKind(Enum):
    """What a route leads to."""

    LOCAL = "local"
    """The VPC itself."""
    INTERNET = "internet"
    """An internet gateway."""
    EGRESS_ONLY = "egress-only"
    """An egress-only internet gateway: IPv6, outwards."""
    NAT = "nat"
    """A NAT gateway."""
    INTERFACE = "interface"
    """A network interface, which forwards."""
    PEERING = "peering"
    """A peering connection."""
    TRANSIT = "transit"
    """A transit gateway."""
    ENDPOINT = "endpoint"
    """A gateway endpoint."""


class Origin(Enum):
    """How a route came into its table, in AWS's words."""

    TABLE = "CreateRouteTable"
    ROUTE = "CreateRoute"


class Route(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route: exactly one of `cidr`, `cidr6` and `prefix_list_id` is its destination."""

    cidr: str | None = None
    cidr6: str | None = None
    prefix_list_id: str | None = None
    target: TargetKind
    target_id: str
    origin: Origin = Origin.ROUTE

    @property
    def destination(self) -> str:
        """The one destination that it has."""
        return self.cidr or self.cidr6 or self.prefix_list_id or ""


class RouteTable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route table; the subnets say which one they use, and its VPC which one is the main one."""

    id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()
    """Without the local ones; an endpoint's are there as long as it names the table."""
    tags: dict[str, str] = {}


class InternetGateway(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An internet gateway, attached to one VPC or to none."""

    id: str
    vpc_id: str | None = None
    route_table_id: str | None = None
    """The table by which is led what comes in; None: the VPC's local routes."""
    route_association_id: str | None = None
    made_by: str = ""
    """Id of the user or role that made it; empty where nobody is known."""
    tags: dict[str, str] = {}


class EgressOnlyGateway(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An egress-only internet gateway: connections over IPv6 that begin inside its VPC."""

    id: str
    vpc_id: str
    tags: dict[str, str] = {}


class NatAddress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A private address of a NAT gateway, and the elastic one behind which it hides guests."""

    private_ip: str
    interface_id: str
    is_primary: bool = False
    allocation_id: str | None = None
    association_id: str | None = None
    public_ip: str | None = None


class NatGateway(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A NAT gateway: it hides the guests of other subnets behind addresses of its own."""

    id: str
    vpc_id: str
    subnet_id: str
    is_public: bool = True
    addresses: tuple[NatAddress, ...]
    created_at: float
    """Seconds since the epoch."""
    deleted_at: float | None = None
    """Seconds since the epoch; for an hour after it, it is shown as `deleted`."""
    failure: tuple[str, str] | None = None
    """Code and sentence of why it failed: then it has no address, and carries nothing."""
    client_token: str | None = None
    tags: dict[str, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether it has neither failed nor been deleted."""
        return self.deleted_at is None and self.failure is None
