"""What the store keeps and hosts are told holds values only, so no cycle can pass through it.

There are millions of these in a large cloud: a full garbage collection that walked them would stop
the process for a second.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from mallee.cloud.state import records
from mallee.model.hosts import hosts


def _types() -> set[type[msgspec.Struct]]:
    """Return every type of document, and the types that these hold."""
    found: set[type[msgspec.Struct]] = {records.Record, records.Claim}
    asked: list[Any] = [hosts.SyncRequest, hosts.SyncAnswer]
    for kind in records.KINDS.values():
        asked += [kind.doc, *([kind.seen] if kind.seen else [])]
    left = [inspect.type_info(one) for one in asked]
    while left:
        one = left.pop()
        if isinstance(one, inspect.StructType) and one.cls not in found:
            found.add(one.cls)
            left += [field.type for field in one.fields]
        else:
            left += _inner(one)
    return found


def _inner(one: inspect.Type) -> Iterator[inspect.Type]:
    for name in ("item_type", "key_type", "value_type"):
        if isinstance(inner := getattr(one, name, None), inspect.Type):
            yield inner
    for name in ("types", "item_types"):
        yield from getattr(one, name, ())


def test_no_document_is_walked_by_the_garbage_collector() -> None:
    found = _types()
    assert hosts.InterfaceWanted in found, "what is inside of tuples is looked at too"
    assert [one.__qualname__ for one in found if one.__struct_config__.gc] == []


def test_documents_do_not_change_once_they_are_made() -> None:
    assert [one.__qualname__ for one in _types() if not one.__struct_config__.frozen] == []
