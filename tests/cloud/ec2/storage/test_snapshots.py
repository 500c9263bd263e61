"""Snapshots as EC2 has them: cut by the host first, then written down, described, deleted, used."""

from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.ec2.storage import snapshots
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.reconcile.storage import snapshots as completing
from mallee.cloud.reconcile.storage import volumes as reconciling
from mallee.cloud.state import records, store
from mallee.model.hosts import hosts
from mallee.model.storage.snapshots import (
    CUT_TAKES_MAX_S,
    Cut,
    CutAsked,
    CutsMade,
    Layered,
    SnapshotSeen,
)
from mallee.model.storage.volumes import Phase, VolumeSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.storage.test_volumes import ZONE, launch, make, shown, states
from tests.cloud.ec2.world import FakeHost, Front, World

GIB = 1 << 30


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> "Cutting":
    return Cutting(front, host, world)


class Cutting:
    """A host that cuts what it is asked to, each volume one layer higher than before."""

    def __init__(self, front: Front, host: FakeHost, world: World) -> None:
        self._front, self._host, self._world = front, host, world
        self._layers: dict[str, int] = {}
        self.asked: list[CutAsked] = []
        self.late_s = 0.0
        self.lie: dict[str, Any] = {}
        """What it says of its cuts that is not so."""

    def next(self) -> None:
        """Be ready for one question."""
        self._front.answer_next_ask(self._host.id, self.cut)

    def cut(self, ask: hosts.Ask) -> bytes:
        assert ask.kind == hosts.ASK_CUT
        asked = msgspec.json.decode(ask.detail, type=CutAsked)
        self.asked.append(asked)
        cuts: dict[str, Cut] = {}
        for volume_id, snapshot_id in asked.snapshots.items():
            self._layers[volume_id] = self._layers.get(volume_id, 0) + 1
            volume = self._world.store.view.get(records.VOLUME, volume_id)
            assert volume is not None
            cuts[volume_id] = Cut(
                snapshot_id=snapshot_id,
                number=self._layers[volume_id],
                size_bytes=volume.doc.size_gib * GIB,
                asked_at=asked.asked_at - self.late_s,
            )
            cuts[volume_id] = replace(cuts[volume_id], **self.lie)
        return msgspec.json.encode(CutsMade(cuts))

    def brings(self, id: str, **seen: Any) -> None:
        """Say how far a snapshot is, and have the cloud draw its conclusions."""

        def look(tx: store.Tx) -> None:
            record = tx.get(records.SNAPSHOT, id)
            assert record is not None
            epoch = turns.enter(tx, record.account, id, tx.now + 3600)
            told = {"attempt": record.doc.attempt, "epoch": epoch, **seen}
            tx.observe(record, SnapshotSeen(**told))
            completing.settle_one(tx, id)

        self._world.store.transact(look)

    def snapshot(self, ec2: Any, volume: str, **more: Any) -> str:
        self.next()
        return ec2.create_snapshot(VolumeId=volume, **more)["SnapshotId"]


