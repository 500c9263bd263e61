"""ImportSnapshot and its tasks: a file in a bucket becomes a snapshot.

Called through the action table. The snapshot is written down when its content is in the object
store (`reconcile.transfers`); until then there is only the task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.images import importing, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.storage.transfers import Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_KIND = records.IMPORT_SNAPSHOT_TASK


def import_snapshot(
    call: WriteCall, request: shapes.ImportSnapshotRequest
) -> shapes.ImportSnapshotResult:
    """Begin to make a snapshot of a file."""
    container: Any = request.get("DiskContainer")
    if not container:
        raise errors.MissingParameter("diskContainer")
    tasks.check_count(call, _KIND, "ImportSnapshot")
    disk = importing.parse_disk(container)
    if disk.format == "ova":
        raise errors.InvalidParameter(
            "An OVA archive holds a whole machine: ImportImage takes it, ImportSnapshot does not."
        )
    id = ids.make("import-snap", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        way=Way.DISKS_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, request.get("RoleName")),
        disks=(disk,),
        description=request.get("Description", ""),
        role_name=request.get("RoleName", ""),
        key=importing.key_of_new(call, id, request),
        began_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, _KIND.name),
    )
    return render(call, call.tx.insert(_KIND, call.account, id, task))


def _touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    containers: list[Any] = [request.get("DiskContainer") or {}]
    for one in importing.objects_of(containers):
        yield "s3:GetObject", one


def render(call: Call, record: TaskRecord) -> shapes.ImportSnapshotTask:
    """Return a task as EC2 shows it."""
    detail = importing.detail(record, 0, record.doc.disks[0])
    message = importing.message_of(record)
    encryption = importing.encryption_of(record.doc)
    shown: Any = {**detail, "Description": record.doc.description, **encryption}
    if message is not None:
        shown["StatusMessage"] = message
    return {
        "ImportTaskId": record.id,
        "Description": record.doc.description,
        "SnapshotTaskDetail": shown,
        "Tags": tagset.shown(record.doc.tags),
    }


def _find(call: Call, request: shapes.DescribeImportSnapshotTasksRequest) -> Iterable[TaskRecord]:
    return importing.find_tasks(call, _KIND, request.get("ImportTaskIds") or [])


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="ImportSnapshot",
            does=Write(handle=import_snapshot),
            honours=frozenset(
                {
                    "ClientData",
                    "Description",
                    "DiskContainer.Description",
                    "DiskContainer.Format",
                    "DiskContainer.Url",
                    "DiskContainer.UserBucket.S3Bucket",
                    "DiskContainer.UserBucket.S3Key",
                    "Encrypted",
                    "KmsKeyId",
                    "RoleName",
                }
            ),
            creates=(_KIND.name,),
            passes=tasks.passed,
            uses_keys=importing.uses_keys,
        ),
        _touches,
    ),
    Action(
        service="ec2",
        name="DescribeImportSnapshotTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ImportSnapshotTasks",
            filters={"task-state": lambda call, it: (importing.status_of(it),)},
            tags=lambda it: it.doc.tags,
            max_results=(1, 1000),
        ),
        honours=frozenset({"ImportTaskIds"}),
    ),
)
