"""Locks of snapshots: what may be changed when, and that a locked snapshot is not deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.ec2.storage import snapshotlocks
from mallee.cloud.state import records, store
from mallee.model.storage.snapshots import Lock
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.world import World

DAY_S = 86400.0


@pytest.fixture
def snapshot(add: Add) -> str:
    """A snapshot of Alice's."""
    return add()


def age(world: World, id: str, **lock: Any) -> None:
    """Have a lock that is as it would be later."""

    def change(tx: store.Tx) -> None:
        record = tx.get(records.SNAPSHOT, id)
        assert record is not None
        assert record.doc.lock is not None
        tx.write(record, replace(record.doc, lock=replace(record.doc.lock, **lock)))

    world.store.transact(change)


def test_a_locked_snapshot_is_not_deleted(alice: Any, snapshot: str) -> None:
    made = alice.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=3)
    assert (made["LockState"], made["LockDuration"]) == ("governance", 3)
    assert made["LockExpiresOn"] - made["LockDurationStartTime"] == timedelta(days=3)
    assert refusal(alice.delete_snapshot, SnapshotId=snapshot) == "OperationNotPermitted"
    (shown,) = alice.describe_locked_snapshots()["Snapshots"]
    assert (shown["SnapshotId"], shown["LockState"]) == (snapshot, "governance")
    assert alice.unlock_snapshot(SnapshotId=snapshot)["SnapshotId"] == snapshot
    assert alice.describe_locked_snapshots()["Snapshots"] == []
    assert refusal(alice.unlock_snapshot, SnapshotId=snapshot) == "IncorrectState"
    alice.delete_snapshot(SnapshotId=snapshot)


def test_governance_can_be_changed_in_every_way(alice: Any, snapshot: str) -> None:
    asked = {"SnapshotId": snapshot}
    alice.lock_snapshot(**asked, LockMode="governance", LockDuration=30)
    shorter = alice.lock_snapshot(**asked, LockMode="governance", LockDuration=2)
    assert shorter["LockDuration"] == 2
    ends = datetime.now(UTC) + timedelta(days=9)
    stricter = alice.lock_snapshot(**asked, LockMode="compliance", ExpirationDate=ends)
    assert (stricter["LockState"], stricter["LockDuration"]) == ("compliance", 9)


def test_compliance_is_only_made_longer(alice: Any, snapshot: str) -> None:
    asked = {"SnapshotId": snapshot}
    alice.lock_snapshot(**asked, LockMode="compliance", LockDuration=30)
    ask = alice.lock_snapshot
    for more in (
        {"LockMode": "compliance", "LockDuration": 29},
        {"LockMode": "governance", "LockDuration": 60},
        {"LockMode": "compliance", "LockDuration": 60, "CoolOffPeriod": 1},
    ):
        assert refusal(ask, **asked, **more) == "OperationNotPermitted"
    assert refusal(alice.unlock_snapshot, **asked) == "OperationNotPermitted"
    assert refusal(alice.delete_snapshot, **asked) == "OperationNotPermitted"
    assert ask(**asked, LockMode="compliance", LockDuration=31)["LockDuration"] == 31


def test_what_cools_off_can_be_lifted_and_not_deleted(
    alice: Any, snapshot: str, world: World
) -> None:
    asked = {"SnapshotId": snapshot}
    more = {"LockMode": "compliance", "LockDuration": 30}
    made = alice.lock_snapshot(**asked, **more, CoolOffPeriod=2)
    assert (made["LockState"], made["CoolOffPeriod"]) == ("compliance-cooloff", 2)
    assert refusal(alice.delete_snapshot, **asked) == "OperationNotPermitted"
    again = alice.lock_snapshot(**asked, LockMode="compliance", LockDuration=3)
    assert (again["LockState"], again["LockDuration"]) == ("compliance-cooloff", 3)
    assert again["CoolOffPeriodExpiresOn"] == made["CoolOffPeriodExpiresOn"]
    alice.unlock_snapshot(**asked)
    alice.lock_snapshot(**asked, **more, CoolOffPeriod=2)
    age(world, snapshot, cool_off_ends_at=1.0)
    assert refusal(alice.unlock_snapshot, **asked) == "OperationNotPermitted"


def test_a_lock_expires(alice: Any, snapshot: str, world: World) -> None:
    asked = {"SnapshotId": snapshot}
    alice.lock_snapshot(**asked, LockMode="compliance", LockDuration=1)
    age(world, snapshot, expires_at=1.0)
    (shown,) = alice.describe_locked_snapshots(
        Filters=[{"Name": "lock-state", "Values": ["expired"]}]
    )["Snapshots"]
    assert shown["SnapshotId"] == snapshot
    made = alice.lock_snapshot(**asked, LockMode="governance", LockDuration=1)
    assert made["LockState"] == "governance"
    age(world, snapshot, expires_at=1.0)
    alice.delete_snapshot(**asked)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"LockMode": "governance"}, "InvalidParameterCombination"),
        (
            {"LockMode": "governance", "LockDuration": 1, "ExpirationDate": "2099-01-01"},
            "InvalidParameterCombination",
        ),
        (
            {"LockMode": "governance", "LockDuration": 1, "CoolOffPeriod": 1},
            "InvalidParameterCombination",
        ),
        ({"LockMode": "governance", "ExpirationDate": "2001-01-01"}, "InvalidParameterValue"),
        ({"LockMode": "governance", "LockDuration": 0}, "InvalidParameterValue"),
        ({"LockMode": "governance", "LockDuration": 36501}, "InvalidParameterValue"),
        (
            {"LockMode": "compliance", "LockDuration": 1, "CoolOffPeriod": 73},
            "InvalidParameterValue",
        ),
        ({"LockMode": "strict", "LockDuration": 1}, "InvalidParameterValue"),
    ],
    ids=str,
)
def test_what_is_no_lock_is_refused(
    alice: Any, snapshot: str, more: dict[str, Any], code: str
) -> None:
    assert refusal(alice.lock_snapshot, SnapshotId=snapshot, **more) == code
    assert alice.describe_locked_snapshots(SnapshotIds=[snapshot])["Snapshots"] == []


def test_the_states_of_a_lock() -> None:
    lock = Lock(
        mode="compliance",
        locked_at=0.0,
        counts_from=0.0,
        days=1,
        expires_at=DAY_S,
        cool_off_hours=1,
        cool_off_ends_at=3600.0,
    )
    moments = (0.0, 3599.0, 3600.0, DAY_S - 1, DAY_S)
    assert [snapshotlocks.state_of(lock, now) for now in moments] == [
        "compliance-cooloff",
        "compliance-cooloff",
        "compliance",
        "compliance",
        "expired",
    ]
