"""Start, stop, reboot, terminate: all named or none, twice is once, protection holds."""

from typing import Any

import pytest

from mallee.cloud.state import records
from mallee.model.compute.instances import Phase, Reason
from mallee.model.hosts import hosts
from tests.cloud.ec2.asking import described, launch, launch_one, refusal, refused, state
from tests.cloud.ec2.world import FakeHost, World

NOBODY = "i-0123456789abcdef0"


@pytest.fixture
def running(alice: Any, host: FakeHost) -> str:
    made = launch_one(alice)["InstanceId"]
    host.settle()
    return made


def test_a_life(alice: Any, host: FakeHost, running: str) -> None:
    change = alice.stop_instances(InstanceIds=[running])["StoppingInstances"][0]
    assert change["PreviousState"]["Name"] == "running"
    assert change["CurrentState"] == {"Code": 64, "Name": "stopping"}
    host.settle()
    assert state(alice, running) == "stopped"
    change = alice.start_instances(InstanceIds=[running])["StartingInstances"][0]
    assert change["PreviousState"]["Name"] == "stopped"
    assert change["CurrentState"]["Name"] == "pending"
    host.settle()
    assert state(alice, running) == "running"
    change = alice.terminate_instances(InstanceIds=[running])["TerminatingInstances"][0]
    assert change["CurrentState"]["Name"] == "shutting-down"
    host.settle()
    assert state(alice, running) == "terminated"


def test_stop_is_idempotent(alice: Any, host: FakeHost, running: str) -> None:
    for _ in range(2):
        alice.stop_instances(InstanceIds=[running])
    assert state(alice, running) == "stopping"
    host.settle()
    change = alice.stop_instances(InstanceIds=[running])["StoppingInstances"][0]
    assert change["PreviousState"] == change["CurrentState"] == {"Code": 80, "Name": "stopped"}


def test_start_of_a_running_instance_changes_nothing(alice: Any, running: str) -> None:
    before = described(alice, running)
    change = alice.start_instances(InstanceIds=[running])["StartingInstances"][0]
    assert change["CurrentState"]["Name"] == "running"
    assert described(alice, running) == before


def test_terminate_is_idempotent(alice: Any, host: FakeHost, running: str) -> None:
    alice.terminate_instances(InstanceIds=[running])
    host.settle()
    change = alice.terminate_instances(InstanceIds=[running])["TerminatingInstances"][0]
    assert change["PreviousState"] == change["CurrentState"] == {"Code": 48, "Name": "terminated"}


