"""The host's block cache: bounded, by use, kept over a restart, and worth no trouble."""

import os
from pathlib import Path

import pytest

from mallee.node.do.storage import disks
from mallee.node.nbd.blockcache import BlockCache, NoRoom

ONE, OTHER = "000000000001", "000000000002"


def name(number: int) -> bytes:
    return bytes([number] * 32)


def held(cache: BlockCache, numbers: range = range(8)) -> list[int]:
    return [number for number in numbers if cache.get(ONE, name(number)) is not None]


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 3000)
    for number in range(3):
        cache.put(ONE, name(number), bytes(1000))
    assert cache.get(ONE, name(0)) == bytes(1000)
    cache.put(ONE, name(3), bytes(1000))
    assert held(cache) == [0, 2, 3]
    assert cache.total_bytes == 3000
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == 3000


def test_it_is_the_same_after_a_restart(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 3000)
    for number in range(3):
        cache.put(ONE, name(number), bytes(1000))
    for number, path in enumerate(sorted(it for it in tmp_path.rglob("*") if it.is_file())):
        os.utime(path, (number, number))
    (tmp_path / ONE / "00" / "half.part1").write_bytes(b"half")
    after = BlockCache(tmp_path, 2000)
    assert held(after) == [1, 2]
    assert not list(tmp_path.rglob("*.part*"))


def test_accounts_share_nothing(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 3000)
    cache.put(ONE, name(1), b"one")
    assert cache.get(OTHER, name(1)) is None


def test_one_block_is_counted_once(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 3000)
    for _ in range(5):
        cache.put(ONE, name(1), bytes(1000))
    assert cache.total_bytes == 1000
    cache.drop(ONE, name(1))
    cache.drop(ONE, name(1))
    assert cache.total_bytes == 0


def test_a_full_disk_and_lost_files_are_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = BlockCache(tmp_path, 3000)
    cache.put(ONE, name(1), b"one")
    next(it for it in tmp_path.rglob("*") if it.is_file()).unlink()
    assert cache.get(ONE, name(1)) is None

    def full(directory: Path) -> None:
        raise disks.DiskFull(str(directory))

    monkeypatch.setattr(disks, "check_room", full)
    cache.put(ONE, name(2), b"two")
    assert cache.get(ONE, name(2)) is None
    assert cache.total_bytes == 0


def test_what_is_pinned_stays_and_has_half_of_it(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 4000)
    for number in range(2):
        cache.put(ONE, name(number), bytes(1000))
        assert cache.pin("snap-1", ONE, name(number))
    assert not cache.pin("snap-1", ONE, name(7))
    for number in range(2, 7):
        cache.put(ONE, name(number), bytes(1000))
    assert held(cache) == [0, 1, 5, 6]
    assert (cache.pinned_bytes, cache.total_bytes) == (2000, 4000)
    with pytest.raises(NoRoom, match="fast restores"):
        cache.pin("snap-2", ONE, name(6))
    # What two hold stays for the one that is left.
    assert cache.pin("snap-2", ONE, name(0))
    cache.unpin("snap-1")
    cache.unpin("snap-1")
    assert cache.pinned_bytes == 1000
    for number in range(2, 7):
        cache.put(ONE, name(number), bytes(1000))
    assert held(cache) == [0, 4, 5, 6]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) == 4000


def test_a_pin_that_lost_a_block_is_told_and_gets_it_back(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 4000)
    for number in range(2):
        cache.put(ONE, name(number), bytes(1000))
        assert cache.pin("snap-1", ONE, name(number))
    cache.drop(ONE, name(1))
    assert (cache.take_shaken(), cache.take_shaken()) == ({"snap-1"}, set())
    assert cache.pinned_bytes == 1000
    cache.put(ONE, name(1), bytes(500))
    assert (cache.pinned_bytes, cache.total_bytes) == (1500, 1500)
