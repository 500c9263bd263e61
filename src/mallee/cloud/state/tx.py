"""One transaction: what a writer reads and changes, all of it or nothing.

The store gives a `Tx` to one function at a time, in the writer thread, while the database's lock is
held and the writer's index is exact. So reads need no SQL and see the transaction's own changes;
changes go into the index at once, are remembered for the flush, and can be undone.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from msgspec.structs import replace

from mallee.cloud.state.errors import Conflict, Taken
from mallee.cloud.state.index import Index
from mallee.cloud.state.records import Claim, D, Kind, Record, S
from mallee.cloud.state.usage import Usage
from mallee.model.identity.quotas import Share


class Op(Enum):
    """What a change did."""

    INSERT = "insert"
    """A record came into being."""
    WRITE = "write"
    """A record's document was replaced."""
    OBSERVE = "observe"
    """What is seen of a record was replaced."""
    DELETE = "delete"
    """A record went."""
    CLAIM = "claim"
    """A claim was taken, or its amount changed."""
    RELEASE = "release"
    """A claim was given back."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change log: what was done to `subject` at revision `rev`.

    The subject is the record or claim as it stands after the change; with DELETE and RELEASE as it
    stood before.
    """

    rev: int
    op: Op
    at: float
    """Seconds since the epoch."""
    subject: Record[Any, Any] | Claim


