"""Everything that decides who may do what in an account, in one listing: users, groups, roles and
policies with all their wordings. Called through the action table, by tools that audit accounts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mallee.cloud.action import Action, Pages
from mallee.cloud.call import Call, Request
from mallee.cloud.iam import entities, groups, instanceprofiles, managed, roles, users
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.identities import Policy

_LISTS: Mapping[str, str] = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}
"""The list of the result that each filter is about, in the order of pages."""

_Item = tuple[str, Any]
"""What it is, by its filter, and its record or policy."""


def _find(call: Call, request: Request) -> list[_Item]:
    wanted = frozenset(request.get("Filter") or _LISTS)
    return [item for item in _everything(call) if item[0] in wanted]


def _everything(call: Call) -> Iterator[_Item]:
    for user in call.view.list(records.USER, call.account):
        yield "User", user
    for group in call.view.list(records.GROUP, call.account):
        yield "Group", group
    for role in call.view.list(records.ROLE, call.account):
        yield "Role", role
    for policy in call.view.list(records.POLICY, call.account):
        yield "LocalManagedPolicy", policy.doc
    # Of AWS's own, only those that somebody has: they are the same in every account.
    for given in managed.given():
        if managed.holders(call, given.arn) or managed.bounded(call, given.arn):
            yield "AWSManagedPolicy", given


def _key(item: _Item) -> str:
    what, found = item
    return f"{list(_LISTS).index(what)}/{found.arn if isinstance(found, Policy) else found.id}"


def _render(call: Call, item: _Item) -> tuple[str, dict[str, Any]]:
    what, found = item
    if isinstance(found, Policy):
        return _LISTS[what], _policy(call, found)
    if what == "User":
        return _LISTS[what], _user(call, found)
    if what == "Group":
        return _LISTS[what], _held(found, "GroupPolicyList") | groups.render(call, found)
    return _LISTS[what], _role(call, found)


def _user(call: Call, user: users.UserRecord) -> dict[str, Any]:
    found = (call.view.get(records.GROUP, id) for id in user.doc.group_ids)
    # The shape has no last use of a password.
    shown = {name: value for name, value in users.render(call, user).items() if name in _OF_USER}
    return {
        **shown,
        **_held(user, "UserPolicyList"),
        "GroupList": [group.doc.name for group in found if group],
    }


_OF_USER = frozenset(
    {"Path", "UserName", "UserId", "Arn", "CreateDate", "Tags", "PermissionsBoundary"}
)
_OF_ROLE = frozenset(
    {
        "Path",
        "RoleName",
        "RoleId",
        "Arn",
        "CreateDate",
        "AssumeRolePolicyDocument",
        "Tags",
        "PermissionsBoundary",
        "RoleLastUsed",
    }
)


def _role(call: Call, role: roles.RoleRecord) -> dict[str, Any]:
    shown = {name: value for name, value in roles.render(call, role).items() if name in _OF_ROLE}
    profiles = call.view.by(records.INSTANCE_PROFILE, "role", role.id)
    return {
        **shown,
        **_held(role, "RolePolicyList"),
        "InstanceProfileList": [instanceprofiles.render_short(call, one) for one in profiles],
    }


def _held(holder: Record[Any, None], member: str) -> dict[str, Any]:
    return {
        member: [
            {"PolicyName": name, "PolicyDocument": entities.quoted(text)}
            for name, text in holder.doc.inline.items()
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in holder.doc.attached
        ],
    }


def _policy(call: Call, policy: Policy) -> dict[str, Any]:
    shown = managed.render(call, policy)
    shown.pop("Tags", None)
    versions = [managed.render_version(policy, version) for version in policy.versions]
    return {**shown, "PolicyVersionList": versions}


def _split(rendered: list[Any]) -> Mapping[str, list[Any]]:
    lists: dict[str, list[Any]] = {name: [] for name in _LISTS.values()}
    for name, one in rendered:
        lists[name].append(one)
    return lists


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="GetAccountAuthorizationDetails",
        does=Pages(find=_find, render=_render, member="UserDetailList", key=_key, split=_split),
        honours=frozenset({"Filter"}),
        is_weighing=True,
    ),
)
