"""A program that stands by is what the same program is when it is started: it has all that its
caller has, ends as it would, and nothing is left of it when those who called it are gone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.standby import programs

WITHIN_S = 60.0
SHOWS = """
import json, os, signal, sys
kept = ("PATH", "HOME", "LANG", "WORD")
print(json.dumps({
    "words": sys.argv[1:],
    "environment": {name: os.environ.get(name) for name in kept},
    "time zone": __import__("time").strftime("%z"),
    "directory": os.getcwd(),
    "stdin": sys.stdin.read(),
    "umask": os.umask(0),
    "network": os.readlink("/proc/self/ns/net"),
    "signals": {name: str(signal.getsignal(getattr(signal, name)))
                for name in ("SIGTERM", "SIGCHLD", "SIGPIPE", "SIGHUP")},
    "name": __name__,
    "open": sorted(int(one) for one in os.listdir("/proc/self/fd"))[:3],
}))
print("complained", file=sys.stderr)
"""
WAITS = """
import signal, sys, time
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(__import__("os").getpid()))
time.sleep(600)
"""
CALLS = """
import sys
from tests.standby import programs
print(programs.interpreter().parent, flush=True)
sys.stdin.read()
"""


def run(program: Path, script: Path, *words: str) -> tuple[int, bytes, bytes]:
    """Run it with what neither this process nor the one that stands by has."""
    script.parent.joinpath("there").mkdir(exist_ok=True)
    done = subprocess.run(
        [program, script, *words],
        env={"PATH": "/usr/bin:/bin", "WORD": "wörter", "TZ": "Asia/Tokyo", "LANG": "C.UTF-8"},
        cwd=script.parent / "there",
        input=b"given\n",
        umask=0o027,
        capture_output=True,
        check=False,
        timeout=WITHIN_S,
    )
    return done.returncode, done.stdout, done.stderr


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def test_it_has_what_its_caller_has(tmp_path: Path) -> None:
    script = tmp_path / "shows.py"
    script.write_text(SHOWS)
    started = run(Path(sys.executable), script, "a", "b c")
    assert run(programs.interpreter(), script, "a", "b c") == started
    shown = json.loads(started[1])
    assert (shown["umask"], shown["stdin"], shown["time zone"]) == (0o027, "given\n", "+0900")


@pytest.mark.host
def test_it_is_in_its_caller_s_network(tmp_path: Path) -> None:
    # This test has a namespace of its own, in which nobody stood by.
    assert programs.interpreter().exists()
    script = tmp_path / "shows.py"
    script.write_text(SHOWS)
    shown = json.loads(run(programs.interpreter(), script)[1])
    assert shown["network"] == os.readlink("/proc/thread-self/ns/net")


HOST = ("unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--mount-proc", "--")
THERE = """
import os, socket
kinds = ("net", "mnt", "uts", "ipc", "pid")
print({kind: os.readlink(f"/proc/self/ns/{kind}") for kind in kinds})
print(socket.gethostname(), os.listdir("/run"), os.path.exists(f"/proc/{os.getpid()}/root"))
print(sum(name.isdigit() for name in os.listdir("/proc")) < 10)
"""


@pytest.mark.host
def test_it_is_on_its_caller_s_host(tmp_path: Path) -> None:
    script = tmp_path / "there.py"
    script.write_text(THERE)
    told = f'hostname elsewhere; mount -t tmpfs tmpfs /run; "$1" {script}; "$2" {script}'
    line = ("sh", "-ec", told, "sh", sys.executable, programs.interpreter())
    said = subprocess.run((*HOST, *line), capture_output=True, text=True, check=True).stdout
    lines = said.splitlines()
    assert lines[:3] == lines[3:]
    assert lines[1:3] == ["elsewhere [] True", "True"]
    assert not set(re.findall(r"\[\d+\]", lines[0])) & {
        f"[{os.stat(path).st_ino}]" for path in Path("/proc/self/ns").iterdir()
    }


@pytest.mark.parametrize(
    "line",
    [
        "pass",
        "raise SystemExit(7)",
        "raise SystemExit(256 + 3)",
        "raise SystemExit('words')",
        "import os; os._exit(9)",
        "import atexit; atexit.register(print, 'last'); print('first')",
        "import threading; threading.Timer(0.1, lambda: print('later')).start()",
    ],
)
def test_it_ends_as_it_would(tmp_path: Path, line: str) -> None:
    script = tmp_path / "ends.py"
    script.write_text(line)
    assert run(programs.interpreter(), script) == run(Path(sys.executable), script)


def test_what_one_did_the_next_one_does_not_see(tmp_path: Path) -> None:
    script = tmp_path / "sees.py"
    script.write_text(
        "import json, os; print(getattr(json, 'mark', 0), os.environ.get('MARK'))\n"
        "json.mark = 1; os.environ['MARK'] = 'there'; os.umask(0o777); os.chdir('/')"
    )
    assert {run(programs.interpreter(), script)[1] for _ in range(3)} == {b"0 None\n"}


@pytest.mark.parametrize("how", ["", "deaf"])
def test_it_ends_when_its_caller_is_killed(tmp_path: Path, how: str) -> None:
    script, told = tmp_path / "waits.py", tmp_path / "pid"
    script.write_text(WAITS)
    with subprocess.Popen([programs.interpreter(), script, told, how]) as caller:
        wait_until(lambda: told.exists() and bool(told.read_text()), "the program to run")
        program = int(told.read_text())
        caller.kill()
    wait_until(lambda: not Path(f"/proc/{program}").exists(), "the program to end")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_one_whose_tests_were_killed(number: signal.Signals) -> None:
    line = [sys.executable, "-c", CALLS]
    pipe = subprocess.PIPE
    top = Path(__file__).parents[2]
    with subprocess.Popen(
        line, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=top
    ) as tests:
        assert tests.stdout is not None
        place = Path(tests.stdout.readline().decode().strip())
        assert place.is_dir()
        os.kill(tests.pid, number)
    wait_until(lambda: not place.exists(), "its directory to be gone")
    wait_until(
        lambda: not [one for one in Path("/proc").glob("[0-9]*") if names(one, place)],
        "its process to be gone",
    )


def names(one: Path, place: Path) -> bool:
    """Whether a process has that directory in its command line."""
    try:
        return os.fsencode(place) in (one / "cmdline").read_bytes()
    except OSError:
        return False


def test_that_nobody_stands_by_is_no_answer_of_the_program(tmp_path: Path) -> None:
    script = programs.interpreter().read_text()
    lost = tmp_path / "program"
    lost.write_text(script.replace(str(programs.interpreter().parent), str(tmp_path)))
    lost.chmod(0o755)
    done = subprocess.run([lost, "x.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split(":")[0]) == (125, "nobody stands by for []")
