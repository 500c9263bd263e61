"""Processes that are ended with those that they have forked: these end a moment later, and serve
until then."""

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

WITHIN_S = 60.0
"""So long processes may take to end, on a busy machine."""


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """End a process; return its status once all that it has forked have ended as well."""
    with contextlib.ExitStack() as held:
        ends = [held.enter_context(file) for file in map(_end_of, descendants(process.pid))]
        if process.poll() is None:
            os.kill(process.pid, number)
        status = process.wait(WITHIN_S)
        for file in ends:
            assert select.select([file], [], [], WITHIN_S)[0], "a forked process goes on"
    return status


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has forked, and those that these have."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, path.read_text().split()):
                found += [child, *descendants(child)]
    return found


@contextlib.contextmanager
def _end_of(pid: int) -> Generator[int]:
    """Have a file that is readable when the process has ended."""
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:
        # It has ended already: what has no writer can be read.
        file, its_end = os.pipe()
        os.close(its_end)
    yield file
    os.close(file)
