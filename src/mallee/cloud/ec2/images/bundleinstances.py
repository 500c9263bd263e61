"""BundleInstance and its tasks: what an instance's root has becomes a bundle in a bucket.

Called through the action table. The root is cut at one instant, whether the guest runs or not, as
for an export (`exportinstances`); the cut is the task's, and goes when that has ended. Parts and
manifest are put by the rights of whoever has signed the upload policy (`uploadpolicies`), and the
manifest comes last. EC2 has no state for what was called off: that has `failed`, by its client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images import exporting, exportinstances, tasks, uploadpolicies
from mallee.cloud.ec2.images.tasks import TaskRecord
from mallee.cloud.ec2.storage import snapshots
from mallee.cloud.state import records
from mallee.kit.secretbox import SecretBox
from mallee.model import ids
from mallee.model.storage.transfers import FileOut, Task, Way

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

PENDING, BUNDLING, STORING, CANCELLING, COMPLETE, FAILED = (
    "pending",
    "bundling",
    "storing",
    "cancelling",
    "complete",
    "failed",
)
CANCELLED_CODE, FAILED_CODE = "Client.Cancelled", "Server.Failed"
UPLOADING = "uploading"
"""What a host says while parts are put."""
_KIND = records.BUNDLE_TASK


def _prepare(call: Call, request: Request, box: SecretBox) -> Callable[[], Any] | None:
    """Look at the instance and the policy before anything is cut."""
    exportinstances.root_of(call, request)
    _check_is_free(call, request)
    uploadpolicies.check(call, request["Storage"], box)
    return None


def _check_is_free(call: Call, request: Request) -> None:
    """Raise `BundlingInProgress`: two bundles of an instance may have one place in a bucket."""
    wanted = ids.normalise(request["InstanceId"])
    for record in resources.reader(call).list(_KIND, call.account):
        if record.doc.instance_id == wanted and record.doc.ended_at is None:
            raise errors.BundlingInProgress(wanted, record.id)


def _ask(call: Call, request: Request) -> tuple[str, str, str, str]:
    """Ask the instance's host to cut its root."""
    return snapshots.question(call, [exportinstances.root_of(call, request)])


def bundle_instance(
    call: WriteCall, request: shapes.BundleInstanceRequest
) -> shapes.BundleInstanceResult:
    """Write the task down, and the snapshot that the host has made for it."""
    tasks.check_count(call, _KIND, "BundleInstance")
    root = exportinstances.root_of(call, request)
    _check_is_free(call, request)
    permission = uploadpolicies.check(call, request["Storage"], call.box)
    instance = resources.one(call, records.INSTANCE, request["InstanceId"])
    id = ids.make("bun", call.entropy(ids.ID_BYTES))
    (snapshot,) = snapshots.write_down(call, {"Description": f"Created for {id}"}, [root])
    task = Task(
        id=id,
        way=Way.BUNDLE_OUT,
        host_id=tasks.choose_host(call.tx, call.account),
        access=permission.access,
        access_ends_at=permission.expires_at,
        out=FileOut(
            object=permission.place,
            format="raw",
            name=instance.id,
            kernel_id=instance.doc.kernel_id or "",
            ramdisk_id=instance.doc.ramdisk_id or "",
        ),
        snapshot_ids=(snapshot.id,),
        instance_id=instance.id,
        said={"AWSAccessKeyId": permission.access_key_id},
        began_at=call.now,
        made_by=call.principal.issuer_id,
    )
    return {"BundleTask": render(call, call.tx.insert(_KIND, call.account, id, task))}


# --- how a task is told ---


def state_of(record: TaskRecord) -> str:
    """Return the state that EC2 shows."""
    doc, seen = record.doc, record.seen
    if doc.ended_at is not None:
        return FAILED if doc.failure else COMPLETE
    if doc.cancelled_at is not None:
        return CANCELLING
    if seen is None:
        return PENDING
    return STORING if seen.words == UPLOADING else BUNDLING


