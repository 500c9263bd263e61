"""Accounts, as the cloud's administration makes and lists them.

Called through the action table. What an account may do for itself is IAM's business (`iam`).
"""

import datetime
from typing import Any

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.state import records, store
from mallee.model import identities
from mallee.model.accounts import AccessKey, Account


def create_account(call: WriteCall, request: Request) -> Result:
    """Make an account, its default VPC, and an access key of its administrator."""
    name: str = request["AccountName"]
    means = accounts.Means(call.settings, call.entropy, call.box)
    try:
        record = accounts.create(call.tx, name, means)
    except store.Taken as taken:
        raise errors.EntityAlreadyExists("Account", name) from taken
    made = accounts.create_key(call.tx, accounts.administrator(call.tx, record), means)
    return {
        "Account": _render(record.doc),
        "AccessKey": {**_render_key(made.key), "SecretAccessKey": made.secret},
    }


def list_accounts(call: Call, request: Request) -> Result:
    """List all accounts of the cloud, oldest first."""
    found = sorted(
        (record.doc for record in call.view.list(records.ACCOUNT)),
        key=lambda account: (account.created_at, account.id),
    )
    return {"Accounts": [_render(account) for account in found]}


def _render(account: Account) -> dict[str, Any]:
    return {
        "AccountId": account.id,
        "AccountName": account.name,
        "Arn": f"arn:aws:iam::{account.id}:root",
        "CreateDate": datetime.datetime.fromtimestamp(account.created_at, datetime.UTC),
    }


def _render_key(key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": identities.ADMINISTRATOR,
        "AccessKeyId": key.id,
        "Status": key.status,
        "CreateDate": datetime.datetime.fromtimestamp(key.created_at, datetime.UTC),
    }


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="CreateAccount",
        does=Write(handle=create_account),
        honours=frozenset({"AccountName"}),
        cloud_admin_only=True,
    ),
    Action(
        service="mallee",
        name="ListAccounts",
        does=Read(handle=list_accounts),
        honours=frozenset(),
        cloud_admin_only=True,
    ),
)
