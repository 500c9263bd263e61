"""Default policies: snapshots of all volumes, or images of all instances, that have nothing recent.

An account has one for each. What it says is said beside its details or in them; it is kept as a
policy with one schedule, which comes once a day at the time at which the policy was made. Who has a
snapshot (an image) that is younger than its days, whoever made it, is no target. Called by
`policies` and `making`. Pure but for reading.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Request
from mallee.cloud.dlm import details
from mallee.cloud.dlm.naming import PolicyRecord
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.compute.instances import Instance, Power
from mallee.model.storage.lifecycles import (
    DAY_S,
    CreateRule,
    Default,
    Keep,
    Policy,
    Schedule,
    Target,
    Type,
    has_one,
)
from mallee.model.storage.volumes import ROOT_SLOT, Volume

SCHEDULE = "Default"
"""As what is made says that it is of."""
CREATE_DAYS_MAX, RETAIN_DAYS = 7, (2, 14)
LATE_S = 3600.0
"""A run may be later than the one before it was, and finds what that made no less old for it."""
_SAID = ("CreateInterval", "RetainInterval", "CopyTags", "ExtendDeletion")
_EXCLUSIONS = ("ExcludeBootVolumes", "ExcludeVolumeTypes", "ExcludeTags")
_MEMBERS = (*_SAID, *(f"Exclusions.{name}" for name in _EXCLUSIONS))
HONOURS = frozenset(
    {*_MEMBERS, "PolicyDetails.ResourceType", *(f"PolicyDetails.{name}" for name in _MEMBERS)}
)
_TYPES = {Target.VOLUME: Type.SNAPSHOTS, Target.INSTANCE: Type.IMAGES}

Reader = store.View | store.Tx


def check_unsaid(asked: Request) -> None:
    """Raise when a request that is about a custom policy says what default ones do."""
    within: Request = asked.get("PolicyDetails") or {}
    said = [
        name for name in (*_SAID, "Exclusions", "ResourceType") if name in asked or name in within
    ]
    if said:
        raise errors.dlm.InvalidRequestException(f"{said[0]} is for default policies only.")


def apply(policy: Policy, asked: Request) -> Policy:
    """Return a new policy with what a request says of it; raise `InvalidRequestException`."""
    target = Target(asked["DefaultPolicy"])
    moment = datetime.fromtimestamp(policy.created_at + 60, UTC)
    daily = CreateRule(hours=24, at=f"{moment:%H:%M}")
    begun = replace(
        policy,
        type=_TYPES[target],
        target=target,
        schedules=(Schedule(name=SCHEDULE, create=daily, keep=Keep(interval=7, unit="DAYS")),),
        default=Default(days=1),
    )
    return changed(begun, asked)


def changed(policy: Policy, asked: Request) -> Policy:
    """Return a default policy with what a request says of it."""
    said = _said(policy, asked)
    days, kept = said["CreateInterval"], said["RetainInterval"]
    if not 1 <= days <= CREATE_DAYS_MAX:
        raise errors.dlm.InvalidRequestException(
            f"CreateInterval is from 1 to {CREATE_DAYS_MAX} days, and not {days}."
        )
    if not RETAIN_DAYS[0] <= kept <= RETAIN_DAYS[1] or kept <= days:
        raise errors.dlm.InvalidRequestException(
            f"RetainInterval is from {RETAIN_DAYS[0]} to {RETAIN_DAYS[1]} days, and longer than "
            f"CreateInterval ({days}): it is {kept}."
        )
    if said["ExtendDeletion"]:
        raise errors.UnsupportedOperation(
            "ExtendDeletion is not supported by this cloud: a policy that is off deletes nothing."
        )
    out: Request = said["Exclusions"]
    if policy.target is Target.INSTANCE and (
        out.get("ExcludeBootVolumes") or out.get("ExcludeVolumeTypes")
    ):
        raise errors.dlm.InvalidRequestException(
            "ExcludeBootVolumes and ExcludeVolumeTypes are for default policies of volumes."
        )
    (schedule,) = policy.schedules
    keep = Keep(interval=kept, unit="DAYS")
    return replace(
        policy,
        schedules=(replace(schedule, keep=keep, copy_tags=said["CopyTags"]),),
        default=Default(
            days=days,
            exclude_boot_volumes=out.get("ExcludeBootVolumes", False),
            exclude_types=tuple(out.get("ExcludeVolumeTypes") or ()),
            exclude_tags=details.tags_of(out.get("ExcludeTags")),
        ),
    )


def _said(policy: Policy, asked: Request) -> dict[str, Any]:
    """Return all that is said of a policy, now and before."""
    within: Request = asked.get("PolicyDetails") or {}
    strange = within.keys() - {
        *(*_SAID, "Exclusions", "PolicyLanguage", "PolicyType", "ResourceType"),
        *("ResourceTypes", "ResourceLocations"),
    }
    if strange:
        raise errors.dlm.InvalidRequestException(f"{min(strange)} is for custom policies only.")
    fixed = shown(policy)
    for name in ("PolicyLanguage", "PolicyType", "ResourceType"):
        if within.get(name, fixed[name]) != fixed[name]:
            raise errors.dlm.InvalidRequestException(
                f"The {name} of this default policy is {fixed[name]}."
            )
    twice = [name for name in (*_SAID, "Exclusions") if name in asked and name in within]
    if twice:
        raise errors.dlm.InvalidRequestException(f"{twice[0]} is said twice.")
    said = {**fixed, **within}
    return {**said, **{name: asked[name] for name in (*_SAID, "Exclusions") if name in asked}}


def shown(policy: Policy) -> dict[str, Any]:
    """Return what a default policy says, as it is shown."""
    default, (schedule,) = policy.default, policy.schedules
    assert default is not None
    return {
        "PolicyType": policy.type.value,
        "PolicyLanguage": "SIMPLIFIED",
        "ResourceType": policy.target.value,
        "CreateInterval": default.days,
        "RetainInterval": schedule.keep.interval,
        "CopyTags": schedule.copy_tags,
        "ExtendDeletion": False,
        "Exclusions": {
            "ExcludeBootVolumes": default.exclude_boot_volumes,
            "ExcludeVolumeTypes": list(default.exclude_types),
            "ExcludeTags": list(details.shown_tags(default.exclude_tags)),
        },
    }


# --- what it is about ---


def targets(view: Reader, policy: PolicyRecord, due: float) -> tuple[str, ...]:
    """Return the ids of what is left to do in a run of a time."""
    default = policy.doc.default
    assert default is not None
    since = due - default.days * DAY_S + LATE_S
    if policy.doc.target is Target.INSTANCE:
        recent = _imaged(view, policy.account, since)
        found = _instances(view, policy.account, default)
    else:
        recent = _cut(view, policy.account, since)
        found = _volumes(view, policy.account, default)
    return tuple(sorted(id for id in found if id not in recent))


def _instances(view: Reader, account: str, default: Default) -> Iterator[str]:
    for record in view.list(records.INSTANCE, account):
        if _is_imaged(record) and not has_one(default.exclude_tags, record.doc.tags):
            yield record.id


def _is_imaged(record: Record[Instance, Any]) -> bool:
    """Tell whether images can be made of an instance: its root is a volume."""
    doc = record.doc
    return doc.gone_at is None and doc.power is not Power.TERMINATED and bool(doc.root_device)


def _volumes(view: Reader, account: str, default: Default) -> Iterator[str]:
    for record in view.list(records.VOLUME, account):
        doc = record.doc
        is_there = doc.deleted_at is None and doc.binned is None
        if is_there and not _is_left_out(doc, default):
            yield record.id


def _is_left_out(doc: Volume, default: Default) -> bool:
    is_boot = any(one.slot == ROOT_SLOT for one in doc.attachments)
    return (
        (default.exclude_boot_volumes and is_boot)
        or doc.type in default.exclude_types
        or has_one(default.exclude_tags, doc.tags)
    )


def _cut(view: Reader, account: str, since: float) -> set[str]:
    """Return the volumes that have a snapshot which is younger."""
    return {
        one.doc.volume_id
        for one in view.list(records.SNAPSHOT, account)
        if one.doc.binned is None and one.doc.started_at > since
    }


def _imaged(view: Reader, account: str, since: float) -> set[str]:
    """Return the instances that have an image which is younger."""
    return {
        one.doc.source_instance_id
        for one in view.list(records.IMAGE, account)
        if _is_there(one.doc) and one.doc.created_at > since
    }


def _is_there(image: Any) -> bool:
    return image.binned is None and image.state != "deregistered"
