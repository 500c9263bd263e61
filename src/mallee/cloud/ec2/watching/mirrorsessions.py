"""Traffic mirror sessions: that an interface's packets are copied to a target, as a filter says.

Called through the action table. Source and target stand in one VPC; copies are made on the host
that carries both, and where no host does there are none (`explain` says so). Hosts do the copying.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.mirroring import MirrorSession

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

MAX_PER_SOURCE = 3
MAX_NUMBER = 32766
MAX_NETWORK = (1 << 24) - 1
_NETWORK_BYTES = 3

SessionRecord = Record[MirrorSession, None]


def create_session(
    call: WriteCall, request: shapes.CreateTrafficMirrorSessionRequest
) -> shapes.CreateTrafficMirrorSessionResult:
    """Begin to copy an interface's packets."""
    source = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    if source.doc.requester:
        raise errors.InvalidParameterValue(
            f"{source.id} belongs to {source.doc.requester}, whose packets are not copied."
        )
    empty = MirrorSession(
        id=ids.make("tms", call.entropy(ids.ID_BYTES)),
        interface_id=source.id,
        target_id="",
        filter_id="",
        number=0,
        vni=_any_network(call),
        tags=tagset.of_new(request, records.MIRROR_SESSION.name),
    )
    made = _checked(call, _changed(call, empty, request))
    record = call.tx.insert(records.MIRROR_SESSION, call.account, made.id, made)
    shown = _render(call, record)
    return {"TrafficMirrorSession": shown, "ClientToken": request.get("ClientToken")}


def modify_session(
    call: WriteCall, request: shapes.ModifyTrafficMirrorSessionRequest
) -> shapes.ModifyTrafficMirrorSessionResult:
    """Change a session; its source stays."""
    record = resources.one(call, records.MIRROR_SESSION, request["TrafficMirrorSessionId"])
    doc = record.doc
    removed = request.get("RemoveFields") or ()
    if "description" in removed:
        doc = replace(doc, description="")
    if "virtual-network-id" in removed:
        doc = replace(doc, vni=_any_network(call))
    doc = _checked(call, _changed(call, doc, request))
    return {"TrafficMirrorSession": _render(call, call.tx.write(record, doc))}


def delete_session(
    call: WriteCall, request: shapes.DeleteTrafficMirrorSessionRequest
) -> shapes.DeleteTrafficMirrorSessionResult:
    """End a session."""
    record = resources.one(call, records.MIRROR_SESSION, request["TrafficMirrorSessionId"])
    call.tx.delete(record)
    return {"TrafficMirrorSessionId": record.id}


def _any_network(call: WriteCall) -> int:
    return int.from_bytes(call.entropy(_NETWORK_BYTES))


def _changed(call: WriteCall, doc: MirrorSession, request: Request) -> MirrorSession:
    """Return the session with what a request says of it."""
    changes: dict[str, Any] = {}
    if "TrafficMirrorTargetId" in request:
        target = resources.one(call, records.MIRROR_TARGET, request["TrafficMirrorTargetId"])
        changes["target_id"] = target.id
    if "TrafficMirrorFilterId" in request:
        found = resources.one(call, records.MIRROR_FILTER, request["TrafficMirrorFilterId"])
        changes["filter_id"] = found.id
    if "SessionNumber" in request:
        changes["number"] = request["SessionNumber"]
    if "VirtualNetworkId" in request:
        changes["vni"] = request["VirtualNetworkId"]
    if "Description" in request:
        changes["description"] = request.get("Description", "")
    return replace(doc, **changes)


