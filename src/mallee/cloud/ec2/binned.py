"""What is in the recycle bin: put there instead of being deleted, looked up, taken out.

`keep` is asked by whatever deletes a thing for which there are rules (`kept` for volumes that end
with their instance); a thing in the bin is hidden
from every other lookup (`resources.several`). Called by the nouns that have a bin, and their rows
(`storage.recyclebin`, `images.recyclebin`). Not its business: rules (`rbin`), and the end of what
nobody took out (`reconcile.recycling`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from mallee.cloud.action import InOrder
from mallee.cloud.call import Call, WriteCall
from mallee.cloud.ec2 import resources
from mallee.cloud.state import indexes, records, store
from mallee.cloud.state.records import Kind, Record
from mallee.model.storage import recycling
from mallee.model.storage.recycling import DAY_S, Binned
from mallee.model.storage.volumes import Volume

_KINDS = {
    records.SNAPSHOT.name: recycling.Kind.SNAPSHOT,
    records.IMAGE.name: recycling.Kind.IMAGE,
    records.VOLUME.name: recycling.Kind.VOLUME,
}

AnyRecord = Record[Any, Any]


def keep(tx: store.Tx, record: AnyRecord) -> bool:
    """Put a thing that would be deleted into the bin, if a rule of its account says so; tell
    whether one did."""
    kind = _KINDS[record.kind.name]
    binned = _time_in(tx, (record.account, kind), record.doc.tags, tx.now)
    if binned is not None:
        tx.write(record, replace(record.doc, binned=binned))
    return binned is not None


def kept(view: store.View | store.Tx, account: str, doc: Volume, now: float) -> Volume | None:
    """Return a volume that ends with its instance as the bin keeps it; None: no rule does."""
    binned = _time_in(view, (account, recycling.Kind.VOLUME), doc.tags, now)
    return None if binned is None else replace(doc, binned=binned)


def _time_in(
    view: store.View | store.Tx,
    what: tuple[str, recycling.Kind],
    tags: Mapping[str, str],
    now: float,
) -> Binned | None:
    """Return how long the rules of an account keep something of a kind; None: they do not."""
    account, kind = what
    rules = (rule.doc for rule in view.list(records.RECYCLE_RULE, account))
    days = recycling.days_kept(rules, kind, tags)
    return Binned(since=now, until=now + days * DAY_S) if days else None


def is_binned(record: AnyRecord) -> bool:
    """Tell whether a thing is in the bin."""
    return record.doc.binned is not None


def one(call: WriteCall, kind: Kind[Any, Any], text: str) -> AnyRecord:
    """Return the caller's thing of that id that is in the bin and whose time is not over; raise the
    kind's `…Malformed` or `…NotFound`."""
    id = resources.check_form(kind, text)
    record = call.tx.get(kind, id)
    if record is None or not _may_return(record, call.account, call.tx.now):
        raise resources.not_found(kind, (id,))
    return record


def take_out(call: WriteCall, record: AnyRecord) -> AnyRecord:
    """Have a thing as it was before it was deleted."""
    return call.tx.write(record, replace(record.doc, binned=None))


def several(call: Call, kind: Kind[Any, Any], texts: Iterable[str]) -> list[AnyRecord]:
    """Return what the caller has of a kind in the bin, by id: all, or what is named; raise the
    kind's `…Malformed` or `…NotFound`."""
    found = {
        record.id: record
        for record in resources.reader(call).by(kind, "binned", indexes.BINNED)
        if _may_return(record, call.account, call.now)
    }
    asked = list(dict.fromkeys(resources.check_form(kind, text) for text in texts))
    if missing := [id for id in asked if id not in found]:
        raise resources.not_found(kind, missing)
    return sorted((found[id] for id in asked or found), key=lambda record: record.id)


class Shown:
    """Things in their order, without those that are in the bin."""

    def __init__(self, things: InOrder) -> None:
        self._things = things

    def __iter__(self) -> Iterator[AnyRecord]:
        return (record for record in self._things if not is_binned(record))

    def after(self, key: str, /) -> Iterator[AnyRecord]:
        """Return those whose key comes after this one."""
        return (record for record in self._things.after(key) if not is_binned(record))


def _may_return(record: AnyRecord, account: str, now: float) -> bool:
    binned: Binned | None = record.doc.binned
    return record.account == account and binned is not None and now < binned.until
