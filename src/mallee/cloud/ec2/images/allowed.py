"""Which images of others an account allows its users to see and launch.

Where it is `enabled`, an image of another account that fits none of the account's *criteria* is not
there for it: neither shown nor launched. In `audit-mode` it is there, and shown as not allowed.
Called through the action table, and by who looks images up. An account's own images are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mallee.aws import errors, filters
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import accountsettings
from mallee.cloud.ec2.images.sharing import ImageRecord
from mallee.cloud.state import records, store
from mallee.model.identity.accountsettings import AllowedImages, ImageCriterion

if TYPE_CHECKING:
    from mallee.aws.types import ec2 as shapes

ENABLED, DISABLED = "enabled", "disabled"
OF_THE_CLOUD, NOBODY = "amazon", "none"
CRITERIA_MAX = 10
VALUES_MAX = 50
"""In each list of a criterion: all are compared with each image that is looked at."""
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_DAY_S = 86_400.0

Reader = store.View | store.Tx


def is_there(reader: Reader, image: ImageRecord, account: str, now: float) -> bool:
    """Tell whether an account lets its users see and launch an image."""
    settings = accountsettings.of(reader, account).allowed_images
    return settings.state != ENABLED or fits(reader, image, account, now)


def said(reader: Reader, image: ImageRecord, account: str, now: float) -> bool | None:
    """Return whether an image is allowed; None where the account says nothing of it."""
    settings = accountsettings.of(reader, account).allowed_images
    return None if settings.state == DISABLED else fits(reader, image, account, now)


def fits(reader: Reader, image: ImageRecord, account: str, now: float) -> bool:
    """Tell whether an image fits one of an account's criteria, or is its own."""
    if image.account == account:
        return True
    criteria = accountsettings.of(reader, account).allowed_images.criteria
    return any(_fits(reader, one, image, now) for one in criteria)


def _fits(reader: Reader, one: ImageCriterion, image: ImageRecord, now: float) -> bool:
    doc = image.doc
    if one.providers and not _is_provider(reader, one.providers, image.account):
        return False
    if one.names and not filters.matches((doc.name,), one.names):
        return False
    oldest = one.days_since_created_max
    if oldest is not None and now - doc.created_at > oldest * _DAY_S:
        return False
    longest = one.days_since_deprecated_max
    if longest is None or doc.deprecated_at is None:
        return True
    return now - doc.deprecated_at <= longest * _DAY_S


def _is_provider(reader: Reader, providers: tuple[str, ...], account: str) -> bool:
    if account in providers:
        return True
    owner = reader.get(records.ACCOUNT, account)
    return OF_THE_CLOUD in providers and owner is not None and owner.doc.is_cloud_admin


def enable(
    call: WriteCall, request: shapes.EnableAllowedImagesSettingsRequest
) -> shapes.EnableAllowedImagesSettingsResult:
    """Have the criteria obeyed, or only told."""
    return {"AllowedImagesSettingsState": _set_state(call, request["AllowedImagesSettingsState"])}


def disable(
    call: WriteCall, _: shapes.DisableAllowedImagesSettingsRequest
) -> shapes.DisableAllowedImagesSettingsResult:
    """Allow all images; the criteria are kept."""
    return {"AllowedImagesSettingsState": _set_state(call, DISABLED)}


def _set_state(call: WriteCall, state: str) -> str:
    before = accountsettings.of(call.tx, call.account)
    _write(call, replace(before.allowed_images, state=state))
    return state


def _write(call: WriteCall, wanted: AllowedImages) -> None:
    before = accountsettings.of(call.tx, call.account)
    accountsettings.write(call.tx, call.account, replace(before, allowed_images=wanted))


def replace_criteria(
    call: WriteCall, request: shapes.ReplaceImageCriteriaInAllowedImagesSettingsRequest
) -> shapes.ReplaceImageCriteriaInAllowedImagesSettingsResult:
    """Set all criteria; none are left when none are given."""
    given = request.get("ImageCriteria") or []
    if len(given) > CRITERIA_MAX:
        raise errors.InvalidParameterValue(f"There are {CRITERIA_MAX} criteria at most.")
    before = accountsettings.of(call.tx, call.account).allowed_images
    _write(call, replace(before, criteria=tuple(map(_parse, given))))
    return {"ReturnValue": True}


def _parse(given: shapes.ImageCriterionRequest) -> ImageCriterion:
    providers = tuple(dict.fromkeys(given.get("ImageProviders") or ()))
    names = tuple(dict.fromkeys(given.get("ImageNames") or ()))
    if not given:
        raise errors.MissingParameter("ImageCriterion")
    if max(len(providers), len(names)) > VALUES_MAX:
        raise errors.InvalidParameterValue(
            f"A criterion has {VALUES_MAX} providers and names at most."
        )
    for provider in providers:
        if provider not in (OF_THE_CLOUD, NOBODY) and not _ACCOUNT.fullmatch(provider):
            raise errors.InvalidParameterValue(
                f"Value ({provider}) for parameter ImageProviders is invalid. It is an account, "
                f"{OF_THE_CLOUD} or {NOBODY}."
            )
    if NOBODY in providers and len(providers) > 1:
        raise errors.InvalidParameterCombination(f"{NOBODY} stands alone in ImageProviders.")
    created = given.get("CreationDateCondition") or {}
    deprecated = given.get("DeprecationTimeCondition") or {}
    return ImageCriterion(
        providers=providers,
        names=names,
        days_since_created_max=created.get("MaximumDaysSinceCreated"),
        days_since_deprecated_max=deprecated.get("MaximumDaysSinceDeprecated"),
    )


def get(
    call: Call, _: shapes.GetAllowedImagesSettingsRequest
) -> shapes.GetAllowedImagesSettingsResult:
    """Show what is allowed."""
    settings = accountsettings.of(call.view, call.account).allowed_images
    return {
        "State": settings.state,
        "ImageCriteria": list(_shown(settings)),
        "ManagedBy": "account",
    }


def _shown(settings: AllowedImages) -> Iterator[shapes.ImageCriterion]:
    for one in settings.criteria:
        shown: shapes.ImageCriterion = {}
        if one.providers:
            shown["ImageProviders"] = list(one.providers)
        if one.names:
            shown["ImageNames"] = list(one.names)
        if one.days_since_created_max is not None:
            shown["CreationDateCondition"] = {"MaximumDaysSinceCreated": one.days_since_created_max}
        if one.days_since_deprecated_max is not None:
            shown["DeprecationTimeCondition"] = {
                "MaximumDaysSinceDeprecated": one.days_since_deprecated_max
            }
        yield shown


ACTIONS: tuple[Action, ...] = (
    Action(
        service="ec2",
        name="EnableAllowedImagesSettings",
        does=Write(handle=enable),
        honours=frozenset({"AllowedImagesSettingsState"}),
    ),
    Action(
        service="ec2",
        name="DisableAllowedImagesSettings",
        does=Write(handle=disable),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="GetAllowedImagesSettings",
        does=Read(handle=get),
        honours=frozenset(),
    ),
    Action(
        service="ec2",
        name="ReplaceImageCriteriaInAllowedImagesSettings",
        does=Write(handle=replace_criteria),
        honours=frozenset(
            {
                "ImageCriteria.CreationDateCondition",
                "ImageCriteria.DeprecationTimeCondition",
                "ImageCriteria.ImageNames",
                "ImageCriteria.ImageProviders",
            }
        ),
    ),
)
