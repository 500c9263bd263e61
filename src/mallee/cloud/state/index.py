"""The store's content in memory: records by id, account and secondary index, and claims by space.

Two of them live in a process. The writer thread's is exact while the database's lock is held: a
transaction runs against it, is undone in it when it fails, and is flushed to SQL when it holds.
The event loop's is what `View` shows. Both are fed the same changes in the same order; who may
touch which, and when, is the store's business (`store.py`).
"""

import bisect
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, TypeVar

from mallee.cloud.state import indexes, records
from mallee.cloud.state.records import Claim, Record
from mallee.cloud.state.usage import Amounts, Usage
from mallee.model.identity.quotas import Share

_NOTHING: Mapping[str, Any] = {}

_Ids = dict[str, None]
"""A set of ids that keeps the order of insertion, so that lists do not dance."""

K = TypeVar("K")


class Index:
    """Records and claims as they stand at revision `rev`."""

    def __init__(self) -> None:
        self.rev = 0
        self._by_id: dict[str, dict[str, Record[Any, Any]]] = {name: {} for name in records.KINDS}
        self._by_account: dict[tuple[str, str], _Ids] = {}
        self._by_value: dict[tuple[str, str, str], _Ids] = {}
        self._doc_revs: dict[str, int] = dict.fromkeys(records.KINDS, 0)
        self._claims: dict[str, dict[str, Claim]] = {}
        self._totals: dict[str, int] = {}
        self._spaces_of: dict[str, dict[tuple[str, str], None]] = {}
        self._usage = Usage()
        self._orders: dict[tuple[str, str], list[str]] = {}
        """Keys of order, sorted, of what was ever asked for in order."""

    # Reading

    def get(self, kind: str, id: str) -> Record[Any, Any] | None:
        """Return the record of that id."""
        return self._by_id[kind].get(id)

    def all_of(self, kind: str, account: str | None) -> list[Record[Any, Any]]:
        """Return all records of a kind, or those of one account."""
        if account is None:
            return list(self._by_id[kind].values())
        found = self._by_id[kind]
        return [found[id] for id in self._by_account.get((kind, account), _NOTHING)]

    def order(self, kind: str, account: str) -> list[str]:
        """Return the keys of order of an account's records, sorted; not a copy.

        The first question sorts them; from then on they are kept in order as they come and go.
        """
        keys = self._orders.get((kind, account))
        if keys is None:
            keys = sorted(order_key(record) for record in self.all_of(kind, account))
            self._orders[kind, account] = keys
        return keys

    def by(self, kind: str, index: str, value: str) -> list[Record[Any, Any]]:
        """Return the records found under `value`; raise `KeyError` for an undeclared index."""
        if index not in indexes.INDEXES.get(kind, _NOTHING):
            raise KeyError(f"kind {kind} declares no index {index}")
        found = self._by_id[kind]
        return [found[id] for id in self._by_value.get((kind, index, value), _NOTHING)]

    def doc_rev(self, kind: str) -> int:
        """Return the revision at which a document of that kind last changed, came or went."""
        return self._doc_revs[kind]

    def claim(self, space: str, key: str) -> Claim | None:
        """Return the claim on `key`."""
        return self._claims.get(space, _NOTHING).get(key)

    def claims_in(self, space: str) -> Mapping[str, Claim]:
        """Return the claims of a space by key; not a copy."""
        return self._claims.get(space, _NOTHING)

    def claims_of(self, owner: str) -> list[Claim]:
        """Return everything that `owner` holds."""
        spaces = self._spaces_of.get(owner, {})
        return [self._claims[space][key] for space, key in spaces]

    def total(self, space: str) -> int:
        """Return the sum of the amounts claimed in a space."""
        return self._totals.get(space, 0)

    def usage(self, account: str) -> Mapping[Share, Amounts]:
        """Return what the account uses of what can be limited, by share; not a copy."""
        return self._usage.of(account)

    def all_claims(self) -> list[Claim]:
        """Return every claim."""
        return [claim for claims in self._claims.values() for claim in claims.values()]

    # Changing

    def put(self, record: Record[Any, Any]) -> Record[Any, Any] | None:
        """Set a record; return the one that it replaces."""
        kind = record.kind.name
        previous = self._by_id[kind].get(record.id)
        self._by_id[kind][record.id] = record
        self._usage.change(previous, record)
        if previous is not None and previous.doc is record.doc:
            return previous
        self._doc_revs[kind] = max(self._doc_revs[kind], record.rev)
        places = set(_places(record))
        if previous is not None:
            self._unindex(previous, places)
        else:
            self._reorder(record, bisect.insort)
        self._by_account.setdefault((kind, record.account), {})[record.id] = None
        for place in places:
            self._by_value.setdefault(place, {})[record.id] = None
        return previous

    def drop(self, kind: str, id: str, rev: int) -> Record[Any, Any] | None:
        """Remove a record at revision `rev`; return what was there."""
        previous = self._by_id[kind].pop(id, None)
        if previous is not None:
            self._doc_revs[kind] = max(self._doc_revs[kind], rev)
            self._usage.change(previous, None)
            self._reorder(previous, _take_out)
            _remove(self._by_account, (kind, previous.account), id)
            self._unindex(previous, set())
        return previous

    def take(self, claim: Claim) -> Claim | None:
        """Set a claim; return the one that it replaces."""
        previous = self.give(claim.space, claim.key)
        self._claims.setdefault(claim.space, {})[claim.key] = claim
        self._totals[claim.space] = self._totals.get(claim.space, 0) + claim.amount
        self._spaces_of.setdefault(claim.owner, {})[claim.space, claim.key] = None
        return previous

    def give(self, space: str, key: str) -> Claim | None:
        """Remove a claim; return it when it was there."""
        held = self._claims.get(space)
        previous = held.pop(key, None) if held else None
        if held is None or previous is None:
            return None
        self._totals[space] -= previous.amount
        if not held:
            del self._claims[space], self._totals[space]
        owned = self._spaces_of[previous.owner]
        del owned[space, key]
        if not owned:
            del self._spaces_of[previous.owner]
        return previous

    def _reorder(
        self, record: Record[Any, Any], change: Callable[[list[str], str], object]
    ) -> None:
        keys = self._orders.get((record.kind.name, record.account))
        if keys is not None:
            change(keys, order_key(record))

    def _unindex(self, record: Record[Any, Any], kept: Set[tuple[str, str, str]]) -> None:
        for place in _places(record):
            if place not in kept:
                _remove(self._by_value, place, record.id)

    def copy(self) -> "Index":
        """Return an index of its own with the same content."""
        other = Index()
        other.rev = self.rev
        other._by_id = {name: dict(found) for name, found in self._by_id.items()}
        other._by_account = {key: dict(ids) for key, ids in self._by_account.items()}
        other._by_value = {key: dict(ids) for key, ids in self._by_value.items()}
        other._doc_revs = dict(self._doc_revs)
        other._claims = {space: dict(claims) for space, claims in self._claims.items()}
        other._totals = dict(self._totals)
        other._spaces_of = {owner: dict(keys) for owner, keys in self._spaces_of.items()}
        other._usage = self._usage.copy()
        return other


def order_key(record: Record[Any, Any]) -> str:
    """Return what a record is ordered by in lists; it ends with the id, and never changes."""
    order = indexes.ORDERS.get(record.kind.name)
    return f"{order(record.doc)}/{record.id}" if order else record.id


def id_in(key: str) -> str:
    """Return the id of the record with that key of order."""
    return key[key.rfind("/") + 1 :]


def _take_out(keys: list[str], key: str) -> None:
    del keys[bisect.bisect_left(keys, key)]


def _places(record: Record[Any, Any]) -> Iterator[tuple[str, str, str]]:
    kind = record.kind.name
    for index, values in indexes.INDEXES.get(kind, _NOTHING).items():
        for value in values(record.doc):
            if value is not None:
                yield kind, index, value


def _remove(table: dict[K, _Ids], key: K, id: str) -> None:
    ids = table.get(key)
    if ids is not None and id in ids:
        del ids[id]
        if not ids:
            del table[key]
