"""Copies of a program: kept running, ended together, and gone with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.kit import files, forks

WAIT_S = 120
PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from mallee.kit import forks

class Need:
    def wanted(self):
        path = Path(sys.argv[1]).with_name("wanted")
        return int(path.read_text()) if path.exists() else 64

    def ended(self, number):
        pass

def work(number):
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    Path(sys.argv[1], f"{number}-{os.getpid()}").touch()
    if sys.argv[2] == "cannot":
        raise SystemExit(forks.CANNOT_START)
    over.wait()

raise SystemExit(forks.keep(int(sys.argv[3]), work, Need()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where each copy leaves its name."""
    made = tmp_path / "copies"
    made.mkdir()
    return made


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    made: list[subprocess.Popen[bytes]] = []

    def run(how: str = "well", count: int = 2) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", PROGRAM, str(folder), how, str(count)]
        made.append(subprocess.Popen(argv))
        return made[-1]

    yield run
    for process in made:
        process.kill()
        process.wait()


def pids(folder: Path, count: int) -> dict[int, int]:
    """Wait until so many have begun; return their numbers by process id."""
    deadline = time.monotonic() + WAIT_S
    while len(found := list(folder.iterdir())) < count:
        assert time.monotonic() < deadline, "copies did not start"
    return {int(pid): int(number) for number, pid in (path.name.split("-") for path in found)}


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} goes on"


def test_copies_begin_again_under_their_number(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path
) -> None:
    start(count=3)
    first = pids(folder, 3)
    assert sorted(first.values()) == [0, 1, 2]
    killed = next(pid for pid, number in first.items() if number == 1)
    os.kill(killed, signal.SIGKILL)
    then = pids(folder, 4)
    assert [number for pid, number in then.items() if pid not in first] == [1]


def test_all_end_when_the_parent_is_told_to(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path
) -> None:
    parent = start()
    copies = pids(folder, 2)
    parent.terminate()
    assert parent.wait(WAIT_S) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in copies)


def test_no_copy_outlives_a_parent_that_is_killed(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path
) -> None:
    parent = start()
    copies = pids(folder, 2)
    parent.kill()
    parent.wait(WAIT_S)
    for pid in copies:
        wait_gone(pid)


def test_copies_that_cannot_start_end_them_all(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path
) -> None:
    assert start("cannot").wait(WAIT_S) == 1
    for pid in pids(folder, 1):
        wait_gone(pid)


def test_only_so_many_run_as_are_wanted(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path
) -> None:
    def want(count: int) -> None:
        files.write_atomically(folder.with_name("wanted"), str(count).encode())

    want(1)
    start(count=3)
    assert list(pids(folder, 1).values()) == [0]
    want(2)
    both = pids(folder, 2)
    assert sorted(both.values()) == [0, 1]
    want(1)
    wait_gone(next(pid for pid, number in both.items() if number == 1))
    want(2)
    assert sorted(pids(folder, 3).values()) == [0, 1, 1]


class _Never:
    def wanted(self) -> int:
        """Not asked."""
        raise AssertionError

    def ended(self, number: int) -> None:
        """Not told."""
        raise AssertionError(number)


def test_a_single_copy_is_the_process_itself() -> None:
    seen: list[tuple[int, int]] = []
    assert forks.keep(1, lambda number: seen.append((number, os.getpid())), _Never()) == 0
    assert seen == [(0, os.getpid())]
