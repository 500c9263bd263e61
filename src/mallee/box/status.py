"""Process ids on disk and the supervisor's status: how the tools know who runs.

A *pid file* holds a process id and the moment that process was born, so that a stranger who was
given the same id later is not taken for a daemon. Written by the supervisor, read by everybody.
Imports the standard library only: the supervisor stays small.
"""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mallee.kit import files
from mallee.model.layout import Layout

SUPERVISOR = "supervisor"
DAEMONS = ("libvirtd", "cloud", "s3", "blocks", "node")
"""In the order of their start; they are stopped in the opposite order."""
_OF_A_CLOUD = frozenset({"cloud", "s3"})


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from any later one with the same id."""

    pid: int
    born: int
    """Clock ticks since the machine started, from `/proc`."""

    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return read_birth(self.pid) == self.born

    def age_s(self) -> float:
        """Return how long ago it was born, in seconds."""
        ticks_per_s = os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.born / ticks_per_s

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The descriptor is of whoever has the id now, so the birth is compared after it.
            if self.is_alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)


def daemons(layout: Layout) -> tuple[str, ...]:
    """Return the daemons that run here: a root without settings is that of a host alone."""
    has_cloud = layout.settings.exists()
    return tuple(name for name in DAEMONS if has_cloud or name not in _OF_A_CLOUD)


def read_birth(pid: int) -> int | None:
    """Return when the process was born, or None when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(b") ")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def pid_file(layout: Layout, name: str) -> Path:
    """Return where the process id of a daemon lies."""
    return layout.run / f"{name}.pid"


def write_pid(layout: Layout, name: str, process: Process) -> None:
    """Write the pid file of a daemon."""
    text = f"{process.pid} {process.born}\n"
    files.write_atomically(pid_file(layout, name), text.encode(), files.READABLE)


def find(layout: Layout, name: str) -> Process | None:
    """Return the daemon's process when it runs."""
    try:
        pid, born = pid_file(layout, name).read_text().split()
        found = Process(int(pid), int(born))
    except (FileNotFoundError, ValueError):
        return None
    return found if found.is_alive() else None


def report_file(layout: Layout) -> Path:
    """Return where the supervisor's report lies."""
    return layout.run / "status.json"


def read_report(layout: Layout) -> dict[str, Any]:
    """Return what the supervisor last wrote about its daemons, by name; empty without one."""
    try:
        report = files.read_json(report_file(layout))
    except json.JSONDecodeError:
        return {}
    return report or {}
