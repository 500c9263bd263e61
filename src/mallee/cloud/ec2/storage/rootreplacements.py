"""CreateReplaceRootVolumeTask: a running instance gets another root volume, and boots from it.

The new volume is as the instance's was at its launch, or has what a snapshot or an image has; it is
as fast as the former one, which is detached and kept, or deleted if that is asked for. Called
through the action table. The host shuts the guest down, and starts it with the other disk; when it
runs again the task has succeeded (`reconcile.rootreplacements`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import images
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.instances.power import InstanceRecord
from mallee.cloud.ec2.storage import (
    ebskeys,
    grounds,
    launchdisks,
    snapshotsharing,
    states,
    volumetypes,
)
from mallee.cloud.ec2.storage.ebskeys import KeyUse
from mallee.cloud.ec2.storage.grounds import SnapshotRecord
from mallee.cloud.ec2.storage.launchdisks import NewVolume
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.hosts.placing import diskroom
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.compute.instances import State
from mallee.model.images import images as models
from mallee.model.images.images import Image
from mallee.model.storage.rootreplacements import RootReplacement
from mallee.model.storage.volumes import ROOT_SLOT, Attachment

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_KIND = records.ROOT_REPLACEMENT

TaskRecord = Record[RootReplacement, None]
_Ground = tuple[Image | None, SnapshotRecord | None]
_NOTHING: _Ground = (None, None)


def create_task(
    call: WriteCall, request: shapes.CreateReplaceRootVolumeTaskRequest
) -> shapes.CreateReplaceRootVolumeTaskResult:
    """Want a running instance to boot from another root volume."""
    named = _named(call, request)
    instance, root = _checked(call, request)
    former = _attachment(root, instance.id)
    new, ground = _new(call, named, root)
    if new.snapshot is not None and grounds.only_host(new.snapshot.doc) not in (
        "",
        instance.doc.host_id,
    ):
        raise errors.IncorrectState(
            f"The snapshot {new.snapshot.id} lies on another host still. Wait until it is complete."
        )
    id = ids.make("vol", call.entropy(ids.ID_BYTES))
    diskroom.claim(call.tx, instance.doc.host_id, id, new.asked.size_gib)
    volume = launchdisks.volume_of(call, id, new, instance.doc.host_id)
    attachment = replace(former, since=call.now, is_leaving=False)
    doc = replace(volume, **ground, attachments=(attachment,), zone=instance.doc.zone)
    call.tx.insert(records.VOLUME, call.account, id, doc)
    deletes = request.get("DeleteReplacedRootVolume", False)
    leaving = replace(former, is_leaving=True, goes_when_left=deletes)
    kept = tuple(leaving if one == former else one for one in root.doc.attachments)
    call.tx.write(root, replace(root.doc, attachments=kept))
    begun = power.want_afresh(call.tx, instance)
    task = RootReplacement(
        id=ids.make("replacevol", call.entropy(ids.ID_BYTES)),
        instance_id=instance.id,
        launch=begun.doc.launch,
        volume_id=id,
        snapshot_id=request.get("SnapshotId", ""),
        image_id=request.get("ImageId", ""),
        deletes_former=deletes,
        started_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, _KIND.name),
    )
    made = call.tx.insert(_KIND, call.account, task.id, task)
    return {"ReplaceRootVolumeTask": render(call, made)}


def _checked(
    call: Call, request: shapes.CreateReplaceRootVolumeTaskRequest
) -> tuple[InstanceRecord, VolumeRecord]:
    """Return the instance and its root; raise unless that can be replaced."""
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(instance) is not State.RUNNING:
        raise errors.IncorrectInstanceState(instance.id, "given another root volume")
    root = states.root_of(resources.reader(call), instance.id)
    if not instance.doc.root_device or root is None:
        raise errors.UnsupportedOperation(f"The instance {instance.id} has no root volume.")
    return instance, root


def _attachment(root: VolumeRecord, instance_id: str) -> Attachment:
    worn = root.doc.attachments
    return next(it for it in worn if it.instance_id == instance_id and it.slot == ROOT_SLOT)


def _new(call: Call, named: _Ground, root: VolumeRecord) -> tuple[NewVolume, dict[str, object]]:
    """Return the new root volume, and what is said of its ground besides."""
    image, snapshot = _launched_of(call, root) if named == _NOTHING else named
    ground: dict[str, object] = {}
    smallest = 1
    if snapshot is not None:
        smallest = snapshot.doc.size_gib
    elif image is not None:
        smallest = max(1, image.disk_gib)
    else:
        # As it was launched over an image's file, which is there whatever became of the image.
        ground = {"blob": root.doc.blob, "boot": root.doc.boot}
    asked = volumetypes.Asked(
        type=root.doc.type,
        size_gib=max(root.doc.size_gib, smallest),
        iops=root.doc.iops if volumetypes.TYPES[root.doc.type].iops else None,
        throughput=root.doc.throughput or None,
    )
    new = NewVolume(
        device="",
        slot=ROOT_SLOT,
        asked=asked,
        numbers=volumetypes.checked(asked),
        delete_on_termination=True,
        snapshot=snapshot,
        image=image,
        wanted=ebskeys.Wanted(encrypted=True) if root.doc.key else ebskeys.NOTHING_SAID,
    )
    return new, ground


def _named(call: Call, request: shapes.CreateReplaceRootVolumeTaskRequest) -> _Ground:
    """Return of what the new root shall be made, as far as the request says it."""
    if "SnapshotId" in request and "ImageId" in request:
        raise errors.InvalidParameterCombination("Give a snapshot or an image, and not both.")
    if "SnapshotId" in request:
        return None, snapshotsharing.usable(call, request["SnapshotId"])
    if "ImageId" in request:
        image = images.launchable(call, request["ImageId"], "machine").doc
        mapping = models.root_mapping(image)
        if not models.is_ebs(image) or mapping is None:
            raise errors.InvalidParameterValue(f"The root of {image.id} is no volume.")
        if not mapping.snapshot_id:
            return image, None
        return image, grounds.of_image(call, mapping.snapshot_id)
    return _NOTHING


def _launched_of(call: Call, root: VolumeRecord) -> _Ground:
    """Return of what a root was made at launch; nothing: of an image's file."""
    if root.doc.blob is None and not root.doc.snapshot_id:
        raise errors.IncorrectState(f"{root.id} was blank at launch: name a snapshot or an image.")
    if root.doc.blob is not None:
        return _NOTHING
    return None, grounds.of_image(call, root.doc.snapshot_id)


