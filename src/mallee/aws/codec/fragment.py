"""A value that is encoded already, and the refusal of one that cannot be encoded.

What repeats in many answers (an instance in DescribeInstances) is encoded once by
`Codec.encode_shape` and kept by the handler's room.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

UNFIT = (KeyError, TypeError, ValueError, AttributeError)
"""What encoders raise when a value is not of its shape's type."""


class Fragment(str):
    """The encoded inside of a structure, list or map; a codec emits it as it is.

    Valid only for the service and the shape that it was made for.
    """

    __slots__ = ()


class Mismatch(Exception):
    """A result does not fit the model: a mistake of the handler, not of the client."""

    def __init__(self, shape: str, member: str, value: Any) -> None:
        kind = type(value).__name__
        super().__init__(f"{shape}.{member} does not fit the model: {kind} {value!r:.80}")


def blame(shape: str, members: Mapping[str, Callable[[Any], Any]], value: Any) -> Mismatch:
    """Find the member of the structure that does not fit, after the quick way failed."""
    if not isinstance(value, Mapping):
        return Mismatch(shape, "", value)
    given = cast("Mapping[str, Any]", value)
    for name, inner in given.items():
        try:
            if inner is not None:
                members[name](inner)
        except UNFIT:
            return Mismatch(shape, name, inner)
    return Mismatch(shape, "", given)
