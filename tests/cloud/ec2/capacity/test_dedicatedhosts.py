"""Dedicated Hosts and dedicated instances: nobody else on the host, and honest numbers of room."""

from typing import Any

import pytest

from mallee.cloud.reconcile import capacity
from mallee.cloud.state import records
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch, refusal, refused
from tests.cloud.ec2.capacity.test_capacityreservations import reconcile
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import IMAGE_ID, FakeHost, World

KIND = "m5.large"
ROOM = hosts.Capacity(vcpus=8, memory_mib=40960, disk_gib=1000)
"""Room for four by processors, for five by memory."""
ZONE = "us-east-1a"


@pytest.fixture
def two(world: World) -> list[FakeHost]:
    return [FakeHost(world, name, ROOM, ZONE) for name in ("ash", "birch")]


def allocate(client: Any, **more: Any) -> str:
    asked = {"AvailabilityZone": ZONE, "InstanceType": KIND, **more}
    if "InstanceFamily" in more:
        del asked["InstanceType"]
    return client.allocate_hosts(**asked)["HostIds"][0]


def shown(client: Any, id: str) -> dict[str, Any]:
    return client.describe_hosts(HostIds=[id])["Hosts"][0]


def run(client: Any, count: int = 1, **placement: Any) -> list[str]:
    made = launch(client, count, InstanceType=KIND, Placement=placement)
    return [it["InstanceId"] for it in made]


def not_run(client: Any, kind: str = KIND, **placement: Any) -> tuple[str, str]:
    asked = {"ImageId": IMAGE_ID, "InstanceType": kind, "MinCount": 1, "MaxCount": 1}
    return refused(client.run_instances, **asked, Placement=placement)


def host_of(world: World, instance_id: str) -> str:
    record = world.store.view.get(records.INSTANCE, instance_id)
    assert record is not None
    return record.doc.host_id


