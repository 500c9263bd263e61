"""`mallee accounts …` beyond making and listing: shown, suspended, bounded by policies, deleted."""

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

LOOKS_AGAIN_AFTER_S = 0.5
"""While an account that is being deleted is waited for."""

_SERVICE = "mallee"


def show(account: str, *, root: Root = DEFAULT) -> None:
    """Show an account with everything that it has.

    Parameters
    ----------
    account
        Its name or id.
    """
    found = _describe(Layout(root), account)
    about = found["Account"]
    words.tell(f"account {about['AccountId']} ({about['AccountName']}), {about['Standing']}")
    _show_items(found["Items"])
    for wait in found.get("Waits", ()):
        words.tell(wait)


def suspend(account: str, *, root: Root = DEFAULT) -> None:
    """Refuse all keys, passwords and sessions of an account; what it runs goes on running."""
    client.call(Layout(root), _SERVICE, "SuspendAccount", {"AccountName": account})
    words.tell(f"{account} is suspended; `mallee accounts resume {account}` ends that")


def resume(account: str, *, root: Root = DEFAULT) -> None:
    """Take the credentials of a suspended account again."""
    client.call(Layout(root), _SERVICE, "ResumeAccount", {"AccountName": account})
    words.tell(f"{account} is active")


def delete(
    account: str,
    *,
    recursive: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    wait: bool = True,
    root: Root = DEFAULT,
) -> None:
    """Delete an account, after showing what it has. There is no way back.

    Parameters
    ----------
    account
        Its name or id.
    recursive
        Delete also what came into the account after it was made.
    yes
        Do not ask.
    dry_run
        Only show what would go.
    wait
        Wait until nothing of it is left.
    """
    layout = Layout(root)
    found = _describe(layout, account)
    name: str = found["Account"]["AccountName"]
    _show_items(found["Items"])
    own = [item for item in found["Items"] if not item["IsOfEveryAccount"]]
    if dry_run:
        words.tell(f"this would be deleted with {name}; nothing was")
        return
    if own and not recursive:
        raise steps.Failed(
            f"{name} has {len(own)} things of its own", "look at them, then say --recursive too"
        )
    if not yes and input(f"Delete {name} and all of this? Type its name: ") != name:
        raise steps.Failed("another name was typed: nothing was deleted", "")
    asked = {"AccountName": account, "Recursive": recursive}
    client.call(layout, _SERVICE, "DeleteAccount", asked)
    if wait:
        _wait_gone(layout, found["Account"]["AccountId"])
        words.tell(f"{name} is deleted, and nothing of it is left")
    else:
        words.tell(f"{name} is being deleted; `mallee accounts show {name}` says what it waits for")


def policies(account: str, *, root: Root = DEFAULT) -> None:
    """Show the policies over an account."""
    layout = Layout(root)
    asked = {"AccountName": account}
    for name in client.call(layout, _SERVICE, "ListAccountPolicies", asked)["PolicyNames"]:
        wanted = {**asked, "PolicyName": name}
        found = client.call(layout, _SERVICE, "GetAccountPolicy", wanted)
        words.tell(f"{name}:")
        words.give(unquote(found["PolicyDocument"]))


def put_policy(account: str, name: str, file: Path, *, root: Root = DEFAULT) -> None:
    """Set a policy over an account: its denials and limits hold for everybody in it.

    Parameters
    ----------
    account
        Name or id of the account.
    name
        The policy's name; one of that name is replaced.
    file
        The policy's text.
    """
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise steps.Failed(f"{file}: {error}", "give a file with a policy in JSON") from error
    asked = {"AccountName": account, "PolicyName": name, "PolicyDocument": text}
    client.call(Layout(root), _SERVICE, "PutAccountPolicy", asked)
    words.tell(f"policy {name} holds over {account}")


def delete_policy(account: str, name: str, *, root: Root = DEFAULT) -> None:
    """Take a policy over an account away."""
    asked = {"AccountName": account, "PolicyName": name}
    client.call(Layout(root), _SERVICE, "DeleteAccountPolicy", asked)
    words.tell(f"policy {name} holds over {account} no more")


def _describe(layout: Layout, account: str) -> dict[str, Any]:
    return client.call(layout, _SERVICE, "DescribeAccount", {"AccountName": account})


def _show_items(items: list[dict[str, Any]]) -> None:
    words.table(
        ("kind", "id", "name", "came with the account"),
        [
            (
                item["Kind"],
                item["Id"],
                item.get("Name", ""),
                "yes" if item["IsOfEveryAccount"] else "no",
            )
            for item in items
        ],
    )
    counts = Counter(item["Kind"] for item in items)
    words.tell(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))


def _wait_gone(layout: Layout, account_id: str) -> None:
    """Wait until the account is gone, saying what its end waits for whenever that changes."""
    told: list[str] = []
    while True:
        found = client.call(layout, _SERVICE, "ListAccounts")["Accounts"]
        if all(account["AccountId"] != account_id for account in found):
            return
        try:
            waits = _describe(layout, account_id).get("Waits", [])
        except steps.Failed:
            # It went between the two looks, or the next look tells the same trouble.
            waits = told
        for wait in waits:
            if wait not in told:
                words.tell(wait)
        told = waits
        time.sleep(LOOKS_AGAIN_AFTER_S)
