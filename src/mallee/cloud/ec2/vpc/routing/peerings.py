"""VPC peering connections: asked for by one account, accepted by the other, ended by either.

Called through the action table, and by `routes` for routes through one. Both accounts see the same
connection, each with its own tags and options. That nobody answered for a week follows from the
time; the record learns of it when somebody asks for something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.vpc import ranges
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.networks import Vpc
from mallee.model.network.peerings import Peering, PeeringEnd, PeeringStatus

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PENDING_S = 7 * 86400.0
SHOWN_S = 7200.0
"""How long one that is over is still shown."""
MAX_PENDING = 25
MAX_ACTIVE_PER_VPC = 50

_OPTIONS = "AllowDnsResolutionFromRemoteVpc"
_OVER = frozenset(
    {
        PeeringStatus.REJECTED,
        PeeringStatus.FAILED,
        PeeringStatus.EXPIRED,
        PeeringStatus.DELETED,
    }
)
_WORDS = {
    PeeringStatus.PENDING: "Pending Acceptance by {}",
    PeeringStatus.ACTIVE: "Active",
    PeeringStatus.REJECTED: "Rejected by {}",
    PeeringStatus.DELETED: "Deleted by {}",
    PeeringStatus.FAILED: "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range",
    PeeringStatus.EXPIRED: "Expired",
}

PeeringRecord = Record[Peering, None]


@dataclass(frozen=True, slots=True)
class Sight:
    """A connection as one of the two sees it."""

    record: PeeringRecord
    tags: dict[str, str]

    @property
    def id(self) -> str:
        """The connection's id."""
        return self.record.id


def status(peering: Peering, now: float) -> PeeringStatus:
    """Return where the connection stands now."""
    if peering.status is PeeringStatus.PENDING and now >= peering.expires_at:
        return PeeringStatus.EXPIRED
    return peering.status


def is_over(peering: Peering, now: float) -> bool:
    """Tell whether nothing will ever pass through it."""
    return status(peering, now) in _OVER


def one(call: Call, id: str) -> PeeringRecord:
    """Return a connection in which the caller has a part; raise `…Malformed` or `…NotFound`."""
    return several(call, (id,))[0]


def several(call: Call, asked: Iterable[str]) -> list[PeeringRecord]:
    """Return the connections of those ids, each once, in the order asked for."""
    view = resources.reader(call)
    found: list[PeeringRecord] = []
    missing: list[str] = []
    for id in dict.fromkeys(asked):
        if not ids.is_well_formed(id, "pcx"):
            raise errors.InvalidVpcPeeringConnectionIdMalformed(id)
        peering = view.get(records.PEERING, id)
        if peering is None or not _is_shown(call, peering):
            missing.append(id)
        else:
            found.append(peering)
    if missing:
        raise errors.InvalidVpcPeeringConnectionIDNotFound(missing)
    return found


def _is_shown(call: Call, peering: PeeringRecord) -> bool:
    doc = peering.doc
    is_own = call.account in (doc.requester.account, doc.accepter.account)
    return is_own and not is_forgotten(doc, call.now)


def is_forgotten(peering: Peering, now: float) -> bool:
    """Tell whether it has been over for so long that nobody is shown it any more."""
    over_at = peering.ended_at
    if over_at is None and status(peering, now) is PeeringStatus.EXPIRED:
        over_at = peering.expires_at
    return over_at is not None and over_at + SHOWN_S <= now


def open_of(view: store.View | store.Tx, vpc_id: str, now: float) -> list[PeeringRecord]:
    """Return the VPC's connections that are active, or may become so."""
    found = view.by(records.PEERING, "vpc", vpc_id)
    return [peering for peering in found if not is_over(peering.doc, now)]