def _checked(call: WriteCall, doc: MirrorSession) -> MirrorSession:
    """Return the session if it can be carried out."""
    if not 1 <= doc.number <= MAX_NUMBER:
        raise errors.InvalidParameterValue(
            f"Value ({doc.number}) for parameter SessionNumber is invalid. It ranges from 1 to "
            f"{MAX_NUMBER}."
        )
    if not 0 <= doc.vni <= MAX_NETWORK:
        raise errors.InvalidParameterValue(
            f"Value ({doc.vni}) for parameter VirtualNetworkId is invalid. It ranges from 0 to "
            f"{MAX_NETWORK}."
        )
    _check_ends(call, doc)
    present = call.tx.by(records.MIRROR_SESSION, "interface", doc.interface_id)
    others = [one.doc for one in present if one.id != doc.id]
    if any(one.number == doc.number for one in others):
        raise errors.TrafficMirrorSessionNumberInUse(doc.number, doc.interface_id)
    if len(others) >= MAX_PER_SOURCE:
        raise errors.TrafficMirrorLimitExceeded("sessions of one interface", MAX_PER_SOURCE)
    return doc


def _check_ends(call: WriteCall, doc: MirrorSession) -> None:
    target = call.tx.get(records.MIRROR_TARGET, doc.target_id)
    source = call.tx.get(records.INTERFACE, doc.interface_id)
    end = call.tx.get(records.INTERFACE, target.doc.interface_id) if target else None
    if source is None or end is None:
        raise errors.InvalidTrafficMirrorTargetIdNotFound(doc.target_id)
    if source.id == end.id:
        raise errors.InvalidParameterCombination("An interface cannot be its own target.")
    if source.doc.vpc_id != end.doc.vpc_id:
        raise errors.UnsupportedOperation(
            "Packets can be copied only to an interface of the same VPC."
        )


# --- shown ---


def _find(
    call: Call, request: shapes.DescribeTrafficMirrorSessionsRequest
) -> Iterable[SessionRecord]:
    asked: list[str] = request.get("TrafficMirrorSessionIds") or []
    if asked:
        return resources.several(call, records.MIRROR_SESSION, asked)
    return sorted(call.view.list(records.MIRROR_SESSION, call.account), key=lambda it: it.id)


def _render(call: Call, record: SessionRecord) -> shapes.TrafficMirrorSession:
    doc = record.doc
    return {
        "TrafficMirrorSessionId": record.id,
        "TrafficMirrorTargetId": doc.target_id,
        "TrafficMirrorFilterId": doc.filter_id,
        "NetworkInterfaceId": doc.interface_id,
        "OwnerId": record.account,
        "SessionNumber": doc.number,
        "VirtualNetworkId": doc.vni,
        "Description": doc.description or None,
        "Tags": tagset.shown(doc.tags),
    }


_SAYS = (
    "TrafficMirrorTargetId",
    "TrafficMirrorFilterId",
    "SessionNumber",
    "VirtualNetworkId",
    "Description",
)

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTrafficMirrorSession",
        does=Write(handle=create_session),
        honours=frozenset({"NetworkInterfaceId", *_SAYS}),
        creates=(records.MIRROR_SESSION.name,),
    ),
    Action(
        service="ec2",
        name="ModifyTrafficMirrorSession",
        does=Write(handle=modify_session),
        honours=frozenset({"TrafficMirrorSessionId", "RemoveFields", *_SAYS}),
    ),
    Action(
        service="ec2",
        name="DeleteTrafficMirrorSession",
        does=Write(handle=delete_session),
        honours=frozenset({"TrafficMirrorSessionId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTrafficMirrorSessions",
        does=Listing(
            find=_find,
            render=_render,
            member="TrafficMirrorSessions",
            filters={
                "description": lambda call, it: (it.doc.description,),
                "network-interface-id": lambda call, it: (it.doc.interface_id,),
                "owner-id": lambda call, it: (it.account,),
                "packet-length": lambda call, it: (),
                "session-number": lambda call, it: (str(it.doc.number),),
                "traffic-mirror-filter-id": lambda call, it: (it.doc.filter_id,),
                "traffic-mirror-session-id": lambda call, it: (it.id,),
                "traffic-mirror-target-id": lambda call, it: (it.doc.target_id,),
                "virtual-network-id": lambda call, it: (str(it.doc.vni),),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"TrafficMirrorSessionIds"}),
    ),
)
