"""Attributes of images, one at a time: changed, described, reset.

Called through the action table. Who is named by a launch permission is `sharing`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Result, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images import images, sharing, standing
from mallee.cloud.ec2.storage import ebskeys
from mallee.cloud.state import records
from mallee.model.images.images import Image

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

DESCRIPTION, PERMISSION, IMDS = "description", "launchPermission", "imdsSupport"
DESCRIPTION_MAX = 255
ONLY_TOKENS = "v2.0"
_MEMBERS = {DESCRIPTION: "Description", PERMISSION: "LaunchPermission", IMDS: "ImdsSupport"}
_OF_PERMISSIONS = frozenset({"OperationType", "UserIds", "UserGroups"})


def modify(call: WriteCall, request: shapes.ModifyImageAttributeRequest) -> Result:
    """Change one attribute of an image of the caller's."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    match _which(request):
        case "description":
            doc = replace(image.doc, description=_description(_value(request, "Description")))
        case "imdsSupport":
            doc = replace(image.doc, imds_support=_imds(_value(request, "ImdsSupport")))
        case _:
            doc = sharing.changed(call, image, request)
            _check_opened_by(call, image.doc, doc)
    if doc != image.doc:
        call.tx.write(image, doc)
    return {}


def _check_opened_by(call: WriteCall, before: Image, doc: Image) -> None:
    """Raise when those who are added could not open the snapshots that the image names."""
    is_public = doc.is_public and not before.is_public
    if not is_public and set(doc.launch_accounts) <= set(before.launch_accounts):
        return
    for mapping in doc.mappings:
        snapshot = call.tx.get(records.SNAPSHOT, mapping.snapshot_id)
        if snapshot is not None:
            ebskeys.check_shareable(call, snapshot.doc.key, is_public=is_public)


def _which(request: shapes.ModifyImageAttributeRequest) -> str:
    """Return the one attribute that a request is about, in whichever way it says so."""
    found = {name for name, member in _MEMBERS.items() if member in request}
    if _OF_PERMISSIONS & request.keys():
        found.add(PERMISSION)
    named = request.get("Attribute")
    if named is not None:
        if named not in _MEMBERS:
            raise errors.InvalidParameterValue(
                f"Value ({named}) for parameter attribute is invalid. One of "
                f"{', '.join(_MEMBERS)} can be changed."
            )
        found.add(named)
    if not found:
        raise errors.MissingParameter("Attribute, or one of its members")
    if len(found) > 1:
        raise errors.InvalidParameterCombination(
            f"A request changes one attribute: {', '.join(sorted(found))} were given."
        )
    return found.pop()


def _value(request: shapes.ModifyImageAttributeRequest, member: str) -> str:
    wanted: Any = request
    given: Mapping[str, str] = wanted.get(member) or {}
    value = given.get("Value", request.get("Value"))
    if value is None:
        raise errors.MissingParameter("Value")
    return value


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_MAX:
        raise errors.InvalidParameterValue(
            f"The description has {DESCRIPTION_MAX} characters at most."
        )
    return text


def _imds(text: str) -> str:
    """Instances ask for tokens unless their launch or their account says otherwise, so that an
    image asks for no more than is so."""
    if text != ONLY_TOKENS:
        raise errors.InvalidParameterValue(
            f"Value ({text}) for parameter imdsSupport is invalid. It can be set to {ONLY_TOKENS}."
        )
    return text


_FINDERS: Mapping[str, Callable[[Image], str]] = {
    "description": lambda doc: doc.description,
    "kernel": lambda doc: doc.kernel_id or "",
    "ramdisk": lambda doc: doc.ramdisk_id or "",
    "sriovNetSupport": lambda doc: doc.sriov_net_support,
    "bootMode": lambda doc: doc.boot_mode,
    "tpmSupport": lambda doc: doc.tpm_support,
    "imdsSupport": lambda doc: doc.imds_support,
}
_SHOWN_AS = {"kernel": "KernelId", "ramdisk": "RamdiskId"}


def describe(call: Call, request: shapes.DescribeImageAttributeRequest) -> shapes.ImageAttribute:
    """Show one attribute of an image of the caller's."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    name = request["Attribute"]
    answer: dict[str, Any] = {"ImageId": image.id}
    match name:
        case "launchPermission":
            answer["LaunchPermissions"] = sharing.shown(image.doc)
        case "productCodes":
            answer["ProductCodes"] = []
        case "blockDeviceMapping":
            answer["BlockDeviceMappings"] = images.mappings(image)
        case "deregistrationProtection":
            answer["DeregistrationProtection"] = {"Value": standing.protection(image, call.now)}
        case "uefiData" | "lastLaunchedTime":
            raise errors.UnsupportedOperation(f"No {name} is kept of images here.")
        case _:
            value = _FINDERS[name](image.doc)
            shown_as = _SHOWN_AS.get(name, name[:1].upper() + name[1:])
            answer[shown_as] = {"Value": value} if value else {}
    return answer  # pyright: ignore[reportReturnType]


def reset(call: WriteCall, request: shapes.ResetImageAttributeRequest) -> Result:
    """Share an image with nobody."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    doc = replace(image.doc, is_public=False, launch_accounts=())
    if doc != image.doc:
        call.tx.write(image, doc)
    return {}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="ModifyImageAttribute",
        does=Write(handle=modify),
        honours=frozenset(
            {
                "Attribute",
                "Description",
                "ImageId",
                "ImdsSupport",
                "LaunchPermission.Add.Group",
                "LaunchPermission.Add.UserId",
                "LaunchPermission.Remove.Group",
                "LaunchPermission.Remove.UserId",
                "OperationType",
                "UserGroups",
                "UserIds",
                "Value",
            }
        ),
    ),
    Action(
        service="ec2",
        name="DescribeImageAttribute",
        does=Read(handle=describe),
        honours=frozenset({"Attribute", "ImageId"}),
    ),
    Action(
        service="ec2",
        name="ResetImageAttribute",
        does=Write(handle=reset),
        honours=frozenset({"Attribute", "ImageId"}),
    ),
)
