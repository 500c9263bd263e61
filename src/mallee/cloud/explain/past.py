"""How a thing came to be as it is: its changes by the store's log, and the calls about it.

What nobody shall read is left out: user data, hashes of tokens, what is sealed; and, for who is
no administrator of the cloud, where and how the cloud carries a thing, how it was while it was
another account's, and the tags of the other side of a peering. Called by the rows of
`admin.resources`.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import msgspec

from mallee.cloud.call import Call
from mallee.cloud.explain import finding
from mallee.cloud.identity import sealed
from mallee.cloud.state import store
from mallee.cloud.state.records import Record
from mallee.cloud.trail.events import Event

CHANGES_MAX = 100
"""The newest ones; a host's are without end."""

_SECRET_MEMBERS = frozenset({"user_data", "token_hash"})
_CARRIED = frozenset({"host_id", "link_index"})
"""Where and how a thing is carried: no tenant's business."""
_VALUE_LENGTH_MAX = 60


def shown(call: Call, document: object) -> str:
    """Return a document as JSON, without what the caller may not read."""
    return msgspec.json.encode(_bare(call, document)).decode()


def of_changes(call: Call, history: Iterable[store.Change]) -> tuple[list[dict[str, Any]], int]:
    """Return the newest changes of a thing, oldest first, and how many older ones are left out."""
    changes: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for change in history:
        if not isinstance(change.subject, Record) or not finding.may_know(call, change.subject):
            continue
        after = _members(call, change.subject)
        changes.append(
            {
                "Rev": change.rev,
                "Time": datetime.datetime.fromtimestamp(change.at, datetime.UTC),
                "Summary": _summary(change.op, before, after),
            }
        )
        before = after
    return changes[-CHANGES_MAX:], max(0, len(changes) - CHANGES_MAX)


def names(id: str) -> Callable[[Event], bool]:
    """Return the test whether a call that changes something, or tried to, was about a thing."""
    ends = (f"/{id}", f":{id}")

    def is_about(value: object) -> bool:
        if isinstance(value, str):
            return value == id or (value.startswith("arn:") and value.endswith(ends))
        if isinstance(value, dict):
            return any(map(is_about, cast(dict[str, object], value).values()))
        return isinstance(value, list | tuple) and any(map(is_about, cast(list[object], value)))

    return lambda event: not event.is_read and (id in event.made or is_about(event.asked))


def _summary(op: store.Op, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if op in (store.Op.INSERT, store.Op.DELETE):
        return op.value
    changed = [
        f"{name}: {_short(before.get(name))} → {_short(value)}"
        for name, value in after.items()
        if value != before.get(name)
    ]
    return f"{op.value} {', '.join(changed)}".rstrip()


def _members(call: Call, record: Record[Any, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {**_bare(call, record.doc)}
    seen: dict[str, Any] = _bare(call, record.seen) or {}
    members.update({f"seen.{name}": value for name, value in seen.items()})
    return members


def _bare(call: Call, document: object) -> Any:
    built = msgspec.to_builtins(document)
    if call.principal.is_cloud_admin:
        return _without(built, _SECRET_MEMBERS)
    return _without(_own(built, call.account), _SECRET_MEMBERS | _CARRIED)


def _own(value: object, account: str) -> Any:
    """Return a document without the tags of those of its parts that are another account's."""
    if not isinstance(value, dict):
        return value
    members = cast(dict[str, object], value)
    is_own = members.get("account", account) == account
    return {k: _own(v, account) for k, v in members.items() if is_own or k != "tags"}


def _without(value: object, hidden: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _without(part, hidden)
            for name, part in cast(dict[str, object], value).items()
            if name not in hidden and not name.startswith(sealed.PREFIX)
        }
    if isinstance(value, list | tuple):
        return [_without(part, hidden) for part in cast(list[object], value)]
    return value


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[:_VALUE_LENGTH_MAX]}…"
