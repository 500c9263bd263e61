"""Copies of volumes: there at once, on the source's host, with what it had at the instant."""

from typing import Any

import pytest

from mallee.cloud.hosts.slices import volumeslices
from mallee.cloud.state import records
from mallee.model.storage.snapshots import Layered
from tests.cloud.ec2.asking import refusal
from tests.cloud.ec2.storage.test_snapshots import Cutting
from tests.cloud.ec2.storage.test_volumes import make, shown
from tests.cloud.ec2.world import FakeHost, Front, World


@pytest.fixture
def cutting(front: Front, host: FakeHost, world: World) -> Cutting:
    return Cutting(front, host, world)


def test_a_copy_lies_on_a_cut_of_its_source(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    source = make(alice, host, Size=3, VolumeType="gp3")
    cutting.next()
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]
    (made,) = alice.copy_volumes(SourceVolumeId=source, Size=5, TagSpecifications=tags)["Volumes"]
    id = made["VolumeId"]
    assert (made["Size"], made["VolumeType"], made["State"]) == (5, "gp2", "creating")
    assert (made["SourceVolumeId"], made["Tags"]) == (source, tags[0]["Tags"])
    assert not made.get("SnapshotId")
    assert alice.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    kept = {one.id: one for one in volumeslices.kept(world.store.view, host.id)}
    assert kept[id].source == Layered(source, 1)
    assert kept[source].cuts == {}
    host.settle()
    assert shown(alice, id)["State"] == "available"
    assert shown(alice, id)["AvailabilityZone"] == shown(alice, source)["AvailabilityZone"]
    cutting.next()
    (same,) = alice.copy_volumes(SourceVolumeId=id, VolumeType="gp3", Throughput=200)["Volumes"]
    assert (same["Size"], same["Throughput"], same["SourceVolumeId"]) == (5, 200, id)


def test_what_cannot_be_copied_is_refused(
    alice: Any, bob: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    source = make(alice, host, Size=3)
    ask = alice.copy_volumes
    assert refusal(bob.copy_volumes, SourceVolumeId=source) == "InvalidVolume.NotFound"
    fresh = alice.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    assert refusal(ask, SourceVolumeId=fresh) == "IncorrectState"
    shared = make(alice, host, VolumeType="io2", Size=4, Iops=100, MultiAttachEnabled=True)
    assert refusal(ask, SourceVolumeId=shared) == "UnsupportedOperation"
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "a", "Value": "b"}]}]
    assert refusal(ask, SourceVolumeId=source, TagSpecifications=tags) == "InvalidParameterValue"
    assert refusal(ask, SourceVolumeId=source, DryRun=True) == "DryRunOperation"
    assert refusal(ask, SourceVolumeId=source, MultiAttachEnabled=True) == "UnsupportedOperation"
    assert cutting.asked == []
    cutting.next()
    assert refusal(ask, SourceVolumeId=source, Size=2) == "InvalidParameterValue"
    cutting.lie = {"snapshot_id": "snap-0123456789abcdef0"}
    cutting.next()
    assert refusal(ask, SourceVolumeId=source) == "Unavailable"
    assert len(world.store.view.list(records.VOLUME)) == 3


def test_an_encrypted_volumes_copy_has_its_data_key(
    alice: Any, host: FakeHost, cutting: Cutting, world: World
) -> None:
    source = make(alice, host, Size=1, Encrypted=True)
    cutting.next()
    (made,) = alice.copy_volumes(SourceVolumeId=source)["Volumes"]
    assert made["Encrypted"]
    found = [world.store.view.get(records.VOLUME, id) for id in (source, made["VolumeId"])]
    keys = [one.doc.key for one in found if one is not None]
    assert len({one.id for one in keys if one is not None}) == 1
    assert len({one.wrapped for one in keys if one is not None}) == 2
