"""Access keys of the account's administrator.

Called through the action table. A secret is in the answer that makes the key and in none after it.
"""

import datetime
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.iam import users
from mallee.cloud.state import records
from mallee.cloud.state.records import Record
from mallee.model import identities
from mallee.model.accounts import AccessKey

MAX_PER_USER = 2


def list_access_keys(call: Call, request: Request) -> Result:
    """List a user's access keys, oldest first, without their secrets."""
    users.named(call, request.get("UserName"))
    keys = sorted(
        (key.doc for key in call.view.list(records.ACCESS_KEY, call.account)),
        key=lambda key: (key.created_at, key.id),
    )
    return {"AccessKeyMetadata": [_render(key) for key in keys], "IsTruncated": False}


def create_access_key(call: WriteCall, request: Request) -> Result:
    """Make an access key; the answer is the only one that holds its secret."""
    users.named(call, request.get("UserName"))
    account = call.tx.get(records.ACCOUNT, call.account)
    assert account is not None
    if len(call.tx.list(records.ACCESS_KEY, call.account)) >= MAX_PER_USER:
        raise errors.LimitExceeded("AccessKeysPerUser", MAX_PER_USER)
    means = accounts.Means(call.settings, call.entropy, call.box)
    made = accounts.create_key(call.tx, accounts.administrator(call.tx, account), means)
    return {"AccessKey": {**_render(made.key), "SecretAccessKey": made.secret}}


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


def _own(call: WriteCall, request: Request) -> Record[AccessKey, None]:
    users.named(call, request.get("UserName"))
    id: str = request["AccessKeyId"]
    record = call.tx.get(records.ACCESS_KEY, id)
    if record is None or record.account != call.account:
        raise errors.NoSuchEntity("Access Key", id)
    return record


def _render(key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": identities.ADMINISTRATOR,
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": datetime.datetime.fromtimestamp(key.created_at, datetime.UTC),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="iam",
        name="ListAccessKeys",
        does=Read(handle=list_access_keys),
        # MAX_PER_USER keys: a page that is smaller than that is refused by nobody's need.
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
