"""Which values a place in a document may have, for whoever wrote another one there.

msgspec says what is wrong and where, but not what would be right where there are few words to
choose from. Called when a settings document is refused. Pure.
"""

import re
from typing import Any

import msgspec
from msgspec import inspect

_WHERE = re.compile(r"Invalid enum value .* at `\$\.([a-z0-9_.]+)`$", re.DOTALL)


def added(error: msgspec.ValidationError, document: type[msgspec.Struct]) -> str:
    """Return the error's words, with the values that its place may have where these are listed."""
    found = _WHERE.search(str(error))
    values = _values(inspect.type_info(document), found[1].split(".")) if found else ()
    return f"{error}; give one of {', '.join(values)}" if values else str(error)


def _values(kind: Any, path: list[str]) -> tuple[str, ...]:
    for name in path:
        fields = kind.fields if isinstance(kind, inspect.StructType) else ()
        kind = next((field.type for field in fields if field.encode_name == name), None)
    return tuple(map(str, kind.values)) if isinstance(kind, inspect.LiteralType) else ()