def render(_call: Call, record: TaskRecord) -> shapes.BundleTask:
    """Return a task as EC2 shows it: without the policy and its signature, which are a key to the
    bucket."""
    doc = record.doc
    shown: Any = {
        "BundleId": record.id,
        "InstanceId": doc.instance_id,
        "State": state_of(record),
        "Progress": f"{tasks.percent_of(record)}%",
        "StartTime": doc.began_at,
        "UpdateTime": _updated_at(record),
        "Storage": {
            "S3": {
                "AWSAccessKeyId": doc.said["AWSAccessKeyId"],
                "Bucket": _bucket(record),
                "Prefix": _prefix(record),
            }
        },
    }
    if doc.failure:
        shown["BundleTaskError"] = {"Code": _code(record), "Message": doc.failure}
    return shown


def message_of(record: TaskRecord) -> str:
    """Return why it is in its state."""
    return exporting.message_of(record) or "its manifest and parts are in the bucket"


def _updated_at(record: TaskRecord) -> float:
    doc = record.doc
    return doc.ended_at or doc.cancelled_at or doc.began_at


def _bucket(record: TaskRecord) -> str:
    return record.doc.out.object.bucket if record.doc.out else ""


def _prefix(record: TaskRecord) -> str:
    return record.doc.out.object.key if record.doc.out else ""


def _code(record: TaskRecord) -> str:
    if not record.doc.failure:
        return ""
    return CANCELLED_CODE if record.doc.cancelled_at is not None else FAILED_CODE


def _find(call: Call, request: shapes.DescribeBundleTasksRequest) -> Iterable[TaskRecord]:
    asked: list[str] = request.get("BundleIds") or []
    if asked:
        return resources.several(call, _KIND, asked)
    return call.view.ordered(_KIND, call.account)


# --- calling it off ---


def cancel(
    call: WriteCall, request: shapes.CancelBundleTaskRequest
) -> shapes.CancelBundleTaskResult:
    """Have a bundle end before it is done: its manifest is never put."""
    record = resources.one(call, _KIND, request["BundleId"])
    if record.doc.ended_at is not None:
        raise errors.IncorrectState(
            f"The bundle task {record.id} is {state_of(record)}, and cannot be cancelled."
        )
    doc = replace(record.doc, cancelled_at=record.doc.cancelled_at or call.now)
    return {"BundleTask": render(call, call.tx.write(record, doc))}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="BundleInstance",
        does=Write(handle=bundle_instance, prepare=_prepare, asks=_ask),
        honours=frozenset(
            {
                "InstanceId",
                "Storage.S3.AWSAccessKeyId",
                "Storage.S3.Bucket",
                "Storage.S3.Prefix",
                "Storage.S3.UploadPolicy",
                "Storage.S3.UploadPolicySignature",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DescribeBundleTasks",
        does=Listing(
            find=_find,
            render=render,
            member="BundleTasks",
            filters={
                "bundle-id": lambda call, it: (it.id,),
                "error-code": lambda call, it: (_code(it),),
                "error-message": lambda call, it: (it.doc.failure,),
                "instance-id": lambda call, it: (it.doc.instance_id,),
                "progress": lambda call, it: (f"{tasks.percent_of(it)}%",),
                "s3-bucket": lambda call, it: (_bucket(it),),
                "s3-prefix": lambda call, it: (_prefix(it),),
                "start-time": lambda call, it: (resources.moment(it.doc.began_at),),
                "state": lambda call, it: (state_of(it),),
                "update-time": lambda call, it: (resources.moment(_updated_at(it)),),
            },
            tags=lambda it: it.doc.tags,
        ),
        honours=frozenset({"BundleIds"}),
    ),
    Action(
        service="ec2",
        name="CancelBundleTask",
        does=Write(handle=cancel),
        honours=frozenset({"BundleId"}),
    ),
)
