"""Fast restores: what the hosts of a zone say moves them on, and nothing else does."""

from typing import Any

import pytest

from mallee.cloud.ec2.storage.fastrestores import id_of
from mallee.cloud.hosts.slices import pinslices
from mallee.cloud.reconcile.storage import fastrestores as reconciling
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Reason
from mallee.model.hosts.hosts import Capacity
from mallee.model.storage.fastrestores import PinSeen
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.world import FakeHost, World

ROOT = "ab" * 32
WHOLE = PinSeen(root=ROOT, done_bytes=1 << 30, is_whole=True)


@pytest.fixture
def zone(alice: Any, host: FakeHost) -> str:
    return alice.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]


@pytest.fixture
def other_host(world: World, zone: str) -> FakeHost:
    return FakeHost(world, "two", Capacity(8, 8192, 100), zone)


@pytest.fixture
def snapshot(add: Add) -> str:
    return add()


def enable(client: Any, zone: str, *ids: str) -> dict[str, Any]:
    return client.enable_fast_snapshot_restores(AvailabilityZones=[zone], SourceSnapshotIds=ids)


def refused(client: Any, zone: str, id: str) -> str:
    ask = client.enable_fast_snapshot_restores
    return refusal(ask, AvailabilityZones=[zone], SourceSnapshotIds=[id])


def disable(client: Any, zone: str, *ids: str) -> dict[str, Any]:
    return client.disable_fast_snapshot_restores(AvailabilityZones=[zone], SourceSnapshotIds=ids)


def shown(client: Any, **more: Any) -> list[Any]:
    return client.describe_fast_snapshot_restores(**more)["FastSnapshotRestores"]


def state(client: Any) -> str:
    (only,) = shown(client)
    return only["State"]


def hear(world: World, host: FakeHost, **pins: PinSeen) -> None:
    """Hear of a host's pins, all of them, and draw the conclusions."""
    told = {id.replace("_", "-"): pin for id, pin in pins.items()}

    def observe(tx: store.Tx) -> None:
        for id, seen in pinslices.news(tx, host.id, told).items():
            record = tx.get(records.FAST_RESTORE, id)
            assert record is not None
            tx.observe(record, seen)

    world.store.transact(observe)
    settle(world)


def settle(world: World, later_s: float = 0.0) -> None:
    def move(tx: store.Tx) -> None:
        for record in tx.list(records.FAST_RESTORE):
            if later_s:
                doc = reconciling.next_of(tx, record, tx.now + later_s)
                tx.write(record, doc) if doc else tx.delete(record)
            else:
                reconciling.settle_one(tx, record.id)

    world.store.transact(move)


def wanted(world: World, host: FakeHost) -> list[str]:
    return [pin.snapshot_id for pin in pinslices.wanted(world.store.view, host.id)]


def named(id: str, pin: PinSeen) -> dict[str, PinSeen]:
    return {id.replace("-", "_"): pin}


