import os
import stat
from pathlib import Path

import pytest

from mallee.kit import files


def test_a_written_file_has_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files.write_atomically(tmp_path / "a", b"x", 0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644


def test_a_secret_file_is_private_by_default(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "a", b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomically(tmp_path / "a", b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_of_two_creations_one_wins(tmp_path: Path) -> None:
    assert files.create_atomically(tmp_path / "a", b"first")
    assert not files.create_atomically(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_json_comes_back_and_an_absent_file_is_none(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "a") is None
    files.write_json(tmp_path / "a", {"ports": [1, 2]})
    assert files.read_json(tmp_path / "a") == {"ports": [1, 2]}
