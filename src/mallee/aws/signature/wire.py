"""A request as signatures see it: what came over the wire, byte for byte.

Whoever has these things can have them checked; the cloud's `http.Request` does. S3's signatures are
checked before the body is read, so for them the head is enough.
"""

from collections.abc import Mapping
from typing import Protocol


class Head(Protocol):
    """What is known of a request before its body, as it came over the wire."""

    @property
    def method(self) -> str:
        """`GET`, `POST`…"""
        ...

    @property
    def path(self) -> str:
        """Before the `?`, still percent-encoded."""
        ...

    @property
    def query(self) -> str:
        """After the `?`, still percent-encoded."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; repeated headers joined by commas."""
        ...


class Request(Head, Protocol):
    """A request with its body."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...
