"""The QEMU processes of this root directory, found and ended without asking libvirt.

`doctor` counts them, `down` powers them off when asked to, `destroy` ends them. A guest is ours
when its command line names a file below our root directory. Not its business: which instances
they are (`node` knows).
"""

import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from mallee.box import status, steps
from mallee.model.layout import Layout

POWER_OFF_S_MAX = 30.0
_END_S_MAX = 10.0
_MONITOR_S_MAX = 5.0
_LAST_WORDS_S = 2.0
"""Between a QEMU's hanging up and its end."""


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
    running = len(fetch(layout))
    with selectors.DefaultSelector() as asked, ExitStack() as links:
        for path in (layout.libvirt / "lib" / "qemu").glob("domain-*/monitor.sock"):
            try:
                monitor = _press_power_button(path)
            except OSError as error:
                say(f"{path.parent.name} does not listen: {error}")
                continue
            links.callback(monitor.close)
            asked.register(monitor, selectors.EVENT_READ, bytearray())
        _quit_when_down(asked)
    try:
        steps.wait_until(lambda: not fetch(layout), _LAST_WORDS_S, steps.Failed("", ""))
    except steps.Failed:
        return f"{running} asked, {kill(layout)} of them switched off after the deadline"
    return f"{running} powered off"


def _press_power_button(path: Path) -> socket.socket:
    monitor = socket.socket(socket.AF_UNIX)
    try:
        monitor.settimeout(_MONITOR_S_MAX)
        monitor.connect(str(path))
        for command in ("qmp_capabilities", "system_powerdown"):
            monitor.sendall(b'{"execute": "%s"}\n' % command.encode())
    except OSError:
        monitor.close()
        raise
    return monitor


def _quit_when_down(asked: selectors.BaseSelector) -> None:
    """Let each QEMU end when its guest is down: libvirt has told it to stay until then."""
    deadline = time.monotonic() + POWER_OFF_S_MAX
    while asked.get_map() and (left_s := deadline - time.monotonic()) > 0:
        for key, _ in asked.select(left_s):
            monitor, said = cast(socket.socket, key.fileobj), cast(bytearray, key.data)
            try:
                data = monitor.recv(4096)
                said += data
                if data and b'"SHUTDOWN"' in said:
                    said.clear()
                    monitor.sendall(b'{"execute": "quit"}\n')
            except OSError:
                data = b""
            if not data:
                asked.unregister(monitor)


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
