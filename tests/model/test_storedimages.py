"""Stored images are read as they were written; whatever was done to one since is found."""

import hashlib
import io
import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.model.images import storedimages
from mallee.model.images.storedimages import Disk, Header, NotAnImage, Stored, Writer
from mallee.model.storage.blocktrees import BLOCK_BYTES

GIB = 1 << 30
ROOT = Disk(device="/dev/vda", size_bytes=GIB, size_gib=1)
HEADER = Header(
    image_id="ami-1",
    name="it",
    root_device="/dev/vda",
    disks=(
        ROOT,
        Disk(device="/dev/sdf", size_gib=3),
        Disk(device="/dev/sdg", size_bytes=2 * GIB, size_gib=2),
    ),
    tags={"a": "ä"},
)
ONE, TWO = b"1".ljust(BLOCK_BYTES, b"\0"), os.urandom(BLOCK_BYTES)
LAST = GIB // BLOCK_BYTES - 1


def written(header: Header = HEADER) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, storedimages.encode_header(header))
    writer.block(0, ONE)
    writer.block(LAST, TWO)
    writer.end_disk()
    writer.block(5, ONE)
    writer.end_disk()
    writer.end()
    return file.getvalue()


WRITTEN = written()


def read(data: bytes) -> Stored:
    return storedimages.read(io.BytesIO(data), lambda _: None)


def read_whole(data: bytes) -> list[dict[int, bytes]]:
    """All blocks of all disks."""
    file = io.BytesIO(data)
    stored = read(data)
    return [
        {
            index: storedimages.read_block(file, place)
            for index, place in zip(disk.indexes, disk.places, strict=True)
        }
        for disk in stored.disks
    ]


def resealed(data: bytes) -> bytes:
    """The same with its last hash right, as whoever forges one would make it."""
    body = data[:-32]
    return body + hashlib.sha256(body).digest()


def test_what_was_written_is_read() -> None:
    stored = read(WRITTEN)
    assert stored.header == HEADER
    assert [disk.size_bytes for disk in stored.disks] == [GIB, 2 * GIB]
    assert read_whole(WRITTEN) == [{0: ONE, LAST: TWO}, {5: ONE}]


def test_a_header_is_told_in_pieces() -> None:
    raw = read(WRITTEN).raw_header
    told = storedimages.told_header(raw, 50)
    assert len(told) > 3
    assert storedimages.heard_header(told) == HEADER
    with pytest.raises(NotAnImage):
        storedimages.heard_header({})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WRITTEN) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(at: int, change: int) -> None:
    forged = bytearray(WRITTEN)
    forged[at] ^= change
    with pytest.raises(NotAnImage):
        read_whole(bytes(forged))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WRITTEN) - 33), st.binary(min_size=1, max_size=60))
def test_who_knows_the_format_breaks_nothing_either(at: int, noise: bytes) -> None:
    """Its hash is right, what it says is not: refused, or read as blocks of their own hashes."""
    forged = resealed(WRITTEN[:at] + noise + WRITTEN[at + len(noise) :])
    try:
        found = read_whole(forged)
    except NotAnImage:
        return
    assert all(len(block) == BLOCK_BYTES for disk in found for block in disk.values())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, len(WRITTEN) - 1))
def test_what_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(NotAnImage):
        read(WRITTEN[:length])


def test_nothing_may_follow() -> None:
    with pytest.raises(NotAnImage):
        read(WRITTEN + b"\0")


def forged_blocks(*blocks: tuple[int, bytes, bytes]) -> bytes:
    """An image of one disk with records as they are given: index, packed, hash."""
    raw = storedimages.encode_header(Header(image_id="", name="", root_device="", disks=(ROOT,)))
    parts = [struct.pack(">16sHI", b"mallee image", 1, len(raw)), raw, hashlib.sha256(raw).digest()]
    digest = hashlib.sha256()
    for index, packed, name in blocks:
        parts += [struct.pack(">QI32s", index, len(packed), name), packed]
        digest.update(index.to_bytes(8, "big") + name)
    parts += [struct.pack(">QI32s", 2**64 - 1, 0, digest.digest()), b"end of the image", bytes(32)]
    return resealed(b"".join(parts))


NAME = hashlib.sha256(ONE).digest()
PACKED = zlib.compress(ONE)
BOMB = zlib.compress(bytes(64 << 20))


@pytest.mark.parametrize(
    "blocks",
    [
        ((LAST + 1, PACKED, NAME),),
        ((1, PACKED, NAME), (1, PACKED, NAME)),
        ((1, PACKED, NAME), (0, PACKED, NAME)),
        ((0, b"", NAME),),
        ((0, b"no zlib at all", NAME),),
        ((0, PACKED[:-3], NAME),),
        ((0, PACKED + b"more", NAME),),
        ((0, zlib.compress(b"short"), hashlib.sha256(b"short").digest()),),
        ((0, PACKED, bytes(32)),),
        ((0, BOMB, hashlib.sha256(bytes(64 << 20)).digest()),),
        ((0, os.urandom(2 * BLOCK_BYTES), NAME),),
    ],
)
def test_forged_blocks_are_refused(blocks: tuple[tuple[int, bytes, bytes], ...]) -> None:
    assert read_whole(forged_blocks((0, PACKED, NAME))) == [{0: ONE}]
    with pytest.raises(NotAnImage):
        read_whole(forged_blocks(*blocks))


def test_what_is_remembered_of_a_file_is_less_than_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever reads one has hundreds of bytes on his disk for each sixteen in his memory."""
    forged = forged_blocks(*((index, b"x", NAME) for index in range(40)))
    assert len(read(forged).disks[0].indexes) == 40
    monkeypatch.setattr(storedimages, "_BYTES_FREE", 1 << 20)
    with pytest.raises(NotAnImage, match="times its bytes"):
        read(forged)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"[" * 40_000,
        b'{"name":1}',
        storedimages.encode_header(Header(image_id="", name="", root_device="", disks=())),
        storedimages.encode_header(
            Header(image_id="", name="", root_device="", disks=(ROOT,) * 17)
        ),
        b" " * (storedimages.HEADER_BYTES_MAX + 1),
        *(
            storedimages.encode_header(
                Header(
                    image_id="",
                    name="",
                    root_device="",
                    disks=(Disk(device="", size_bytes=size, size_gib=1),),
                )
            )
            for size in (-GIB, 1, 2**62)
        ),
    ],
)
def test_forged_headers_are_refused(header: bytes) -> None:
    with pytest.raises(NotAnImage):
        storedimages.decode_header(header)
