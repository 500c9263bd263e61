"""CreateInstanceExportTask and its tasks: what an instance's disk has becomes a file in a bucket.

Called through the action table. The host cuts the root at one instant before anything is written
down (`storage.snapshots`), whether the guest runs or not; the snapshot is the task's, and goes when
that has ended (`reconcile.transfers`). What carries the file out is as with `exportimages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import exporting, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.instances import power
from mallee.cloud.ec2.storage import mappings, snapshots
from mallee.cloud.ec2.storage.states import VolumeRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.instances import State
from mallee.model.storage.transfers import FileOut, Object, Task, Way
from mallee.model.storage.volumes import ROOT_SLOT

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_KIND = records.EXPORT_INSTANCE_TASK
_FORMATS = {"vmware": "VMDK", "citrix": "VHD", "microsoft": "VHD"}
"""What each environment boots, where no format is named."""
_OVA = "ova"


def _ask(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Ask the instance's host to cut its root."""
    tagset.of_new(request, _KIND.name)
    _file(request["ExportToS3Task"], request["TargetEnvironment"])
    return snapshots.question(call, [root_of(call, request)])


def create_task(
    call: WriteCall, request: shapes.CreateInstanceExportTaskRequest
) -> shapes.CreateInstanceExportTaskResult:
    """Write the task down, and the snapshot that the host has made for it."""
    tasks.check_count(call, _KIND, "CreateInstanceExportTask")
    root = root_of(call, request)
    out = _file(request["ExportToS3Task"], request["TargetEnvironment"])
    id = ids.make("export-i", call.entropy(ids.ID_BYTES))
    instance_id = ids.normalise(request["InstanceId"])
    (snapshot,) = snapshots.write_down(call, {"Description": f"Created for {id}"}, [root])
    task = Task(
        id=id,
        way=Way.DISK_OUT,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, None),
        out=FileOut(
            object=Object(out.object.bucket, f"{out.object.key}{id}.{out.container or out.format}"),
            format=out.format,
            container=out.container,
            name=instance_id,
        ),
        snapshot_ids=(snapshot.id,),
        instance_id=instance_id,
        description=request.get("Description", ""),
        said={"TargetEnvironment": request["TargetEnvironment"]},
        began_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, _KIND.name),
    )
    return {"ExportTask": render(call, call.tx.insert(_KIND, call.account, id, task))}


def root_of(call: Call, request: Request) -> VolumeRecord:
    """Return the one disk of an instance; raise for what is not exported."""
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    if power.state_of(instance) not in (State.RUNNING, State.STOPPED):
        raise errors.IncorrectInstanceState(instance.id, "exported")
    if not instance.doc.root_device:
        raise errors.NotExportable(
            f"The root disk of {instance.id} is no volume: instances with EBS roots are exported."
        )
    worn = mappings.of_instance(resources.reader(call), instance.id)
    stays = [(volume, one) for volume, one in worn if not one.is_leaving]
    if not any(one.slot == ROOT_SLOT for _, one in stays):
        raise errors.IncorrectInstanceStateNoRoot(instance.id, instance.doc.root_device)
    if len(stays) > 1:
        raise errors.NotExportable(
            f"The instance {instance.id} has {len(stays)} disks, and one with more than its root "
            "is not exported: make an image of its root alone (CreateImage), and export that."
        )
    root = snapshots.cuttable(call, stays[0][0].id)
    if root.doc.key is not None:
        raise errors.UnsupportedOperation(
            f"The volume {root.id} is encrypted, and encrypted disks are not exported."
        )
    return root


def _file(asked: Request, environment: str) -> FileOut:
    """Return what shall be made, its key the prefix alone; raise for what cannot be."""
    place = exporting.place_of(asked)
    format: str = asked.get("DiskImageFormat") or _FORMATS[environment]
    container: str = asked.get("ContainerFormat") or ""
    if container == _OVA and format != "VMDK":
        raise errors.InvalidParameterCombination("An OVA has disks of the format VMDK.")
    return FileOut(object=place, format=format.lower(), container=container)


def _touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    place = exporting.place_of(request["ExportToS3Task"])
    yield "s3:PutObject", Object(place.bucket, f"{place.key}*")


def render(_call: Call, record: TaskRecord) -> shapes.ExportTask:
    """Return a task as EC2 shows it. It has no state for a failure: that is shown as `cancelled`,
    with its reason."""
    doc = record.doc
    assert doc.out is not None, "it exports"
    state = exporting.status_of(record)
    shown: Any = {
        "ExportTaskId": record.id,
        "Description": doc.description,
        "State": exporting.CANCELLED if state == exporting.FAILED else state,
        "StatusMessage": exporting.message_of(record),
        "InstanceExportDetails": {
            "InstanceId": doc.instance_id,
            "TargetEnvironment": doc.said["TargetEnvironment"],
        },
        "ExportToS3Task": {
            "ContainerFormat": doc.out.container or None,
            "DiskImageFormat": doc.out.format.upper(),
            "S3Bucket": doc.out.object.bucket,
            "S3Key": doc.out.object.key,
        },
        "Tags": tagset.shown(doc.tags),
    }
    return shown


def _find(call: Call, request: shapes.DescribeExportTasksRequest) -> Iterable[TaskRecord]:
    asked: list[str] = request.get("ExportTaskIds") or []
    if asked:
        return resources.several(call, _KIND, asked)
    return call.view.ordered(_KIND, call.account)


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="CreateInstanceExportTask",
            does=Write(handle=create_task, asks=_ask),
            honours=frozenset(
                {
                    "Description",
                    "ExportToS3Task.ContainerFormat",
                    "ExportToS3Task.DiskImageFormat",
                    "ExportToS3Task.S3Bucket",
                    "ExportToS3Task.S3Prefix",
                    "InstanceId",
                    "TargetEnvironment",
                }
            ),
            creates=(_KIND.name,),
        ),
        _touches,
    ),
    Action(
        service="ec2",
        name="DescribeExportTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ExportTasks",
            filters={},
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"ExportTaskIds"}),
    ),
)
