"""A value that is encoded already, and the refusal of one that cannot be encoded.

What repeats in many answers (an instance in DescribeInstances) is encoded once by
`Codec.encode_shape` and kept by the handler's room.
"""

from typing import Any


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
