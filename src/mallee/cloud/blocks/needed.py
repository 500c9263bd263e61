"""What of the blocks is needed: all trees that any record names, whichever kind it is of.

A `Content` anywhere in a record's document keeps its blocks: a snapshot's, a volume's that still
reads from one which is deleted, an import's. Which kinds can have one follows from their types;
nothing has to be registered. Called by the sweep and by the scrub. Pure but for reading.
"""

import functools
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import msgspec

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind
from mallee.model.storage import blocktrees
from mallee.model.storage.snapshots import Content

Load = Callable[[bytes], bytes]


def contents(view: store.View) -> Iterator[tuple[str, Content]]:
    """Yield the id of each record that names a tree, and the tree."""
    for kind in _kinds():
        for record in view.list(kind):
            for content in _in(record.doc):
                yield record.id, content


def roots(view: store.View, account: str) -> set[str]:
    """Return the roots of all trees under an account's prefix."""
    return {it.root for _, it in contents(view) if it.account == account}


def names(roots: set[str], load: Load) -> set[bytes]:
    """Return the names of all objects that trees need, their roots' among them.

    Raises what `load` raises, and `NotATree`: then nobody knows.
    """
    found = {bytes.fromhex(root) for root in roots}
    trees = [blocktrees.decode(load(name)) for name in sorted(found)]
    return found | blocktrees.mark(trees, load)


def _in(part: object) -> Iterator[Content]:
    if isinstance(part, Content):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _in(getattr(part, name))
    elif isinstance(part, tuple):
        for item in cast(tuple[object, ...], part):
            yield from _in(item)
    elif isinstance(part, Mapping):
        for item in cast(Mapping[object, object], part).values():
            yield from _in(item)


@functools.cache
def _kinds() -> tuple[Kind[Any, Any], ...]:
    """Return the kinds of records whose documents may name a tree."""
    return tuple(kind for kind in records.KINDS.values() if _may_name(kind.doc, frozenset()))


def _may_name(type_: Any, seen: frozenset[type]) -> bool:
    if type_ is Content:
        return True
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct) and type_ not in seen:
        hints = typing.get_type_hints(type_)
        return any(_may_name(hint, seen | {type_}) for hint in hints.values())
    return any(_may_name(part, seen) for part in typing.get_args(type_))
