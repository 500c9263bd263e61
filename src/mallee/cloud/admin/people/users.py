"""What IAM has no word for about a user: switched off and on again, his address, his directory.

Eucalyptus' `Enabled` and user info. A disabled user's keys, password and sessions are refused;
everything of his stays as it is. Who may not change a user by IAM (`iam:UpdateUser`) changes him
here as little. Called through the action table.
"""

from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin.people import invitations
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, users
from mallee.cloud.state import records
from mallee.model.identity import identities
from mallee.model.identity.identities import User


def enable_user(call: WriteCall, request: Request) -> Result:
    """Take a user's credentials again."""
    user = users.changed(call, request["UserName"])
    call.tx.write(user, replace(user.doc, is_enabled=True, has_left=False))
    return {}


def disable_user(call: WriteCall, request: Request) -> Result:
    """Refuse a user's credentials from the next request on."""
    user = users.changed(call, request["UserName"])
    if users.is_administrator(call, user):
        raise errors.InvalidInput(
            f"{user.doc.name} is the administrator of the account and cannot be disabled; "
            "the cloud's administration can suspend the account."
        )
    call.tx.write(user, replace(user.doc, is_enabled=False, has_left=False))
    return {}


def describe_users(call: Call, request: Request) -> Result:
    """Describe the account's users, or those that are named, by name."""
    names: list[str] = request.get("UserNames") or []
    found = [entities.find(call, records.USER, name) for name in names]
    if not names:
        found = call.view.list(records.USER, call.account)
    administrator = users.account_of(call).admin_user_id
    by_name = sorted(found, key=lambda user: user.doc.name.lower())
    return {"Users": [_render(user.doc, administrator) for user in by_name]}


def update_user_info(call: WriteCall, request: Request) -> Result:
    """Set a user's address and full name; the next import of his directory sets them again."""
    user = users.changed(call, request["UserName"])
    changed = replace(
        user.doc,
        email=request.get("Email", user.doc.email),
        full_name=request.get("FullName", user.doc.full_name),
    )
    call.tx.write(user, changed)
    return {}


def _render(user: User, administrator: str) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "UserId": user.id,
        "IsEnabled": user.is_enabled,
        "IsAdministrator": user.id == administrator,
        "HasLeft": user.has_left,
        "Email": user.email,
        "FullName": user.full_name,
        "Source": user.source or None,
    }


def _all_arns(call: Call, request: Request) -> tuple[str, ...]:
    # No name at all would else need no permission at all.
    if not request.get("UserNames"):
        return (identities.arn(call.account, "user", "/", "*"),)
    named = [{"UserName": name} for name in request["UserNames"]]
    return tuple(arn for one in named for arn in invitations.user_arns(call, one))


def _row(name: str, does: Write, *honours: str) -> Action:
    return Action(
        service="mallee",
        name=name,
        does=does,
        honours=frozenset({"UserName", *honours}),
        resources=invitations.user_arns,
        also=lambda _, __: ("iam:UpdateUser",),
    )


ACTIONS: tuple[Action, ...] = (
    _row("EnableUser", Write(handle=enable_user)),
    _row("DisableUser", Write(handle=disable_user)),
    _row("UpdateUserInfo", Write(handle=update_user_info), "Email", "FullName"),
    Action(
        service="mallee",
        name="DescribeUsers",
        does=Read(handle=describe_users),
        honours=frozenset({"UserNames"}),
        resources=_all_arns,
    ),
)
