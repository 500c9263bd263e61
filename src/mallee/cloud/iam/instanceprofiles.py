"""Instance profiles: what an instance is given so that it has a role.

A profile holds one role at most. Changing it changes what its instances may do, within seconds.
Called through the action table, and by EC2 (`find_given`), which alone knows which instances have
a profile. Not its business: the credentials (`cloud.rolecredentials`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Pass, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, roles, tags
from mallee.cloud.identity import trust
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity import identities
from mallee.model.identity.identities import InstanceProfile

ROLES_MAX = 1

ProfileRecord = Record[InstanceProfile, None]


def named(call: Call, name: str) -> ProfileRecord:
    """Return the account's profile of that name; raise `NoSuchEntity`."""
    return entities.find(call, records.INSTANCE_PROFILE, name)


def create_profile(call: WriteCall, request: Request) -> Result:
    """Make a profile without a role."""
    profile = InstanceProfile(
        id=entities.new_id(call, records.INSTANCE_PROFILE),
        name=request["InstanceProfileName"],
        path=request.get("Path", "/"),
        created_at=call.tx.now,
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
    )
    entities.claim_name(call, records.INSTANCE_PROFILE, profile.name, profile.id)
    record = call.tx.insert(records.INSTANCE_PROFILE, call.account, profile.id, profile)
    return {"InstanceProfile": render(call, record)}


def get_profile(call: Call, request: Request) -> Result:
    """Describe a profile."""
    return {"InstanceProfile": render(call, named(call, request["InstanceProfileName"]))}


def delete_profile(call: WriteCall, request: Request) -> Result:
    """Remove a profile without a role; instances that have it get no credentials any more."""
    profile = named(call, request["InstanceProfileName"])
    if profile.doc.role_id is not None:
        raise errors.DeleteConflict(
            "Cannot delete entity, must remove roles from instance profile first."
        )
    entities.release_name(call, records.INSTANCE_PROFILE, profile.doc.name)
    call.tx.delete(profile)
    return {}


def add_role(call: WriteCall, request: Request) -> Result:
    """Put a role into a profile that has none."""
    profile = named(call, request["InstanceProfileName"])
    role = roles.changed(call, request["RoleName"])
    if profile.doc.role_id is not None:
        raise errors.LimitExceeded("InstanceSessionsPerInstanceProfile", ROLES_MAX)
    call.tx.write(profile, replace(profile.doc, role_id=role.id))
    return {}


def remove_role(call: WriteCall, request: Request) -> Result:
    """Take the role out of a profile."""
    profile = named(call, request["InstanceProfileName"])
    role = roles.named(call, request["RoleName"])
    if profile.doc.role_id != role.id:
        raise errors.NoSuchEntity("role in the instance profile", role.doc.name)
    call.tx.write(profile, replace(profile.doc, role_id=None))
    return {}


def find_given(call: Call, given: Mapping[str, Any]) -> ProfileRecord | None:
    """Return the account's profile that an `IamInstanceProfileSpecification` names, if it is there.

    Where both name and ARN are given they must mean the same.
    """
    arn: str = given.get("Arn") or ""
    name: str = given.get("Name") or arn.rpartition("/")[2]
    found = entities.find_or_none(call, records.INSTANCE_PROFILE, name)
    if found is None or (arn and entities.arn(found) != arn):
        return None
    return found


def render(call: Call, profile: ProfileRecord) -> dict[str, Any]:
    """Return a profile as IAM shows one, with its role."""
    return {
        **render_short(call, profile),
        "Tags": entities.render_tags(profile.doc.tags) or None,
    }


def render_short(call: Call, profile: ProfileRecord) -> dict[str, Any]:
    """Return a profile as lists show one: without tags."""
    role = call.view.get(records.ROLE, profile.doc.role_id) if profile.doc.role_id else None
    return {
        "Path": profile.doc.path,
        "InstanceProfileName": profile.doc.name,
        "InstanceProfileId": profile.id,
        "Arn": entities.arn(profile),
        "CreateDate": profile.doc.created_at,
        "Roles": [roles.render_short(call, role)] if role else [],
    }


def _find(call: Call, request: Request) -> list[ProfileRecord]:
    return entities.every(call, records.INSTANCE_PROFILE, request.get("PathPrefix"))


def _find_for_role(call: Call, request: Request) -> list[ProfileRecord]:
    role = roles.named(call, request["RoleName"])
    return list(call.view.by(records.INSTANCE_PROFILE, "role", role.id))


def _passed(call: Call, request: Request) -> Iterable[Pass]:
    """Whoever puts a role into a profile hands it to the instances."""
    name: str = request["RoleName"]
    role = entities.find_or_none(call, records.ROLE, name)
    # One that is not there yet may be when the request is done.
    arn = entities.arn(role) if role else identities.arn(call.account, "role", "/", name)
    return (Pass(arn, trust.EC2),)


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


def _name_of(record: ProfileRecord) -> str:
    return record.doc.name


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateInstanceProfile",
        Write(handle=create_profile),
        *("InstanceProfileName", "Path", "Tags"),
    ),
    _row("GetInstanceProfile", Read(handle=get_profile), "InstanceProfileName"),
    _row(
        "ListInstanceProfiles",
        Pages(find=_find, render=render_short, member="InstanceProfiles", key=_name_of),
        "PathPrefix",
    ),
    _row(
        "ListInstanceProfilesForRole",
        Pages(find=_find_for_role, render=render_short, member="InstanceProfiles", key=_name_of),
        "RoleName",
    ),
    _row("DeleteInstanceProfile", Write(handle=delete_profile), "InstanceProfileName"),
    Action(
        service="iam",
        name="AddRoleToInstanceProfile",
        does=Write(handle=add_role),
        honours=frozenset({"InstanceProfileName", "RoleName"}),
        passes=_passed,
    ),
    _row(
        "RemoveRoleFromInstanceProfile",
        Write(handle=remove_role),
        *("InstanceProfileName", "RoleName"),
    ),
    *tags.rows(
        tags.Tagged(
            noun="InstanceProfile",
            member="InstanceProfileName",
            named=lambda call, request: named(call, request["InstanceProfileName"]),
            changed=lambda call, request: named(call, request["InstanceProfileName"]),
        )
    ),
)
