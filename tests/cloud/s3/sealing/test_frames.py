"""Laws of encrypted bytes: every range is what was sealed; whatever else is there is refused."""

import os
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallee.cloud.s3.sealing import frames

KEY = frames.Key(b"d" * frames.KEY_BYTES, 0)
SEALED_FRAME = frames.FRAME_BYTES + frames.TAG_BYTES
SIZES = (0, 1, 1000, frames.FRAME_BYTES - 1, frames.FRAME_BYTES, frames.FRAME_BYTES + 1)
DATA = os.urandom(4 * frames.FRAME_BYTES + 12_345)


class _Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | memoryview) -> None:
        """Keep it."""
        self.data += data


def seal(data: bytes, step: int = 300_001, key: frames.Key = KEY) -> bytes:
    """Return the bytes sealed, having come in pieces."""
    kept = _Kept()
    sealer = frames.Sealer(key, kept)
    for at in range(0, len(data), step):
        sealer.write(data[at : at + step])
    sealer.finish()
    return bytes(kept.data)


def open_(sealed: bytes, size: int, start: int, end: int, key: frames.Key = KEY) -> bytes:
    """Return a range of them, read in pieces."""

    def read(first: int, last: int) -> list[bytes]:
        wanted = sealed[first:last]
        return [wanted[at : at + 70_001] for at in range(0, len(wanted), 70_001)]

    return b"".join(frames.opened(key, size, (start, end), read))


SEALED = seal(DATA)


@pytest.mark.parametrize("size", [*SIZES, len(DATA)])
def test_what_is_sealed_comes_back_and_has_the_size_that_is_said(size: int) -> None:
    sealed = seal(DATA[:size])
    assert len(sealed) == frames.sealed_size(size)
    assert open_(sealed, size, 0, size) == DATA[:size]


@given(st.integers(0, len(DATA)), st.integers(0, len(DATA)))
@settings(max_examples=100, deadline=None)
def test_any_range_is_the_range(one: int, other: int) -> None:
    start, end = sorted((one, other))
    assert open_(SEALED, len(DATA), start, end) == DATA[start:end]


@given(st.integers(1, 3 * frames.FRAME_BYTES), st.sampled_from(SIZES[1:]))
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_in_which_pieces_bytes_came(step: int, size: int) -> None:
    assert open_(seal(DATA[:size], step), size, 0, size) == DATA[:size]


def test_a_range_reads_only_the_frames_that_hold_it() -> None:
    reads: list[tuple[int, int]] = []

    def read(first: int, last: int) -> list[bytes]:
        reads.append((first, last))
        return [SEALED[first:last]]

    start = 2 * frames.FRAME_BYTES + 5
    assert b"".join(frames.opened(KEY, len(DATA), (start, start + 9), read)) == DATA[start:][:9]
    begin = frames.SALT_BYTES + 2 * SEALED_FRAME
    assert reads == [(0, frames.SALT_BYTES), (begin, begin + SEALED_FRAME)]


def _refused(sealed: bytes, size: int = len(DATA), key: frames.Key = KEY) -> None:
    with pytest.raises(frames.Altered):
        open_(sealed, size, 0, size, key)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_flipped_bit_is_refused(at: int, by: int) -> None:
    altered = bytearray(SEALED)
    altered[at] ^= by
    _refused(bytes(altered))


@given(st.integers(0, len(SEALED) - 1))
@settings(max_examples=60, deadline=None)
def test_what_was_cut_off_is_refused(length: int) -> None:
    _refused(SEALED[:length])


def _frame(number: int) -> bytes:
    return SEALED[frames.SALT_BYTES + number * SEALED_FRAME :][:SEALED_FRAME]


@given(st.permutations(range(5)).filter(lambda order: order != list(range(5))))
@settings(max_examples=30, deadline=None)
def test_frames_in_another_order_are_refused(order: list[int]) -> None:
    _refused(SEALED[: frames.SALT_BYTES] + b"".join(map(_frame, order)))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_fewer_frames_are_not_taken_for_a_shorter_object(count: int) -> None:
    size = count * frames.FRAME_BYTES
    _refused(SEALED[: frames.sealed_size(size)], size)


@pytest.mark.parametrize("more", [1, frames.FRAME_BYTES])
def test_an_object_is_not_longer_than_what_was_sealed(more: int) -> None:
    size = 2 * frames.FRAME_BYTES
    _refused(seal(DATA[:size]) + bytes(more + frames.TAG_BYTES), size + more)


def test_a_frame_of_another_content_is_refused() -> None:
    other = seal(DATA)
    at = frames.SALT_BYTES + SEALED_FRAME
    _refused(SEALED[:at] + other[at:][:SEALED_FRAME] + SEALED[at + SEALED_FRAME :])


def test_another_key_or_another_place_does_not_open() -> None:
    _refused(SEALED, key=frames.Key(b"e" * frames.KEY_BYTES, 0))
    _refused(SEALED, key=frames.Key(KEY.data_key, 1))


def test_the_same_bytes_are_never_sealed_to_the_same() -> None:
    one, other = seal(b"same"), seal(b"same")
    assert one[: frames.SALT_BYTES] != other[: frames.SALT_BYTES]
    assert one[frames.SALT_BYTES :] != other[frames.SALT_BYTES :]


def test_memory_is_bounded_however_large_the_content() -> None:
    class Gone:
        def write(self, data: bytes | memoryview) -> None:
            pass

    piece = bytes(256 << 10)
    tracemalloc.start()
    try:
        sealer = frames.Sealer(KEY, Gone())
        for _ in range(256):
            sealer.write(piece)
        sealer.finish()
        for _ in frames.opened(KEY, len(DATA), (0, len(DATA)), _pieces):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * frames.FRAME_BYTES


def _pieces(first: int, last: int) -> Iterator[bytes]:
    return (SEALED[at : min(at + 65_536, last)] for at in range(first, last, 65_536))
