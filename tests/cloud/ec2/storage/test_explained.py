"""Why volumes and snapshots are as they are: keys that open nothing, hosts that have no room."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import pinslices
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Reason
from mallee.model.storage.fastrestores import PinSeen
from tests.cloud.ec2.limiting import Administration
from tests.cloud.ec2.storage.contents import Add
from tests.cloud.ec2.world import FakeHost, Front, World


@pytest.fixture
def zone(bob: Any, host: FakeHost) -> str:
    return bob.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]


def troubles(administration: Administration, id: str) -> str:
    answer = administration.bob.ask("mallee", "ExplainResource", ResourceId=id)
    assert answer.status == 200, answer.text
    return answer.text


def test_a_disabled_key_is_among_the_troubles_of_what_it_opens(
    administration: Administration, front: Front, bob: Any, zone: str
) -> None:
    kms = front.client("bob", "kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    asked = {"AvailabilityZone": zone, "Size": 1, "Encrypted": True, "KmsKeyId": key}
    volume = bob.create_volume(**asked)["VolumeId"]
    assert "opens nothing" not in troubles(administration, volume)
    kms.disable_key(KeyId=key)
    told = troubles(administration, volume)
    assert f"the key {key} is disabled: it opens nothing" in told
    assert "EnableKey" in told
    kms.enable_key(KeyId=key)
    assert "opens nothing" not in troubles(administration, volume)


def test_a_fast_restore_that_has_no_room_is_among_the_snapshots_troubles(
    administration: Administration, bob: Any, world: World, host: FakeHost, zone: str, add: Add
) -> None:
    snapshot = add("bob")
    bob.enable_fast_snapshot_restores(AvailabilityZones=[zone], SourceSnapshotIds=[snapshot])
    full = PinSeen(root="ab" * 32, cause=Reason("Server.InsufficientCapacity", "it is full"))

    def hear(tx: store.Tx) -> None:
        for id, seen in pinslices.news(tx, host.id, {snapshot: full}).items():
            record = tx.get(records.FAST_RESTORE, id)
            assert record is not None
            tx.observe(record, seen)

    world.store.transact(hear)
    assert f"no fast restore in {zone}" in troubles(administration, snapshot)
