"""The end of an image, with the snapshots of its volumes if that is wanted.

Nobody sees or launches a deregistered image; what runs from it keeps running. Its record stays
until no instance needs its files, and the reconciler sweeps it then. Called through the action
table, and by the recycle bin's reconciler (`forget`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import things
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, Request, WriteCall
from mallee.cloud.ec2 import binned, resources
from mallee.cloud.ec2.images import standing
from mallee.cloud.ec2.images.sharing import DEREGISTERED, ImageRecord
from mallee.cloud.ec2.storage import snapshots
from mallee.cloud.state import records, store
from mallee.model import ids

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DELETED, SKIPPED, REFUSED = "success", "skipped", "client-error"


def deregister(
    call: WriteCall, request: shapes.DeregisterImageRequest
) -> shapes.DeregisterImageResult:
    """Let nobody see or launch an image of the caller's again."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    if image.doc.state == DEREGISTERED:
        raise errors.InvalidAMIIDUnavailable(image.id)
    standing.check_deregisterable(image, call.now)
    _check_not_needed(call, image)
    if not binned.keep(call.tx, image):
        forget(call.tx, image)
    if not request.get("DeleteAssociatedSnapshots"):
        return {"Return": True}
    return {"Return": True, "DeleteSnapshotResults": list(_delete_snapshots(call, image))}


def _check_not_needed(call: WriteCall, image: ImageRecord) -> None:
    for other in call.tx.list(records.IMAGE):
        needed = image.id in (other.doc.kernel_id, other.doc.ramdisk_id)
        if needed and other.doc.state != DEREGISTERED:
            raise errors.DependencyViolation(
                f"The image {image.id} is needed to boot {other.id}. Deregister that first."
            )


def forget(tx: store.Tx, image: ImageRecord) -> None:
    """Let an image be launched by nobody again."""
    tx.write(image, replace(image.doc, state=DEREGISTERED, binned=None))


def _delete_snapshots(
    call: WriteCall, image: ImageRecord
) -> Iterator[shapes.DeleteSnapshotReturnCode]:
    for id in _snapshot_ids(image):
        record = call.tx.get(records.SNAPSHOT, id)
        if record is None or record.account != call.account or binned.is_binned(record):
            continue
        if snapshots.images_of(call.tx, id):
            yield {"SnapshotId": id, "ReturnCode": SKIPPED}
            continue
        try:
            snapshots.delete(call, record)
        except errors.AwsError:
            # Locked, for one: what cannot be deleted stays, and the image goes all the same.
            yield {"SnapshotId": id, "ReturnCode": REFUSED}
        else:
            yield {"SnapshotId": id, "ReturnCode": DELETED}


def _snapshot_ids(image: ImageRecord) -> list[str]:
    named = (mapping.snapshot_id for mapping in image.doc.mappings)
    return sorted({id for id in named if id})


def _needs(call: Call, request: Request) -> Iterator[tuple[str, str]]:
    """Yield the permissions: who wants snapshots deleted too must be allowed that."""
    region, account = call.settings.region, call.account
    id = ids.normalise(request["ImageId"])
    yield "ec2:DeregisterImage", things.of_ec2(region, account, records.IMAGE.name, id)
    image = resources.reader(call).get(records.IMAGE, id)
    if request.get("DeleteAssociatedSnapshots") and image and image.account == account:
        for snapshot in _snapshot_ids(image):
            arn = things.of_ec2(region, account, records.SNAPSHOT.name, snapshot)
            yield "ec2:DeleteSnapshot", arn


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DeregisterImage",
        does=Write(handle=deregister),
        honours=frozenset({"DeleteAssociatedSnapshots", "ImageId"}),
        needs=_needs,
    ),
)
