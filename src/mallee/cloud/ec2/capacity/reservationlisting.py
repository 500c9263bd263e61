"""Capacity reservations as users see them: listed, filtered, and how much of each is used.

Called through the action table, and by the nouns that make and change reservations for `render`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mallee.cloud.action import Action, Listing, Read
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.capacity import placementgroups
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.model.compute.capacityreservations import CapacityReservation

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PLATFORM = "Linux/UNIX"


def _find(
    call: Call, request: shapes.DescribeCapacityReservationsRequest
) -> Iterable[ReservationRecord]:
    asked = request.get("CapacityReservationIds") or ()
    if asked:
        return resources.several(call, records.CAPACITY_RESERVATION, asked)
    return call.view.list(records.CAPACITY_RESERVATION, call.account)


def arn(call: Call, record: ReservationRecord) -> str:
    """Return the reservation's ARN."""
    region = call.settings.region
    return f"arn:aws:ec2:{region}:{record.account}:capacity-reservation/{record.id}"


def render(call: Call, record: ReservationRecord) -> shapes.CapacityReservation:
    """Return a reservation as the API shows it."""
    doc = record.doc
    shown: shapes.CapacityReservation = {
        "CapacityReservationId": record.id,
        "CapacityReservationArn": arn(call, record),
        "OwnerId": record.account,
        "AvailabilityZone": doc.zone,
        "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
        "InstanceType": doc.type_name,
        "InstancePlatform": PLATFORM,
        "Tenancy": doc.tenancy,
        "TotalInstanceCount": doc.count,
        "AvailableInstanceCount": doc.available,
        "EbsOptimized": False,
        "EphemeralStorage": False,
        "State": doc.state.value,
        "StartDate": doc.created_at,
        "CreateDate": doc.created_at,
        "EndDate": doc.ends_at,
        "EndDateType": _end_type(doc),
        "InstanceMatchCriteria": doc.match.value,
        "ReservationType": "default",
        "CapacityReservationFleetId": doc.fleet_id or None,
        "CapacityAllocations": _allocations(doc),
        "Tags": tagset.shown(doc.tags),
    }
    group = resources.reader(call).get(records.PLACEMENT_GROUP, doc.placement_group_id)
    if group is not None:
        shown["PlacementGroupArn"] = placementgroups.arn(call, group.doc)
    return shown


def _allocations(doc: CapacityReservation) -> list[shapes.CapacityAllocation]:
    used = sum(hold.used for hold in doc.holds)
    return [{"AllocationType": "used", "Count": used}] if used else []


def _end_type(doc: CapacityReservation) -> str:
    return "unlimited" if doc.ends_at is None else "limited"


def usage(
    call: Call, request: shapes.GetCapacityReservationUsageRequest
) -> shapes.GetCapacityReservationUsageResult:
    """Tell how much of a reservation is used; nobody but its owner uses it."""
    record = resources.one(call, records.CAPACITY_RESERVATION, request["CapacityReservationId"])
    doc = record.doc
    used = sum(hold.used for hold in doc.holds)
    return {
        "CapacityReservationId": record.id,
        "InstanceType": doc.type_name,
        "TotalInstanceCount": doc.count,
        "AvailableInstanceCount": doc.available,
        "State": doc.state.value,
        "InstanceUsages": [{"AccountId": record.account, "UsedInstanceCount": used}],
    }


def _groups(
    call: Call, request: shapes.GetGroupsForCapacityReservationRequest
) -> Iterable[ReservationRecord]:
    resources.one(call, records.CAPACITY_RESERVATION, request["CapacityReservationId"])
    # Groups of resources are another service's, which is not here.
    return ()


def _no_group(call: Call, record: ReservationRecord) -> shapes.CapacityReservationGroup:
    return {"OwnerId": record.account}


def _moment(at: float | None) -> Iterable[str]:
    return () if at is None else (resources.moment(at),)


def _group_arn(call: Call, record: ReservationRecord) -> Iterable[str]:
    group = call.view.get(records.PLACEMENT_GROUP, record.doc.placement_group_id)
    return (placementgroups.arn(call, group.doc),) if group else ()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeCapacityReservations",
        does=Listing(
            find=_find,
            render=render,
            member="CapacityReservations",
            filters={
                "availability-zone": lambda call, record: (record.doc.zone,),
                "end-date": lambda call, record: _moment(record.doc.ends_at),
                "end-date-type": lambda call, record: (_end_type(record.doc),),
                "instance-match-criteria": lambda call, record: (record.doc.match.value,),
                "instance-platform": lambda call, record: (PLATFORM,),
                "instance-type": lambda call, record: (record.doc.type_name,),
                "owner-id": lambda call, record: (record.account,),
                "placement-group-arn": _group_arn,
                "start-date": lambda call, record: _moment(record.doc.created_at),
                "state": lambda call, record: (record.doc.state.value,),
                "tenancy": lambda call, record: (record.doc.tenancy,),
            },
            tags=lambda record: record.doc.tags,
            max_results=(1, 1000),
        ),
        honours=frozenset({"CapacityReservationIds"}),
    ),
    Action(
        service="ec2",
        name="GetCapacityReservationUsage",
        does=Read(handle=usage),
        honours=frozenset({"CapacityReservationId", "MaxResults"}),
    ),
    Action(
        service="ec2",
        name="GetGroupsForCapacityReservation",
        does=Listing(
            find=_groups,
            render=_no_group,
            member="CapacityReservationGroups",
            filters={},
            max_results=(1, 1000),
        ),
        honours=frozenset({"CapacityReservationId"}),
    ),
)
