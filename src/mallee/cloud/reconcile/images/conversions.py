"""What comes of ImportVolume and ImportInstance, when all disks are in the object store.

Called by `transfers`, within the transaction that ends the task: either all is made or nothing, and
what cannot be made (no room, a quota, a subnet that is gone) fails the task with the words with
which the call itself would have been refused. Snapshots and image are steps on the way, which
nobody sees: volumes lie on the contents themselves.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from mallee.cloud import quotas
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2.images import deregistration
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.instances import launch, launchrequest, power
from mallee.cloud.ec2.instances.power import Why
from mallee.cloud.ec2.storage import ebskeys, volumes
from mallee.cloud.reconcile.images import importedimages
from mallee.cloud.state import records
from mallee.model.compute.instances import Reason
from mallee.model.storage.transfers import Task, TransferSeen
from mallee.model.storage.volumes import ROOT_SLOT

GIB = 1 << 30
IMPORTED = Why(Reason("Client.ImportInstance", "The instance was imported"), "Imported")


def check_sizes(doc: Task, seen: TransferSeen) -> str:
    """Return why disks do not fit their volumes; empty: they do."""
    for disk, one in zip(doc.disks, seen.disks, strict=True):
        size_gib = one.content.size_bytes // GIB if one.content else 0
        if size_gib > disk.volume_gib:
            return (
                f"The disk of {one.size_bytes} bytes does not fit a volume of {disk.volume_gib} "
                f"GiB: ask for one of {size_gib} GiB."
            )
    return ""


def settle(call: WriteCall, record: TaskRecord, snapshot_ids: tuple[str, ...]) -> None:
    """Make what a task is of, and end it. Raises `AwsError` and `Unbootable`."""
    doc = record.doc
    made = _instance(call, record, snapshot_ids) if doc.launch else _volume(call, doc, snapshot_ids)
    for id in snapshot_ids:
        snapshot = call.tx.get(records.SNAPSHOT, id)
        assert snapshot is not None, "it was made in this transaction"
        call.tx.delete(snapshot)
    for id in made:
        volume = call.tx.get(records.VOLUME, id)
        assert volume is not None, "it was made in this transaction"
        call.tx.write(volume, replace(volume.doc, snapshot_id=""))
    disks = tuple(replace(disk, volume_id=id) for disk, id in zip(doc.disks, made, strict=True))
    call.tx.write(record, replace(doc, ended_at=call.tx.now, disks=disks))
    # With the task ends its own share of the quotas.
    quotas.check(call)


def _volume(call: WriteCall, doc: Task, snapshot_ids: tuple[str, ...]) -> list[str]:
    (disk,), (snapshot_id,) = doc.disks, snapshot_ids
    snapshot = call.tx.get(records.SNAPSHOT, snapshot_id)
    new = volumes.New(doc.zone, snapshot, ebskeys.NOTHING_SAID)
    made: Any = volumes.make(call, {"Size": disk.volume_gib}, new)
    return [made["VolumeId"]]


def _instance(call: WriteCall, record: TaskRecord, snapshot_ids: tuple[str, ...]) -> list[str]:
    """Launch an image of the disks, and want the instance stopped: who imported it starts it."""
    tx, doc = call.tx, record.doc
    image_id = importedimages.register(tx, record, snapshot_ids, call.entropy)
    request: Any = msgspec.json.decode(doc.launch)
    request["ImageId"] = image_id
    request["BlockDeviceMappings"] = [
        {"DeviceName": disk.device, "Ebs": {"VolumeSize": disk.volume_gib}} for disk in doc.disks
    ]
    (instance,) = launch.make(call, launchrequest.parse(call, request), (doc.instance_id,))
    power.want_stopped(tx, instance, IMPORTED)
    image = tx.get(records.IMAGE, image_id)
    assert image is not None, "it was made above"
    deregistration.forget(tx, image)
    worn = [
        (one.slot, one.device, volume.id)
        for volume in tx.by(records.VOLUME, "instance", doc.instance_id)
        for one in volume.doc.attachments
    ]
    by_device = {device: id for slot, device, id in worn if slot != ROOT_SLOT}
    root = next(id for slot, _, id in worn if slot == ROOT_SLOT)
    return [root, *(by_device[disk.device] for disk in doc.disks[1:])]