def create_peering(
    call: WriteCall, request: shapes.CreateVpcPeeringConnectionRequest
) -> shapes.CreateVpcPeeringConnectionResult:
    """Ask for a connection; where it cannot be it has failed at once, as AWS tells it."""
    own = resources.one(call, records.VPC, request["VpcId"])
    if request.get("PeerRegion", call.settings.region) != call.settings.region:
        raise errors.InvalidParameterValue(
            f"Value ({request.get('PeerRegion')}) for parameter PeerRegion is invalid. This cloud "
            f"is the region {call.settings.region}."
        )
    peer_id = request.get("PeerVpcId")
    if not peer_id:
        raise errors.MissingParameter("peerVpcId")
    peer_account = request.get("PeerOwnerId", call.account)
    resources.check_form(records.VPC, peer_id)
    _check_new(call, own, peer_id)
    if peer_account == call.account:
        resources.one(call, records.VPC, peer_id)
    peer = call.tx.get(records.VPC, peer_id)
    can_be = peer is not None and peer.account == peer_account and not _overlap(own.doc, peer.doc)
    now = PeeringStatus.PENDING if can_be else PeeringStatus.FAILED
    made = Peering(
        id=ids.make("pcx", call.entropy(ids.ID_BYTES)),
        requester=replace(
            _end(own.account, own.doc), tags=tagset.of_new(request, records.PEERING.name)
        ),
        accepter=(
            _end(peer_account, peer.doc)
            if peer is not None and can_be
            else PeeringEnd(account=peer_account, vpc_id=peer_id)
        ),
        status=now,
        message=_WORDS[now].format(peer_account),
        expires_at=call.now + PENDING_S,
        ended_at=None if can_be else call.now,
    )
    record = call.tx.insert(records.PEERING, call.account, made.id, made)
    return {"VpcPeeringConnection": _render(call, record)}


def _end(account: str, vpc: Vpc) -> PeeringEnd:
    return PeeringEnd(
        account=account,
        vpc_id=vpc.id,
        cidrs=(*vpc.cidrs, *(block.cidr for block in vpc.ipv6_cidrs)),
    )


def _check_new(call: WriteCall, own: Record[Vpc, None], peer_id: str) -> None:
    if own.id == peer_id:
        raise errors.InvalidParameterValue(f"A VPC cannot be peered with itself: {peer_id}.")
    standing = open_of(call.tx, own.id, call.now)
    for other in standing:
        if {other.doc.requester.vpc_id, other.doc.accepter.vpc_id} == {own.id, peer_id}:
            raise errors.VpcPeeringConnectionAlreadyExists(other.id)
    pending = [
        one
        for one in call.tx.list(records.PEERING, call.account)
        if status(one.doc, call.now) is PeeringStatus.PENDING
    ]
    if len(pending) >= MAX_PENDING:
        raise errors.OutstandingVpcPeeringConnectionLimitExceeded(MAX_PENDING)


def _overlap(one: Vpc, other: Vpc) -> bool:
    return any(ranges.overlapping(ip_network(cidr), other.cidrs) for cidr in one.cidrs)


def accept_peering(
    call: WriteCall, request: shapes.AcceptVpcPeeringConnectionRequest
) -> shapes.AcceptVpcPeeringConnectionResult:
    """Accept a connection that is asked for; from now on routes may lead through it."""
    peering = _answered(call, request["VpcPeeringConnectionId"], "accepted")
    vpcs = [
        call.tx.get(records.VPC, end.vpc_id)
        for end in (peering.doc.requester, peering.doc.accepter)
    ]
    if None in vpcs or _overlap(*(vpc.doc for vpc in vpcs if vpc is not None)):
        raise errors.InvalidStateTransition(
            f"The VPC peering connection {peering.id} cannot be accepted: a VPC is gone, or their "
            "ranges overlap."
        )
    for vpc in vpcs:
        active = [] if vpc is None else open_of(call.tx, vpc.id, call.now)
        if sum(it.doc.status is PeeringStatus.ACTIVE for it in active) >= MAX_ACTIVE_PER_VPC:
            raise errors.ActiveVpcPeeringConnectionPerVpcLimitExceeded(MAX_ACTIVE_PER_VPC)
    changed = replace(
        peering.doc, status=PeeringStatus.ACTIVE, message=_WORDS[PeeringStatus.ACTIVE]
    )
    return {"VpcPeeringConnection": _render(call, call.tx.write(peering, changed))}


def reject_peering(
    call: WriteCall, request: shapes.RejectVpcPeeringConnectionRequest
) -> shapes.RejectVpcPeeringConnectionResult:
    """Refuse a connection that is asked for."""
    peering = _answered(call, request["VpcPeeringConnectionId"], "rejected")
    end(call, peering, PeeringStatus.REJECTED)
    return {"Return": True}


