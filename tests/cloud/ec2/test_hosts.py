"""What hosts do and how far they take part has its effect on everything that comes to one."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts import standings
from mallee.cloud.hosts.moves import migrating
from mallee.cloud.hosts.placing import placement
from mallee.cloud.state import records, store
from mallee.cloud.state.records import HostSeen
from mallee.model.hosts import hosts
from mallee.model.hosts.cpus import Cpu
from mallee.model.hosts.hosts import Host
from mallee.model.network.gateways import WORLD, Charge
from tests.cloud.agent import FACTS
from tests.cloud.ec2.asking import described, launch_one, refused, state
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.world import (
    IMAGE_ID,
    KERNEL_ID,
    RAMDISK_ID,
    ROOT_ID,
    FakeHost,
    Front,
    World,
)
from tests.cloud.signing import Answer

ZONE = "us-east-1a"
WITHOUT_VOLUMES = {"ImageId": ROOT_ID, "KernelId": KERNEL_ID, "RamdiskId": RAMDISK_ID}


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def modify(administration: Administration, host: FakeHost, **more: str) -> Answer:
    return administration.sender.ask("mallee", "ModifyHost", HostId=host.id, **more)


def stand(administration: Administration, host: FakeHost, standing: str) -> None:
    answer = modify(administration, host, Standing=standing)
    assert answer.status == 200, answer.text


def retire(administration: Administration, host: FakeHost, **more: str) -> Answer:
    return administration.sender.ask("mallee", "RetireHost", HostId=host.id, **more)


def not_launched(client: Any, **more: Any) -> str:
    asked = {"ImageId": IMAGE_ID, "MinCount": 1, "MaxCount": 1, **more}
    code, message = refused(client.run_instances, **asked)
    assert code == "InsufficientInstanceCapacity"
    return message


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("disabled", "takes nothing new"),
        ("draining", "is drained"),
        ("maintenance", "is in maintenance"),
    ],
)
def test_a_host_that_is_not_enabled_takes_no_instance_and_no_volume(
    alice: Any, host: FakeHost, administration: Administration, standing: str, words: str
) -> None:
    stand(administration, host, standing)
    assert f"Host hut {words}" in not_launched(alice)
    code, _ = refused(alice.create_volume, AvailabilityZone=ZONE, Size=1)
    assert code == "InsufficientVolumeCapacity"
    stand(administration, host, "enabled")
    launch_one(alice)


def test_another_host_is_chosen(
    alice: Any, host: FakeHost, administration: Administration, world: World
) -> None:
    other = FakeHost(world, "shed", hosts.Capacity(4, 4096, 100), ZONE)
    stand(administration, host, "disabled")
    made = world.store.view.get(records.INSTANCE, launch_one(alice)["InstanceId"])
    assert made is not None
    assert made.doc.host_id == other.id


def test_what_a_disabled_host_has_starts_again_and_in_maintenance_it_does_not(
    alice: Any, host: FakeHost, administration: Administration
) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    answer = modify(administration, host, Standing="maintenance")
    assert (answer.status, answer.code) == (400, "IncorrectState")
    assert id in answer.text
    alice.stop_instances(InstanceIds=[id])
    host.settle()
    stand(administration, host, "maintenance")
    code, message = refused(alice.start_instances, InstanceIds=[id])
    assert (code, "maintenance" in message) == ("InsufficientInstanceCapacity", True)
    stand(administration, host, "disabled")
    alice.start_instances(InstanceIds=[id])
    assert state(alice, id) == "pending"


def test_no_instance_is_on_a_host_without_compute(
    alice: Any, host: FakeHost, administration: Administration
) -> None:
    answer = modify(administration, host, **_roles("storage", "gateway"))
    assert answer.status == 200, answer.text
    assert "has not the role compute" in not_launched(alice)
    volume = alice.create_volume(AvailabilityZone=ZONE, Size=1)
    assert volume["State"] == "creating"


def test_no_volume_is_on_a_host_without_storage(
    alice: Any, host: FakeHost, administration: Administration
) -> None:
    assert modify(administration, host, **_roles("compute")).status == 200
    code, _ = refused(alice.create_volume, AvailabilityZone=ZONE, Size=1)
    assert code == "InsufficientVolumeCapacity"
    # Its root is a volume.
    assert "has not the role storage" in not_launched(alice)
    launch_one(alice, **WITHOUT_VOLUMES)


def test_a_role_that_is_needed_stays(
    alice: Any, host: FakeHost, administration: Administration
) -> None:
    id = launch_one(alice)["InstanceId"]
    answer = modify(administration, host, **_roles("storage"))
    assert (answer.code, id in answer.text) == ("IncorrectState", True)
    answer = modify(administration, host, **_roles("compute"))
    assert (answer.code, "vol-" in answer.text) == ("IncorrectState", True)


def _roles(*names: str) -> dict[str, str]:
    return {f"Roles.member.{at}": name for at, name in enumerate(names, 1)}


@pytest.mark.parametrize("address", ["beech", "127.0.0.1", "203.0.113.9", "172.31.1.1"])
def test_a_host_is_at_no_address_of_guests(
    host: FakeHost, administration: Administration, address: str
) -> None:
    answer = modify(administration, host, Address=address)
    assert (answer.status, answer.code) == (400, "InvalidInput")
    assert modify(administration, host, Address="198.18.0.1").element("Address") == "198.18.0.1"


def test_every_change_of_a_hosts_state_is_an_event(
    host: FakeHost, administration: Administration, world: World
) -> None:
    stand(administration, host, "disabled")
    stand(administration, host, "disabled")
    stand(administration, host, "enabled")
    found = [one.doc for one in standings.events(world.store.view, host.id)]
    assert [(one.number, one.state.value) for one in found] == [(1, "DISABLED"), (2, "ENABLED")]
    shown = administration.sender.ask("mallee", "ListHostEvents", HostId=host.id)
    assert shown.text.index("ENABLED</State>") < shown.text.index("DISABLED</State>") + 3
    assert "administrator wants it" in shown.text


def test_events_do_not_grow_for_ever(
    host: FakeHost, administration: Administration, world: World
) -> None:
    for number in range(standings.standing.EVENTS_KEPT + 5):
        stand(administration, host, ("disabled", "enabled")[number % 2])
    found = standings.events(world.store.view, host.id)
    assert len(found) == standings.standing.EVENTS_KEPT
    assert found[-1].doc.number == standings.standing.EVENTS_KEPT + 5


def test_world_is_taken_only_from_a_silent_host_that_leads_to_it(
    host: FakeHost, administration: Administration, world: World
) -> None:
    other = Host(
        id="host-other",
        name="other",
        zone=ZONE,
        certificate_serial="2",
        joined_at=2.0,
        address="198.51.100.9",
    )

    def observe(tx: store.Tx, id: str, is_silent: bool) -> None:
        record = tx.get(records.HOST, id)
        assert record is not None
        tx.observe(record, HostSeen(facts=FACTS, is_silent=is_silent))

    def lead(tx: store.Tx) -> None:
        charge = Charge(host_id=host.id, term=1, since=0.0, why="x", known_standby_id="")
        tx.insert(records.GATEWAY, "", WORLD, charge)

    def refusal() -> str:
        answer = modify(administration, host, IsOff="true")
        assert answer.code == "IncorrectState"
        return answer.text

    assert "it is not off" in refusal()
    world.store.transact(lambda tx: observe(tx, host.id, True))
    assert "does not lead" in refusal()
    world.store.transact(lead)
    shown = administration.sender.ask("mallee", "DescribeHosts").text
    assert " --is-off`, and another host with the role gateway leads." in shown
    assert "nobody can lead" in refusal()
    world.store.transact(lambda tx: tx.insert(records.HOST, "", other.id, other))
    world.store.transact(lambda tx: observe(tx, other.id, False))
    assert modify(administration, host, IsOff="true").status == 200
    charged = world.store.view.get(records.GATEWAY, WORLD)
    assert charged is not None
    assert (charged.doc.host_id, charged.doc.former_id) == (other.id, host.id)


# --- retiring ---


def test_an_empty_host_is_retired_and_its_record_stays(
    alice: Any, host: FakeHost, administration: Administration, world: World
) -> None:
    answer = retire(administration, host)
    assert (answer.status, answer.element("State")) == (200, "STOPPED")
    assert retire(administration, host).status == 200
    assert "has no hosts yet" in not_launched(alice)
    shown = administration.sender.ask("mallee", "DescribeHosts")
    assert host.id not in shown.text
    shown = administration.sender.ask("mallee", "DescribeHosts", IncludeRetired="true")
    assert host.id in shown.text
    assert modify(administration, host, Standing="enabled").code == "IncorrectState"
    assert standings.is_retired(world.store.view, host.id)


def test_what_would_be_lost_with_a_host_is_said_and_must_be_wanted(
    alice: Any, host: FakeHost, administration: Administration
) -> None:
    id = launch_one(alice)["InstanceId"]
    host.settle()
    answer = retire(administration, host)
    assert (answer.code, id in answer.text) == ("IncorrectState", True)
    assert state(alice, id) == "running"


def test_what_is_lost_with_a_host_says_why(
    alice: Any, host: FakeHost, administration: Administration, cutting: Cutting
) -> None:
    id = launch_one(alice)["InstanceId"]
    volume = alice.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    host.settle()
    snapshot = cutting.snapshot(alice, volume)
    answer = retire(administration, host, Force="true")
    assert answer.status == 200, answer.text
    assert {id, volume, snapshot} <= set(_lost(answer))
    host.reconcile()
    shown = described(alice, id)
    assert shown["State"]["Name"] == "terminated"
    assert "retired by the cloud's administrator" in shown["StateReason"]["Message"]
    (kept,) = alice.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert kept["State"] == "error"
    (cut,) = alice.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert cut["State"] == "error"
    assert "retired" in cut["StateMessage"]


def test_what_is_lost_can_be_deleted_and_leaves_nothing(
    alice: Any, host: FakeHost, administration: Administration, world: World
) -> None:
    volume = alice.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    host.settle()
    assert retire(administration, host, Force="true").status == 200
    alice.delete_volume(VolumeId=volume)
    host.reconcile()
    assert world.store.view.get(records.VOLUME, volume) is None


def _lost(answer: Answer) -> list[str]:
    return [part.split("</member>")[0] for part in answer.text.split("<member>")[1:]]


def test_a_host_to_which_something_is_on_its_way_is_not_retired(
    alice: Any, host: FakeHost, administration: Administration, world: World
) -> None:
    guest = launch_one(alice)["InstanceId"]
    host.settle()
    there = FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    begin(world, guest, there)
    answer = retire(administration, there, Force="true")
    assert (answer.code, guest in answer.text) == ("IncorrectState", True)


def test_nothing_is_kept_elsewhere_of_a_guest_that_was_leaving_a_lost_host(
    alice: Any, host: FakeHost, administration: Administration, world: World
) -> None:
    guest = launch_one(alice)["InstanceId"]
    host.settle()
    there = FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    begin(world, guest, there)
    assert placement.used(world.store.view, there.id).vcpus
    assert retire(administration, host, Force="true").status == 200
    there.settle()
    assert state(alice, guest) == "terminated"
    assert placement.used(world.store.view, there.id) == hosts.Capacity(0, 0, 0)
    assert retire(administration, there).status == 200


def begin(world: World, guest: str, there: FakeHost) -> None:
    """Have a guest go to another host."""

    def go(tx: store.Tx) -> None:
        record = tx.get(records.INSTANCE, guest)
        assert record is not None
        assert not migrating.why_not(tx, record, there.id)
        migrating.begin(tx, record, there.id, lambda count: bytes(range(count)))

    world.store.transact(go)


# --- processors ---


def test_a_guest_goes_only_where_its_processor_is(alice: Any, host: FakeHost, world: World) -> None:
    other = FakeHost(world, "there", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    _has_cpu(world, host, Cpu("new", {"qemu64": 20, "Westmere": 30}))
    _has_cpu(world, other, Cpu("new", {"qemu64": 20, "Westmere": 30}))
    guest = launch_one(alice)["InstanceId"]
    record = world.store.view.get(records.INSTANCE, guest)
    assert record is not None
    its, apart = (host, other) if record.doc.host_id == host.id else (other, host)
    its.settle()
    _has_cpu(world, apart, Cpu("old", {"qemu64": 20}))
    record = world.store.view.get(records.INSTANCE, guest)
    assert record is not None
    assert "cannot show the processor" in migrating.why_not(world.store.view, record, apart.id)
    _has_cpu(world, apart, Cpu("new", {"qemu64": 20, "Westmere": 30}))
    assert migrating.why_not(world.store.view, record, apart.id) == ""


def test_guests_of_hosts_that_differ_see_what_both_have(
    alice: Any, host: FakeHost, world: World
) -> None:
    def launched() -> str:
        id = launch_one(alice)["InstanceId"]
        record = world.store.view.get(records.INSTANCE, id)
        assert record is not None
        return record.doc.cpu

    other = FakeHost(world, "shed", hosts.Capacity(4, 4096, 100), ZONE)
    _has_cpu(world, host, Cpu("new", {"qemu64": 20, "Westmere": 30}))
    _has_cpu(world, other, Cpu("new", {"qemu64": 20, "Westmere": 30}))
    assert launched() == ""
    _has_cpu(world, other, Cpu("old", {"qemu64": 20}))
    assert launched() == "qemu64"
    _has_cpu(world, other, Cpu("old", {"qemu64": 20}), acceleration="kvm")
    assert launched() == "", "a guest never goes from emulation to a machine"


def _has_cpu(world: World, host: FakeHost, cpu: Cpu, acceleration: str = "tcg") -> None:
    def say(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        assert record.seen is not None
        facts = replace(record.seen.facts, cpu=cpu, acceleration=acceleration)
        tx.observe(record, replace(record.seen, facts=facts))

    world.store.transact(say)
