"""RegisterImage: an image of snapshots that are there, for EBS-backed instances.

Called through the action table; `register` by everything else that makes an image (CreateImage,
imports). Of bundles in the object store an image is registered by `ImageLocation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import tagset
from mallee.cloud.ec2.images import bundles, imagemappings, images, names, tasks
from mallee.cloud.ec2.images.images import ImageRecord
from mallee.cloud.ec2.storage import attachments
from mallee.cloud.state import records, store
from mallee.model import ids
from mallee.model.images.images import Image, ImageMapping

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ARCHITECTURES = ("x86_64", "i386")
"""What hosts run."""


def register(tx: store.Tx, account: str, image: Image) -> ImageRecord:
    """Write an image down; its name was checked (`names`)."""
    return tx.insert(records.IMAGE, account, image.id, image)


def register_image(
    call: WriteCall, request: shapes.RegisterImageRequest
) -> shapes.RegisterImageResult:
    """Register an image whose root is a snapshot, or of a bundle."""
    if request.get("ImageLocation"):
        return {"ImageId": bundles.register_bundle(call, request).id}
    names.check(call, request["Name"])
    architecture = request.get("Architecture", "x86_64")
    if architecture not in ARCHITECTURES:
        raise errors.UnsupportedOperation(
            f"No host runs guests of the architecture {architecture}: x86_64 and i386 are run."
        )
    if request.get("BootMode") == "uefi":
        raise errors.UnsupportedOperation(
            "Guests boot by a legacy BIOS here: an image that boots by UEFI alone does not."
        )
    if request.get("VirtualizationType", "hvm") != "hvm":
        raise errors.UnsupportedOperation("Guests are of the virtualization type hvm here.")
    kernel_id, ramdisk_id = _boot_files(call, request)
    root_device, mapped = _mappings(call, request)
    image = Image(
        id=ids.make("ami", call.entropy(ids.ID_BYTES)),
        name=request["Name"],
        description=request.get("Description", ""),
        kind="machine",
        location=f"{call.account}/{request['Name']}",
        architecture=architecture,
        root_device=root_device,
        mappings=mapped,
        kernel_id=kernel_id,
        ramdisk_id=ramdisk_id,
        boot_mode=request.get("BootMode", ""),
        ena_support=request.get("EnaSupport", False),
        sriov_net_support=request.get("SriovNetSupport", ""),
        # What is known to start, as a root that a guest ran from, needs no look.
        is_seen=kernel_id is not None or _boots(call, root_device, mapped),
        created_at=call.now,
        made_by=call.principal.issuer_id,
        tags=tagset.of_new(request, records.IMAGE.name),
    )
    return {"ImageId": register(call.tx, call.account, image).id}


def _boots(call: WriteCall, root_device: str, mapped: tuple[ImageMapping, ...]) -> bool:
    """Tell whether the snapshot of a root says what starts a guest from it."""
    found = (
        call.tx.get(records.SNAPSHOT, one.snapshot_id)
        for one in mapped
        if one.device == root_device
    )
    return any(one is not None and one.doc.boot is not None for one in found)


def _boot_files(call: Call, request: shapes.RegisterImageRequest) -> tuple[str | None, str | None]:
    """Return kernel and ramdisk that are named."""
    kernel_id = ramdisk_id = None
    if kernel := request.get("KernelId"):
        kernel_id = images.launchable(call, kernel, "kernel").id
    if ramdisk := request.get("RamdiskId"):
        ramdisk_id = images.launchable(call, ramdisk, "ramdisk").id
    if ramdisk_id is not None and kernel_id is None:
        raise errors.InvalidParameterCombination("A ramdisk needs a kernel: give KernelId too.")
    return kernel_id, ramdisk_id


def _mappings(
    call: Call, request: shapes.RegisterImageRequest
) -> tuple[str, tuple[ImageMapping, ...]]:
    """Return the root device and all volumes; raise unless the root is made of a snapshot."""
    asked = imagemappings.by_device(request)
    root_device = request.get("RootDeviceName") or next(
        (device for device in asked if attachments.is_root(device)), ""
    )
    if not root_device:
        raise errors.MissingParameter("rootDeviceName")
    if not attachments.is_root(root_device) and not attachments.is_device(root_device):
        raise errors.InvalidParameterValue(
            f"Value ({root_device}) for parameter rootDeviceName is invalid. It is no device name."
        )
    if "Ebs" not in asked.get(root_device, {}):
        raise errors.InvalidBlockDeviceMapping(
            f"The root device {root_device} must be mapped to a snapshot."
        )
    kept = {device: said for device, said in asked.items() if "NoDevice" not in said}
    mapped = tuple(imagemappings.new(call, device, said) for device, said in kept.items())
    for mapping in mapped:
        if mapping.device == root_device and not mapping.snapshot_id:
            raise errors.InvalidBlockDeviceMapping(
                f"The root device {root_device} must be mapped to a snapshot: a blank volume has "
                "nothing to boot."
            )
    return root_device, mapped


ACTIONS: tuple[Action, ...] = (
    tasks.touching(
        Action(
            service="ec2",
            name="RegisterImage",
            does=Write(handle=register_image),
            honours=imagemappings.HONOURS
            | {
                "Architecture",
                "BootMode",
                "Description",
                "EnaSupport",
                "ImageLocation",
                "KernelId",
                "Name",
                "RamdiskId",
                "RootDeviceName",
                "SriovNetSupport",
                "VirtualizationType",
            },
            creates=(records.IMAGE.name,),
        ),
        bundles.touches,
    ),
)
