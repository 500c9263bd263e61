"""From which capacity reservations an instance may draw its room, and what its owner says of it.

Called by `launch` and `power` for what starts, and by the nouns that change the preference. Which
hosts have the room is the business of `cloud.hosts.placement`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.placing.reserved import ReservationRecord
from mallee.cloud.state import records
from mallee.model.compute.capacityreservations import CapacityReservation, Match, ReservationState
from mallee.model.compute.instances import Instance

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

OPEN, NONE, ONLY = "open", "none", "capacity-reservations-only"
MEMBER = "CapacityReservationSpecification"
HONOURS = frozenset(
    {
        f"{MEMBER}.CapacityReservationPreference",
        f"{MEMBER}.CapacityReservationTarget.CapacityReservationId",
    }
)


@dataclass(frozen=True, slots=True)
class Preference:
    """What an owner says of the reservations that an instance may run in."""

    word: str = OPEN
    target: str = ""
    """The one that it shall run in; empty: none in particular."""

    @property
    def is_bound(self) -> bool:
        """Whether it may run in a reservation alone."""
        return bool(self.target) or self.word == ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of an instance must be as its reservation says."""

    account: str
    zone: str
    type_name: str
    tenancy: str
    placement_group_id: str = ""


def parse(call: Call, request: Mapping[str, Any]) -> Preference:
    """Return what a request says; raise AWS's error where it contradicts itself."""
    said: Mapping[str, Any] = request.get(MEMBER) or {}
    word: str = said.get("CapacityReservationPreference") or ""
    target: Mapping[str, str] = said.get("CapacityReservationTarget") or {}
    if word not in ("", OPEN, NONE, ONLY):
        raise errors.InvalidParameterValue(
            f"Value ({word}) for parameter capacityReservationPreference is invalid. Give "
            f"{OPEN}, {NONE} or {ONLY}."
        )
    if not target:
        return Preference(word or OPEN)
    if "CapacityReservationId" not in target:
        raise errors.MissingParameter("CapacityReservationId")
    found = resources.one(call, records.CAPACITY_RESERVATION, target["CapacityReservationId"])
    if word:
        raise errors.InvalidParameterCombination(
            "CapacityReservationPreference and CapacityReservationTarget may not be used together."
        )
    check_active(found)
    return Preference(target=found.id)


def check_active(record: ReservationRecord) -> None:
    """Raise `InvalidCapacityReservationState` for one whose room is not held any more."""
    if record.doc.state is not ReservationState.ACTIVE:
        raise errors.InvalidCapacityReservationState(record.id, record.doc.state.value)


def sources(call: Call, preference: Preference, shape: Shape) -> list[ReservationRecord]:
    """Return the reservations from which instances of that shape draw, in their order."""
    view = resources.reader(call)
    if preference.target:
        found = view.get(records.CAPACITY_RESERVATION, preference.target)
        fits = found is not None and found.account == shape.account and suits(found.doc, shape)
        if found is None or not fits:
            raise errors.ReservationCapacityExceeded(preference.target, 0)
        return [found]
    if preference.word == NONE:
        return []
    own = view.list(records.CAPACITY_RESERVATION, shape.account)
    open_ones = (it for it in own if it.doc.match is Match.OPEN and suits(it.doc, shape))
    return sorted(
        (it for it in open_ones if it.doc.available), key=lambda it: (it.doc.created_at, it.id)
    )


def suits(doc: CapacityReservation, shape: Shape) -> bool:
    """Tell whether instances of that shape may run in the reservation."""
    return (
        doc.state is ReservationState.ACTIVE
        and (doc.zone, doc.type_name, doc.tenancy) == (shape.zone, shape.type_name, shape.tenancy)
        and doc.placement_group_id in ("", shape.placement_group_id)
    )


def of_instance(account: str, doc: Instance) -> Shape:
    """Return the shape of an instance that is there."""
    return Shape(
        account=account,
        zone=doc.zone,
        type_name=doc.type_name,
        tenancy=doc.tenancy,
        placement_group_id=doc.placement_group_id,
    )


def for_start(call: Call, account: str, doc: Instance) -> ReservationRecord | None:
    """Return the reservation in which a stopped instance starts, on the host of its disk."""
    preference = Preference(doc.reservation_preference, doc.reservation_target)
    for record in sources(call, preference, of_instance(account, doc)):
        hold = reserved.hold_on(record.doc, doc.host_id)
        if hold.used < hold.total:
            return record
    if preference.target:
        raise errors.ReservationCapacityExceeded(preference.target, 0)
    if preference.is_bound:
        raise nothing_open(doc.type_name, doc.zone)
    return None


def nothing_open(type_name: str, zone: str) -> errors.AwsError:
    """Return the error for who wants to run in reservations alone, and there is none for him."""
    return errors.InsufficientInstanceCapacity(
        f"No open capacity reservation for {type_name} in {zone} has room for this request, and "
        f"CapacityReservationPreference is {ONLY}."
    )


def shown(doc: Instance) -> shapes.CapacityReservationSpecificationResponse:
    """Return the preference as the API shows it."""
    if doc.reservation_target:
        target: shapes.CapacityReservationTargetResponse = {
            "CapacityReservationId": doc.reservation_target
        }
        return {"CapacityReservationTarget": target}
    return {"CapacityReservationPreference": doc.reservation_preference}
