"""Images: what may be launched: an account's own, and the public ones of any account.

Called through the action table and by `launch`. The cloud's reconciler registers the built-in
images for the first account, public. An id may also be written as Eucalyptus wrote it (`emi-…`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Listing
from mallee.cloud.call import Call
from mallee.cloud.ec2 import resources, tagset
from mallee.cloud.ec2.images import allowed, sharing, standing
from mallee.cloud.ec2.storage import volumetypes
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.images import images as models
from mallee.model.images.images import Image

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

AVAILABLE = "available"
OWN = "self"
OF_THE_CLOUD = "amazon"
"""As an owner: the cloud's administration, whose images come with the cloud."""

ImageRecord = Record[Image, None]


def launchable(call: Call, id: str, kind: str) -> ImageRecord:
    """Return the image if the caller may launch it and it is of that kind.

    Raises `InvalidAMIID.Malformed`, `.NotFound`, `.Unavailable`, or `InvalidParameterValue` for an
    image of another kind.
    """
    id = resources.check_form(records.IMAGE, id)
    image = resources.reader(call).get(records.IMAGE, id)
    if image is None or not _is_there(call, image):
        raise errors.InvalidAMIIDNotFound(id)
    if image.doc.kind != kind:
        raise errors.InvalidParameterValue(f"The image {id} is a {image.doc.kind}, not a {kind}.")
    if image.doc.state != AVAILABLE:
        raise errors.InvalidAMIIDUnavailable(id)
    return image


def _is_there(call: Call, image: ImageRecord) -> bool:
    """Tell whether an image is there for the caller: its owner lets him see it, and his account."""
    reader = resources.reader(call)
    return sharing.may_use(image, call.account) and allowed.is_there(
        reader, image, call.account, call.now
    )


def _find(call: Call, request: shapes.DescribeImagesRequest) -> Iterable[ImageRecord]:
    visible = {
        image.id: image
        for image in sorted(call.view.list(records.IMAGE), key=lambda it: it.id)
        if _is_there(call, image)
    }
    asked = [resources.check_form(records.IMAGE, id) for id in request.get("ImageIds") or ()]
    missing = [id for id in asked if id not in visible]
    if missing:
        raise errors.InvalidAMIIDNotFound(", ".join(missing))
    owners: list[str] = request.get("Owners") or []
    users: list[str] = request.get("ExecutableUsers") or []
    return [
        _shown(call, image)
        for image in visible.values()
        if (image.id in asked if asked else _is_listed(call, image, request))
        and (image.doc.state != sharing.DISABLED or request.get("IncludeDisabled"))
        and (not owners or _owned_by(call, image, owners))
        and (not users or _executable_by(call, image, users))
    ]


def _shown(call: Call, image: ImageRecord) -> ImageRecord:
    """Return an image without its tags for others: they are neither shown them nor find by them."""
    if image.account == call.account or not image.doc.tags:
        return image
    return replace(image, doc=replace(image.doc, tags={}))


def _is_listed(call: Call, image: ImageRecord, request: shapes.DescribeImagesRequest) -> bool:
    """Tell whether an image is shown to who does not name it: what is deprecated, to its owner."""
    is_shown = image.account == call.account or bool(request.get("IncludeDeprecated"))
    return is_shown or not standing.is_deprecated(image, call.now)


def _owned_by(call: Call, image: ImageRecord, owners: list[str]) -> bool:
    return (
        image.account in owners
        or (OWN in owners and image.account == call.account)
        or (OF_THE_CLOUD in owners and alias_of(call.view, image) == OF_THE_CLOUD)
    )


def _executable_by(call: Call, image: ImageRecord, users: list[str]) -> bool:
    # As in AWS: `self` means permitted to the caller by name or as owner, `all` means public.
    if sharing.EVERYBODY in users and image.doc.is_public:
        return True
    named = {call.account if user == OWN else user for user in users} & _tellable(call, image)
    return any(sharing.is_named(image, account) for account in named)


def _tellable(call: Call, image: ImageRecord) -> set[str]:
    """Return of whom the caller may learn whether an image is shared with them."""
    return {call.account, *(image.doc.launch_accounts if image.account == call.account else ())}


def alias_of(view: store.View | store.Tx, image: ImageRecord) -> str | None:
    """Return what its owner is called besides his account's id; None: he is not."""
    # What the first account makes for itself is no more the cloud's than anybody else's is.
    owner = view.get(records.ACCOUNT, image.account) if image.doc.is_public else None
    return OF_THE_CLOUD if owner is not None and owner.doc.is_cloud_admin else None


