"""Everything in the store that is sealed under the master key: found and sealed anew.

A sealed value is a member `sealed_…` of type `bytes`, anywhere in a record's document. Which kinds
of records have one follows from their types; nothing has to be registered. A value that was sealed
with a context has its row in `CONTEXTS`. Called by the reconciler of the master key. Not its
business: session tokens and paging tokens, which are kept by clients.
"""

import functools
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from mallee.cloud.state import records, store
from mallee.cloud.state.records import Kind, Record
from mallee.kit import secretbox

PREFIX = "sealed_"

CONTEXTS: Mapping[tuple[str, str], Callable[[Record[Any, Any]], bytes]] = {
    (records.KEY.name, "sealed_secret"): lambda record: record.id.encode(),
}
"""The context with which a member of a kind of record is sealed, where there is one."""


def sealing(view: store.View | store.Tx) -> list[Record[Any, Any]]:
    """Return all records that may have sealed values."""
    return [record for kind in kinds() for record in view.list(kind)]


def older(found: Iterable[Record[Any, Any]], box: secretbox.SecretBox) -> list[Record[Any, Any]]:
    """Return the records with a value that is sealed under an older key than the newest."""
    return [record for record in found if not all(map(box.is_newest, values_in(record.doc)))]


def reseal(tx: store.Tx, box: secretbox.SecretBox, found: Iterable[Record[Any, Any]]) -> None:
    """Seal values of these records anew, as they are now.

    Raises `Unsealable` when a value cannot be opened by any key.
    """
    for record in found:
        current = tx.get(record.kind, record.id)
        if current is not None:
            tx.write(current, _resealed(current, current.doc, box))


def values_in(part: object) -> Iterator[bytes]:
    """Yield all sealed values in a document or a part of it."""
    if isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            value: object = getattr(part, name)
            if not name.startswith(PREFIX):
                yield from values_in(value)
            elif isinstance(value, bytes):
                yield value
    elif isinstance(part, tuple):
        for item in cast(tuple[object, ...], part):
            yield from values_in(item)
    elif isinstance(part, Mapping):
        for item in cast(Mapping[object, object], part).values():
            yield from values_in(item)


@functools.cache
def kinds() -> tuple[Kind[Any, Any], ...]:
    """Return the kinds of records whose documents have sealed values."""
    return tuple(kind for kind in records.KINDS.values() if is_sealing(kind.doc))


def is_sealing(type_: Any, seen: frozenset[type] = frozenset()) -> bool:
    """Tell whether values of a type can hold something sealed."""
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct) and type_ not in seen:
        hints = typing.get_type_hints(type_)
        return any(
            name.startswith(PREFIX) or is_sealing(hint, seen | {type_})
            for name, hint in hints.items()
        )
    return any(is_sealing(part, seen) for part in typing.get_args(type_))


def _resealed(record: Record[Any, Any], part: Any, box: secretbox.SecretBox) -> Any:
    """Return the part of a record's document with everything in it sealed under the newest key."""
    if isinstance(part, msgspec.Struct):
        changes: dict[str, Any] = {}
        for name in part.__struct_fields__:
            value: Any = getattr(part, name)
            if not name.startswith(PREFIX):
                changes[name] = _resealed(record, value, box)
            elif isinstance(value, bytes):
                context = CONTEXTS.get((record.kind.name, name))
                changes[name] = box.resealed(value, context(record) if context else b"")
        return msgspec.structs.replace(part, **changes)
    if isinstance(part, tuple):
        return tuple(_resealed(record, item, box) for item in cast(tuple[Any, ...], part))
    if isinstance(part, Mapping):
        items = cast(Mapping[Any, Any], part).items()
        return {key: _resealed(record, item, box) for key, item in items}
    return part
