"""What the index keeps: versions of objects, the blobs that hold their bytes, uploads in parts.

A *blob* is a run of bytes that was stored once and never changes; several versions may refer to
it. A *version* is one state of the object under a key: its blobs in order, and what the protocol
above wants kept with it, which this room does not read. Frozen values, shared by every file here.
"""

from dataclasses import dataclass

import msgspec

NULL = "null"
"""The version id of an object that was written while its bucket kept no versions."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Where bytes lie, and how to know that they are still the same."""

    id: int
    size: int
    """Bytes."""
    crc: int
    """CRC64NVME of the whole."""
    pack: int
    """The pack file that holds it; 0: a file of its own."""
    offset: int
    """Of the first byte in the pack."""
    blocks: bytes = b""
    """For a file of its own: the CRC64NVME of each block, 8 bytes each, big-endian."""


@dataclass(frozen=True, slots=True)
class Content:
    """Complete bytes that wait for their commit."""

    id: int
    size: int
    crc: int
    data: bytes | None
    """A small content's bytes; None when it has a file."""
    blocks: bytes = b""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A blob's place in an object."""

    blob: int
    size: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One state of an object."""

    id: str
    is_marker: bool = False
    """Whether it says that the object is deleted."""
    modified_ms: int
    """Milliseconds since the epoch."""
    size: int = 0
    etag: str = ""
    """Without quotes."""
    parts: tuple[Part, ...] = ()
    about: bytes = b""
    """The protocol's own, opaque here."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An object on its way, in parts."""

    id: str
    key: bytes
    started_ms: int
    about: bytes = b""


class UploadPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part that has arrived."""

    number: int
    size: int
    etag: str
    modified_ms: int
    parts: tuple[Part, ...]
    about: bytes = b""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a bucket holds, all versions together."""

    versions: int
    bytes: int
    parts: int = 0
    """Of uploads under way."""
    part_bytes: int = 0

    @property
    def stored(self) -> int:
        """Bytes of versions and of parts under way."""
        return self.bytes + self.part_bytes


@dataclass(frozen=True, slots=True)
class Note:
    """What a target is to be told."""

    id: int
    """Higher than that of every note that was committed before."""
    bucket: int
    at_ms: int
    """Of the commit; milliseconds since the epoch."""
    body: bytes
    """The protocol's own, opaque here."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for a target of a bucket, and what it will never be told."""

    target: str
    bucket: int
    waiting: int
    dropped: int
