"""Traffic mirroring: copies of an interface's packets, to another interface, wrapped in VXLAN.

A *session* joins a source interface, a filter and a target. Which packets are copied is said by the
filter's rules for each direction, the lowest number first; what none takes is not copied.
"""

import msgspec

DNS = "amazon-dns"
"""The one service whose packets can be copied although no rule is asked about them."""


class PortRange(msgspec.Struct, frozen=True, gc=False):
    """Ports, both ends included."""

    first: int
    last: int


class MirrorFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A filter; its rules are records of their own."""

    id: str
    """`tmf-…`"""
    description: str = ""
    services: tuple[str, ...] = ()
    tags: dict[str, str] = {}


class MirrorRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule of a filter."""

    id: str
    """`tmfr-…`"""
    filter_id: str
    is_egress: bool
    """Whether it is about what the source sends."""
    number: int
    is_accepted: bool
    source: str
    """A range of IPv4 or IPv6."""
    destination: str
    protocol: int | None = None
    """None: every one."""
    source_ports: PortRange | None = None
    destination_ports: PortRange | None = None
    description: str = ""
    tags: dict[str, str] = {}


class MirrorTarget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An interface that takes copies."""

    id: str
    """`tmt-…`"""
    interface_id: str
    description: str = ""
    tags: dict[str, str] = {}


class MirrorSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That an interface's packets are copied to a target as a filter says."""

    id: str
    """`tms-…`"""
    interface_id: str
    target_id: str
    filter_id: str
    number: int
    vni: int
    description: str = ""
    tags: dict[str, str] = {}
