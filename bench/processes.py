"""What processes cost, read from `/proc`: processor time and resident memory."""

import time
from pathlib import Path

_CPUCLOCK_SCHED = 2
"""With a process id in the upper bits: that process's own clock (Linux's `clock_getcpuclockid`)."""


def cpu_s(pid: int) -> float:
    """Seconds of processor time that the process has used so far, its ended threads included."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def resident_mib(pid: int) -> float:
    """Memory that the process holds, in MiB; pages shared with others are shared out (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"the kernel does not tell the memory of process {pid}")


def descendants(pid: int) -> list[int]:
    """The process and everything it started, directly or not."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            # It, or one of its threads, has ended while it was looked at.
            continue
    return found


def that_mention(text: str) -> list[int]:
    """Processes with the text in their command line."""
    wanted = text.encode()
    return [pid for pid in _all() if wanted in _command_line(pid)]


def is_program(pid: int, name: str) -> bool:
    """Tell whether the process runs a program whose file name begins so."""
    program = _command_line(pid).partition(b"\0")[0].rpartition(b"/")[2]
    return program.startswith(name.encode())


def _all() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
