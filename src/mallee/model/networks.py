"""The nouns of a VPC: VPC, subnet, interface, address, security group and its rules."""

from enum import Enum

import msgspec


class Vpc(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual private cloud: an address range of its own, isolated from every other."""

    id: str
    cidr: str
    is_default: bool = False
    link_index: int
    """Unique per cloud; numbers the link between the VPC's namespace and the edge."""
    tags: dict[str, str] = {}


class Subnet(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a VPC's range in one zone."""

    id: str
    vpc_id: str
    cidr: str
    zone: str
    is_default: bool = False
    map_public_ip_on_launch: bool = True
    tags: dict[str, str] = {}


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """An elastic network interface (ENI)."""

    id: str
    vpc_id: str
    subnet_id: str
    mac: str
    private_ip: str
    group_ids: tuple[str, ...]
    instance_id: str | None
    device_index: int = 0
    delete_on_termination: bool = True
    attached_at: float
    description: str = ""
    public_ip: str | None = None
    """An address of the pool, lent while the instance shall run and no elastic one is there."""
    wants_public_ip: bool = False
    """Whether it is lent an address at every start."""
    tags: dict[str, str] = {}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An elastic address of an account; its id is the allocation id (`eipalloc-…`)."""

    id: str
    public_ip: str
    interface_id: str | None = None
    instance_id: str | None = None
    association_id: str | None = None
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}


class Direction(Enum):
    """Which way a security group rule looks."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a security group: one protocol, one port range, one peer.

    `protocol` is `tcp`, `udp`, `icmp`, `icmpv6`, a number as text, or `-1` for all. Ports are -1
    where the protocol has none; for ICMP they are type and code (-1: any). Exactly one of `cidr`,
    `cidr6` and `group_id` is set.
    """

    id: str
    direction: Direction
    protocol: str
    from_port: int = -1
    to_port: int = -1
    cidr: str | None = None
    cidr6: str | None = None
    group_id: str | None = None
    group_owner: str | None = None
    description: str = ""
    tags: dict[str, str] = {}


class SecurityGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A security group with its rules."""

    id: str
    vpc_id: str
    name: str
    description: str
    rules: tuple[Rule, ...] = ()
    made_by: str = ""
    """Id of the user or role that made it (`AIDA…`, `AROA…`); empty where nobody is known."""
    tags: dict[str, str] = {}