def _uses_keys(call: Call, request: shapes.CreateReplaceRootVolumeTaskRequest) -> Iterable[KeyUse]:
    """Return what the new root takes of the key store."""
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    root = states.root_of(resources.reader(call), instance.id)
    if root is None:
        return ()
    new, _ = _new(call, _named(call, request), root)
    return ebskeys.uses_of_new(call, new.wanted, ebskeys.source_of(new.snapshot))


def state_of(record: TaskRecord) -> str:
    """Return the state of a task, as EC2 says it."""
    doc = record.doc
    if doc.completed_at is None:
        return "in-progress"
    return "failed" if doc.has_failed else "succeeded"


def render(call: Call, record: TaskRecord) -> shapes.ReplaceRootVolumeTask:
    """Return a task as EC2 shows it."""
    doc = record.doc
    shown: shapes.ReplaceRootVolumeTask = {
        "ReplaceRootVolumeTaskId": record.id,
        "InstanceId": doc.instance_id,
        "TaskState": state_of(record),
        "StartTime": resources.moment(doc.started_at),
        "DeleteReplacedRootVolume": doc.deletes_former,
        "Tags": tagset.shown(doc.tags),
    }
    if doc.completed_at is not None:
        shown["CompleteTime"] = resources.moment(doc.completed_at)
    if doc.snapshot_id:
        shown["SnapshotId"] = doc.snapshot_id
    if doc.image_id:
        shown["ImageId"] = doc.image_id
    return shown


def _find(
    call: Call, request: shapes.DescribeReplaceRootVolumeTasksRequest
) -> Iterable[TaskRecord]:
    asked: list[str] = request.get("ReplaceRootVolumeTaskIds") or []
    if asked:
        return resources.several(call, _KIND, asked)
    return sorted(call.view.list(_KIND, call.account), key=lambda it: it.id)


FILTERS: dict[str, Callable[[Call, TaskRecord], Iterable[str]]] = {
    "instance-id": lambda call, it: (it.doc.instance_id,),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CreateReplaceRootVolumeTask",
        does=Write(handle=create_task),
        honours=frozenset({"DeleteReplacedRootVolume", "ImageId", "InstanceId", "SnapshotId"}),
        uses_keys=_uses_keys,
        creates=(_KIND.name,),
    ),
    Action(
        service="ec2",
        name="DescribeReplaceRootVolumeTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ReplaceRootVolumeTasks",
            filters=FILTERS,
            tags=lambda it: it.doc.tags,
            max_results=(1, 50),
        ),
        honours=frozenset({"ReplaceRootVolumeTaskIds"}),
    ),
)
