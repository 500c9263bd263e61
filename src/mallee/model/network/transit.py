"""Transit gateways: what VPCs and other gateways are attached to, and the tables by which they lead
packets from attachment to attachment.

A state is never kept: it follows from what was asked for and when (`state_of`, `Attachment.state`).
An attachment is one record that two accounts may see, each with its own tags: its `account` has the
VPC (or asked for the peering), the other one has the gateway (or was asked). Which routes a table
has in the end follows from its own, from what is propagated to it and from prefix lists
(`cloud.ec2.transit.effective`); how a host obeys is told by `carried`.
"""

from enum import Enum

import msgspec

SETTLES_S = 0.5
"""How long something is shown as on its way (`pending`, `modifying`, `deleting`): hosts are told
within moments, and do not wait for it."""
SHOWN_S = 3600.0
"""How long what is over is still shown."""


class TransitOptions(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a transit gateway does by itself, and what it allows."""

    asn: int = 64512
    associates: bool = True
    """Whether a new attachment is associated with the default table."""
    propagates: bool = True
    """Whether a new attachment propagates to the default table."""
    vpn_ecmp: bool = True
    dns: bool = True
    """Whether public names in attached VPCs mean private addresses in the others."""


class TransitGateway(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A transit gateway."""

    id: str
    link_index: int
    """Unique in the cloud (`carried.TransitGatewayWanted`)."""
    description: str = ""
    options: TransitOptions = TransitOptions()
    association_table_id: str = ""
    """The default table of associations; empty: none."""
    propagation_table_id: str = ""
    created_at: float
    """Seconds since the epoch, like all times here."""
    changed_at: float | None = None
    deleted_at: float | None = None
    tags: dict[str, str] = {}


class TransitRoute(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A static route: exactly one of `cidr` and `prefix_list_id` is its destination."""

    cidr: str = ""
    prefix_list_id: str = ""
    attachment_id: str = ""
    """Empty: it is a black hole."""
    changed_at: float

    @property
    def destination(self) -> str:
        """The one destination that it has."""
        return self.cidr or self.prefix_list_id


class TransitTable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A route table of a transit gateway; the attachments say which one they use."""

    id: str
    gateway_id: str
    routes: tuple[TransitRoute, ...] = ()
    created_at: float
    deleted_at: float | None = None
    tags: dict[str, str] = {}


class RouteExport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The routes of a table as they were at a time, on their way into a bucket."""

    id: str
    table_arn: str
    bucket: str
    key: str
    text: str
    """What the object will hold."""
    made_at: float
    """Seconds since the epoch."""


class Phase(Enum):
    """Where an attachment stands."""

    REQUESTED = "requested"
    """It was asked for, and the other account has not answered."""
    OPEN = "open"
    """Packets pass, as far as tables lead them."""
    REJECTED = "rejected"
    """The other account refused it."""
    FAILED = "failed"
    """It could not be: there is nothing of what was named."""
    DELETED = "deleted"
    """One of the two ended it."""


_ON_ITS_WAY = {
    Phase.REQUESTED: "initiatingRequest",
    Phase.OPEN: "pending",
    Phase.REJECTED: "rejecting",
    Phase.FAILED: "failing",
    Phase.DELETED: "deleting",
}
_THERE = {
    Phase.REQUESTED: "pendingAcceptance",
    Phase.OPEN: "available",
    Phase.REJECTED: "rejected",
    Phase.FAILED: "failed",
    Phase.DELETED: "deleted",
}
OVER = frozenset({Phase.REJECTED, Phase.FAILED, Phase.DELETED})


class VpcEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is attached when it is a VPC."""

    vpc_id: str
    subnets: tuple[tuple[str, str], ...]
    """By subnet, one for each zone: the interface that stands in it."""
    dns: bool = True
    ipv6: bool = False
    """Whether its ranges of IPv6 are propagated, and packets of IPv6 pass."""
    appliance_mode: bool = False
    """Kept for those who ask: a VPC's packets are always carried by one host."""


class GatewayEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is attached when it is another transit gateway."""

    gateway_id: str
    account: str
    table_id: str = ""
    """By which of its tables it leads on what comes by the attachment."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attachment to a transit gateway: of a VPC, or of another gateway."""

    id: str
    account: str
    """Who asked for it."""
    gateway_id: str
    gateway_account: str
    vpc: VpcEnd | None = None
    peer: GatewayEnd | None = None
    phase: Phase
    since: float
    """Since when it is in this phase."""
    created_at: float
    changed_at: float | None = None
    table_id: str = ""
    """By which table of the gateway's what comes by it is led on; empty: nowhere."""
    propagated_to: tuple[str, ...] = ()
    """Tables of the gateway's that have the VPC's ranges as routes to it."""
    tags: dict[str, str] = {}
    other_tags: dict[str, str] = {}
    """Those that the other account gave it."""

    @property
    def other_account(self) -> str:
        """The account that answers; it may be the same."""
        return self.peer.account if self.peer is not None else self.gateway_account

    def state(self, now: float) -> str:
        """Return its state in AWS's words."""
        if now < self.since + SETTLES_S:
            return _ON_ITS_WAY[self.phase]
        if self.phase is Phase.OPEN and self.changed_at and now < self.changed_at + SETTLES_S:
            return "modifying"
        return _THERE[self.phase]

    def table_of(self, gateway_id: str) -> str:
        """Return the table by which that gateway leads on what comes by it; empty: none."""
        if gateway_id == self.gateway_id:
            return self.table_id
        return self.peer.table_id if self.peer is not None else ""


def state_of(thing: TransitGateway | TransitTable, now: float) -> str:
    """Return the state of a gateway or a table in AWS's words."""
    if thing.deleted_at is not None:
        return "deleting" if now < thing.deleted_at + SETTLES_S else "deleted"
    if now < thing.created_at + SETTLES_S:
        return "pending"
    changed_at = thing.changed_at if isinstance(thing, TransitGateway) else None
    return "modifying" if changed_at and now < changed_at + SETTLES_S else "available"


def is_forgotten(ended_at: float | None, now: float) -> bool:
    """Tell whether it has been over for so long that nobody is shown it any more."""
    return ended_at is not None and ended_at + SHOWN_S <= now
