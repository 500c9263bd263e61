"""What readers see: the committed content of the store, in memory, without waiting for anything.

A view belongs to the event loop's thread: it changes only there, between two callbacks, by whole
transactions. A handler that does not await sees one consistent state.
"""

import bisect
import builtins
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from mallee.cloud.state.index import Index, id_in
from mallee.cloud.state.records import D, Kind, Record, S
from mallee.model.quotas import Share


class Ordered:
    """An account's records of a kind: as they came, or from a place on in the order of pages.

    Good until the next change of the view; not to be kept.
    """

    __slots__ = ("_account", "_index", "_kind")

    def __init__(self, index: Index, kind: str, account: str) -> None:
        self._index = index
        self._kind = kind
        self._account = account

    def __iter__(self) -> Iterator[Record[Any, Any]]:
        return iter(self._index.all_of(self._kind, self._account))

    def after(self, key: str) -> Iterator[Record[Any, Any]]:
        """Return those whose key of order comes after `key`, at no cost for those before."""
        get = functools.partial(self._index.get, self._kind)
        keys = self._index.order(self._kind, self._account)
        rest = itertools.islice(keys, bisect.bisect_right(keys, key) if key else 0, None)
        return (record for key in rest if (record := get(id_in(key))) is not None)


class View:
    """Read access to the index in memory. Records are immutable and may be kept."""

    __slots__ = ("_index",)

    def __init__(self, index: Index) -> None:
        self._index = index

    @property
    def rev(self) -> int:
        """The revision of the last change that this view contains."""
        return self._index.rev

    def get(self, kind: Kind[D, S], id: str) -> Record[D, S] | None:
        """Return the record of that id, whoever owns it."""
        return self._index.get(kind.name, id)

    def list(self, kind: Kind[D, S], account: str | None = None) -> list[Record[D, S]]:
        """Return the records of a kind, of one account when given, in no promised order."""
        return self._index.all_of(kind.name, account)

    def ordered(self, kind: Kind[D, S], account: str) -> Ordered:
        """Return the records of an account in the order of pages (`records.ORDERS`).

        For kinds whose ids have no slash.
        """
        return Ordered(self._index, kind.name, account)

    def by(self, kind: Kind[D, S], index: str, value: str) -> builtins.list[Record[D, S]]:
        """Return the records found under `value` of an index of `records.INDEXES`.

        An index that is not declared there raises `KeyError`.
        """
        return self._index.by(kind.name, index, value)

    def doc_rev(self, kind: Kind[Any, Any]) -> int:
        """Return the revision at which any document of the kind last changed, came or went."""
        return self._index.doc_rev(kind.name)

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

    def usage(self, account: str) -> Mapping[Share, Mapping[str, int]]:
        """Return what the account uses of what can be limited: by share, amounts by quota key."""
        return self._index.usage(account)
