"""The nouns of a VPC: VPC, subnet, interface, address, security group and its rules."""

from enum import Enum

import msgspec

from mallee.model.network.privatenames import PrivateNames
from mallee.model.network.sharedranges import SharedRange


class Block(msgspec.Struct, frozen=True, gc=False):
    """A range that a VPC or a subnet has besides its first one, with its association's id."""

    id: str
    cidr: str


class Vpc(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A virtual private cloud: an address range of its own, isolated from every other."""

    id: str
    cidr: str
    more_cidrs: tuple[Block, ...] = ()
    ipv6_cidrs: tuple[Block, ...] = ()
    is_default: bool = False
    link_index: int
    """Unique per cloud; numbers the link between the VPC's namespace and the edge."""
    main_table_id: str = ""
    """The route table of subnets that name none."""
    main_association_id: str = ""
    dhcp_options_id: str = ""
    """Empty: guests are told nothing but their address."""
    dns_support: bool = True
    """Whether the VPC's own name server answers."""
    dns_hostnames: bool = False
    """Whether instances with a public address have a public name."""
    tags: dict[str, str] = {}

    @property
    def cidrs(self) -> tuple[str, ...]:
        """All IPv4 ranges, the first one first."""
        return (self.cidr, *(block.cidr for block in self.more_cidrs))


class Reservation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a subnet's range from which no address is taken unasked."""

    id: str
    cidr: str
    kind: str
    """`explicit`: for addresses asked for by name; `prefix`: for prefixes."""
    description: str = ""
    tags: dict[str, str] = {}


class Subnet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a VPC's range in one zone."""

    id: str
    vpc_id: str
    cidr: str
    ipv6_cidrs: tuple[Block, ...] = ()
    zone: str
    is_default: bool = False
    map_public_ip_on_launch: bool = True
    assign_ipv6_on_creation: bool = False
    private_names: PrivateNames = PrivateNames()
    """What instances are called that are launched in it."""
    route_table_id: str | None = None
    """None: the VPC's main one."""
    route_association_id: str | None = None
    acl_id: str = ""
    acl_association_id: str = ""
    reservations: tuple[Reservation, ...] = ()
    number: int = 0
    """By which hosts tell each other of it; no other subnet of its VPC has it. 0: it has none."""
    shared: SharedRange | None = None
    """How its addresses are lent, where its range is that of all accounts; None: it is its own."""
    tags: dict[str, str] = {}


class Permission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That another account may associate its elastic addresses with an interface."""

    id: str
    """`eni-perm-…`"""
    account: str


class Interface(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An elastic network interface (ENI)."""

    id: str
    vpc_id: str
    subnet_id: str
    mac: str
    private_ip: str
    """The primary one, which stays for life. Empty: the LAN's DHCP server has not said yet."""
    secondary_ips: tuple[str, ...] = ()
    ipv6s: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    """Ranges of 16 IPv4 addresses that are led to it."""
    prefixes6: tuple[str, ...] = ()
    """Ranges of IPv6 (/80) that are led to it."""
    group_ids: tuple[str, ...]
    instance_id: str | None
    attachment_id: str = ""
    """Of its present attachment; empty: by the interface's own id, as once was."""
    device_index: int = 0
    delete_on_termination: bool = True
    attached_at: float
    source_dest_check: bool = True
    """Whether only packets from and to its own addresses pass it."""
    requester: str = ""
    """Of what the cloud made for a service of its own: what that is; its users may not change it.

    `nat_gateway`, in AWS's words for the type of an interface.
    """
    description: str = ""
    public_ip: str | None = None
    """An address of the pool, lent while the instance shall run and no elastic one is there."""
    wants_public_ip: bool = False
    """Whether it is lent an address at every start."""
    permissions: tuple[Permission, ...] = ()
    tags: dict[str, str] = {}


def private_ips(interface: Interface) -> tuple[str, ...]:
    """Return its private IPv4 addresses, the primary one first; none while none is known."""
    first = (interface.private_ip,) if interface.private_ip else ()
    return (*first, *interface.secondary_ips)


class Transfer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an elastic address is offered to another account."""

    account: str
    expires_at: float
    """Seconds since the epoch."""


class Handover(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an elastic address went to another account; its record is the former owner's, its id
    the allocation id that he had."""

    id: str
    public_ip: str
    account: str
    """Who has it now."""
    offered_until: float
    """Seconds since the epoch."""
    accepted_at: float
    """Seconds since the epoch."""


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An elastic address of an account; its id is the allocation id (`eipalloc-…`)."""

    id: str
    public_ip: str
    pool_id: str = ""
    """The pool that it is of (`ipv4pool-ec2-…`, `ipam-pool-…`); empty: the cloud's own."""
    interface_id: str | None = None
    instance_id: str | None = None
    private_ip: str | None = None
    """Which address of the interface; None: its primary one."""
    association_id: str | None = None
    transfer: Transfer | None = None
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}


class Direction(Enum):
    """Which way a security group rule looks."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Rule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One rule of a security group: one protocol, one port range, one peer.

    `protocol` is `tcp`, `udp`, `icmp`, `icmpv6`, a number as text, or `-1` for all. Ports are -1
    where the protocol has none; for ICMP they are type and code (-1: any). Exactly one of `cidr`,
    `cidr6`, `prefix_list_id` and `group_id` is set.
    """

    id: str
    direction: Direction
    protocol: str
    from_port: int = -1
    to_port: int = -1
    cidr: str | None = None
    cidr6: str | None = None
    prefix_list_id: str | None = None
    group_id: str | None = None
    group_owner: str | None = None
    group_vpc_id: str | None = None
    """Of a group in a peered VPC: which; None: it is in the rule's own."""
    peering_id: str | None = None
    """By which peering connection that VPC is reached."""
    description: str = ""
    tags: dict[str, str] = {}


class SecurityGroup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A security group with its rules."""

    id: str
    vpc_id: str
    name: str
    description: str
    rules: tuple[Rule, ...] = ()
    more_vpc_ids: tuple[str, ...] = ()
    """VPCs besides its own whose interfaces may wear it."""
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}
