"""People and groups read from an LDAP server, as a file says where they are and how called.

The file is TOML: the server, who asks, under which base people and groups are found, and which
attributes hold what. Without TLS a password crosses the network in the clear, so that must be
asked for. The library is Debian's python3-ldap. Only reads; called by `people`.
"""

# python-ldap has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportMissingImports=false, reportMissingModuleSource=false

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ldap
import ldap.controls
import ldap.dn
import msgspec

from mallee.box import steps
from mallee.cli.people.directories import Person

PAGE = 500
"""Entries per answer: servers give no more than some number at once."""
ENTRIES_MAX = 20_000

_PLAIN = "ldap://"


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where people are, and which attributes hold what."""

    base: str
    filter: str = "(objectClass=inetOrgPerson)"
    user_name: str = "uid"
    full_name: str = "cn"
    email: str = "mail"
    disabled_filter: str = ""
    """Whom it finds is disabled; for Active Directory
    `(userAccountControl:1.2.840.113556.1.4.803:=2)`."""


class Groups(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where groups are, and what they are called here."""

    base: str
    filter: str = "(|(objectClass=groupOfNames)(objectClass=posixGroup))"
    name: str = "cn"
    members: tuple[str, ...] = ("member", "memberUid")
    """Attributes of members: their distinguished names, or their user names."""
    map: Mapping[str, str] = {}
    """The name here by the name there; when any is given, other groups are left out."""


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    url: str
    people: People
    groups: Groups | None = None
    bind_dn: str = ""
    password_file: str = ""
    ca_file: str = ""
    """Certificates of the authority that the server's is from; empty: the machine's own."""
    start_tls: bool = False
    plain_text: bool = False
    """Whether to speak without TLS."""
    timeout_s: float = 30.0


def read(path: Path) -> tuple[list[Person], list[str]]:
    """Return everybody in the directory that a file describes, and its groups.

    Raises `steps.Failed` with what the file or the server is wrong in.
    """
    directory = _parse(path)
    try:
        connection = _connect(directory)
        try:
            return _read(connection, directory)
        finally:
            connection.unbind_s()
    except ldap.LDAPError as error:
        raise steps.Failed(f"{directory.url}: {_words(error)}", _cure(directory, path)) from error


def _cure(directory: Directory, path: Path) -> str:
    # The library tells a server that is away and one whose certificate nobody knows alike.
    if directory.start_tls or not directory.url.startswith(_PLAIN):
        return (
            f"see {path}; ca_file names who certified the server, when this machine does not know"
        )
    return f"see {path}"


def _parse(path: Path) -> Directory:
    try:
        directory = msgspec.convert(tomllib.loads(path.read_text()), Directory)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise steps.Failed(f"{path}: {error}", "give a TOML file") from error
    except msgspec.ValidationError as error:
        raise steps.Failed(f"{path}: {error}", "docs/people.md shows one") from error
    is_plain = directory.url.startswith(_PLAIN) and not directory.start_tls
    if is_plain and not directory.plain_text:
        raise steps.Failed(
            f"{directory.url} would be asked in the clear",
            "say ldaps://, or start_tls = true, or plain_text = true where nobody listens",
        )
    return directory


def _connect(directory: Directory) -> Any:
    connection = ldap.initialize(directory.url)
    connection.set_option(ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, directory.timeout_s)
    connection.set_option(ldap.OPT_TIMEOUT, directory.timeout_s)
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    if directory.ca_file:
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, directory.ca_file)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    if directory.start_tls:
        connection.start_tls_s()
    connection.simple_bind_s(directory.bind_dn, _password(directory))
    return connection


def _password(directory: Directory) -> str:
    if not directory.password_file:
        return ""
    try:
        return Path(directory.password_file).read_text().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise steps.Failed(
            f"{directory.password_file}: {error}", "password_file is a file with one line"
        ) from error


def _read(connection: Any, directory: Directory) -> tuple[list[Person], list[str]]:
    names = directory.people
    entries = list(_search(connection, names.base, names.filter, _attributes(names)))
    disabled = _disabled(connection, names)
    groups_of: dict[str, list[str]] = {}
    found: list[str] = []
    if directory.groups is not None:
        for name, members in _groups(connection, directory.groups):
            found.append(name)
            for member in members:
                groups_of.setdefault(member, []).append(name)
    people: list[Person] = []
    for dn, attributes in entries:
        user_name = _first(attributes, names.user_name)
        # Whoever has no such attribute is no user.
        if user_name is None:
            continue
        groups = (*groups_of.get(_normal(dn), ()), *groups_of.get(user_name.lower(), ()))
        people.append(
            Person(
                user_name=user_name,
                full_name=_first(attributes, names.full_name),
                email=_first(attributes, names.email),
                groups=tuple(dict.fromkeys(groups)),
                is_enabled=dn not in disabled,
            )
        )
    return people, found


def _attributes(names: People) -> list[str]:
    return [names.user_name, names.full_name, names.email]


def _disabled(connection: Any, names: People) -> set[str]:
    if not names.disabled_filter:
        return set()
    both = f"(&{names.filter}{names.disabled_filter})"
    return {dn for dn, _ in _search(connection, names.base, both, ["1.1"])}


def _groups(connection: Any, names: Groups) -> Iterator[tuple[str, list[str]]]:
    """Yield each group by its name here, with its members as `_normal` writes them."""
    wanted = [names.name, *names.members]
    for _, attributes in _search(connection, names.base, names.filter, wanted):
        there = _first(attributes, names.name)
        here = names.map.get(there or "") if names.map else there
        if here is not None:
            members = [value for name in names.members for value in _all(attributes, name)]
            yield here, [_normal(member) for member in members]


def _search(
    connection: Any, base: str, filter: str, attributes: list[str]
) -> Iterator[tuple[str, Mapping[str, list[bytes]]]]:
    """Yield all entries, page by page; raise `steps.Failed` when there are too many."""
    control = ldap.controls.SimplePagedResultsControl(criticality=False, size=PAGE, cookie="")
    count = 0
    while True:
        asked = connection.search_ext(
            base, ldap.SCOPE_SUBTREE, filter, attributes, serverctrls=[control]
        )
        _, entries, _, answered = connection.result3(asked)
        for dn, held in entries:
            # Without a name it is a referral to another server.
            if dn is not None:
                count += 1
                yield dn, {name.lower(): values for name, values in held.items()}
        if count > ENTRIES_MAX:
            raise steps.Failed(f"more than {ENTRIES_MAX} entries under {base}", "narrow the filter")
        pages = [one for one in answered if one.controlType == control.controlType]
        if not pages or not pages[0].cookie:
            return
        control.cookie = pages[0].cookie


def _all(attributes: Mapping[str, list[bytes]], name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in attributes.get(name.lower(), ())]


def _first(attributes: Mapping[str, list[bytes]], name: str) -> str | None:
    return next((value for value in _all(attributes, name) if value), None)


def _normal(member: str) -> str:
    """Return a distinguished name as it can be compared; a user name in lower case."""
    try:
        parts = ldap.dn.str2dn(member) if "=" in member else None
    except ldap.DECODING_ERROR:
        parts = None
    if parts is None:
        return member.lower()
    return ldap.dn.dn2str(
        [[(name.lower(), value.lower(), 1) for name, value, _ in part] for part in parts]
    )


def _words(error: Exception) -> str:
    told: Any = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return ": ".join(filter(None, (told.get("desc"), told.get("info")))) or type(error).__name__
