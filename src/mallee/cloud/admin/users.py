"""Users switched off and on again: what IAM has no word for, and Eucalyptus' `Enabled` was.

A disabled user's keys, password and sessions are refused; everything of his stays as it is. Called
through the action table.
"""

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.admin import invitations
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.iam import users


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


def _row(name: str, does: Write) -> Action:
    return Action(
        service="mallee",
        name=name,
        does=does,
        honours=frozenset({"UserName"}),
        resources=invitations.user_arns,
    )


ACTIONS: tuple[Action, ...] = (
    _row("EnableUser", Write(handle=enable_user)),
    _row("DisableUser", Write(handle=disable_user)),
)
