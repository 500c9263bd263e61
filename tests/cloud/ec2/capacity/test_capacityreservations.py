"""Capacity reservations: room that nobody else gets, counted exactly, whoever comes and goes."""

import datetime
import os
from typing import Any

import pytest

from mallee.cloud.hosts.placing import placement
from mallee.cloud.reconcile import capacity
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from mallee.model.identity import quotas
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

KIND = "m5.large"
VCPUS, MEMORY, DISK = 2, 8192, 8
ROOM = hosts.Capacity(vcpus=8, memory_mib=8 * MEMORY, disk_gib=1000)
"""Room for four."""


@pytest.fixture
def two(world: World) -> list[FakeHost]:
    return [FakeHost(world, name, ROOM, "us-east-1a") for name in ("ash", "birch")]


def reserve(client: Any, count: int, **more: Any) -> dict[str, Any]:
    asked = {"InstanceType": KIND, "InstancePlatform": "Linux/UNIX", "InstanceCount": count}
    where = {} if "AvailabilityZoneId" in more else {"AvailabilityZone": "us-east-1a"}
    return client.create_capacity_reservation(**asked, **where, **more)["CapacityReservation"]


def shown(client: Any, id: str) -> dict[str, Any]:
    found = client.describe_capacity_reservations(CapacityReservationIds=[id])
    return found["CapacityReservations"][0]


def counts(client: Any, id: str) -> tuple[int, int]:
    """For how many it is, and for how many more it has room."""
    found = shown(client, id)
    return found["TotalInstanceCount"], found["AvailableInstanceCount"]


def targeting(id: str) -> dict[str, Any]:
    return {"CapacityReservationTarget": {"CapacityReservationId": id}}


def preferring(word: str) -> dict[str, Any]:
    return {"CapacityReservationPreference": word}


def not_launched(client: Any, **more: Any) -> tuple[str, str]:
    asked = {"ImageId": IMAGE_ID, "InstanceType": KIND, "MinCount": 1, "MaxCount": 1, **more}
    return refused(client.run_instances, **asked)


def run(client: Any, count: int = 1, **more: Any) -> list[str]:
    return [it["InstanceId"] for it in launch(client, count, InstanceType=KIND, **more)]


def held(world: World, host: FakeHost) -> hosts.Capacity:
    return placement.used(world.store.view, host.id)


def settle(world: World, *all_hosts: FakeHost) -> None:
    for host in all_hosts:
        host.settle()


def reconcile(world: World, seconds_later: float = 0.0) -> None:
    """Let the reconciler of capacity look, as if it were so much later."""

    def look(tx: Any) -> int:
        tx.now += seconds_later
        kinds = (records.CAPACITY_RESERVATION, records.RESERVATION_FLEET, records.DEDICATED_HOST)
        for kind in kinds:
            for record in tx.list(kind):
                capacity.settle_one(tx, record.id, os.urandom)
        return len(tx.changes)

    for _ in range(10):
        if not world.store.transact(look):
            return
    raise AssertionError("capacity is never settled")


def test_a_reservation_is_shown_as_it_was_made(alice: Any, two: list[FakeHost]) -> None:
    made = reserve(alice, 3, InstanceMatchCriteria="targeted")
    assert made["State"] == "active"
    assert (made["TotalInstanceCount"], made["AvailableInstanceCount"]) == (3, 3)
    assert made["EndDateType"] == "unlimited"
    assert made["CapacityReservationArn"].endswith(made["CapacityReservationId"])
    assert alice.describe_capacity_reservations()["CapacityReservations"] == [made]
    by_id = reserve(alice, 1, AvailabilityZoneId="use1-az1")
    assert by_id["AvailabilityZone"] == "us-east-1a"
    wanted = [{"Name": "instance-match-criteria", "Values": ["targeted"]}]
    found = alice.describe_capacity_reservations(Filters=wanted)["CapacityReservations"]
    assert [it["CapacityReservationId"] for it in found] == [made["CapacityReservationId"]]


