"""Snapshots on their way to the object store: pending, complete, in error, and what they hold."""

import time
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.blocks import turns
from mallee.cloud.hosts.placing import reserved
from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.reconcile.storage import snapshots as completing
from mallee.cloud.reconcile.storage import volumes as reconciling
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Reason
from mallee.model.hosts.standing import Standing
from mallee.model.storage.snapshots import Base, Snapshot, UploadWanted
from mallee.model.storage.volumes import VolumeWanted
from tests.cloud.ec2.asking import refusal
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


def test_what_a_lost_host_alone_had_is_in_error_until_it_is_back(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    id = cutting.snapshot(alice, make(alice, host))

    def look(tx: store.Tx, **seen: Any) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        assert record.seen is not None
        tx.observe(record, replace(record.seen, **seen))

    def conclude() -> dict[str, Any]:
        world.store.transact(lambda tx: completing.settle_one(tx, id))
        return only(alice, id)

    host.fall_silent()
    assert conclude()["State"] == "pending", "it may be back soon"
    long_ago = time.time() - completing.STRANDED_AFTER_S - 60
    world.store.transact(lambda tx: look(tx, heard_at=long_ago))
    found = conclude()
    assert found["State"] == "error"
    assert "24 hours" in found["StateMessage"]
    world.store.transact(lambda tx: look(tx, heard_at=time.time(), is_silent=False))
    assert conclude()["State"] == "pending"

    def retire(tx: store.Tx) -> None:
        record = tx.get(records.HOST, host.id)
        assert record is not None
        tx.write(record, replace(record.doc, standing=Standing.RETIRED))

    world.store.transact(retire)
    found = conclude()
    assert found["State"] == "error"
    assert "not part of the cloud" in found["StateMessage"]


def test_a_pending_snapshots_lock_counts_from_its_completion(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    id = cutting.snapshot(alice, make(alice, host))
    made = alice.lock_snapshot(SnapshotId=id, LockMode="compliance", LockDuration=3)
    assert made["LockState"] == "compliance"
    assert made.keys().isdisjoint({"LockDurationStartTime", "LockExpiresOn"})
    assert refusal(alice.delete_snapshot, SnapshotId=id) == "OperationNotPermitted"
    assert refusal(alice.unlock_snapshot, SnapshotId=id) == "OperationNotPermitted"
    shorter = {"SnapshotId": id, "LockMode": "compliance", "LockDuration": 2}
    assert refusal(alice.lock_snapshot, **shorter) == "OperationNotPermitted"
    alice.lock_snapshot(SnapshotId=id, LockMode="compliance", LockDuration=4)
    cutting.brings(id, **DONE)
    (shown,) = alice.describe_locked_snapshots(SnapshotIds=[id])["Snapshots"]
    completed = only(alice, id)["CompletionTime"]
    assert shown["LockDurationStartTime"] == completed
    assert shown["LockExpiresOn"] - completed == timedelta(days=4)
    assert refusal(alice.lock_snapshot, **shorter) == "OperationNotPermitted"


def test_a_lock_of_what_never_is_complete_is_none(
    alice: Any, host: FakeHost, cutting: Cutting
) -> None:
    id = cutting.snapshot(alice, make(alice, host))
    alice.lock_snapshot(SnapshotId=id, LockMode="governance", LockDuration=3)
    cutting.brings(id, cause=Reason("Server.InternalError", "It is lost."), is_failed=True)
    assert alice.describe_locked_snapshots()["Snapshots"] == []
    again = {"SnapshotId": id, "LockMode": "governance", "LockDuration": 3}
    assert refusal(alice.lock_snapshot, **again) == "IncorrectState"
    alice.delete_snapshot(SnapshotId=id)
