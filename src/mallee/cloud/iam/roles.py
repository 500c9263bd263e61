"""Roles: made with who may take them on, looked at, changed, and gone with nothing of them left.

A role has no key of its own: STS gives its rights for a while to whom its trust policy lets in
(`cloud.trust`). Roles below `/aws-service-role/` are a service's own (`servicelinkedroles`): they
can be looked at, and changed by nobody. Called through the action table; `named` is for
everything of IAM that takes a RoleName. Not its business: policies of roles (`attachments`).
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors, policy
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, managed, tags
from mallee.cloud.identity import lastuse, trust
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.identities import Role

TRUST_SIZE_MAX = 2048
"""Characters of a trust policy, without white space."""
LINKED_PATH = "/aws-service-role/"
"""Where the roles of services are."""
_RESERVED_PATHS = (LINKED_PATH, "/aws-reserved/")

RoleRecord = Record[Role, None]


def named(call: Call, name: str) -> RoleRecord:
    """Return the account's role of that name; raise `NoSuchEntity`."""
    return entities.find(call, records.ROLE, name)


def changed(call: Call, name: str) -> RoleRecord:
    """Return a role that may be changed; raise `NoSuchEntity`, `UnmodifiableEntity`."""
    role = named(call, name)
    if role.doc.path.startswith(LINKED_PATH):
        raise errors.UnmodifiableEntity(name)
    return role


def create_role(call: WriteCall, request: Request) -> Result:
    """Make a role, which may do nothing yet."""
    path: str = request.get("Path", "/")
    if path.startswith(_RESERVED_PATHS):
        raise errors.InvalidInput(f"The path {path} is for roles of services.")
    role = Role(
        id=entities.new_id(call, records.ROLE),
        name=request["RoleName"],
        path=path,
        created_at=call.tx.now,
        description=request.get("Description"),
        trust=check_trust(call, request["AssumeRolePolicyDocument"]),
        max_session_s=request.get("MaxSessionDuration", 3600),
        tags=entities.with_tags({}, entities.parse_tags(request.get("Tags"))),
        boundary=managed.boundary(call, request.get("PermissionsBoundary")),
    )
    return {"Role": render(call, insert(call, role))}


def insert(call: WriteCall, role: Role) -> RoleRecord:
    """Put a new role into the store; raise `EntityAlreadyExists`."""
    entities.claim_name(call, records.ROLE, role.name, role.id)
    return call.tx.insert(records.ROLE, call.account, role.id, role)


def check_trust(call: WriteCall, text: str) -> str:
    """Return a trust policy as it is kept; raise what is wrong with it."""
    if policy.size(text) > TRUST_SIZE_MAX:
        raise errors.LimitExceeded("ACLSizePerRole", TRUST_SIZE_MAX)
    return trust.bind(call.view, text)


def get_role(call: Call, request: Request) -> Result:
    """Describe a role."""
    return {"Role": render(call, named(call, request["RoleName"]))}


def update_role(call: WriteCall, request: Request) -> Result:
    """Set description and longest session; a description that is not given is none."""
    role = changed(call, request["RoleName"])
    doc = replace(
        role.doc,
        description=request.get("Description"),
        max_session_s=request.get("MaxSessionDuration", role.doc.max_session_s),
    )
    call.tx.write(role, doc)
    return {}


def update_description(call: WriteCall, request: Request) -> Result:
    """Set the description, which may be done to roles of services too."""
    role = named(call, request["RoleName"])
    written = call.tx.write(role, replace(role.doc, description=request["Description"]))
    return {"Role": render(call, written)}


def update_trust(call: WriteCall, request: Request) -> Result:
    """Set who may take the role on, from now on; sessions that have begun go on."""
    role = changed(call, request["RoleName"])
    text = check_trust(call, request["PolicyDocument"])
    call.tx.write(role, replace(role.doc, trust=text))
    return {}


