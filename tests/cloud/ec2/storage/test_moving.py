"""A volume goes to the host of its first instance, whole, once, and leaves nothing behind."""

from typing import Any

import pytest

from mallee.cloud.hosts import moving, reserved, volumeslices
from mallee.cloud.state import records, store
from mallee.model import hosts
from mallee.model.volumes import Phase, VolumeSeen
from tests.cloud.ec2.asking import refusal
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


def test_what_was_used_stays_where_it_is(
    alice: Any, host: FakeHost, world: World, guest: str, cutting: Cutting, larger: FakeHost
) -> None:
    used, cut, under = (make(alice, larger) for _ in range(3))
    cutting.snapshot(alice, cut)
    lying = make(alice, larger, SnapshotId=cutting.snapshot(alice, under))
    wanted = {"Device": "/dev/sdf", "InstanceId": guest}
    alice.attach_volume(VolumeId=used, **wanted)
    host.settle()
    alice.detach_volume(VolumeId=used)
    host.settle()
    record = world.store.view.get(records.VOLUME, used)
    assert record is not None
    assert not moving.may_move(world.store.view, record)
    for volume in (cut, under, lying):
        assert refusal(alice.attach_volume, **wanted, VolumeId=volume) == "UnsupportedOperation"


def test_its_new_host_needs_room_for_it(
    alice: Any, host: FakeHost, world: World, guest: str, larger: FakeHost
) -> None:
    volume = make(alice, larger, Size=1000)
    wanted = {"VolumeId": volume, "InstanceId": guest, "Device": "/dev/sdf"}
    assert refusal(alice.attach_volume, **wanted) == "InsufficientVolumeCapacity"
    assert states(alice, volume) == ["available"]
    assert claimed(world, host, volume) == 0
