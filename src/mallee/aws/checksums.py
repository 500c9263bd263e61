"""The checksums that S3 keeps with objects: of a body as it streams, of parts, of a whole in parts.

An algorithm has a name (`CRC64NVME`), a header (`x-amz-checksum-crc64nvme`) and a member in the
model (`ChecksumCRC64NVME`); its values are written in base64. A *full* checksum is that of all the
object's bytes; CRCs of parts combine into it without reading anything again. A *composite* one is
the checksum of the parts' checksums and is written with their number: `…==-3`.
Called by S3's actions and the reader of its bodies. Not its business: how bytes are stored.
"""

import base64
import binascii
import enum
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from awscrt import checksums as crt


class Algorithm(enum.Enum):
    """What S3 can check bytes with; the value is its name in `ChecksumAlgorithm`."""

    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    CRC64NVME = "CRC64NVME"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"
    MD5 = "MD5"
    XXHASH64 = "XXHASH64"
    XXHASH3 = "XXHASH3"
    XXHASH128 = "XXHASH128"

    @property
    def header(self) -> str:
        """The header that carries a value, in lower case."""
        return f"x-amz-checksum-{self.value.lower()}"

    @property
    def member(self) -> str:
        """The member of requests and results that carries a value."""
        return f"Checksum{self.value}"

    @property
    def combines(self) -> bool:
        """Whether the values of parts give that of the whole."""
        return self in _COMBINERS

    @property
    def composes(self) -> bool:
        """Whether S3 lets an object in parts have a composite checksum of it."""
        return self is not Algorithm.CRC64NVME


DEFAULT = Algorithm.CRC64NVME
"""What S3 keeps of an object whose sender named no algorithm."""


class Hasher(Protocol):
    """Takes bytes in order; at any time tells the checksum of those so far."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take some bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum, big-endian."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A checksum that a client says its bytes have."""

    algorithm: Algorithm
    digest: bytes


class Malformed(ValueError):
    """A text that is no value of the algorithm."""


class Several(ValueError):
    """More than one checksum for one body."""


def new(algorithm: Algorithm) -> Hasher:
    """Return what computes the checksum of bytes yet to come."""
    return _HASHERS[algorithm]()


def of(algorithm: Algorithm, data: bytes | bytearray | memoryview) -> bytes:
    """Return the checksum of some bytes."""
    hasher = new(algorithm)
    hasher.update(data)
    return hasher.digest()


def encode(digest: bytes) -> str:
    """Return the value as headers and XML have it."""
    return base64.b64encode(digest).decode("ascii")


def decode(algorithm: Algorithm, text: str) -> bytes:
    """Return the checksum that a text says; raise `Malformed`."""
    try:
        digest = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed(text[:100]) from error
    if len(digest) != _SIZES[algorithm]:
        raise Malformed(text[:100])
    return digest


def composite(algorithm: Algorithm, digests: Sequence[bytes]) -> str:
    """Return the checksum of the parts' checksums, as it is written: with their number."""
    return f"{encode(of(algorithm, b''.join(digests)))}-{len(digests)}"


def combine(algorithm: Algorithm, parts: Sequence[tuple[bytes, int]]) -> bytes:
    """Return the checksum of the parts one after another: each one's, and its size in bytes.

    Raises `KeyError` for an algorithm that does not combine.
    """
    join = _COMBINERS[algorithm]
    whole = 0
    for digest, size in parts:
        whole = join(whole, int.from_bytes(digest, "big"), size)
    return whole.to_bytes(_SIZES[algorithm], "big")


def given(members: Mapping[str, Any]) -> Given | None:
    """Return the checksum among a request's members; raise `Malformed`, `Several`."""
    found = [one for member, one in _BY_MEMBER.items() if members.get(member) is not None]
    if not found:
        return None
    if len(found) > 1:
        raise Several(", ".join(algorithm.header for algorithm in found))
    return Given(found[0], decode(found[0], members[found[0].member]))


def in_headers(headers: Mapping[str, str]) -> Given | None:
    """Return the checksum among headers or trailers; raise `Malformed`, `Several`."""
    return given(
        {
            algorithm.member: headers[header].strip()
            for header, algorithm in _BY_HEADER.items()
            if header in headers
        }
    )


def of_header(name: str) -> Algorithm | None:
    """Return the algorithm whose values a header of that name carries."""
    return _BY_HEADER.get(name.strip().lower())


class _Crc:
    """A CRC in progress."""

    __slots__ = ("_size", "_step", "_value")

    def __init__(self, step: Callable[[Any, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """An XXHash in progress."""

    __slots__ = ("_state",)

    def __init__(self, state: Any) -> None:
        self._state = state

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        # The library takes nothing but `bytes`.
        self._state.update(bytes(data))

    def digest(self) -> bytes:
        return self._state.finalize()


_HASHERS: Mapping[Algorithm, Callable[[], Hasher]] = {
    Algorithm.CRC32: lambda: _Crc(zlib.crc32, 4),
    Algorithm.CRC32C: lambda: _Crc(crt.crc32c, 4),
    Algorithm.CRC64NVME: lambda: _Crc(crt.crc64nvme, 8),
    Algorithm.SHA1: lambda: hashlib.sha1(usedforsecurity=False),
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.SHA512: hashlib.sha512,
    Algorithm.MD5: lambda: hashlib.md5(usedforsecurity=False),
    Algorithm.XXHASH64: lambda: _XxHash(crt.XXHash.new_xxhash64()),
    Algorithm.XXHASH3: lambda: _XxHash(crt.XXHash.new_xxhash3_64()),
    Algorithm.XXHASH128: lambda: _XxHash(crt.XXHash.new_xxhash3_128()),
}
_COMBINERS: Mapping[Algorithm, Callable[[int, int, int], int]] = {
    Algorithm.CRC32: crt.combine_crc32,
    Algorithm.CRC32C: crt.combine_crc32c,
    Algorithm.CRC64NVME: crt.combine_crc64nvme,
}
_SIZES = {algorithm: len(new(algorithm).digest()) for algorithm in Algorithm}
_BY_HEADER = {algorithm.header: algorithm for algorithm in Algorithm}
_BY_MEMBER = {algorithm.member: algorithm for algorithm in Algorithm}
