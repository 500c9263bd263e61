"""ImportVolume, ImportInstance and their tasks: files in parts become volumes, and an instance.

Called through the action table. An import manifest in a bucket lists the parts; tools upload them
when the task is there, and a host waits for them. The volumes are made when all contents are in the
object store, the instance with them (`reconcile.conversions`): it is asked for as a launch, whole,
and its id is told at once. A task that failed is shown as cancelled: EC2 has no other word for it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.ec2 import resources, zones
from mallee.cloud.ec2.capacity import instancetypes
from mallee.cloud.ec2.images import importing, tasks
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.instances import launchnetwork, launchrequest
from mallee.cloud.ec2.storage import volumes, volumetypes
from mallee.cloud.state import records
from mallee.model import ids
from mallee.model.compute.instancetypes import DEFAULT_NAME
from mallee.model.images.images import ROOT_DEVICE
from mallee.model.storage.transfers import DISKS_MAX, DiskIn, Object, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

LIFE_S = 7 * 86400.0
"""So long a task waits for its parts."""
ACTIVE, CANCELLING, CANCELLED, COMPLETED = "active", "cancelling", "cancelled", "completed"
_KIND = records.CONVERSION_TASK
_CONVERTED_FROM = 50
"""The percent of a disk at which its file is there, and conversion begins."""
_PLATFORMS = ("Windows", "Linux")
_FILE_BYTES_MAX = 16384 << 30


def import_volume(
    call: WriteCall, request: shapes.ImportVolumeRequest
) -> shapes.ImportVolumeResult:
    """Begin to make a volume of a file in parts."""
    zone = volumes.zone_of(call, request)
    disk = _disk(request["Image"], request["Volume"], request.get("Description", ""))
    id = ids.make("import-vol", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        key=importing.key_of_new(call, id, request),
        way=Way.PARTS_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_to_parts(call),
        disks=(disk,),
        zone=zone,
        description=request.get("Description", ""),
        began_at=call.now,
        made_by=call.principal.issuer_id,
    )
    return {"ConversionTask": _begin(call, task)}


def import_instance(
    call: WriteCall, request: shapes.ImportInstanceRequest
) -> shapes.ImportInstanceResult:
    """Begin to make an instance of files in parts: the first one is its root."""
    platform: str = request["Platform"]
    if platform not in _PLATFORMS:
        raise errors.InvalidParameterValue(f"Invalid value '{platform[:40]}' for Platform.")
    images: list[Any] = list(request.get("DiskImages") or [])
    if not 1 <= len(images) <= DISKS_MAX:
        raise errors.InvalidParameterValue(f"An instance is made of 1 to {DISKS_MAX} DiskImages.")
    specification: Any = request.get("LaunchSpecification") or {}
    wanted = _launch(specification)
    zone = _check_launch(call, wanted)
    id = ids.make("import-i", call.entropy(ids.ID_BYTES))
    task = Task(
        id=id,
        key=importing.key_of_new(call, id, request),
        way=Way.PARTS_IN,
        host_id=tasks.choose_host(call.tx, call.account),
        access=tasks.access_to_parts(call),
        disks=tuple(_disk_of(one, index) for index, one in enumerate(images)),
        zone=zone,
        launch=msgspec.json.encode(wanted).decode(),
        instance_id=ids.make("i", call.entropy(ids.ID_BYTES)),
        description=request.get("Description", ""),
        said={
            "Platform": platform,
            "Architecture": specification.get("Architecture", "x86_64"),
        },
        began_at=call.now,
        made_by=call.principal.issuer_id,
    )
    return {"ConversionTask": _begin(call, task)}


def _begin(call: WriteCall, task: Task) -> shapes.ConversionTask:
    tasks.check_count(call, _KIND, "conversion")
    return render(call, call.tx.insert(_KIND, call.account, task.id, task))


def _disk_of(image: Mapping[str, Any], index: int) -> DiskIn:
    for member in ("Image", "Volume"):
        if not image.get(member):
            raise errors.MissingParameter(f"diskImage.{member}")
    disk = _disk(image["Image"], image["Volume"], image.get("Description", ""))
    return replace(disk, device=ROOT_DEVICE if index == 0 else f"/dev/sd{chr(ord('a') + index)}")


def _disk(image: Mapping[str, Any], volume: Mapping[str, Any], description: str) -> DiskIn:
    """Return a disk as it is asked for. Raises for what cannot be meant."""
    size_bytes: int = image["Bytes"]
    if not 0 < size_bytes <= _FILE_BYTES_MAX:
        raise errors.InvalidParameterValue(f"Value ({size_bytes}) for parameter bytes is invalid.")
    asked = volumetypes.Asked(type=volumetypes.DEFAULT, size_gib=volume["Size"])
    volumetypes.checked(asked)
    url: str = image["ImportManifestUrl"]
    return DiskIn(
        object=tasks.parse_signed_url(url),
        # What follows is a signature: whoever has it may read the manifest.
        url=url.partition("?")[0],
        format=image["Format"].lower(),
        description=description,
        size_bytes=size_bytes,
        volume_gib=asked.size_gib,
    )


def _launch(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return a launch specification as RunInstances has it."""
    architecture = specification.get("Architecture", "x86_64")
    if architecture not in ("x86_64", "i386"):
        raise errors.InvalidParameterValue(
            f"Guests of the architecture {architecture} do not run here."
        )
    wanted: dict[str, Any] = {"MinCount": 1, "MaxCount": 1}
    for ours, theirs in (
        ("InstanceType", "InstanceType"),
        ("SubnetId", "SubnetId"),
        ("PrivateIpAddress", "PrivateIpAddress"),
        ("InstanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"),
        ("Placement", "Placement"),
        ("SecurityGroupIds", "GroupIds"),
        ("SecurityGroups", "GroupNames"),
    ):
        if specification.get(theirs):
            wanted[ours] = specification[theirs]
    user_data: Mapping[str, str] = specification.get("UserData") or {}
    if user_data.get("Data"):
        wanted["UserData"] = user_data["Data"]
    return wanted


