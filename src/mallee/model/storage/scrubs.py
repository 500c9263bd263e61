"""Scrubs: readings of everything that is stored, to find what is not what was stored any more.

An administrator wants one; the process of S3 does it and says what it found. Not this file's
business: how bytes are verified (`walrus.scrub`).
"""

import msgspec

KEPT = 10
"""How many scrubs that have ended are remembered."""
LOST_MAX = 1000
"""How many objects are named that a scrub found damaged."""


class Lost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A version of an object whose bytes are damaged."""

    bucket: str
    key: str
    version: str


class Scrub(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """That everything shall be read."""

    id: str
    """`scrub-…`"""
    requested_at: float
    """Seconds since the epoch."""


class ScrubSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a scrub is."""

    began_at: float
    """Seconds since the epoch; begun anew, when the process that did it ended."""
    ended_at: float = 0.0
    """0 before."""
    blobs: int = 0
    """Runs of bytes that were read."""
    bytes: int = 0
    damaged: int = 0
    """Those among them that are not what was stored."""
    lost: tuple[Lost, ...] = ()
    """The objects that have them: some, when there are very many."""