def test_a_stop_says_who_asked_for_it(alice: Any, host: FakeHost, running: str) -> None:
    alice.stop_instances(InstanceIds=[running])
    host.settle()
    shown = described(alice, running)
    assert shown["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert shown["StateTransitionReason"].startswith("User initiated (20")
    alice.start_instances(InstanceIds=[running])
    shown = described(alice, running)
    assert "StateReason" not in shown
    assert shown["StateTransitionReason"] == ""


def test_a_failed_launch_says_why(alice: Any, host: FakeHost, world: World) -> None:
    id = launch_one(alice)["InstanceId"]
    cause = Reason("Server.InternalError", "The disk of host hut is full.")
    host.report(id, Phase.FAILED, cause)
    assert described(alice, id)["StateReason"]["Message"].endswith("The disk of host hut is full.")
    host.settle()
    assert state(alice, id) in ("shutting-down", "running", "terminated")


def test_a_reboot_keeps_the_instance_running(alice: Any, running: str, world: World) -> None:
    alice.reboot_instances(InstanceIds=[running])
    record = world.store.view.get(records.INSTANCE, running)
    assert record is not None
    assert (record.doc.reboots, record.doc.launch) == (1, 1)
    assert state(alice, running) == "running"


@pytest.mark.parametrize("wish", ["start", "stop", "reboot"])
def test_nothing_but_the_end_is_taken_after_termination(
    alice: Any, host: FakeHost, running: str, wish: str
) -> None:
    alice.terminate_instances(InstanceIds=[running])
    ask = getattr(alice, f"{wish}_instances")
    assert refusal(ask, InstanceIds=[running]) == "IncorrectInstanceState"


def test_a_stopping_instance_cannot_be_started_or_rebooted(alice: Any, running: str) -> None:
    alice.stop_instances(InstanceIds=[running])
    assert refusal(alice.start_instances, InstanceIds=[running]) == "IncorrectInstanceState"
    assert refusal(alice.reboot_instances, InstanceIds=[running]) == "IncorrectInstanceState"


@pytest.mark.parametrize("wish", ["start", "stop", "reboot", "terminate"])
def test_one_wrong_id_saves_all(alice: Any, running: str, wish: str, world: World) -> None:
    rev = world.store.view.rev
    ask = getattr(alice, f"{wish}_instances")
    assert refused(ask, InstanceIds=[running, NOBODY]) == (
        "InvalidInstanceID.NotFound",
        f"The instance ID '{NOBODY}' does not exist",
    )
    assert refusal(ask, InstanceIds=[running, "i-xyz"]) == "InvalidInstanceID.Malformed"
    assert world.store.view.rev == rev


@pytest.mark.parametrize("wish", ["start", "stop", "reboot", "terminate"])
def test_others_instances_are_not_there(bob: Any, running: str, wish: str) -> None:
    ask = getattr(bob, f"{wish}_instances")
    assert refusal(ask, InstanceIds=[running]) == "InvalidInstanceID.NotFound"


def test_a_protected_instance_saves_all_that_are_named_with_it(alice: Any, host: FakeHost) -> None:
    ids = [instance["InstanceId"] for instance in launch(alice, 2)]
    host.settle()
    protect = {"DisableApiTermination": {"Value": True}}
    alice.modify_instance_attribute(InstanceId=ids[1], **protect)
    assert refusal(alice.terminate_instances, InstanceIds=ids) == "OperationNotPermitted"
    assert [state(alice, id) for id in ids] == ["running", "running"]
    alice.modify_instance_attribute(InstanceId=ids[1], DisableApiTermination={"Value": False})
    alice.terminate_instances(InstanceIds=ids)


def test_stop_protection_holds(alice: Any, running: str) -> None:
    alice.modify_instance_attribute(InstanceId=running, DisableApiStop={"Value": True})
    assert refusal(alice.stop_instances, InstanceIds=[running]) == "OperationNotPermitted"


def test_force_is_wanted_even_while_it_stops(alice: Any, running: str, world: World) -> None:
    alice.stop_instances(InstanceIds=[running])
    alice.stop_instances(InstanceIds=[running], Force=True)
    record = world.store.view.get(records.INSTANCE, running)
    assert record is not None
    assert record.doc.force_stop


def test_hibernation_is_refused(alice: Any, running: str) -> None:
    code = refusal(alice.stop_instances, InstanceIds=[running], Hibernate=True)
    assert code == "UnsupportedOperation"


def test_a_lent_address_goes_at_stop_and_the_private_one_stays(
    alice: Any, host: FakeHost, running: str, world: World
) -> None:
    before = described(alice, running)
    alice.stop_instances(InstanceIds=[running])
    host.settle()
    stopped = described(alice, running)
    assert "PublicIpAddress" not in stopped
    assert stopped["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert before["PublicIpAddress"] not in world.store.view.held("public-ip")
    alice.start_instances(InstanceIds=[running])
    assert described(alice, running)["PublicIpAddress"].startswith("203.0.113.")


def test_a_terminated_instance_gives_everything_back(
    alice: Any, host: FakeHost, running: str, world: World
) -> None:
    alice.terminate_instances(InstanceIds=[running])
    host.settle()
    shown = described(alice, running)
    assert shown["NetworkInterfaces"] == []
    assert "PublicIpAddress" not in shown
    view = world.store.view
    assert view.list(records.INTERFACE) == []
    spaces = ("mac", "public-ip", f"private-ip/{shown.get('SubnetId')}", f"host/{host.id}/vcpus")
    assert [dict(view.held(space)) for space in spaces] == [{}, {}, {}, {}]


def test_terminated_is_said_when_everything_is_given_back(
    alice: Any, host: FakeHost, running: str
) -> None:
    group = described(alice, running)["SecurityGroups"][0]["GroupId"]
    address = alice.allocate_address()["AllocationId"]
    alice.associate_address(AllocationId=address, InstanceId=running)
    alice.terminate_instances(InstanceIds=[running])
    host.report(running, Phase.GONE)
    assert state(alice, running) == "shutting-down"
    assert refusal(alice.release_address, AllocationId=address) == "InvalidIPAddress.InUse"
    host.reconcile()
    assert state(alice, running) == "terminated"
    alice.release_address(AllocationId=address)
    wanted = [{"Name": "group-id", "Values": [group]}]
    assert alice.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"] == []


def test_a_start_without_room_says_what_is_short(alice: Any, world: World) -> None:
    host = FakeHost(world, "hut", hosts.Capacity(1, 4096, 100), "us-east-1a")
    first = launch_one(alice)["InstanceId"]
    host.settle()
    alice.stop_instances(InstanceIds=[first])
    host.settle()
    launch_one(alice)
    code, message = refused(alice.start_instances, InstanceIds=[first])
    assert code == "InsufficientInstanceCapacity"
    assert "vcpus" in message
    assert state(alice, first) == "stopped"


def test_a_guest_that_powers_itself_off_is_stopped_or_terminated(
    alice: Any, host: FakeHost
) -> None:
    kept = launch_one(alice)["InstanceId"]
    gone = launch_one(alice, InstanceInitiatedShutdownBehavior="terminate")["InstanceId"]
    host.settle()
    host.report(kept, Phase.OFF)
    host.report(gone, Phase.OFF)
    host.reconcile()
    assert state(alice, kept) == "stopped"
    assert state(alice, gone) == "shutting-down"
    assert described(alice, kept)["StateTransitionReason"].startswith("Instance initiated")
