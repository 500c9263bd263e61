"""Moving room between capacity reservations, splitting one, and moving instances in and out.

Called through the action table. Only unused room moves: an instance stays in the reservation in
which it started until it stops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.capacity import capacityreservations, drawing, holding, reservationlisting
from mallee.cloud.ec2.instances import power
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.capacityreservations import CapacityReservation
from mallee.model.compute.instances import State

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes


def move(
    call: WriteCall, request: shapes.MoveCapacityReservationInstancesRequest
) -> shapes.MoveCapacityReservationInstancesResult:
    """Let another reservation of the same kind have so much of one's unused room."""
    source = capacityreservations.own_active(call, request["SourceCapacityReservationId"])
    target = capacityreservations.own_active(call, request["DestinationCapacityReservationId"])
    if source.id == target.id:
        raise errors.InvalidParameterCombination("Source and destination are the same.")
    if _kind(source.doc) != _kind(target.doc):
        raise errors.InvalidParameterCombination(
            "Source and destination must have the same instance type, availability zone, tenancy, "
            "placement group and end."
        )
    count = _movable(source, request["InstanceCount"])
    source, target = _shift(call, source, target, count)
    return {
        "SourceCapacityReservation": reservationlisting.render(call, source),
        "DestinationCapacityReservation": reservationlisting.render(call, target),
        "InstanceCount": count,
    }


def _kind(doc: CapacityReservation) -> tuple[object, ...]:
    size = (doc.vcpus, doc.memory_mib, doc.disk_gib)
    return doc.type_name, size, doc.zone, doc.tenancy, doc.placement_group_id, doc.ends_at


def _movable(source: ReservationRecord, count: int) -> int:
    if source.doc.fleet_id:
        raise errors.UnsupportedOperation(f"{source.id} is a part of {source.doc.fleet_id}.")
    if not 1 <= count <= source.doc.available:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter instanceCount is invalid. {source.id} has "
            f"{source.doc.available} instances' room that is unused."
        )
    return count


def _shift(
    call: WriteCall, source: ReservationRecord, target: ReservationRecord, count: int
) -> tuple[ReservationRecord, ReservationRecord]:
    gone = holding.fewer(source.doc, count)
    came = {host_id: -number for host_id, number in gone.items()}
    left = holding.joined(source.doc.holds, gone)
    # The source lets go first: what it held is what the target claims.
    source = reserved.settle(call.tx, source, left)
    source = call.tx.write(source, replace(source.doc, count=source.doc.count - count))
    held = holding.joined(target.doc.holds, came)
    target = reserved.settle(call.tx, target, held)
    return source, call.tx.write(target, replace(target.doc, count=target.doc.count + count))


def split(
    call: WriteCall, request: shapes.CreateCapacityReservationBySplittingRequest
) -> shapes.CreateCapacityReservationBySplittingResult:
    """Make a reservation of so much of another's unused room, alike in all but tags."""
    source = capacityreservations.own_active(call, request["SourceCapacityReservationId"])
    count = _movable(source, request["InstanceCount"])
    if count == source.doc.count:
        raise errors.InvalidParameterValue(
            f"Value ({count}) for parameter instanceCount is invalid. Nothing would be left of "
            f"{source.id}."
        )
    new = replace(
        source.doc,
        id=ids.make("cr", call.entropy(ids.ID_BYTES)),
        count=0,
        holds=(),
        created_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.CAPACITY_RESERVATION.name),
    )
    target = call.tx.insert(records.CAPACITY_RESERVATION, call.account, new.id, new)
    source, target = _shift(call, source, target, count)
    return {
        "SourceCapacityReservation": reservationlisting.render(call, source),
        "DestinationCapacityReservation": reservationlisting.render(call, target),
        "InstanceCount": count,
    }


def modify_instance(
    call: WriteCall, request: shapes.ModifyInstanceCapacityReservationAttributesRequest
) -> shapes.ModifyInstanceCapacityReservationAttributesResult:
    """Change in which reservations a stopped instance may start."""
    record = resources.one(call, records.INSTANCE, request["InstanceId"])
    preference = drawing.parse(call, request)
    if power.state_of(record) is not State.STOPPED:
        raise errors.IncorrectInstanceStateNotStopped(record.id)
    doc = replace(
        record.doc,
        reservation_preference=preference.word,
        reservation_target=preference.target,
    )
    call.tx.write(record, doc)
    return {"Return": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="MoveCapacityReservationInstances",
        does=Write(handle=move),
        honours=frozenset(
            {"SourceCapacityReservationId", "DestinationCapacityReservationId", "InstanceCount"}
        ),
    ),
    Action(
        service="ec2",
        name="CreateCapacityReservationBySplitting",
        does=Write(handle=split),
        honours=frozenset({"SourceCapacityReservationId", "InstanceCount"}),
        creates=(records.CAPACITY_RESERVATION.name,),
    ),
    Action(
        service="ec2",
        name="ModifyInstanceCapacityReservationAttributes",
        does=Write(handle=modify_instance),
        honours=drawing.HONOURS | {"InstanceId"},
    ),
)
