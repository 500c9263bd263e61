"""Blocks of encrypted disks say nothing without their key, and are what their names promise."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.model.storage import blockobjects, blocktrees
from mallee.model.storage.blocktrees import BLOCK_BYTES, HOLE, NotATree
from mallee.model.storage.sealedblocks import Sealed

ONE, OTHER = Sealed(b"1" * 32), Sealed(b"2" * 32)


@given(st.binary(min_size=1, max_size=4096).filter(lambda data: not blocktrees.is_hole(data)))
def test_what_is_sealed_opens_by_its_name(data: bytes) -> None:
    name = ONE.name_of(data)
    assert ONE.decode(name, ONE.encode(data)) == data


def test_equal_blocks_are_one_object_in_a_family_and_two_in_others() -> None:
    data = os.urandom(BLOCK_BYTES)
    assert ONE.name_of(data) == Sealed(b"1" * 32).name_of(data)
    assert ONE.encode(data) == Sealed(b"1" * 32).encode(data)
    assert ONE.name_of(data) != OTHER.name_of(data)
    assert ONE.name_of(data) != blockobjects.PLAIN.name_of(data)
    assert ONE.name_of(bytes(BLOCK_BYTES)) == HOLE


def test_nothing_of_a_block_is_in_its_object() -> None:
    kept = ONE.encode(b"marker" * 1000)
    assert b"marker" not in kept


def test_no_two_objects_have_one_key_stream() -> None:
    one, other = (ONE.encode(os.urandom(512))[33:] for _ in range(2))
    mixed = bytes(a ^ b for a, b in zip(one, other, strict=True))
    # With one key and one nonce the two first bytes, the form, would be equal.
    firsts = [ONE.encode(os.urandom(512))[33] for _ in range(64)]
    assert any(mixed)
    assert len(set(firsts)) > 1


def test_what_was_changed_moved_or_sealed_by_others_does_not_open() -> None:
    data, more = os.urandom(512), os.urandom(512)
    name, kept = ONE.name_of(data), ONE.encode(data)
    for at in (0, 1, 33, len(kept) - 1):
        spoilt = kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :]
        with pytest.raises(NotATree):
            ONE.decode(name, spoilt)
    with pytest.raises(NotATree):
        ONE.decode(ONE.name_of(more), kept)
    with pytest.raises(NotATree):
        OTHER.decode(name, kept)
    with pytest.raises(NotATree):
        ONE.decode(name, kept[:20])
    with pytest.raises(NotATree):
        ONE.decode(blockobjects.PLAIN.name_of(data), blockobjects.PLAIN.encode(data))


def test_no_word_shows_the_key() -> None:
    assert "1111" not in repr(ONE)
