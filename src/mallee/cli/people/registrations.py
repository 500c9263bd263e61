"""`mallee registrations …`, `mallee request` and `mallee accept`: how people come to accounts."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.aws import clientfiles
from mallee.box import client as remote
from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.people import credentials
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"

Endpoint = Annotated[
    str | None,
    Parameter(env_var="AWS_ENDPOINT_URL", help="The cloud's address, such as http://HOST:8773."),
]
_ANY_REGION = "us-east-1"
"""What nobody signs is of no region."""


def list_registrations(*, state: str | None = None, root: Root = DEFAULT) -> None:
    """List who asked for an account or was invited to one.

    Parameters
    ----------
    state
        Only those who are requested, invited, accepted or rejected.
    """
    asked = {"State": state} if state else {}
    found = client.call(Layout(root), _SERVICE, "ListRegistrations", asked)["Registrations"]
    words.table(
        ("registration", "state", "account", "mail", "name", "reason", "problem"),
        [
            (
                each["RegistrationId"],
                each["State"],
                each.get("AccountName", ""),
                each.get("Email", ""),
                each.get("FullName", ""),
                " ".join(each.get("Reason", "").split()),
                each.get("Problem", ""),
            )
            for each in found
        ],
    )


def approve(
    registration: str, *, account: str | None = None, hours: int = 72, root: Root = DEFAULT
) -> None:
    """Invite who asked: he gets a mail with a token that makes the account when he uses it.

    Parameters
    ----------
    registration
        Its id, as the list shows it; one that is approved already gets another token.
    account
        Another name for the account.
    hours
        How long the invitation is good.
    """
    asked: dict[str, Any] = {"RegistrationId": registration, "ValidHours": hours}
    if account is not None:
        asked["AccountName"] = account
    _give(client.call(Layout(root), _SERVICE, "ApproveRegistration", asked))


def reject(registration: str, *, reason: str | None = None, root: Root = DEFAULT) -> None:
    """Refuse a request, or withdraw an invitation; the person is told.

    Parameters
    ----------
    registration
        Its id, as the list shows it.
    reason
        What to tell.
    """
    asked = {"RegistrationId": registration, **({"Reason": reason} if reason else {})}
    client.call(Layout(root), _SERVICE, "RejectRegistration", asked)
    words.tell(f"{registration} is rejected")


def invite(
    account: str, email: str, *, name: str | None = None, hours: int = 72, root: Root = DEFAULT
) -> None:
    """Invite somebody to an account of his own, who has not asked.

    Parameters
    ----------
    account
        The name of the account that he will have.
    email
        Where the invitation goes.
    name
        How he is called.
    hours
        How long it is good.
    """
    asked: dict[str, Any] = {"AccountName": account, "Email": email, "ValidHours": hours}
    if name is not None:
        asked["FullName"] = name
    _give(client.call(Layout(root), _SERVICE, "InviteAccount", asked))


def request(
    account: str,
    email: str,
    *,
    name: str | None = None,
    reason: str | None = None,
    endpoint: Endpoint = None,
    root: Root = DEFAULT,
) -> None:
    """Ask for an account; you get a mail when it is decided.

    Parameters
    ----------
    account
        The name that it shall have.
    email
        Where you are reached.
    name
        How you are called.
    reason
        What you want it for.
    """
    asked = {"AccountName": account, "Email": email, "FullName": name, "Reason": reason}
    given = {key: value for key, value in asked.items() if value is not None}
    _ask(_stranger(endpoint, root), "RequestAccount", given)
    words.tell("asked; whoever looks after the cloud will write to you")


def accept(
    *,
    profile: str = "mallee",
    password: Annotated[bool, Parameter(negative=())] = False,
    endpoint: Endpoint = None,
    directory: Path | None = None,
    root: Root = DEFAULT,
) -> None:
    """Accept an invitation: give the token when asked, and get a profile for AWS clients.

    Parameters
    ----------
    profile
        The name of the profile.
    password
        Ask for a password too, with which to sign in later.
    directory
        Where the AWS files are; `~/.aws` unless given.
    """
    access = _stranger(endpoint, root)
    # Never an argument: those are for every user of the machine to read.
    asked = {"Token": _secret("Token: ")}
    if password:
        asked["Password"] = _secret("New password: ")
        if sys.stdin.isatty() and asked["Password"] != _secret("Once more: "):
            raise steps.Failed("the two passwords differ", "")
    made = _ask(access, "AcceptInvitation", asked)
    bearer = clientfiles.Bearer(
        endpoint=access.endpoint,
        region=made["Region"],
        account_id=made["AccountId"],
        user_name=made["UserName"],
        access_key_id=made["AccessKey"]["AccessKeyId"],
        secret_access_key=made["AccessKey"]["SecretAccessKey"],
    )
    words.tell(f"you are {made['UserName']} of the account {made['AccountName']}")
    credentials.write_profile(bearer, profile, directory)


def _give(answer: dict[str, Any]) -> None:
    about = answer["Registration"]
    words.tell(f"invitation mailed to {about['Email']}; the token, shown this once:")
    words.give(answer["Token"])


def _stranger(endpoint: str | None, root: Path) -> remote.Access:
    """Return how the cloud is reached without a key: at an address, or the one of this machine."""
    if endpoint is not None:
        return remote.stranger(endpoint.rstrip("/"), _ANY_REGION)
    if not Layout(root).admin_credentials.parent.exists() or not os.access(root, os.R_OK):
        raise steps.Failed("there is no cloud on this machine", "say --endpoint http://HOST:8773")
    own = client.access(Layout(root))
    return remote.stranger(own.endpoint, own.region)


def _ask(access: remote.Access, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    return remote.call(access, _SERVICE, operation, asked)


def _secret(prompt: str) -> str:
    """Read a secret from the terminal without showing it, or a line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt).strip()
    return sys.stdin.readline().strip()
