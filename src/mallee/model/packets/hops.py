"""What a packet's way through VPCs consists of: the packet, the hops that it passes, its end.

A *hop* is one thing that a packet meets, with the very rule by which it passes or is stopped: an
interface, a security group, a network ACL, a route table, a gateway. `packets` finds the way; who
explains reachability (`cloud/explain/`, `cloud/ec2/insights/`) or looks at it on a host reads it.
A new kind of hop is one more member of `HopKind`, and what is said of it there. Pure.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from mallee.model.network.acls import AclEntry
from mallee.model.network.carried import RouteWanted, TransitRouteWanted
from mallee.model.network.networks import Direction, Rule

Address = IPv4Address | IPv6Address

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The first packet of a conversation."""

    source: Address
    destination: Address
    protocol: int
    source_port: int = 0
    """For TCP and UDP; 0: some port that nobody's rule asks about."""
    destination_port: int = 0
    """For TCP and UDP."""
    icmp_type: int = 0
    icmp_code: int = 0


class End(Enum):
    """How a packet's way ended."""

    ARRIVED = "arrived"
    """An interface received it."""
    SERVICE = "service"
    """It reached a service of the cloud's by a gateway endpoint."""
    WORLD = "world"
    """It left the cloud."""
    SENDER = "sender"
    """It is not from its sender's own addresses."""
    EGRESS = "egress"
    """No egress rule of the sender's groups lets it out."""
    INGRESS = "ingress"
    """No ingress rule of the receiver's groups lets it in."""
    ACL_OUT = "acl-out"
    """The ACL of the subnet that it leaves stops it."""
    ACL_IN = "acl-in"
    """The ACL of the subnet that it comes to stops it."""
    NO_ROUTE = "no-route"
    """The subnet's table leads it nowhere."""
    NO_TRANSIT = "no-transit"
    """The transit gateway's table leads it nowhere, or there is none for where it came from."""
    NOBODY = "nobody"
    """Nobody has the address."""
    NO_PUBLIC_ADDRESS = "no-public-address"
    """It may leave by an internet gateway only from a public address."""
    CHECKED = "checked"
    """It was led to an interface that takes only what is for itself."""
    BLOCKED = "blocked"
    """Public access is blocked in its subnet."""
    ELSEWHERE = "elsewhere"
    """It went on to another host that carries the VPC."""
    CLOSED = "closed"
    """The world may begin no conversation there: no internet gateway leads out of the subnet."""


PASSES = frozenset({End.ARRIVED, End.SERVICE, End.WORLD, End.ELSEWHERE})
"""The ends at which a packet reached something, as far as is known to who was told of a part."""


class HopKind(Enum):
    """What kind of thing a packet meets."""

    INTERFACE = "interface"
    SECURITY_GROUP = "security-group"
    NETWORK_ACL = "network-acl"
    ROUTE_TABLE = "route-table"
    INTERNET_GATEWAY = "internet-gateway"
    EGRESS_ONLY_GATEWAY = "egress-only-gateway"
    NAT_GATEWAY = "nat-gateway"
    PEERING = "peering"
    TRANSIT_ATTACHMENT = "transit-gateway-attachment"
    TRANSIT_GATEWAY = "transit-gateway"
    TRANSIT_TABLE = "transit-gateway-route-table"
    ENDPOINT = "endpoint"
    OVERLAY = "overlay"
    """The way of a VPC from one host to another; its id is the other host's."""

    @property
    def is_gateway(self) -> bool:
        """Whether it leads on beyond where it stands."""
        return self not in _NO_GATEWAYS


_NO_GATEWAYS = frozenset(
    {
        HopKind.INTERFACE,
        HopKind.SECURITY_GROUP,
        HopKind.NETWORK_ACL,
        HopKind.ROUTE_TABLE,
        HopKind.TRANSIT_ATTACHMENT,
        HopKind.TRANSIT_TABLE,
        HopKind.OVERLAY,
    }
)


@dataclass(frozen=True, slots=True)
class LocalRoute:
    """The route of a table for a range of its own VPC; it is in no document."""

    cidr: str


HopRule = Rule | AclEntry | RouteWanted | LocalRoute | TransitRouteWanted
"""By what a group, an ACL or a table decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One thing that a packet met, as it met it."""

    kind: HopKind
    id: str
    """Empty where nothing has a say that could: no group with a rule that fits, the main table."""
    vpc_id: str
    subnet_id: str = ""
    interface_id: str = ""
    """Of whose side it is: the interface that wears a group, or the interface itself."""
    packet: Packet
    """As it came."""
    sent: Packet | None = None
    """As it went on, where addresses were translated."""
    rule: HopRule | None = None
    """By which it passed or was stopped; None: nothing decided, or nothing has to."""
    direction: Direction | None = None
    """Of a group or an ACL: which way it looked."""
    is_stop: bool = False
    """Whether the way ended here, against the sender's wish."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a packet's way ended, and what it met, in order."""

    end: End
    at: str
    """Id of what received it, or of what stopped it."""
    hops: tuple[Hop, ...] = ()
    packet: Packet | None = None
    """As it was at the end: addresses are translated on the way."""

    @property
    def passes(self) -> bool:
        """Whether it reached something."""
        return self.end in PASSES

    @property
    def met(self) -> tuple[str, ...]:
        """The ids of the gateways that it passed."""
        return tuple(
            hop.id or "internet" for hop in self.hops if hop.kind.is_gateway and not hop.is_stop
        )
