"""`mallee login`: a person's password, and code if he has a device, for a profile that ends itself.

Works from any machine that reaches the cloud, and needs no rights on it. Passwords are asked for,
or read from standard input, and stand on no command line. What is written is a profile for AWS
clients whose credentials live for hours.
"""

import getpass
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from mallee.aws import clientfiles
from mallee.box import client as api
from mallee.box import steps
from mallee.cli import credentials, words
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.layout import Layout

_ANY_REGION = "us-east-1"
"""What nobody signs is of no region."""
_NEAR = ("127.0.0.1", "localhost", "::1")

Endpoint = Annotated[
    str | None,
    Parameter(env_var=("MALLEE_ENDPOINT", "AWS_ENDPOINT_URL"), help="The cloud: http://HOST:PORT."),
]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Person:
    """Who signs in, and where."""

    access: api.Access
    account: str
    user: str
    hours: float | None


def login(
    account: str,
    user: str,
    *,
    profile: str = "mallee",
    endpoint: Endpoint = None,
    mfa_code: str | None = None,
    hours: float | None = None,
    password_stdin: Annotated[bool, Parameter(negative=())] = False,
    directory: Path | None = None,
    root: Root = DEFAULT,
) -> None:
    """Sign in with a password, and write a profile for AWS clients that ends by itself.

    Parameters
    ----------
    account
        The account's id, name or alias.
    user
        Your name in it.
    profile
        The profile to write: `aws --profile NAME …`.
    mfa_code
        The code that your device shows; asked for when it is needed.
    hours
        How long the credentials live; twelve hours unless given.
    password_stdin
        Read the password from the first line of standard input, the new one from the second.
    directory
        Where the AWS files are; `~/.aws` unless given.
    """
    access = api.stranger(endpoint or _local(Layout(root)), _ANY_REGION)
    _warn(access.endpoint)
    person = _Person(access=access, account=account, user=user, hours=hours)
    given = _sign_in(person, mfa_code, _from_input if password_stdin else getpass.getpass)
    made = given["Credentials"]
    bearer = clientfiles.Bearer(
        endpoint=access.endpoint,
        region=given["Region"],
        account_id=given["AccountId"],
        user_name=given["UserName"],
        access_key_id=made["AccessKeyId"],
        secret_access_key=made["SecretAccessKey"],
        session_token=made["SessionToken"],
    )
    credentials.write_profile(bearer, profile, directory)
    words.tell(f"signed in as {given['Arn']} until {made['Expiration']}")
    if "PasswordExpiration" in given:
        words.tell(f"the password is good until {given['PasswordExpiration']}")


def _sign_in(person: _Person, code: str | None, ask: Callable[[str], str]) -> Mapping[str, Any]:
    """Sign in; ask for what the cloud wants besides the password, each thing once."""
    asked: dict[str, Any] = {
        "AccountName": person.account,
        "UserName": person.user,
        "Password": ask("Password: "),
    }
    if code is not None:
        asked["MfaCode"] = code
    if person.hours is not None:
        asked["DurationSeconds"] = round(person.hours * 3600)
    while True:
        try:
            return api.call(person.access, "mallee", "SignIn", asked)
        except api.Refused as refused:
            if refused.code == "MultiFactorAuthenticationRequired" and "MfaCode" not in asked:
                asked["MfaCode"] = ask("Code of your MFA device: ")
            elif refused.code == "PasswordResetRequired" and "NewPassword" not in asked:
                words.tell("the password must be changed")
                asked["NewPassword"] = _new_password(ask)
            else:
                raise _failed(refused) from refused


def _new_password(ask: Callable[[str], str]) -> str:
    first = ask("New password: ")
    if ask is getpass.getpass and ask("The same again: ") != first:
        raise steps.Failed("the two new passwords are not the same", "try again")
    return first


def _failed(refused: api.Refused) -> steps.Failed:
    cure = {
        "AccessDenied": "whoever administers the account can set another password",
        "Throttling": "too many tries went wrong: wait a minute",
        "PasswordPolicyViolation": "choose another password",
    }.get(refused.code, "")
    return steps.Failed(refused.message, cure)


def _from_input(_prompt: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise steps.Failed("standard input has no more lines", "run this without --password-stdin")
    return line.rstrip("\r\n")


def _local(layout: Layout) -> str:
    """Return where the cloud of this machine answers; raise `steps.Failed` when there is none."""
    try:
        ports = files.read_json(layout.cloud_ports)
    except PermissionError:
        ports = None
    if ports is None:
        raise steps.Failed(
            "no cloud is known on this machine", "say where it is: --endpoint http://HOST:PORT"
        )
    return f"http://127.0.0.1:{ports['services']}"


def _warn(endpoint: str) -> None:
    where = urlsplit(endpoint)
    if where.scheme == "http" and where.hostname not in _NEAR:
        words.tell(f"the password goes to {where.hostname} unencrypted: use a network you trust")
