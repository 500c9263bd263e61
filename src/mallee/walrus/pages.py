"""Pages of a listing: what is asked, and what is answered. Part of the seam.

Called by the protocol's side and by every engine. Not its business: how an engine finds them
(`listing`), and how the protocol names the place to go on from.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from mallee.walrus.records import Upload, Version

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which page of a listing."""

    prefix: bytes = b""
    delimiter: bytes = b""
    """Empty: nothing is rolled up."""
    after: bytes | None = None
    """The last key, or common prefix, of the page before."""
    after_id: str = ""
    """Its version or upload; empty: nothing more of that key."""
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Entries in order: an item under its key, or a common prefix (its item is None)."""

    entries: tuple[tuple[bytes, T | None], ...]
    is_truncated: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A version in a listing of versions."""

    version: Version
    is_current: bool


VersionPage = Page[Listed]
UploadPage = Page[Upload]
