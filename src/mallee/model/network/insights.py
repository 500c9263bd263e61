"""Network insights: what somebody asks of his networks again and again, and what was found.

A *path* is a question: does a packet of this kind come from here to there? An *access scope* is a
question about all packets: which ways of this kind are there, save these? An *analysis* is the
answer at one moment; it is kept as it was found, whatever changes later.
"""

from typing import Any

import msgspec

Ports = tuple[int, int]
"""The least and the greatest."""

SUCCEEDED, FAILED = "succeeded", "failed"


class PathFilter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a packet must look like at one end; empty and None: as it likes."""

    source_address: str = ""
    source_ports: Ports | None = None
    destination_address: str = ""
    destination_ports: Ports | None = None


class InsightsPath(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question about one way; ends are ids, or ARNs as they were given."""

    id: str
    source: str
    destination: str = ""
    """Empty: whoever has the address that the packet is for."""
    source_ip: str = ""
    destination_ip: str = ""
    protocol: str
    destination_port: int | None = None
    at_source: PathFilter | None = None
    at_destination: PathFilter | None = None
    created_at: float
    """Seconds since the epoch."""
    tags: dict[str, str] = {}


class InsightsAnalysis(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a path's question; its components are kept in AWS's own shapes."""

    id: str
    path_id: str
    started_at: float
    """Seconds since the epoch."""
    filter_in: tuple[str, ...] = ()
    """ARNs of what the way must pass."""
    filter_out: tuple[str, ...] = ()
    """ARNs of what it must not pass."""
    status: str = SUCCEEDED
    message: str = ""
    """Why it failed."""
    warning: str = ""
    is_found: bool = False
    forward: tuple[dict[str, Any], ...] = ()
    back: tuple[dict[str, Any], ...] = ()
    explanations: tuple[dict[str, Any], ...] = ()
    hints: tuple[str, ...] = ()
    """ARNs of what a way leads through that the filters forbid."""
    tags: dict[str, str] = {}


class ResourceStatement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which things are meant: these by id or ARN, or all of these types (`AWS::EC2::Instance`)."""

    resources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


class ScopeEnd(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One end of the ways that a scope is about; what is empty is not asked about."""

    resource: ResourceStatement | None = None
    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    """Ranges."""
    source_lists: tuple[str, ...] = ()
    destination_lists: tuple[str, ...] = ()
    """Prefix lists."""
    source_ports: tuple[str, ...] = ()
    destination_ports: tuple[str, ...] = ()
    """`22`, `1000-2000`."""
    protocols: tuple[str, ...] = ()


class ScopePath(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A kind of ways."""

    source: ScopeEnd | None = None
    destination: ScopeEnd | None = None
    through: tuple[ResourceStatement, ...] = ()
    """All of them must be passed."""


class AccessScope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A question about all ways: those that match one of `match` and none of `exclude`."""

    id: str
    match: tuple[ScopePath, ...] = ()
    exclude: tuple[ScopePath, ...] = ()
    created_at: float
    """Seconds since the epoch."""
    tags: dict[str, str] = {}


class ScopeAnalysis(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to a scope's question: a way found is its components, in AWS's own shapes."""

    id: str
    scope_id: str
    started_at: float
    ended_at: float
    """Seconds since the epoch, both."""
    findings: tuple[tuple[dict[str, Any], ...], ...] = ()
    interfaces: int = 0
    """How many interfaces were looked at."""
    warning: str = ""
    tags: dict[str, str] = {}