def _check_launch(call: WriteCall, wanted: Mapping[str, Any]) -> str:
    """Return the zone of a launch. Raises for what will not be possible, days before it is."""
    asked: Any = wanted
    kind = instancetypes.by_name(resources.reader(call), wanted.get("InstanceType", DEFAULT_NAME))
    launchrequest.parse_user_data(wanted.get("UserData", ""))
    return launchnetwork.parse(call, asked, kind)[0].subnet.doc.zone


def _touches(_call: Call, request: Request) -> Iterator[tuple[str, Object]]:
    """Yield what an import reads: the manifests, and what lies beside them."""
    listed: list[Any] = request.get("DiskImages") or [request]
    for one in listed:
        image: Mapping[str, Any] = one.get("Image") or {}
        if image.get("ImportManifestUrl"):
            place = tasks.parse_signed_url(image["ImportManifestUrl"])
            folder = posixpath.dirname(place.key)
            yield "s3:GetObject", place
            yield "s3:GetObject", Object(place.bucket, posixpath.join(folder, "*"))


# --- how a task is told ---


def state_of(record: TaskRecord) -> str:
    """Return the state that EC2 shows."""
    doc = record.doc
    if doc.ended_at is not None:
        return CANCELLED if doc.failure else COMPLETED
    return CANCELLING if doc.cancelled_at is not None else ACTIVE


