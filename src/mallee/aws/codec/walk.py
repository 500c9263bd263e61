"""Closures compiled from shapes, each once, when first needed: the frame of every codec.

A *maker* turns a shape of one kind into a closure; a protocol and direction is a table of makers.
Structures compile their members when a value first has them (`Lazy`), so that a process compiles
only what it uses, and shapes that contain themselves need no special care.
Not its business: bytes, names on the wire.
"""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from mallee.aws import model

Closure = TypeVar("Closure")
Maker = Callable[["Walker[Closure]", model.Shape], Closure]


class Walker(Generic[Closure]):
    """The closures of a service for one protocol and direction."""

    __slots__ = ("_closures", "_makers", "service")

    def __init__(
        self, service: model.ServiceModel, makers: Mapping[model.Kind, Maker[Closure]]
    ) -> None:
        self.service = service
        self._makers = makers
        self._closures: dict[str, Closure] = {}

    def closure(self, shape_name: str) -> Closure:
        """Return the closure of the shape, compiled now if it was not yet."""
        found = self._closures.get(shape_name)
        if found is None:
            shape = self.service.shape(shape_name)
            found = self._closures[shape_name] = self._makers[shape.type](self, shape)
        return found

    def at(self, member: model.Member) -> Closure:
        """Return the closure of a shape in its place."""
        shape = self.shape_at(member)
        if shape is self.service.shape(member.shape):
            return self.closure(member.shape)
        return self._makers[shape.type](self, shape)

    def shape_at(self, member: model.Member) -> model.Shape:
        """Return the shape with what its place says of it: a format of times, flatness."""
        shape = self.service.shape(member.shape)
        if member.timestamp_format is None and not member.flattened:
            return shape
        return msgspec.structs.replace(
            shape,
            timestamp_format=member.timestamp_format or shape.timestamp_format,
            flattened=member.flattened or shape.flattened,
        )


class Lazy(dict[str, Closure]):
    """A table that is filled by `make` as its keys are looked up; `make` may raise `KeyError`."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], Closure]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: str) -> Closure:
        closure = self[key] = self._make(key)
        return closure
