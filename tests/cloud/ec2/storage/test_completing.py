"""Snapshots on their way to the object store: pending, complete, in error, and what they hold."""

from typing import Any

import pytest

from mallee.cloud.blocks import turns
from mallee.cloud.hosts import reserved, volumeslices
from mallee.cloud.reconcile import volumes as reconciling
from mallee.cloud.state import records
from mallee.model.instances import Reason
from mallee.model.snapshots import Base, Snapshot, UploadWanted
from mallee.model.volumes import VolumeWanted
from tests.cloud.ec2.storage.test_snapshots import GIB, Cutting
from tests.cloud.ec2.storage.test_volumes import make
from tests.cloud.ec2.world import FakeHost, Front, World

ROOT = "ab" * 32
DONE: dict[str, Any] = {"root": ROOT, "size_bytes": GIB, "full_bytes": GIB // 2}


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def only(alice: Any, id: str) -> Any:
    (found,) = alice.describe_snapshots(SnapshotIds=[id])["Snapshots"]
    return found


def doc(world: World, id: str) -> Snapshot:
    record = world.store.view.get(records.SNAPSHOT, id)
    assert record is not None
    return record.doc


def wanted(world: World, host: FakeHost, volume_id: str) -> VolumeWanted:
    (found,) = (one for one in volumeslices.kept(world.store.view, host.id) if one.id == volume_id)
    return found


def settle(world: World, volume_id: str) -> None:
    world.store.transact(lambda tx: reconciling.settle_one(tx, volume_id))


def test_a_snapshot_tells_how_far_it_is(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    id = cutting.snapshot(alice, make(alice, host))
    assert (only(alice, id)["State"], only(alice, id)["Progress"]) == ("pending", "0%")
    assert "CompletionTime" not in only(alice, id)
    cutting.brings(id, done_bytes=30, total_bytes=40)
    assert only(alice, id)["Progress"] == "75%"
    cutting.brings(id, done_bytes=40, total_bytes=40)
    assert only(alice, id)["Progress"] == "99%", "its root is not there"
    by = [{"Name": "status", "Values": ["pending"]}, {"Name": "progress", "Values": ["99%"]}]
    assert len(alice.describe_snapshots(Filters=by)["Snapshots"]) == 1
    cutting.brings(id, **DONE)
    found = only(alice, id)
    assert (found["State"], found["Progress"]) == ("completed", "100%")
    assert found["CompletionTime"] >= found["StartTime"]
    assert found["FullSnapshotSizeInBytes"] == GIB // 2
    by = [{"Name": "status", "Values": ["pending"]}]
    assert alice.describe_snapshots(Filters=by)["Snapshots"] == []


def test_what_stands_against_it_is_told(alice: Any, host: FakeHost, cutting: Cutting) -> None:
    id = cutting.snapshot(alice, make(alice, host))
    away = Reason("Server.InternalError", "the object store has no room.")
    cutting.brings(id, cause=away)
    found = only(alice, id)
    assert (found["State"], found["StateMessage"]) == ("pending", away.message)
    cutting.brings(id, cause=Reason("Server.InternalError", "It is lost."), is_failed=True)
    assert only(alice, id)["State"] == "error"
    cutting.brings(id, **DONE)
    assert only(alice, id)["State"] == "completed", "what could not be read can be again"
    assert "StateMessage" not in only(alice, id)


def test_a_complete_snapshot_lets_its_cut_go(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    cutting.lie = {"written_bytes": 3 * GIB}
    id = cutting.snapshot(alice, volume)
    held = world.store.transact(lambda tx: tx.amount(reserved.space(host.id, "disk_gib"), id))
    assert held == 3
    assert wanted(world, host, volume).cuts == {id: 1}
    cutting.brings(id, **DONE)
    held = world.store.transact(lambda tx: tx.amount(reserved.space(host.id, "disk_gib"), id))
    assert held == 0
    assert (doc(world, id).cut, doc(world, id).host_id) == (0, "")
    kept = wanted(world, host, volume)
    assert (kept.cuts, kept.base_cut, kept.upload) == ({}, 1, None)


def test_cuts_are_brought_in_their_order_each_over_the_one_before(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    first, second = (cutting.snapshot(alice, volume) for _ in range(2))
    account = world.store.view.get(records.SNAPSHOT, first)
    assert account is not None
    asked = wanted(world, host, volume).upload
    assert asked == UploadWanted(snapshot_id=first, account=account.account, cut=1)
    cutting.brings(first, **DONE)
    asked = wanted(world, host, volume).upload
    assert asked is not None
    assert (asked.snapshot_id, asked.cut, asked.base_cut) == (second, 2, 1)
    assert asked.parent == doc(world, first).content
    alice.delete_snapshot(SnapshotId=first)
    asked = wanted(world, host, volume).upload
    assert asked is not None
    assert (asked.parent, asked.base_cut) == (None, 0), "what is deleted is no base"
    settle(world, volume)
    found = world.store.view.get(records.VOLUME, volume)
    assert found is not None
    assert found.doc.base is None
    cutting.brings(second, **DONE)
    found = world.store.view.get(records.VOLUME, volume)
    assert found is not None
    assert found.doc.base == Base(second, 2)


def test_what_a_sweep_may_have_met_is_brought_anew(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    id = cutting.snapshot(alice, volume)
    cutting.brings(id, epoch=7, **DONE)
    assert only(alice, id)["State"] == "pending"
    asked = wanted(world, host, volume).upload
    assert asked is not None
    assert asked.attempt == 1
    cutting.brings(id, attempt=0, **DONE)
    assert only(alice, id)["State"] == "pending", "it speaks of the attempt before"
    cutting.brings(id, **DONE)
    assert only(alice, id)["State"] == "completed"


@pytest.mark.parametrize(
    "lie",
    [{"root": "../../etc"}, {"root": "AB" * 32}, {"size_bytes": 2 * GIB}, {"full_bytes": -1}],
)
def test_a_host_that_says_what_cannot_be_is_not_believed(
    alice: Any, host: FakeHost, cutting: Cutting, lie: dict[str, Any]
) -> None:
    id = cutting.snapshot(alice, make(alice, host))
    cutting.brings(id, **{**DONE, **lie})
    assert only(alice, id)["State"] == "pending"


def test_a_deleted_snapshot_is_garbage_and_ends_its_turn(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    volume = make(alice, host)
    done, pending = (cutting.snapshot(alice, volume) for _ in range(2))
    cutting.brings(done, **DONE)
    cutting.brings(pending, done_bytes=1, total_bytes=2)
    record = world.store.view.get(records.SNAPSHOT, done)
    assert record is not None
    account, now = record.account, world.store.view.get
    alice.delete_snapshot(SnapshotId=done)
    assert not turns.may_sweep(world.store.view, account, record.doc.started_at), "one writes"
    alice.delete_snapshot(SnapshotId=pending)
    space = now(records.BLOCK_SPACE, account)
    assert space is not None
    assert (space.doc.uses, bool(space.doc.waits_since)) == ({}, True)
    assert turns.may_sweep(world.store.view, account, record.doc.started_at)