def render(call: Call, record: TaskRecord) -> shapes.ConversionTask:
    """Return a task as EC2 shows it."""
    doc = record.doc
    shown: Any = {
        "ConversionTaskId": record.id,
        "ExpirationTime": resources.moment(doc.began_at + LIFE_S),
        "State": state_of(record),
        "StatusMessage": importing.message_of(record),
        "Tags": [],
    }
    if doc.launch:
        shown["ImportInstance"] = {
            "Description": doc.description,
            "InstanceId": doc.instance_id,
            # EC2 has no other word for a platform than this.
            "Platform": "Windows" if doc.said["Platform"] == "Windows" else None,
            "Volumes": [_item(call, record, index) for index in range(len(doc.disks))],
        }
    else:
        shown["ImportVolume"] = _volume(call, record, 0)
    return shown


def _item(call: Call, record: TaskRecord, index: int) -> dict[str, Any]:
    seen = importing.disk_seen(record, index)
    status = {"Status": state_of(record), "StatusMessage": seen.words or None}
    return {**_volume(call, record, index), **status}


def _volume(call: Call, record: TaskRecord, index: int) -> dict[str, Any]:
    disk, seen = record.doc.disks[index], importing.disk_seen(record, index)
    share = max(0, seen.percent - _CONVERTED_FROM) / (100 - _CONVERTED_FROM)
    return {
        "AvailabilityZone": record.doc.zone,
        "AvailabilityZoneId": zones.id_of(record.doc.zone, call.settings.region),
        "BytesConverted": int(disk.size_bytes * share),
        "Description": disk.description,
        "Image": {
            "Format": disk.format.upper(),
            "ImportManifestUrl": disk.url,
            "Size": disk.size_bytes,
        },
        "Volume": {"Id": disk.volume_id or None, "Size": disk.volume_gib},
    }


def _find(call: Call, request: shapes.DescribeConversionTasksRequest) -> Iterable[TaskRecord]:
    return importing.find_tasks(call, _KIND, request.get("ConversionTaskIds") or [])


# --- calling it off ---


def cancel(call: WriteCall, request: shapes.CancelConversionRequest) -> Result:
    """Have a conversion end before it is done; nothing is made, and nothing stays."""
    record = resources.one(call, _KIND, request["ConversionTaskId"])
    if record.doc.ended_at is not None:
        raise errors.IncorrectState(
            f"The conversion task {record.id} is {state_of(record)}, and cannot be cancelled."
        )
    doc = replace(
        record.doc,
        cancelled_at=record.doc.cancelled_at or call.now,
        cancel_reason=request.get("ReasonMessage", ""),
    )
    call.tx.write(record, doc)
    return {}


_DISK = frozenset(
    {"Image.Bytes", "Image.Format", "Image.ImportManifestUrl", "Volume.Size", "Description"}
)
ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="ImportVolume",
            does=Write(handle=import_volume),
            honours=frozenset({"AvailabilityZone", "AvailabilityZoneId", *_DISK}),
            uses_keys=importing.uses_keys,
        ),
        _touches,
    ),
    tasks.touching(
        Action(
            service="ec2",
            name="ImportInstance",
            does=Write(handle=import_instance),
            honours=frozenset(
                {
                    "Description",
                    *(f"DiskImages.{one}" for one in _DISK),
                    "LaunchSpecification.Architecture",
                    "LaunchSpecification.GroupIds",
                    "LaunchSpecification.GroupNames",
                    "LaunchSpecification.InstanceInitiatedShutdownBehavior",
                    "LaunchSpecification.InstanceType",
                    "LaunchSpecification.Placement.AvailabilityZone",
                    "LaunchSpecification.PrivateIpAddress",
                    "LaunchSpecification.SubnetId",
                    "LaunchSpecification.UserData.Data",
                    "Platform",
                }
            ),
            uses_keys=importing.uses_keys,
        ),
        _touches,
    ),
    Action(
        service="ec2",
        name="DescribeConversionTasks",
        does=Listing(
            find=_find,
            render=render,
            member="ConversionTasks",
            filters={},
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"ConversionTaskIds"}),
    ),
    Action(
        service="ec2",
        name="CancelConversionTask",
        does=Write(handle=cancel),
        honours=frozenset({"ConversionTaskId", "ReasonMessage"}),
    ),
)
