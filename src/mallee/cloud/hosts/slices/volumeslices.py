"""Volumes in a host's slice: those that it keeps, and which of its instances shall have which.

Called by `slices`. A volume is shown until its host has said that nothing is left of it; how it is
brought about is the agent's business.
"""

from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.cloud.state.store import Tx, View
from mallee.model.images.images import DirectBoot
from mallee.model.storage import volumes
from mallee.model.storage.blocktrees import BLOCK_BYTES
from mallee.model.storage.moves import ArrivingWanted, LeavingWanted, Move
from mallee.model.storage.snapshots import Content, UploadWanted
from mallee.model.storage.volumes import ROOT_SLOT, DiskWanted, VolumeWanted

VolumeRecord = Record[volumes.Volume, volumes.VolumeSeen]


def kept(view: View, host_id: str) -> tuple[VolumeWanted, ...]:
    """Return the volumes whose bytes the host keeps, by id."""
    found = sorted(view.by(records.VOLUME, "host", host_id), key=lambda one: one.id)
    return tuple(_wanted(view, one, host_id) for one in found)


def _wanted(view: View, one: VolumeRecord, host_id: str) -> VolumeWanted:
    doc, move = one.doc, one.doc.move
    if doc.host_id != host_id:
        is_coming = move is not None and move.to_host_id == host_id and doc.deleted_at is None
        return _coming(doc, move) if move is not None and is_coming else _gone(doc)
    return VolumeWanted(
        id=one.id,
        size_gib=doc.size_gib,
        limits=volumes.limits_of(doc),
        is_shared=doc.multi_attach,
        source=doc.source,
        content=doc.content,
        blob=doc.blob,
        cuts={
            it.id: it.doc.cut for it in view.by(records.SNAPSHOT, "volume", one.id) if it.doc.cut
        },
        dropped_cuts=doc.dropped_cuts,
        base_cut=_base(view, one)[1],
        upload=_upload(view, one),
        key_id="" if doc.key is None else doc.key.id,
        is_made=doc.is_made,
        is_deleted=doc.deleted_at is not None,
        leaving=None
        if move is None
        else LeavingWanted(move_id=move.id, to_host_id=move.to_host_id, word=move.word),
        moved_as=doc.moved_as,
    )


def _gone(doc: volumes.Volume) -> VolumeWanted:
    return VolumeWanted(id=doc.id, size_gib=doc.size_gib, is_deleted=True)


def _coming(doc: volumes.Volume, move: Move) -> VolumeWanted:
    """Return a volume as the host is told of it to which it is on its way."""
    return VolumeWanted(
        id=doc.id,
        size_gib=doc.size_gib,
        limits=volumes.limits_of(doc),
        is_shared=doc.multi_attach,
        content=doc.content,
        blob=doc.blob,
        key_id="" if doc.key is None else doc.key.id,
        is_made=True,
        arriving=ArrivingWanted(
            move_id=move.id, from_host_id=doc.host_id, port=move.port, word=move.word
        ),
    )


def boot(view: View, instance_id: str) -> DirectBoot | None:
    """Return what starts a guest faster than its root volume's own boot loader, if anything."""
    for volume in view.by(records.VOLUME, "instance", instance_id):
        for one in volume.doc.attachments:
            if one.instance_id == instance_id and one.slot == ROOT_SLOT and not one.is_leaving:
                return volume.doc.boot
    return None


def _upload(view: View, volume: VolumeRecord) -> UploadWanted | None:
    """Return the oldest cut of a volume that is not in the object store."""
    waiting = [
        one
        for one in view.by(records.SNAPSHOT, "volume", volume.id)
        if one.doc.cut and one.doc.content is None
    ]
    if not waiting:
        return None
    first = min(waiting, key=lambda one: one.doc.cut)
    parent, base_cut = _parent(view, volume)
    return UploadWanted(
        snapshot_id=first.id,
        account=first.account,
        cut=first.doc.cut,
        attempt=first.doc.attempt,
        parent=parent,
        base_cut=base_cut,
    )


def _parent(view: View, volume: VolumeRecord) -> tuple[Content | None, int]:
    """Return what a volume's next snapshot shares with one that is there, and which layer that
    was; 0: all layers of the volume itself are above it."""
    doc = volume.doc
    content, cut = _base(view, volume)
    if content is None:
        origin = view.get(records.SNAPSHOT, doc.snapshot_id) if doc.snapshot_id else None
        content = doc.content or (origin.doc.content if origin else None)
    key_id = "" if doc.key is None else doc.key.id
    if content is None or (content.account, content.key_id) != (volume.account, key_id):
        # Others' blocks are not shared, and what has another key has other names.
        return None, 0
    return (None, 0) if content.size_bytes % BLOCK_BYTES else (content, cut)


def _base(view: View, volume: VolumeRecord) -> tuple[Content | None, int]:
    """Return the newest snapshot of a volume that is in the object store, and which layer it was;
    nothing when that snapshot is deleted."""
    base = volume.doc.base
    snapshot = view.get(records.SNAPSHOT, base.snapshot_id) if base else None
    if base is None or snapshot is None or snapshot.doc.content is None:
        return None, 0
    return snapshot.doc.content, base.cut


def devices(view: View, instance_id: str) -> tuple[str, ...]:
    """Return what an instance's user calls its volumes, by slot; its root aside."""
    wanted = [
        (one.slot, one.device)
        for volume in view.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id and not one.is_leaving and one.slot != ROOT_SLOT
    ]
    return tuple(device for _, device in sorted(wanted))


def forced(view: View | Tx, instance_id: str) -> tuple[str, ...]:
    """Return the volumes that an instance shall let go, or be parted from, by id."""
    return tuple(
        sorted(
            volume.id
            for volume in view.by(records.VOLUME, "instance", instance_id)
            for one in volume.doc.attachments
            if one.instance_id == instance_id and one.is_leaving and one.is_forced
        )
    )


def disks(view: View | Tx, instance_id: str) -> tuple[DiskWanted, ...]:
    """Return the volumes that an instance shall have, by slot; not those that it shall let go."""
    wanted = [
        DiskWanted(volume.id, one.slot)
        for volume in view.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id and not one.is_leaving
    ]
    return tuple(sorted(wanted, key=lambda disk: disk.slot))
