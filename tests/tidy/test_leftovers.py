"""What a test leaves behind is named and fails the run, and is taken away of a run that is killed
too; what others have is neither."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallee.kit import process

TOP = Path(__file__).parents[2]
WITHIN_S = 600.0
CONFTEST = """
from tests import leftovers, ownhost
ownhost.enter()
def pytest_configure(config):
    config.pluginmanager.register(leftovers.Watch())
"""
TESTS = """
import os, pathlib, pytest, subprocess, tempfile, time

@pytest.fixture(autouse=True)
def _apart():
    # The kernel notes beginnings by a clock of hundredths.
    yield
    time.sleep(0.05)

def run(*line):
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout

def test_directory():
    tempfile.mkdtemp(prefix="m-")

def test_file():
    os.close(tempfile.mkstemp(prefix="m-")[0])

def test_process():
    subprocess.Popen(["sleep", "600"], env={}, cwd="/", start_new_session=True)

def test_process_apart():
    place = tempfile.mkdtemp(prefix="m-")
    line = ["unshare", "--ipc", "--net", "--mount", "sh", "-c", "sleep 600; :", place]
    subprocess.Popen(line, env={"PATH": os.environ["PATH"]}, start_new_session=True)
    os.rmdir(place)

def test_namespace():
    run("ip", "netns", "add", "left")

def test_link():
    run("ip", "link", "add", "left0", "type", "bridge")

def test_route():
    run("ip", "route", "add", "unreachable", "198.51.100.0/24")

def test_firewall():
    run("nft", "add", "table", "inet", "left")

def test_mount():
    place = tempfile.mkdtemp(prefix="m-")
    run("mount", "-t", "tmpfs", "left", place)

def test_loop():
    with tempfile.NamedTemporaryFile(prefix="m-") as file:
        file.truncate(1 << 20)
        run("losetup", "--find", file.name)

def test_memory():
    pathlib.Path("/dev/shm/left").touch()

def test_system_v_memory():
    run("ipcmk", "--shmem", "4096")
"""
LASTS = """
import pathlib, subprocess, tempfile, time

def test_lasts():
    place = pathlib.Path(tempfile.mkdtemp(prefix="m-"))
    (place / "disk").touch()
    subprocess.run(["truncate", "-s", "1M", place / "disk"], check=True)
    subprocess.run(["losetup", "--find", place / "disk"], check=True)
    subprocess.Popen(["sleep", "600"], env={}, cwd="/", start_new_session=True)
    line = ["sh", "-c", "unshare --ipc --pid --fork --kill-child sleep 600; :", place]
    apart = subprocess.Popen(line, start_new_session=True)
    print(place, flush=True)
    apart.wait()
"""
TIDY = """
import subprocess, tempfile

def test_is_tidy(tmp_path):
    with tempfile.TemporaryDirectory() as place, subprocess.Popen(["sleep", "600"]) as one:
        (tmp_path / "kept").touch()
        one.kill()
"""
KINDS = (
    *("directory", "file", "process", "process_apart", "namespace", "link", "route", "firewall"),
    *("mount", "loop", "memory", "system_v_memory"),
)


def begin(place: Path, tests: str, *words: str) -> "subprocess.Popen[str]":
    """Begin a run of tests of its own."""
    (place / "conftest.py").write_text(CONFTEST)
    (place / "test_own.py").write_text(tests)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", place]
    return subprocess.Popen(
        [*line, "-c", "/dev/null", "--basetemp", place / "own", *words, place / "test_own.py"],
        cwd=TOP,
        env=os.environ | {"PYTHONPATH": str(TOP), "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    )


def run(place: Path, tests: str, *words: str) -> tuple[int, list[str]]:
    """Run tests in a run of their own; return its status, and its lines of what was left."""
    with begin(place, tests, *words) as running:
        stdout, _ = running.communicate(timeout=WITHIN_S)
    _, _, said = stdout.partition(" left behind ")
    assert " passed in " in stdout, stdout
    return running.returncode, [line for line in said.splitlines() if " by " in line]


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def there(place: Path) -> list[str]:
    """What is on the machine of a run in that directory: files, loop devices, processes."""
    listed = subprocess.run(
        ["losetup", "-ln", "-O", "NAME,BACK-FILE"], capture_output=True, text=True, check=True
    )
    found = [line for line in listed.stdout.splitlines() if str(place) in line]
    for one in Path("/proc").glob("[0-9]*"):
        try:
            line = (one / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(place) in line:
            found.append(line.decode())
    return found + [str(path) for path in place.glob("m-*")]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for a run."""
    with tempfile.TemporaryDirectory(prefix="r-") as made:
        yield Path(made)


@pytest.mark.host
@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_a_test_leaves_is_named_and_fails_the_run(
    place: Path, workers: tuple[str, ...]
) -> None:
    status, left = run(place, TESTS, *workers)
    wait_until(lambda: not there(place), "all to be taken away")
    wait_until(lambda: not list(filter(is_alive, left)), "the processes to be ended")
    assert status == 1
    for kind in KINDS:
        assert any(line_tells(kind, line) for line in left), (kind, left)
    assert not any(" before any test" in line for line in left)


def is_alive(line: str) -> bool:
    """Whether a line is about a process that runs still."""
    found = re.match(r"process (\d+): ", line)
    return found is not None and process.is_alive(int(found[1]))


def line_tells(kind: str, line: str) -> bool:
    """Whether a line is about what the test of that kind left."""
    shapes = {
        "route": r"route unreachable 198\.51\.100\.0/24",
        "firewall": r"firewall table inet left",
    }
    return bool(re.match(shapes.get(kind, rf".*::test_{kind}( \[gw0\])?$"), line))


@pytest.mark.host
def test_a_tidy_run_passes_whatever_others_have(place: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="m-") as theirs,
        subprocess.Popen(["sleep", "600"], cwd=theirs) as other,
    ):
        assert run(place, TIDY) == (0, [])
        other.kill()


@pytest.mark.host
def test_a_guard_that_begins_when_its_tests_have_ended_acts_at_once(place: Path) -> None:
    (place / "kept").touch()
    with subprocess.Popen(["true"]) as ended:
        pass
    line = [sys.executable, "-IS", TOP / "tests/guard.py", "no former host", str(ended.pid)]
    # Of a host of its own, or it would take this one's for what was left.
    subprocess.run(
        ["unshare", "--ipc", *line],
        input=f"{place}/kept\n",
        text=True,
        check=True,
        timeout=WITHIN_S,
    )
    assert not (place / "kept").exists()


@pytest.mark.host
def test_nothing_is_left_of_a_run_that_is_killed(place: Path) -> None:
    with begin(place, LASTS, "-s") as running:
        assert running.stdout is not None
        line = next(line for line in running.stdout if f"{place}/m-" in line)
        made = Path(line.split()[-1])
        assert len(there(place)) >= 3, there(place)
        running.kill()
    wait_until(lambda: not made.exists(), "its directory to be gone")
    wait_until(lambda: not there(place), "all of it to be gone")
