"""Stored images: an image as one object in a bucket, from which any cloud like this restores it.

The format, version 1; numbers are big-endian, hashes SHA-256:
- 16 bytes `mallee image` and zeros, the version (2), the header's length (4), the header, its hash.
  The header is JSON (`Header`): what the image is, and its disks in order.
- For each disk that is not blank its blocks of 128 KiB that are not zeros, in order: the index (8),
  the length (4) and the hash of the block, then the block, deflated (zlib). An index of all ones
  ends the disk, with the length 0 and the hash of all its indexes and hashes.
- 16 bytes `end of the image`, and the hash of everything before that hash. Nothing follows.

Written and read by hosts (`node.transfers.storing`, `restoring`); the cloud reads the header that a
host tells, and believes nothing of it. Pure but for the files that it is given.
"""

import hashlib
import struct
import zlib
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from mallee.model.storage.blocktrees import BLOCK_BYTES

VERSION = 1
HEADER_BYTES_MAX = 48 << 10
DISKS_MAX = 16
DISK_BYTES_MAX = 16384 << 30
_MAGIC = b"mallee image".ljust(16, b"\0")
_END = b"end of the image"
_FRONT = struct.Struct(">16sHI")
_BLOCK = struct.Struct(">QI32s")
_NO_INDEX = 0xFFFFFFFFFFFFFFFF
_HASH_BYTES = 32
_PACKED_MAX = BLOCK_BYTES + 1024
"""What cannot be made smaller grows by a few bytes."""
_CHUNK_BYTES = 1 << 20
_GIB = 1 << 30
_RATIO_MAX = 200
_BYTES_FREE = 64 << 30
"""A disk holds no more than this and so many times the bytes of its file: of each block something
is remembered, and a forged one needs hardly more room in the file."""


class NotAnImage(Exception):
    """It is no stored image, or a damaged one; the message says what is wrong."""


class Disk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A volume that launches of the image make."""

    device: str
    size_bytes: int = 0
    """Of what is stored of it; 0: it is blank."""
    size_gib: int
    """Of the volume."""
    type: str = ""
    iops: int = 0
    throughput: int = 0
    delete_on_termination: bool = True


class Header(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an image is."""

    image_id: str
    """Of the image that was stored."""
    name: str
    description: str = ""
    architecture: str = "x86_64"
    boot_mode: str = ""
    platform: str = ""
    root_device: str
    disks: tuple[Disk, ...]
    tags: dict[str, str] = {}


def encode_header(header: Header) -> bytes:
    """Return a header as it is written."""
    return msgspec.json.encode(header)