class Tx:
    """A transaction in progress. It is void when the function that received it has returned."""

    def __init__(self, index: Index, now: float) -> None:
        self.now = now
        """Seconds since the epoch: the time at which everything in this transaction happens."""
        self.changes: list[Change] = []
        """What was done so far, in order."""
        self._index = index
        self._rev_before = index.rev
        self._replaced: list[Record[Any, Any] | Claim | None] = []

    # Reading: as View, with this transaction's own changes

    @property
    def rev(self) -> int:
        """The revision of the last change, this transaction's own included."""
        return self._index.rev

    def get(self, kind: Kind[D, S], id: str) -> Record[D, S] | None:
        """Return the record of that id, whoever owns it."""
        return self._index.get(kind.name, id)

    def list(self, kind: Kind[D, S], account: str | None = None) -> list[Record[D, S]]:
        """Return the records of a kind, of one account when given, in no promised order."""
        return self._index.all_of(kind.name, account)

    def by(self, kind: Kind[D, S], index: str, value: str) -> builtins.list[Record[D, S]]:
        """Return the records found under `value` of an index of `indexes.INDEXES`."""
        return self._index.by(kind.name, index, value)

    def owner_of(self, space: str, key: str) -> str | None:
        """Return who holds `key` of a claim space."""
        claim = self._index.claim(space, key)
        return claim.owner if claim else None

    def held(self, space: str) -> Mapping[str, str]:
        """Return owner by key of everything held in a claim space."""
        return {key: claim.owner for key, claim in self._index.claims_in(space).items()}

    def total(self, space: str) -> int:
        """Return the sum of the amounts held in a claim space."""
        return self._index.total(space)

    def amount(self, space: str, key: str) -> int:
        """Return the amount that is held of a claim space under a key."""
        claim = self._index.claim(space, key)
        return claim.amount if claim else 0

    def usage(self, account: str) -> Mapping[Share, Mapping[str, int]]:
        """Return what the account uses of what can be limited: by share, amounts by quota key."""
        return self._index.usage(account)

    def grown(self) -> Mapping[str, Mapping[Share, Mapping[str, int]]]:
        """Return by account what this transaction has used more so far; negative: what less."""
        grown = Usage()
        for change, previous in zip(self.changes, self._replaced, strict=True):
            subject = change.subject
            if not isinstance(subject, Claim) and not isinstance(previous, Claim):
                grown.change(previous, None if change.op is Op.DELETE else subject)
        return grown.accounts()

    # Changing records

    def insert(self, kind: Kind[D, S], account: str, id: str, doc: D) -> Record[D, S]:
        """Make a record; raise `Conflict` when the id is in use."""
        if self._index.get(kind.name, id) is not None:
            raise Conflict(kind.name, id, "exists already")
        record = Record(kind, account, id, self._index.rev + 1, doc, None)
        self._put(Op.INSERT, record)
        return record

    def write(self, record: Record[D, S], doc: D) -> Record[D, S]:
        """Replace the document of a record; an equal one changes nothing.

        Raises `Conflict` unless `record` is the newest there is.
        """
        current = self._newest(record)
        if doc == current.doc:
            return current
        written = replace(current, rev=self._index.rev + 1, doc=doc)
        self._put(Op.WRITE, written)
        return written

    def observe(self, record: Record[D, S], seen: S) -> Record[D, S]:
        """Replace what is seen of a record; an equal observation changes nothing.

        The document stays as it is now, whatever `record` says of it. Raises `Conflict` when the
        record is gone.
        """
        current = self._index.get(record.kind.name, record.id)
        if current is None:
            raise Conflict(record.kind.name, record.id, "is gone")
        if seen == current.seen:
            return current
        observed = replace(current, rev=self._index.rev + 1, seen=seen)
        self._put(Op.OBSERVE, observed)
        return observed

    def delete(self, record: Record[Any, Any]) -> None:
        """Remove a record; raise `Conflict` unless `record` is the newest there is."""
        current = self._newest(record)
        self._index.rev += 1
        self._index.drop(current.kind.name, current.id, self._index.rev)
        self._remember(Op.DELETE, current, current)

    # Changing claims

    def claim(self, space: str, key: str, owner: str, amount: int = 1) -> None:
        """Take `key` of a space for `owner`, or set the amount of what it holds already.

        Raises `Taken` when another owner holds it.
        """
        held = self._index.claim(space, key)
        if held is not None and held.owner != owner:
            raise Taken(space, key, held.owner)
        claim = Claim(space, key, owner, amount)
        if claim == held:
            return
        self._index.rev += 1
        self._remember(Op.CLAIM, claim, self._index.take(claim))

    def release(self, space: str, key: str) -> None:
        """Give `key` back, whoever holds it; nothing happens when nobody does."""
        held = self._index.give(space, key)
        if held is not None:
            self._index.rev += 1
            self._remember(Op.RELEASE, held, held)

    def release_owner(self, owner: str) -> None:
        """Give back everything that `owner` holds."""
        for claim in self._index.claims_of(owner):
            self.release(claim.space, claim.key)

    # The store's own

    def undo(self) -> None:
        """Take every change back out of the index, last first."""
        for change, previous in zip(reversed(self.changes), reversed(self._replaced), strict=True):
            _undo(self._index, change, previous)
        self._index.rev = self._rev_before
        self.changes = []
        self._replaced = []

    def _newest(self, record: Record[D, S]) -> Record[D, S]:
        current = self._index.get(record.kind.name, record.id)
        if current is None:
            raise Conflict(record.kind.name, record.id, "is gone")
        if current.rev != record.rev:
            raise Conflict(
                record.kind.name, record.id, f"is at revision {current.rev}, not {record.rev}"
            )
        return current

    def _put(self, op: Op, record: Record[Any, Any]) -> None:
        self._index.rev = record.rev
        self._remember(op, record, self._index.put(record))

    def _remember(
        self, op: Op, subject: Record[Any, Any] | Claim, previous: Record[Any, Any] | Claim | None
    ) -> None:
        self.changes.append(Change(self._index.rev, op, self.now, subject))
        self._replaced.append(previous)


def apply(index: Index, change: Change) -> Record[Any, Any] | None:
    """Bring a committed change into an index; doing it twice is doing it once.

    Returns the record as it stood before, if there was one.
    """
    subject, previous = change.subject, None
    if isinstance(subject, Claim):
        if change.op is Op.CLAIM:
            index.take(subject)
        else:
            index.give(subject.space, subject.key)
    elif change.op is Op.DELETE:
        previous = index.drop(subject.kind.name, subject.id, change.rev)
    else:
        previous = index.put(subject)
    index.rev = max(index.rev, change.rev)
    return previous


def _undo(index: Index, change: Change, previous: Record[Any, Any] | Claim | None) -> None:
    subject = change.subject
    if isinstance(previous, Claim):
        index.take(previous)
    elif previous is not None:
        index.put(previous)
    elif isinstance(subject, Claim):
        index.give(subject.space, subject.key)
    else:
        index.drop(subject.kind.name, subject.id, change.rev)
