"""Accounts, as the cloud's administration makes, lists, suspends and describes them.

Called through the action table; `named` is for every row that names an account. What an account
may do for itself is IAM's business (`iam`), how one ends that of `closing`.
"""

import datetime
import re
from typing import Any

from msgspec.structs import replace

from mallee.aws import errors
from mallee.cloud import accounts, inventory
from mallee.cloud.action import Action, Read, Write
from mallee.cloud.admin import rows
from mallee.cloud.call import Call, Request, Result, WriteCall
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.model.identity import identities
from mallee.model.identity.accounts import AccessKey, Account, Standing

AccountRecord = Record[Account, None]

_ID = re.compile(r"\d{12}")


def named(call: Call, text: str) -> AccountRecord:
    """Return the account of an id or name; raise `NoSuchEntity`."""
    id = text if _ID.fullmatch(text) else call.view.owner_of(accounts.NAMES, text)
    record = call.view.get(records.ACCOUNT, id) if id else None
    if record is None:
        raise errors.NoSuchEntity("account", text)
    return record


def tenant(call: Call, text: str) -> AccountRecord:
    """Return an account that can be bounded, suspended and deleted; raise `InvalidInput` for the
    cloud's own, without which nobody could undo it."""
    record = named(call, text)
    if record.doc.is_cloud_admin:
        raise errors.InvalidInput(
            f"The account {record.doc.name} is the cloud's administration: it cannot be "
            "suspended, deleted or bounded."
        )
    return record


def make(call: WriteCall, name: str, email: str | None) -> AccountRecord:
    """Make an account with its administrator and default VPC; raise `EntityAlreadyExists`."""
    if _ID.fullmatch(name):
        raise errors.InvalidInput("An account's name cannot look like an account's id.")
    means = accounts.Means(call.settings, call.entropy, call.box)
    try:
        record = accounts.create(call.tx, name, means)
    except store.Taken as taken:
        raise errors.EntityAlreadyExists("Account", name) from taken
    return call.tx.write(record, replace(record.doc, email=email, standing_since=call.tx.now))


def create_account(call: WriteCall, request: Request) -> Result:
    """Make an account, its default VPC, and an access key of its administrator."""
    record = make(call, request["AccountName"], request.get("Email"))
    means = accounts.Means(call.settings, call.entropy, call.box)
    made = accounts.create_key(call.tx, accounts.administrator(call.tx, record), means)
    return {"Account": render(record.doc), "AccessKey": render_key(made)}


def list_accounts(call: Call, request: Request) -> Result:
    """List all accounts of the cloud, oldest first."""
    found = sorted(
        (record.doc for record in call.view.list(records.ACCOUNT)),
        key=lambda account: (account.created_at, account.id),
    )
    return {"Accounts": [render(account) for account in found]}


def describe_account(call: Call, request: Request) -> Result:
    """Describe an account with everything that it has, and what its end waits for."""
    record = named(call, request["AccountName"])
    return {
        "Account": render(record.doc),
        "Items": [
            {
                "Kind": item.kind,
                "Id": item.id,
                "Name": item.name,
                "IsOfEveryAccount": item.is_of_every_account,
            }
            for item in inventory.of(call.view, record)
        ],
        "Waits": inventory.waits(call.view, record),
    }


def suspend_account(call: WriteCall, request: Request) -> Result:
    """Refuse all keys and sessions of an account; what it runs goes on running."""
    return _put_standing(call, request, Standing.SUSPENDED)


def resume_account(call: WriteCall, request: Request) -> Result:
    """Take the keys and sessions of a suspended account again."""
    return _put_standing(call, request, Standing.ACTIVE)


def render(account: Account) -> dict[str, Any]:
    """Return an account as the administration shows one."""
    since = account.standing_since or account.created_at
    return {
        "AccountId": account.id,
        "AccountName": account.name,
        "Arn": f"arn:aws:iam::{account.id}:root",
        "CreateDate": _time(account.created_at),
        "Standing": account.standing.value,
        "StandingSince": _time(since),
        "Alias": account.alias,
        "Email": account.email,
    }


def render_key(made: accounts.NewKey, user_name: str = identities.ADMINISTRATOR) -> dict[str, Any]:
    """Return a new access key with its secret, which is shown this once."""
    key: AccessKey = made.key
    return {
        "UserName": user_name,
        "AccessKeyId": key.id,
        "SecretAccessKey": made.secret,
        "Status": key.status,
        "CreateDate": _time(key.created_at),
    }


def _put_standing(call: WriteCall, request: Request, standing: Standing) -> Result:
    record = tenant(call, request["AccountName"])
    if record.doc.standing is Standing.CLOSING:
        raise errors.InvalidInput(f"The account {record.doc.name} is being deleted.")
    if record.doc.standing is not standing:
        changed = replace(record.doc, standing=standing, standing_since=call.tx.now)
        call.tx.write(record, changed)
    return {}


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


ACTIONS: tuple[Action, ...] = (
    rows.of_administrators("CreateAccount", Write(handle=create_account), "AccountName", "Email"),
    rows.of_administrators("ListAccounts", Read(handle=list_accounts)),
    rows.of_administrators("DescribeAccount", Read(handle=describe_account), "AccountName"),
    rows.of_administrators("SuspendAccount", Write(handle=suspend_account), "AccountName"),
    rows.of_administrators("ResumeAccount", Write(handle=resume_account), "AccountName"),
)
