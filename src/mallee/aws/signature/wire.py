"""A request as signatures see it: what came over the wire, byte for byte.

Whoever has these five things can have them checked; the cloud's `http.Request` does.
"""

from collections.abc import Mapping
from typing import Protocol


class Request(Protocol):
    """What must be known of a request, as it came over the wire."""

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

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...
