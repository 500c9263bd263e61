"""Any thing of the cloud with everything that is known of it: wanted, seen, and how it came so.

Called through the action table: `ExplainResource`, behind `mallee explain`. Things that are secrets
themselves (access keys, tokens) are not explained.
"""

import datetime
from typing import Any

import msgspec

from mallee.aws import errors
from mallee.cloud.action import Action, Write
from mallee.cloud.call import Request, Result, WriteCall
from mallee.cloud.identity import sealed
from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model import ids

_SECRET_KINDS = (*sealed.kinds(), records.CLIENT_TOKEN, records.JOIN_TOKEN)
_SECRET_MEMBERS = frozenset({"user_data", "token_hash"})
_VALUE_LENGTH_MAX = 60


def explain_resource(call: WriteCall, request: Request) -> Result:
    """Tell everything about one resource; its past is on disk, where only a transaction reads."""
    id = ids.normalise(request["ResourceId"])
    for kind in records.KINDS.values():
        record = call.tx.get(kind, id) if kind not in _SECRET_KINDS else None
        if record is not None:
            return _explain(call.tx, kind, record)
    raise errors.NoSuchResource("resource", id)


def _explain(tx: store.Tx, kind: Kind[Any, Any], record: Record[Any, Any]) -> Result:
    return {
        "ResourceId": record.id,
        "Kind": kind.name,
        "AccountId": record.account,
        "Wanted": _json(record.doc),
        "Seen": _json(record.seen) if record.seen is not None else None,
        "Changes": _changes(tx.history(kind, record.id)),
    }


def _changes(history: list[store.Change]) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for change in history:
        if not isinstance(change.subject, Record):
            continue
        after = _members(change.subject)
        changes.append(
            {
                "Rev": change.rev,
                "Time": datetime.datetime.fromtimestamp(change.at, datetime.UTC),
                "Summary": _summary(change.op, before, after),
            }
        )
        before = after
    return changes


def _summary(op: store.Op, before: dict[str, Any], after: dict[str, Any]) -> str:
    if op in (store.Op.INSERT, store.Op.DELETE):
        return op.value
    changed = [
        f"{name}: {_short(before.get(name))} → {_short(value)}"
        for name, value in after.items()
        if value != before.get(name)
    ]
    return f"{op.value} {', '.join(changed)}"


def _members(record: Record[Any, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {**msgspec.to_builtins(record.doc)}
    seen: dict[str, Any] = msgspec.to_builtins(record.seen) or {}
    members.update({f"seen.{name}": value for name, value in seen.items()})
    return {name: value for name, value in members.items() if name not in _SECRET_MEMBERS}


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[:_VALUE_LENGTH_MAX]}…"


def _json(document: object) -> str:
    members: dict[str, Any] = msgspec.to_builtins(document)
    shown = {name: value for name, value in members.items() if name not in _SECRET_MEMBERS}
    return msgspec.json.encode(shown).decode()


ACTIONS: tuple[Action, ...] = (
    Action(
        service="mallee",
        name="ExplainResource",
        does=Write(handle=explain_resource),
        honours=frozenset({"ResourceId"}),
        cloud_admin_only=True,
    ),
)