def delete_role(call: WriteCall, request: Request) -> Result:
    """Remove a role that has nothing any more and is nobody's; its sessions end with it."""
    role = changed(call, request["RoleName"])
    for has, what in (
        (role.doc.inline, "delete policies"),
        (role.doc.attached, "detach all policies"),
        (
            call.tx.by(records.INSTANCE_PROFILE, "role", role.id),
            "remove roles from instance profile",
        ),
    ):
        if has:
            raise errors.DeleteConflict(f"Cannot delete entity, must {what} first.")
    remove(call, role)
    return {}


def remove(call: WriteCall, role: RoleRecord) -> None:
    """Take a role out of the store."""
    entities.release_name(call, records.ROLE, role.doc.name)
    call.tx.delete(role)


def put_boundary(call: WriteCall, request: Request) -> Result:
    """Set the most that the role's policies can give."""
    role = changed(call, request["RoleName"])
    arn = managed.boundary(call, request["PermissionsBoundary"])
    call.tx.write(role, replace(role.doc, boundary=arn))
    return {}


def delete_boundary(call: WriteCall, request: Request) -> Result:
    """Take the role's boundary away."""
    role = changed(call, request["RoleName"])
    if role.doc.boundary is None:
        raise errors.NoSuchEntity("permissions boundary of role", role.doc.name)
    call.tx.write(role, replace(role.doc, boundary=None))
    return {}


def render(call: Call, role: RoleRecord) -> dict[str, Any]:
    """Return a role as IAM shows one."""
    return {
        **render_short(call, role),
        "Tags": entities.render_tags(role.doc.tags) or None,
        "PermissionsBoundary": managed.render_boundary(role.doc.boundary),
        "RoleLastUsed": _last_used(call, role),
    }


def _last_used(call: Call, role: RoleRecord) -> dict[str, Any]:
    """Return when a session of the role last asked for something; nothing when none ever did."""
    last = lastuse.last(call.uses.of(call.view, role.id))
    return {"LastUsedDate": last[1].at, "Region": last[1].region} if last else {}


def render_short(call: Call, role: RoleRecord) -> dict[str, Any]:
    """Return a role as lists show one: without tags and boundary."""
    doc = role.doc
    return {
        "Path": doc.path,
        "RoleName": doc.name,
        "RoleId": role.id,
        "Arn": entities.arn(role),
        "CreateDate": doc.created_at,
        "AssumeRolePolicyDocument": entities.quoted(trust.shown(call.view, doc.trust)),
        "Description": doc.description,
        "MaxSessionDuration": doc.max_session_s,
    }


def _find(call: Call, request: Request) -> list[RoleRecord]:
    return entities.every(call, records.ROLE, request.get("PathPrefix"))


def _row(name: str, does: Write | Read | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row(
        "CreateRole",
        Write(handle=create_role),
        *("RoleName", "Path", "AssumeRolePolicyDocument", "Description"),
        *("MaxSessionDuration", "PermissionsBoundary", "Tags"),
    ),
    _row("GetRole", Read(handle=get_role), "RoleName"),
    _row(
        "ListRoles",
        Pages(find=_find, render=render_short, member="Roles", key=lambda record: record.doc.name),
        "PathPrefix",
    ),
    _row(
        "UpdateRole",
        Write(handle=update_role),
        *("RoleName", "Description", "MaxSessionDuration"),
    ),
    _row("UpdateRoleDescription", Write(handle=update_description), "RoleName", "Description"),
    _row("UpdateAssumeRolePolicy", Write(handle=update_trust), "RoleName", "PolicyDocument"),
    _row("DeleteRole", Write(handle=delete_role), "RoleName"),
    _row(
        "PutRolePermissionsBoundary",
        Write(handle=put_boundary),
        *("RoleName", "PermissionsBoundary"),
    ),
    _row("DeleteRolePermissionsBoundary", Write(handle=delete_boundary), "RoleName"),
    *tags.rows(
        tags.Tagged(
            noun="Role",
            member="RoleName",
            named=lambda call, request: named(call, request["RoleName"]),
            changed=lambda call, request: changed(call, request["RoleName"]),
        )
    ),
)
