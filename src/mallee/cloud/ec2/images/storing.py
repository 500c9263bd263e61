"""Images stored as objects in buckets, and restored: in another account, or another cloud.

Called through the action table. The object has all of the image (`model.storedimages`) and is
there when it is whole. An image that is restored is `pending` until a host has brought its disks in
(`reconcile.restoredimages`), then `available`, or `failed` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import exporting, images, importing, names, sharing, tasks
from mallee.cloud.ec2.images.images import ImageRecord
from mallee.cloud.ec2.images.sharing import PENDING
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import ids
from mallee.model.images import storedimages
from mallee.model.images.images import Image, ImageMapping, is_ebs, mappings_of
from mallee.model.images.storedimages import Disk, Header
from mallee.model.storage.snapshots import Snapshot
from mallee.model.storage.transfers import DiskIn, FileOut, Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

IN_PROGRESS, COMPLETED, FAILED = "InProgress", "Completed", "Failed"
IMAGES_MAX = 20
OBJECT_TAGS_MAX = 10
GIB = 1 << 30


def create_store_task(
    call: WriteCall, request: shapes.CreateStoreImageTaskRequest
) -> shapes.CreateStoreImageTaskResult:
    """Begin to make an object of an image."""
    tasks.check_count(call, records.STORE_TASK, "CreateStoreImageTask")
    image = _storable(call, request["ImageId"])
    place = _place(request)
    mappings = mappings_of(image.doc)
    task = Task(
        id=ids.make("store-ami", call.entropy(ids.ID_BYTES)),
        way=Way.IMAGE_OUT,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, None),
        out=FileOut(
            object=place,
            format="raw",
            header=_header(call, image).decode(),
            tags=_object_tags(request),
        ),
        snapshot_ids=tuple(one.snapshot_id for one in mappings if one.snapshot_id),
        image_id=image.id,
        began_at=call.now,
        made_by=call.principal.issuer_id,
    )
    task = exporting.with_content(call.tx, task)
    call.tx.insert(records.STORE_TASK, call.account, task.id, task)
    return {"ObjectKey": place.key}


def _header(call: WriteCall, image: ImageRecord) -> bytes:
    """Return what the object says of the image; raise for disks that are not to be had."""
    mappings = mappings_of(image.doc)
    snapshots = {
        one.snapshot_id: _snapshot(call, one.snapshot_id) for one in mappings if one.snapshot_id
    }
    header = Header(
        image_id=image.id,
        name=image.doc.name,
        description=image.doc.description,
        architecture=image.doc.architecture,
        boot_mode=image.doc.boot_mode,
        platform=image.doc.platform,
        root_device=image.doc.root_device,
        disks=tuple(_disk(one, snapshots.get(one.snapshot_id)) for one in mappings),
        tags={key: value for key, value in image.doc.tags.items() if tagset.is_own(key)},
    )
    raw = storedimages.encode_header(header)
    if len(raw) > storedimages.HEADER_BYTES_MAX:
        raise errors.InvalidRequest(f"The tags of {image.id} are too long to be stored with it.")
    return raw


def _storable(call: WriteCall, id: str) -> ImageRecord:
    """Return an image that its owner, or who was named by him, may take along."""
    image = images.launchable(call, id, "machine")
    if not sharing.is_named(image, call.account):
        raise errors.InvalidRequest(
            f"The image {image.id} is shared with everybody and not with your account by name: "
            "copy it, and store the copy."
        )
    if not is_ebs(image.doc) or image.doc.blob is not None:
        raise errors.InvalidRequest(
            f"The image {image.id} is not made of snapshots: launch it, make an image of the "
            "instance (CreateImage), and store that."
        )
    return image


def _snapshot(call: WriteCall, id: str) -> Record[Snapshot, Any]:
    snapshot = call.tx.get(records.SNAPSHOT, id)
    if snapshot is None:
        raise errors.InvalidSnapshotNotFound(id)
    accounts = (snapshot.account, *snapshot.doc.sharing.accounts)
    if call.account not in accounts:
        raise errors.InvalidRequest("You do not have permission to access the storage of this ami")
    exporting.check_plain(snapshot)
    return snapshot


def _disk(mapping: ImageMapping, snapshot: Record[Snapshot, Any] | None) -> Disk:
    return Disk(
        device=mapping.device,
        size_bytes=snapshot.doc.size_gib * GIB if snapshot else 0,
        size_gib=max(mapping.size_gib, snapshot.doc.size_gib if snapshot else 0),
        type=mapping.type,
        iops=mapping.iops,
        throughput=mapping.throughput,
        delete_on_termination=mapping.delete_on_termination,
    )


def _place(request: Request) -> Object:
    return tasks.parse_object(request["Bucket"], f"{ids.normalise(request['ImageId'])}.bin")


def _object_tags(request: Request) -> dict[str, str]:
    given: list[Any] = request.get("S3ObjectTags") or []
    tags = tagset.checked(given)
    if len(tags) > OBJECT_TAGS_MAX:
        raise errors.InvalidParameterValue(f"An object has {OBJECT_TAGS_MAX} tags at most.")
    return tags


def _stores(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    yield "s3:PutObject", _place(request)
    if request.get("S3ObjectTags"):
        yield "s3:PutObjectTagging", _place(request)


# --- how it is told ---


def state_of(record: TaskRecord) -> str:
    """Return the state that EC2 shows."""
    if record.doc.ended_at is None:
        return IN_PROGRESS
    return FAILED if record.doc.failure else COMPLETED


def render(_call: Call, record: TaskRecord) -> shapes.StoreImageTaskResult:
    """Return a task as EC2 shows it."""
    doc = record.doc
    assert doc.out is not None, "it stores"
    shown: Any = {
        "AmiId": doc.image_id,
        "TaskStartTime": doc.began_at,
        "Bucket": doc.out.object.bucket,
        "S3objectKey": doc.out.object.key,
        "ProgressPercentage": tasks.percent_of(record),
        "StoreTaskState": state_of(record),
        "StoreTaskFailureReason": doc.failure or None,
    }
    return shown


def _find(call: Call, request: shapes.DescribeStoreImageTasksRequest) -> Iterable[TaskRecord]:
    asked: list[str] = request.get("ImageIds") or []
    if not asked:
        return call.view.ordered(records.STORE_TASK, call.account)
    if len(asked) > IMAGES_MAX:
        raise errors.InvalidParameterValue(f"{IMAGES_MAX} ImageIds may be named at once.")
    own = call.view.list(records.STORE_TASK, call.account)
    wanted = [resources.check_form(records.IMAGE, id) for id in asked]
    found = [one for one in own if one.doc.image_id in wanted]
    for id in set(wanted) - {one.doc.image_id for one in found}:
        image = call.view.get(records.IMAGE, id)
        if image is None or not sharing.may_use(image, call.account):
            raise errors.InvalidAMIIDNotFound(id)
    return found


# --- restored ---


def create_restore_task(
    call: WriteCall, request: shapes.CreateRestoreImageTaskRequest
) -> shapes.CreateRestoreImageTaskResult:
    """Begin to make an image of an object."""
    tasks.check_count(call, records.RESTORE_TASK, "CreateRestoreImageTask")
    place = tasks.parse_object(request["Bucket"], request["ObjectKey"])
    id = ids.make("ami", call.entropy(ids.ID_BYTES))
    name = request.get("Name")
    if name:
        names.check(call, name)
    image = Image(
        id=id,
        # The object says what it is called, where nothing was said.
        name=name or id,
        kind="machine",
        location=f"{place.bucket}/{place.key}",
        created_at=call.now,
        made_by=call.principal.issuer_id,
        state=PENDING,
        tags=tagset.of_new(request, records.IMAGE.name),
    )
    task_id = ids.make("import-restore", call.entropy(ids.ID_BYTES))
    task = Task(
        id=task_id,
        key=importing.key_of_new(call, task_id, request),
        way=Way.IMAGE_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_of(call, None),
        disks=(DiskIn(object=place),),
        image_id=id,
        began_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.SNAPSHOT.name),
    )
    call.tx.insert(records.IMAGE, call.account, id, image)
    call.tx.insert(records.RESTORE_TASK, call.account, task.id, task)
    return {"ImageId": id}


def _restores(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    yield "s3:GetObject", tasks.parse_object(request["Bucket"], request["ObjectKey"])


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="CreateStoreImageTask",
            does=Write(handle=create_store_task),
            honours=frozenset({"Bucket", "ImageId", "S3ObjectTags.Key", "S3ObjectTags.Value"}),
        ),
        _stores,
    ),
    Action(
        service="ec2",
        name="DescribeStoreImageTasks",
        does=Listing(
            find=_find,
            render=render,
            member="StoreImageTaskResults",
            filters={
                "bucket": lambda call, it: (it.doc.out.object.bucket if it.doc.out else "",),
                "task-state": lambda call, it: (state_of(it),),
            },
            tags=lambda it: it.doc.tags,
            max_results=(1, 200),
        ),
        honours=frozenset({"ImageIds"}),
    ),
    tasks.touching(
        Action(
            service="ec2",
            name="CreateRestoreImageTask",
            does=Write(handle=create_restore_task),
            honours=frozenset({"Bucket", "Name", "ObjectKey"}),
            creates=(records.IMAGE.name, records.SNAPSHOT.name),
            uses_keys=importing.uses_keys,
        ),
        _restores,
    ),
)
