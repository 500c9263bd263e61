"""Users: each account has one, its administrator, until users can be made.

Called through the action table; `named` is for everything of IAM that takes a UserName.
"""

import datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud.action import Action, Read
from mallee.cloud.call import Call, Request, Result
from mallee.cloud.state import records
from mallee.model.accounts import Account
from mallee.model.identities import ADMINISTRATOR

PATH = "/"


def named(call: Call, name: str | None) -> Account:
    """Return the account whose administrator has that name, or who calls when no name is given.

    Raises `NoSuchEntity`.
    """
    if name is not None and name != ADMINISTRATOR:
        raise errors.NoSuchEntity("user", name)
    return account_of(call)


def account_of(call: Call) -> Account:
    """Return the caller's account."""
    record = call.view.get(records.ACCOUNT, call.account)
    assert record is not None, "the signature was made with a key of this account"
    return record.doc


def get_user(call: Call, request: Request) -> Result:
    """Describe a user, by default the caller."""
    return {"User": _render(named(call, request.get("UserName")))}


def list_users(call: Call, request: Request) -> Result:
    """List the account's users whose path begins as asked."""
    seen = PATH.startswith(request.get("PathPrefix", PATH))
    return {"Users": [_render(account_of(call))] if seen else [], "IsTruncated": False}


def _render(account: Account) -> dict[str, Any]:
    return {
        "Path": PATH,
        "UserName": ADMINISTRATOR,
        "UserId": account.admin_user_id,
        "Arn": f"arn:aws:iam::{account.id}:user/{ADMINISTRATOR}",
        "CreateDate": datetime.datetime.fromtimestamp(account.created_at, datetime.UTC),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="GetUser",
        does=Read(handle=get_user),
        honours=frozenset({"UserName"}),
    ),
    Action(
        service="iam",
        name="ListUsers",
        does=Read(handle=list_users),
        # One user fits every page, and no answer ever gave out a Marker.
        honours=frozenset({"PathPrefix", "MaxItems"}),
    ),
)
