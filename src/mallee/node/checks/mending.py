"""Puts right what a host's own checks find, where it can do no harm: by a list of the agent's.

The cloud names codes, never commands. What is not in the list, or is not found here and now, is
passed over: who asked sees by the findings afterwards what is still wrong. Called by
`checks.answers` in a worker thread.
"""

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mallee.kit import logs, ownership, process
from mallee.model.hosts.ailments import Code
from mallee.model.hosts.hosts import HostWanted
from mallee.model.layout import Layout
from mallee.node import directories
from mallee.node.checks import host, interfaces

log = logs.get(__name__)
_LIBVIRT_S, _LOOK_S = 8.0, 0.2
"""How long another libvirtd is waited for, and how often it is looked for."""


def mend(layout: Layout, wanted: HostWanted | None, codes: Sequence[str]) -> None:
    """Put right what the codes name and is wrong here."""
    found = {one.code for one in host.examine(layout, wanted) if not one.ok}
    for code, fix in _FIXES.items():
        if code.value not in codes or code.value not in found:
            continue
        try:
            fix(layout, wanted)
        except (process.Failed, process.TimedOut, OSError, ValueError) as error:
            log.warning("not put right", code=code.value, error=str(error))
        else:
            log.info("put right for the doctor", code=code.value)


def _load_loops(layout: Layout, wanted: HostWanted | None) -> None:
    process.run(("modprobe", "loop"))


def _open_more_files(layout: Layout, wanted: HostWanted | None) -> None:
    """Take what this process may have without asking anybody."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _switch_on(layout: Layout, wanted: HostWanted | None) -> None:
    """Switch the network mode's card on: it is used by nobody while it is off. No other card is
    touched: whoever switched that off may have had a reason."""
    device = host.fetch_device_of_mode(layout, wanted)
    links = [one for one in host.fetch_links() if one["ifname"] == device]
    if links and not interfaces.is_ours(device):
        process.run(("ip", "link", "set", "dev", device, "up"))


def put_directories_right(layout: Layout, wanted: HostWanted | None) -> None:
    """Give directories back their owners and modes."""
    for one in ownership.fetch_wrong(directories.of_host(layout)):
        ownership.put_right(one)


def end_libvirt(layout: Layout, wanted: HostWanted | None) -> None:
    """End a libvirtd that does not answer: its supervisor starts another, and guests, which are no
    children of it, do not notice."""
    pid = int((layout.run / "libvirtd.pid").read_text().split()[0])
    descriptor = os.pidfd_open(pid)
    try:
        # The descriptor is of whoever has the number now: whether that is libvirtd, is asked after.
        if b"libvirtd" in Path(f"/proc/{pid}/cmdline").read_bytes():
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
    _wait_libvirt(layout)


def _wait_libvirt(layout: Layout) -> None:
    until = time.monotonic() + _LIBVIRT_S
    while time.monotonic() < until:
        try:
            process.run(("virsh", "-c", layout.libvirt_uri, "version"), timeout_s=3)
        except (process.Failed, process.TimedOut):
            time.sleep(_LOOK_S)
        else:
            return


_FIXES: dict[Code, Callable[[Layout, HostWanted | None], None]] = {
    Code.LOOP_MISSING: _load_loops,
    Code.FILES_FEW: _open_more_files,
    Code.LINK_OFF: _switch_on,
    Code.DIRECTORIES_WRONG: put_directories_right,
    Code.LIBVIRT_SILENT: end_libvirt,
}

CODES = frozenset(code.value for code in _FIXES)
"""What can be put right."""
