"""The context of a request, as policies ask it: keys in lower case, values as texts.

Called once per request by whoever decides (`decision`); a key is looked up by each condition that
names it. Not its business: which keys an action has.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mallee.aws.policy.texts import Context, Values

Value = str | int | float | bool | datetime | Sequence[str]


def fold(found: Mapping[str, Value | None]) -> Context:
    """Return what was found about a request as its context. None: the request has no such key."""
    return {key.lower(): _values(value) for key, value in found.items() if value is not None}


def _values(value: Value) -> Values:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(value)
