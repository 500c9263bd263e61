"""A volume goes to the host of its first instance, whole, once, and leaves nothing behind."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.moves import moving
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.state import records, store
from mallee.model.hosts import hosts
from mallee.model.hosts.standing import Role
from mallee.model.storage.moves import ArrivalSeen
from mallee.model.storage.volumes import Phase, VolumeSeen
from tests.cloud.ec2.asking import refusal, state
from tests.cloud.ec2.storage.test_restore import complete, told
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.storage.test_volumes import ZONE, launch, make, shown, states
from tests.cloud.ec2.world import FakeHost, Front, World


@pytest.fixture
def cutting(front: Front, larger: FakeHost, world: World) -> Cutting:
    return Cutting(front, larger, world)


@pytest.fixture
def guest(alice: Any, host: FakeHost) -> str:
    return launch(alice, host)


@pytest.fixture
def larger(world: World, guest: str) -> FakeHost:
    """A host with more room than that of the instance: new volumes are there."""
    return FakeHost(world, "larger", hosts.Capacity(1, 64, 10_000), ZONE)


def claimed(world: World, host: FakeHost, volume: str) -> int:
    space = reserved.space(host.id, "disk_gib")
    return world.store.transact(lambda tx: tx.amount(space, volume))


def ids_of(world: World, host: FakeHost) -> set[str]:
    return {one.id for one in volumeslices.kept(world.store.view, host.id)}


def test_the_way_of_a_fresh_volume(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger, Size=7)
    assert volume in ids_of(world, larger)
    made = alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    assert made["State"] == "attaching"
    assert states(alice, volume) == ["in-use", "attaching"]
    # Its new host makes it, its old one takes its copy away; until then it keeps its room there.
    assert not told(world, host, volume).is_deleted
    assert not told(world, host, volume).is_made
    assert told(world, larger, volume).is_deleted
    assert claimed(world, host, volume) == claimed(world, larger, volume) == 7
    host.settle()
    assert states(alice, volume) == ["in-use", "attached"]
    larger.settle()
    assert volume not in ids_of(world, larger)
    assert (claimed(world, host, volume), claimed(world, larger, volume)) == (7, 0)


@pytest.mark.parametrize("said", [1 << 40, 65536, -1])
def test_a_port_that_is_none_is_told_to_nobody(world: World, host: FakeHost, said: int) -> None:
    """Who is told it would refuse all that it is told: so a host that lies would stop others."""

    def lie(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        assert record.seen is not None
        facts = replace(record.seen.facts, channel_port=said)
        tx.observe(record, replace(record.seen, facts=facts))

    assert moving.port(world.store.view, host.id) == 8775
    world.store.transact(lie)
    assert moving.port(world.store.view, host.id) == 0


def test_a_moved_volume_is_gone_when_both_copies_are(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    host.settle()
    alice.detach_volume(VolumeId=volume)
    host.settle()
    assert shown(alice, volume)["State"] == "available"
    alice.delete_volume(VolumeId=volume)
    host.settle()
    assert world.store.view.get(records.VOLUME, volume) is not None
    larger.settle()
    host.reconcile()
    assert world.store.view.get(records.VOLUME, volume) is None


def test_what_a_snapshot_has_comes_along(
    alice: Any, host: FakeHost, world: World, guest: str, cutting: Cutting, larger: FakeHost
) -> None:
    first = make(alice, larger)
    snapshot = cutting.snapshot(alice, first)
    content = complete(world, snapshot)
    volume = make(alice, larger, SnapshotId=snapshot)

    def fill(tx: store.Tx) -> None:
        record = tx.get(records.VOLUME, volume)
        assert record is not None
        tx.observe(record, VolumeSeen(phase=Phase.READY, size_gib=1, is_whole=True))

    # Though it was filled already, it may be made of its content anew.
    world.store.transact(fill)
    larger.reconcile()
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    assert told(world, host, volume).content == content


def use(alice: Any, host: FakeHost, volume: str, guest: str) -> None:
    """Have a guest have a volume for a while."""
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    host.settle()
    alice.detach_volume(VolumeId=volume)
    host.settle()


def owner(world: World, volume: str) -> str:
    record = world.store.view.get(records.VOLUME, volume)
    assert record is not None
    return record.doc.host_id


def test_a_used_volume_is_its_hosts_until_it_is_copied(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger, Size=3)
    use(alice, host, volume, guest)
    larger.settle()
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    far = launch(alice, wide)
    made = alice.attach_volume(VolumeId=volume, InstanceId=far, Device="/dev/sdf")
    assert made["State"] == "attaching"
    leaving, coming = told(world, host, volume), told(world, wide, volume)
    assert owner(world, volume) == host.id
    assert leaving.leaving is not None
    assert coming.arriving is not None
    assert leaving.leaving.word == coming.arriving.word
    assert (leaving.leaving.to_host_id, coming.arriving.from_host_id) == (wide.id, host.id)
    assert coming.arriving.port == 8775
    assert claimed(world, host, volume) == claimed(world, wide, volume) == 3
    # What the new host sees of it is nothing to its owner's word, and the other way round.
    host.settle()
    assert owner(world, volume) == host.id
    wide.settle()
    assert owner(world, volume) == wide.id
    assert told(world, host, volume).is_deleted
    assert told(world, wide, volume).moved_as == leaving.leaving.move_id
    assert told(world, wide, volume).is_made
    wide.settle()
    assert states(alice, volume) == ["in-use", "attached"]
    host.settle()
    assert (claimed(world, host, volume), claimed(world, wide, volume)) == (0, 3)
    assert volume not in ids_of(world, host)


def test_nobody_else_says_that_it_has_come(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    use(alice, host, volume, guest)
    larger.settle()
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    far = launch(alice, wide)
    alice.attach_volume(VolumeId=volume, InstanceId=far, Device="/dev/sdf")
    third = FakeHost(world, "third", hosts.Capacity(1, 64, 10), ZONE)

    def say(by: str, move_id: str) -> VolumeSeen | None:
        record = world.store.view.get(records.VOLUME, volume)
        assert record is not None
        come = ArrivalSeen(move_id=move_id, is_whole=True)
        seen = VolumeSeen(phase=Phase.READY, size_gib=1, arrival=come)
        return moving.heard(record, by, seen)

    record = world.store.view.get(records.VOLUME, volume)
    assert record is not None
    assert record.doc.move is not None
    assert say(third.id, record.doc.move.id) is None
    assert say(wide.id, "move-0123456789abcdef0") is None
    # Its owner cannot say so either.
    said = say(host.id, record.doc.move.id)
    assert said is not None
    assert said.arrival is None
    said = say(wide.id, record.doc.move.id)
    assert said is not None
    assert said.arrival is not None
    assert record.seen is not None
    assert said.size_gib == record.seen.size_gib


def on_its_way(alice: Any, host: FakeHost, volume: str, world: World) -> FakeHost:
    """A host to which a volume of another one goes, since a guest of it wanted it; it is free
    again."""
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    far = launch(alice, wide)
    alice.attach_volume(VolumeId=volume, InstanceId=far, Device="/dev/sdf")
    alice.detach_volume(VolumeId=volume)
    host.settle()
    return wide


def test_a_move_can_be_taken_back(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    use(alice, host, volume, guest)
    larger.settle()
    wide = on_its_way(alice, host, volume, world)
    for refused in (alice.create_snapshot, alice.modify_volume):
        more = {"Size": 9} if refused == alice.modify_volume else {}
        assert refusal(refused, VolumeId=volume, **more) == "IncorrectState"
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    assert told(world, wide, volume).is_deleted
    assert told(world, host, volume).leaving is None
    host.settle()
    assert states(alice, volume) == ["in-use", "attached"]
    wide.settle()
    assert owner(world, volume) == host.id
    assert claimed(world, wide, volume) == 0


def test_what_is_deleted_on_its_way_is_gone_on_both(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    use(alice, host, volume, guest)
    larger.settle()
    wide = on_its_way(alice, host, volume, world)
    alice.delete_volume(VolumeId=volume)
    host.settle()
    assert told(world, wide, volume).is_deleted
    assert world.store.view.get(records.VOLUME, volume) is not None
    wide.settle()
    host.reconcile()
    assert world.store.view.get(records.VOLUME, volume) is None


def test_cuts_go_with_their_volume(
    alice: Any, host: FakeHost, world: World, guest: str, cutting: Cutting, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    snapshot = cutting.snapshot(alice, volume)
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    held = claimed(world, larger, snapshot)
    assert told(world, larger, volume).upload is not None
    host.settle()
    found = world.store.view.get(records.SNAPSHOT, snapshot)
    assert found is not None
    assert found.doc.host_id == host.id
    assert told(world, host, volume).cuts == {snapshot: found.doc.cut}
    assert told(world, host, volume).upload is not None
    assert not told(world, larger, volume).cuts
    assert (claimed(world, host, snapshot), claimed(world, larger, snapshot)) == (held, 0)


@pytest.fixture
def stopped(alice: Any, host: FakeHost, guest: str) -> tuple[str, str]:
    """A stopped instance, and a volume of its besides its root."""
    volume = alice.create_volume(AvailabilityZone=ZONE, Size=2)["VolumeId"]
    host.settle()
    alice.attach_volume(VolumeId=volume, InstanceId=guest, Device="/dev/sdf")
    host.settle()
    alice.stop_instances(InstanceIds=[guest])
    host.settle()
    return guest, volume


def fill_up(world: World, host: FakeHost) -> None:
    """Have a host carry nothing more."""

    def shrink(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        assert record.seen is not None
        facts = replace(record.seen.facts, capacity=hosts.Capacity(0, 0, 1000))
        tx.observe(record, replace(record.seen, facts=facts))

    world.store.transact(shrink)


def roots(alice: Any, instance: str) -> list[str]:
    named = [{"Name": "attachment.instance-id", "Values": [instance]}]
    return [one["VolumeId"] for one in alice.describe_volumes(Filters=named)["Volumes"]]


def test_a_stopped_instance_starts_elsewhere_with_its_volumes(
    alice: Any, host: FakeHost, world: World, stopped: tuple[str, str]
) -> None:
    instance, _ = stopped
    had = roots(alice, instance)
    assert len(had) == 2
    fill_up(world, host)
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    alice.start_instances(InstanceIds=[instance])
    assert state(alice, instance) == "pending"
    assert {told(world, wide, one).arriving is not None for one in had} == {True}
    assert {told(world, host, one).leaving is not None for one in had} == {True}
    wide.settle()
    wide.settle()
    assert {owner(world, one) for one in had} == {wide.id}
    assert state(alice, instance) == "running"
    host.settle()
    for resource in ("vcpus", "memory_mib", "disk_gib"):
        assert world.store.view.total(reserved.space(host.id, resource)) == 0
    assert claimed(world, wide, had[0]) > 0


def test_it_starts_where_its_volumes_may_be_and_have_room_with_their_cuts(
    alice: Any, host: FakeHost, world: World, front: Front, stopped: tuple[str, str]
) -> None:
    """Neither the host that is freest, and keeps no volumes, nor the next, whose disk is short."""
    instance, volume = stopped
    snapshot = Cutting(front, host, world).snapshot(alice, volume)
    needed = sum(claimed(world, host, id) for id in (*roots(alice, instance), snapshot))
    fill_up(world, host)
    keeps_none = FakeHost(world, "keeps-none", hosts.Capacity(64, 1 << 19, 9_000), ZONE)
    FakeHost(world, "short", hosts.Capacity(32, 1 << 18, needed - 1), ZONE)
    fits = FakeHost(world, "fits", hosts.Capacity(16, 1 << 17, needed), ZONE)
    only_compute(world, keeps_none)
    alice.start_instances(InstanceIds=[instance])
    fits.settle()
    assert {owner(world, one) for one in roots(alice, instance)} == {fits.id}


def only_compute(world: World, host: FakeHost) -> None:
    """Have a host keep no volumes."""

    def write(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        tx.write(record, replace(record.doc, roles=(Role.COMPUTE,)))

    world.store.transact(write)


def test_it_stays_stopped_where_nobody_can_take_it(
    alice: Any, host: FakeHost, world: World, stopped: tuple[str, str]
) -> None:
    instance, volume = stopped
    # The disk is heard of, the host is not.
    host.fall_silent()
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    wanted = {"InstanceIds": [instance]}
    assert refusal(alice.start_instances, **wanted) == "InsufficientInstanceCapacity"
    assert state(alice, instance) == "stopped"
    assert claimed(world, wide, volume) == 0
    assert world.store.view.total(reserved.space(wide.id, "vcpus")) == 0


def test_what_others_lie_on_waits(
    alice: Any, world: World, guest: str, cutting: Cutting, larger: FakeHost
) -> None:
    under = make(alice, larger)
    lying = make(alice, larger, SnapshotId=cutting.snapshot(alice, under))
    wanted = {"Device": "/dev/sdf", "InstanceId": guest}
    for volume in (under, lying):
        assert refusal(alice.attach_volume, **wanted, VolumeId=volume) == "IncorrectState"


def test_a_host_that_is_not_heard_gives_nothing(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger)
    use(alice, host, volume, guest)
    larger.settle()
    wide = FakeHost(world, "wide", hosts.Capacity(64, 1 << 18, 9_000), ZONE)
    far = launch(alice, wide)
    host.fall_silent()
    wanted = {"VolumeId": volume, "InstanceId": far, "Device": "/dev/sdf"}
    assert refusal(alice.attach_volume, **wanted) == "IncorrectState"
    assert owner(world, volume) == host.id


def test_its_new_host_needs_room_for_it(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger, Size=1000)
    wanted = {"VolumeId": volume, "InstanceId": guest, "Device": "/dev/sdf"}
    assert refusal(alice.attach_volume, **wanted) == "InsufficientVolumeCapacity"
    assert states(alice, volume) == ["available"]
    assert claimed(world, host, volume) == 0
