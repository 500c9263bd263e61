"""Which of many instances are worth a look now: what changed, what waits for its time, and a few
more each round, so that none is forgotten for long.

Pure reading. With fifty thousand instances a look at all of them, after every change, would leave
the process no time for anything else. Called by the reconciler of instances. Not its business: what
is to be done about them.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Record
from mallee.cloud.state.view import News

WALK_AT_ONCE = 200
"""How many are looked at each round though nothing says that they should be."""


class Restless:
    """What is known of instances between two rounds. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._at = -1
        self._restless: set[str] = set()
        self._walk: Iterator[str] = iter(())

    def candidates(self, view: store.View) -> Iterable[str]:
        """Return the instances to look at this round; `note` is told what was found."""
        news, self._at = view.news(self._at), view.rev
        if news is None:
            return [record.id for record in view.list(records.INSTANCE)]
        found = dict.fromkeys(self._restless)
        for item in news:
            found.update(dict.fromkeys(_concerned(view, item)))
        found.update(dict.fromkeys(self._some(view)))
        return found

    def note(self, instance_id: str, *, is_restless: bool) -> None:
        """Remember whether time alone may give the instance something to do."""
        if is_restless:
            self._restless.add(instance_id)
        else:
            self._restless.discard(instance_id)

    def _some(self, view: store.View) -> list[str]:
        """Return the next ones of the walk through all."""
        found = list(itertools.islice(self._walk, WALK_AT_ONCE))
        if len(found) < WALK_AT_ONCE:
            self._walk = iter([record.id for record in view.list(records.INSTANCE)])
            found += itertools.islice(self._walk, WALK_AT_ONCE)
        return found


def _concerned(view: store.View, item: News) -> Iterator[str]:
    record = item.either
    if record.kind is records.INSTANCE:
        yield record.id
    elif record.kind is records.HOST and _standing(item.before) != _standing(item.after):
        yield from (one.id for one in view.by(records.INSTANCE, "host", record.id))


def _standing(host: Record[Any, Any] | None) -> tuple[bool, bool]:
    """Return what matters of a host: whether it is there, and whether it is silent."""
    seen: records.HostSeen | None = host.seen if host else None
    return host is not None, seen is not None and seen.is_silent
