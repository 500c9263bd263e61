"""What a host is told of watching: which flows of interfaces are counted, which packets copied.

Part of `hosts.VpcWanted`. What flow logs and traffic mirroring mean to their users is said in
`flowlogs` and `mirroring`; how a host obeys is not its business.
"""

import msgspec

from mallee.model.network.flowlogs import DEFAULT_FIELDS, Traffic


class FlowLogWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A flow log, with those of its interfaces that this host carries."""

    id: str
    account_id: str
    zone_id: str
    """Where its interfaces are, but for those in `other_zone_ids`."""
    interface_ids: tuple[str, ...]
    """Sorted; NAT gateways' too."""
    traffic: Traffic = Traffic.ALL
    fields: tuple[str, ...] = DEFAULT_FIELDS
    other_zone_ids: dict[str, str] = {}
    """By interface: what all hosts of a VPC carry may be in another zone than their guests."""

    def zone_of(self, interface_id: str) -> str:
        """Return the zone's id of an interface of the log."""
        return self.other_zone_ids.get(interface_id, self.zone_id)


class MirrorRuleWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule about packets that may be copied; the lowest number that fits decides."""

    is_accepted: bool
    source: str
    """A range of IPv4 or IPv6."""
    destination: str
    protocol: int = 0
    """0: every one."""
    source_ports: tuple[int, int] | None = None
    """First and last; None: every one."""
    destination_ports: tuple[int, int] | None = None


class MirrorWanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A traffic mirror session of an interface of this host to another one of it."""

    id: str
    """`tms-…`"""
    interface_id: str
    target_interface_id: str
    number: int
    """A packet is copied by the session of the lowest number that takes it."""
    vni: int
    """The network identifier of VXLAN that copies bear."""
    ingress: tuple[MirrorRuleWanted, ...] = ()
    """About what the interface receives, in order."""
    egress: tuple[MirrorRuleWanted, ...] = ()
    """About what it sends, in order."""
    copies_dns: bool = False
    """Whether questions to the cloud's name server, and its answers, are copied too."""
