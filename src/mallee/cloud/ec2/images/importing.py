"""What imports have in common: what is asked for, how a task is told, and how it is called off.

Used by `importsnapshots` and `importimages`; CancelImportTask is here. A task that failed or was
called off is shown as AWS shows it: `deleted`, with the reason in its message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, KeyUse, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images import tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.storage.datakeys import DataKey
from mallee.model.storage.transfers import FORMATS, DiskIn, DiskSeen, Object, Task

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ACTIVE, DELETING, DELETED, COMPLETED = "active", "deleting", "deleted", "completed"
CALLED_OFF = "user cancelled the task"
_KINDS: Mapping[str, tasks.TaskKind] = {
    "import-ami": records.IMPORT_IMAGE_TASK,
    "import-snap": records.IMPORT_SNAPSHOT_TASK,
}


def parse_disk(container: Mapping[str, Any]) -> DiskIn:
    """Return a disk that is asked for. Raises for what cannot be meant."""
    format = (container.get("Format") or "").lower()
    if format and format not in FORMATS:
        raise errors.InvalidParameter(
            f"The value {container['Format'][:40]} for parameter Format is invalid: "
            f"{', '.join(one.upper() for one in FORMATS)} are taken."
        )
    url, place = container.get("Url"), container.get("UserBucket")
    snapshot_id = container.get("SnapshotId")
    if sum(map(bool, (url, place, snapshot_id))) != 1:
        raise errors.InvalidParameter(
            "A disk is named once: by Url, by UserBucket or, for an image, by SnapshotId."
        )
    return DiskIn(
        object=object_of(container),
        url=url or "",
        format=format,
        description=container.get("Description", ""),
        device=container.get("DeviceName", ""),
        snapshot_id=snapshot_id or "",
    )


def object_of(container: Mapping[str, Any]) -> Object | None:
    """Return the object that a disk is in; None when it is a snapshot."""
    if container.get("Url"):
        return tasks.parse_url(container["Url"])
    place = container.get("UserBucket")
    return tasks.parse_object(place.get("S3Bucket"), place.get("S3Key")) if place else None


def objects_of(containers: list[Mapping[str, Any]]) -> list[Object]:
    """Return the objects that are to be read, as far as they can be told."""
    return [one for it in containers if (one := object_of(it)) is not None]


def uses_keys(call: Call, request: Request) -> Iterable[KeyUse]:
    """Return what an import takes of the key store: its disks may be encrypted."""
    return ebskeys.uses_of_new(call, ebskeys.wanted(request), None)


def key_of_new(call: WriteCall, id: str, request: Request) -> DataKey | None:
    """Return the data key of all disks of an import; None: they are not encrypted."""
    return ebskeys.for_new(call, id, ebskeys.wanted(request), None)


def encryption_of(task: Task) -> dict[str, Any]:
    """Return the members that tell of encryption."""
    if task.key is None:
        return {"Encrypted": False}
    return {"Encrypted": True, "KmsKeyId": task.key.kms_key}


# --- how a task is told ---


def status_of(record: TaskRecord) -> str:
    """Return the status that EC2 shows."""
    doc = record.doc
    if doc.ended_at is not None:
        return DELETED if doc.failure else COMPLETED
    return DELETING if doc.cancelled_at is not None else ACTIVE


def message_of(record: TaskRecord) -> str | None:
    """Return what is said of how far it is, or why it came to nothing."""
    doc, seen = record.doc, record.seen
    if doc.ended_at is not None:
        return doc.failure or None
    if not doc.host_id:
        return "pending: no host is heard that could do it"
    return (seen.words if seen else "") or "pending"


def progress_of(record: TaskRecord) -> str | None:
    """Return how far it is, while it is under way."""
    return str(tasks.percent_of(record)) if record.doc.ended_at is None else None


def disk_seen(record: TaskRecord, index: int) -> DiskSeen:
    """Return what was seen of one of its disks."""
    disks = record.seen.disks if record.seen else ()
    return disks[index] if index < len(disks) else DiskSeen()


def detail(record: TaskRecord, index: int, disk: DiskIn) -> dict[str, Any]:
    """Return the members that tell of a disk, in imports of snapshots and of images alike."""
    seen, made = disk_seen(record, index), record.doc.snapshot_ids
    format = seen.format or disk.format
    shown: dict[str, Any] = {
        "Description": disk.description,
        "Status": status_of(record),
        "SnapshotId": made[index] if index < len(made) and made[index] else None,
        "Format": format.upper() or None,
        "DiskImageSize": float(seen.file_bytes) if seen.file_bytes else None,
        "Progress": progress_of(record),
        "StatusMessage": seen.words or None,
        "Url": disk.url or None,
    }
    if disk.object is not None and not disk.url:
        shown["UserBucket"] = {"S3Bucket": disk.object.bucket, "S3Key": disk.object.key}
    return {name: value for name, value in shown.items() if value is not None}


def find_tasks(call: Call, kind: tasks.TaskKind, asked: list[str]) -> Iterable[TaskRecord]:
    """Return those tasks of the caller's, or all of a kind, by id. Raises for wrong ids."""
    if asked:
        return resources.several(call, kind, asked)
    return call.view.ordered(kind, call.account)


# --- calling it off ---


def cancel(
    call: WriteCall, request: shapes.CancelImportTaskRequest
) -> shapes.CancelImportTaskResult:
    """Have an import end before it is done; what it has brought so far is swept."""
    id = request.get("ImportTaskId")
    if not id:
        raise errors.MissingParameter("importTaskId")
    kind = _KINDS.get(ids.prefix_of(id))
    if kind is None:
        raise errors.InvalidConversionTaskIdMalformed(id)
    record = resources.one(call, kind, id)
    before = status_of(record)
    if record.doc.ended_at is not None:
        raise errors.IncorrectState(f"The import task {id} is {before}, and cannot be cancelled.")
    doc = replace(
        record.doc,
        cancelled_at=record.doc.cancelled_at or call.now,
        cancel_reason=request.get("CancelReason", ""),
    )
    after = call.tx.write(record, doc)
    return {"ImportTaskId": id, "PreviousState": before, "State": status_of(after)}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CancelImportTask",
        does=Write(handle=cancel),
        honours=frozenset({"CancelReason", "ImportTaskId"}),
    ),
)
