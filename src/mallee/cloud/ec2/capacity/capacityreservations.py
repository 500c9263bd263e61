"""Capacity reservations: made, changed, and given up.

Called through the action table. Which instances run in one is `drawing`'s business, which hosts
have its room `holding`'s; those whose end has come are the cloud's reconciler's. What is bought
with a reservation (future starts, commitments) is refused.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.capacity import (
    drawing,
    holding,
    instancetypes,
    placementgroups,
    reservationlisting,
)
from mallee.cloud.ec2.capacity.placementgroups import GroupRecord
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.capacityreservations import CapacityReservation, Match, ReservationState
from mallee.model.compute.placementgroups import Strategy

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PLATFORM = reservationlisting.PLATFORM
MAX_INSTANCES = 1000


@dataclass(frozen=True, slots=True)
class Ending:
    """Until when; None: without an end."""

    at: float | None


def create(
    call: WriteCall, request: shapes.CreateCapacityReservationRequest
) -> shapes.CreateCapacityReservationResult:
    """Hold room for so many instances; those that run and fit count as the first of them."""
    _refuse_what_is_not_there(request)
    kind = instancetypes.by_name(call.tx, request["InstanceType"])
    match = Match(_word(request, "InstanceMatchCriteria", ("open", "targeted"), "open"))
    group = _group(call, request.get("PlacementGroupArn"))
    doc = CapacityReservation(
        id=ids.make("cr", call.entropy(ids.ID_BYTES)),
        type_name=kind.name,
        vcpus=kind.vcpus,
        memory_mib=kind.memory_mib,
        disk_gib=kind.disk_gib,
        zone=_zone(call, request),
        tenancy=_word(request, "Tenancy", ("default", "dedicated"), "default"),
        match=match,
        placement_group_id=group.id if group else "",
        count=checked_count(request["InstanceCount"]),
        created_at=call.now,
        ends_at=parse_end(call, request).at,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.CAPACITY_RESERVATION.name),
    )
    record = holding.grow(call.tx, holding.insert(call.tx, call.account, doc), doc.count)
    return {"CapacityReservation": reservationlisting.render(call, record)}


def modify(
    call: WriteCall, request: shapes.ModifyCapacityReservationRequest
) -> shapes.ModifyCapacityReservationResult:
    """Change for how many it is, until when, or who may run in it."""
    record = own_active(call, request["CapacityReservationId"])
    if record.doc.fleet_id:
        raise errors.UnsupportedOperation(
            f"{record.id} is a part of {record.doc.fleet_id}: modify the fleet."
        )
    said = {"InstanceCount", "EndDate", "EndDateType", "InstanceMatchCriteria"} & request.keys()
    if not said:
        raise errors.InvalidParameterCombination("Nothing of the reservation shall change.")
    match = _word(request, "InstanceMatchCriteria", ("open", "targeted"), record.doc.match.value)
    doc = replace(record.doc, match=Match(match))
    if "EndDate" in request or "EndDateType" in request:
        doc = replace(doc, ends_at=parse_end(call, request).at)
    record = call.tx.write(record, doc)
    if "InstanceCount" in request:
        count = checked_count(request["InstanceCount"])
        change = holding.grow if count > doc.count else holding.shrink
        change(call.tx, record, count)
    return {"Return": True}


def cancel(
    call: WriteCall, request: shapes.CancelCapacityReservationRequest
) -> shapes.CancelCapacityReservationResult:
    """Give its room up; instances in it run on."""
    record = own_active(call, request["CapacityReservationId"])
    if record.doc.fleet_id:
        raise errors.UnsupportedOperation(
            f"{record.id} is a part of {record.doc.fleet_id}: cancel the fleet."
        )
    reserved.end(call.tx, record, ReservationState.CANCELLED)
    return {"Return": True}


def own_active(call: WriteCall, id: str) -> ReservationRecord:
    """Return the caller's reservation of that id; raise where it is none, or has ended."""
    record = resources.one(call, records.CAPACITY_RESERVATION, id)
    drawing.check_active(record)
    return record


