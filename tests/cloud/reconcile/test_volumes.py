"""A volume is looked at when it, its instance or a snapshot of it changes; at rest it is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts.placing.place import Capacity
from mallee.cloud.reconcile import restless
from mallee.cloud.reconcile.storage import volumes
from mallee.cloud.state import records, store
from mallee.model.compute.instances import Phase as InstancePhase
from mallee.model.storage.volumes import Attachment, Phase, Volume, VolumeSeen
from tests.cloud import clouds
from tests.handclock import HandClock

COUNT = 3


@pytest.fixture
def opened(root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[store.Store]:
    monkeypatch.setattr(restless, "WALK_AT_ONCE", 0)
    for one in clouds.open_store(root_dir, HandClock()):
        one.transact(lambda tx: clouds.add_host(tx, "host-1", Capacity(64, 65536, 1000)))
        for number in range(COUNT):
            one.transact(lambda tx, number=number: _add(tx, number))
        yield one


def _add(tx: store.Tx, number: int) -> None:
    """Launch an instance with a volume that is there."""
    instance_id = clouds.launch(tx, number)
    clouds.see(tx, instance_id, InstancePhase.RUNNING)
    attachment = Attachment(instance_id=instance_id, device="/dev/sdf", slot=1, since=tx.now)
    volume = Volume(
        id=f"vol-{number}",
        size_gib=1,
        type="gp3",
        iops=3000,
        zone=clouds.ZONE,
        host_id="host-1",
        is_made=True,
        attachments=(attachment,),
        created_at=tx.now,
    )
    made = tx.insert(records.VOLUME, clouds.ACCOUNT, volume.id, volume)
    tx.observe(made, VolumeSeen(phase=Phase.READY, size_gib=1))


def test_nothing_is_due_of_volumes_at_rest(opened: store.Store) -> None:
    reconciler = volumes.reconciler(opened, HandClock())
    assert reconciler.keys() == ()


def test_a_volume_is_due_when_its_instance_is_gone_and_until_it_is_settled(
    opened: store.Store,
) -> None:
    reconciler = volumes.reconciler(opened, HandClock())
    reconciler.keys()
    opened.transact(lambda tx: clouds.see(tx, "i-1", InstancePhase.GONE))
    assert reconciler.keys() == ("vol-1",)
    assert reconciler.keys() == ("vol-1",)
    opened.transact(lambda tx: volumes.settle_one(tx, "vol-1"))
    assert reconciler.keys() == ()


def test_a_deleted_volume_is_due_when_its_host_has_nothing_left_of_it(opened: store.Store) -> None:
    reconciler = volumes.reconciler(opened, HandClock())
    reconciler.keys()
    opened.transact(lambda tx: clouds.see(tx, "i-2", InstancePhase.GONE))
    opened.transact(_delete)
    opened.transact(lambda tx: volumes.settle_one(tx, "vol-2"))
    assert opened.view.get(records.VOLUME, "vol-2") is None
    assert reconciler.keys() == ()


def _delete(tx: store.Tx) -> None:
    record = tx.get(records.VOLUME, "vol-2")
    assert record is not None
    gone = tx.write(record, _without_attachments(record.doc, tx.now))
    tx.observe(gone, VolumeSeen(phase=Phase.GONE))


def _without_attachments(doc: Volume, now: float) -> Volume:
    return replace(doc, attachments=(), deleted_at=now)
