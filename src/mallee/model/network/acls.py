"""Network ACLs: ordered rules at the border of a subnet, which know nothing of connections."""

import msgspec

LAST_NUMBER = 32766
"""The highest number of an entry; behind all of them stands `*`, which refuses."""


class AclEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry: the first whose traffic and range fit decides; the lowest number comes first.

    `protocol` is a number as text, or `-1` for all; exactly one of `cidr` and `cidr6` is set. Ports
    mean something for 6 and 17, ICMP's type and code (-1: any) for 1 and 58.
    """

    number: int
    is_egress: bool
    is_allowed: bool
    protocol: str
    cidr: str | None = None
    cidr6: str | None = None
    from_port: int = 0
    to_port: int = 65535
    icmp_type: int = -1
    icmp_code: int = -1


class NetworkAcl(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A network ACL; which subnets have it stands in the subnets."""

    id: str
    vpc_id: str
    is_default: bool = False
    entries: tuple[AclEntry, ...] = ()
    """By direction and number."""
    tags: dict[str, str] = {}
