"""Capacity reservation fleets: reservations of several types that together hold so much.

Called through the action table. The types are tried in the order of their priority, each as far as
there is room and the account's quotas allow (`fulfilment`). Its reservations are changed by the
fleet alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset, zones
from mallee.cloud.ec2.capacity import capacityreservations, fulfilment, instancetypes
from mallee.cloud.ec2.capacity.fulfilment import FleetRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.capacityreservations import FleetState, FleetWish, ReservationFleet

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PRIORITIZED = "prioritized"
MAX_TARGET = 25_000
MAX_TYPES = 50
LIVING = (FleetState.ACTIVE, FleetState.PARTIALLY_FULFILLED)


def create(
    call: WriteCall, request: shapes.CreateCapacityReservationFleetRequest
) -> shapes.CreateCapacityReservationFleetResult:
    """Make a fleet, and reserve what there is room for now."""
    fleet = ReservationFleet(
        id=ids.make("crf", call.entropy(ids.ID_BYTES)),
        target=_target(request["TotalTargetCapacity"]),
        wishes=_wishes(call, request),
        created_at=call.now,
        ends_at=_end(call, request),
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.RESERVATION_FLEET.name),
    )
    _refuse_what_is_not_there(request)
    record = call.tx.insert(records.RESERVATION_FLEET, call.account, fleet.id, fleet)
    record = fulfilment.fulfil(call.tx, record, _ids(call))
    if not fulfilment.fulfilled(call.tx, record):
        record = call.tx.write(record, replace(record.doc, state=FleetState.FAILED))
    return {
        "CapacityReservationFleetId": record.id,
        "State": record.doc.state.value,
        "TotalTargetCapacity": record.doc.target,
        "TotalFulfilledCapacity": fulfilment.fulfilled(call.tx, record),
        "InstanceMatchCriteria": "open",
        "AllocationStrategy": PRIORITIZED,
        "CreateTime": record.doc.created_at,
        "EndDate": record.doc.ends_at,
        "Tenancy": "default",
        "FleetCapacityReservations": _shown_parts(call, record),
        "Tags": tagset.shown(record.doc.tags),
    }


def _ids(call: WriteCall) -> fulfilment.MakeId:
    return lambda: ids.make("cr", call.entropy(ids.ID_BYTES))


def _target(target: int) -> int:
    if not 1 <= target <= MAX_TARGET:
        raise errors.InvalidParameterValue(
            f"Value ({target}) for parameter totalTargetCapacity is invalid. It ranges from 1 to "
            f"{MAX_TARGET}."
        )
    return target


def _refuse_what_is_not_there(request: Mapping[str, Any]) -> None:
    for name, only in (
        ("AllocationStrategy", PRIORITIZED),
        ("Tenancy", "default"),
        ("InstanceMatchCriteria", "open"),
    ):
        if request.get(name, only) != only:
            raise errors.InvalidParameterValue(
                f"Value ({request[name]}) for parameter {name} is invalid. It can only be {only}."
            )


def _wishes(call: WriteCall, request: Mapping[str, Any]) -> tuple[FleetWish, ...]:
    given: list[Mapping[str, Any]] = request.get("InstanceTypeSpecifications") or []
    if not given:
        raise errors.MissingParameter("InstanceTypeSpecifications")
    if len(given) > MAX_TYPES:
        raise errors.InvalidParameterValue(f"A fleet has at most {MAX_TYPES} instance types.")
    wishes = tuple(_wish(call, one, request) for one in given)
    if len({(it.type_name, it.zone) for it in wishes}) < len(wishes):
        raise errors.InvalidParameterValue("Each instance type is given once for a zone.")
    return wishes


def _wish(call: WriteCall, given: Mapping[str, Any], request: Mapping[str, Any]) -> FleetWish:
    if "InstanceType" not in given:
        raise errors.MissingParameter("InstanceType")
    platform = given.get("InstancePlatform", capacityreservations.PLATFORM)
    if platform != capacityreservations.PLATFORM or given.get("EbsOptimized"):
        raise errors.UnsupportedOperation(
            f"Instances here are {capacityreservations.PLATFORM}, and not optimized for EBS."
        )
    weight: float = given.get("Weight", 1.0)
    if weight <= 0:
        raise errors.InvalidParameterValue("A weight is greater than 0.")
    said = given if given.keys() & {"AvailabilityZone", "AvailabilityZoneId"} else request
    known = zones.names(call.tx, call.settings)
    return FleetWish(
        type_name=instancetypes.by_name(call.tx, given["InstanceType"]).name,
        zone=capacityreservations.zone_of(call, said, known),
        weight=weight,
        priority=given.get("Priority", 0),
    )


def _end(call: Call, request: Mapping[str, Any]) -> float | None:
    return capacityreservations.parse_end(call, {"EndDate": request.get("EndDate")}).at


def modify(
    call: WriteCall, request: shapes.ModifyCapacityReservationFleetRequest
) -> shapes.ModifyCapacityReservationFleetResult:
    """Change how much it shall have, or until when; its reservations follow at once."""
    record = resources.one(call, records.RESERVATION_FLEET, request["CapacityReservationFleetId"])
    _check_living(record)
    doc = record.doc
    if "EndDate" in request and request.get("RemoveEndDate"):
        raise errors.InvalidParameterCombination(
            "EndDate and RemoveEndDate may not be used together."
        )
    if "TotalTargetCapacity" in request:
        doc = replace(doc, target=_target(request["TotalTargetCapacity"]))
    if "EndDate" in request or request.get("RemoveEndDate"):
        doc = replace(doc, ends_at=_end(call, request))
        for part in fulfilment.parts(call.tx, record):
            call.tx.write(part, replace(part.doc, ends_at=doc.ends_at))
    fulfilment.fulfil(call.tx, call.tx.write(record, doc), _ids(call))
    return {"Return": True}


def _check_living(record: FleetRecord) -> None:
    if record.doc.state not in LIVING:
        raise errors.IncorrectState(
            f"The capacity reservation fleet {record.id} is {record.doc.state.value}."
        )


def cancel(
    call: WriteCall, request: shapes.CancelCapacityReservationFleetsRequest
) -> shapes.CancelCapacityReservationFleetsResult:
    """Give fleets up; the answer says which could not be, and why."""
    well: list[shapes.CapacityReservationFleetCancellationState] = []
    badly: list[shapes.FailedCapacityReservationFleetCancellationResult] = []
    for id in dict.fromkeys(request["CapacityReservationFleetIds"]):
        try:
            record = resources.one(call, records.RESERVATION_FLEET, id)
            _check_living(record)
        except errors.AwsError as error:
            said: shapes.CancelCapacityReservationFleetError = {
                "Code": error.code,
                "Message": error.message,
            }
            badly.append(
                {"CapacityReservationFleetId": id, "CancelCapacityReservationFleetError": said}
            )
            continue
        ended = fulfilment.finish(call.tx, record, FleetState.CANCELLED)
        well.append(
            {
                "CapacityReservationFleetId": record.id,
                "PreviousFleetState": record.doc.state.value,
                "CurrentFleetState": ended.doc.state.value,
            }
        )
    return {"SuccessfulFleetCancellations": well, "FailedFleetCancellations": badly}


def _find(
    call: Call, request: shapes.DescribeCapacityReservationFleetsRequest
) -> Iterable[FleetRecord]:
    asked = request.get("CapacityReservationFleetIds") or ()
    if asked:
        return resources.several(call, records.RESERVATION_FLEET, asked)
    return call.view.list(records.RESERVATION_FLEET, call.account)


def _render(call: Call, record: FleetRecord) -> shapes.CapacityReservationFleet:
    region = call.settings.region
    return {
        "CapacityReservationFleetId": record.id,
        "CapacityReservationFleetArn": (
            f"arn:aws:ec2:{region}:{record.account}:capacity-reservation-fleet/{record.id}"
        ),
        "State": record.doc.state.value,
        "TotalTargetCapacity": record.doc.target,
        "TotalFulfilledCapacity": fulfilment.fulfilled(call.view, record),
        "Tenancy": "default",
        "EndDate": record.doc.ends_at,
        "CreateTime": record.doc.created_at,
        "InstanceMatchCriteria": "open",
        "AllocationStrategy": PRIORITIZED,
        "InstanceTypeSpecifications": _shown_parts(call, record),
        "Tags": tagset.shown(record.doc.tags),
    }


def _shown_parts(call: Call, record: FleetRecord) -> list[shapes.FleetCapacityReservation]:
    wishes = {(it.type_name, it.zone): it for it in record.doc.wishes}
    shown: list[shapes.FleetCapacityReservation] = []
    found = sorted(fulfilment.parts(resources.reader(call), record), key=lambda it: it.id)
    for doc in (it.doc for it in found):
        wish = wishes[doc.type_name, doc.zone]
        shown.append(
            {
                "CapacityReservationId": doc.id,
                "AvailabilityZone": doc.zone,
                "AvailabilityZoneId": zones.id_of(doc.zone, call.settings.region),
                "InstanceType": doc.type_name,
                "InstancePlatform": capacityreservations.PLATFORM,
                "TotalInstanceCount": doc.count,
                "FulfilledCapacity": doc.count * wish.weight,
                "EbsOptimized": False,
                "CreateDate": doc.created_at,
                "Weight": wish.weight,
                "Priority": wish.priority,
            }
        )
    return shown


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateCapacityReservationFleet",
        does=Write(handle=create),
        honours=frozenset(
            {
                "AllocationStrategy",
                "AvailabilityZone",
                "AvailabilityZoneId",
                "EndDate",
                "InstanceMatchCriteria",
                "InstanceTypeSpecifications",
                "Tenancy",
                "TotalTargetCapacity",
            }
        ),
        creates=(records.RESERVATION_FLEET.name,),
    ),
    Action(
        service="ec2",
        name="ModifyCapacityReservationFleet",
        does=Write(handle=modify),
        honours=frozenset(
            {"CapacityReservationFleetId", "EndDate", "RemoveEndDate", "TotalTargetCapacity"}
        ),
    ),
    Action(
        service="ec2",
        name="CancelCapacityReservationFleets",
        does=Write(handle=cancel),
        honours=frozenset({"CapacityReservationFleetIds"}),
    ),
    Action(
        service="ec2",
        name="DescribeCapacityReservationFleets",
        does=Listing(
            find=_find,
            render=_render,
            member="CapacityReservationFleets",
            filters={
                "allocation-strategy": lambda call, it: (PRIORITIZED,),
                "instance-match-criteria": lambda call, it: ("open",),
                "state": lambda call, it: (it.doc.state.value,),
                "tenancy": lambda call, it: ("default",),
            },
            tags=lambda record: record.doc.tags,
            max_results=(1, 100),
        ),
        honours=frozenset({"CapacityReservationFleetIds"}),
    ),
)
