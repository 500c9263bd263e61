"""What a lifecycle policy says: read from a request, checked, and shown again.

Called by `policies`, for policies that act at times. What AWS has and this cloud has not (other
regions, archives, fast restore, sharing, scripts in guests) is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.call import Request
from mallee.cloud.dlm import times
from mallee.model.storage.lifecycles import (
    UNITS_S,
    CreateRule,
    Keep,
    Policy,
    Schedule,
    Tag,
    Target,
    Type,
)

COUNT_MAX = 1000
_RESERVED = ("aws:", "dlm:")
HONOURS = frozenset(
    f"PolicyDetails.{name}"
    for name in (
        *("PolicyType", "ResourceTypes", "ResourceLocations", "TargetTags", "PolicyLanguage"),
        *("Parameters", "Schedules.Name", "Schedules.CopyTags", "Schedules.TagsToAdd"),
        *("Schedules.VariableTags", "Schedules.RetainRule"),
        *("Schedules.DeprecateRule.Interval", "Schedules.DeprecateRule.IntervalUnit"),
        *(
            f"Schedules.CreateRule.{member}"
            for member in ("CronExpression", "Interval", "IntervalUnit", "Location", "Times")
        ),
    )
)


def apply(policy: Policy, details: Request) -> Policy:
    """Return the policy with what a request says of it; raise `InvalidRequestException`."""
    kind = Type.SNAPSHOTS
    if (said := details.get("PolicyType", kind.value)) != kind.value:
        if said not in {Type.SNAPSHOTS.value, Type.IMAGES.value}:
            raise _unsupported(f"Policies of the type {said}")
        kind = Type(said)
    _check_places(details)
    target = _target(details, kind)
    tags = tags_of(details.get("TargetTags"))
    if not tags:
        raise errors.dlm.InvalidRequestException("TargetTags must be given.")
    parameters: dict[str, Any] = details.get("Parameters") or {}
    schedules = tuple(_schedule(one, kind, target) for one in details.get("Schedules") or ())
    if not schedules:
        raise errors.dlm.InvalidRequestException("Schedules must be given.")
    if len({schedule.name for schedule in schedules}) < len(schedules):
        raise errors.dlm.InvalidRequestException("Each schedule has a name of its own.")
    if target is Target.VOLUME and parameters:
        raise errors.dlm.InvalidRequestException("Parameters are for policies of instances.")
    if kind is Type.SNAPSHOTS and "NoReboot" in parameters:
        raise errors.dlm.InvalidRequestException("NoReboot is for policies of images.")
    if kind is Type.IMAGES and parameters.keys() - {"NoReboot"}:
        raise errors.dlm.InvalidRequestException("An image has all volumes of its instance.")
    return replace(
        policy,
        type=kind,
        target=target,
        target_tags=tags,
        schedules=schedules,
        exclude_boot_volume=parameters.get("ExcludeBootVolume", False),
        exclude_data_tags=tags_of(parameters.get("ExcludeDataVolumeTags")),
        no_reboot=parameters.get("NoReboot", True),
        parameters_said=bool(parameters),
    )


def _unsupported(what: str) -> errors.AwsError:
    return errors.UnsupportedOperation(f"{what} are not supported by this cloud.")


def _check_places(details: Request) -> None:
    places: list[str] = details.get("ResourceLocations") or ["CLOUD"]
    if places != ["CLOUD"]:
        raise _unsupported(f"Resource locations other than CLOUD ({', '.join(places)})")
    if details.get("PolicyLanguage", "STANDARD") != "STANDARD":
        raise errors.dlm.InvalidRequestException("A custom policy is written in STANDARD.")


def _target(details: Request, kind: Type) -> Target:
    types: list[str] = details.get("ResourceTypes") or []
    if kind is Type.IMAGES and not types:
        return Target.INSTANCE
    if len(types) != 1:
        raise errors.dlm.InvalidRequestException("ResourceTypes must be given.")
    if kind is Type.IMAGES and types != [Target.INSTANCE.value]:
        raise errors.dlm.InvalidRequestException("Images are made of INSTANCE.")
    return Target(types[0])


def tags_of(given: Iterable[Mapping[str, str]] | None) -> tuple[Tag, ...]:
    """Return tags as they are kept."""
    return tuple(Tag(one["Key"], one["Value"]) for one in given or ())


def _own_tags(given: Iterable[Mapping[str, str]] | None) -> tuple[Tag, ...]:
    """Return tags that things shall get; raise for those that are the cloud's to give."""
    tags = tags_of(given)
    for tag in tags:
        if tag.key.lower().startswith(_RESERVED) or not tag.key:
            raise errors.dlm.InvalidRequestException(f"The tag key '{tag.key}' is reserved.")
    if len({tag.key for tag in tags}) < len(tags):
        raise errors.dlm.InvalidRequestException("A tag key is given twice.")
    return tags


