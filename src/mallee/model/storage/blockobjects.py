"""Blocks, pages and roots as objects: the bytes in which the store keeps what `blocktrees` names.

The first byte says the form: as it is, or compressed. Whoever takes an object in makes sure that it
is what its name promises (`Coder.decode`), so a block that rotted, was exchanged, or grows without
end when it is unpacked is found out before anybody uses it. A `Coder` is how one disk's blocks are
named and kept; `PLAIN` is that of disks that are not encrypted. Pure.
"""

from typing import Protocol

import zstandard

from mallee.model.storage import blocktrees
from mallee.model.storage.blocktrees import NotATree

RAW, ZSTD = b"\x00", b"\x01"
"""The forms: the first byte of an object."""
LEVEL = 1
"""Of compressing: as fast as the network, and half of what is on disks goes."""
PLAIN_MAX_BYTES = 32 << 20
"""The longest that anything is: the root of a disk of 64 TiB has 16 MiB."""
OBJECT_MAX_BYTES = PLAIN_MAX_BYTES + 1024
"""An object that is longer is none."""


class Coder(Protocol):
    """How blocks of a disk are named, and what is kept of them."""

    def name_of(self, data: bytes) -> bytes:
        """Return the name; `blocktrees.HOLE` of zeros."""
        ...

    def encode(self, data: bytes) -> bytes:
        """Return the object's bytes."""
        ...

    def decode(self, name: bytes, kept: bytes) -> bytes:
        """Return the data of an object, found to be that of its name; raise `NotATree`."""
        ...


class Plain:
    """Named by SHA-256, compressed where that makes it shorter."""

    def name_of(self, data: bytes) -> bytes:
        """Return the name; `blocktrees.HOLE` of zeros."""
        return blocktrees.name_of(data)

    def encode(self, data: bytes) -> bytes:
        """Return the object's bytes."""
        return packed(data)

    def decode(self, name: bytes, kept: bytes) -> bytes:
        """Return the data of an object, found to be that of its name; raise `NotATree`."""
        return blocktrees.verified(name, unpacked(kept))


PLAIN = Plain()


def key_of(account: str, name: bytes) -> str:
    """Return the key of an object: whose, a part of the name, and the name."""
    text = name.hex()
    return f"{account}/{text[:2]}/{text}"


def packed(data: bytes) -> bytes:
    """Return data with its form before it."""
    short = zstandard.compress(data, LEVEL)
    return ZSTD + short if len(short) < len(data) else RAW + data


def unpacked(kept: bytes) -> bytes:
    """Return what was packed; raise `NotATree` when that cannot be."""
    form, rest = kept[:1], kept[1:]
    if form == RAW:
        return rest
    if form != ZSTD:
        raise NotATree(f"an object of the form {form.hex() or 'of nothing'}")
    try:
        # The frame says how long it gets: so much memory is taken before anything is unpacked.
        length = zstandard.frame_content_size(rest)
        if not 0 <= length <= PLAIN_MAX_BYTES:
            raise NotATree(f"an object that would get {length} bytes long")
        return zstandard.decompress(rest)
    except zstandard.ZstdError as error:
        raise NotATree(f"an object that cannot be unpacked: {error}") from error
