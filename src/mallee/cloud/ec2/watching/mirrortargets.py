"""Targets of traffic mirroring: interfaces that take copies; made, shown and deleted.

Called through the action table. Load balancers are no targets here, and refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.network.mirroring import MirrorTarget

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

TargetRecord = Record[MirrorTarget, None]


def create_target(
    call: WriteCall, request: shapes.CreateTrafficMirrorTargetRequest
) -> shapes.CreateTrafficMirrorTargetResult:
    """Let an interface take copies."""
    if "NetworkInterfaceId" not in request:
        raise errors.MissingParameter("NetworkInterfaceId")
    interface = resources.one(call, records.INTERFACE, request["NetworkInterfaceId"])
    if interface.doc.requester:
        raise errors.InvalidParameterValue(
            f"{interface.id} belongs to {interface.doc.requester}, which takes no copies."
        )
    if call.tx.by(records.MIRROR_TARGET, "interface", interface.id):
        raise errors.TrafficMirrorTargetAlreadyExists(interface.id)
    made = MirrorTarget(
        id=ids.make("tmt", call.entropy(ids.ID_BYTES)),
        interface_id=interface.id,
        description=request.get("Description", ""),
        tags=tagset.of_new(request, records.MIRROR_TARGET.name),
    )
    record = call.tx.insert(records.MIRROR_TARGET, call.account, made.id, made)
    shown = _render(call, record)
    return {"TrafficMirrorTarget": shown, "ClientToken": request.get("ClientToken")}


def delete_target(
    call: WriteCall, request: shapes.DeleteTrafficMirrorTargetRequest
) -> shapes.DeleteTrafficMirrorTargetResult:
    """Delete a target that no session uses."""
    record = resources.one(call, records.MIRROR_TARGET, request["TrafficMirrorTargetId"])
    if call.tx.by(records.MIRROR_SESSION, "target", record.id):
        raise errors.TrafficMirrorTargetInUse(record.id)
    call.tx.delete(record)
    return {"TrafficMirrorTargetId": record.id}


def _find(
    call: Call, request: shapes.DescribeTrafficMirrorTargetsRequest
) -> Iterable[TargetRecord]:
    asked: list[str] = request.get("TrafficMirrorTargetIds") or []
    if asked:
        return resources.several(call, records.MIRROR_TARGET, asked)
    return sorted(call.view.list(records.MIRROR_TARGET, call.account), key=lambda it: it.id)


def _render(call: Call, record: TargetRecord) -> shapes.TrafficMirrorTarget:
    return {
        "TrafficMirrorTargetId": record.id,
        "NetworkInterfaceId": record.doc.interface_id,
        "Type": "network-interface",
        "Description": record.doc.description or None,
        "OwnerId": record.account,
        "Tags": tagset.shown(record.doc.tags),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateTrafficMirrorTarget",
        does=Write(handle=create_target),
        honours=frozenset({"NetworkInterfaceId", "Description"}),
        creates=(records.MIRROR_TARGET.name,),
    ),
    Action(
        service="ec2",
        name="DeleteTrafficMirrorTarget",
        does=Write(handle=delete_target),
        honours=frozenset({"TrafficMirrorTargetId"}),
    ),
    Action(
        service="ec2",
        name="DescribeTrafficMirrorTargets",
        does=Listing(
            find=_find,
            render=_render,
            member="TrafficMirrorTargets",
            filters={
                "description": lambda call, it: (it.doc.description,),
                "network-interface-id": lambda call, it: (it.doc.interface_id,),
                "network-load-balancer-arn": lambda call, it: (),
                "owner-id": lambda call, it: (it.account,),
                "traffic-mirror-target-id": lambda call, it: (it.id,),
            },
            tags=lambda it: it.doc.tags,
            max_results=(5, 1000),
        ),
        honours=frozenset({"TrafficMirrorTargetIds"}),
    ),
)
