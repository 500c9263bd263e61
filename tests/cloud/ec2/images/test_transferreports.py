"""What hosts say of transfers: nothing of it may make other hosts, or the cloud, choke."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mallee.cloud.ec2.images import tasks
from mallee.cloud.hosts import refusals
from mallee.cloud.hosts.moves import transferring
from mallee.cloud.state import records
from mallee.model.images.images import Blob
from mallee.model.storage.recycling import Binned
from mallee.model.storage.transfers import DiskSeen, TransferSeen
from tests.cloud.ec2.images.test_imports import (
    BOOTS,
    FILE,
    answering,
    brought,
    bundled,
    done,
    registration,
    told,
)
from tests.cloud.ec2.world import FakeHost, World


def is_sound(world: World, id: str, seen: TransferSeen) -> bool:
    """Whether it would be taken."""
    record = tasks.find(world.store.view, id)
    assert record is not None
    return transferring.is_sound(record, seen)


@pytest.mark.parametrize(
    "lie",
    [
        {"root": "z" * 64},
        {"root": "A" * 64},
        {"root": "../" + "a" * 61},
        {"key_id": "0" * 32},
        {"full_bytes": -1},
        {"full_bytes": 1 << 60},
        {"size_bytes": 0},
        {"size_bytes": (2 << 30) + 1},
        {"size_bytes": 1 << 62},
    ],
)
def test_no_content_is_taken_that_nobody_could_fetch(
    world: World, alice: Any, host: FakeHost, tmp_path: Path, lie: dict[str, Any]
) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    answers, disk = answering(world, tmp_path), brought(world)
    assert disk.content is not None
    wrong = done(replace(disk, content=replace(disk.content, **lie)))
    with pytest.raises(refusals.Refused, match="not to be believed"):
        asyncio.run(answers.hear(host.id, id, wrong))
    assert is_sound(world, id, done(disk))


@pytest.mark.parametrize(
    "lie",
    [
        {"format": "X" * 5000},
        {"file_bytes": -1},
        {"size_bytes": 1 << 62},
        {"told": {"a": "b" * 100_000}},
        {"blob": Blob("c" * 64, 9, "raw")},
    ],
)
def test_no_numbers_and_words_are_taken_that_no_disk_has(
    world: World, alice: Any, host: FakeHost, tmp_path: Path, lie: dict[str, Any]
) -> None:
    id = alice.import_snapshot(DiskContainer={"UserBucket": FILE})["ImportTaskId"]
    wrong = done(replace(brought(world), **lie))
    with pytest.raises(refusals.Refused, match="not to be believed"):
        asyncio.run(answering(world, tmp_path).hear(host.id, id, wrong))


def test_each_disk_is_where_it_was_asked_for(
    world: World, alice: Any, host: FakeHost, tmp_path: Path
) -> None:
    """A disk too few, one that is none, or one in the place of a snapshot stops nothing later."""
    id = alice.import_image(DiskContainers=[{"UserBucket": FILE}] * 2)["ImportTaskId"]
    answers, disk = answering(world, tmp_path), brought(world)
    for wrong in ((disk,), (disk, DiskSeen()), (DiskSeen(), disk), (disk, disk, DiskSeen())):
        with pytest.raises(refusals.Refused, match="not to be believed"):
            asyncio.run(answers.hear(host.id, id, done(*wrong)))
    assert is_sound(world, id, done(disk, disk))


@pytest.mark.parametrize("blob", [("exe", 9), ("raw", 9), ("qcow2", -1), ("kernel", 9)])
def test_a_bundles_file_is_of_a_form_that_hosts_take(
    world: World, alice: Any, host: FakeHost, tmp_path: Path, blob: tuple[str, int]
) -> None:
    """An image of another form would have each host refuse all that it is told."""
    image = alice.register_image(Name="wrong", ImageLocation="disks/x.manifest.xml")["ImageId"]
    answers, id = answering(world, tmp_path), registration(world, image)
    seen = bundled()
    (disk,) = seen.disks
    answers.files.layout.blobs.mkdir(exist_ok=True, parents=True)
    answers.files.layout.brought.mkdir(exist_ok=True, parents=True)
    (answers.files.layout.brought / f"{id}~{'c' * 64}").touch()
    form, size = blob
    wrong = replace(seen, disks=(replace(disk, blob=Blob("c" * 64, size, form)),))
    with pytest.raises(refusals.Refused, match="not to be believed"):
        asyncio.run(answers.hear(host.id, id, wrong))
    assert is_sound(world, id, seen)


def test_a_snapshot_that_was_deleted_meanwhile_becomes_no_image(
    world: World, bob: Any, host: FakeHost, of_snapshot: Callable[..., tuple[str, str]]
) -> None:
    """It lies in the recycle bin, where nobody may use it, and will be gone."""
    _, snapshot = of_snapshot("bob")
    id = bob.import_image(DiskContainers=[{"SnapshotId": snapshot}])["ImportTaskId"]

    def throw_away(tx: Any) -> None:
        record = tx.get(records.SNAPSHOT, snapshot)
        tx.write(record, replace(record.doc, binned=Binned(since=tx.now, until=tx.now + 9e5)))

    world.store.transact(throw_away)
    told(world, host, id, done(DiskSeen(percent=100, found=BOOTS)))
    (task,) = bob.describe_import_image_tasks(ImportTaskIds=[id])["ImportImageTasks"]
    assert task["Status"] == "deleted"
    assert "not there any more" in task["StatusMessage"]
