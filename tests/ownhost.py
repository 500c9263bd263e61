"""The host that a process of tests has for itself: nothing of the machine's, and nothing left of it
when the process and all that it started have ended.

A fresh network namespace is the host's network: a loopback that is up and nothing else. Mounts are
seen by the process and what it starts alone, with empty directories where names of network
namespaces and shared memory lie. System V's shared memory is its own as well, and so every process
that has it was started here. `tests/conftest.py` enters; `tests/leftovers.py` looks at what is
there in the end, and a guard (`tests/guard.py`) takes it away, of tests that were killed too.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000
ROOMS = Path("/run/netns")
MEMORY = Path("/dev/shm")
TEMPORARY = frozenset({"tempfile.mkdtemp", "tempfile.mkstemp"})
"""What Python says when a temporary directory or file is about to be made, with its path."""
_MODES = {ROOMS: "755", MEMORY: "1777"}
_libc = ctypes.CDLL(None, use_errno=True)


guards: list[subprocess.Popen[bytes]] = []
"""Who takes away what this process leaves: one, when it has a host of its own."""


def enter() -> None:
    """Move this process, which has opened no socket yet, into a host of its own (root)."""
    former = os.readlink("/proc/self/ns/ipc")
    _check(_libc.unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC))
    # What is mounted on the machine meanwhile, and removed there, comes along: nothing is held.
    subprocess.run(["mount", "--make-rslave", "/"], check=True)
    for place, mode in _MODES.items():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode={mode}", "own", place], check=True)
    _raise_loopback()
    _start_guard(former)


def _start_guard(former: str) -> None:
    guard = subprocess.Popen(
        [sys.executable, "-IS", Path(__file__).parent / "guard.py", former, str(os.getpid())],
        stdin=subprocess.PIPE,
        cwd="/",
        # Whoever interrupts the tests at a terminal interrupts them alone.
        start_new_session=True,
    )
    guards.append(guard)

    def tell(event: str, told: tuple[object, ...]) -> None:
        if event in TEMPORARY and guard.stdin is not None:
            line = os.fsencode(f"{os.path.abspath(str(told[0]))}\n")
            # Tests go on without a guard.
            with suppress(BrokenPipeError):
                os.write(guard.stdin.fileno(), line)

    sys.addaudithook(tell)


@contextmanager
def fresh_network() -> Generator[None]:
    """Be in a network namespace of one's own meanwhile: the calling thread and what it starts."""
    with open("/proc/thread-self/ns/net") as first:
        _check(_libc.unshare(CLONE_NEWNET))
        _raise_loopback()
        yield
        _check(_libc.setns(first.fileno(), CLONE_NEWNET))


def _raise_loopback() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot change namespaces: {os.strerror(number)}")