def delete_peering(
    call: WriteCall, request: shapes.DeleteVpcPeeringConnectionRequest
) -> shapes.DeleteVpcPeeringConnectionResult:
    """End a connection; the one who asked may take that back too."""
    peering = one(call, request["VpcPeeringConnectionId"])
    now = status(peering.doc, call.now)
    is_own = call.account == peering.doc.requester.account
    if now in _OVER or (now is PeeringStatus.PENDING and not is_own):
        raise errors.InvalidStateTransition(
            f"Invalid state transition for {peering.id}, attempted to transition from "
            f"{now.value} to {PeeringStatus.DELETED.value}"
        )
    end(call, peering, PeeringStatus.DELETED)
    return {"Return": True}


def end(call: WriteCall, peering: PeeringRecord, now: PeeringStatus) -> None:
    """Let a connection be over."""
    call.tx.write(
        peering,
        replace(
            peering.doc,
            status=now,
            message=_WORDS[now].format(call.account),
            ended_at=call.now,
        ),
    )


def _answered(call: WriteCall, id: str, what: str) -> PeeringRecord:
    """Return a pending connection that the caller was asked for."""
    peering = one(call, id)
    now = status(peering.doc, call.now)
    if peering.doc.accepter.account != call.account:
        raise errors.OperationNotPermittedOnPeering(
            f"User {call.account} cannot have the peering {peering.id} {what}: it is "
            f"{peering.doc.accepter.account}'s to answer."
        )
    if now is not PeeringStatus.PENDING:
        raise errors.InvalidStateTransition(
            f"The VPC peering connection {peering.id} cannot be {what}: it is {now.value}."
        )
    return peering


def modify_options(
    call: WriteCall, request: shapes.ModifyVpcPeeringConnectionOptionsRequest
) -> shapes.ModifyVpcPeeringConnectionOptionsResult:
    """Say how names of the other side are resolved; each side says it for itself."""
    peering = one(call, request["VpcPeeringConnectionId"])
    if status(peering.doc, call.now) is not PeeringStatus.ACTIVE:
        raise errors.InvalidStateTransition(
            f"The VPC peering connection {peering.id} is not active."
        )
    doc, result = peering.doc, dict[str, Any]()
    sides = (("Requester", "requester"), ("Accepter", "accepter"))
    for name, member in sides:
        asked: Request = request.get(f"{name}PeeringConnectionOptions")
        if asked is None:
            continue
        side: PeeringEnd = getattr(doc, member)
        if side.account != call.account:
            raise errors.OperationNotPermittedOnPeering(
                f"User {call.account} cannot modify the {member}'s options of {peering.id}."
            )
        side = replace(side, resolves_dns=asked.get(_OPTIONS, side.resolves_dns))
        doc = replace(doc, **{member: side})
        result[f"{name}PeeringConnectionOptions"] = {_OPTIONS: side.resolves_dns}
    if not result:
        raise errors.MissingParameter("RequesterPeeringConnectionOptions")
    call.tx.write(peering, doc)
    answer: Any = result
    return answer


def _find(call: Call, request: shapes.DescribeVpcPeeringConnectionsRequest) -> Iterable[Sight]:
    asked: list[str] = request.get("VpcPeeringConnectionIds") or []
    found = several(call, asked)
    if not asked:
        own = call.view.by(records.PEERING, "account", call.account)
        found = sorted((it for it in own if _is_shown(call, it)), key=lambda it: it.id)
    return [Sight(it, tags_of(call, it.doc)) for it in found]


def tags_of(call: Call, peering: Peering) -> dict[str, str]:
    """Return the caller's tags: each side has its own."""
    is_own = call.account == peering.requester.account
    return (peering.requester if is_own else peering.accepter).tags


def with_tags(call: Call, peering: Peering, tags: dict[str, str]) -> Peering:
    """Return the connection with these tags of the caller's."""
    if call.account == peering.requester.account:
        return replace(peering, requester=replace(peering.requester, tags=tags))
    return replace(peering, accepter=replace(peering.accepter, tags=tags))


def _render(call: Call, peering: PeeringRecord) -> shapes.VpcPeeringConnection:
    doc, now = peering.doc, status(peering.doc, call.now)
    message = doc.message if now is doc.status else _WORDS[now]
    return {
        "VpcPeeringConnectionId": peering.id,
        "RequesterVpcInfo": _shown_end(call, doc, doc.requester),
        "AccepterVpcInfo": _shown_end(call, doc, doc.accepter),
        "Status": {"Code": now.value, "Message": message},
        "ExpirationTime": doc.expires_at if now is PeeringStatus.PENDING else None,
        "Tags": tagset.shown(tags_of(call, doc)),
    }


