"""What guests ask of the cloud's API, as their hosts bring it, and what they are answered.

A request travels as a value over the host's own connection; what is for S3 goes as a stream beside
it. Both bear where they come from. Like `hosts`, these types cross between the cloud and an agent.
"""

import msgspec

STREAM_BYTES_MAX = 1 << 20
"""Of one message of a stream between a guest and S3."""
STREAMS_PER_HOST = 128
"""Streams of one host's guests that may be open at once."""


class Whence(msgspec.Struct, frozen=True, kw_only=True):
    """Where a guest's request comes from, as its host knows: by the tap, or by the endpoint."""

    instance_id: str = ""
    """Empty: it came to an interface endpoint, from `source_ip`."""
    endpoint_id: str = ""
    """The VPC endpoint that it came by; empty: none."""
    source_ip: str = ""
    """Whence an interface endpoint got it: an address that may be any in the VPC, or a peer's."""

    @property
    def name(self) -> str:
        """What tells it from others: each name has its own share of what there is."""
        return self.instance_id or f"{self.endpoint_id} {self.source_ip}"


class GuestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a guest to the cloud's API, brought by its host to `/v1/requests`.

    Only the host says whose it is: it knows the tap that it came by, or the endpoint.
    """

    whence: Whence
    method: str
    path: str
    """Before the `?`, still percent-encoded."""
    query: str
    headers: dict[str, str]
    """By lower-case name; repeated ones are joined by commas."""
    body: bytes


class GuestResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The API's answer to a guest."""

    status: int
    content_type: str
    headers: dict[str, str]
    body: bytes
