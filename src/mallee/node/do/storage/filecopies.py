"""Copies a file between two hosts: what is no zeros, and a digest by which the copy is checked.

The file is looked at in blocks; a block of zeros is not sent and counts for nothing, so a file with
holes stays one. The digest is over the other blocks with their places, and the receiver makes it of
what is on its own disk. Called by `volumes.departures` (`send`) and `volumes.arrivals`. All calls
block.
"""

import errno
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from typing import Protocol

BLOCK_BYTES = 1 << 20
_PIECE = struct.Struct(">QI")
"""Where a block begins, and how long it is; a length of 0 ends them, and the digest follows."""
_ZEROS = bytes(BLOCK_BYTES)
_PLACE = struct.Struct(">Q")


class Spoilt(OSError):
    """What came is not what was sent."""


class Digest(Protocol):
    """What bytes are counted in."""

    def update(self, data: bytes, /) -> None:
        """Count bytes."""
        ...


class Way(Protocol):
    """What bytes come and go by."""

    def send_bytes(self, data: bytes | memoryview) -> None:
        """Send all of the bytes."""
        ...

    def receive_bytes(self, count: int) -> bytearray:
        """Return so many bytes."""
        ...


def send(way: Way, descriptor: int, begin: int) -> None:
    """Send an open file from a place on; what is before is only counted."""
    digest = hashlib.sha256()
    for at, block in _blocks(descriptor):
        _count(digest, at, block)
        if at >= begin:
            way.send_bytes(_PIECE.pack(at, len(block)))
            way.send_bytes(block)
    way.send_bytes(_PIECE.pack(0, 0) + digest.digest())


def receive(way: Way, descriptor: int, file_bytes: int, told: Callable[[int], None]) -> bytes:
    """Write what comes into an open file of a known length; return the digest of all of it.

    `told` is called with how far it is. Raises `Spoilt` when a piece has no place in the file.
    """
    last = -1
    while True:
        at, length = _PIECE.unpack(way.receive_bytes(_PIECE.size))
        if not length:
            break
        if at <= last or at % BLOCK_BYTES or length != min(BLOCK_BYTES, file_bytes - at):
            raise Spoilt(f"{length} bytes for byte {at} of a file of {file_bytes}")
        block, last = memoryview(way.receive_bytes(length)), at
        while block:
            done = os.pwrite(descriptor, block, at)
            block, at = block[done:], at + done
        told(at)
    return bytes(way.receive_bytes(hashlib.sha256().digest_size))


def check(descriptor: int, digest: bytes) -> None:
    """Raise `Spoilt` unless an open file is what was sent; it is on the disk then."""
    os.fsync(descriptor)
    found = hashlib.sha256()
    for at, block in _blocks(descriptor):
        _count(found, at, block)
    if found.digest() != digest:
        raise Spoilt("the copy differs from what it is a copy of; it is copied anew")


def _count(digest: Digest, at: int, block: bytes) -> None:
    digest.update(_PLACE.pack(at))
    digest.update(block)


def _blocks(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """Yield the blocks of an open file that are not only zeros, with their places."""
    end = os.fstat(descriptor).st_size
    at = 0
    while at < end:
        try:
            data = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                # A disk that does not tell where its data is has not told that there is no more.
                raise
            # Behind the last data is a hole up to the end.
            return
        at = data // BLOCK_BYTES * BLOCK_BYTES
        block = _read(descriptor, at, min(BLOCK_BYTES, end - at))
        if block != _ZEROS[: len(block)]:
            yield at, block
        at += BLOCK_BYTES


def _read(descriptor: int, at: int, count: int) -> bytes:
    found = os.pread(descriptor, count, at)
    while len(found) < count:
        more = os.pread(descriptor, count - len(found), at + len(found))
        if not more:
            raise Spoilt("the file has become shorter")
        found += more
    return found
