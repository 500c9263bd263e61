"""Which of many records are worth a look now: what changed, what waits for its time, and a few
more each round, so that none is forgotten for long.

Pure reading. With fifty thousand instances a look at all of them, after every change, would leave
the process no time for anything else. Called by the reconcilers of instances and of volumes. Not
its business: what is to be done about them, and which records a change concerns.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mallee.cloud.state import store
from mallee.cloud.state.records import Kind
from mallee.cloud.state.view import News

WALK_AT_ONCE = 200
"""How many are looked at each round though nothing says that they should be."""

Concerned = Callable[[store.View, News], Iterable[str]]
"""Gives the ids for which a change may have made something to do."""


class Restless:
    """What is known of a kind's records between two rounds. Belongs to the event loop's thread."""

    def __init__(self, kind: Kind[Any, Any], concerned: Concerned) -> None:
        self._kind = kind
        self._concerned = concerned
        self._at = -1
        self._restless: set[str] = set()
        self._walk: Iterator[str] = iter(())

    def candidates(self, view: store.View) -> Iterable[str]:
        """Return the records to look at this round; `note` is told what was found."""
        news, self._at = view.news(self._at), view.rev
        if news is None:
            return [record.id for record in view.list(self._kind)]
        found = dict.fromkeys(self._restless)
        for item in news:
            found.update(dict.fromkeys(self._concerned(view, item)))
        found.update(dict.fromkeys(self._some(view)))
        return found

    def note(self, id: str, *, is_restless: bool) -> None:
        """Remember whether time alone may give the record something to do."""
        if is_restless:
            self._restless.add(id)
        else:
            self._restless.discard(id)

    def _some(self, view: store.View) -> list[str]:
        """Return the next ones of the walk through all."""
        found = list(itertools.islice(self._walk, WALK_AT_ONCE))
        if len(found) < WALK_AT_ONCE:
            self._walk = iter([record.id for record in view.list(self._kind)])
            found += itertools.islice(self._walk, WALK_AT_ONCE)
        return found
