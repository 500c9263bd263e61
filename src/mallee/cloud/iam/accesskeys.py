"""Access keys of users.

Called through the action table. A secret is in the answer that makes the key and in none after it.
A key that is switched off or gone is nobody's from the next request on.
"""

from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Pages, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import entities, users
from mallee.cloud.identity import lastuse
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model.identity.accounts import AccessKey
from mallee.model.identity.identities import User

MAX_PER_USER = 2

_Shown = tuple[Record[User, None], AccessKey]


def create_access_key(call: WriteCall, request: Request) -> Result:
    """Make an access key; the answer is the only one that holds its secret."""
    user = users.changed(call, request.get("UserName"))
    if len(call.tx.by(records.ACCESS_KEY, "user", user.id)) >= MAX_PER_USER:
        raise errors.LimitExceeded("AccessKeysPerUser", MAX_PER_USER)
    made = accounts.create_key(call.tx, user, accounts.Means(call.settings, call.entropy, call.box))
    return {"AccessKey": {**_render(call, (user, made.key)), "SecretAccessKey": made.secret}}


def update_access_key(call: WriteCall, request: Request) -> Result:
    """Switch an access key on or off."""
    if request["Status"] not in ("Active", "Inactive"):
        raise errors.ValidationError("Status must be Active or Inactive")
    record = _own(call, request)
    changed = msgspec.structs.replace(record.doc, status=request["Status"])
    call.tx.write(record, changed)
    return {}


def delete_access_key(call: WriteCall, request: Request) -> Result:
    """Remove an access key for good."""
    call.tx.delete(_own(call, request))
    return {}


def get_last_used(call: Call, request: Request) -> Result:
    """Say when a key was last used, and for what."""
    key = _of_account(call, request)
    user = call.view.get(records.USER, key.doc.user_id)
    last = lastuse.last(call.uses.of(call.view, key.id))
    return {
        "UserName": user.doc.name if user else None,
        "AccessKeyLastUsed": {
            "LastUsedDate": last[1].at if last else None,
            "ServiceName": last[0] if last else "N/A",
            "Region": last[1].region if last else "N/A",
        },
    }


def _of_account(call: Call, request: Request) -> Record[AccessKey, None]:
    id: str = request["AccessKeyId"]
    key = call.view.get(records.ACCESS_KEY, id)
    if key is None or key.account != call.account:
        raise errors.NoSuchEntity("Access Key", id)
    return key


def _owner(call: Call, request: Request) -> tuple[str, ...]:
    key = call.view.get(records.ACCESS_KEY, request["AccessKeyId"])
    is_own = key is not None and key.account == call.account
    user = call.view.get(records.USER, key.doc.user_id) if key and is_own else None
    return (entities.arn(user),) if user else ("*",)


def _own(call: WriteCall, request: Request) -> Record[AccessKey, None]:
    user = users.changed(call, request.get("UserName"))
    id: str = request["AccessKeyId"]
    record = call.tx.get(records.ACCESS_KEY, id)
    if record is None or record.doc.user_id != user.id:
        raise errors.NoSuchEntity("Access Key", id)
    return record


def _find(call: Call, request: Request) -> list[_Shown]:
    user = users.named(call, request.get("UserName"))
    return [(user, key.doc) for key in call.view.by(records.ACCESS_KEY, "user", user.id)]


def _render(_call: Call, shown: _Shown) -> dict[str, Any]:
    user, key = shown
    return {
        "UserName": user.doc.name,
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": key.created_at,
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="GetAccessKeyLastUsed",
        does=Read(handle=get_last_used),
        honours=frozenset({"AccessKeyId"}),
        resources=_owner,
    ),
    Action(
        service="iam",
        name="ListAccessKeys",
        does=Pages(
            find=_find,
            render=_render,
            member="AccessKeyMetadata",
            key=lambda shown: f"{shown[1].created_at:020.6f} {shown[1].id}",
        ),
        honours=frozenset({"UserName"}),
    ),
    Action(
        service="iam",
        name="CreateAccessKey",
        does=Write(handle=create_access_key),
        honours=frozenset({"UserName"}),
    ),
    Action(
        service="iam",
        name="UpdateAccessKey",
        does=Write(handle=update_access_key),
        honours=frozenset({"UserName", "AccessKeyId", "Status"}),
    ),
    Action(
        service="iam",
        name="DeleteAccessKey",
        does=Write(handle=delete_access_key),
        honours=frozenset({"UserName", "AccessKeyId"}),
    ),
)