def _schedule(given: Request, kind: Type, target: Target) -> Schedule:
    name: str = given.get("Name", "")
    if not name:
        raise errors.dlm.InvalidRequestException("Each schedule has a Name.")
    if "CreateRule" not in given or "RetainRule" not in given:
        raise errors.dlm.InvalidRequestException("A schedule has a CreateRule and a RetainRule.")
    variable = _own_tags(given.get("VariableTags"))
    if variable and target is Target.VOLUME:
        raise errors.dlm.InvalidRequestException("VariableTags are for policies of instances.")
    deprecate = given.get("DeprecateRule")
    if deprecate and kind is Type.SNAPSHOTS:
        raise errors.dlm.InvalidRequestException("DeprecateRule is for policies of images.")
    return Schedule(
        name=name,
        create=_create(given["CreateRule"]),
        keep=keep_of(given["RetainRule"]),
        deprecate=keep_of(deprecate) if deprecate else None,
        copy_tags=given.get("CopyTags", False),
        tags=_own_tags(given.get("TagsToAdd")),
        variable_tags=variable,
    )


def _create(given: Request) -> CreateRule:
    if given.get("Location", "CLOUD") != "CLOUD":
        raise _unsupported(f"Snapshots in {given['Location']}")
    cron: str = given.get("CronExpression", "")
    if cron:
        if given.keys() & {"Interval", "IntervalUnit", "Times"}:
            raise errors.dlm.InvalidRequestException("CronExpression stands alone in a CreateRule.")
        try:
            times.parse(cron)
        except times.Malformed as error:
            raise errors.dlm.InvalidRequestException(
                f"Invalid CronExpression {cron}: {error}"
            ) from error
        return CreateRule(cron=cron)
    hours: int = given.get("Interval", 0)
    if hours not in times.HOURS or given.get("IntervalUnit") != "HOURS":
        raise errors.dlm.InvalidRequestException(
            f"A CreateRule has a CronExpression, or an Interval of {times.HOURS} HOURS."
        )
    return CreateRule(hours=hours, at=(given.get("Times") or ["09:00"])[0])


def keep_of(given: Request) -> Keep:
    """Return how long something is kept; raise for what no rule can say."""
    count: int = given.get("Count", 0)
    if "Count" in given and not 1 <= count <= COUNT_MAX:
        raise errors.dlm.InvalidRequestException(
            f"The Count of a rule is from 1 to {COUNT_MAX}, and not {count}."
        )
    interval: int = given.get("Interval", 0)
    unit: str = given.get("IntervalUnit", "")
    is_by_age = bool(interval) and unit in UNITS_S
    if bool(count) is is_by_age or (count and unit) or (interval and not unit):
        raise errors.dlm.InvalidRequestException(
            "A rule has either Count, or Interval and IntervalUnit."
        )
    keep = Keep(count=count, interval=interval, unit=unit)
    if keep.age_s > 100 * UNITS_S["YEARS"]:
        raise errors.dlm.InvalidRequestException("Nothing is kept longer than a hundred years.")
    return keep


# --- and back ---


def shown(policy: Policy) -> dict[str, Any]:
    """Return what a policy says, as it is shown."""
    details: dict[str, Any] = {
        "PolicyType": policy.type.value,
        "ResourceTypes": [policy.target.value],
        "ResourceLocations": ["CLOUD"],
        "TargetTags": list(shown_tags(policy.target_tags)),
        "Schedules": [_shown_schedule(one) for one in policy.schedules],
        "PolicyLanguage": "STANDARD",
    }
    if policy.parameters_said and policy.type is Type.IMAGES:
        details["Parameters"] = {"NoReboot": policy.no_reboot}
    elif policy.parameters_said:
        details["Parameters"] = {
            "ExcludeBootVolume": policy.exclude_boot_volume,
            "ExcludeDataVolumeTags": list(shown_tags(policy.exclude_data_tags)),
        }
    return details


def shown_tags(given: Iterable[Tag]) -> Iterator[dict[str, str]]:
    """Yield tags as they are shown."""
    for tag in given:
        yield {"Key": tag.key, "Value": tag.value}


def _shown_schedule(schedule: Schedule) -> dict[str, Any]:
    create = schedule.create
    rule: dict[str, Any] = (
        {"CronExpression": create.cron}
        if create.cron
        else {"Interval": create.hours, "IntervalUnit": "HOURS", "Times": [create.at]}
    )
    return {
        "Name": schedule.name,
        "CopyTags": schedule.copy_tags,
        "TagsToAdd": list(shown_tags(schedule.tags)),
        "VariableTags": list(shown_tags(schedule.variable_tags)),
        "CreateRule": {"Location": "CLOUD", **rule},
        "RetainRule": _shown_keep(schedule.keep),
        "DeprecateRule": _shown_keep(schedule.deprecate) if schedule.deprecate else None,
    }


def _shown_keep(keep: Keep) -> dict[str, Any]:
    if keep.count:
        return {"Count": keep.count}
    return {"Interval": keep.interval, "IntervalUnit": keep.unit}