def test_the_life_of_a_snapshot(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    volume = make(alice, host, Size=3)
    cutting.next()
    made = alice.create_snapshot(
        VolumeId=volume,
        Description="before the change",
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    assert (made["State"], made["Progress"], made["VolumeSize"]) == ("pending", "0%", 3)
    assert made["VolumeId"] == volume
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    id = made["SnapshotId"]
    (found,) = alice.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert (found["SnapshotId"], found["Description"]) == (id, "before the change")
    cutting.brings(id, root="ab" * 32, size_bytes=3 * GIB, full_bytes=GIB)
    alice.get_waiter("snapshot_completed").wait(SnapshotIds=[id])
    alice.delete_snapshot(SnapshotId=id)
    assert refusal(alice.delete_snapshot, SnapshotId=id) == "InvalidSnapshot.NotFound"
    assert alice.describe_snapshots()["Snapshots"] == []


def test_a_snapshot_is_explained_by_the_state_that_is_told_of_it(
    alice: Any, administration: Administration, host: FakeHost, cutting: Cutting
) -> None:
    volume = make(alice, host)
    id = cutting.snapshot(alice, volume)
    told = administration.sender.ask("mallee", "ExplainResource", ResourceId=id)
    assert told.element("State") == alice.describe_snapshots()["Snapshots"][0]["State"]
    assert volume in told.element("Why")


def test_what_an_instance_has_is_cut_at_one_instant(
    alice: Any, host: FakeHost, cutting: Cutting
) -> None:
    instance = launch(alice, host)
    ids = [make(alice, host) for _ in range(3)]
    for id, letter in zip(ids, "fgh", strict=True):
        alice.attach_volume(VolumeId=id, InstanceId=instance, Device=f"/dev/sd{letter}")
        alice.create_tags(Resources=[id], Tags=[{"Key": "of", "Value": id}])
    cutting.next()
    wanted = {"InstanceId": instance, "ExcludeDataVolumeIds": [ids[1]]}
    made = alice.create_snapshots(InstanceSpecification=wanted, CopyTagsFromSource="volume")
    found = {one["VolumeId"]: one for one in made["Snapshots"]}
    (root,) = {volume for volume in found if volume not in ids}
    assert found.keys() == {root, ids[0], ids[2]}
    assert [asked.snapshots.keys() for asked in cutting.asked] == [found.keys()]
    assert found[ids[0]]["Tags"] == [{"Key": "of", "Value": ids[0]}]
    wrong = {"InstanceId": instance, "ExcludeDataVolumeIds": ["vol-0123456789abcdef0"]}
    ask = alice.create_snapshots
    assert refusal(ask, InstanceSpecification=wrong) == "InvalidParameterValue"
    bare = {"InstanceId": launch(alice, host), "ExcludeBootVolume": True}
    assert refusal(ask, InstanceSpecification=bare) == "InvalidParameterValue"


def test_a_volume_begins_with_what_a_snapshot_has(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host, Size=3)
    cutting.snapshot(alice, volume)
    id = cutting.snapshot(alice, volume)
    wanted = {"AvailabilityZone": ZONE, "SnapshotId": id}
    assert refusal(alice.create_volume, **wanted, Size=2) == "InvalidParameterValue"
    made = alice.create_volume(**wanted)
    assert (made["Size"], made["SnapshotId"]) == (3, id)
    larger = alice.create_volume(**wanted, Size=5)["VolumeId"]
    kept = {one.id: one for one in volumeslices.kept(world.store.view, host.id)}
    assert kept[made["VolumeId"]].source == kept[larger].source == Layered(volume, 2)
    assert kept[volume].cuts[id] == 2


def test_a_deleted_volume_is_kept_for_what_lies_on_it_and_not_shown(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    snapshot = cutting.snapshot(alice, volume)
    other = alice.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot)["VolumeId"]
    alice.delete_volume(VolumeId=volume)
    assert states(alice, volume) == ["deleting"]
    host.settle()
    for ask, asked in (
        (alice.describe_volumes, {"VolumeIds": [volume]}),
        (alice.delete_volume, {"VolumeId": volume}),
        (alice.create_snapshot, {"VolumeId": volume}),
    ):
        assert refusal(ask, **asked) == "InvalidVolume.NotFound"
    assert [one["VolumeId"] for one in alice.describe_volumes()["Volumes"]] == [other]
    assert alice.describe_tags()["Tags"] == []
    alice.delete_snapshot(SnapshotId=snapshot)
    host.settle()
    view = world.store.view
    assert view.get(records.VOLUME, volume) is not None
    alice.delete_volume(VolumeId=other)
    for _ in range(2):
        host.settle()
    assert view.list(records.VOLUME) == []


def test_what_cannot_be_cut_is_refused(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    fresh = alice.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    assert refusal(alice.create_snapshot, VolumeId=fresh) == "IncorrectState"
    shared = make(alice, host, VolumeType="io2", Size=4, Iops=100, MultiAttachEnabled=True)
    assert refusal(alice.create_snapshot, VolumeId=shared) == "UnsupportedOperation"
    host.fall_silent()
    assert refusal(alice.create_snapshot, VolumeId=make_silent(alice, host)) == "Unavailable"
    assert alice.describe_snapshots()["Snapshots"] == []


def make_silent(ec2: Any, host: FakeHost) -> str:
    """A volume that is there, on a host that is not heard any more."""
    found = ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])
    return next(one["VolumeId"] for one in found["Volumes"] if not one["MultiAttachEnabled"])


def test_a_cut_that_took_too_long_is_no_snapshot(
    alice: Any, host: FakeHost, cutting: Cutting
) -> None:
    volume = make(alice, host)
    cutting.late_s = CUT_TAKES_MAX_S + 1
    cutting.next()
    assert refusal(alice.create_snapshot, VolumeId=volume) == "Unavailable"
    assert alice.describe_snapshots()["Snapshots"] == []


def test_a_cut_without_a_snapshot_is_taken_back_when_it_will_have_none(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    known = cutting.snapshot(alice, volume)
    now = world.store.view.get(records.VOLUME, volume)
    assert now is not None
    old = now.doc.created_at - 1000.0

    def see(tx: store.Tx) -> None:
        record = tx.get(records.VOLUME, volume)
        assert record is not None
        loose = {known: old, "snap-never": old, "snap-soon": tx.now}
        seen = VolumeSeen(phase=Phase.READY, size_gib=1, loose_cuts=loose)
        tx.observe(record, seen)
        reconciling.settle_one(tx, volume)

    world.store.transact(see)
    (wanted,) = volumeslices.kept(world.store.view, host.id)
    assert wanted.dropped_cuts == ("snap-never",)

    def forget(tx: store.Tx) -> None:
        record = tx.get(records.VOLUME, volume)
        assert record is not None
        assert record.seen is not None
        tx.observe(record, replace(record.seen, loose_cuts={}))
        reconciling.settle_one(tx, volume)

    world.store.transact(forget)
    (wanted,) = volumeslices.kept(world.store.view, host.id)
    assert wanted.dropped_cuts == ()


def test_another_accounts_snapshot_is_not_there(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting
) -> None:
    volume = make(alice, host)
    id = cutting.snapshot(alice, volume)
    assert refusal(bob.create_snapshot, VolumeId=volume) == "InvalidVolume.NotFound"
    assert refusal(bob.delete_snapshot, SnapshotId=id) == "InvalidSnapshot.NotFound"
    wanted = {"AvailabilityZone": ZONE, "SnapshotId": id}
    assert refusal(bob.create_volume, **wanted) == "InvalidSnapshot.NotFound"
    assert bob.describe_snapshots()["Snapshots"] == []
    assert alice.describe_snapshots(OwnerIds=["000000000009"])["Snapshots"] == []


def test_a_dry_run_asks_no_host(alice: Any, host: FakeHost) -> None:
    volume = make(alice, host)
    assert refusal(alice.create_snapshot, VolumeId=volume, DryRun=True) == "DryRunOperation"
    assert shown(alice, volume)["State"] == "available"


@pytest.mark.parametrize(
    "lie",
    [
        {"snapshot_id": "snap-0123456789abcdef0"},
        {"snapshot_id": "../../x"},
        {"number": 0},
        {"number": 1 << 40},
        {"size_bytes": 1 << 60},
        {"size_bytes": 0},
        {"written_bytes": 1 << 60},
        {"written_bytes": -1},
    ],
    ids=str,
)
def test_a_host_that_lies_about_its_cuts_is_not_believed(
    alice: Any, host: FakeHost, cutting: Cutting, lie: dict[str, Any]
) -> None:
    volume = make(alice, host)
    cutting.lie = lie
    cutting.next()
    assert refusal(alice.create_snapshot, VolumeId=volume) == "Unavailable"
    assert alice.describe_snapshots()["Snapshots"] == []


def test_what_is_no_answer_at_all_is_refused(alice: Any, host: FakeHost, front: Front) -> None:
    volume = make(alice, host)
    front.answer_next_ask(host.id, lambda ask: b"\x00{")
    assert refusal(alice.create_snapshot, VolumeId=volume) == "Unavailable"


def test_what_snapshots_keep_takes_room_on_the_host(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host, Size=10)

    def taken() -> int:
        return world.store.view.total(reserved.space(host.id, "disk_gib"))

    before = taken()
    cutting.lie = {"written_bytes": 7 * GIB - 1}
    first = cutting.snapshot(alice, volume)
    assert taken() == before + 7
    cutting.lie = {"written_bytes": 9 * GIB}
    second = cutting.snapshot(alice, volume)
    assert taken() == before + 9
    room = disk_gib_of(world, host) - taken()
    cutting.lie = {"written_bytes": (9 + room) * GIB + 1}
    cutting.next()
    assert refusal(alice.create_snapshot, VolumeId=volume) == "InsufficientVolumeCapacity"
    for id in (first, second):
        alice.delete_snapshot(SnapshotId=id)
    assert taken() == before


def disk_gib_of(world: World, host: FakeHost) -> int:
    """How many GiB the host's disk has."""
    found = world.store.view.get(records.HOST, host.id)
    assert found is not None
    assert found.seen is not None
    return found.seen.facts.capacity.disk_gib


def test_a_volume_has_so_many_snapshots(
    alice: Any, host: FakeHost, cutting: Cutting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PER_VOLUME_MAX", 1)
    volume = make(alice, host)
    cutting.snapshot(alice, volume)
    assert refusal(alice.create_snapshot, VolumeId=volume) == "SnapshotLimitExceeded"
    assert len(cutting.asked) == 1


@pytest.mark.parametrize("name", ["create_snapshot", "create_snapshots"])
def test_tags_that_cannot_be_given_are_refused_before_a_host_is_asked(
    alice: Any, host: FakeHost, name: str
) -> None:
    volume = make(alice, host)
    asked = {
        "create_snapshot": {"VolumeId": volume},
        "create_snapshots": {"InstanceSpecification": {"InstanceId": "i-0123456789abcdef0"}},
    }[name]
    for kind, key in (("volume", "a"), ("snapshot", "aws:a")):
        tags = [{"ResourceType": kind, "Tags": [{"Key": key, "Value": "b"}]}]
        made = partial(getattr(alice, name), TagSpecifications=tags)
        assert refusal(made, **asked) == "InvalidParameterValue"
    assert alice.describe_snapshots()["Snapshots"] == []


def test_the_quota_of_snapshots_holds(
    bob: Any, host: FakeHost, cutting: Cutting, administration: Administration
) -> None:
    administration.limit("ec2:quota-snapshotnumber", 1)
    volume = make(bob, host)
    cutting.snapshot(bob, volume)
    cutting.next()
    assert refusal(bob.create_snapshot, VolumeId=volume) == "SnapshotLimitExceeded"
    assert len(bob.describe_snapshots()["Snapshots"]) == 1