def test_what_is_reserved_nobody_else_gets(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    id = reserve(alice, 6, InstanceMatchCriteria="targeted")["CapacityReservationId"]
    assert len(run(bob, 2)) == 2
    code, message = not_launched(bob)
    assert code == "InsufficientInstanceCapacity"
    assert "of other accounts" in message
    assert id not in message
    code, message = not_launched(alice)
    assert id in message
    assert len(run(alice, 6, CapacityReservationSpecification=targeting(id))) == 6
    assert counts(alice, id) == (6, 0)
    assert sum(held(world, host).vcpus for host in two) == 16


def test_open_ones_are_drawn_from_first_and_named_only_while_in_use(
    alice: Any, two: list[FakeHost], world: World
) -> None:
    id = reserve(alice, 2)["CapacityReservationId"]
    made = run(alice, 3)
    in_it = [described(alice, it).get("CapacityReservationId") for it in made]
    assert in_it == [id, id, None]
    assert counts(alice, id) == (2, 0)
    settle(world, *two)
    alice.stop_instances(InstanceIds=made[:1])
    settle(world, *two)
    assert counts(alice, id) == (2, 1)
    assert "CapacityReservationId" not in described(alice, made[0])
    alice.start_instances(InstanceIds=made[:1])
    settle(world, *two)
    assert described(alice, made[0])["CapacityReservationId"] == id
    assert counts(alice, id) == (2, 0)
    usage = alice.get_capacity_reservation_usage(CapacityReservationId=id)
    assert usage["InstanceUsages"] == [
        {"AccountId": world.accounts["alice"], "UsedInstanceCount": 2}
    ]
    alice.terminate_instances(InstanceIds=made)
    settle(world, *two)
    assert counts(alice, id) == (2, 2)
    # Their root volumes go when they are gone.
    settle(world, *two)
    free = [held(world, host) for host in two]
    assert sum(it.vcpus for it in free) == 2 * VCPUS
    assert sum(it.disk_gib for it in free) == 2 * DISK


def test_who_wants_none_or_only_reservations_gets_that(alice: Any, two: list[FakeHost]) -> None:
    only = preferring("capacity-reservations-only")
    assert not_launched(alice, CapacityReservationSpecification=only)[0] == (
        "InsufficientInstanceCapacity"
    )
    id = reserve(alice, 1)["CapacityReservationId"]
    (outside,) = run(alice, CapacityReservationSpecification=preferring("none"))
    assert counts(alice, id) == (1, 1)
    assert described(alice, outside)["CapacityReservationSpecification"] == preferring("none")
    asked = {"CapacityReservationSpecification": only, "MaxCount": 3}
    (inside,) = alice.run_instances(ImageId=IMAGE_ID, InstanceType=KIND, MinCount=1, **asked)[
        "Instances"
    ]
    assert inside["CapacityReservationId"] == id
    both = {**only, **targeting(id)}
    assert not_launched(alice, CapacityReservationSpecification=both)[0] == (
        "InvalidParameterCombination"
    )


def test_a_target_that_is_full_or_of_another_kind_is_named(
    alice: Any, bob: Any, two: list[FakeHost]
) -> None:
    id = reserve(alice, 1)["CapacityReservationId"]
    target = {"CapacityReservationSpecification": targeting(id)}
    code, message = not_launched(alice, MinCount=2, MaxCount=2, **target)
    assert code == "ReservationCapacityExceeded"
    assert id in message
    assert not_launched(alice, InstanceType="c5.large", **target)[0] == (
        "ReservationCapacityExceeded"
    )
    assert not_launched(bob, **target)[0] == "InvalidCapacityReservationId.NotFound"
    alice.cancel_capacity_reservation(CapacityReservationId=id)
    assert not_launched(alice, **target)[0] == "InvalidCapacityReservationState"


def test_running_instances_that_fit_are_taken_in(
    alice: Any, two: list[FakeHost], world: World
) -> None:
    made = run(alice, 5)
    before = [held(world, host) for host in two]
    id = reserve(alice, 5)["CapacityReservationId"]
    assert [held(world, host) for host in two] == before
    assert counts(alice, id) == (5, 0)
    assert {described(alice, it)["CapacityReservationId"] for it in made} == {id}


def test_a_cancelled_one_gives_its_room_back_and_its_instances_run_on(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    id = reserve(alice, 8)["CapacityReservationId"]
    made = run(alice, 1)
    assert not_launched(bob)[0] == "InsufficientInstanceCapacity"
    assert alice.cancel_capacity_reservation(CapacityReservationId=id)["Return"] is True
    assert shown(alice, id)["State"] == "cancelled"
    assert "CapacityReservationId" not in described(alice, made[0])
    assert len(run(bob, 7)) == 7
    code = refusal(alice.cancel_capacity_reservation, CapacityReservationId=id)
    assert code == "InvalidCapacityReservationState"
    reconcile(world, capacity.KEPT_S + 1)
    assert refusal(alice.describe_capacity_reservations, CapacityReservationIds=[id]) == (
        "InvalidCapacityReservationId.NotFound"
    )


def test_it_ends_at_its_time(alice: Any, two: list[FakeHost], world: World) -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    made = reserve(alice, 2, EndDateType="limited", EndDate=soon)
    id = made["CapacityReservationId"]
    assert made["EndDateType"] == "limited"
    (instance,) = run(alice)
    reconcile(world)
    assert shown(alice, id)["State"] == "active"
    reconcile(world, 3601)
    assert shown(alice, id)["State"] == "expired"
    assert "CapacityReservationId" not in described(alice, instance)
    assert sum(held(world, host).vcpus for host in two) == VCPUS
    for wrong in (
        {"EndDateType": "limited"},
        {"EndDateType": "unlimited", "EndDate": soon},
    ):
        asked = {"InstanceType": KIND, "InstancePlatform": "Linux/UNIX", "InstanceCount": 1}
        create = alice.create_capacity_reservation
        code = refusal(create, AvailabilityZone="us-east-1a", **asked, **wrong)
        assert code == "InvalidParameterCombination"


def test_it_grows_and_shrinks(alice: Any, two: list[FakeHost], world: World) -> None:
    id = reserve(alice, 2)["CapacityReservationId"]
    run(alice, 2)
    modify = alice.modify_capacity_reservation
    assert modify(CapacityReservationId=id, InstanceCount=8)["Return"] is True
    assert counts(alice, id) == (8, 6)
    code, message = refused(modify, CapacityReservationId=id, InstanceCount=9)
    assert code == "InsufficientInstanceCapacity"
    assert id in message
    assert counts(alice, id) == (8, 6)
    modify(CapacityReservationId=id, InstanceCount=3, InstanceMatchCriteria="targeted")
    assert counts(alice, id) == (3, 1)
    assert sum(held(world, host).vcpus for host in two) == 3 * VCPUS
    code = refusal(modify, CapacityReservationId=id, InstanceCount=1)
    assert code == "InvalidParameterValue"
    assert refusal(modify, CapacityReservationId=id) == "InvalidParameterCombination"


def test_room_moves_and_is_split(alice: Any, two: list[FakeHost], world: World) -> None:
    first = reserve(alice, 4)["CapacityReservationId"]
    run(alice, 1)
    made = alice.create_capacity_reservation_by_splitting(
        SourceCapacityReservationId=first, InstanceCount=2
    )
    second = made["DestinationCapacityReservation"]["CapacityReservationId"]
    assert made["SourceCapacityReservation"]["TotalInstanceCount"] == 2
    assert (counts(alice, first), counts(alice, second)) == ((2, 1), (2, 2))
    move = {
        "SourceCapacityReservationId": second,
        "DestinationCapacityReservationId": first,
    }
    moved = alice.move_capacity_reservation_instances(**move, InstanceCount=1)
    assert moved["InstanceCount"] == 1
    assert (counts(alice, first), counts(alice, second)) == ((3, 2), (1, 1))
    assert sum(held(world, host).vcpus for host in two) == 4 * VCPUS
    too_many = refusal(alice.move_capacity_reservation_instances, **move, InstanceCount=2)
    assert too_many == "InvalidParameterValue"
    split = alice.create_capacity_reservation_by_splitting
    all_of_it = refusal(split, SourceCapacityReservationId=second, InstanceCount=1)
    assert all_of_it == "InvalidParameterValue"
    other = reserve(alice, 1, InstanceMatchCriteria="targeted", Tenancy="default")
    alice.modify_capacity_reservation(
        CapacityReservationId=other["CapacityReservationId"],
        EndDateType="limited",
        EndDate=datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1),
    )
    unlike = {**move, "DestinationCapacityReservationId": other["CapacityReservationId"]}
    code = refusal(alice.move_capacity_reservation_instances, **unlike, InstanceCount=1)
    assert code == "InvalidParameterCombination"


def test_a_stopped_instance_is_told_where_it_may_start(
    alice: Any, two: list[FakeHost], world: World
) -> None:
    (made,) = run(alice, CapacityReservationSpecification=preferring("none"))
    modify = alice.modify_instance_capacity_reservation_attributes
    asked = {"InstanceId": made, "CapacityReservationSpecification": preferring("open")}
    assert refusal(modify, **asked) == "IncorrectInstanceState"
    settle(world, *two)
    alice.stop_instances(InstanceIds=[made])
    settle(world, *two)
    id = reserve(alice, 8, InstanceMatchCriteria="targeted")["CapacityReservationId"]
    assert refusal(alice.start_instances, InstanceIds=[made]) == "InsufficientInstanceCapacity"
    modify(InstanceId=made, CapacityReservationSpecification=targeting(id))
    alice.start_instances(InstanceIds=[made])
    assert described(alice, made)["CapacityReservationId"] == id
    assert described(alice, made)["CapacityReservationSpecification"] == targeting(id)
    assert counts(alice, id) == (8, 7)


def test_a_smaller_instance_takes_a_whole_part(
    alice: Any, two: list[FakeHost], world: World
) -> None:
    id = reserve(alice, 8)["CapacityReservationId"]
    fewer = {"CoreCount": 1, "ThreadsPerCore": 1}
    made = launch_one(alice, InstanceType=KIND, CpuOptions=fewer)["InstanceId"]
    assert sum(held(world, host).vcpus for host in two) == 16
    alice.terminate_instances(InstanceIds=[made])
    settle(world, *two)
    assert counts(alice, id) == (8, 8)
    assert sum(held(world, host).vcpus for host in two) == 16


def test_disk_that_a_stopped_instance_keeps_is_held_again_when_it_is_there(
    alice: Any, world: World
) -> None:
    small = FakeHost(world, "elm", hosts.Capacity(4, 2 * MEMORY, 20), "us-east-1a")
    id = reserve(alice, 2)["CapacityReservationId"]
    made = run(alice)
    small.settle()
    alice.stop_instances(InstanceIds=made)
    small.settle()
    assert held(world, small) == hosts.Capacity(4, 2 * MEMORY, 20)
    assert counts(alice, id) == (2, 2)
    alice.terminate_instances(InstanceIds=made)
    # Its root volume goes when it is gone.
    for _ in range(2):
        small.settle()
    reconcile(world)
    assert held(world, small) == hosts.Capacity(4, 2 * MEMORY, 16)


def test_unused_room_counts_against_the_quota_and_used_room_once(
    administration: Administration, bob: Any, two: list[FakeHost]
) -> None:
    administration.limit(quotas.VCPUS, 4 * VCPUS)
    reserve(bob, 3)
    assert administration.used(quotas.VCPUS) == 3 * VCPUS
    asked = {"InstanceType": KIND, "InstancePlatform": "Linux/UNIX", "InstanceCount": 2}
    code = refusal(bob.create_capacity_reservation, AvailabilityZone="us-east-1a", **asked)
    assert code == "VcpuLimitExceeded"
    assert len(run(bob, 4)) == 4
    assert administration.used(quotas.VCPUS) == 4 * VCPUS
    assert not_launched(bob)[0] == "VcpuLimitExceeded"


def test_what_is_not_there_is_refused(alice: Any, two: list[FakeHost]) -> None:
    asked = {
        "InstanceType": KIND,
        "InstancePlatform": "Linux/UNIX",
        "InstanceCount": 1,
        "AvailabilityZone": "us-east-1a",
    }
    create = alice.create_capacity_reservation
    for more, code in (
        ({"InstancePlatform": "Windows"}, "UnsupportedOperation"),
        ({"EphemeralStorage": True}, "UnsupportedOperation"),
        ({"EbsOptimized": True}, "UnsupportedOperation"),
        ({"InstanceCount": 0}, "InvalidParameterValue"),
        ({"InstanceCount": 99}, "InsufficientInstanceCapacity"),
        ({"Tenancy": "host"}, "InvalidParameterValue"),
        ({"InstanceType": "x9.huge"}, "InvalidParameterValue"),
        ({"AvailabilityZone": "nowhere"}, "InvalidParameterValue"),
        ({"DeliveryPreference": "fixed"}, "UnsupportedOperation"),
    ):
        assert refusal(create, **{**asked, **more}) == code, more
    assert alice.describe_capacity_reservations()["CapacityReservations"] == []


def test_a_cluster_has_its_reservation(alice: Any, two: list[FakeHost], world: World) -> None:
    group = alice.create_placement_group(GroupName="g", Strategy="cluster")["PlacementGroup"]
    made = reserve(alice, 3, PlacementGroupArn=group["GroupArn"])
    id = made["CapacityReservationId"]
    assert made["PlacementGroupArn"] == group["GroupArn"]
    assert refusal(alice.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.InUse"
    (outside,) = run(alice)
    assert "CapacityReservationId" not in described(alice, outside)
    (inside,) = run(alice, Placement={"GroupName": "g"})
    assert described(alice, inside)["CapacityReservationId"] == id
    topology = alice.describe_capacity_reservation_topology()["CapacityReservations"]
    assert [it["GroupName"] for it in topology] == ["g"]
    assert len(topology[0]["NetworkNodes"]) == 3
    assert refusal(alice.delete_placement_group, GroupName="g") == "InvalidPlacementGroup.InUse"
    assert (
        alice.get_groups_for_capacity_reservation(CapacityReservationId=id)[
            "CapacityReservationGroups"
        ]
        == []
    )


def test_nothing_is_overrun_whatever_comes_and_goes(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    """Claims and counts agree after every step, and no host holds more than it has."""
    ids = [reserve(alice, 2)["CapacityReservationId"], reserve(bob, 1)["CapacityReservationId"]]
    mine: list[str] = []
    for step in range(6):
        mine += run(alice, 2) if step % 2 == 0 else []
        settle(world, *two)
        if step % 3 == 1:
            alice.stop_instances(InstanceIds=mine[:1])
        if step % 3 == 2:
            alice.terminate_instances(InstanceIds=[mine.pop()])
        settle(world, *two)
        reconcile(world)
        for host in two:
            assert held(world, host).vcpus <= ROOM.vcpus
        for id in ids:
            record = world.store.view.get(records.CAPACITY_RESERVATION, id)
            assert record is not None
            inside = world.store.view.by(records.INSTANCE, "capacity-reservation", id)
            running = [
                it for it in inside if placement.holds_room(world.store.view, it.doc.host_id, it.id)
            ]
            assert sum(hold.used for hold in record.doc.holds) == len(running)
            for hold in record.doc.holds:
                claimed = world.store.view.amount(f"host/{hold.host_id}/vcpus", id)
                assert claimed == (hold.total - hold.used) * VCPUS
