"""Volumes in a host's slice: those that it keeps, and which of its instances shall have which.

Called by `slices`. A volume is shown until its host has said that nothing is left of it; how it is
brought about is the agent's business.
"""

from mallee.cloud.state import records
from mallee.cloud.state.store import Tx, View
from mallee.model import volumes
from mallee.model.volumes import DiskWanted, VolumeWanted


def kept(view: View, host_id: str) -> tuple[VolumeWanted, ...]:
    """Return the volumes whose bytes the host keeps, by id."""
    found = sorted(view.by(records.VOLUME, "host", host_id), key=lambda one: one.id)
    return tuple(
        VolumeWanted(
            id=one.id,
            size_gib=one.doc.size_gib,
            limits=volumes.limits_of(one.doc),
            is_shared=one.doc.multi_attach,
            source=one.doc.source,
            content=one.doc.content,
            cuts={
                it.id: it.doc.cut
                for it in view.by(records.SNAPSHOT, "volume", one.id)
                if it.doc.cut
            },
            dropped_cuts=one.doc.dropped_cuts,
            is_made=one.doc.is_made,
            is_deleted=one.doc.deleted_at is not None,
        )
        for one in found
    )


def devices(view: View, instance_id: str) -> tuple[str, ...]:
    """Return what an instance's user calls its volumes, by slot."""
    wanted = [
        (one.slot, one.device)
        for volume in view.by(records.VOLUME, "instance", instance_id)
        for one in volume.doc.attachments
        if one.instance_id == instance_id and not one.is_leaving
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
