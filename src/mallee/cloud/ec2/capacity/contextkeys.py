"""The context keys of capacity that is set apart, and what policies may ask of tenancy.

Joined by `cloud.ec2.contextkeys`. Of a thing that is there its own value counts, of one that is to
be made what the request asks for.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mallee.cloud import things
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.capacity import reservationlisting
from mallee.cloud.identity.question import Finder, Question, Values, thing
from mallee.cloud.state import records

RESERVATION = records.CAPACITY_RESERVATION.name
HOST = records.DEDICATED_HOST.name
_Read = Callable[[Any], str | None]


def _kind(question: Question) -> str:
    return things.kind_of(question.resource)


def _find(kind: str, of_thing: _Read, asked: str, default: str | None = None) -> Finder:
    """Return what finds a value of a thing that is there, or what is asked for by a member."""

    def find(question: Question) -> str | None:
        if _kind(question) != kind:
            return None
        found = thing(question)
        if found is not None:
            return of_thing(found)
        value = question.asked.get(asked)
        return default if value is None else str(value)

    return find


def _named(member: str) -> Finder:
    """Return what finds the reservation that a request names by that member."""
    return lambda question: question.asked.get(member) if _kind(question) == RESERVATION else None


def _either(*finders: Finder) -> Finder:
    """Return what asks several finders, each of its own kind of thing."""

    def find(question: Question) -> Any:
        found = (finder(question) for finder in finders)
        return next((value for value in found if value is not None), None)

    return find


def _moment(at: float | None) -> str | None:
    return None if at is None else resources.moment(at)


def _word(value: bool) -> str:
    return "on" if value else "off"


def tenancy(question: Question) -> Values | None:
    """Return the tenancy of an instance, as it is or is asked for; a VPC has but one."""
    kind = _kind(question)
    if kind == "vpc":
        return "default"
    if kind != "instance":
        return _TENANCY_OF_RESERVATION(question)
    found = thing(question)
    if found is not None:
        return found.tenancy
    placement: Mapping[str, str] = question.asked.get("Placement") or {}
    return placement.get("Tenancy") or "default"


_TENANCY_OF_RESERVATION = _find(RESERVATION, lambda it: it.tenancy, "Tenancy", "default")

zone = _either(
    _find(RESERVATION, lambda it: it.zone, "AvailabilityZone"),
    _find(HOST, lambda it: it.zone, "AvailabilityZone"),
)
"""The zone of a reservation or Dedicated Host."""

instance_type = _either(
    _find(RESERVATION, lambda it: it.type_name, "InstanceType"),
    _find(HOST, lambda it: it.type_name or None, "InstanceType"),
)
"""The type that a reservation or Dedicated Host is for."""

FINDERS: Mapping[str, Finder] = {
    "ec2:autoplacement": _find(
        HOST, lambda it: _word(it.auto_placement), "AutoPlacement", _word(False)
    ),
    "ec2:capacityreservationfleet": _find(RESERVATION, lambda it: it.fleet_id or None, ""),
    "ec2:createdate": _find(RESERVATION, lambda it: _moment(it.created_at), ""),
    "ec2:destinationcapacityreservationid": _named("DestinationCapacityReservationId"),
    "ec2:enddate": _find(RESERVATION, lambda it: _moment(it.ends_at), "EndDate"),
    "ec2:enddatetype": _find(
        RESERVATION,
        lambda it: "unlimited" if it.ends_at is None else "limited",
        "EndDateType",
        "unlimited",
    ),
    "ec2:ephemeralstorage": _find(RESERVATION, lambda it: "false", "", "false"),
    "ec2:hostrecovery": _find(HOST, lambda it: _word(False), "", _word(False)),
    "ec2:instancecount": _find(RESERVATION, lambda it: str(it.count), "InstanceCount"),
    "ec2:instancematchcriteria": _find(
        RESERVATION, lambda it: it.match.value, "InstanceMatchCriteria", "open"
    ),
    "ec2:instanceplatform": _find(
        RESERVATION, lambda it: reservationlisting.PLATFORM, "InstancePlatform"
    ),
    "ec2:quantity": _find(HOST, lambda it: None, "Quantity", "1"),
    "ec2:sourcecapacityreservationid": _named("SourceCapacityReservationId"),
    "ec2:tenancy": tenancy,
}