def _shown_end(call: Call, peering: Peering, end: PeeringEnd) -> shapes.VpcPeeringConnectionVpcInfo:
    cidrs = _cidrs(call, peering, end)
    v4 = [cidr for cidr in cidrs if ":" not in cidr]
    return {
        "OwnerId": end.account,
        "VpcId": end.vpc_id,
        "Region": call.settings.region,
        "CidrBlock": v4[0] if v4 else None,
        "CidrBlockSet": [{"CidrBlock": cidr} for cidr in v4],
        "Ipv6CidrBlockSet": [{"Ipv6CidrBlock": cidr} for cidr in cidrs if ":" in cidr],
        "PeeringOptions": {
            "AllowDnsResolutionFromRemoteVpc": end.resolves_dns,
            "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
            "AllowEgressFromLocalVpcToRemoteClassicLink": False,
        },
    }


def _cidrs(call: Call, peering: Peering, end: PeeringEnd) -> tuple[str, ...]:
    """Return the ranges of a side: as they are while it is active, else as they were."""
    vpc = resources.reader(call).get(records.VPC, end.vpc_id)
    if peering.status is not PeeringStatus.ACTIVE or vpc is None:
        # Who is only asked is told nothing of a VPC but what he was asked about.
        return end.cidrs if end.account in (call.account, peering.requester.account) else ()
    return (*vpc.doc.cidrs, *(block.cidr for block in vpc.doc.ipv6_cidrs))


def _of_end(name: str, member: str) -> Callable[[Call, Sight], Iterable[str]]:
    """Return a filter by a member of one side as it is shown."""

    def values(call: Call, sight: Sight) -> Iterable[str]:
        shown: Any = _render(call, sight.record)
        value = shown[name].get(member)
        return () if value is None else (str(value),)

    return values


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyVpcPeeringConnectionOptions",
        does=Write(handle=modify_options),
        honours=frozenset(
            {
                "VpcPeeringConnectionId",
                f"RequesterPeeringConnectionOptions.{_OPTIONS}",
                f"AccepterPeeringConnectionOptions.{_OPTIONS}",
            }
        ),
    ),
    Action(
        service="ec2",
        name="CreateVpcPeeringConnection",
        does=Write(handle=create_peering),
        honours=frozenset({"VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion"}),
        creates=(records.PEERING.name,),
    ),
    Action(
        service="ec2",
        name="AcceptVpcPeeringConnection",
        does=Write(handle=accept_peering),
        honours=frozenset({"VpcPeeringConnectionId"}),
    ),
    Action(
        service="ec2",
        name="RejectVpcPeeringConnection",
        does=Write(handle=reject_peering),
        honours=frozenset({"VpcPeeringConnectionId"}),
    ),
    Action(
        service="ec2",
        name="DeleteVpcPeeringConnection",
        does=Write(handle=delete_peering),
        honours=frozenset({"VpcPeeringConnectionId"}),
    ),
    Action(
        service="ec2",
        name="DescribeVpcPeeringConnections",
        does=Listing(
            find=_find,
            render=lambda call, it: _render(call, it.record),
            member="VpcPeeringConnections",
            filters={
                "accepter-vpc-info.cidr-block": _of_end("AccepterVpcInfo", "CidrBlock"),
                "accepter-vpc-info.owner-id": _of_end("AccepterVpcInfo", "OwnerId"),
                "accepter-vpc-info.vpc-id": _of_end("AccepterVpcInfo", "VpcId"),
                "expiration-time": lambda call, it: (resources.moment(it.record.doc.expires_at),),
                "requester-vpc-info.cidr-block": _of_end("RequesterVpcInfo", "CidrBlock"),
                "requester-vpc-info.owner-id": _of_end("RequesterVpcInfo", "OwnerId"),
                "requester-vpc-info.vpc-id": _of_end("RequesterVpcInfo", "VpcId"),
                "status-code": lambda call, it: (status(it.record.doc, call.now).value,),
                "status-message": _of_end("Status", "Message"),
                "vpc-peering-connection-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.tags,
        ),
        honours=frozenset({"VpcPeeringConnectionIds"}),
    ),
)
