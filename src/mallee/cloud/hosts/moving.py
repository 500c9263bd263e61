"""Volumes that go to the host of their first instance, and what their former hosts still have.

A volume that no instance ever had is the same on every host: blank, or what a snapshot has in the
object store. So it follows its first instance at once; nothing is copied. Its former host is told
to delete its copy, and holds its claim on room until it has. From then on it stays where it is.
Called by `ec2.storage.attachments` and by `hearing`.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from mallee.cloud.hosts import diskroom
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx, View
from mallee.model.volumes import Phase, Volume, VolumeSeen

VolumeRecord = Record[Volume, VolumeSeen]


def may_move(view: View | Tx, record: VolumeRecord) -> bool:
    """Tell whether a volume can go to another host: nothing of it is on its own alone."""
    doc, seen = record.doc, record.seen
    has_cuts = bool(doc.base or doc.dropped_cuts or (seen is not None and seen.loose_cuts))
    return (
        doc.is_fresh
        and not doc.attachments
        and not doc.former_host_id
        and doc.source is None
        and not has_cuts
        and not any(one.doc.cut for one in view.by(records.SNAPSHOT, "volume", record.id))
        and not view.by(records.VOLUME, "source", record.id)
    )


def move(tx: Tx, record: VolumeRecord, host_id: str) -> VolumeRecord:
    """Have a volume be on another host; return it. Raises `InsufficientVolumeCapacity`."""
    doc = record.doc
    diskroom.claim(tx, host_id, record.id, doc.size_gib)
    # What was seen is another copy; of this one nothing is yet.
    record = tx.observe(record, VolumeSeen(phase=Phase.CHANGING))
    moved = replace(
        doc, host_id=host_id, former_host_id=doc.host_id, moved_at=tx.now, is_made=False
    )
    return tx.write(record, moved)


def left(view: View | Tx, host_id: str, seen: Mapping[str, VolumeSeen]) -> list[VolumeRecord]:
    """Return those volumes of which a former host says that nothing is left there."""
    gone = (view.get(records.VOLUME, id) for id, one in seen.items() if one.phase is Phase.GONE)
    return [one for one in gone if one is not None and one.doc.former_host_id == host_id]


def forget(tx: Tx, host_id: str, seen: Mapping[str, VolumeSeen]) -> None:
    """Give back what copies took that are gone."""
    for volume in left(tx, host_id, seen):
        diskroom.release(tx, host_id, volume.id)
        tx.write(volume, replace(volume.doc, former_host_id=""))
