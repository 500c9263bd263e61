"""`mallee login`: a person's password, and code if he has a device, for a profile that ends itself.

With `--oidc` it is his organisation that he signs in at, in a browser (`oidc`), and a role that
trusts it gives the credentials. Works from any machine that reaches the cloud, and needs no rights
on it. Passwords are asked for, or read from standard input, and stand on no command line. What is
written is a profile for AWS clients whose credentials live for hours.
"""

import getpass
import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from mallee.aws import clientfiles
from mallee.box import client as api
from mallee.box import steps
from mallee.cli import words
from mallee.cli.people import credentials, oidc
from mallee.cli.root import DEFAULT, Root
from mallee.kit import files
from mallee.model.layout import Layout

_ANY_REGION = "us-east-1"
"""What nobody signs is of no region."""
CLIENT_SECRET = "MALLEE_OIDC_CLIENT_SECRET"
"""The variable with the secret of an OpenID client that has one."""
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


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Where to sign in instead, and what for."""

    oidc: str | None = None
    """The issuer's address: sign in there, with a browser, instead of with a password here."""
    client_id: str | None = None
    """As which client of the issuer."""
    role: str | None = None
    """The ARN of the role to take on, which must trust the issuer."""
    scope: str = "openid email profile"
    """What to ask of the issuer."""
    port: int = 0
    """Of this machine, where the browser is sent back to; any free one unless given."""
    ca_file: str = ""
    """Certificates of the issuer's authority, where this machine does not know it."""
    browser: bool = True
    """Open a browser, besides showing the address."""
    region: Annotated[str, Parameter(env_var=("AWS_REGION", "AWS_DEFAULT_REGION"))] = _ANY_REGION
    """The cloud's region, which no role tells."""


def login(
    account: str | None = None,
    user: str | None = None,
    *,
    organisation: Organisation = Organisation(),
    profile: str = "mallee",
    endpoint: Endpoint = None,
    mfa_code: str | None = None,
    hours: float | None = None,
    password_stdin: Annotated[bool, Parameter(negative=())] = False,
    directory: Path | None = None,
    root: Root = DEFAULT,
) -> None:
    """Sign in, and write a profile for AWS clients that ends by itself.

    With a password of the cloud: ACCOUNT and USER. At an organisation: `--oidc`, `--client-id` and
    `--role`.

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
    if organisation.oidc is not None:
        credentials.write_profile(_trade(access, organisation, hours), profile, directory)
        return
    if account is None or user is None:
        raise steps.Failed("nobody to sign in as", "give ACCOUNT and USER, or --oidc ISSUER")
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


def _trade(
    access: api.Access, organisation: Organisation, hours: float | None
) -> clientfiles.Bearer:
    """Sign in at an organisation; return the credentials of the role that trusts it."""
    issuer, client, role = organisation.oidc, organisation.client_id, organisation.role
    if issuer is None or client is None or role is None:
        raise steps.Failed("client or role is missing", "give --oidc, --client-id and --role")
    provider = oidc.Provider(
        issuer=issuer,
        client_id=client,
        client_secret=os.environ.get(CLIENT_SECRET, ""),
        scope=organisation.scope,
        ca_file=organisation.ca_file,
        port=organisation.port,
    )

    def browse(address: str) -> None:
        words.tell("sign in at this address:")
        words.tell(address)
        if organisation.browser:
            webbrowser.open(address)

    token = oidc.sign_in(provider, browse)
    asked: dict[str, Any] = {
        "RoleArn": role,
        "RoleSessionName": oidc.name_of(token),
        "WebIdentityToken": token,
    }
    if hours is not None:
        asked["DurationSeconds"] = round(hours * 3600)
    given = api.call(access, "sts", "AssumeRoleWithWebIdentity", asked)
    made = given["Credentials"]
    words.tell(f"signed in as {given['AssumedRoleUser']['Arn']} until {made['Expiration']}")
    return clientfiles.Bearer(
        endpoint=access.endpoint,
        region=organisation.region,
        account_id=role.split(":")[4] if role.count(":") >= 4 else "",
        user_name=asked["RoleSessionName"],
        access_key_id=made["AccessKeyId"],
        secret_access_key=made["SecretAccessKey"],
        session_token=made["SessionToken"],
    )


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
