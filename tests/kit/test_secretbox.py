import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallee.kit import secretbox

BOX = secretbox.SecretBox(bytes(range(32)))


@given(st.binary(), st.binary())
def test_what_is_sealed_opens(secret: bytes, context: bytes) -> None:
    sealed = BOX.seal(secret, context)
    assert BOX.open(sealed, context) == secret
    assert secret == b"" or len(secret) < 4 or secret not in sealed


@given(st.binary(min_size=1, max_size=20), st.data())
def test_a_flipped_bit_anywhere_is_refused(secret: bytes, data: st.DataObject) -> None:
    sealed = bytearray(BOX.seal(secret))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(secretbox.Unsealable):
        BOX.open(bytes(sealed))


@given(st.binary(max_size=40))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(secretbox.Unsealable):
        BOX.open(garbage)


def test_another_context_is_refused() -> None:
    with pytest.raises(secretbox.Unsealable):
        BOX.open(BOX.seal(b"secret", b"AKIA1"), b"AKIA2")


def test_the_key_file_is_private_and_lasts(tmp_path: Path) -> None:
    sealed = secretbox.load_or_create(tmp_path / "key").seal(b"secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert secretbox.load_or_create(tmp_path / "key").open(sealed) == b"secret"


def test_a_readable_key_file_is_refused(tmp_path: Path) -> None:
    secretbox.load_or_create(tmp_path / "key")
    os.chmod(tmp_path / "key", 0o644)
    with pytest.raises(secretbox.BadKeyFile, match="chmod 600"):
        secretbox.load_or_create(tmp_path / "key")


def test_after_a_rotation_old_values_open_and_new_ones_are_newest(tmp_path: Path) -> None:
    box, before = (secretbox.load_or_create(tmp_path / "key") for _ in range(2))
    old = box.seal(b"secret")
    secretbox.rotate(tmp_path / "key", box)
    assert box.open(old) == b"secret"
    assert not box.is_newest(old)
    assert box.is_newest(box.seal(b"secret"))
    assert box.key_ids == (box.newest, before.newest)
    assert secretbox.load_or_create(tmp_path / "key").key_ids == box.key_ids
    with pytest.raises(secretbox.Unsealable, match="not in the key file"):
        before.open(box.seal(b"secret"))


def test_what_is_resealed_needs_no_older_key(tmp_path: Path) -> None:
    box = secretbox.load_or_create(tmp_path / "key")
    old, former = box.seal(b"secret", b"of me"), box.newest
    secretbox.rotate(tmp_path / "key", box)
    new = box.resealed(old, b"of me")
    assert box.resealed(new, b"of me") == new
    secretbox.forget(tmp_path / "key", box, {former})
    assert box.key_ids == (box.newest,)
    assert secretbox.load_or_create(tmp_path / "key").open(new, b"of me") == b"secret"
    with pytest.raises(secretbox.Unsealable):
        box.open(old, b"of me")


def test_the_newest_key_is_never_forgotten(tmp_path: Path) -> None:
    box = secretbox.load_or_create(tmp_path / "key")
    secretbox.forget(tmp_path / "key", box, {box.newest})
    assert len(secretbox.load_or_create(tmp_path / "key").key_ids) == 1


def test_derived_keys_are_one_per_key_and_purpose(tmp_path: Path) -> None:
    box = secretbox.load_or_create(tmp_path / "key")
    [paging], [other] = box.derived(b"paging"), box.derived(b"other")
    assert paging != other
    secretbox.rotate(tmp_path / "key", box)
    assert box.derived(b"paging")[1] == paging
    assert box.derived(b"paging")[0] != paging


def test_a_box_does_not_show_its_keys() -> None:
    assert bytes(range(32)).hex() not in repr(BOX)
