"""What is sealed to one reader is opened by nobody else, and for nothing else."""

from pathlib import Path

import pytest

from mallee.kit import sealedto


def test_who_it_is_sealed_to_opens_it(tmp_path: Path) -> None:
    key = sealedto.load_or_create(tmp_path / "key")
    sealed = sealedto.seal(sealedto.public(key), b"secret", "about")
    assert b"secret" not in sealed
    again = sealedto.load_or_create(tmp_path / "key")
    assert sealedto.open_sealed(again, sealed, "about") == b"secret"


def test_nobody_else_does_and_not_for_something_else(tmp_path: Path) -> None:
    key, other = (sealedto.load_or_create(tmp_path / name) for name in ("key", "other"))
    sealed = sealedto.seal(sealedto.public(key), b"secret", "about")
    with pytest.raises(sealedto.Unopenable):
        sealedto.open_sealed(other, sealed, "about")
    with pytest.raises(sealedto.Unopenable):
        sealedto.open_sealed(key, sealed, "else")
    for at in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        with pytest.raises(sealedto.Unopenable):
            sealedto.open_sealed(key, bytes(damaged), "about")
    with pytest.raises(sealedto.Unopenable):
        sealedto.open_sealed(key, b"", "about")


def test_what_is_no_public_key_is_said() -> None:
    for text in ("", "00", "zz" * 32):
        with pytest.raises(ValueError, match=r"hex|32 bytes"):
            sealedto.seal(text, b"secret", "about")