def _refuse_what_is_not_there(request: shapes.CreateCapacityReservationRequest) -> None:
    if request["InstancePlatform"] != PLATFORM:
        raise errors.UnsupportedOperation(
            f"Instances here are {PLATFORM}; room for {request['InstancePlatform']} is not "
            "reserved."
        )
    for name in ("EbsOptimized", "EphemeralStorage"):
        if request.get(name):
            raise errors.UnsupportedOperation(f"{name}=true is not supported.")


def _word(request: Mapping[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    word: str = request.get(name) or default
    if word not in known:
        raise errors.InvalidParameterValue(
            f"Value ({word}) for parameter {name} is invalid. Give {' or '.join(known)}."
        )
    return word


def checked_count(count: int) -> int:
    """Return the count; raise `InvalidParameterValue` for none, and for too many."""
    if not 1 <= count <= MAX_INSTANCES:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter instanceCount is invalid. It ranges from 1 to "
            f"{MAX_INSTANCES}."
        )
    return count


def _zone(call: Call, request: Mapping[str, Any]) -> str:
    known = zones.names(resources.reader(call), call.settings)
    return zone_of(call, request, known)


def zone_of(call: Call, request: Mapping[str, Any], known: Iterable[str]) -> str:
    """Return the zone that a request names, by name or by id; raise where it is none."""
    name, id = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    if name and id:
        raise errors.InvalidParameterCombination(
            "AvailabilityZone and AvailabilityZoneId may not be used together."
        )
    if not name and not id:
        raise errors.MissingParameter("AvailabilityZone")
    for one in known:
        if one == name or zones.id_of(one, call.settings.region) == id:
            return one
    raise errors.InvalidParameterValue(
        f"Invalid availability zone: [{name or id}]. The zones are {', '.join(known)}."
    )


def _group(call: Call, arn: str | None) -> GroupRecord | None:
    if not arn:
        return None
    group = placementgroups.by_name(call, arn.rpartition("/")[2])
    if group is None or placementgroups.arn(call, group.doc) != arn:
        raise errors.InvalidPlacementGroupUnknown(arn)
    if group.doc.strategy is not Strategy.CLUSTER:
        raise errors.InvalidParameterValue(
            f"Capacity is reserved in placement groups with the strategy cluster; {group.doc.name} "
            f"has {group.doc.strategy.value}."
        )
    return group


def parse_end(call: Call, request: Mapping[str, Any]) -> Ending:
    """Return the end that a request sets; raise where it contradicts itself, or has passed."""
    end: datetime.datetime | None = request.get("EndDate")
    word = _word(
        request, "EndDateType", ("limited", "unlimited"), "limited" if end else "unlimited"
    )
    if word == "unlimited":
        if end is not None:
            raise errors.InvalidParameterCombination(
                "EndDate may not be used with EndDateType unlimited."
            )
        return Ending(None)
    if end is None:
        raise errors.InvalidParameterCombination("EndDateType limited needs an EndDate.")
    if end.timestamp() <= call.now:
        raise errors.InvalidParameterValue(f"The EndDate {end.isoformat()} has passed.")
    return Ending(end.timestamp())


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateCapacityReservation",
        does=Write(handle=create),
        honours=frozenset(
            {
                "AvailabilityZone",
                "AvailabilityZoneId",
                "EbsOptimized",
                "EndDate",
                "EndDateType",
                "EphemeralStorage",
                "InstanceCount",
                "InstanceMatchCriteria",
                "InstancePlatform",
                "InstanceType",
                "PlacementGroupArn",
                "Tenancy",
            }
        ),
        creates=(records.CAPACITY_RESERVATION.name,),
    ),
    Action(
        service="ec2",
        name="ModifyCapacityReservation",
        does=Write(handle=modify),
        honours=frozenset(
            {
                "CapacityReservationId",
                "EndDate",
                "EndDateType",
                "InstanceCount",
                "InstanceMatchCriteria",
            }
        ),
    ),
    Action(
        service="ec2",
        name="CancelCapacityReservation",
        does=Write(handle=cancel),
        honours=frozenset({"CapacityReservationId"}),
    ),
)
