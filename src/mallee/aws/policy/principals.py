"""Who asks, and which entries of a Principal element mean him, and how closely.

How closely decides what an allowance in a resource's policy is worth (`decision`): to an account it
only passes the decision on to that account; to a role it counts as a permission of the role; to the
very one who asks it is final in his own account. Entries are compared whole: there are no wildcards
but the lone `*`.
"""

from collections.abc import Callable, Sequence
from enum import Enum, IntEnum, auto
from typing import NamedTuple

from mallee.aws.policy.document import PrincipalEntry


class PrincipalKind(Enum):
    """What sort of caller it is."""

    ROOT = auto()
    """The account itself: may do everything in it."""
    USER = auto()
    ROLE_SESSION = auto()
    """Credentials from AssumeRole and its kin."""
    FEDERATED_SESSION = auto()
    """Credentials from GetFederationToken: part of a user's permissions."""
    FEDERATED = auto()
    """Somebody whom an identity provider vouches for and who is about to assume a role."""
    SERVICE = auto()
    ANONYMOUS = auto()


class Principal(NamedTuple):
    """Who asks."""

    kind: PrincipalKind
    account: str
    """Twelve digits; empty where there is none (FEDERATED, SERVICE, ANONYMOUS)."""
    arn: str
    """Of a session the session's; of a FEDERATED the provider's; of a SERVICE its name
    (`ec2.amazonaws.com`); of an ANONYMOUS empty."""
    issuer_arn: str = ""
    """Of a session: the role's or user's."""
    ids: tuple[str, ...] = ()
    """Unique ids by which policies may name him too (`AIDA…`, `AROA…`, `AROA…:session`)."""
    canonical_user: str = ""
    """S3's name for the account."""
    is_bounded: bool = False
    """A permissions boundary is attached. A denial to NotPrincipal always means such a one."""
    issuer_id: str = ""
    """Of a session: the role's or user's unique id, by which stored policies may name it."""


class Closeness(IntEnum):
    """How closely an entry means the one who asks."""

    NOT_AT_ALL = 0
    ACCOUNT = 1
    """His account."""
    ISSUER = 2
    """The role or user whose session it is."""
    HIMSELF = 3
    """Him, or everyone."""


Meaning = Callable[[Principal], Closeness]


def compile_principals(entries: Sequence[PrincipalEntry]) -> Meaning:
    """Return what tells how closely a Principal element means somebody."""
    everyone = any("*" in (entry.type, entry.value) for entry in entries)
    if everyone:
        return lambda _: Closeness.HIMSELF
    named = {entry.value for entry in entries if entry.type != "CanonicalUser"}
    users = {entry.value for entry in entries if entry.type == "CanonicalUser"}
    accounts = {account for account in map(_account, named) if account}

    def meaning(who: Principal) -> Closeness:
        if who.arn in named or (who.ids and not named.isdisjoint(who.ids)):
            return Closeness.HIMSELF
        if who.issuer_arn in named or who.issuer_id in named:
            return Closeness.ISSUER
        if who.account in accounts or who.canonical_user in users:
            return Closeness.ACCOUNT
        return Closeness.NOT_AT_ALL

    return meaning


def compile_exceptions(entries: Sequence[PrincipalEntry]) -> Callable[[Principal], bool]:
    """Return what tells whether a denial to NotPrincipal means somebody.

    AWS looks at the account, then at the role, then at the session: each must be excepted.
    """
    everyone = any("*" in (entry.type, entry.value) for entry in entries)
    named = {entry.value for entry in entries}
    users = {entry.value for entry in entries if entry.type == "CanonicalUser"}
    accounts = {account for account in map(_account, named) if account}

    def means(who: Principal) -> bool:
        if everyone or who.is_bounded:
            return not everyone
        account = not who.account or who.account in accounts or who.canonical_user in users
        issuer = not who.issuer_arn or who.issuer_arn in named or who.issuer_id in named
        himself = who.arn in named or (who.kind is PrincipalKind.ROOT and account)
        return not (account and issuer and himself)

    return means


def _account(value: str) -> str | None:
    """Return the account that an entry means as a whole."""
    if value.isdecimal():
        return value
    return value.split(":")[4] if value.startswith("arn:") and value.endswith(":root") else None
