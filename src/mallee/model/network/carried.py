"""The parts of a VPC that a host is told of besides its subnets, groups and interfaces; its peers.

All of it is resolved by the cloud: prefix lists are ranges, ids are addresses, and whether a target
can carry packets is known. `model.hosts.VpcWanted` holds these values; what the nouns mean to their
users is said in `routing`, `acls`, `dhcp` and `peerings`. How a host obeys is not its business.
"""

from enum import Enum

import msgspec

from mallee.model.network.acls import AclEntry


class Way(Enum):
    """Where a route of a table leads, as the host carries it out."""

    INTERNET = "internet"
    """The internet gateway; only an address with a public one gets through (IPv6: every one)."""
    EGRESS_ONLY = "egress-only"
    """The egress-only internet gateway: IPv6, outwards."""
    NAT = "nat"
    """A NAT gateway of the VPC; `target_id` is its id."""
    INTERFACE = "interface"
    """An interface of the VPC, which forwards; `target_id` is its id."""
    PEERING = "peering"
    """A peering connection; `target_id` is its id."""
    TRANSIT = "transit"
    """A transit gateway that the VPC is attached to; `target_id` is the gateway's id."""
    ENDPOINT = "endpoint"
    """A gateway endpoint: the cloud's own service."""
    BLACKHOLE = "blackhole"
    """Nothing: what the route named is gone, detached, or does not run."""


class PublicAccess(Enum):
    """How far a subnet may speak with the world by internet gateways, whatever else lets it."""

    OPEN = "open"
    OUTWARD = "outward"
    """In conversations that begin inside."""
    GATEWAYS = "gateways"
    """Its NAT gateways only, and IPv6 that an egress-only gateway leads out."""
    CLOSED = "closed"
    """Not at all."""


BEFORE_LOCAL = frozenset({Way.NAT, Way.INTERFACE, Way.BLACKHOLE})
"""Where a route may lead that has the very range of a local route: it stands in its place."""


class RouteWanted(msgspec.Struct, frozen=True, gc=False):
    """One route, with one range as its destination."""

    cidr: str
    """IPv4 or IPv6."""
    way: Way
    target_id: str = ""


class RouteTableWanted(msgspec.Struct, frozen=True, gc=False):
    """A route table of a VPC, without its local routes: they follow from the VPC's ranges."""

    id: str
    routes: tuple[RouteWanted, ...] = ()


class AclWanted(msgspec.Struct, frozen=True, gc=False):
    """A network ACL; what no entry decides is refused."""

    id: str
    entries: tuple[AclEntry, ...] = ()


class AddressWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A private IPv4 address of an interface, and what the world knows it by."""

    private_ip: str
    public_ip: str | None = None
    public_name: str = ""
    """Full name of the public address; inside the VPC it means the private one. Empty: none."""


class NatGatewayWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A NAT gateway: it stands in its subnet like an interface without security groups."""

    id: str
    interface_id: str
    subnet_id: str
    mac: str
    addresses: tuple[AddressWanted, ...]
    """The primary one first. Without public ones it is a private NAT gateway."""


class EndpointWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An endpoint in one subnet: it stands there like an interface with groups.

    What is sent to an interface endpoint's addresses reaches the cloud's API by the host's agent;
    an instance connect endpoint takes nothing, and begins what tunnels ask for.
    """

    id: str
    """`vpce-…`, `eice-…`"""
    interface_id: str
    subnet_id: str
    mac: str
    private_ip: str
    ipv6s: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Full names, with all below them, that mean it for the VPC's guests."""
    named_ips: tuple[str, ...] = ()
    """Which of its addresses the names mean."""
    serves: bool = True
    """Whether the API answers behind it."""


class PeeringWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An active peering connection with another VPC of this cloud."""

    id: str
    peer_vpc_id: str
    peer_cidrs: tuple[str, ...]
    """All ranges of the peer, IPv4 and IPv6: only they may speak through the connection."""
    peer_link_index: int = 0
    """The peer's `VpcWanted.link_index`: by it each end of the link has an address of its own."""
    peer_names: tuple[AddressWanted, ...] = ()
    """Addresses of the peer's whose public names mean the private ones here."""


class AttachmentWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A VPC's end of an attachment to a transit gateway: it stands in a subnet, without groups."""

    id: str
    gateway_id: str
    subnet_id: str
    """What comes by it meets this subnet's ACL and takes the way of its route table."""
    names: tuple[AddressWanted, ...] = ()
    """Addresses beyond it whose public names mean the private ones here."""


class TransitPortWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transit gateway's end of an attachment: it leads to a VPC, or to another gateway."""

    id: str
    """The attachment's id: both ends have it."""
    table_id: str = ""
    """By which table what comes from there is led on; empty: nowhere."""
    vpc_id: str = ""
    peer_id: str = ""
    """The transit gateway at the other end; empty: it is a VPC."""
    peer_link_index: int = 0
    """That gateway's `link_index`."""


class TransitRouteWanted(msgspec.Struct, frozen=True, gc=False):
    """One route of a transit gateway, with one range as its destination."""

    cidr: str
    """IPv4 or IPv6."""
    attachment_id: str = ""
    """Empty: it is a black hole."""


class TransitTableWanted(msgspec.Struct, frozen=True, gc=False):
    """A route table of a transit gateway, with what is propagated to it."""

    id: str
    routes: tuple[TransitRouteWanted, ...] = ()


class TransitGatewayWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transit gateway: it leads packets from attachment to attachment, and looks at nothing but
    their destination and where they came from."""

    id: str
    link_index: int = 0
    """No two gateways of the cloud have the same: by it each has an address of its own on links to
    other gateways."""
    ports: tuple[TransitPortWanted, ...] = ()
    tables: tuple[TransitTableWanted, ...] = ()


class DhcpWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What guests of a VPC are told besides their addresses."""

    domain_names: tuple[str, ...] = ()
    name_servers: tuple[str, ...] = ("AmazonProvidedDNS",)
    """IPv4 or IPv6 addresses; `dhcp.OWN_DNS`: the VPC's own."""
    ntp_servers: tuple[str, ...] = ()
    netbios_name_servers: tuple[str, ...] = ()
    netbios_node_type: int | None = None


class Speed(msgspec.Struct, frozen=True, gc=False):
    """How fast an interface may send and receive, in bits per second; 0: as fast as it can."""

    sends_bps: int = 0
    receives_bps: int = 0


class PeerWanted(msgspec.Struct, frozen=True, gc=False):
    """Another host that this one deals with."""

    id: str
    """And the name in its certificate."""
    name: str
    address: str
    """At which it is reached from hosts: IPv4 or IPv6."""


class FarInterface(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An interface, or a NAT gateway, that another host carries: what this one must know of it.

    It travels as a list without names, for a VPC may have thousands.
    """

    id: str
    """`eni-…`, or `nat-…`: by what route tables name it."""
    instance_id: str
    """Empty: it is a NAT gateway."""
    ips: tuple[str, ...]
    """Its private IPv4 addresses, the primary one first, and ranges that are led to it."""
    ip6s: tuple[str, ...] = ()
    """The same of IPv6."""
    resource_ips: tuple[str, ...] = ()
    """Which of its addresses the name by its instance's id means."""
    published: tuple[AddressWanted, ...] = ()
    """Those of its addresses that the world knows."""
    source_dest_check: bool = True


class FarWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What another host carries of a VPC, or only leads into it from others."""

    host_id: str
    """One of the host's peers."""
    interfaces: tuple[FarInterface, ...] = ()
