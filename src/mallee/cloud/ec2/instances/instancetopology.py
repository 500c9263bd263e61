"""DescribeInstanceTopology: which of an account's running instances are near one another.

Called through the action table. Three nodes from the top: region, zone, host. The host's node has
a name from which nothing else of the host follows; instances that share it share the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.capacity import placementgroups
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.state import records
from mallee.model.compute.instances import State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_ID_DIGITS = 17


def _find(call: Call, request: shapes.DescribeInstanceTopologyRequest) -> Iterable[InstanceRecord]:
    asked: list[str] = request.get("InstanceIds") or []
    found = (
        resources.several(call, records.INSTANCE, asked)
        if asked
        else call.view.list(records.INSTANCE, call.account)
    )
    groups: set[str] = set()
    for name in request.get("GroupNames") or ():
        group = placementgroups.by_name(call, name)
        if group is None:
            raise errors.InvalidPlacementGroupUnknown(name)
        groups.add(group.id)
    return [
        record
        for record in found
        if power.state_of(record) is State.RUNNING
        and (not groups or record.doc.placement_group_id in groups)
    ]


def _render(call: Call, record: InstanceRecord) -> shapes.InstanceTopology:
    doc, region = record.doc, call.settings.region
    shown: shapes.InstanceTopology = {
        "InstanceId": record.id,
        "InstanceType": doc.type_name,
        "NetworkNodes": nodes(call, doc.zone, doc.host_id),
        "AvailabilityZone": doc.zone,
        "ZoneId": zones.id_of(doc.zone, region),
    }
    group = call.view.get(records.PLACEMENT_GROUP, doc.placement_group_id)
    if group is not None:
        shown["GroupName"] = group.doc.name
    return shown


def nodes(call: Call, zone: str, host_id: str | None) -> list[str]:
    """Return the nodes from the top to a host; without one, to the zone."""
    region = call.settings.region
    places = (region, f"{region}/{zone}", *((f"{region}/{zone}/{host_id}",) if host_id else ()))
    return [_node(call, place) for place in places]


def _node(call: Call, place: str) -> str:
    # Of each account another name, so that accounts cannot compare where they are.
    digest = hashlib.sha256(f"{call.account} {place}".encode()).hexdigest()
    return f"nn-{digest[:_ID_DIGITS]}"


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeInstanceTopology",
        does=Listing(
            find=_find,
            render=_render,
            member="Instances",
            filters={
                "availability-zone": lambda call, record: (record.doc.zone,),
                "instance-type": lambda call, record: (record.doc.type_name,),
                "zone-id": lambda call, record: (
                    zones.id_of(record.doc.zone, call.settings.region),
                ),
            },
            max_results=(1, 100),
        ),
        honours=frozenset({"InstanceIds", "GroupNames"}),
    ),
)
