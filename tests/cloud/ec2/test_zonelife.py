"""Zones are made, shown with how they are, and removed when nothing is in them."""

from typing import Any

import pytest

from mallee.cloud.state import records
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import launch_one, refused
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.world import FakeHost, World
from tests.cloud.signing import Answer

ROOM = hosts.Capacity(4, 4096, 100)


def ask(administration: Administration, name: str, zone: str) -> Answer:
    return administration.sender.ask("mallee", name, ZoneName=zone)


def zone(client: Any, name: str) -> dict[str, Any]:
    (found,) = client.describe_availability_zones(ZoneNames=[name])["AvailabilityZones"]
    return found


def test_a_zone_is_made_with_default_subnets_and_used_when_a_host_is_in_it(
    alice: Any, administration: Administration, world: World
) -> None:
    assert ask(administration, "CreateZone", "simpsons").status == 200
    assert (zone(alice, "simpsons")["ZoneId"], zone(alice, "simpsons")["State"]) == (
        "simpsons",
        "unavailable",
    )
    by = [{"Name": "availability-zone", "Values": ["simpsons"]}]
    (subnet,) = alice.describe_subnets(Filters=by)["Subnets"]
    assert subnet["DefaultForAz"]
    FakeHost(world, "homer", ROOM, "simpsons")
    assert zone(alice, "simpsons")["State"] == "available"
    made = launch_one(alice, SubnetId=subnet["SubnetId"])
    assert made["Placement"]["AvailabilityZone"] == "simpsons"


@pytest.mark.parametrize("name", ["-a", "a b", "a_b", "../x", "a-"])
def test_a_zone_has_a_plain_name(administration: Administration, name: str) -> None:
    assert ask(administration, "CreateZone", name).code == "InvalidInput"


def test_no_two_zones_have_one_name_or_id(administration: Administration) -> None:
    assert ask(administration, "CreateZone", "us-east-1a").code == "EntityAlreadyExists"
    assert ask(administration, "CreateZone", "use1-az1").code == "InvalidInput"
    assert ask(administration, "CreateZone", "us-east-1b").status == 200
    assert ask(administration, "CreateZone", "use1-az2").code == "InvalidInput"


def test_an_empty_zone_goes_with_its_default_subnets(
    alice: Any, administration: Administration
) -> None:
    assert ask(administration, "CreateZone", "us-east-1b").status == 200
    assert len(alice.describe_subnets()["Subnets"]) == 2
    assert ask(administration, "DeleteZone", "us-east-1b").status == 200
    assert len(alice.describe_subnets()["Subnets"]) == 1
    assert ask(administration, "DeleteZone", "us-east-1b").code == "NoSuchResource"
    assert ask(administration, "DeleteZone", "us-east-1a").code == "IncorrectState"


def test_a_zone_in_which_anything_is_stays(
    alice: Any, administration: Administration, world: World
) -> None:
    assert ask(administration, "CreateZone", "us-east-1b").status == 200
    host = FakeHost(world, "shed", ROOM, "us-east-1b")
    answer = ask(administration, "DeleteZone", "us-east-1b")
    assert (answer.code, host.id in answer.text) == ("IncorrectState", True)
    volume = alice.create_volume(AvailabilityZone="us-east-1b", Size=1)["VolumeId"]
    asked = {"HostId": host.id, "Force": "true"}
    assert administration.sender.ask("mallee", "RetireHost", **asked).status == 200
    answer = ask(administration, "DeleteZone", "us-east-1b")
    assert (answer.code, volume in answer.text) == ("IncorrectState", True)
    alice.delete_volume(VolumeId=volume)
    host.reconcile()
    assert ask(administration, "DeleteZone", "us-east-1b").status == 200
    assert world.store.view.get(records.HOST, host.id) is not None


def test_a_zone_outlives_its_last_host(
    alice: Any, administration: Administration, world: World
) -> None:
    host = FakeHost(world, "shed", ROOM, "us-east-1b")
    assert administration.sender.ask("mallee", "RetireHost", HostId=host.id).status == 200
    found = zone(alice, "us-east-1b")
    assert found["State"] == "unavailable"
    assert "No host" in found["Messages"][0]["Message"]


def test_a_zones_state_follows_its_hosts(
    alice: Any, administration: Administration, world: World
) -> None:
    first = FakeHost(world, "ash", ROOM, "us-east-1a")
    second = FakeHost(world, "birch", ROOM, "us-east-1a")
    assert zone(alice, "us-east-1a")["State"] == "available"
    first.fall_silent()
    found = zone(alice, "us-east-1a")
    assert found["State"] == "available"
    assert found["Messages"] == [
        {"Message": "1 of the zone's 2 hosts cannot be used at the moment."}
    ]
    second.fall_silent()
    assert zone(alice, "us-east-1a")["State"] == "unavailable"
    by = [{"Name": "message", "Values": ["No host*"]}]
    assert alice.describe_availability_zones(Filters=by)["AvailabilityZones"]
    shown = administration.sender.ask("mallee", "ListZones")
    assert shown.element("State") == "unavailable"


def test_a_zone_of_hosts_that_are_disabled_takes_nothing(
    alice: Any, administration: Administration, world: World
) -> None:
    host = FakeHost(world, "ash", ROOM, "us-east-1a")
    asked = {"HostId": host.id, "Standing": "disabled"}
    assert administration.sender.ask("mallee", "ModifyHost", **asked).status == 200
    assert zone(alice, "us-east-1a")["State"] == "unavailable"
    code, _ = refused(alice.create_volume, AvailabilityZone="us-east-1a", Size=1)
    assert code == "InsufficientVolumeCapacity"
