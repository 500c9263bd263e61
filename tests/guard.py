"""Takes away what a process of tests left, however it ended: killed, out of time, or in order.

Run as `python guard.py FORMER PARENT` by `tests/ownhost.py`, in the host that the process has for
itself; FORMER is the namespace of shared memory that it was in before, PARENT its number. It hears
of each temporary directory by a line of standard input, and acts when its parent has ended: all
processes of this host are killed, those that name one of the directories too (whose own namespaces
go with them), and the directories removed. Links, mounts and names of namespaces go with the host.
It imports the standard library only: it starts before anything is tested, for each worker.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time

KILLS_S = 30.0
"""So long processes may take to be gone that were killed."""


def main() -> None:
    """Wait for the end of the tests; then leave nothing of them."""
    assert os.readlink("/proc/self/ns/ipc") != sys.argv[1], "this host is not the tests' own"
    directories = _listen(_ends(int(sys.argv[2])))
    deadline = time.monotonic() + KILLS_S
    while (found := _processes(directories)) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for path in filter(os.path.ismount, directories):
        subprocess.run(["umount", "--recursive", path], capture_output=True, check=False)
    _free_loops(directories)
    for path in filter(os.path.lexists, directories):
        with contextlib.suppress(OSError):
            os.unlink(path) if os.path.isfile(path) else shutil.rmtree(path)


def _ends(parent: int) -> int:
    """Return what can be read once the parent has ended, which may be before this begins."""
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(parent)
        if os.getppid() == parent:
            return watched
    reads, writes = os.pipe()
    os.close(writes)
    return reads


def _listen(parent: int) -> list[str]:
    """Hear of directories until the parent has ended, whoever else may hold the pipe."""
    said = b""
    os.set_blocking(0, False)
    while True:
        ready, _, _ = select.select([0, parent], [], [])
        piece = os.read(0, 1 << 16) if 0 in ready else b""
        said += piece
        if not piece:
            select.select([parent], [], [])
            return [path for path in said.decode().splitlines() if path.count("/") > 1]


def _processes(directories: list[str]) -> list[int]:
    """Return who is of this host, or names one of the directories, and who descends from these;
    who has ended is gone."""
    ours, found = os.readlink("/proc/self/ns/ipc"), set[int]()
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            is_ours = os.readlink(f"/proc/{name}/ns/ipc") == ours
            with open(f"/proc/{name}/cmdline", "rb") as file:
                line = os.fsdecode(file.read())
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b") ")[2].split()[:2]
        except OSError:
            continue
        is_meant = is_ours or any(path in line for path in directories)
        if int(name) != os.getpid() and state not in b"ZX":
            parents[int(name)] = int(parent)
            if is_meant:
                found.add(int(name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _free_loops(directories: list[str]) -> None:
    listed = subprocess.run(
        ["losetup", "--noheadings", "--list", "--raw", "--output", "NAME,BACK-FILE"],
        capture_output=True,
        check=False,
        text=True,
    )
    for line in listed.stdout.splitlines():
        device, _, file = line.partition(" ")
        if any(path in file for path in directories):
            subprocess.run(["losetup", "--detach", device], capture_output=True, check=False)


if __name__ == "__main__":
    main()
