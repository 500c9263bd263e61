"""A request and an answer as plain values, so that the HTTP server under them can be swapped.

`server.py` makes a `Request` of what its library received and sends the `Response` that
`pipeline.py` returns; no file but `server.py` and `hosts.py` knows that library. Paths and queries
stay raw, because signatures are made over the bytes that were sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Guest:
    """Whose request a host brought, which vouches for that: a guest's, or an endpoint's."""

    instance_id: str
    """Empty: it came to an interface endpoint, from an address that is no guest's of the VPC."""
    account: str
    """Of the instance, or of the endpoint."""
    vpc_id: str
    """Where the guest is, or the endpoint that it spoke to."""
    private_ip: str
    endpoint_id: str = ""
    """Of the VPC endpoint that it came by; empty: none."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose connection it is, as who brought it says: a guest's, or that of another's client."""

    peer: str
    """The client's address; of a guest its instance's id."""
    guest: Guest | None = None
    """None: it came by the front door of another front end, from anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request whose body has been read."""

    method: str
    path: str
    """Before the `?`, still percent-encoded."""
    query: str
    """After the `?`, still percent-encoded."""
    headers: Mapping[str, str]
    """By lower-case name; repeated headers are joined by commas."""
    body: bytes
    peer: str
    """The client's address, for the log; of a guest its instance's id."""
    guest: Guest | None = None
    """None: it came by the front door, from anybody."""

    @property
    def endpoint_id(self) -> str:
        """The VPC endpoint that it came by; empty: none."""
        return self.guest.endpoint_id if self.guest else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
