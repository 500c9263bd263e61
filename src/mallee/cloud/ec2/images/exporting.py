"""What exports have in common: where files go, how a task is told, and how it is called off.

Used by `exportimages` and `exportinstances`; CancelExportTask is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images import tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.storage.snapshots import Content, Snapshot
from mallee.model.storage.transfers import FileOut, Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ACTIVE, CANCELLING, CANCELLED, COMPLETED, FAILED = (
    "active",
    "cancelling",
    "cancelled",
    "completed",
    "failed",
)
_PREFIX_BYTES_MAX = 960
"""A key has 1024 bytes, and the rest of it is the task's."""
_KINDS: Mapping[str, tasks.TaskKind] = {
    "export-ami": records.EXPORT_IMAGE_TASK,
    "export-i": records.EXPORT_INSTANCE_TASK,
}


def place_of(location: Mapping[str, Any]) -> Object:
    """Return bucket and prefix of what is to be written; the prefix may be empty."""
    prefix: str = location.get("S3Prefix") or ""
    if len(prefix.encode()) > _PREFIX_BYTES_MAX:
        raise errors.InvalidParameterValue("The S3Prefix is too long.")
    found = tasks.parse_object(location.get("S3Bucket"), f"{prefix}x")
    return Object(found.bucket, prefix)


def check_plain(snapshot: Record[Snapshot, Any]) -> None:
    """Raise for a snapshot that is encrypted: hosts have no key for what they give away."""
    if snapshot.doc.key is not None:
        raise errors.UnsupportedOperation(
            f"The snapshot {snapshot.id} is encrypted, and encrypted disks are not exported."
        )


def with_content(view: store.View | store.Tx, task: Task) -> Task:
    """Return a task with what its disk has in the object store, as soon as that is known."""
    if task.out is None or task.out.blob is not None or task.out.content is not None:
        return task
    if task.way is Way.IMAGE_OUT:
        contents = tuple(one for id in task.snapshot_ids if (one := _content(view, id)))
        is_all = len(contents) == len(task.snapshot_ids)
        return replace(task, out=replace(task.out, contents=contents)) if is_all else task
    content = _content(view, task.snapshot_ids[0]) if task.snapshot_ids else None
    return replace(task, out=replace(task.out, content=content)) if content else task


def _content(view: store.View | store.Tx, id: str) -> Content | None:
    snapshot = view.get(records.SNAPSHOT, id)
    return snapshot.doc.content if snapshot is not None else None


def has_source(out: FileOut) -> bool:
    """Tell whether what shall be carried out is known."""
    return out.content is not None or out.blob is not None or bool(out.contents)


# --- how a task is told ---


def status_of(record: TaskRecord) -> str:
    """Return the state that EC2 shows."""
    doc = record.doc
    if doc.ended_at is None:
        return CANCELLING if doc.cancelled_at is not None else ACTIVE
    if doc.cancelled_at is not None:
        return CANCELLED
    return FAILED if doc.failure else COMPLETED


def message_of(record: TaskRecord) -> str | None:
    """Return what is said of how far it is, or why it came to nothing."""
    doc, seen = record.doc, record.seen
    if doc.ended_at is not None:
        return doc.failure or None
    if doc.out is not None and not has_source(doc.out):
        return "pending: the snapshot is being completed"
    if not doc.host_id:
        return "pending: no host is heard that could do it"
    return (seen.words if seen else "") or "pending"


def progress_of(record: TaskRecord) -> str | None:
    """Return how far it is, while it is under way."""
    return str(tasks.percent_of(record)) if record.doc.ended_at is None else None


# --- calling it off ---


def cancel(call: WriteCall, request: shapes.CancelExportTaskRequest) -> Result:
    """Have an export end before it is done; nothing stays in the bucket."""
    id = request["ExportTaskId"]
    kind = _KINDS.get(ids.prefix_of(id))
    if kind is None:
        raise errors.InvalidExportTaskIDMalformed(id)
    record = resources.one(call, kind, id)
    if record.doc.ended_at is not None:
        raise errors.IncorrectState(
            f"The export task {id} is {status_of(record)}, and cannot be cancelled."
        )
    call.tx.write(record, replace(record.doc, cancelled_at=record.doc.cancelled_at or call.now))
    return {}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="CancelExportTask",
        does=Write(handle=cancel),
        honours=frozenset({"ExportTaskId"}),
    ),
)
