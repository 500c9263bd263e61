"""A policy document as a value: what was written, checked and frozen, and how it is written again.

`parser` makes these and `rules` turns them into functions. Two documents that say the same
with or without lists around single things are equal. Not its business: what a statement means.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a policy is attached to: it decides the grammar, and the policy's place in a decision.

    The value is how AWS calls the policy in the message of a denial.
    """

    IDENTITY = "identity-based policy"
    """Of a user, a group or a role."""
    RESOURCE = "resource-based policy"
    """Of a bucket, a queue, …; it names principals."""
    TRUST = "role trust policy"
    """Of a role: who may assume it. Without its permission nobody may, not even in its account."""
    BOUNDARY = "permissions boundary"
    """Of a user or role: the most that identity policies can give."""
    SESSION = "session policy"
    """Handed over when a session began: the most that the session can do."""
    SERVICE_CONTROL = "service control policy"
    """Of an organization, over the accounts of those who ask."""
    RESOURCE_CONTROL = "resource control policy"
    """Of an organization, over the accounts of what is asked for."""
    ENDPOINT = "VPC endpoint policy"
    """Of the endpoint that a request came through."""
    ACCOUNT = "account policy"
    """Eucalyptus': of a whole account. Its denials and limits count, its allowances do not."""


class Effect(Enum):
    """What a statement does when it matches."""

    ALLOW = "Allow"
    DENY = "Deny"
    LIMIT = "Limit"
    """Eucalyptus': a quota. It has no part in whether something is allowed."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One test: an operator as it was written (`ForAnyValue:StringLikeIfExists`), a key, values."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrincipalEntry:
    """One entry of a Principal element: its type (`AWS`, `Service`, …; `*` for everyone)."""

    type: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. A flag `but_…` says that it was written with Not: all but these."""

    effect: Effect
    sid: str | None = None
    actions: tuple[str, ...]
    but_actions: bool = False
    resources: tuple[str, ...] = ()
    """Empty where the kind has none (a trust policy)."""
    but_resources: bool = False
    principals: tuple[PrincipalEntry, ...] = ()
    but_principals: bool = False
    conditions: tuple[Condition, ...] = ()

    @property
    def wildcards(self) -> int:
        """How many stars and question marks its texts have."""
        values = (value for condition in self.conditions for value in condition.values)
        texts = (*self.actions, *self.resources, *values)
        return sum(text.count("*") + text.count("?") for text in texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One policy."""

    kind: Kind
    version: str
    """`2008-10-17` when none was written."""
    id: str | None
    statements: tuple[Statement, ...]

    @property
    def has_variables(self) -> bool:
        """Whether `${…}` means something: only since 2012-10-17."""
        return self.version == "2012-10-17"


def encode(document: Document) -> str:
    """Return the document as JSON that `parser` reads as the same document."""
    written: dict[str, object] = {"Version": document.version}
    if document.id is not None:
        written["Id"] = document.id
    written["Statement"] = [_statement(statement) for statement in document.statements]
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"))


def _statement(statement: Statement) -> Mapping[str, object]:
    written: dict[str, object] = {}
    if statement.sid is not None:
        written["Sid"] = statement.sid
    written["Effect"] = statement.effect.value
    if statement.principals:
        name = "NotPrincipal" if statement.but_principals else "Principal"
        written[name] = _principals(statement.principals)
    written["NotAction" if statement.but_actions else "Action"] = statement.actions
    if statement.resources:
        written["NotResource" if statement.but_resources else "Resource"] = statement.resources
    if statement.conditions:
        operators: dict[str, dict[str, tuple[str, ...]]] = {}
        for condition in statement.conditions:
            operators.setdefault(condition.operator, {})[condition.key] = condition.values
        written["Condition"] = operators
    return written


def _principals(entries: Sequence[PrincipalEntry]) -> object:
    if entries[0].type == "*":
        return "*"
    types: dict[str, list[str]] = {}
    for entry in entries:
        types.setdefault(entry.type, []).append(entry.value)
    return types