def _created(image: ImageRecord) -> str:
    when = datetime.datetime.fromtimestamp(image.doc.created_at, datetime.UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def _render(call: Call, image: ImageRecord) -> shapes.Image:
    doc = image.doc
    row: shapes.Image = {
        "ImageId": image.id,
        "Name": doc.name,
        "Description": doc.description,
        "ImageLocation": doc.location,
        "ImageType": doc.kind,
        "Architecture": doc.architecture,
        "OwnerId": image.account,
        "ImageOwnerAlias": alias_of(call.view, image),
        "Public": doc.is_public,
        "State": doc.state,
        "CreationDate": _created(image),
        "KernelId": doc.kernel_id,
        "RamdiskId": doc.ramdisk_id,
        "Platform": doc.platform or None,
        "PlatformDetails": "Windows" if doc.platform else "Linux/UNIX",
        "BootMode": doc.boot_mode or None,
        "SourceImageId": doc.source_image_id or None,
        "SourceImageRegion": doc.source_image_region or None,
        "SourceInstanceId": doc.source_instance_id or None,
        "SriovNetSupport": doc.sriov_net_support or None,
        "ImdsSupport": doc.imds_support or None,
        "TpmSupport": doc.tpm_support or None,
        "StateReason": {"Code": _reason_code(doc), "Message": doc.state_reason}
        if doc.state_reason
        else None,
        "DeprecationTime": standing.deprecation_time(image),
        "DeregistrationProtection": standing.protection(image, call.now)
        if image.account == call.account
        else None,
        "ImageAllowed": allowed.said(call.view, image, call.account, call.now),
        "Tags": tagset.shown(doc.tags),
    }
    if doc.kind != "machine":
        return row
    return {
        **row,
        "VirtualizationType": doc.virtualization_type,
        "EnaSupport": doc.ena_support,
        "RootDeviceName": doc.root_device,
        "RootDeviceType": doc.root_device_type,
        "BlockDeviceMappings": mappings(image),
    }


def _reason_code(doc: models.Image) -> str:
    """Return what an image's reason is about: the bundle, or the snapshots that it is made of."""
    return "Client.InvalidSnapshot" if doc.mappings else "Client.InvalidManifest"


def mappings(image: ImageRecord) -> list[shapes.BlockDeviceMapping]:
    """Return an image's volumes as EC2 shows them."""
    return [_mapping(one) for one in models.mappings_of(image.doc)]


def type_of(one: models.ImageMapping) -> str:
    """Return the type of the volume that a mapping makes."""
    return one.type or volumetypes.DEFAULT


def _mapping(one: models.ImageMapping) -> shapes.BlockDeviceMapping:
    ebs: shapes.EbsBlockDevice = {
        "DeleteOnTermination": one.delete_on_termination,
        "VolumeSize": one.size_gib,
        "VolumeType": type_of(one),
        "Encrypted": one.encrypted,
    }
    if one.snapshot_id:
        ebs["SnapshotId"] = one.snapshot_id
    if one.iops:
        ebs["Iops"] = one.iops
    if one.throughput:
        ebs["Throughput"] = one.throughput
    if one.kms_key_id:
        ebs["KmsKeyId"] = one.kms_key_id
    return {"DeviceName": one.device, "Ebs": ebs}


def _of_row(member: str) -> Callable[[Call, ImageRecord], Iterable[str]]:
    """Return a filter by a member of what is shown."""

    def values(call: Call, image: ImageRecord) -> Iterable[str]:
        value = _render(call, image).get(member)
        if isinstance(value, bool):
            return (resources.boolean(value),)
        return () if value is None else (str(value),)

    return values


def _of_mappings(
    value: Callable[[models.ImageMapping], str],
) -> Callable[[Call, ImageRecord], Iterable[str]]:
    """Return a filter by the volumes that launches make."""
    return lambda call, image: tuple(
        shown for one in models.mappings_of(image.doc) if (shown := value(one))
    )


def _of_doc(value: Callable[[Image], str]) -> Callable[[Call, ImageRecord], Iterable[str]]:
    return lambda call, image: (value(image.doc),) if value(image.doc) else ()


_NOT_HERE = (
    "image-watermark.source-image-creation-time",
    "image-watermark.source-image-id",
    "image-watermark.source-image-region",
    "image-watermark.watermark-creation-time",
    "image-watermark.watermark-key",
    "product-code",
    "product-code.type",
    "state-reason-code",
    "state-reason-message",
)
"""By what AWS's images may have, and none here does."""

FILTERS: dict[str, Callable[[Call, ImageRecord], Iterable[str]]] = {
    **{name: lambda call, image: () for name in _NOT_HERE},
    "ena-support": _of_row("EnaSupport"),
    "boot-mode": _of_doc(lambda doc: doc.boot_mode),
    "platform": _of_doc(lambda doc: doc.platform),
    "source-image-id": _of_doc(lambda doc: doc.source_image_id),
    "source-image-region": _of_doc(lambda doc: doc.source_image_region),
    "source-instance-id": _of_doc(lambda doc: doc.source_instance_id),
    "sriov-net-support": _of_doc(lambda doc: doc.sriov_net_support),
    "architecture": _of_row("Architecture"),
    "creation-date": _of_row("CreationDate"),
    "description": _of_row("Description"),
    "image-allowed": _of_row("ImageAllowed"),
    "image-id": _of_row("ImageId"),
    "image-type": _of_row("ImageType"),
    "is-public": _of_row("Public"),
    "kernel-id": _of_row("KernelId"),
    "manifest-location": _of_row("ImageLocation"),
    "name": _of_row("Name"),
    "owner-alias": _of_row("ImageOwnerAlias"),
    "owner-id": _of_row("OwnerId"),
    "ramdisk-id": _of_row("RamdiskId"),
    "root-device-name": _of_row("RootDeviceName"),
    "root-device-type": _of_row("RootDeviceType"),
    "state": _of_row("State"),
    "virtualization-type": _of_row("VirtualizationType"),
    "block-device-mapping.delete-on-termination": _of_mappings(
        lambda one: resources.boolean(one.delete_on_termination)
    ),
    "block-device-mapping.device-name": _of_mappings(lambda one: one.device),
    "block-device-mapping.encrypted": _of_mappings(lambda one: resources.boolean(one.encrypted)),
    "block-device-mapping.snapshot-id": _of_mappings(lambda one: one.snapshot_id),
    "block-device-mapping.volume-size": _of_mappings(lambda one: str(one.size_gib)),
    "block-device-mapping.volume-type": _of_mappings(lambda one: type_of(one)),
}

ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DescribeImages",
        does=Listing(
            find=_find,
            render=_render,
            member="Images",
            filters=FILTERS,
            tags=lambda image: image.doc.tags,
            max_results=(1, 1000),
        ),
        honours=frozenset(
            {"ImageIds", "Owners", "ExecutableUsers", "IncludeDeprecated", "IncludeDisabled"}
        ),
    ),
)
