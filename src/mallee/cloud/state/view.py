"""What readers see: the committed content of the store, in memory, without waiting for anything.

A view belongs to the event loop's thread: it changes only there, between two callbacks, by whole
transactions. A handler that does not await sees one consistent state.
"""

import bisect
import builtins
import collections
import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mallee.cloud.state.index import Index, id_in
from mallee.cloud.state.records import Claim, D, Kind, Record, S
from mallee.cloud.state.tx import Change, Op
from mallee.model.identity.quotas import Share


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


NEWS_KEPT = 4096
"""How many changes are remembered for those who only look at what is new."""


@dataclass(frozen=True, slots=True)
class News:
    """A record came, changed or went."""

    rev: int
    before: Record[Any, Any] | None
    after: Record[Any, Any] | None

    @property
    def either(self) -> Record[Any, Any]:
        """The record as it is, or was last."""
        record = self.after or self.before
        assert record is not None
        return record


class View:
    """Read access to the index in memory. Records are immutable and may be kept."""

    __slots__ = ("_index", "_news", "_news_since")

    def __init__(self, index: Index) -> None:
        self._index = index
        self._news: collections.deque[News] = collections.deque()
        self._news_since = index.rev

    def news(self, rev: int) -> builtins.list[News] | None:
        """Return what became of records after a revision, in order; None: look at everything.

        Who asks does the same as after a start: he looks at what may have to be done. This only
        spares him to look at what cannot have changed.
        """
        if rev < self._news_since:
            return None
        found = [*itertools.takewhile(lambda one: one.rev > rev, reversed(self._news))]
        return found[::-1]

    def note(self, change: Change, before: Record[Any, Any] | None) -> None:
        """Remember a change that has just been brought into the index; the store's to call."""
        if isinstance(change.subject, Claim):
            return
        after = None if change.op is Op.DELETE else change.subject
        if before is not None or after is not None:
            self._news.append(News(change.rev, before, after))
        if len(self._news) > NEWS_KEPT:
            self._news_since = self._news.popleft().rev

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
        """Return the records of an account in the order of pages (`indexes.ORDERS`).

        For kinds whose ids have no slash.
        """
        return Ordered(self._index, kind.name, account)

    def by(self, kind: Kind[D, S], index: str, value: str) -> builtins.list[Record[D, S]]:
        """Return the records found under `value` of an index of `indexes.INDEXES`.

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

    def amount(self, space: str, key: str) -> int:
        """Return the amount that is held of a claim space under a key."""
        claim = self._index.claim(space, key)
        return claim.amount if claim else 0

    def usage(self, account: str) -> Mapping[Share, Mapping[str, int]]:
        """Return what the account uses of what can be limited: by share, amounts by quota key."""
        return self._index.usage(account)