def test_it_is_enabled_when_the_hosts_have_it(
    alice: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    (made,) = enable(alice, zone, snapshot)["Successful"]
    assert (made["State"], made["SnapshotId"]) == ("enabling", snapshot)
    assert made["StateTransitionReason"] == "Client.UserInitiated"
    assert wanted(world, host) == [snapshot]
    settle(world)
    assert state(alice) == "enabling"
    volume = alice.create_volume(AvailabilityZone=zone, SnapshotId=snapshot)
    assert volume["FastRestored"] is False
    hear(world, host, **named(snapshot, PinSeen(root=ROOT, done_bytes=5)))
    assert state(alice) == "optimizing"
    hear(world, host, **named(snapshot, WHOLE))
    (found,) = shown(alice)
    assert found["State"] == "enabled"
    assert found["EnabledTime"] >= found["OptimizingTime"] >= found["EnablingTime"]
    fast = alice.create_volume(AvailabilityZone=zone, SnapshotId=snapshot)["VolumeId"]
    by = [{"Name": "fast-restored", "Values": ["true"]}]
    assert [one["VolumeId"] for one in alice.describe_volumes(Filters=by)["Volumes"]] == [fast]


def test_what_a_host_says_of_another_content_counts_for_nothing(
    alice: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    enable(alice, zone, snapshot)
    hear(world, host, **named(snapshot, PinSeen(root="cd" * 32, is_whole=True)))
    assert state(alice) == "enabling"


def test_every_host_of_the_zone_has_to_have_it(
    alice: Any, world: World, host: FakeHost, other_host: FakeHost, zone: str, snapshot: str
) -> None:
    enable(alice, zone, snapshot)
    hear(world, host, **named(snapshot, WHOLE))
    assert state(alice) == "optimizing"
    other_host.fall_silent()
    settle(world)
    assert state(alice) == "enabled"


def test_a_host_that_lost_it_takes_the_state_back(
    alice: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    enable(alice, zone, snapshot)
    hear(world, host, **named(snapshot, WHOLE))
    cause = Reason("Server.InsufficientCapacity", "no room")
    hear(world, host, **named(snapshot, PinSeen(root=ROOT, cause=cause)))
    (found,) = shown(alice)
    assert found["State"] == "optimizing"
    assert "no room" in found["StateTransitionReason"]
    assert "EnabledTime" not in found


def test_it_is_disabled_when_no_host_keeps_it(
    alice: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    (failed,) = disable(alice, zone, snapshot)["Unsuccessful"]
    assert failed["FastSnapshotRestoreStateErrors"][0]["Error"]["Code"] == "IncorrectState"
    enable(alice, zone, snapshot)
    hear(world, host, **named(snapshot, WHOLE))
    (made,) = disable(alice, zone, snapshot)["Successful"]
    assert made["State"] == "disabling"
    assert wanted(world, host) == []
    settle(world)
    assert state(alice) == "disabling"
    hear(world, host)
    assert state(alice) == "disabled"
    settle(world, later_s=reconciling.SHOWN_S + 60)
    assert shown(alice) == []
    assert enable(alice, zone, snapshot)["Successful"]


def test_deleting_the_snapshot_disables_it(
    alice: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    enable(alice, zone, snapshot)
    alice.delete_snapshot(SnapshotId=snapshot)
    settle(world)
    (found,) = shown(alice)
    assert found["State"] == "disabling"
    assert "deleted" in found["StateTransitionReason"]


def test_others_enable_what_is_shared_with_them_for_themselves(
    alice: Any, bob: Any, world: World, host: FakeHost, zone: str, snapshot: str
) -> None:
    assert refused(bob, zone, snapshot) == "InvalidSnapshot.NotFound"
    alice.modify_snapshot_attribute(
        SnapshotId=snapshot, OperationType="add", UserIds=[world.accounts["bob"]]
    )
    enable(alice, zone, snapshot)
    enable(bob, zone, snapshot)
    assert wanted(world, host) == [snapshot]
    hear(world, host, **named(snapshot, WHOLE))
    assert (state(alice), state(bob)) == ("enabled", "enabled")
    # What another still wants is kept, and no reason to wait.
    disable(alice, zone, snapshot)
    settle(world)
    assert (state(alice), state(bob)) == ("disabled", "enabled")
    alice.modify_snapshot_attribute(
        SnapshotId=snapshot, OperationType="remove", UserIds=[world.accounts["bob"]]
    )
    settle(world)
    assert state(bob) == "disabling"


def test_what_is_asked_for_wrongly(
    alice: Any, host: FakeHost, zone: str, add: Add, snapshot: str
) -> None:
    assert refused(alice, "mars-1a", snapshot) == "InvalidParameterValue"
    assert refused(alice, zone, "snap-0123456789abcdef0") == "InvalidSnapshot.NotFound"
    assert refused(alice, zone, "vol-1") == "InvalidSnapshotID.Malformed"
    ask = alice.enable_fast_snapshot_restores
    assert refusal(ask, SourceSnapshotIds=[snapshot]) == "MissingParameter"
    large = add(size_gib=20_000)
    (failed,) = enable(alice, zone, large)["Unsuccessful"]
    (error,) = failed["FastSnapshotRestoreStateErrors"]
    assert (failed["SnapshotId"], error["AvailabilityZone"]) == (large, zone)
    assert error["Error"]["Code"] == "InvalidParameterValue"


def test_an_account_has_five_and_by_zone_id_too(
    alice: Any, world: World, host: FakeHost, zone: str, add: Add
) -> None:
    ids = [add() for _ in range(6)]
    zone_id = shown_zone(alice, zone)
    asked = {"AvailabilityZoneIds": [zone_id], "SourceSnapshotIds": ids}
    answer = alice.enable_fast_snapshot_restores(**asked)
    assert len(answer["Successful"]) == 5
    (error,) = answer["Unsuccessful"][0]["FastSnapshotRestoreStateErrors"]
    assert error["Error"]["Code"] == "ResourceLimitExceeded"
    # Twice is once.
    assert len(enable(alice, zone, *ids[:5])["Successful"]) == 5
    assert len(shown(alice)) == 5
    for name, value in (
        ("snapshot-id", ids[1]),
        ("state", "enabling"),
        ("availability-zone", zone),
        ("availability-zone-id", zone_id),
        ("owner-id", world.accounts["alice"]),
    ):
        found = shown(alice, Filters=[{"Name": name, "Values": [value]}])
        assert ids[1] in [one["SnapshotId"] for one in found]
    disable(alice, zone, ids[0])
    assert enable(alice, zone, ids[5])["Successful"]


def shown_zone(client: Any, zone: str) -> str:
    (found,) = client.describe_availability_zones(ZoneNames=[zone])["AvailabilityZones"]
    return found["ZoneId"]


def test_its_id_names_all_three() -> None:
    assert id_of("1", "snap-1", "a") != id_of("1", "snap-1", "b") != id_of("2", "snap-1", "b")
