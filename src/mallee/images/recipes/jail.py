"""Runs one command where it can harm nothing: as nobody of the host, in namespaces of its own.

A jail is a process (`cell`) whose users are none of this machine's: its root is the first of 65,536
numbers that nobody here has. When the builder ends, even by a kill, the kernel ends all in it, and
what was mounted there goes with it: nothing is ever mounted where the host sees it.
Called by `layers` and the recipes' bases.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from mallee.images.recipes import cell

FIRST_USER = 0x6D610000
"""Of the host's numbers for users and groups, the one that is root inside."""
USERS = 65536
FREE_BYTES_MIN = 512 << 20
"""What a step leaves free on the disk: who fills it is ended before others feel it."""
MEMORY_BYTES_MAX = 8 << 30
TAIL_LINES = 15
_LOOK_S = 1.0
_LINE_BYTES_MAX = 4096
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Tell = Callable[[str], None]
"""Takes a line that a command wrote."""


class Failed(Exception):
    """A command in a jail failed; `said` is the end of what it wrote."""

    def __init__(self, why: str, said: tuple[str, ...] = ()) -> None:
        self.said = said
        super().__init__("\n  ".join((why, *said)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms a command runs."""

    timeout_s: float
    log: IO[bytes]
    """Gets all that the command writes."""
    tell: Tell
    room: Path
    """A directory of the disk that the command's files go to."""
    stdin: IO[bytes] | None = None


def run(order: cell.Order, terms: Terms) -> None:
    """Run an order to its end; raise `Failed`."""
    told, telling = os.pipe()
    heard, asking = os.pipe()
    words = [sys.executable, "-I", "-m", cell.__name__, str(told), str(asking)]
    with subprocess.Popen(
        words,
        stdin=terms.stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(told, asking),
        start_new_session=True,
        env={"PATH": PATH},
        cwd="/",
    ) as child:
        try:
            os.close(told)
            os.close(asking)
            _let_in(order, child.pid, telling, heard)
            _watch(child, terms)
        finally:
            os.close(telling)
            os.close(heard)
            _end(child)


def own(path: Path) -> None:
    """Make a path the property of the jail's root."""
    os.chown(path, FIRST_USER, FIRST_USER, follow_symlinks=False)


def environment(epoch: int) -> dict[str, str]:
    """What commands in a jail find in their environment, and nothing of the host's."""
    return {
        "PATH": PATH,
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "DEBIAN_FRONTEND": "noninteractive",
        "DEBCONF_NONINTERACTIVE_SEEN": "true",
        "SOURCE_DATE_EPOCH": str(epoch),
    }


def _let_in(order: cell.Order, pid: int, telling: int, heard: int) -> None:
    """Tell the cell its order, and map its users once it has left the host's."""
    os.write(telling, msgspec.json.encode(order) + b"\n")
    if os.read(heard, 1) != b"u":
        return
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{pid}/{name}").write_text(f"0 {FIRST_USER} {USERS}\n")
    os.write(telling, b"m")


def _watch(child: subprocess.Popen[bytes], terms: Terms) -> None:
    """Pass on what it says until it ends; end it at its deadline, or when the disk is full."""
    assert child.stdout is not None
    deadline = time.monotonic() + terms.timeout_s
    tail: list[str] = []
    rest = b""
    with selectors.DefaultSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            if ready.select(_LOOK_S):
                data = os.read(child.stdout.fileno(), 65536)
                if not data:
                    break
                terms.log.write(data)
                *lines, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
                rest = rest[-_LINE_BYTES_MAX:]
                for line in filter(None, map(_plain, lines)):
                    tail = [*tail[1 - TAIL_LINES :], line]
                    terms.tell(line)
            _check_limits(deadline, terms)
    code = child.wait()
    if last := _plain(rest):
        tail.append(last)
    if code != 0:
        raise Failed(f"it ended with status {code}", tuple(tail))


def _check_limits(deadline: float, terms: Terms) -> None:
    if time.monotonic() > deadline:
        raise Failed(f"it was ended: {terms.timeout_s:g} s are over")
    room = os.statvfs(terms.room)
    if room.f_bavail * room.f_frsize < FREE_BYTES_MIN:
        raise Failed(
            f"it was ended: less than {FREE_BYTES_MIN >> 20} MiB are free where {terms.room} lies"
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        # Its children die with it, and theirs: the cell's first process takes all along.
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _plain(line: bytes) -> str:
    text = line[:_LINE_BYTES_MAX].decode(errors="replace").strip()
    return "".join(letter for letter in text if letter.isprintable())