def test_an_allocated_host_is_its_accounts_alone(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    id = allocate(alice)
    assert len(run(bob, 4)) == 4
    code, message = not_run(bob)
    assert code == "InsufficientInstanceCapacity"
    assert "is another account's alone" in message
    assert id not in message
    code, message = not_run(alice)
    assert code == "InsufficientInstanceCapacity"
    assert f"is the Dedicated Host {id}" in message
    made = run(alice, 4, Tenancy="host", HostId=id)
    assert {host_of(world, it) for it in made}.isdisjoint({host_of(world, i) for i in run_of(bob)})
    where = described(alice, made[0])["Placement"]
    assert (where["Tenancy"], where["HostId"], where["Affinity"]) == ("host", id, "default")
    code, message = not_run(alice, Tenancy="host", HostId=id)
    assert code == "InsufficientCapacityOnHost"
    assert "vcpus" in message


def run_of(client: Any) -> list[str]:
    found = client.describe_instances()["Reservations"]
    return [it["InstanceId"] for one in found for it in one["Instances"]]


def test_its_room_is_shown_as_it_is(alice: Any, two: list[FakeHost]) -> None:
    id = allocate(alice)
    assert shown(alice, id)["AvailableCapacity"] == {
        "AvailableInstanceCapacity": [
            {"InstanceType": KIND, "AvailableCapacity": 4, "TotalCapacity": 4}
        ],
        "AvailableVCpus": 8,
    }
    (made,) = run(alice, Tenancy="host", HostId=id)
    found = shown(alice, id)
    assert found["State"] == "available"
    assert found["HostProperties"] == {"InstanceType": KIND, "Cores": 8, "TotalVCpus": 8}
    assert found["AvailableCapacity"]["AvailableVCpus"] == 6
    assert found["AvailableCapacity"]["AvailableInstanceCapacity"][0]["AvailableCapacity"] == 3
    assert [it["InstanceId"] for it in found["Instances"]] == [made]
    wanted = [{"Name": "host-id", "Values": [id]}]
    assert len(alice.describe_instances(Filters=wanted)["Reservations"]) == 1
    two[0].fall_silent()
    two[1].fall_silent()
    assert shown(alice, id)["State"] == "under-assessment"


def test_only_hosts_on_which_nothing_is_are_allocated_and_released(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    (theirs,) = run(bob)
    ask = alice.allocate_hosts
    asked = {"AvailabilityZone": ZONE, "InstanceType": KIND}
    code, message = refused(ask, Quantity=2, **asked)
    assert code == "InsufficientHostCapacity"
    assert "carries instances" in message
    assert alice.describe_hosts()["Hosts"] == []
    (id,) = ask(**asked)["HostIds"]
    assert refusal(ask, **asked) == "InsufficientHostCapacity"
    (mine,) = run(alice, Tenancy="host", HostId=id)
    assert host_of(world, mine) != host_of(world, theirs)
    kept = alice.release_hosts(HostIds=[id, "h-0123456789abcdef0"])
    assert kept["Successful"] == []
    assert [it["Error"]["Code"] for it in kept["Unsuccessful"]] == [
        "Client.InvalidHost.Occupied",
        "InvalidHostID.NotFound",
    ]
    alice.terminate_instances(InstanceIds=[mine])
    for host in two:
        host.settle()
    assert alice.release_hosts(HostIds=[id])["Successful"] == [id]
    assert shown(alice, id)["State"] == "released"
    assert not_run(alice, Tenancy="host", HostId=id)[0] == "IncompatibleHostRequirements"
    assert len(run(bob, 7)) == 7
    reconcile(world, capacity.KEPT_S + 1)
    assert refusal(alice.describe_hosts, HostIds=[id]) == "InvalidHostID.NotFound"


def test_who_names_no_host_gets_one_that_takes_all(alice: Any, two: list[FakeHost]) -> None:
    code, message = not_run(alice, Tenancy="host")
    assert code == "IncompatibleHostRequirements"
    assert "is no Dedicated Host of this account" in message
    id = allocate(alice)
    assert not_run(alice, Tenancy="host")[0] == "IncompatibleHostRequirements"
    assert alice.modify_hosts(HostIds=[id], AutoPlacement="on")["Successful"] == [id]
    (made,) = run(alice, Tenancy="host")
    assert described(alice, made)["Placement"]["HostId"] == id
    code, message = not_run(alice, "c5.large", Tenancy="host")
    assert code == "IncompatibleHostRequirements"
    assert f"for {KIND}" in message
    assert alice.modify_hosts(HostIds=[id], InstanceFamily="c5")["Unsuccessful"]
    assert alice.modify_hosts(HostIds=[id], InstanceFamily="m5")["Successful"] == [id]
    found = shown(alice, id)
    assert found["AllowsMultipleInstanceTypes"] == "on"
    kinds = found["AvailableCapacity"]["AvailableInstanceCapacity"]
    assert {it["InstanceType"] for it in kinds} == {"m5.large", "m5.xlarge", "m5.2xlarge"}


def test_a_dedicated_instance_has_no_stranger_beside_it(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    (theirs,) = run(bob)
    (mine,) = run(alice, Tenancy="dedicated")
    assert host_of(world, mine) != host_of(world, theirs)
    assert described(alice, mine)["Placement"]["Tenancy"] == "dedicated"
    assert len(run(bob, 3)) == 3
    code, message = not_run(bob)
    assert code == "InsufficientInstanceCapacity"
    assert "is another account's alone" in message
    # The account's own may be beside it.
    assert len(run(alice, 3)) == 3
    assert "carries things of other accounts" in not_run(alice, Tenancy="dedicated")[1]
    for host in two:
        host.settle()
    alice.terminate_instances(InstanceIds=[mine])
    for host in two:
        host.settle()
    assert len(run(bob, 1)) == 1


def test_dedicated_room_can_be_reserved(alice: Any, bob: Any, two: list[FakeHost]) -> None:
    asked = {
        "InstanceType": KIND,
        "InstancePlatform": "Linux/UNIX",
        "AvailabilityZone": ZONE,
        "Tenancy": "dedicated",
    }
    made = alice.create_capacity_reservation(**asked, InstanceCount=1)["CapacityReservation"]
    assert len(run(bob, 4)) == 4
    assert "is another account's alone" in not_run(bob)[1]
    (mine,) = run(alice, Tenancy="dedicated")
    assert described(alice, mine)["CapacityReservationId"] == made["CapacityReservationId"]


def test_a_stopped_instance_becomes_dedicated_where_its_host_allows_it(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    made = run(alice, 2)
    (theirs,) = run(bob)
    shared, alone = sorted(made, key=lambda it: host_of(world, it) != host_of(world, theirs))
    modify = alice.modify_instance_placement
    assert refusal(modify, InstanceId=alone, Tenancy="dedicated") == "IncorrectInstanceState"
    alice.stop_instances(InstanceIds=made)
    for host in two:
        host.settle()
    code = refusal(modify, InstanceId=shared, Tenancy="dedicated")
    assert code == "IncompatibleHostRequirements"
    assert modify(InstanceId=alone, Tenancy="dedicated")["Return"] is True
    assert refusal(modify, InstanceId=alone, Tenancy="host") == "IncompatibleHostRequirements"
    assert len(run(bob, 3)) == 3
    assert not_run(bob)[0] == "InsufficientInstanceCapacity"
    assert modify(InstanceId=alone, Tenancy="default")["Return"] is True
    assert len(run(bob, 1)) == 1


def test_what_contradicts_itself_is_refused(alice: Any, bob: Any, two: list[FakeHost]) -> None:
    id = allocate(alice)
    for placement, code in (
        ({"Tenancy": "dedicated", "HostId": id}, "InvalidParameterCombination"),
        ({"HostId": id}, "InvalidParameterCombination"),
        ({"Tenancy": "host", "Affinity": "some"}, "InvalidAffinity"),
        ({"Tenancy": "shared"}, "InvalidParameterValue"),
        ({"Tenancy": "host", "HostId": "h-0123456789abcdef0"}, "InvalidHostID.NotFound"),
        ({"Tenancy": "host", "HostId": "h-x"}, "InvalidHostId.Malformed"),
    ):
        assert not_run(alice, **placement)[0] == code, placement
    assert not_run(bob, Tenancy="host", HostId=id)[0] == "InvalidHostID.NotFound"
    asked = {"AvailabilityZone": ZONE, "InstanceType": KIND}
    for more, code in (
        ({"InstanceFamily": "m5"}, "InvalidParameterCombination"),
        ({"HostRecovery": "on"}, "UnsupportedOperation"),
        ({"HostMaintenance": "on"}, "UnsupportedOperation"),
        ({"AutoPlacement": "maybe"}, "InvalidParameterValue"),
        ({"Quantity": 0}, "InvalidParameterValue"),
        ({"InstanceType": "m5.24xlarge"}, "InsufficientHostCapacity"),
    ):
        assert refusal(alice.allocate_hosts, **{**asked, **more}) == code, more


def test_who_asks_why_is_told_of_dedicated_hosts_and_reservations(
    administration: Administration, alice: Any, bob: Any, two: list[FakeHost]
) -> None:
    id = allocate(alice)
    reserved = bob.create_capacity_reservation(
        InstanceType=KIND,
        InstancePlatform="Linux/UNIX",
        InstanceCount=4,
        InstanceMatchCriteria="targeted",
        AvailabilityZone=ZONE,
    )["CapacityReservation"]["CapacityReservationId"]
    told = administration.bob.ask("mallee", "ExplainLaunch", InstanceType=KIND)
    assert reserved in told.text
    assert "alone at present" in told.text
    assert id not in told.text
    bob.modify_capacity_reservation(CapacityReservationId=reserved, InstanceMatchCriteria="open")
    told = administration.bob.ask("mallee", "ExplainLaunch", InstanceType=KIND, Count="4")
    assert "<IsPossible>true" in told.text


def test_volumes_of_others_are_kept_elsewhere(
    alice: Any, bob: Any, two: list[FakeHost], world: World
) -> None:
    id = allocate(alice)
    record = world.store.view.get(records.DEDICATED_HOST, id)
    assert record is not None
    made = [bob.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"] for _ in range(3)]
    kept = [world.store.view.get(records.VOLUME, it) for it in made]
    assert record.doc.host_id not in {it.doc.host_id for it in kept if it is not None}
    asked = {"AvailabilityZone": ZONE, "InstanceType": KIND}
    code, message = refused(alice.allocate_hosts, **asked)
    assert (code, "volumes" in message) == ("InsufficientHostCapacity", True)
