"""How an image stands: whether it is launched at all, recommended, and can be deregistered.

A *disabled* image is launched by nobody and is its owner's alone; a *deprecated* one is launched by
who knows its id, and others do not see it in lists; a *protected* one stays. Called through the
action table, and by who shows, launches and deregisters images.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.ec2.images.sharing import DISABLED, ImageRecord
from mallee.cloud.state import records

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

AVAILABLE = "available"
PROTECTED, WITH_COOLDOWN, UNPROTECTED = (
    "enabled-without-cooldown",
    "enabled-with-cooldown",
    "disabled",
)
COOLDOWN_S = 86_400.0
YEARS_MAX = 10
_YEAR_S = 365.25 * 86_400.0
_MINUTE_S = 60


def is_deprecated(image: ImageRecord, now: float) -> bool:
    """Tell whether its owner recommends it no more."""
    return image.doc.deprecated_at is not None and image.doc.deprecated_at <= now


def deprecation_time(image: ImageRecord) -> str | None:
    """Return when it is deprecated, as EC2 writes it."""
    at = image.doc.deprecated_at
    return None if at is None else resources.moment(at)


def protection(image: ImageRecord, now: float) -> str:
    """Return whether it can be deregistered, as EC2 says it; while it cools off it cannot."""
    doc = image.doc
    if doc.deregistration_protection:
        return doc.deregistration_protection
    is_cooling = doc.protected_until is not None and now < doc.protected_until
    return WITH_COOLDOWN if is_cooling else UNPROTECTED


def check_deregisterable(image: ImageRecord, now: float) -> None:
    """Raise while an image is protected."""
    if protection(image, now) == UNPROTECTED:
        return
    until = image.doc.protected_until
    cure = (
        f"It can be deregistered from {resources.moment(until)} on."
        if until is not None
        else "DisableImageDeregistrationProtection takes the protection off."
    )
    raise errors.OperationNotPermitted(
        f"The image {image.id} is protected from being deregistered. {cure}"
    )


def disable(call: WriteCall, request: shapes.DisableImageRequest) -> shapes.DisableImageResult:
    """Let nobody launch an image; it is shared with nobody any more."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    if image.doc.state == DISABLED:
        return {"Return": True}
    _check_state(image, AVAILABLE)
    doc = replace(image.doc, state=DISABLED, is_public=False, launch_accounts=())
    call.tx.write(image, doc)
    return {"Return": True}


def enable(call: WriteCall, request: shapes.EnableImageRequest) -> shapes.EnableImageResult:
    """Let a disabled image be launched again, by its owner."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    if image.doc.state == AVAILABLE:
        return {"Return": True}
    _check_state(image, DISABLED)
    call.tx.write(image, replace(image.doc, state=AVAILABLE))
    return {"Return": True}


def _check_state(image: ImageRecord, wanted: str) -> None:
    if image.doc.state != wanted:
        raise errors.InvalidAMIIDUnavailable(image.id)


def deprecate(
    call: WriteCall, request: shapes.EnableImageDeprecationRequest
) -> shapes.EnableImageDeprecationResult:
    """Recommend an image no more from a time on, to the minute."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    at = _minute(request["DeprecateAt"])
    if not call.now < at <= call.now + YEARS_MAX * _YEAR_S:
        raise errors.InvalidParameterValue(
            f"DeprecateAt is a time to come, within {YEARS_MAX} years."
        )
    call.tx.write(image, replace(image.doc, deprecated_at=at))
    return {"Return": True}


def _minute(at: datetime.datetime) -> float:
    seconds = at.timestamp()
    return seconds - seconds % _MINUTE_S


def undeprecate(
    call: WriteCall, request: shapes.DisableImageDeprecationRequest
) -> shapes.DisableImageDeprecationResult:
    """Recommend an image again."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    if image.doc.deprecated_at is not None:
        call.tx.write(image, replace(image.doc, deprecated_at=None))
    return {"Return": True}


def protect(
    call: WriteCall, request: shapes.EnableImageDeregistrationProtectionRequest
) -> shapes.EnableImageDeregistrationProtectionResult:
    """Let an image not be deregistered."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    kind = WITH_COOLDOWN if request.get("WithCooldown") else PROTECTED
    doc = replace(image.doc, deregistration_protection=kind, protected_until=None)
    if doc != image.doc:
        call.tx.write(image, doc)
    return {"Return": "true"}


def unprotect(
    call: WriteCall, request: shapes.DisableImageDeregistrationProtectionRequest
) -> shapes.DisableImageDeregistrationProtectionResult:
    """Let an image be deregistered, at once or when it has cooled off."""
    image = resources.one(call, records.IMAGE, request["ImageId"])
    kind = image.doc.deregistration_protection
    if kind:
        until = call.now + COOLDOWN_S if kind == WITH_COOLDOWN else None
        doc = replace(image.doc, deregistration_protection="", protected_until=until)
        call.tx.write(image, doc)
    return {"Return": "true"}


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="DisableImage",
        does=Write(handle=disable),
        honours=frozenset({"ImageId"}),
    ),
    Action(
        service="ec2",
        name="EnableImage",
        does=Write(handle=enable),
        honours=frozenset({"ImageId"}),
    ),
    Action(
        service="ec2",
        name="EnableImageDeprecation",
        does=Write(handle=deprecate),
        honours=frozenset({"DeprecateAt", "ImageId"}),
    ),
    Action(
        service="ec2",
        name="DisableImageDeprecation",
        does=Write(handle=undeprecate),
        honours=frozenset({"ImageId"}),
    ),
    Action(
        service="ec2",
        name="EnableImageDeregistrationProtection",
        does=Write(handle=protect),
        honours=frozenset({"ImageId", "WithCooldown"}),
    ),
    Action(
        service="ec2",
        name="DisableImageDeregistrationProtection",
        does=Write(handle=unprotect),
        honours=frozenset({"ImageId"}),
    ),
)
