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
    before = secretbox.load_or_create(tmp_path / "key")
    old = before.seal(b"secret")
    after = secretbox.rotate(tmp_path / "key")
    assert after.open(old) == b"secret"
    assert not after.is_newest(old)
    assert after.is_newest(after.seal(b"secret"))
    with pytest.raises(secretbox.Unsealable, match="not in the key file"):
        before.open(after.seal(b"secret"))


def test_a_box_does_not_show_its_keys() -> None:
    assert bytes(range(32)).hex() not in repr(BOX)
