"""ExportImage and its tasks: an image becomes a file in a bucket, of a format that others boot.

Called through the action table. The file is made by a host of what the image's root has in the
object store; of a snapshot that is still being brought there, when it has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import exporting, images, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.images.images import Image, root_mapping
from mallee.model.storage.transfers import FileOut, Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_KIND = records.EXPORT_IMAGE_TASK


def export_image(call: WriteCall, request: shapes.ExportImageRequest) -> shapes.ExportImageResult:
    """Begin to make a file of an image."""
    tasks.check_count(call, _KIND, "ExportImage")
    image = images.launchable(call, request["ImageId"], "machine")
    is_of_cloud = images.alias_of(call.tx, image) == images.OF_THE_CLOUD
    if image.account != call.account and not is_of_cloud:
        raise errors.NotExportable(
            f"The image {image.id} is another account's: whoever owns it exports it. Of one that "
            "you may copy (CopyImage) the copy is your own."
        )
    format = request["DiskImageFormat"]
    place = exporting.place_of(request["S3ExportLocation"])
    id = ids.make("export-ami", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        way=Way.DISK_OUT,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, request.get("RoleName")),
        out=FileOut(
            object=Object(place.bucket, f"{place.key}{id}.{format.lower()}"),
            format=format.lower(),
            blob=image.doc.blob,
            name=image.id,
        ),
        snapshot_ids=_snapshot(call, image.doc),
        image_id=image.id,
        description=request.get("Description", ""),
        role_name=request.get("RoleName", ""),
        said={"S3Prefix": place.key} if place.key else {},
        began_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, _KIND.name),
    )
    record = call.tx.insert(_KIND, call.account, id, exporting.with_content(call.tx, task))
    shown: Any = dict(render(call, record))
    shown |= {"DiskImageFormat": format, "RoleName": request.get("RoleName", "")}
    return shown


def _snapshot(call: WriteCall, image: Image) -> tuple[str, ...]:
    """Return the snapshot that the image's root is of; none where it is a file."""
    if sum(bool(one.snapshot_id) for one in image.mappings) > 1:
        raise errors.UnsupportedOperation(
            "An image of several disks is not exported: copy it with its root disk alone."
        )
    root = root_mapping(image)
    if root is None or not root.snapshot_id:
        return ()
    snapshot = call.tx.get(records.SNAPSHOT, root.snapshot_id)
    if snapshot is None:
        raise errors.InvalidSnapshotNotFound(root.snapshot_id)
    exporting.check_plain(snapshot)
    return (snapshot.id,)


def _touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    place = exporting.place_of(request["S3ExportLocation"])
    yield "s3:PutObject", Object(place.bucket, f"{place.key}*")


def render(call: Call, record: TaskRecord) -> shapes.ExportImageTask:
    """Return a task as EC2 shows it."""
    doc = record.doc
    assert doc.out is not None, "it exports"
    place = {"S3Bucket": doc.out.object.bucket, "S3Prefix": doc.said.get("S3Prefix", "")}
    shown: Any = {
        "ExportImageTaskId": record.id,
        "Description": doc.description,
        "ImageId": doc.image_id,
        "Progress": exporting.progress_of(record),
        "S3ExportLocation": place,
        "Status": exporting.status_of(record),
        "StatusMessage": exporting.message_of(record),
        "Tags": tagset.shown(doc.tags),
    }
    return shown


def _find(call: Call, request: shapes.DescribeExportImageTasksRequest) -> Iterable[TaskRecord]:
    asked: list[str] = request.get("ExportImageTaskIds") or []
    if asked:
        return resources.several(call, _KIND, asked)
    return call.view.ordered(_KIND, call.account)


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="ExportImage",
            does=Write(handle=export_image),
            honours=frozenset(
                {
                    "Description",
                    "DiskImageFormat",
                    "ImageId",
                    "RoleName",
                    "S3ExportLocation.S3Bucket",
                    "S3ExportLocation.S3Prefix",
                }
            ),
            creates=(_KIND.name,),
            passes=tasks.passed,
        ),
        _touches,
    ),
    Action(
        service="ec2",
        name="DescribeExportImageTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ExportImageTasks",
            filters={"task-state": lambda call, it: (exporting.status_of(it),)},
            tags=lambda it: it.doc.tags,
            max_results=(1, 500),
        ),
        honours=frozenset({"ExportImageTaskIds"}),
    ),
)
