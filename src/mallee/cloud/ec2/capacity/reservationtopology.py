"""DescribeCapacityReservationTopology: how near to one another a reservation's room is.

Called through the action table. The nodes are those of DescribeInstanceTopology: region, zone, and
the host where one alone has all of the room.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.instances import instancetopology
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.model.compute.capacityreservations import ReservationState

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def _find(
    call: Call, request: shapes.DescribeCapacityReservationTopologyRequest
) -> Iterable[ReservationRecord]:
    asked = request.get("CapacityReservationIds") or ()
    if asked:
        return resources.several(call, records.CAPACITY_RESERVATION, asked)
    own = call.view.list(records.CAPACITY_RESERVATION, call.account)
    return [record for record in own if record.doc.state is ReservationState.ACTIVE]


def _render(call: Call, record: ReservationRecord) -> shapes.CapacityReservationTopology:
    doc = record.doc
    hosts = [hold.host_id for hold in doc.holds]
    shown: shapes.CapacityReservationTopology = {
        "CapacityReservationId": record.id,
        "State": doc.state.value,
        "InstanceType": doc.type_name,
        "NetworkNodes": instancetopology.nodes(
            call, doc.zone, hosts[0] if len(hosts) == 1 else None
        ),
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
    }
    group = call.view.get(records.PLACEMENT_GROUP, doc.placement_group_id)
    if group is not None:
        shown["GroupName"] = group.doc.name
    return shown


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeCapacityReservationTopology",
        does=Listing(
            find=_find,
            render=_render,
            member="CapacityReservations",
            filters={
                "availability-zone": lambda call, record: (record.doc.zone,),
                "instance-type": lambda call, record: (record.doc.type_name,),
            },
            max_results=(1, 10),
        ),
        honours=frozenset({"CapacityReservationIds"}),
    ),
)
