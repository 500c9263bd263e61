"""Fleets of reservations: what there is room for at once, the rest later, in their order."""

import datetime
from typing import Any

import pytest

from mallee.model.hosts import hosts
from mallee.model.identity import quotas
from tests.cloud.ec2.asking import launch_one, refusal
from tests.cloud.ec2.capacity.test_capacityreservations import held, reconcile
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World

ZONE = "us-east-1a"
PLATFORM = "Linux/UNIX"


@pytest.fixture
def small(world: World) -> FakeHost:
    """A host with room for four m5.large by processors."""
    return FakeHost(world, "ash", hosts.Capacity(8, 65536, 1000), ZONE)


def wish(kind: str, weight: float = 1.0, priority: int = 0) -> dict[str, Any]:
    return {
        "InstanceType": kind,
        "InstancePlatform": PLATFORM,
        "Weight": weight,
        "Priority": priority,
        "AvailabilityZone": ZONE,
    }


def create(client: Any, target: int, *wishes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return client.create_capacity_reservation_fleet(
        InstanceTypeSpecifications=list(wishes), TotalTargetCapacity=target, **more
    )


def shown(client: Any, made: dict[str, Any]) -> dict[str, Any]:
    id = made["CapacityReservationFleetId"]
    found = client.describe_capacity_reservation_fleets(CapacityReservationFleetIds=[id])
    return found["CapacityReservationFleets"][0]


def parts(fleet: dict[str, Any]) -> dict[str, int]:
    found = fleet["InstanceTypeSpecifications"]
    return {it["InstanceType"]: it["TotalInstanceCount"] for it in found}


def test_types_are_tried_by_their_priority(alice: Any, small: FakeHost) -> None:
    made = create(alice, 6, wish("m5.xlarge", 2, 1), wish("m5.large", 1, 0))
    assert made["State"] == "partially_fulfilled"
    assert made["TotalFulfilledCapacity"] == 4.0
    assert parts(shown(alice, made)) == {"m5.large": 4}
    less = create(alice, 1, wish("m5.large"))
    assert (less["State"], less["TotalFulfilledCapacity"]) == ("failed", 0.0)


def test_what_is_missing_is_reserved_when_there_is_room(
    alice: Any, small: FakeHost, world: World
) -> None:
    made = create(alice, 6, wish("m5.large"))
    reconcile(world)
    assert shown(alice, made)["State"] == "partially_fulfilled"
    FakeHost(world, "birch", hosts.Capacity(8, 65536, 1000), ZONE)
    reconcile(world)
    found = shown(alice, made)
    assert (found["State"], parts(found)) == ("active", {"m5.large": 6})
    alice.modify_capacity_reservation_fleet(
        CapacityReservationFleetId=made["CapacityReservationFleetId"], TotalTargetCapacity=2
    )
    assert parts(shown(alice, made)) == {"m5.large": 2}
    assert launch_one(alice, InstanceType="m5.large")["CapacityReservationId"]


def test_its_reservations_are_changed_by_it_alone(
    alice: Any, small: FakeHost, world: World
) -> None:
    made = create(alice, 2, wish("m5.large"))
    (part,) = made["FleetCapacityReservations"]
    id = part["CapacityReservationId"]
    cancel = refusal(alice.cancel_capacity_reservation, CapacityReservationId=id)
    assert cancel == "UnsupportedOperation"
    modify = alice.modify_capacity_reservation
    assert refusal(modify, CapacityReservationId=id, InstanceCount=1) == "UnsupportedOperation"
    fleets = [made["CapacityReservationFleetId"], "crf-0123456789abcdef0"]
    ended = alice.cancel_capacity_reservation_fleets(CapacityReservationFleetIds=fleets)
    (well,), (badly,) = ended["SuccessfulFleetCancellations"], ended["FailedFleetCancellations"]
    assert (well["PreviousFleetState"], well["CurrentFleetState"]) == ("active", "cancelled")
    assert badly["CancelCapacityReservationFleetError"]["Code"] == (
        "InvalidCapacityReservationFleetId.NotFound"
    )
    assert held(world, small).vcpus == 0


def test_it_ends_with_its_reservations(alice: Any, small: FakeHost, world: World) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    made = create(alice, 2, wish("m5.large"), EndDate=soon)
    reconcile(world, 3601)
    assert shown(alice, made)["State"] == "expired"
    (part,) = made["FleetCapacityReservations"]
    found = alice.describe_capacity_reservations(
        CapacityReservationIds=[part["CapacityReservationId"]]
    )["CapacityReservations"]
    assert [it["State"] for it in found] == ["expired"]
    assert held(world, small).vcpus == 0


def test_a_fleet_keeps_to_the_quota(
    administration: Administration, bob: Any, small: FakeHost, world: World
) -> None:
    administration.limit(quotas.VCPUS, 6)
    made = create(bob, 4, wish("m5.large"))
    assert parts(shown(bob, made)) == {"m5.large": 3}
    reconcile(world)
    assert administration.used(quotas.VCPUS) == 6
    administration.limit(quotas.VCPUS, 8)
    reconcile(world)
    assert parts(shown(bob, made)) == {"m5.large": 4}


def test_what_contradicts_itself_is_refused(alice: Any, small: FakeHost) -> None:
    ask = alice.create_capacity_reservation_fleet
    asked = {"InstanceTypeSpecifications": [wish("m5.large")], "TotalTargetCapacity": 1}
    twice = [wish("m5.large"), wish("m5.large")]
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"TotalTargetCapacity": 0}, "InvalidParameterValue"),
        ({"AllocationStrategy": "cheapest"}, "InvalidParameterValue"),
        ({"InstanceTypeSpecifications": []}, "MissingParameter"),
        ({"InstanceTypeSpecifications": twice}, "InvalidParameterValue"),
        ({"InstanceTypeSpecifications": [wish("m5.none")]}, "InvalidParameterValue"),
        ({"InstanceTypeSpecifications": [wish("m5.large", 0)]}, "InvalidParameterValue"),
    )
    for more, code in wrong:
        assert refusal(ask, **{**asked, **more}) == code, more
