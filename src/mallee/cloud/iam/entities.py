"""Finding and naming what IAM keeps: users, groups, roles, instance profiles and policies.

Names are unique per account and kind without regard to case, and are asked for as they were
written. Called by every noun of this room. Not its business: access keys, which have no names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from mallee.aws import errors
from mallee.cloud import accounts
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.state import store
from mallee.cloud.state.records import Kind, Record
from mallee.model.identity import identities

D = TypeVar("D")

TAGS_MAX = 50
RESERVED = "aws:"
"""No caller's tag begins with it."""

PREFIXES: Mapping[str, str] = {
    "user": "AIDA",
    "group": "AGPA",
    "role": "AROA",
    "policy": "ANPA",
    "instance-profile": "AIPA",
    "server-certificate": "ASCA",
}
"""What the ids of a kind begin with."""


def find(call: Call, kind: Kind[D, None], name: str) -> Record[D, None]:
    """Return the caller's thing of that name; raise `NoSuchEntity`."""
    found = find_or_none(call, kind, name)
    if found is None:
        raise errors.NoSuchEntity(_noun(kind), name)
    return found


def find_or_none(call: Call, kind: Kind[D, None], name: str) -> Record[D, None] | None:
    """Return the caller's thing of that name, if there is one."""
    id = call.view.owner_of(accounts.names_of(kind, call.account), name.lower())
    found: Record[Any, None] | None = call.view.get(kind, id) if id else None
    return found if found is not None and found.doc.name == name else None


def every(call: Call, kind: Kind[D, None], prefix: str | None = None) -> list[Record[D, None]]:
    """Return the account's things of a kind whose path begins as asked."""
    return [
        record
        for record in call.view.list(kind, call.account)
        if _path(record).startswith(prefix or "/")
    ]


def new_id(call: WriteCall, kind: Kind[Any, None]) -> str:
    """Return an id for a new thing."""
    return accounts.new_id(PREFIXES[kind.name], call.entropy)


def claim_name(call: WriteCall, kind: Kind[Any, None], name: str, id: str) -> None:
    """Give the name to the thing; raise `EntityAlreadyExists`."""
    try:
        call.tx.claim(accounts.names_of(kind, call.account), name.lower(), id)
    except store.Taken as taken:
        raise errors.EntityAlreadyExists(_noun(kind).title(), name) from taken


def release_name(call: WriteCall, kind: Kind[Any, None], name: str) -> None:
    """Free a name."""
    call.tx.release(accounts.names_of(kind, call.account), name.lower())


def arn(record: Record[Any, None]) -> str:
    """Return the ARN of a thing."""
    doc = record.doc
    return identities.arn(record.account, record.kind.name, doc.path, doc.name)


def quoted(document: str) -> str:
    """Return a policy as IAM's answers hold it: percent-encoded."""
    return quote(document, safe="-_.~")


# --- tags ---


def parse_tags(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return tags by key; raise `InvalidInput` for a key given twice or kept for AWS."""
    found: dict[str, str] = {}
    for tag in tags or ():
        if tag["Key"].lower().startswith(RESERVED):
            raise errors.InvalidInput("Caller is an end user and not allowed to mutate system tags")
        if any(tag["Key"].lower() == key.lower() for key in found):
            raise errors.InvalidInput(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        found[tag["Key"]] = tag["Value"]
    return found


def with_tags(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return the tags with others set; raise `LimitExceeded`."""
    folded = {key.lower() for key in new}
    kept = {key: value for key, value in old.items() if key.lower() not in folded}
    if len(kept) + len(new) > TAGS_MAX:
        raise errors.LimitExceeded("TagsPerResource", TAGS_MAX)
    return {**kept, **new}


def without_tags(old: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """Return the tags without some keys."""
    folded = {key.lower() for key in keys}
    return {key: value for key, value in old.items() if key.lower() not in folded}


def render_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as IAM shows them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _noun(kind: Kind[Any, None]) -> str:
    return kind.name.replace("-", " ")


def _path(record: Record[Any, None]) -> str:
    return record.doc.path
