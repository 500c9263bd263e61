"""What a test leaves behind fails the run and is named with it; what others have does not."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
WITHIN_S = 300.0
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


def run(place: Path, tests: str, *words: str) -> tuple[int, list[str]]:
    """Run tests in a run of their own; return its status, and its lines of what was left."""
    (place / "conftest.py").write_text(CONFTEST)
    (place / "test_own.py").write_text(tests)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", place]
    done = subprocess.run(
        [*line, "-c", "/dev/null", "--basetemp", place / "own", *words, place / "test_own.py"],
        cwd=TOP,
        env=os.environ | {"PYTHONPATH": str(TOP), "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    _, _, said = done.stdout.partition(" left behind ")
    assert " passed in " in done.stdout, done.stdout + done.stderr
    return done.returncode, [line for line in said.splitlines() if " by " in line]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose leftovers are taken away in the end."""
    with tempfile.TemporaryDirectory(prefix="m-") as made:
        yield Path(made)
        listed = subprocess.run(["losetup", "-ln", "-O", "NAME,BACK-FILE"], capture_output=True)
        for line in listed.stdout.decode().splitlines():
            if made in line:
                subprocess.run(["losetup", "--detach", line.split()[0]], check=True)


def end(lines: list[str]) -> None:
    """End the processes that a run left."""
    for line in lines:
        if found := re.match(r"process (\d+): ", line):
            os.kill(int(found[1]), signal.SIGKILL)


@pytest.mark.host
@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_a_test_leaves_is_named_and_fails_the_run(
    place: Path, workers: tuple[str, ...]
) -> None:
    status, left = run(place, TESTS, *workers)
    end(left)
    assert status == 1
    for kind in KINDS:
        assert any(line_tells(kind, line) for line in left), (kind, left)
    assert not any(" before any test" in line for line in left)


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
