"""ImportImage and its tasks: files in a bucket, or snapshots, become an image.

Called through the action table. The image and the snapshots of its disks are written down when all
contents are in the object store (`reconcile.transfers`). An archive (OVA) holds several disks,
which are told of once the host has looked into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import importing, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.storage.transfers import DISKS_MAX, DiskIn, Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

_KIND = records.IMPORT_IMAGE_TASK
_PLATFORMS = ("Linux", "Windows")
_LICENSES = ("AWS", "BYOL", "Auto")


def import_image(call: WriteCall, request: shapes.ImportImageRequest) -> shapes.ImportImageResult:
    """Begin to make an image of files or snapshots."""
    containers: list[Any] = list(request.get("DiskContainers") or [])
    if not 1 <= len(containers) <= DISKS_MAX:
        raise errors.InvalidParameter(f"An image is made of 1 to {DISKS_MAX} DiskContainers.")
    tasks.check_count(call, _KIND, "ImportImage")
    disks = tuple(importing.parse_disk(one) for one in containers)
    _check_disks(call, disks, encrypts=bool(request.get("Encrypted")))
    id = ids.make("import-ami", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        way=Way.DISKS_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, request.get("RoleName")),
        disks=disks,
        description=request.get("Description", ""),
        role_name=request.get("RoleName", ""),
        key=importing.key_of_new(call, id, request),
        said=_said(request),
        began_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, _KIND.name),
    )
    shown = render(call, call.tx.insert(_KIND, call.account, id, task))
    return {name: value for name, value in shown.items() if name != "BootMode"}  # type: ignore[return-value]


def _check_disks(call: WriteCall, disks: tuple[DiskIn, ...], *, encrypts: bool) -> None:
    if any(disk.format == "ova" for disk in disks) and len(disks) > 1:
        raise errors.InvalidParameter("An OVA archive holds all disks: name it alone.")
    devices = [disk.device for disk in disks if disk.device]
    if len(devices) != len(set(devices)):
        raise errors.InvalidParameter("A DeviceName is given to more than one disk.")
    for disk in disks:
        if disk.snapshot_id:
            named = resources.one(call, records.SNAPSHOT, disk.snapshot_id)
            if encrypts and named.doc.key is None:
                raise errors.UnsupportedOperation(
                    f"{named.id} is not encrypted, and is taken as it is: copy it with encryption "
                    "(CopySnapshot), and name the copy."
                )


def _said(request: shapes.ImportImageRequest) -> dict[str, str]:
    """Return what else was asked for. Raises for what no guest can have here."""
    architecture = request.get("Architecture", "x86_64")
    if architecture not in ("x86_64", "i386"):
        raise errors.InvalidParameter(f"Guests of the architecture {architecture} do not run here.")
    platform = request.get("Platform", "")
    if platform and platform not in _PLATFORMS:
        raise errors.InvalidParameter(f"Invalid value '{platform[:40]}' for Platform.")
    hypervisor = request.get("Hypervisor", "xen")
    if hypervisor != "xen":
        raise errors.InvalidParameter("The parameter Hypervisor must be xen.")
    license = request.get("LicenseType", "")
    if license and license not in _LICENSES:
        raise errors.InvalidParameter(f"Invalid value '{license[:40]}' for LicenseType.")
    said = {
        "Architecture": architecture,
        "Platform": platform,
        "Hypervisor": hypervisor,
        "LicenseType": license,
        "BootMode": request.get("BootMode", ""),
    }
    return {name: value for name, value in said.items() if value}


def _touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    containers: list[Any] = request.get("DiskContainers") or []
    for one in importing.objects_of(containers):
        yield "s3:GetObject", one


def render(call: Call, record: TaskRecord) -> shapes.ImportImageTask:
    """Return a task as EC2 shows it."""
    doc = record.doc
    shown: Any = {
        **doc.said,
        "ImportTaskId": record.id,
        "Description": doc.description,
        **importing.encryption_of(doc),
        "ImageId": doc.image_id or None,
        "Progress": importing.progress_of(record),
        "SnapshotDetails": _details(record),
        "Status": importing.status_of(record),
        "StatusMessage": importing.message_of(record),
        "Tags": tagset.shown(doc.tags),
    }
    return {name: value for name, value in shown.items() if value is not None}  # type: ignore[return-value]


def _details(record: TaskRecord) -> list[dict[str, Any]]:
    doc = record.doc
    count = max(len(doc.disks), len(record.seen.disks) if record.seen else 0)
    details: list[dict[str, Any]] = []
    for index in range(count):
        disk = doc.disks[min(index, len(doc.disks) - 1)]
        detail = importing.detail(record, index, disk)
        if disk.snapshot_id:
            detail |= {"SnapshotId": disk.snapshot_id}
        if disk.device:
            detail |= {"DeviceName": disk.device}
        details.append(detail)
    return details


def _find(call: Call, request: shapes.DescribeImportImageTasksRequest) -> Iterable[TaskRecord]:
    return importing.find_tasks(call, _KIND, request.get("ImportTaskIds") or [])


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="ImportImage",
            does=Write(handle=import_image),
            honours=frozenset(
                {
                    "Architecture",
                    "BootMode",
                    "ClientData",
                    "Description",
                    "DiskContainers.Description",
                    "DiskContainers.DeviceName",
                    "DiskContainers.Format",
                    "DiskContainers.SnapshotId",
                    "DiskContainers.Url",
                    "DiskContainers.UserBucket.S3Bucket",
                    "DiskContainers.UserBucket.S3Key",
                    "Encrypted",
                    "Hypervisor",
                    "KmsKeyId",
                    "LicenseType",
                    "Platform",
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
        name="DescribeImportImageTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ImportImageTasks",
            filters={"task-state": lambda call, it: (importing.status_of(it),)},
            tags=lambda it: it.doc.tags,
            max_results=(1, 1000),
        ),
        honours=frozenset({"ImportTaskIds"}),
    ),
)
