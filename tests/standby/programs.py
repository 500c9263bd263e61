"""Programs that stand by: imported once in each worker, forked for each call.

A test that calls a client written in Python a hundred times would pay its imports a hundred times:
four fifths of what `aws` costs. What it calls here is the same program, in a process of its own.
The program itself, started as users start it, is called by some tests of each kind
(`tests/cloud/test_awscli.py`, `tests/clients/test_tour.py`, `tests/docs/test_lab.py`).
"""

import contextlib
import functools
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import wholecloud

_HERE = Path(__file__).parent
_SOURCE = Path(__file__).parents[2] / "src"
_START_S = 120.0
_END_S = 30.0
SYSTEM = Path("/usr/bin/python3")
"""The interpreter of Debian's programs."""
_standing = contextlib.ExitStack()


def end() -> None:
    """End all that stands by, when no test will call any more."""
    _standing.close()


@functools.cache
def aws(program: Path) -> Path:
    """A program that does what that generation of the AWS CLI does."""
    interpreter = Path(sys.executable) if program == wholecloud.AWS_1 else SYSTEM
    return _caller(interpreter, ["awscli.clidriver"], (str(program),))


@functools.cache
def mallee() -> Path:
    """A program that does what `mallee` does, whose verbs are imported too."""
    verbs = sorted(path.relative_to(_SOURCE) for path in (_SOURCE / "mallee/cli").rglob("*.py"))
    modules = [".".join(path.with_suffix("").parts) for path in verbs if path.stem != "__init__"]
    return _caller(Path(sys.executable), modules, ("-m", "mallee.cli.main"))


@functools.cache
def commands() -> Path:
    """A directory for a PATH: `mallee`, and Debian's `aws`."""
    folder = mallee().parent / "bin"
    folder.mkdir()
    for name, program in (("mallee", mallee()), ("aws", aws(wholecloud.AWS_2))):
        (folder / name).symlink_to(program)
    return folder


@functools.cache
def interpreter(modules: tuple[str, ...] = ("json",), path: str = "") -> Path:
    """A Python that has imported modules, some of which are found below `path`."""
    return _caller(Path(sys.executable), list(modules), (), path)


def _caller(
    interpreter: Path, modules: list[str], program: tuple[str, ...], path: str = ""
) -> Path:
    """Write a script that has the program run by a server of its own, which is started.

    The server finds modules in `path`, too.
    """
    place = Path(tempfile.mkdtemp(prefix="ms-"))
    server = _start(place, interpreter, modules, path)
    _standing.callback(_stop, server, place)
    _wait(server, place, modules[0])
    script = place / "program"
    head = f"#!{interpreter} -IS\nSOCKET = {str(place / 'socket')!r}\nPROGRAM = {list(program)!r}\n"
    script.write_text(head + (_HERE / "caller.py").read_text())
    script.chmod(0o755)
    return script


def _start(
    place: Path, interpreter: Path, modules: list[str], path: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [interpreter, _HERE / "server.py", place / "socket", *modules],
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **({"PYTHONPATH": path} if path else {}),
        },
        # It ends when this process does, whose end of the pipe is closed then, and takes `place`
        # along: no worker that is killed leaves either.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd="/",
        # Whoever interrupts the tests at a terminal interrupts them alone.
        start_new_session=True,
    )


def _wait(server: subprocess.Popen[bytes], place: Path, module: str) -> None:
    deadline = time.monotonic() + _START_S
    while not (place / "socket").exists():
        assert server.poll() is None, f"{module} does not stand by: see standard error"
        assert time.monotonic() < deadline, f"{module} does not stand by after {_START_S:g} s"
        time.sleep(0.02)


def _stop(server: subprocess.Popen[bytes], place: Path) -> None:
    assert server.stdin is not None
    server.stdin.close()
    server.wait(_END_S)
    # One that was killed could not do it.
    shutil.rmtree(place, ignore_errors=True)
