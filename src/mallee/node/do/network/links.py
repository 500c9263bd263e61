"""Looks at and changes links, addresses, routes and switches of the namespace that the calling
thread is in (`namespaces.run_inside`).

Called by `network`. What is to stand is decided by `plan/network`, the difference by `plan/links`.
"""

import errno
import socket
from collections.abc import Mapping
from pathlib import Path

from mallee.kit import process
from mallee.node.plan.network import links

_SWITCHES = Path("/proc/sys")
_NETLINK_ROUTE = 0
_CHANGES = 0x1 | 0x8 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000
"""RTMGRP_LINK, RTMGRP_TC; addresses, routes and policy rules of IPv4; the same of IPv6."""
_MESSAGE_BYTES = 16384


def fetch() -> links.Seen:
    """Look at the namespace's devices, addresses, routes and policy rules."""
    found = process.run(("ip", "-json", "-batch", "-"), links.LOOK.encode()).text
    if not has_ipv6():
        return links.parse_seen(found)
    found6 = process.run(("ip", "-6", "-json", "-batch", "-"), links.LOOK.encode()).text
    return links.parse_seen(found, found6)


def has_ipv6() -> bool:
    """Tell whether the kernel has IPv6 at all."""
    return (_SWITCHES / "net/ipv6").exists()


class Watch:
    """Tells whether links, addresses or routes changed, in the namespace where it was made.

    It spares looking at what nobody has touched: the kernel tells of every change by itself.
    """

    def __init__(self) -> None:
        """Begin to listen; what changed before counts as seen."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
        self._socket.bind((0, _CHANGES))
        self._socket.setblocking(False)

    def has_changed(self) -> bool:
        """Tell whether anything changed since this was asked last."""
        changed = False
        while True:
            try:
                self._socket.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return changed
            except OSError as error:
                # More changes than the socket holds: which ones does not matter.
                if error.errno != errno.ENOBUFS:
                    raise
            changed = True

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def apply(wanted: links.Wiring, seen: links.Seen) -> bool:
    """Make the wiring stand; tell whether anything was missing."""
    if not has_ipv6():
        wanted = links.without_ipv6(wanted)
    lines, lines6 = links.plan_batch(wanted, seen), links.plan_batch6(wanted, seen)
    apply_batch(lines)
    _apply_batch(("ip", "-6"), lines6)
    return bool(lines or lines6)


def apply_batch(lines: tuple[str, ...]) -> None:
    """Run lines of `ip -batch`, in one process; none: nothing is run."""
    _apply_batch(("ip",), lines)


def _apply_batch(program: tuple[str, ...], lines: tuple[str, ...]) -> None:
    if lines:
        process.run((*program, "-batch", "-"), "".join(f"{line}\n" for line in lines).encode())


def apply_switches(wanted: Mapping[str, str]) -> bool:
    """Set switches (paths below `/proc/sys`); tell whether any had another value.

    Those of an IPv6 that the kernel does not have need no setting.
    """
    changed = False
    for name, value in wanted.items():
        path = _SWITCHES / name
        if name.startswith("net/ipv6/") and not path.exists():
            continue
        if path.read_text().strip() != value:
            path.write_text(value)
            changed = True
    return changed


def read_switch(name: str) -> str | None:
    """Return a switch's value, None when there is none (its device is gone)."""
    try:
        return (_SWITCHES / name).read_text().strip()
    except FileNotFoundError:
        return None
