"""Groups: users who share policies.

Who is in a group stands with the users, so a group's members are asked of the index. Called through
the action table.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Pages, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, users
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.identities import Group, User

GROUPS_PER_USER_MAX = 10

GroupRecord = Record[Group, None]


def create_group(call: WriteCall, request: Request) -> Result:
    """Make a group of nobody, with no policies."""
    group = Group(
        id=entities.new_id(call, records.GROUP),
        name=request["GroupName"],
        path=request.get("Path", "/"),
        created_at=call.tx.now,
    )
    entities.claim_name(call, records.GROUP, group.name, group.id)
    return {"Group": render(call, call.tx.insert(records.GROUP, call.account, group.id, group))}


def update_group(call: WriteCall, request: Request) -> Result:
    """Give a group another name or path."""
    group = _named(call, request)
    name: str = request.get("NewGroupName", group.doc.name)
    if name.lower() != group.doc.name.lower():
        entities.claim_name(call, records.GROUP, name, group.id)
        entities.release_name(call, records.GROUP, group.doc.name)
    path: str = request.get("NewPath", group.doc.path)
    call.tx.write(group, replace(group.doc, name=name, path=path))
    return {}


def delete_group(call: WriteCall, request: Request) -> Result:
    """Remove a group that is empty and has no policies."""
    group = _named(call, request)
    for has, what in (
        (call.tx.by(records.USER, "group", group.id), "remove users from group"),
        (group.doc.inline, "delete policies"),
        (group.doc.attached, "detach all policies"),
    ):
        if has:
            raise errors.DeleteConflict(f"Cannot delete entity, must {what} first.")
    entities.release_name(call, records.GROUP, group.doc.name)
    call.tx.delete(group)
    return {}


def add_user(call: WriteCall, request: Request) -> Result:
    """Put a user into a group; twice is once."""
    group = _named(call, request)
    user = users.governed(call, request["UserName"])
    ids = user.doc.group_ids
    if group.id not in ids:
        if len(ids) >= GROUPS_PER_USER_MAX:
            raise errors.LimitExceeded("GroupsPerUser", GROUPS_PER_USER_MAX)
        call.tx.write(user, replace(user.doc, group_ids=(*ids, group.id)))
    return {}


def remove_user(call: WriteCall, request: Request) -> Result:
    """Take a user out of a group."""
    group = _named(call, request)
    user = users.governed(call, request["UserName"])
    left = tuple(id for id in user.doc.group_ids if id != group.id)
    call.tx.write(user, replace(user.doc, group_ids=left))
    return {}


def _named(call: Call, request: Request) -> GroupRecord:
    return entities.find(call, records.GROUP, request["GroupName"])


def render(call: Call, group: GroupRecord) -> dict[str, Any]:
    """Return a group as IAM shows one."""
    return {
        "Path": group.doc.path,
        "GroupName": group.doc.name,
        "GroupId": group.id,
        "Arn": entities.arn(group),
        "CreateDate": group.doc.created_at,
    }


def _group(call: Call, request: Request) -> Result:
    return {"Group": render(call, _named(call, request))}


def _find(call: Call, request: Request) -> list[GroupRecord]:
    return entities.every(call, records.GROUP, request.get("PathPrefix"))


def _find_of_user(call: Call, request: Request) -> list[GroupRecord]:
    ids = users.named(call, request["UserName"]).doc.group_ids
    return [group for id in ids if (group := call.view.get(records.GROUP, id))]


def _find_members(call: Call, request: Request) -> list[Record[User, None]]:
    return call.view.by(records.USER, "group", _named(call, request).id)


def _name(record: Record[Any, None]) -> str:
    return record.doc.name


def _row(name: str, does: Write | Pages, *honours: str) -> Action:
    return Action(service="iam", name=name, does=does, honours=frozenset(honours))


ACTIONS: tuple[Action, ...] = (
    _row("CreateGroup", Write(handle=create_group), "GroupName", "Path"),
    _row(
        "GetGroup",
        Pages(
            find=_find_members, render=users.render_short, member="Users", key=_name, head=_group
        ),
        "GroupName",
    ),
    _row(
        "ListGroups",
        Pages(find=_find, render=render, member="Groups", key=_name),
        "PathPrefix",
    ),
    _row(
        "ListGroupsForUser",
        Pages(find=_find_of_user, render=render, member="Groups", key=_name),
        "UserName",
    ),
    _row("UpdateGroup", Write(handle=update_group), "GroupName", "NewGroupName", "NewPath"),
    _row("DeleteGroup", Write(handle=delete_group), "GroupName"),
    _row("AddUserToGroup", Write(handle=add_user), "GroupName", "UserName"),
    _row("RemoveUserFromGroup", Write(handle=remove_user), "GroupName", "UserName"),
)
