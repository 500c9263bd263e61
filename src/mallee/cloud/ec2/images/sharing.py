"""Who may see and launch an image besides its owner: by name, or everybody; and what stops that.

A shared image is seen and launched by those with whom it is shared, and changed by nobody but its
owner. An account may block that its images become everybody's (`block`); what it allows of others'
images is in `allowed`. Called by whoever looks an image up, and by `attributes`. Not its business:
the snapshots of its volumes, which launches reach through it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings, binned
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.images.images import Image

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ImageRecord = Record[Image, None]

DEREGISTERED, DISABLED = "deregistered", "disabled"
AVAILABLE, PENDING, FAILED = "available", "pending", "failed"
EVERYBODY = "all"
ADD, REMOVE = "add", "remove"
BLOCKED, UNBLOCKED = "block-new-sharing", "unblocked"
ACCOUNTS_MAX = 1000
"""With whom an image is shared by name."""
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def may_use(image: ImageRecord, account: str) -> bool:
    """Tell whether an account may see and launch an image, as far as its owner has a say."""
    doc = image.doc
    if doc.state == DEREGISTERED or binned.is_binned(image):
        return False
    return image.account == account or doc.is_public or account in doc.launch_accounts


def is_named(image: ImageRecord, account: str) -> bool:
    """Tell whether it is an account's own, or shared with it by name."""
    return image.account == account or account in image.doc.launch_accounts


# --- who is named ---


def changed(
    call: WriteCall, image: ImageRecord, request: shapes.ModifyImageAttributeRequest
) -> Image:
    """Return the image shared with those who are added, and with those who are removed no more."""
    doc = image.doc
    added, removed = _changes(request)
    if added and doc.state == DISABLED:
        raise errors.InvalidAMIIDUnavailable(image.id)
    if EVERYBODY in added and not doc.is_public:
        _check_may_be_public(call)
    accounts = {*doc.launch_accounts, *added} - {*removed, EVERYBODY}
    if len(accounts) > ACCOUNTS_MAX:
        raise errors.InvalidParameterValue(
            f"An image is shared with {ACCOUNTS_MAX} accounts at most."
        )
    is_public = (doc.is_public or EVERYBODY in added) and EVERYBODY not in removed
    return replace(doc, is_public=is_public, launch_accounts=tuple(sorted(accounts)))


def _changes(request: shapes.ModifyImageAttributeRequest) -> tuple[set[str], set[str]]:
    """Return who shall be added and who removed, in whichever of two ways it is said."""
    said = [*(request.get("UserIds") or []), *(request.get("UserGroups") or [])]
    wanted = request.get("LaunchPermission") or {}
    operation = request.get("OperationType")
    if wanted and (said or operation):
        raise errors.InvalidParameterCombination(
            "LaunchPermission cannot be used with OperationType, UserIds and UserGroups."
        )
    if said and operation is None:
        raise errors.MissingParameter("OperationType")
    changes = (
        {*(said if operation == ADD else ()), *_named(wanted.get("Add") or [])},
        {*(said if operation == REMOVE else ()), *_named(wanted.get("Remove") or [])},
    )
    if not any(changes):
        raise errors.MissingParameter("LaunchPermission, or UserIds or UserGroups")
    for text in sorted(changes[0] | changes[1]):
        if text != EVERYBODY and not _ACCOUNT.fullmatch(text):
            raise errors.InvalidAMIAttributeItemValue(text, "userId")
    return changes


def _named(permissions: list[shapes.LaunchPermission]) -> Iterator[str]:
    for one in permissions:
        group, user = one.get("Group"), one.get("UserId")
        if (group is None) is (user is None):
            raise errors.InvalidParameterCombination(
                "A permission has either Group or UserId, and not both."
            )
        yield group or user or ""


def _check_may_be_public(call: WriteCall) -> None:
    if accountsettings.of(call.tx, call.account).image_sharing != UNBLOCKED:
        raise errors.OperationNotPermitted(
            "You can't publicly share this image because block public access for AMIs is enabled "
            "in this account. DisableImageBlockPublicAccess permits it."
        )


def shown(doc: Image) -> list[shapes.LaunchPermission]:
    """Return with whom an image is shared, as EC2 shows it."""
    permissions: list[shapes.LaunchPermission] = [{"UserId": one} for one in doc.launch_accounts]
    return [{"Group": EVERYBODY}, *permissions] if doc.is_public else permissions


# --- what an account blocks ---


def enable_block(
    call: WriteCall, request: shapes.EnableImageBlockPublicAccessRequest
) -> shapes.EnableImageBlockPublicAccessResult:
    """Let no image of the account become everybody's; those that are stay so."""
    return {"ImageBlockPublicAccessState": _set_block(call, request["ImageBlockPublicAccessState"])}


def disable_block(
    call: WriteCall, _: shapes.DisableImageBlockPublicAccessRequest
) -> shapes.DisableImageBlockPublicAccessResult:
    """Block nothing."""
    return {"ImageBlockPublicAccessState": _set_block(call, UNBLOCKED)}


def _set_block(call: WriteCall, state: str) -> str:
    before = accountsettings.of(call.tx, call.account)
    accountsettings.write(call.tx, call.account, replace(before, image_sharing=state))
    return state


def get_block(
    call: Call, _: shapes.GetImageBlockPublicAccessStateRequest
) -> shapes.GetImageBlockPublicAccessStateResult:
    """Show what is blocked."""
    state = accountsettings.of(call.view, call.account).image_sharing
    return {"ImageBlockPublicAccessState": state, "ManagedBy": "account"}


# --- who was shared with ---


def cancel(
    call: WriteCall, request: shapes.CancelImageLaunchPermissionRequest
) -> shapes.CancelImageLaunchPermissionResult:
    """Have another account's image shared with the caller's no more."""
    image = call.tx.get(records.IMAGE, request["ImageId"])
    if image is None or not may_use(image, call.account):
        raise errors.InvalidAMIIDNotFound(request["ImageId"])
    if call.account not in image.doc.launch_accounts:
        raise errors.InvalidRequest(
            f"The image {image.id} is not shared with the account {call.account} by name."
        )
    left = tuple(one for one in image.doc.launch_accounts if one != call.account)
    call.tx.write(image, replace(image.doc, launch_accounts=left))
    return {"Return": True}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableImageBlockPublicAccess",
        does=Write(handle=enable_block),
        honours=frozenset({"ImageBlockPublicAccessState"}),
    ),
    Action(
        service="ec2",
        name="DisableImageBlockPublicAccess",
        does=Write(handle=disable_block),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetImageBlockPublicAccessState",
        does=Read(handle=get_block),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="CancelImageLaunchPermission",
        does=Write(handle=cancel),
        honours=frozenset({"ImageId"}),
    ),
)