def decode_header(data: bytes) -> Header:
    """Read a header. Raises `NotAnImage`."""
    if len(data) > HEADER_BYTES_MAX:
        raise NotAnImage("its header is longer than any is")
    try:
        header = msgspec.json.decode(data, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnImage(f"its header cannot be read: {error}") from error
    if not 0 < len(header.disks) <= DISKS_MAX:
        raise NotAnImage(f"it says that it has {len(header.disks)} disks")
    for disk in header.disks:
        if disk.size_bytes % _GIB or not 0 <= disk.size_bytes <= DISK_BYTES_MAX:
            raise NotAnImage(f"it says that a disk has {disk.size_bytes} bytes")
    return header


# --- written ---


class Writer:
    """Writes a stored image into a file, block by block in order."""

    def __init__(self, file: BinaryIO, header: bytes) -> None:
        self._file = file
        self._whole = hashlib.sha256()
        self._disk = hashlib.sha256()
        self._write(_FRONT.pack(_MAGIC, VERSION, len(header)))
        self._write(header)
        self._write(hashlib.sha256(header).digest())

    def block(self, index: int, data: bytes) -> None:
        """Write the next block of a disk."""
        digest = hashlib.sha256(data).digest()
        packed = zlib.compress(data, 1)
        self._disk.update(index.to_bytes(8, "big") + digest)
        self._write(_BLOCK.pack(index, len(packed), digest))
        self._write(packed)

    def end_disk(self) -> None:
        """End a disk."""
        self._write(_BLOCK.pack(_NO_INDEX, 0, self._disk.digest()))
        self._disk = hashlib.sha256()

    def end(self) -> None:
        """End the image."""
        self._write(_END)
        self._file.write(self._whole.digest())

    def _write(self, data: bytes) -> None:
        self._whole.update(data)
        self._file.write(data)


# --- read ---


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored image in a file, whose structure and hash are right."""

    header: Header
    raw_header: bytes
    disks: tuple["StoredDisk", ...]
    """Those that are not blank, in the header's order."""


@dataclass(frozen=True, slots=True)
class StoredDisk:
    """A disk: which of its blocks are where in the file."""

    size_bytes: int
    indexes: "array[int]"
    places: "array[int]"
    """Where the record of each block begins."""


Look = Callable[[int], None]
"""Hears how many bytes were looked at; it ends the work by raising."""


def read(file: BinaryIO, look: Look) -> Stored:
    """Check a file whole, but for what is in its blocks; return what is where. Raises
    `NotAnImage`."""
    checked = _Checked(file)
    magic, version, length = _FRONT.unpack(checked.take(_FRONT.size))
    if magic != _MAGIC:
        raise NotAnImage("it does not begin as one")
    if version != VERSION:
        raise NotAnImage(f"its version is {version}, and {VERSION} is read here")
    if length > HEADER_BYTES_MAX:
        raise NotAnImage("its header is longer than any is")
    raw = checked.take(length)
    if checked.take(_HASH_BYTES) != hashlib.sha256(raw).digest():
        raise NotAnImage("its header is damaged")
    header = decode_header(raw)
    sizes = [disk.size_bytes for disk in header.disks if disk.size_bytes]
    disks = tuple(_read_disk(checked, size, look) for size in sizes)
    if checked.take(len(_END)) != _END:
        raise NotAnImage("it does not end as one")
    digest = checked.digest()
    if checked.take(_HASH_BYTES) != digest or file.read(1):
        raise NotAnImage("it is damaged: its hash is wrong, or something follows")
    return Stored(header, raw, disks)


def _read_disk(checked: "_Checked", size_bytes: int, look: Look) -> StoredDisk:
    found = StoredDisk(size_bytes, array("Q"), array("Q"))
    digest, next_index = hashlib.sha256(), 0
    while True:
        at = checked.at
        index, length, name = _BLOCK.unpack(checked.take(_BLOCK.size))
        if index == _NO_INDEX:
            if length or name != digest.digest():
                raise NotAnImage("a disk of it is damaged, or blocks are missing")
            return found
        if not next_index <= index < size_bytes // BLOCK_BYTES or not 0 < length <= _PACKED_MAX:
            raise NotAnImage("it has a block where there can be none")
        checked.skip(length)
        if len(found.indexes) * BLOCK_BYTES > _RATIO_MAX * checked.at + _BYTES_FREE:
            raise NotAnImage(f"it says that it holds more than {_RATIO_MAX} times its bytes")
        digest.update(index.to_bytes(8, "big") + name)
        found.indexes.append(index)
        found.places.append(at)
        next_index = index + 1
        look(checked.at)


def read_block(file: BinaryIO, place: int) -> bytes:
    """Return a block, verified. Raises `NotAnImage`."""
    file.seek(place)
    _, length, name = _BLOCK.unpack(file.read(_BLOCK.size))
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(file.read(length), BLOCK_BYTES + 1)
    except zlib.error as error:
        raise NotAnImage(f"a block of it cannot be unpacked: {error}") from error
    is_whole = unpacking.eof and not unpacking.unused_data and len(data) == BLOCK_BYTES
    if not is_whole or hashlib.sha256(data).digest() != name:
        raise NotAnImage("a block of it is not what its hash says")
    return data


class _Checked:
    """A file that is read from its beginning, and hashed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._whole = hashlib.sha256()
        self.at = 0

    def take(self, count: int) -> bytes:
        """Return so many bytes. Raises `NotAnImage` when there are fewer."""
        data = self._file.read(count)
        if len(data) != count:
            raise NotAnImage("it is cut off")
        self._whole.update(data)
        self.at += count
        return data

    def skip(self, count: int) -> None:
        """Read so many bytes for their hash alone."""
        for piece in _pieces(count):
            self.take(piece)

    def digest(self) -> bytes:
        """Return the hash of all that was read."""
        return self._whole.digest()


def _pieces(count: int) -> Iterable[int]:
    while count > 0:
        yield min(count, _CHUNK_BYTES)
        count -= _CHUNK_BYTES


# --- as a host tells it ---

_TOLD = "header.{}"


def told_header(raw: bytes, words_max: int) -> dict[str, str]:
    """Return a header in pieces short enough to be told."""
    text = raw.decode()
    pieces = [text[at : at + words_max] for at in range(0, len(text), words_max)]
    return {_TOLD.format(index): piece for index, piece in enumerate(pieces)}


def heard_header(told: dict[str, str]) -> Header:
    """Return the header that was told in pieces. Raises `NotAnImage`."""
    pieces = [told.get(_TOLD.format(index), "") for index in range(len(told))]
    return decode_header("".join(pieces).encode())
