"""The status of an instance is what was looked at, with the time since when it is so."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.state import records
from mallee.model.compute.instances import Halt, Halted, Phase, Reach
from tests.cloud.ec2.asking import launch_one
from tests.cloud.ec2.world import FakeHost, World

SINCE = 1_700_000_000.0


def hear(world: World, instance_id: str, reach: Reach | None, halted: Halted | None = None) -> None:
    """Let its host say whether the guest answers, and what keeps it from going on."""

    def look(tx: Any) -> None:
        record = tx.get(records.INSTANCE, instance_id)
        tx.observe(record, replace(record.seen, reach=reach, halted=halted))

    world.store.transact(look)


def status(client: Any, instance_id: str) -> dict[str, Any]:
    (one,) = client.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    return one


def test_a_guest_is_well_when_it_answers(alice: Any, host: FakeHost, world: World) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    hear(world, id, None)
    shown = status(alice, id)["InstanceStatus"]
    assert shown["Status"] == "initializing"
    assert shown["Details"] == [{"Name": "reachability", "Status": "initializing"}]
    hear(world, id, Reach(answers=True, since=SINCE))
    shown = status(alice, id)["InstanceStatus"]
    assert (shown["Status"], shown["Details"][0]["Status"]) == ("ok", "passed")
    alice.get_waiter("instance_status_ok").wait(InstanceIds=[id])


def test_a_guest_that_fell_silent_is_impaired_since(
    alice: Any, host: FakeHost, world: World
) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    hear(world, id, Reach(answers=False, since=SINCE))
    shown = status(alice, id)
    (detail,) = shown["InstanceStatus"]["Details"]
    assert shown["InstanceStatus"]["Status"] == "impaired"
    assert detail["Status"] == "failed"
    assert detail["ImpairedSince"].timestamp() == SINCE
    assert shown["SystemStatus"]["Status"] == "ok", "it is the guest's own trouble"
    for value, found in (("failed", [id]), ("passed", [])):
        wanted = [{"Name": "instance-status.reachability", "Values": [value]}]
        answer = alice.describe_instance_status(Filters=wanted)["InstanceStatuses"]
        assert [it["InstanceId"] for it in answer] == found


@pytest.mark.parametrize(("by", "own"), [(Halt.NO_ROOM, "impaired"), (Halt.QEMU_SILENT, "ok")])
def test_a_guest_that_its_host_keeps_from_going_on_is_impaired_since(
    alice: Any, host: FakeHost, world: World, by: Halt, own: str
) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    answers = Reach(answers=True, since=SINCE - 60)
    hear(world, id, answers, Halted(by, SINCE))
    shown = status(alice, id)
    (detail,) = shown["SystemStatus"]["Details"]
    assert (shown["SystemStatus"]["Status"], detail["Status"]) == ("impaired", "failed")
    assert detail["ImpairedSince"].timestamp() == SINCE
    # Of a guest whose QEMU is silent it is known whether it answers on its wire, and no more.
    assert shown["InstanceStatus"]["Status"] == own
    assert shown["InstanceState"]["Name"] == "running"
    wanted = [{"Name": "system-status.reachability", "Values": ["failed"]}]
    (found,) = alice.describe_instance_status(Filters=wanted)["InstanceStatuses"]
    assert found["InstanceId"] == id
    hear(world, id, answers)
    assert status(alice, id)["SystemStatus"]["Status"] == "ok"


def test_of_what_nobody_looked_at_nothing_is_claimed(
    alice: Any, host: FakeHost, world: World
) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    host.fall_silent()
    shown = status(alice, id)
    assert shown["SystemStatus"]["Status"] == "impaired"
    assert shown["SystemStatus"]["Details"][0]["ImpairedSince"]
    assert shown["InstanceStatus"]["Status"] == "insufficient-data"


def test_a_guest_that_is_started_anew_is_impaired(alice: Any, host: FakeHost) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    host.report(id, Phase.RECOVERING)
    assert status(alice, id)["InstanceStatus"]["Status"] == "impaired"
