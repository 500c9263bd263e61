"""The QEMU processes of this root directory, found and ended without asking libvirt.

`doctor` counts them, `down` powers them off when asked to, `destroy` ends them. A guest is ours
when its command line names a file below our root directory. Not its business: which instances
they are (`node` knows).
"""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from mallee.box import status, steps
from mallee.model.layout import Layout

POWER_OFF_S_MAX = 30.0
_END_S_MAX = 10.0
_MONITOR_S_MAX = 5.0


def fetch(layout: Layout) -> list[status.Process]:
    """Return all running QEMU processes of this root."""
    found: list[status.Process] = []
    mark = f"{layout.root}/".encode()
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            command = (directory / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        program = command.partition(b"\0")[0].rpartition(b"/")[2]
        if program.startswith(b"qemu-system-") and mark in command:
            born = status.read_birth(int(directory.name))
            if born is not None:
                found.append(status.Process(int(directory.name), born))
    return found


def power_off(layout: Layout, say: Callable[[str], None]) -> str:
    """Press every guest's power button, and switch off those that have not ended in time.

    Only when libvirtd does not run: a QEMU talks to one monitor at a time.
    """
    running = fetch(layout)
    for monitor in (layout.libvirt / "lib" / "qemu").glob("domain-*/monitor.sock"):
        try:
            _press_power_button(monitor)
        except OSError as error:
            say(f"{monitor.parent.name} does not listen: {error}")
    failure = steps.Failed("guests did not power off", "")
    try:
        steps.wait_until(
            lambda: not any(one.is_alive() for one in running), POWER_OFF_S_MAX, failure
        )
    except steps.Failed:
        return f"{len(running)} asked, {kill(layout)} of them switched off after the deadline"
    return f"{len(running)} powered off"


def _press_power_button(monitor: Path) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(_MONITOR_S_MAX)
        link.connect(str(monitor))
        with link.makefile("rwb") as lines:
            lines.readline()
            for command in ("qmp_capabilities", "system_powerdown"):
                lines.write(json.dumps({"execute": command}).encode() + b"\n")
                lines.flush()
                lines.readline()


def kill(layout: Layout) -> int:
    """End all guests at once and for good; return how many there were."""
    guests = fetch(layout)
    for guest in guests:
        guest.signal(signal.SIGKILL)
    failure = steps.Failed(
        "a guest's QEMU did not end after SIGKILL", "look for a stuck disk: dmesg | tail"
    )
    steps.wait_until(lambda: not any(one.is_alive() for one in guests), _END_S_MAX, failure)
    return len(guests)
