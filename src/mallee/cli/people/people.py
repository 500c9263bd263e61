"""`mallee users …`: people imported from a directory, invited, disabled and enabled."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.people import directories
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"
_NO_LDAP = "this machine has no library for LDAP"


def import_csv(
    file: Path,
    *,
    source: str = "csv",
    account: str | None = None,
    apply: Annotated[bool, Parameter(negative=())] = False,
    adopt: Annotated[bool, Parameter(negative=())] = False,
    disable_missing: Annotated[bool, Parameter(negative=())] = False,
    invite: Annotated[bool, Parameter(negative=())] = False,
    root: Root = DEFAULT,
) -> None:
    """Bring users and groups in line with a CSV file; without `--apply` only show the difference.

    Parameters
    ----------
    file
        Its first line is `user_name,full_name,email,groups,enabled`; groups have `;` between them.
    source
        What users and groups of this file are marked with: only such are ever changed.
    account
        Name or id of the account; the cloud's own when it is left out.
    apply
        Do it.
    adopt
        Take over users and groups of the same name that were made by hand.
    disable_missing
        Disable users of this source who are no longer in the file.
    invite
        Mail an invitation to everybody who is new and has an address.
    """
    document = directories.document(directories.read_csv(file))
    asked = {
        "Source": source,
        "Document": document,
        "Apply": apply,
        "Adopt": adopt,
        "DisableMissing": disable_missing,
        "Invite": invite,
    }
    _import(Layout(root), asked, account)


def import_ldap(
    file: Path,
    *,
    source: str = "ldap",
    account: str | None = None,
    apply: Annotated[bool, Parameter(negative=())] = False,
    adopt: Annotated[bool, Parameter(negative=())] = False,
    disable_missing: Annotated[bool, Parameter(negative=())] = False,
    invite: Annotated[bool, Parameter(negative=())] = False,
    root: Root = DEFAULT,
) -> None:
    """Bring users and groups in line with an LDAP server; without `--apply` only show how.

    Parameters
    ----------
    file
        A TOML file that says where the server is and what its attributes mean.
    source
        What users and groups of this server are marked with: only such are ever changed.
    account
        Name or id of the account; the cloud's own when it is left out.
    apply
        Do it.
    adopt
        Take over users and groups of the same name that were made by hand.
    disable_missing
        Disable users of this source who are no longer in the directory.
    invite
        Mail an invitation to everybody who is new and has an address.
    """
    try:
        from mallee.cli.people import ldapdirectory
    except ImportError as error:
        raise steps.Failed(f"{_NO_LDAP}: {error}", "apt-get install python3-ldap") from error
    people, groups = ldapdirectory.read(file)
    asked = {
        "Source": source,
        "Document": directories.document(people, groups),
        "Apply": apply,
        "Adopt": adopt,
        "DisableMissing": disable_missing,
        "Invite": invite,
    }
    _import(Layout(root), asked, account)


def invite(name: str, *, email: str | None = None, hours: int = 72, root: Root = DEFAULT) -> None:
    """Invite somebody to be a user of the cloud's own account who is there already.

    Parameters
    ----------
    email
        Where the invitation goes; the address that is known of the user when it is left out.
    hours
        How long it is good.
    """
    asked: dict[str, Any] = {"UserName": name, "ValidHours": hours}
    if email is not None:
        asked["Email"] = email
    made = client.call(Layout(root), _SERVICE, "InviteUser", asked)
    words.tell(f"invitation mailed to {made['Registration']['Email']}; the token, shown this once:")
    words.give(made["Token"])


def list_users(*, root: Root = DEFAULT) -> None:
    """List the users of the cloud's own account with what IAM does not tell of them."""
    found = client.call(Layout(root), _SERVICE, "DescribeUsers")["Users"]
    words.table(
        ("user", "", "source", "mail", "name"),
        [
            (
                each["UserName"],
                "enabled" if each["IsEnabled"] else "left" if each["HasLeft"] else "disabled",
                each.get("Source", ""),
                each.get("Email", ""),
                each.get("FullName", ""),
            )
            for each in found
        ],
    )


def enable(name: str, *, root: Root = DEFAULT) -> None:
    """Take the credentials of a disabled user again."""
    client.call(Layout(root), _SERVICE, "EnableUser", {"UserName": name})
    words.tell(f"{name} is enabled")


def disable(name: str, *, root: Root = DEFAULT) -> None:
    """Refuse a user's keys, password and sessions, and leave everything of his as it is."""
    client.call(Layout(root), _SERVICE, "DisableUser", {"UserName": name})
    words.tell(f"{name} is disabled")


def _import(layout: Layout, asked: dict[str, Any], account: str | None) -> None:
    if account is not None:
        asked["AccountName"] = account
    answer = client.call(layout, _SERVICE, "ImportUsers", asked)
    found: list[dict[str, str]] = answer.get("Differences", [])
    words.table(
        ("", "name", "change", "detail"),
        [(one["Kind"], one["Subject"], one["Change"], one.get("Detail", "")) for one in found],
    )
    conflicts = sum(one["Change"] == "conflict" for one in found)
    changes = len(found) - conflicts
    if not answer["Applied"]:
        words.tell(f"{changes} changes shown, none made; do them with --apply")
    else:
        words.tell(f"{changes} changes made")
    if conflicts:
        words.tell(f"{conflicts} left as they are: see what is said of each")
