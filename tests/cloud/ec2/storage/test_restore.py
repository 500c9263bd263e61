"""Volumes of snapshots: on which host, on what they lie there, and until when."""

from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.reconcile.storage import volumes as reconciling
from mallee.cloud.state import records, store
from mallee.model.hosts import hosts
from mallee.model.storage.snapshots import Content, Layered
from mallee.model.storage.volumes import Phase, VolumeSeen, VolumeWanted
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage import test_snapshots
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.storage.test_volumes import ZONE, launch, make, shown
from tests.cloud.ec2.world import FakeHost, World

cutting = test_snapshots.cutting
OTHER_ZONE = "us-east-1b"
LARGE = hosts.Capacity(64, 1 << 20, 10_000)


@pytest.fixture
def elsewhere(world: World) -> FakeHost:
    """A host with more room than any, in another zone."""
    return FakeHost(world, "elsewhere", LARGE, OTHER_ZONE)


def complete(world: World, snapshot: str) -> Content:
    """Have a snapshot be in the object store, and in no layer any more."""

    def change(tx: store.Tx) -> Content:
        record = tx.get(records.SNAPSHOT, snapshot)
        assert record is not None
        size_bytes = record.doc.size_gib << 30
        content = Content(account=record.account, root="ab" * 32, size_bytes=size_bytes)
        tx.write(record, replace(record.doc, content=content, cut=0))
        return content

    return world.store.transact(change)


def told(world: World, host: FakeHost, volume: str) -> VolumeWanted:
    """What the host is told of a volume."""
    found = volumeslices.kept(world.store.view, host.id)
    return next(one for one in found if one.id == volume)


def test_a_completed_snapshot_gives_volumes_on_any_host(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, elsewhere: FakeHost
) -> None:
    snapshot = cutting.snapshot(alice, make(alice, host, Size=3))
    content = complete(world, snapshot)
    for zone, keeper in ((ZONE, host), (OTHER_ZONE, elsewhere)):
        made = alice.create_volume(AvailabilityZone=zone, SnapshotId=snapshot, Size=5)
        assert (made["Size"], made["SnapshotId"]) == (5, snapshot)
        wanted = told(world, keeper, made["VolumeId"])
        assert (wanted.source, wanted.content) == (None, content)


def test_until_then_they_are_where_its_layers_are(
    alice: Any, host: FakeHost, cutting: Cutting, world: World, elsewhere: FakeHost
) -> None:
    volume = make(alice, host)
    snapshot = cutting.snapshot(alice, volume)
    FakeHost(world, "larger", LARGE, ZONE)
    wanted = {"SnapshotId": snapshot, "AvailabilityZone": ZONE}
    made = alice.create_volume(**wanted)["VolumeId"]
    assert told(world, host, made).source == Layered(volume, 1)
    assert told(world, host, made).content is None
    far = {**wanted, "AvailabilityZone": OTHER_ZONE}
    assert refusal(alice.create_volume, **far) == "IncorrectState"
    assert refusal(alice.create_volume, **wanted, Size=16000) == "InsufficientVolumeCapacity"
    host.fall_silent()
    assert refusal(alice.create_volume, **wanted) == "InsufficientVolumeCapacity"
    # Its host is gone, and nobody minds any more.
    complete(world, snapshot)
    alice.create_volume(**wanted)
    alice.create_volume(**far)


def test_a_snapshot_that_was_shared_gives_its_users_volumes(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    snapshot = cutting.snapshot(alice, make(alice, host))
    content = complete(world, snapshot)
    wanted = {"SnapshotId": snapshot, "AvailabilityZone": ZONE}
    assert refusal(bob.create_volume, **wanted) == "InvalidSnapshot.NotFound"
    alice.modify_snapshot_attribute(
        SnapshotId=snapshot,
        Attribute="createVolumePermission",
        OperationType="add",
        UserIds=[bob.describe_security_groups()["SecurityGroups"][0]["OwnerId"]],
    )
    made = bob.create_volume(**wanted)["VolumeId"]
    assert told(world, host, made).content == content


def test_what_a_volume_lay_on_is_forgotten_when_it_needs_that_no_more(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    first = make(alice, host)
    snapshot = cutting.snapshot(alice, first)
    wanted = {"SnapshotId": snapshot, "AvailabilityZone": ZONE}
    layered = alice.create_volume(**wanted)["VolumeId"]
    complete(world, snapshot)
    lazy = alice.create_volume(**wanted)["VolumeId"]

    def see(tx: store.Tx, id: str, *, is_whole: bool) -> None:
        record = tx.get(records.VOLUME, id)
        assert record is not None
        tx.observe(record, VolumeSeen(phase=Phase.READY, size_gib=1, is_whole=is_whole))
        reconciling.settle_one(tx, id)

    guest = launch(alice, host)
    for number, id in enumerate((layered, lazy), 1):
        world.store.transact(lambda tx, id=id: see(tx, id, is_whole=False))
        assert shown(alice, id)["State"] == "available"
        before = told(world, host, id)
        assert before.source or before.content
        # While no instance ever had it, it may be made anew elsewhere.
        alice.attach_volume(VolumeId=id, InstanceId=guest, Device=f"/dev/sdf{number}")
        world.store.transact(lambda tx, id=id: see(tx, id, is_whole=True))
        after = told(world, host, id)
        assert (after.source, after.content) == (None, None)
        assert shown(alice, id)["SnapshotId"] == snapshot
    # Nothing lies on the first volume any more: it goes.
    alice.delete_snapshot(SnapshotId=snapshot)
    alice.delete_volume(VolumeId=first)
    for _ in range(2):
        host.settle()
    assert world.store.view.get(records.VOLUME, first) is None
