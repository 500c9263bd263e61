"""How records, claims and changes look in the database: JSON by msgspec, with a version.

A document's type may change in two ways. A field with a default may be added: old documents read as
they are. Anything else raises the kind's number in `VERSIONS` and adds the step from the version
before to `UPCASTERS`; old rows are lifted when they are read and stored new when next written.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mallee.cloud.state import records
from mallee.cloud.state.errors import Unavailable
from mallee.cloud.state.records import Claim, Record
from mallee.cloud.state.tx import Change, Op

Lift = Callable[[dict[str, Any]], dict[str, Any]]
Row = Mapping[Any, Any]

VERSIONS: Mapping[str, int] = {}
"""The version of each kind's document and observation; 1 where nothing is said."""

UPCASTERS: Mapping[tuple[str, int], Lift] = {}
"""By kind and version: lifts `{"doc": …}` or `{"seen": …}` of that version to the next one."""

CLAIM_KIND = "claim"
"""What stands for the kind in the log's lines about claims."""

_encoder = msgspec.json.Encoder()
_docs = {name: msgspec.json.Decoder(kind.doc) for name, kind in records.KINDS.items()}
_seens = {
    name: msgspec.json.Decoder(kind.seen) for name, kind in records.KINDS.items() if kind.seen
}
_claims = msgspec.json.Decoder(Claim)


def encode_object(record: Record[Any, Any]) -> dict[str, Any]:
    """Return the row of `object` for a record."""
    return {
        "kind": record.kind.name,
        "id": record.id,
        "account": record.account,
        "rev": record.rev,
        "version": VERSIONS.get(record.kind.name, 1),
        "doc": _encode(record.doc),
        "seen": None if record.seen is None else _encode(record.seen),
    }


def decode_object(row: Row) -> Record[Any, Any]:
    """Return the record of a row; raise `Unavailable` naming the row that cannot be read."""
    kind = records.KINDS[row["kind"]]
    seen = None if row["seen"] is None else _decode(row, "seen", row["seen"])
    doc = _decode(row, "doc", row["doc"])
    return Record(kind, row["account"], row["id"], row["rev"], doc, seen)


def encode_claim(claim: Claim) -> dict[str, Any]:
    """Return the row of `claim` for a claim."""
    return {
        "space": claim.space,
        "key": claim.key,
        "owner": claim.owner,
        "amount": claim.amount,
    }


def encode_change(change: Change, batch: str) -> dict[str, Any]:
    """Return the row of `change`; its body is what became different."""
    subject = change.subject
    row = {"rev": change.rev, "batch": batch, "at": change.at, "op": change.op.value}
    if isinstance(subject, Claim):
        name = f"{subject.space}/{subject.key}"
        about = {"kind": CLAIM_KIND, "account": "", "id": name, "version": 1}
        return {**row, **about, "body": _encode(subject)}
    return {
        **row,
        "kind": subject.kind.name,
        "account": subject.account,
        "id": subject.id,
        "version": VERSIONS.get(subject.kind.name, 1),
        "body": _body(change.op, subject),
    }


def decode_change(row: Row, before: Record[Any, Any] | None) -> Change:
    """Return the change of a row, given the record as it stood before it."""
    op = Op(row["op"])
    if row["kind"] == CLAIM_KIND:
        return Change(row["rev"], op, row["at"], _claims.decode(row["body"]))
    kind = records.KINDS[row["kind"]]
    doc = _decode(row, "doc", row["body"]) if op in _WITH_DOC else before and before.doc
    seen = _decode(row, "seen", row["body"]) if op is Op.OBSERVE else before and before.seen
    if op is Op.INSERT:
        seen = None
    subject = Record(kind, row["account"], row["id"], row["rev"], doc, seen)
    return Change(row["rev"], op, row["at"], subject)


_WITH_DOC = frozenset({Op.INSERT, Op.WRITE})


def _body(op: Op, record: Record[Any, Any]) -> str | None:
    kind = record.kind.name
    if op in _WITH_DOC:
        return _checked(_docs[kind], record.doc)
    return _checked(_seens[kind], record.seen) if op is Op.OBSERVE else None


def _checked(decoder: msgspec.json.Decoder[Any], value: object) -> str:
    """Encode, and see that it can be read again: a bad document must not outlive its writer."""
    text = _encode(value)
    decoder.decode(text)
    return text


def _encode(value: object) -> str:
    return _encoder.encode(value).decode()


def _decode(row: Row, part: str, text: str) -> Any:
    kind = row["kind"]
    decoder = _docs[kind] if part == "doc" else _seens[kind]
    try:
        if row["version"] == VERSIONS.get(kind, 1):
            return decoder.decode(text)
        return msgspec.convert(_lift(row, part, text), decoder.type)
    except (msgspec.MsgspecError, KeyError, UnicodeError) as error:
        raise Unavailable(
            f"the database's {kind} {row['id']} cannot be read ({part}: {error}); restore the "
            "database from a backup, or start the version of Mallee that wrote it"
        ) from error


def _lift(row: Row, part: str, text: str) -> Any:
    lifted = {part: msgspec.json.decode(text)}
    for version in range(row["version"], VERSIONS.get(row["kind"], 1)):
        lifted = UPCASTERS[row["kind"], version](lifted)
    return lifted[part]
