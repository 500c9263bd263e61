"""A value that is encoded already: what repeats in many answers is encoded once and kept."""

from typing import Any


class Fragment(str):
    """The encoded inside of a structure, list or map; a codec emits it as it is.

    Made by `Codec.encode_shape`, and valid only for the service and shape it was made for.
    """

    __slots__ = ()


class Mismatch(Exception):
    """A result does not fit the model: a mistake of the handler, not of the client."""

    def __init__(self, shape: str, member: str, value: Any) -> None:
        kind = type(value).__name__
        super().__init__(f"{shape}.{member} does not fit the model: {kind} {value!r:.80}")
